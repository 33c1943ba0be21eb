"""Parsl on farpool: an executor of Parsl's own kind, and farpool where Parsl wants the Globus Compute SDK's executor.

     FarpoolExecutor(executor=ex)                          native: needs Parsl alone
     GlobusComputeExecutor(executor=as_globus_compute(ex)) Parsl's own class: needs globus-compute-sdk beside it

Needs Parsl (`pip install 'farpool[parsl]'`), here and at the endpoint, in one version.
"""

# Parsl's decorators hide its types:
# mypy: disable-error-code="misc,no-any-unimported,no-untyped-call"
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from parsl.executors.base import ParslExecutor
from parsl.utils import RepresentationMixin
from typing_extensions import override

from ..executor import Executor, Future


class FarpoolExecutor(ParslExecutor, RepresentationMixin):
    """A Parsl executor whose tasks run on farpool.

    Args:
        executor: where tasks run; left out: an `Executor()`. Parsl shuts it down when it ends.
        label: Parsl's name for it.
        storage_access: Parsl's staging providers.
        working_dir: where files are staged.
        remote_monitoring_radio: how tasks report to Parsl's monitoring; needed only with it.
    """

    def __init__(
        self,
        executor: Executor | None = None,
        label: str = "farpool",
        storage_access: Sequence[Any] | None = None,
        working_dir: str | None = None,
        remote_monitoring_radio: Any = None,
    ) -> None:
        super().__init__()
        self.executor = Executor() if executor is None else executor
        self.label = label
        self.storage_access = None if storage_access is None else list(storage_access)
        self.working_dir = working_dir
        self.remote_monitoring_radio = remote_monitoring_radio

    @override
    def submit(
        self, func: Callable[..., Any], resource_specification: Mapping[str, Any], *args: Any, **kwargs: Any
    ) -> Future[Any]:
        """Have a task run.

        Args:
            func: what it calls.
            resource_specification: for the endpoint's engine; `user_endpoint_config` in it is for the endpoint's
                template, as under `GlobusComputeExecutor`. Empty: what is set on the executor.
            args: its positional arguments.
            kwargs: its keyword arguments.
        """
        wanted = dict(resource_specification or {})
        more = {"user_endpoint_config": wanted.pop("user_endpoint_config")} if "user_endpoint_config" in wanted else {}
        if wanted:
            more["resource_specification"] = wanted
        executor = self.executor.options(**more) if more else self.executor
        return executor.submit(func, *args, **kwargs)

    @override
    def shutdown(self) -> None:
        """Shut the executor down, calling off what Parsl does not wait for."""
        self.executor.shutdown(wait=True, cancel_futures=True)
        super().shutdown()


def as_globus_compute(executor: Executor) -> Any:
    """Make an executor pass for the one of the Globus Compute SDK.

    Parsl's `GlobusComputeExecutor` looks at the type of what it is given, and at one private part of it. What this
    returns has that type for `isinstance`, has that part, and is in all else the executor.

    Raises:
        ModuleNotFoundError: globus-compute-sdk is not installed; Parsl needs it for that class in any case.
    """
    return _Guise(executor, importlib.import_module("globus_compute_sdk").Executor)


class _Guise:
    """An executor that says it is of another class."""

    __slots__ = ("_executor", "_kind")

    def __init__(self, executor: Executor, kind: type) -> None:
        object.__setattr__(self, "_executor", executor)
        object.__setattr__(self, "_kind", kind)

    @property
    def __class__(self) -> type:
        kind: type = self._kind
        return kind

    @__class__.setter
    def __class__(self, _value: type) -> None:
        raise TypeError("the class of an executor cannot be changed")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._executor, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._executor, name, value)

    def __repr__(self) -> str:
        return f"as_globus_compute({self._executor!r})"

    def _get_result_watcher(self) -> _Watcher:
        return _Watcher()


class _Watcher:
    """The result stream of an executor that has been shut down: it ends by itself."""

    def shutdown(self, *, wait: bool = True, cancel_futures: bool = False) -> None:
        """Do nothing."""
