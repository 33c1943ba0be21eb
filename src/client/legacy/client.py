"""FuncXClient: the face of funcX's client, over a `Client`. Owns what funcX's constructor took, and its throttle."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ...serialize import Serializer
from ...settings import Settings
from ...wire.ids import as_id, new_id
from ..checks import flag, text
from .endpoints import LegacyEndpointCalls
from .functions import LegacyFunctionCalls
from .tasks import LegacyTaskCalls
from .throttling import MAX_BYTES, RAISES, WAITS, ThrottledClient

if TYPE_CHECKING:
    from typing_extensions import Self

#: The addresses that funcX's environments had.
_ENVIRONMENTS = {"production": None, "local": "http://localhost:5000"}

#: What has no meaning any more, and does no harm: by argument, what there is instead.
_IGNORED = {
    "http_timeout": "GLOBUS_SDK_HTTP_TIMEOUT in the environment sets it",
    "results_ws_uri": "results come over AMQP, where farpool.Executor needs it",
    "warn_about_url_mismatch": "there is one address only",
    "loop": "a farpool.Executor gives futures that can be awaited",
    "search_authorizer": "searching needs no login of its own",
    "openid_authorizer": "the login asks for it already",
    "check_endpoint_version": "version_check(endpoint_version) asks about a version",
    "use_offprocess_checker": "what cannot be sent is found in the process",
}
#: What a program relies on, and is not there: by argument, what to do.
_REFUSED = {
    "asynchronous": "use farpool.Executor, whose futures can be awaited",
    "login_manager": "give app=, a globus_sdk.GlobusApp, or authorizer=",
}


class FuncXClient(LegacyFunctionCalls, LegacyTaskCalls, LegacyEndpointCalls):
    """The client of funcX (0.3 to 1.0), for programs that were written for it: with its import changed, they run.

    It speaks to the hosted Globus Compute service, which funcX has become, or to a farpool service. Thread-safe.

    Args:
        http_timeout: ignored with a warning, as other arguments are that have lost their meaning.
        funcx_home: where logins are kept; left out: FARPOOL_HOME.
        force_login: log in anew, which also renews what the service remembers of your groups.
        fx_authorizer: a globus-sdk authorizer.
        funcx_service_address: the service; left out: FARPOOL_SERVICE_URL, else the hosted service.
        environment: ``"production"`` or ``"local"`` (http://localhost:5000).
        task_group_id: the task group of everything that is run; left out: a new one.
        throttling_waits: keep the throttle by waiting, instead of raising `MaxRequestsExceeded`.
        options: whatever else a `Client` takes: `app`, `token`, `serializer`, `do_version_check` and so on.

    Raises:
        ValueError, TypeError: an argument is malformed, not there any more, or two exclude each other.
        ServiceError: the service cannot be reached, or does not take this client.

    Attributes:
        client: the `Client` underneath, which can do everything else; throttled as this one is.
    """

    def __init__(
        self,
        http_timeout: float | None = None,
        funcx_home: str | Path | None = None,
        *,
        force_login: bool = False,
        fx_authorizer: Any = None,
        funcx_service_address: str | None = None,
        environment: str | None = None,
        task_group_id: object = None,
        throttling_waits: bool = False,
        **options: Any,
    ) -> None:
        _check({"http_timeout": http_timeout, **options})
        wanted = {name: value for name, value in options.items() if name not in _IGNORED and name not in _REFUSED}
        address = _address(funcx_service_address, environment)
        if address is not None:
            wanted = _with(wanted, "service_url", address, "funcx_service_address")
        if fx_authorizer is not None:
            wanted = _with(wanted, "authorizer", fx_authorizer, "fx_authorizer")
        if flag(force_login, "force_login"):
            wanted["force_login"] = True
        if funcx_home is not None:
            settings = wanted.get("settings") or Settings.from_environment()
            wanted["settings"] = replace(settings, home=Path(funcx_home).expanduser())
        group = None if task_group_id is None else as_id(task_group_id, "task_group_id")
        self._is_throttled, self._waits = True, flag(throttling_waits, "throttling_waits")
        self.client = ThrottledClient(throttle=self._throttle, **wanted)
        self.client.max_result_bytes = MAX_BYTES
        # The hosted service makes task groups itself.
        self.session_task_group_id = group if group or self.client.is_hosted else new_id()

    @property
    def throttling_enabled(self) -> bool:
        """Whether the client keeps to funcX's limits: 5 requests in 5 seconds, 2 MB in a request and in a result.

        May be set. Switched off, what the hosted service itself takes remains: 20 requests in 10 seconds, by waiting.
        """
        return self._is_throttled

    @throttling_enabled.setter
    def throttling_enabled(self, value: bool) -> None:
        self._is_throttled = flag(value, "throttling_enabled")
        self._set_throttle()

    @property
    def throttling_waits(self) -> bool:
        """Whether a request that is one too many waits for its turn, instead of raising. May be set."""
        return self._waits

    @throttling_waits.setter
    def throttling_waits(self, value: bool) -> None:
        self._waits = flag(value, "throttling_waits")
        self._set_throttle()

    @property
    def funcx_service_address(self) -> str:
        """The address of the service."""
        return self.client.service_url

    @property
    def fx_serializer(self) -> Serializer:
        """What functions, arguments and results are written with."""
        return self.client.serializer

    def version_check(self, endpoint_version: str | None = None) -> None:
        """Ask the service whether it still takes this client; see `Client.version_check`."""
        self.client.version_check(endpoint_version)

    def logout(self) -> None:
        """Forget the login; see `Client.logout`."""
        self.client.logout()

    def close(self) -> None:
        """Close the connections; ends waits."""
        self.client.close()

    @property
    def _throttle(self) -> Any:
        return (WAITS if self._waits else RAISES) if self._is_throttled else None

    def _set_throttle(self) -> None:
        self.client.throttle = self._throttle
        self.client.max_result_bytes = MAX_BYTES if self._is_throttled else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<FuncXClient of {self.funcx_service_address}>"


def _check(given: dict[str, Any]) -> None:
    for name, what in _REFUSED.items():
        if given.get(name) is not None and given[name] is not False:
            raise TypeError(f"{name}= is not there any more: {what}")
    for name, what in _IGNORED.items():
        if given.get(name) is not None and given[name] is not False:
            warnings.warn(f"{name}= is ignored: {what}", UserWarning, stacklevel=3)


def _address(address: str | None, environment: str | None) -> str | None:
    if environment is not None and environment not in _ENVIRONMENTS:
        known = ", ".join(map(repr, _ENVIRONMENTS))
        raise ValueError(f"environment {environment!r} is none of {known}: say funcx_service_address= instead")
    if address is None:
        return None if environment is None else _ENVIRONMENTS[environment]
    checked = text(address, "funcx_service_address").rstrip("/").removesuffix("/v2")
    if checked.endswith("funcx.org"):
        raise ValueError(
            f"funcx_service_address {address!r} is no service any more: leave it out for the hosted Globus Compute "
            "service, or give the address of a farpool service"
        )
    return checked


def _with(options: dict[str, Any], name: str, value: Any, legacy: str) -> dict[str, Any]:
    if options.get(name) is not None:
        raise TypeError(f"{legacy} and {name} were both given: they are the same")
    return {**options, name: value}
