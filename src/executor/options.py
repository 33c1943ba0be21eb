"""What may be set on an executor and on a view of it, checked when it is set: a bad value never costs a task."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from ..serialize import Serializer, as_serializer, paths_of
from ..wire.ids import as_id
from .endpoints import ROUND_ROBIN, Endpoints, Policy, endpoint_ids, policy
from .pipeline.task import Route
from .retry import NO_RETRY, Backoff, Retry, is_idempotent

#: The endpoint id that names the embedded stack.
LOCAL = "local"

#: No endpoint was named: the environment decides, and the embedded stack where it says nothing.
UNSET = ""

_NOWHERE = Route("")


@dataclass(frozen=True, slots=True)
class Options:
    """How a task is submitted: read once, at `submit`, so that what is set later concerns later tasks only.

    Attributes:
        endpoint: as `endpoint` checks it.
        endpoints: the ids of several, in the place of one; none: `endpoint` says where.
        policy: how one of several is chosen.
        route: what the service and the endpoint are told; the endpoint's id is filled in at `submit`.
        retry: whether and when a task is tried again.
        idempotent: whether functions may run twice without harm; None: each function's own mark says so.
        deadline_s: seconds from `submit` to the outcome, at most; None for no limit.
        label: a name for the futures.
    """

    endpoint: str | None = UNSET
    endpoints: tuple[str, ...] = ()
    policy: Policy = ROUND_ROBIN
    route: Route = _NOWHERE
    retry: Retry = NO_RETRY
    idempotent: bool | None = None
    deadline_s: float | None = None
    label: str = ""

    def but(self, given: Mapping[str, Any]) -> Options:
        """Make options that differ in what is given, by the names that `Executor.options` documents.

        Raises:
            TypeError, ValueError: there is no such option, or its value cannot be; names it.
        """
        if given.get("endpoints") is not None and given.get("endpoint_id", UNSET) != UNSET:
            raise ValueError("endpoint_id names one endpoint and endpoints several: give one of the two")
        options = self
        for name, value in given.items():
            change = _CHANGES.get(name)
            if change is None:
                raise TypeError(f"there is no option {name!r}: the options are {', '.join(_CHANGES)}")
            options = change(options, value)
        if given.get("policy") is not None and not options.endpoints:
            raise ValueError("policy says how one of several endpoints is chosen: give endpoints=[...] as well")
        return options

    @property
    def home(self) -> str | None:
        """The endpoint, or the first of several."""
        return self.endpoints[0] if self.endpoints else self.endpoint

    @property
    def spread(self) -> Endpoints | None:
        """The endpoints, where there are several to choose from."""
        return Endpoints(self.endpoints, self.policy) if self.endpoints else None

    def retry_of(self, fn: Callable[..., Any] | None) -> Retry:
        """Say whether and when a call is tried again; `fn` is None for a function that is not here."""
        if not self.retry.retries and not self.endpoints:
            return NO_RETRY
        mark = is_idempotent(fn) if self.idempotent is None else self.idempotent
        return replace(self.retry, idempotent=mark)


def endpoint(value: object) -> str | None:
    """Check an endpoint: `UNSET`, None for "yet to be set", `LOCAL`, or the id of one."""
    if value is None:
        return None
    if isinstance(value, int):  # as the standard library's executors are made: Executor(4)
        raise TypeError(
            f"endpoint_id must be a UUID or a string that spells one, not {value}: write max_workers={value}"
        )
    return str(value) if value in {UNSET, LOCAL} else as_id(value, "endpoint_id")


def serializer(value: object, instead: Serializer | None = None) -> Serializer:
    """Check a serializer; None for another one, or the usual one.

    Raises:
        TypeError: it is something else.
    """
    return (instead or Serializer()) if value is None else as_serializer(value)


def optional_id(value: object, what: str) -> str | None:
    """Check an id that may be None."""
    return None if value is None else as_id(value, what)


def json_object(value: object, what: str) -> str | None:
    """Turn a mapping into canonical JSON text; None and an empty one mean "nothing to say".

    Raises:
        TypeError: it is not a mapping, or holds something that JSON cannot say.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} must be a dict, not {value!r} ({type(value).__name__})")
    try:
        return json.dumps(dict(cast("Mapping[str, Any]", value)), sort_keys=True) if value else None
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} must be JSON-serializable: {error}; it is {value!r}") from error


def parsed(text: str | None) -> dict[str, Any] | None:
    """Turn what `json_object` made back into a dict of its own."""
    return None if text is None else json.loads(text)


def seconds(value: object, what: str) -> float | None:
    """Check a time in seconds, or None for no limit."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{what} must be a number of seconds, not {value!r} ({type(value).__name__})")
    if not value > 0 or math.isinf(value):
        raise ValueError(f"{what} must be more than 0 seconds, it is {value!r}: leave it out, or None, for no limit")
    return float(value)


def whole(value: object, what: str) -> int:
    """Check a whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be a whole number, not {value!r} ({type(value).__name__})")
    return value


def count(value: object, what: str) -> int:
    """Check a whole number that is not negative."""
    checked = whole(value, what)
    if checked < 0:
        raise ValueError(f"{what} must be 0 or more, it is {checked}")
    return checked


def text(value: object, what: str) -> str:
    """Check a text."""
    if not isinstance(value, str):
        raise TypeError(f"{what} must be a str, not {value!r} ({type(value).__name__})")
    return value


def flag(value: object, what: str) -> bool | None:
    """Check a truth value, or None for "not said"."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"{what} must be True, False or None, not {value!r}")
    return value


def errors(value: object, what: str) -> tuple[type[BaseException], ...] | None:
    """Check one kind of exception or several; None for "as usual"."""
    if value is None:
        return None
    kinds = tuple(cast("Iterable[object]", value)) if isinstance(value, (tuple, list, set, frozenset)) else (value,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError(f"{what} must be an exception class or a tuple of them: {kind!r} is not one")
    return cast("tuple[type[BaseException], ...]", kinds)


def waiting(value: object, what: str) -> Backoff | None:
    """Check a backoff: seconds, or what gives seconds."""
    if value is None or callable(value):
        return cast("Backoff | None", value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise TypeError(
            f"{what} must be seconds, a function of the number of attempts that gives seconds, or a wait of tenacity; "
            f"not {value!r}"
        )
    return float(value)


def _own(name: str, check: Callable[[Any, str], Any], field: str) -> Callable[[Options, Any], Options]:
    return lambda options, value: replace(options, **{field: check(value, name)})


def _route(name: str, check: Callable[[Any, str], Any], field: str = "") -> Callable[[Options, Any], Options]:
    return lambda options, value: replace(options, route=replace(options.route, **{field or name: check(value, name)}))


def _retry(name: str, check: Callable[[Any, str], Any]) -> Callable[[Options, Any], Options]:
    return lambda options, value: replace(options, retry=replace(options.retry, **{name: check(value, name)}))


_CHANGES: dict[str, Callable[[Options, Any], Options]] = {
    "endpoint_id": lambda options, value: replace(options, endpoint=endpoint(value), endpoints=()),
    "endpoints": lambda options, value: replace(
        options, endpoints=endpoint_ids(value), endpoint=options.endpoint if value is None else UNSET
    ),
    "policy": lambda options, value: replace(options, policy=ROUND_ROBIN if value is None else policy(value)),
    "task_group_id": _route("task_group_id", optional_id),
    "resource_specification": _route("resource_specification", json_object),
    "user_endpoint_config": _route("user_endpoint_config", json_object),
    "result_serializers": _route("result_serializers", lambda value, what: tuple(paths_of(value, what) or ())),
    "retries": _retry("retries", count),
    "retry_on": _retry("retry_on", errors),
    "backoff": _retry("backoff", waiting),
    "idempotent": _own("idempotent", flag, "idempotent"),
    "timeout": _route("timeout", seconds, "timeout_s"),
    "deadline": _own("deadline", seconds, "deadline_s"),
    "priority": _route("priority", whole),
    "label": _own("label", text, "label"),
}
