"""The batch: tasks that are submitted together."""

from __future__ import annotations

import uuid

import pytest

from farpool.client import Batch
from farpool.serialize import JSONData, Serializer
from farpool.wire import unpack

FUNCTION = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER = "5b116d3c-1703-4f8f-9f6f-39921e5864df"
GROUP = "6b116d3c-1703-4f8f-9f6f-39921e5864df"


def test_an_empty_batch_is_false_and_has_no_length() -> None:
    batch = Batch()

    assert not batch
    assert len(batch) == 0


def test_its_length_counts_the_tasks_of_all_functions() -> None:
    batch = Batch()
    for function_id in (FUNCTION, OTHER, FUNCTION):
        batch.add(function_id, (1,))

    assert batch
    assert len(batch) == 3
    assert repr(batch) == "<Batch of 3 tasks for 2 functions, task group None>"


def test_what_is_prepared_holds_the_arguments_as_they_were_when_added() -> None:
    batch = Batch(serializer=Serializer(data=JSONData()))
    values = [1]
    batch.add(FUNCTION, (values,), {"k": "v"})
    values.append(2)

    args, kwargs = unpack(batch.prepare()["tasks"][FUNCTION][0])
    assert args == "11\n[[1]]"
    assert kwargs.startswith("11\n")


def test_only_what_was_given_is_prepared() -> None:
    batch = Batch()
    batch.add(FUNCTION)

    assert set(batch.prepare()) == {"create_queue", "tasks", "user_runtime"}


def test_the_task_group_may_be_set_later() -> None:
    batch = Batch()
    batch.task_group_id = uuid.UUID(GROUP)

    assert batch.task_group_id == GROUP
    assert batch.prepare()["task_group_id"] == GROUP
    with pytest.raises(ValueError, match="task_group_id 'x' is not a UUID"):
        batch.task_group_id = "x"
