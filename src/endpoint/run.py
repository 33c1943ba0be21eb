"""Runs an agent in this process: puts the parts together, holds the directory, heeds the signals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ..amqp import ONE_TRY, Loop
from ..client import Client
from ..errors import FarpoolError
from .agent import Agent
from .blob_cache import BlobCache
from .config import EndpointConfig
from .directory import EndpointDirectory
from .engine import Engine, EngineBroken
from .environments import EnvironmentOptions
from .executors import ExecutorEngine, executor_named
from .job import Site
from .processes import ProcessEngine
from .provisions import Provisions
from .registration import Registered, register
from .signals import stopping_on_signals
from .worker_output import WorkerOutput

log = logging.getLogger(__name__)

#: How long a service that was never reached is waited for.
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Connection:
    """The way to a service.

    Attributes:
        service_url: where it is; None: what the environment says.
        token: the bearer token; None: what the environment or the token file says.
        sys_path: where workers look for modules; empty: where the agent does.
    """

    service_url: str | None = None
    token: str | None = None
    sys_path: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Connection(service_url={self.service_url!r})"


def run_agent(
    directory: EndpointDirectory,
    *,
    service_url: str | None = None,
    token: str | None = None,
    connect: Callable[[], Connection] | None = None,
    config: EndpointConfig | None = None,
    ready: Callable[[str], None] | None = None,
    patience_s: float = PATIENCE_S,
    output: WorkerOutput = WorkerOutput(),  # noqa: B008 - a frozen value
) -> None:
    """Run the endpoint's agent; blocks until SIGTERM or SIGINT, then until running tasks have ended (`grace_s`).

    Args:
        directory: the endpoint's.
        service_url: the service; left out: the configuration's, else what the environment says.
        token: the bearer token; left out: what the environment or the token file says.
        connect: gives both instead, when they are not known yet; called in a thread, may block: workers start
            meanwhile.
        config: instead of what the directory holds.
        ready: called with the endpoint's id when it is online.
        patience_s: how long to try to reach a service, and then its broker, that was never there; one that was is
            waited for without end.
        output: where worker processes print.

    Raises:
        FarpoolError: the endpoint is running already, its configuration cannot be used, the service refused it or
            could not be reached, or no worker can be started. `exit_code_for` gives the process's exit code.
    """
    with directory.locked():
        config = directory.config() if config is None else config
        loop = Loop()
        way = _Way(directory, config, connect or (lambda: Connection(service_url or config.service_url, token)))
        agent = Agent(
            loop,
            config,
            engine=_provisioned(loop, make_engine(loop, config, output), directory, config, way),
            register=way.register,
            patience_s=patience_s,
            sys_path=way.sys_path,
            site=site_of(directory, config),
            ready=ready or (lambda _endpoint_id: None),
        )
        try:
            with stopping_on_signals(loop, agent.stop):
                agent.run()
        except EngineBroken as error:
            raise FarpoolError(f"{error}; the log of endpoint {directory.name!r} may say more") from error
        finally:
            way.close()


def make_engine(
    loop: Loop,
    config: EndpointConfig,
    output: WorkerOutput = WorkerOutput(),  # noqa: B008 - a frozen value
) -> Engine:
    """Make the engine that a configuration names; `output` is where worker processes print.

    Raises:
        FarpoolError: it cannot be made.
    """
    workers = config.workers
    if config.engine == "processes":
        environments = EnvironmentOptions(config.environment_options or {}, config.environment_start_s)
        return ProcessEngine(loop, workers=workers, output=output, environments=environments)
    if config.engine == "threads":
        executor = ThreadPoolExecutor(workers, thread_name_prefix="farpool worker")
        return ExecutorEngine(loop, executor=executor, workers=workers, holds_back=True)
    return ExecutorEngine(loop, executor=executor_named(config.engine, workers), workers=workers)


def site_of(directory: EndpointDirectory, config: EndpointConfig) -> Site:
    """Say what a configuration tells the workers of where they are."""
    sandboxes = str(directory.path.absolute() / "work") if config.run_in_sandbox else ""
    return Site("", sandboxes=sandboxes, mpi_launcher=config.mpi_launcher)


def _provisioned(loop: Loop, engine: Engine, directory: EndpointDirectory, config: EndpointConfig, way: _Way) -> Engine:
    place = Path(config.blobs_directory).expanduser() if config.blobs_directory else directory.blobs
    cache = BlobCache(place, max_bytes=config.max_blob_cache_mb * 1_000_000)
    return Provisions(loop, engine, cache=cache, outgoing=directory.path / "outgoing", service=way.client)


class _Way:
    """The way to the service: found when it is first needed, kept after that. Used by one thread at a time."""

    def __init__(self, directory: EndpointDirectory, config: EndpointConfig, connect: Callable[[], Connection]) -> None:
        self._directory = directory
        self._config = config
        self._connect = connect
        self._connection: Connection | None = None
        self._client: Client | None = None

    def client(self) -> Client:
        """Give the client; there is one when there are tasks."""
        if self._client is None:
            raise AssertionError("registered before anything else")
        return self._client

    def register(self) -> Registered:
        if self._client is None:
            self._connection = self._connect()
            self._client = Client(
                service_url=self._connection.service_url,
                token=self._connection.token,
                patience=ONE_TRY,
                do_version_check=False,
            )
        return register(self._client, self._directory, self._config)

    def sys_path(self) -> tuple[str, ...]:
        return () if self._connection is None else self._connection.sys_path

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
