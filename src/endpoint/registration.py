"""Registers the endpoint with the service, as often as it takes, in a thread that lives no longer than that.

One try is `register`; `Registrar` decides when to try again, and which refusals are for good.
"""

from __future__ import annotations

import getpass
import logging
import platform
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ..amqp import Backoff, Loop
from ..errors import AccessDenied, FarpoolError, RateLimited, ServiceDown, ServiceRefused, StreamError, WireError
from ..version import __version__
from ..wire.checks import as_object
from ..wire.ids import as_id
from ..wire.queues import QueueInfo
from ..wire.rest.registrations import TAKES_BLOBS, TAKES_CANCELS, TELLS_BEGUN
from .config import EndpointConfig
from .directory import EndpointDirectory

log = logging.getLogger(__name__)

_BACKOFF = Backoff(base_s=0.2, cap_s=15.0)

#: Exit codes of an agent, after <sysexits.h>.
EXIT_BAD_REQUEST = 65
EXIT_BLOCKED = 69
EXIT_SOFTWARE = 70
EXIT_UNREACHABLE = 75
EXIT_DENIED = 77


@dataclass(frozen=True, slots=True)
class Registered:
    """What the service answered: who we are, and the way to our queues.

    Attributes:
        cancels: where to hear which tasks are no longer wanted, beside the tasks; None from a service that has no such.
        called_off: the tasks that are no longer wanted and may still be in our queue; each with whether it is to be
            stopped when it runs.
    """

    endpoint_id: str
    tasks: QueueInfo
    results: QueueInfo
    heartbeats: QueueInfo
    cancels: QueueInfo | None = None
    called_off: Mapping[str, bool] = field(default_factory=dict[str, bool])

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Registered:
        """Read the answer.

        Raises:
            WireError: something is missing; names it.
        """
        try:
            endpoint_id = as_id(body.get("endpoint_id"), "endpoint_id")
        except (TypeError, ValueError) as error:
            raise WireError(f"registration answer: {error}") from error
        tasks, results, heartbeats = (_info(body, f"{name}_queue_info") for name in ("task", "result", "heartbeat"))
        cancels = _info(body, "cancel_queue_info") if "cancel_queue_info" in body else None
        return cls(endpoint_id, tasks, results, heartbeats, cancels, _called_off(body.get("cancelled_tasks")))


class Registry(Protocol):
    """The part of `farpool.client.Client` that is needed here."""

    def register_endpoint(
        self,
        name: str,
        endpoint_id: object = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        display_name: str | None = None,
        allowed_functions: Any = None,
        public: bool | None = None,
        admins: Any = None,
    ) -> dict[str, Any]:
        """Register an endpoint, or again one that has an id."""
        ...


def register(registry: Registry, directory: EndpointDirectory, config: EndpointConfig) -> Registered:
    """Register once, and keep the id.

    Raises:
        ServiceError: the service refused, or could not be reached.
        WireError: its answer cannot be used.
    """
    known = directory.endpoint_id()
    body = registry.register_endpoint(
        directory.name,
        known,
        _metadata(config),
        display_name=config.display_name,
        allowed_functions=config.allowed_functions,
        public=config.public or None,
        admins=config.admins or None,
    )
    registered = Registered.from_json(body)
    if known is None:
        directory.write_endpoint_id(registered.endpoint_id)
    elif registered.endpoint_id != known:
        raise WireError(f"the service answered the registration of endpoint {known} with {registered.endpoint_id}")
    return registered


def exit_code_for(error: BaseException) -> int:
    """Give the exit code of an agent that ends with this error."""
    if isinstance(error, AccessDenied):
        return EXIT_DENIED
    if isinstance(error, (ServiceDown, StreamError, RateLimited)):
        return EXIT_UNREACHABLE
    if isinstance(error, ServiceRefused):
        return EXIT_BAD_REQUEST if error.http_status in {400, 422} else EXIT_BLOCKED
    if isinstance(error, WireError):
        return EXIT_BAD_REQUEST
    return EXIT_SOFTWARE if isinstance(error, FarpoolError) else 1


class Registrar:
    """Registers in the background until it worked or was refused for good.

    Args:
        loop: in whose thread the callbacks are called.
        register: one try; blocks; raises a `FarpoolError`.
        registered: called with what the service answered.
        refused: called with the error when there is no use in trying again.
        patience_s: how long to try the first time; a service that was once there is waited for without end.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        register: Callable[[], Registered],
        registered: Callable[[Registered], None],
        refused: Callable[[BaseException], None],
        patience_s: float,
    ) -> None:
        self._loop = loop
        self._register = register
        self._registered = registered
        self._refused = refused
        self._patience_s = patience_s
        self._is_busy = False
        self._stopping = threading.Event()

    def request(self) -> None:
        """Begin to register; nothing happens while that is under way. Loop thread only."""
        if not self._is_busy and not self._stopping.is_set():
            self._is_busy = True
            threading.Thread(target=self._run, name="farpool register", daemon=True).start()

    def stop(self) -> None:
        """Try no more."""
        self._stopping.set()

    def _run(self) -> None:
        try:
            answer = self._register_patiently()
        except BaseException as error:  # noqa: BLE001 - the agent must hear of it, whatever it is
            self._loop.call(partial(self._finish, partial(self._refused, error)))
            return
        if answer is not None:
            self._patience_s = float("inf")
            self._loop.call(partial(self._finish, partial(self._registered, answer)))

    def _finish(self, tell: Callable[[], None]) -> None:
        self._is_busy = False
        tell()

    def _register_patiently(self) -> Registered | None:
        began = time.monotonic()
        attempt = 0
        while not self._stopping.is_set():
            try:
                answer = self._register()
            except (ServiceDown, RateLimited) as error:
                delay = _BACKOFF.delay(attempt + 1)
                if time.monotonic() - began + delay > self._patience_s:
                    raise
                if attempt == 0:
                    log.warning("%s - trying until it answers", error)
                attempt += 1
                self._stopping.wait(delay)
            else:
                if attempt:
                    log.warning("the service answers again after %.0f s", time.monotonic() - began)
                return answer
        return None


def _info(body: Mapping[str, Any], name: str) -> QueueInfo:
    if name not in body:
        raise WireError(f"registration answer has no {name!r}: is this endpoint registered as a manager elsewhere?")
    try:
        return QueueInfo.from_json(body[name])
    except WireError as error:
        raise WireError(f"registration answer, {name}: {error}") from error


def _called_off(value: object) -> dict[str, bool]:
    try:
        tasks = as_object(value or {}, "'cancelled_tasks'")
        return {as_id(task_id, "a task id"): running is not False for task_id, running in tasks.items()}
    except ValueError as error:
        raise WireError(f"registration answer, cancelled_tasks: {error}") from error


def _metadata(config: EndpointConfig) -> dict[str, Any]:
    return {
        "endpoint_version": __version__,
        "farpool_version": __version__,
        TAKES_CANCELS: True,
        # One that acknowledges tasks as they come cannot be given them again.
        TELLS_BEGUN: not config.at_most_once,
        TAKES_BLOBS: True,
        "python_version": platform.python_version(),
        "hostname": socket.gethostname(),
        "local_user": _user(),
        "endpoint_config": config.to_json(),
    }


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return "unknown"
