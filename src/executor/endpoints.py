"""Several endpoints for the tasks of one executor, and which of them takes the next. Pure: no threads, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ..wire.ids import as_id

Policy: TypeAlias = Literal["round-robin", "least-pending", "failover"]

#: What chooses when nothing is said.
ROUND_ROBIN: Policy = "round-robin"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where tasks may run.

    Attributes:
        ids: endpoint ids, in the order given; tasks begin at the first of them.
        policy: how one is chosen.
    """

    ids: tuple[str, ...]
    policy: Policy = ROUND_ROBIN


@dataclass(frozen=True, slots=True)
class Load:
    """What is known of endpoints at the moment of a choice.

    Attributes:
        turn: how many choices were made before, among the same endpoints.
        pending: unfinished tasks by endpoint id.
        workers: how many tasks an endpoint runs at a time, where it said so.
        away: ids of those that are offline.
    """

    turn: int = 0
    pending: Mapping[str, int] = field(default_factory=dict[str, int])
    workers: Mapping[str, int] = field(default_factory=dict[str, int])
    away: Collection[str] = ()


def choose(endpoints: Endpoints, load: Load) -> str:
    """Say which endpoint takes the next task. Where none is online: which would, if all were.

    >>> choose(Endpoints(("a", "b"), "failover"), Load(away={"a"}))
    'b'
    """
    online = [one for one in endpoints.ids if one not in load.away]
    return _POLICIES[endpoints.policy](online or list(endpoints.ids), load)


def _round_robin(ids: list[str], load: Load) -> str:
    return ids[load.turn % len(ids)]


def _least_pending(ids: list[str], load: Load) -> str:
    # Per worker only where that is known of all: a guess would favour or starve those that have not said.
    per = load.workers if all(load.workers.get(one) for one in ids) else dict.fromkeys(ids, 1)
    return min(ids, key=lambda one: load.pending.get(one, 0) / per[one])


def _failover(ids: list[str], load: Load) -> str:
    del load
    return ids[0]


_POLICIES: dict[Policy, Callable[[list[str], Load], str]] = {
    "round-robin": _round_robin,
    "least-pending": _least_pending,
    "failover": _failover,
}


def endpoint_ids(value: object) -> tuple[str, ...]:
    """Check the endpoints of an executor; None for "not several".

    Raises:
        TypeError: it is not a list of ids.
        ValueError: it is empty, names one twice, or names what is not an id.
    """
    if value is None:
        return ()
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise TypeError(f"endpoints must be a list of endpoint ids, not {value!r}: for one endpoint use endpoint_id=")
    given: list[Any] = list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # of whatever
    if not given:
        raise ValueError("endpoints is empty: name at least one endpoint, or leave it out")
    if "local" in given:
        raise ValueError(
            "endpoints cannot hold 'local': the embedded stack is a service of its own, and tasks move between the "
            "endpoints of one service. Start an endpoint there and name its id, or use endpoint_id='local'"
        )
    ids = tuple(as_id(one, "an endpoint id in endpoints") for one in given)
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        raise ValueError(f"endpoints names {twice[0]} twice: each endpoint is named once")
    return ids


def policy(value: object) -> Policy:
    """Check a policy.

    Raises:
        ValueError: there is no such policy; says which there are.
    """
    if value not in _POLICIES:
        raise ValueError(f"there is no policy {value!r}: the policies are {', '.join(map(repr, _POLICIES))}")
    return value
