"""The configuration of one endpoint: a frozen value and its file.

JSON, because the standard library of every Python we run on both reads and writes it; TOML it can only read, and only
from 3.11 on. The file holds what was set and nothing else, so that a default can change under it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from ..errors import FarpoolError
from ..wire.containers import container_type
from ..wire.ids import as_id
from .resources import LAUNCHER

#: Tasks that are finished and wait for confirmation count as well: with few, a fast worker would idle.
PREFETCH_PER_WORKER = 4
LEAST_PREFETCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """How an endpoint runs tasks.

    Attributes:
        engine: ``"processes"``, ``"threads"`` or ``"package.module:factory"``.
        max_workers: how many tasks run at a time; None: as many as this process may use CPUs.
        prefetch: how many tasks the broker may hand over before the first is finished; None: four per worker, at least
            128.
        heartbeat_period_s: seconds between reports.
        grace_s: seconds that running tasks have to end when the endpoint is stopped.
        at_most_once: acknowledge a task when it is taken: it is never run twice, and lost when the agent dies.
        service_url: the service; None: what the command line or the environment says.
        display_name: a name for people.
        allowed_functions: ids of the functions that may run here; None: all.
        public: whether everybody who may use the service may run tasks here.
        admins: ids of identities that may use, stop and delete the endpoint as its owner may.
        blobs_directory: where large arguments are kept when they have come; None: shared by all endpoints of this home.
        max_blob_cache_mb: what is kept there, in megabytes; what was not used for longest goes, but for what a task
            needs.
        run_in_sandbox: whether each task runs in a directory of its own; not with threads, which share one.
        mpi_launcher: the command that starts a program in several ranks, for tasks with a resource specification; it
            is called with ``-n RANKS``.
        allowed_environments: types of containers and environments that tasks may be run in, such as ``"venv"`` or
            ``"podman"``; empty: none; None: all.
        environment_options: by type, options for the command that makes the container, such as
            ``{"docker": ["--gpus", "all"]}``.
        environment_start_s: seconds that a worker has to start in its environment, with the pull of its image.
    """

    engine: str = "processes"
    max_workers: int | None = None
    prefetch: int | None = None
    heartbeat_period_s: float = 30.0
    grace_s: float = 10.0
    at_most_once: bool = False
    service_url: str | None = None
    display_name: str | None = None
    allowed_functions: tuple[str, ...] | None = None
    public: bool = False
    admins: tuple[str, ...] = ()
    blobs_directory: str | None = None
    max_blob_cache_mb: int = 10_000
    run_in_sandbox: bool = False
    mpi_launcher: str = LAUNCHER
    allowed_environments: tuple[str, ...] | None = None
    environment_options: Mapping[str, Sequence[str]] | None = None
    environment_start_s: float = 300.0

    def __post_init__(self) -> None:
        if self.engine not in {"processes", "threads"} and not _is_reference(self.engine):
            raise ValueError(f"engine must be 'processes', 'threads' or 'package.module:factory', not {self.engine!r}")
        for name in ("max_workers", "prefetch", "max_blob_cache_mb"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ValueError(f"{name} must be a whole number from 1 on, not {value!r}")
        for name, least in (("heartbeat_period_s", 1), ("grace_s", 0), ("environment_start_s", 1)):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value < 1e6:
                raise ValueError(f"{name} must be a number of seconds from {least} on, not {value!r}")
        for name in ("at_most_once", "public"):
            if getattr(self, name) not in {True, False}:
                raise ValueError(f"{name} must be true or false, not {getattr(self, name)!r}")
        _check_surroundings(self.engine, self.run_in_sandbox, self.mpi_launcher)
        for name in ("service_url", "display_name", "blobs_directory"):
            if not isinstance(getattr(self, name), (str, type(None))):
                raise ValueError(f"{name} must be a string, not {getattr(self, name)!r}")  # noqa: TRY004 - of a file
        object.__setattr__(
            self, "allowed_functions", _ids(self.allowed_functions, "a function id in allowed_functions")
        )
        object.__setattr__(self, "admins", _ids(self.admins, "an identity id in admins"))
        _check_environments(self.allowed_environments, self.environment_options)

    @property
    def workers(self) -> int:
        """How many tasks run at a time, here and now."""
        if self.max_workers is not None:
            return self.max_workers
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @property
    def window(self) -> int:
        """How many unacknowledged tasks the broker may hand over."""
        return self.prefetch or max(PREFETCH_PER_WORKER * self.workers, LEAST_PREFETCH)

    def to_json(self) -> dict[str, Any]:
        """Write what differs from the defaults."""
        values = {field.name: (getattr(self, field.name), field.default) for field in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}

    @classmethod
    def from_json(cls, body: object) -> EndpointConfig:
        """Read what `to_json` wrote, or a person.

        Raises:
            ValueError: a key is not known, or a value not possible; names it.
        """
        if not isinstance(body, Mapping):
            raise ValueError("a configuration must be one JSON object")  # noqa: TRY004 - of a file
        values = dict(cast("Mapping[str, Any]", body))
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"unknown setting {unknown[0]!r}; known are {', '.join(known)}")
        allowed = values.get("allowed_functions")
        if allowed is not None:
            if not isinstance(allowed, list):
                raise ValueError(f"allowed_functions must be a list of function ids, not {allowed!r}")
            values["allowed_functions"] = tuple(cast("Sequence[str]", allowed))
        environments = values.get("allowed_environments")
        if environments is not None:
            if not isinstance(environments, list):
                raise ValueError(f"allowed_environments must be a list of types, not {environments!r}")
            values["allowed_environments"] = tuple(cast("Sequence[str]", environments))
        options = values.get("environment_options")
        if options is not None and not isinstance(options, Mapping):
            raise ValueError(f"environment_options must be an object of lists by type, not {options!r}")
        if not isinstance(values.get("admins", []), list):
            raise ValueError(f"admins must be a list of identity ids, not {values['admins']!r}")  # noqa: TRY004 - of a file
        return cls(**values)


def read_config(text: str, place: str) -> EndpointConfig:
    """Read a configuration file's text.

    Raises:
        FarpoolError: it is not JSON, or says something that is not possible; names the place.
    """
    try:
        return EndpointConfig.from_json(json.loads(text))
    except (TypeError, ValueError) as error:
        raise FarpoolError(f"{place}: {error}; correct it, or delete it to have the defaults") from error


def write_config(config: EndpointConfig) -> str:
    """Write a configuration file's text."""
    return json.dumps(config.to_json(), indent=2) + "\n"


def _check_surroundings(engine: str, run_in_sandbox: object, mpi_launcher: object) -> None:
    if run_in_sandbox not in {True, False}:
        raise ValueError(f"run_in_sandbox must be true or false, not {run_in_sandbox!r}")
    if run_in_sandbox and engine == "threads":
        raise ValueError("run_in_sandbox needs another engine than 'threads': threads share one working directory")
    if not isinstance(mpi_launcher, str) or not mpi_launcher.strip():
        raise ValueError(f"mpi_launcher must be a command, such as 'mpiexec', not {mpi_launcher!r}")


def _check_environments(allowed: Sequence[str] | None, options: Mapping[str, Sequence[str]] | None) -> None:
    for one in allowed or ():
        container_type(one, "a type in allowed_environments")
    for kind, some in (options or {}).items():
        container_type(kind, "a type in environment_options")
        if not isinstance(some, (list, tuple)) or not all(
            isinstance(one, str) for one in cast("Sequence[object]", some)
        ):
            raise ValueError(f"environment_options of {kind} must be a list of strings, not {some!r}")


def _ids(values: Sequence[object] | None, what: str) -> tuple[str, ...] | None:
    return None if values is None else tuple(as_id(one, what) for one in values)


def _is_reference(text: object) -> bool:
    if not isinstance(text, str):
        return False
    module, colon, name = text.partition(":")
    return bool(colon) and name.isidentifier() and all(part.isidentifier() for part in module.split("."))
