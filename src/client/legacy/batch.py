"""Batch in funcX's shapes: each task names its endpoint, and what is added is told apart by how it is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...serialize import Serializer
from ...wire.ids import as_id
from ...wire.rest import SubmitRequest
from ...wire.shown import shown
from ..checks import arguments, flag, keywords

_SHAPES = (
    "add takes a call in one of funcX's two shapes: add(function_id, endpoint_id, args=(1, 2), kwargs={'k': 3}), or "
    "add(1, 2, endpoint_id=..., function_id=..., k=3)"
)


class Batch:
    """Tasks for one endpoint or several, collected; `FuncXClient.batch_run` submits them. For one thread at a time.

    Args:
        task_group_id: the task group they join; None: the service makes one.
        create_websocket_queue: whether the group is to have a queue for its results.
        serializer: packs the arguments; None: a `Serializer()`.

    Raises:
        TypeError, ValueError: an argument is malformed.
    """

    def __init__(
        self,
        task_group_id: object = None,
        create_websocket_queue: bool = False,
        serializer: Serializer | None = None,
    ) -> None:
        self.task_group_id = None if task_group_id is None else as_id(task_group_id, "task_group_id")
        self.create_websocket_queue = flag(create_websocket_queue, "create_websocket_queue")
        #: Function id, endpoint id and packed arguments of each task, in the order in which they were added.
        self.tasks: list[tuple[str, str, str]] = []
        self._serializer = serializer or Serializer()

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Add one call of a function, in the shape of funcX 1.0 or in that of earlier ones.

        1.0: ``add(function_id, endpoint_id, args=None, kwargs=None)``, each also by name. Earlier: ``add(*args,
        endpoint_id=..., function_id=..., **kwargs)``, with the function's own arguments. It is the earlier one where
        both ids are given by name and anything else than a tuple or list ``args`` and a dict ``kwargs``.

        Raises:
            TypeError, ValueError: it is neither, or an id is malformed.
            SerializationError: an argument cannot be sent; names it. The batch is as it was before.
        """
        function_id, endpoint_id, positional, named = _call_of(args, kwargs)
        task = (as_id(function_id, "function_id"), as_id(endpoint_id, "endpoint_id"))
        self.tasks.append((*task, self._serializer.pack_arguments(arguments(positional), keywords(named))))

    def prepare(self) -> dict[str, Any]:
        """Show what the batch holds, as funcX did. `requests` is what is sent."""
        return {
            "task_group_id": self.task_group_id,
            "create_websocket_queue": self.create_websocket_queue,
            "tasks": list(self.tasks),
        }

    def requests(self) -> dict[str, SubmitRequest]:
        """Make the requests that submit the batch, by endpoint id."""
        tasks: dict[str, dict[str, list[str]]] = {}
        for function_id, endpoint_id, payload in self.tasks:
            tasks.setdefault(endpoint_id, {}).setdefault(function_id, []).append(payload)
        return {
            endpoint_id: SubmitRequest(
                tasks=by_function, create_queue=self.create_websocket_queue, task_group_id=self.task_group_id
            )
            for endpoint_id, by_function in tasks.items()
        }

    def __len__(self) -> int:
        """Count the tasks."""
        return len(self.tasks)

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} tasks, task group {self.task_group_id}>"


def _call_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[object, object, object, object]:
    """Tell function id, endpoint id, positional and keyword arguments of a call."""
    rest = {name: value for name, value in kwargs.items() if name not in {"function_id", "endpoint_id"}}
    if "function_id" in kwargs and "endpoint_id" in kwargs:
        if not args and rest and _is_later(rest):
            return kwargs["function_id"], kwargs["endpoint_id"], rest.get("args"), rest.get("kwargs")
        return kwargs["function_id"], kwargs["endpoint_id"], args, rest
    names = [name for name in ("function_id", "endpoint_id", "args", "kwargs") if name not in kwargs or name in rest]
    given = dict(zip(names, args, strict=False))
    both = {**kwargs, **given}
    is_whole = len(args) <= len(names) and not (given.keys() & rest.keys()) and set(rest) <= {"args", "kwargs"}
    if not is_whole or "function_id" not in both or "endpoint_id" not in both:
        missing = [name for name in ("function_id", "endpoint_id") if name not in both]
        what = f"{' and '.join(missing)}: not given" if missing else f"this is neither: {shown((args, dict(kwargs)))}"
        raise TypeError(f"{what}. {_SHAPES}")
    return both["function_id"], both["endpoint_id"], both.get("args"), both.get("kwargs")


def _is_later(rest: Mapping[str, Any]) -> bool:
    is_known = set(rest) <= {"args", "kwargs"}
    return (
        is_known
        and isinstance(rest.get("args", ()), (tuple, list, type(None)))
        and isinstance(rest.get("kwargs", {}), (Mapping, type(None)))
    )
