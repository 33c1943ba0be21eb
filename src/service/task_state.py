"""The life of a task as a pure state machine: an event in, a new state and what is to be done out.

      received --Published--> waiting-for-ep --Started--> running
         |  ^                    |   ^                       |
         |  '---- Forgotten -----'     (broker lost it;      |
         |                       |      what ran stays so)   |
         '----- Returned, Refused, Cancelled, from any of the three -----> success | failed | cancelled

Events come late, twice and in any order: an endpoint may answer before the broker has confirmed the task, and answer
again after a crash. The first outcome stands; whatever comes after it changes nothing.
Owns no clock, no store and no broker: the callers do what `Step.actions` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from ..wire.states import TaskState

FINAL = frozenset({TaskState.SUCCESS, TaskState.FAILED, TaskState.CANCELLED})
OPEN = frozenset({TaskState.RECEIVED, TaskState.WAITING_FOR_EP, TaskState.RUNNING})

#: The code of an outcome that says the task was called off rather than tried; endpoints spell it in several ways.
_CANCELLED_CODE = "taskcancelled"


class Event(Enum):
    """What can happen to a task."""

    PUBLISHED = auto()  # the broker has it in its keeping
    STARTED = auto()  # an endpoint reports that it runs
    SUCCEEDED = auto()  # an endpoint returned a value
    FAILED = auto()  # an endpoint returned an error, or the service gives the task up
    CANCELLED = auto()  # somebody called it off
    FORGOTTEN = auto()  # the broker lost it: its queue was deleted, or it restarted without memory


class Action(Enum):
    """What is to be done about it."""

    KEEP_OUTCOME = auto()  # store the outcome; the arguments are no longer needed
    FORWARD = auto()  # put the outcome on the task group's queue, if it has one
    PUBLISH = auto()  # put the task on its endpoint's queue


@dataclass(frozen=True, slots=True)
class Step:
    """Where a task is after an event, and what is to be done, in this order."""

    state: TaskState
    actions: tuple[Action, ...] = ()


_OUTCOME = (Action.KEEP_OUTCOME, Action.FORWARD)

_STEPS: dict[Event, dict[TaskState, Step]] = {
    Event.PUBLISHED: {TaskState.RECEIVED: Step(TaskState.WAITING_FOR_EP)},
    Event.STARTED: {state: Step(TaskState.RUNNING) for state in (TaskState.RECEIVED, TaskState.WAITING_FOR_EP)},
    Event.SUCCEEDED: {state: Step(TaskState.SUCCESS, _OUTCOME) for state in OPEN},
    Event.FAILED: {state: Step(TaskState.FAILED, _OUTCOME) for state in OPEN},
    Event.CANCELLED: {state: Step(TaskState.CANCELLED, _OUTCOME) for state in OPEN},
    # One that a worker has begun is published again, too, and stays what it is: nobody may move it elsewhere.
    Event.FORGOTTEN: {
        state: Step(TaskState.RECEIVED, (Action.PUBLISH,)) for state in (TaskState.RECEIVED, TaskState.WAITING_FOR_EP)
    },
}


def advance(state: TaskState, event: Event) -> Step:
    """Say where a task goes from `state` by `event`; an event that comes too late leaves it where it is."""
    return _STEPS[event].get(state) or Step(state)


def sources(event: Event) -> frozenset[TaskState]:
    """Name the states in which `event` changes anything: what a bulk update may touch."""
    return frozenset(_STEPS[event])


def outcome_event(error_code: str | None) -> Event:
    """Say what a returned result means.

    Args:
        error_code: the code in its `error_details`, or None when there are none.
    """
    if error_code is None:
        return Event.SUCCEEDED
    is_cancelled = error_code.replace("_", "").lower() == _CANCELLED_CODE
    return Event.CANCELLED if is_cancelled else Event.FAILED
