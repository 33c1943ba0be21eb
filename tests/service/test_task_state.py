from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.service.task_state import FINAL, OPEN, Action, Event, advance, outcome_event, sources
from farpool.wire import TaskState

STATES = sorted(FINAL | OPEN)
EVENTS = list(Event)
OUTCOMES = {Event.SUCCEEDED: TaskState.SUCCESS, Event.FAILED: TaskState.FAILED, Event.CANCELLED: TaskState.CANCELLED}


def test_a_task_goes_from_received_over_waiting_and_running_to_success() -> None:
    state = TaskState.RECEIVED
    seen: list[TaskState] = []
    for event in (Event.PUBLISHED, Event.STARTED, Event.SUCCEEDED):
        state = advance(state, event).state
        seen.append(state)

    assert seen == [TaskState.WAITING_FOR_EP, TaskState.RUNNING, TaskState.SUCCESS]


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_changes_a_finished_task(state: TaskState, event: Event) -> None:
    step = advance(state, event)

    assert step.state is state
    assert step.actions == ()


@pytest.mark.parametrize(("event", "outcome"), OUTCOMES.items())
@pytest.mark.parametrize("state", sorted(OPEN))
def test_an_outcome_finishes_a_task_wherever_it_is_and_is_kept_before_it_is_sent_on(
    state: TaskState, event: Event, outcome: TaskState
) -> None:
    step = advance(state, event)

    assert step.state is outcome
    assert step.actions == (Action.KEEP_OUTCOME, Action.FORWARD)


@pytest.mark.parametrize("state", [TaskState.RECEIVED, TaskState.WAITING_FOR_EP])
def test_what_the_broker_forgot_is_published_again(state: TaskState) -> None:
    step = advance(state, Event.FORGOTTEN)

    assert step.state is TaskState.RECEIVED
    assert step.actions == (Action.PUBLISH,)


def test_that_a_task_has_begun_is_not_forgotten() -> None:
    assert advance(TaskState.RUNNING, Event.FORGOTTEN).state is TaskState.RUNNING


def test_a_late_confirmation_does_not_take_a_running_task_back() -> None:
    assert advance(TaskState.RUNNING, Event.PUBLISHED).state is TaskState.RUNNING


def test_a_task_may_run_before_the_broker_confirmed_it() -> None:
    assert advance(TaskState.RECEIVED, Event.STARTED).state is TaskState.RUNNING


@given(st.lists(st.sampled_from(EVENTS)))
def test_whatever_comes_in_whatever_order_a_task_has_one_outcome_and_it_is_kept_once(events: list[Event]) -> None:
    state = TaskState.RECEIVED
    kept: list[TaskState] = []
    for event in events:
        step = advance(state, event)
        if Action.KEEP_OUTCOME in step.actions:
            kept.append(step.state)
        state = step.state

    first = next((event for event in events if event in OUTCOMES), None)
    assert kept == ([] if first is None else [OUTCOMES[first]])
    assert state in OPEN if first is None else state is OUTCOMES[first]


@given(st.sampled_from(STATES), st.sampled_from(EVENTS))
def test_the_sources_of_an_event_are_the_states_in_which_it_does_something(state: TaskState, event: Event) -> None:
    step = advance(state, event)

    if state not in sources(event):
        assert step.state is state
        assert step.actions == ()
    else:
        assert step.state is not state or step.actions


@pytest.mark.parametrize(
    ("code", "event"),
    [
        (None, Event.SUCCEEDED),
        ("RemoteExecutionError", Event.FAILED),
        ("", Event.FAILED),
        ("TASK_CANCELLED", Event.CANCELLED),
        ("TaskCancelled", Event.CANCELLED),
    ],
)
def test_the_error_code_says_what_a_result_means(code: str | None, event: Event) -> None:
    assert outcome_event(code) is event
