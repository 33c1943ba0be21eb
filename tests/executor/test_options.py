"""What can be set, and what a bad value gets."""

from __future__ import annotations

from typing import Any

import pytest

from farpool import Executor
from farpool.executor.options import Options
from farpool.executor.retry import Retry, idempotent

ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"


def test_options_differ_in_what_is_given_and_nothing_else() -> None:
    options = Options().but({"label": "first", "priority": 3})

    changed = options.but({"endpoint_id": ENDPOINT, "timeout": 5, "retries": 2})

    assert (changed.label, changed.route.priority) == ("first", 3)
    assert (changed.endpoint, changed.route.timeout_s, changed.retry) == (ENDPOINT, 5.0, Retry(retries=2))
    assert options.endpoint == ""


def test_equal_specifications_make_one_route() -> None:
    one = Options().but({"resource_specification": {"a": 1, "b": 2}})
    other = Options().but({"resource_specification": {"b": 2, "a": 1}})

    assert one.route == other.route
    assert hash(one.route) == hash(other.route)


@pytest.mark.parametrize(
    ("name", "value", "kind", "told"),
    [
        ("endpoint_id", "cluster", ValueError, "cluster"),
        ("task_group_id", "x", ValueError, "x"),
        ("resource_specification", [1], TypeError, "resource_specification"),
        ("user_endpoint_config", {"a": object()}, TypeError, "user_endpoint_config"),
        ("retries", -1, ValueError, "retries must be 0 or more, it is -1"),
        ("retries", 1.5, TypeError, "1.5"),
        ("retries", True, TypeError, "True"),
        ("retry_on", "OSError", TypeError, "'OSError'"),
        ("retry_on", (OSError, 3), TypeError, "3"),
        ("backoff", -1, TypeError, "-1"),
        ("backoff", "soon", TypeError, "soon"),
        ("idempotent", 1, TypeError, "1"),
        ("timeout", 0, ValueError, "timeout must be more than 0 seconds"),
        ("timeout", "5", TypeError, "'5'"),
        ("deadline", -3, ValueError, "deadline"),
        ("deadline", float("nan"), ValueError, "nan"),
        ("deadline", float("inf"), ValueError, "inf"),
        ("priority", "high", TypeError, "high"),
        ("label", 3, TypeError, "label must be a str"),
        ("retrys", 3, TypeError, "no option 'retrys'.*retries"),
    ],
)
def test_a_value_that_cannot_be_is_told_at_once(name: str, value: Any, kind: type[Exception], told: str) -> None:
    with pytest.raises(kind, match=told):
        Options().but({name: value})


def test_one_kind_of_error_needs_no_tuple() -> None:
    assert Options().but({"retry_on": OSError}).retry.retry_on == (OSError,)


def test_a_function_is_idempotent_by_its_own_mark_unless_the_options_say() -> None:
    @idempotent
    def marked() -> None: ...

    def plain() -> None: ...

    options = Options().but({"retries": 1})

    assert options.retry_of(marked).idempotent
    assert not options.retry_of(plain).idempotent
    assert not options.retry_of(None).idempotent
    assert options.but({"idempotent": True}).retry_of(plain).idempotent
    assert not options.but({"idempotent": False}).retry_of(marked).idempotent


def test_a_number_of_workers_in_the_place_of_the_endpoint_is_told_where_it_goes() -> None:
    with pytest.raises(TypeError, match="write max_workers=4"):
        Executor(4)  # type: ignore[arg-type]  # the mistake


def test_a_serializer_of_another_library_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"serializer must be a Serializer, not \{\} \(dict\)"):
        Executor(serializer={})  # type: ignore[arg-type]  # the mistake


def test_a_view_does_not_take_what_would_have_no_effect() -> None:
    view = Executor().options(label="nightly")

    with pytest.raises(AttributeError, match=r"make another one with options\(label=\.\.\.\)"):
        view.label = "daily"  # type: ignore[attr-defined]  # the mistake
    assert "'nightly'" in repr(view)
