"""What may be set on an executor between two calls; a task is bound to what is set when it is submitted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from ..serialize import StrategyLike
from . import options
from .session import Session
from .work import Work


class Settable(Work):
    """Work whose options can be set as attributes, as those of the `globus-compute-sdk` executor."""

    _session: Session | None

    @abstractmethod
    def _set(self, **given: Any) -> None:
        """Replace the options by some that differ in what is given; raises what `Options.but` raises."""

    @property
    def endpoint_id(self) -> str | None:
        """The endpoint of tasks submitted from now on; the first of several; None while it is not decided.

        Set, it is the only one.
        """
        endpoint, session = self._options.home, self._session
        if endpoint in {options.UNSET, options.LOCAL}:
            return None if session is None else session.place.endpoint_id
        return endpoint

    @endpoint_id.setter
    def endpoint_id(self, value: str | None) -> None:
        self._set(endpoint_id=value)

    @property
    def task_group_id(self) -> str | None:
        """The task group of tasks submitted from now on; None while the service has not made one."""
        session = self._session
        return self._options.route.task_group_id or (None if session is None else session.pipeline.task_group_id)

    @task_group_id.setter
    def task_group_id(self, value: str | None) -> None:
        self._set(task_group_id=value)

    @property
    def resource_specification(self) -> dict[str, Any] | None:
        """Resources for each task submitted from now on (a copy)."""
        return options.parsed(self._options.route.resource_specification)

    @resource_specification.setter
    def resource_specification(self, value: Mapping[str, Any] | None) -> None:
        self._set(resource_specification=value)

    @property
    def user_endpoint_config(self) -> dict[str, Any] | None:
        """Values for the endpoint's template, for tasks submitted from now on (a copy)."""
        return options.parsed(self._options.route.user_endpoint_config)

    @user_endpoint_config.setter
    def user_endpoint_config(self, value: Mapping[str, Any] | None) -> None:
        self._set(user_endpoint_config=value)

    @property
    def result_serializers(self) -> list[str]:
        """Import paths of strategies for results of tasks submitted from now on (a copy)."""
        return list(self._options.route.result_serializers)

    @result_serializers.setter
    def result_serializers(self, value: Sequence[StrategyLike] | None) -> None:
        self._set(result_serializers=value)

    @property
    def label(self) -> str:
        """A name, for people: shown by `repr`, and carried by the futures of tasks submitted from now on."""
        return self._options.label

    @label.setter
    def label(self, value: str) -> None:
        self._set(label=value)
