"""Client: the face of the REST service. Owns which service, who is calling and how values are serialized."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..amqp import Patience
from ..auth.urls import is_loopback, normalised
from ..errors import ServiceRefused
from ..serialize import Serializer, StrategyLike, as_serializer
from ..settings import HOSTED_SERVICE_URL, Settings
from ..version import __version__
from ..wire.shown import quoted
from .addresses import service_url_of
from .allowed_calls import AllowedCalls
from .blob_calls import BlobCalls
from .bodies import json_body, string
from .cancel_calls import CancelCalls
from .checks import callable_one, flag, instance, text
from .container_calls import ContainerCalls
from .endpoint_calls import EndpointCalls
from .function_calls import FunctionCalls
from .hardware_calls import HardwareCalls
from .limit_calls import LimitCalls
from .login_calls import LoginCalls
from .result_calls import ResultCalls
from .runtime import SDK_VERSION, user_runtime
from .session import Session
from .sharing_calls import SharingCalls
from .stats import ClientStats
from .task_calls import TaskCalls
from .throttle import HOSTED, Throttle, throttle_for
from .turns import Turns
from .versions import VersionWatch

if TYPE_CHECKING:
    from globus_sdk import GlobusApp
    from globus_sdk.authorizers import GlobusAuthorizer
    from typing_extensions import Self

log = logging.getLogger(__name__)


class Client(
    FunctionCalls,
    EndpointCalls,
    AllowedCalls,
    TaskCalls,
    ResultCalls,
    CancelCalls,
    BlobCalls,
    ContainerCalls,
    LimitCalls,
    HardwareCalls,
    LoginCalls,
    SharingCalls,
):
    """Talks to a Globus Compute or farpool service over REST. Thread-safe: concurrent calls run in parallel.

    Args:
        environment: the incumbent's word for which service: ``"production"`` is the hosted one, ``"local"`` as below.
        local_compute_services: the service is at http://localhost:5000. Both are for programs that have them; others
            say `service_url`.
        do_version_check: ask the service at once whether it takes this client: a wrong address is then told here.
        service_url: the service; left out: FARPOOL_SERVICE_URL, else the hosted service.
        app: a Globus app that logs in.
        authorizer: a globus-sdk authorizer.
        token: a bearer token. At most one of `app`, `authorizer` and `token`; with none of them, see `farpool.auth`.
        settings: the environment; left out: read now.
        serializer: for functions, arguments and results; left out: a `Serializer()`.
        code_serialization_strategy, data_serialization_strategy: instead of `serializer`, the strategies for one.
        patience: how long a call keeps trying while the service is away; left out: a `Patience()`.
        throttle: limits on the rate and the size of requests, which are kept by waiting. Left out: the hosted service's
            for the hosted service, and none for any other. True: the hosted service's; False: none.
        force_login: log in anew, also where a login is kept: a service whose users come from Globus then looks anew at
            who you are and what you may do. One that gives out tokens remembers nothing, and nothing happens there.
        login_manager: of globus-compute-sdk before its version 3; refused, with what to pass instead.

    Raises:
        ValueError, TypeError: an argument is malformed, or two exclude each other.
        AccessDenied: there is no token for a self-hosted service; says how to give one.
        ServiceError: `version_check` failed.
    """

    _is_copy = False

    def __init__(  # noqa: PLR0913 - the arguments of the incumbent, and our own
        self,
        environment: str | None = None,
        local_compute_services: bool = False,
        do_version_check: bool = True,
        *,
        service_url: str | None = None,
        app: GlobusApp | None = None,
        authorizer: GlobusAuthorizer | None = None,
        token: str | None = None,
        settings: Settings | None = None,
        serializer: Serializer | None = None,
        code_serialization_strategy: StrategyLike | None = None,
        data_serialization_strategy: StrategyLike | None = None,
        patience: Patience | None = None,
        throttle: Throttle | bool | None = None,
        force_login: bool = False,
        login_manager: object = None,
    ) -> None:
        from .transport import Transport  # noqa: PLC0415 - imports globus_sdk: who makes no client need not wait for it

        if login_manager is not None:
            raise TypeError(
                "login_manager has gone, in globus-compute-sdk too: pass app=, authorizer= or token= instead"
            )
        if serializer is not None and (code_serialization_strategy or data_serialization_strategy):
            raise ValueError("serializer was given together with a strategy: give the strategies to the serializer")
        for what, value, kind in (
            ("settings", settings, Settings),
            ("patience", patience, Patience),
        ):
            if value is not None:
                instance(value, kind, what)
        flag(do_version_check, "do_version_check")
        flag(force_login, "force_login")
        self.settings = Settings.from_environment() if settings is None else settings
        self.service_url = service_url_of(self.settings, service_url, environment, local_compute_services)
        is_hosted = self.service_url == normalised(HOSTED_SERVICE_URL)
        turns = Turns(throttle_for(throttle, is_hosted=is_hosted))
        given = None if serializer is None else as_serializer(serializer)
        self.serializer = given or Serializer(code_serialization_strategy, data_serialization_strategy)
        self.app = app
        patience = patience or Patience()
        self._identify(app, authorizer, token, patience=patience, force_login=force_login)
        if self.service_url.startswith("http:") and not is_loopback(self.service_url):
            log.warning("%s is plain http: whoever can listen on the way can take the token", self.service_url)
        self._versions = VersionWatch()
        self._session = Session()
        self._transport = Transport(self.service_url, self.authorizer, patience=patience, turns=turns)
        self._begin_blobs()
        try:
            if force_login:
                self.login(force=True)
            if do_version_check:
                self.version_check()
        except BaseException:
            self.close()
            raise

    @property
    def max_payload_bytes(self) -> int | None:
        """The largest request that may be sent, by the service's limit and by the throttle's; None: none is known."""
        own = None if self.throttle is None else self.throttle.max_bytes
        return min((limit for limit in (own, HOSTED.max_bytes if self.is_hosted else None) if limit), default=None)

    @property
    def throttle(self) -> Throttle | None:
        """The limits that this client keeps to, with all that was made of it by `patient`; None: none. May be set."""
        return self._transport.turns.throttle

    @throttle.setter
    def throttle(self, value: Throttle | bool | None) -> None:
        self._transport.turns.throttle = throttle_for(value, is_hosted=self.is_hosted)

    def pace(self, wait: Callable[[float], object]) -> None:
        """Wait until one more request would keep an even pace, below the throttle's limit; None set: not at all.

        For a program that had better let work gather for one larger request than meet the limit.

        Args:
            wait: waits for that many seconds, or less where there is no more to wait for.
        """
        callable_one(wait, "wait")
        self._transport.turns.pace(wait)

    def stats(self) -> ClientStats:
        """Give the figures of what was done so far: how long was waited for the throttle, among them."""
        turns = self._transport.turns
        return ClientStats(retries=self.retries, waits=turns.waits, waited_s=turns.waited_s)

    @property
    def user_runtime(self) -> Mapping[str, Any]:
        """Facts about this Python and machine, as they are sent with every batch."""
        return user_runtime()

    def patient(self, patience: Patience | None) -> Self:
        """Make another client of the same service, with another patience or the same: to be closed by itself.

        Where the throttle refuses what is one too many, this one waits instead: it is for an `Executor`, and the like.
        """
        if patience is not None:
            instance(patience, Patience, "patience")
        another = copy.copy(self)
        vars(another).update(_transport=self._transport.patient(patience), _is_copy=True)
        return another

    @property
    def retries(self) -> int:
        """How many requests were sent again because of a fault."""
        return self._transport.retries

    def version_check(self, endpoint_version: str | None = None) -> None:
        """Ask the service whether it still takes this client.

        Args:
            endpoint_version: also check this version of an endpoint's package.

        Raises:
            ServiceRefused: a version is too old; says which to install. Its `code` is ``"VERSION_TOO_OLD"``.
        """
        if endpoint_version is not None and not _numbers(text(endpoint_version, "endpoint_version")):
            raise ValueError(f"endpoint_version {quoted(endpoint_version)} is no version; one looks like 4.19.0")
        body = self._transport.call(
            "ask for its version", lambda pair: pair.v2.get_version(service="all"), _read_versions
        )
        if _is_older(SDK_VERSION, body["min_sdk_version"]):
            raise ServiceRefused(
                f"{self.service_url} takes clients from globus-compute-sdk {body['min_sdk_version']} on, and farpool "
                f"{__version__} speaks like {SDK_VERSION}; update it: pip install --upgrade farpool",
                code="VERSION_TOO_OLD",
            )
        if endpoint_version is not None and _is_older(endpoint_version, body["min_ep_version"]):
            raise ServiceRefused(
                f"{self.service_url} takes endpoints from version {body['min_ep_version']} on, and this one is "
                f"{endpoint_version}: update it",
                code="VERSION_TOO_OLD",
            )

    def close(self) -> None:
        """Close the connections; ends waits between attempts. An `app` that was given stays open."""
        from ..auth.app_authorizer import AppAuthorizer  # noqa: PLC0415 - imports globus_sdk

        self._transport.close()
        if self._is_copy:  # the login and the results are those of the client that it was made of, which goes on
            return
        self.forget_results()
        if self.app is None and isinstance(self.authorizer, AppAuthorizer):
            self.authorizer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client of {self.service_url}>"


def _read_versions(body: Any) -> dict[str, str]:
    fields = json_body(body)
    return {name: string(fields, name) for name in ("min_sdk_version", "min_ep_version")}


def _is_older(version: str, least: str) -> bool:
    return _numbers(version) < _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    # Only the numbers in front count: a pre-release of the least version is new enough to be tried out.
    found = re.match(r"\d+(?:\.\d+)*", version.strip())
    numbers = [int(one) for one in found[0].split(".")] if found else []
    while numbers and numbers[-1] == 0:
        del numbers[-1]
    return tuple(numbers)
