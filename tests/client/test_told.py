"""Exceptions rebuilt from the text of a traceback, as endpoints send it that are not farpool's."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from farpool.client.results import failure_of
from farpool.client.retold import retell
from farpool.client.told import Told, read_traceback
from farpool.errors import TaskExecutionFailed
from support import raising
from support.raising import Group, builtin_types, made

needs_groups = pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")


def text_of(raises: Callable[[], object]) -> str:
    """Give the traceback of what a function raises, as the unmodified endpoint writes it: the function's frames."""
    try:
        raises()
    except BaseException as error:  # noqa: BLE001 - whatever it raises
        frames = error.__traceback__
        assert frames is not None
        return "".join(traceback.format_exception(type(error), error, frames.tb_next))
    raise AssertionError("nothing was raised")


def text_of_error(error: BaseException) -> str:
    def fail() -> None:
        raise error

    return text_of(fail)


def retold(text: str) -> BaseException | None:
    told = read_traceback(text)
    return None if told is None else retell(told)


def received(text: str) -> BaseException:
    error = retold(text)
    assert error is not None, text
    return error


@pytest.mark.parametrize("kind", [kind for kind in builtin_types() if "Group" not in kind.__name__])
def test_every_builtin_type_is_told_from_its_traceback(kind: type[BaseException]) -> None:
    original = made(kind)
    error = received(text_of_error(original))

    assert isinstance(error, kind)
    assert isinstance(error, TaskExecutionFailed)
    # A traceback does not print where a syntax error is in its message's line, but in lines of its own.
    assert str(error) == (str(original) if not isinstance(original, SyntaxError) else "a message")


@pytest.mark.parametrize(
    ("error", "args"),
    [
        (ValueError("a text"), ("a text",)),
        (ValueError(), ()),
        (ValueError(""), ()),
        (ValueError("two\nlines\n\nand a third"), ("two\nlines\n\nand a third",)),
        (ValueError(": colons : "), (": colons : ",)),
        (ValueError('  indented\n    File "x", line 3, in f'), ('  indented\n    File "x", line 3, in f',)),
        (KeyError("it's"), ("it's",)),
        (KeyError((1, "b")), ((1, "b"),)),
        (KeyError(3), (3,)),
        (KeyError(), ()),
        (SystemExit(4), (4,)),
        (SystemExit("a text"), ("a text",)),
        (SystemExit(), ()),
        (OSError("a text"), ("a text",)),
        (FileNotFoundError(2, "No such file or directory", "a: file"), (2, "No such file or directory")),
        (ConnectionRefusedError(111, "Connection refused"), (111, "Connection refused")),
        (StopIteration(5), ("5",)),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, BaseException) else "",
)
def test_arguments_are_told_from_the_message(error: BaseException, args: tuple[Any, ...]) -> None:
    again = received(text_of_error(error))

    assert again.args == args
    assert str(again) == str(error)


def test_a_key_of_which_only_the_text_is_known_is_printed_as_that() -> None:
    error = received(text_of_error(KeyError(object)))

    assert isinstance(error, KeyError)
    assert str(error) == "<class 'object'>"
    assert traceback.format_exception_only(type(error), error) == ["KeyError: <class 'object'>\n"]


@pytest.mark.parametrize(
    ("original", "fields"),
    [
        (
            OSError(2, "No such file or directory", "it's", None, "b"),
            {"errno": 2, "filename": "it's", "filename2": "b"},
        ),
        (OSError(5, "odd: words", "a"), {"errno": 5}),
        (OSError(13, "Permission denied"), {"errno": 13, "strerror": "Permission denied", "filename": None}),
        (ModuleNotFoundError("No module named 'a.b'"), {"name": "a.b"}),
        (SystemExit(3), {"code": 3}),
        (SystemExit(), {"code": None}),
        (SyntaxError("wrong"), {"msg": "wrong"}),
    ],
)
def test_fields_are_told_from_the_message(original: BaseException, fields: dict[str, Any]) -> None:
    error = received(text_of_error(original))

    assert {name: getattr(error, name) for name in fields} == fields
    assert str(error) == str(original)


def test_hints_of_python_are_no_part_of_a_message() -> None:
    def misspell() -> None:
        some_name = 1
        print(some_nam)  # type: ignore[name-defined] # noqa: F821 # pyright: ignore[reportUndefinedVariable]
        print(some_name)

    text = text_of(misspell)
    error = received(text)

    assert isinstance(error, NameError)
    assert str(error) == "name 'some_nam' is not defined"
    assert error.name == "some_nam"


def test_a_syntax_error_is_told_past_the_lines_that_point_at_it() -> None:
    error = received(text_of(lambda: compile("a = = 3", "a file", "exec")))

    assert isinstance(error, SyntaxError)
    assert error.msg == "invalid syntax"


def test_a_type_with_a_constructor_of_its_own_is_made_without_it() -> None:
    error = received(text_of_error(raising.WantsMore("it", code=3)))

    assert isinstance(error, raising.WantsMore)
    assert str(error) == "it failed"
    assert not hasattr(error, "name")


def test_a_type_that_needs_its_attributes_to_say_anything_says_what_was_told() -> None:
    error = received(text_of_error(raising.Slotted((1, 2))))

    assert isinstance(error, raising.Slotted)
    assert str(error) == "(1, 2) and nothing on the right"


def test_a_type_inside_a_class_is_found() -> None:
    assert isinstance(received(text_of_error(raising.Outer.Inner("k"))), raising.Outer.Inner)


def test_a_type_of_the_main_module_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type("MainError", (LookupError,), {"__module__": "__main__"})
    monkeypatch.setattr(sys.modules["__main__"], "MainError", kind, raising=False)

    assert isinstance(received(text_of_error(kind("x"))), kind)


def test_a_module_that_is_not_loaded_yet_is_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "module_of_errors.py").write_text("class Odd(Exception):\n    pass\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    error = received('Traceback (most recent call last):\n  File "x", line 1, in f\nmodule_of_errors.Odd: a text\n')

    assert type(error).__name__ == "Odd"
    assert "module_of_errors" in sys.modules
    monkeypatch.delitem(sys.modules, "module_of_errors")


HEADER = 'Traceback (most recent call last):\n  File "x", line 1, in f\n    g()\n'


@pytest.mark.parametrize(
    "last",
    [
        "no_such_module.Wrong: a text",
        "json.Wrong: a text",
        "json.dumps: a text",
        "Wrong: a text",
        "print: a text",
        "f.<locals>.Wrong: a text",
        "support.raising.f.<locals>.Wrong: a text",
        "...: a text",
        "a text",
        "",
    ],
)
def test_a_type_that_is_not_found_is_not_guessed(last: str) -> None:
    assert retold(HEADER + last) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "ValueError: without a traceback",
        "Traceback (most recent call last):",
        'Traceback (most recent call last):\n  File "x", line 1, in f',
        "some words\nTraceback (most recent call last):\nValueError",
        "+++++\n" + HEADER + "ValueError\n-----",
    ],
)
def test_what_is_no_traceback_is_not_read(text: str) -> None:
    assert read_traceback(text) is None


# ---- chains


def chain_of(explicit: bool) -> Callable[[], None]:
    def fail() -> None:
        try:
            {}["inner"]  # type: ignore[index] # on purpose
        except KeyError as inner:
            if explicit:
                raise ValueError("outer") from inner
            raise ValueError("outer")  # noqa: B904 - a context is wanted

    return fail


def test_a_cause_is_told() -> None:
    error = received(text_of(chain_of(explicit=True)))

    assert isinstance(error, ValueError)
    assert isinstance(error.__cause__, KeyError)
    assert error.__cause__.args == ("inner",)
    assert type(error.__cause__) is KeyError


def test_a_context_is_told() -> None:
    error = received(text_of(chain_of(explicit=False)))

    assert isinstance(error, ValueError)
    assert error.__cause__ is None
    assert isinstance(error.__context__, KeyError)


def test_a_cause_whose_type_is_not_found_is_told_in_words() -> None:
    text = text_of(chain_of(explicit=True)).replace("KeyError", "no_such_module.Wrong")

    error = received(text)

    assert type(error.__cause__) is TaskExecutionFailed
    assert str(error.__cause__) == "no_such_module.Wrong: 'inner'"


def test_a_message_that_quotes_a_traceback_is_a_message() -> None:
    quoted = text_of(lambda: {}["x"])  # type: ignore[index] # on purpose
    error = received(text_of_error(RuntimeError(f"the child failed:\n{quoted}")))

    assert isinstance(error, RuntimeError)
    assert str(error) == f"the child failed:\n{quoted}".rstrip()


@pytest.mark.parametrize("explicit", [True, False])
def test_a_message_that_quotes_a_chain_could_be_one_and_is_not_read(explicit: bool) -> None:
    quoted = text_of(chain_of(explicit))

    assert retold(text_of_error(RuntimeError(f"the child failed:\n{quoted}"))) is None


_fragments = st.sampled_from(
    [
        "a",
        "KeyError: 3",
        "ValueError",
        "",
        "  ",
        "    x = 1",
        '  File "x", line 1, in f',
        "Traceback (most recent call last):",
        "  + Exception Group Traceback (most recent call last):",
        "  | File",
        "  +-+---------------- 1 ----------------",
        "During handling of the above exception, another exception occurred:",
        "The above exception was the direct cause of the following exception:",
    ]
)
_messages = st.lists(_fragments, max_size=6).map("\n".join) | st.text(max_size=20)


@given(st.lists(_messages, min_size=1, max_size=3), st.booleans())
@example(
    ["x\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):"],
    False,
)
def test_what_is_told_is_what_was_raised_or_nothing(messages: list[str], explicit: bool) -> None:
    error: BaseException | None = None
    for message in messages:
        following = ValueError(message)
        following.__cause__ = error if explicit else None
        following.__context__ = error
        try:
            raise following
        except ValueError as caught:
            error = caught
    assert error is not None

    again = retold("".join(traceback.format_exception(error)))

    if again is not None:
        assert isinstance(again, ValueError)
        assert "".join(str(again).split()) == "".join(messages[-1].split())


@given(st.lists(_fragments, max_size=12).map("\n".join))
def test_any_text_is_read_or_left_alone(text: str) -> None:
    told = read_traceback(text)

    assert told is None or isinstance(told, Told)


# ---- groups


def fail_severally() -> None:
    try:
        chain_of(explicit=True)()
    except ValueError as error:
        raise Group(
            "several",
            [error, KeyError("k"), IndexError(), Group("inner", [OSError(2, "text"), ValueError("two\nlines")])],
        ) from None


@needs_groups
def test_a_group_is_told_with_its_members_and_their_causes() -> None:
    error: Any = received(text_of(fail_severally))

    assert isinstance(error, Group)
    assert error.message == "several"
    assert [type(one).__name__ for one in error.exceptions] == [
        "ValueError",
        "KeyError",
        "IndexError",
        "ExceptionGroup",
    ]
    assert isinstance(error.exceptions[0].__cause__, KeyError)
    inner = error.exceptions[3].exceptions
    assert isinstance(inner[0], FileNotFoundError)
    assert inner[1].args == ("two\nlines",)


@needs_groups
def test_a_group_that_caused_another_exception_is_its_cause() -> None:
    def fail() -> None:
        try:
            fail_severally()
        except Exception as error:
            raise ValueError("after all") from error

    error = received(text_of(fail))

    assert isinstance(error, ValueError)
    assert isinstance(error.__cause__, Group)


@needs_groups
def test_members_that_a_traceback_leaves_out_are_missing_and_the_group_is_not() -> None:
    def fail() -> None:
        raise Group("many", [ValueError(number) for number in range(40)])

    error: Any = received(text_of(fail))

    assert isinstance(error, Group)
    assert [one.args for one in error.exceptions[:2]] == [("0",), ("1",)]


# ---- nothing takes long


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 1_000_000,
        HEADER + "NameError: " + ". Did you mean: a?" * 50_000 + "!",
        HEADER + "ValueError: " + "x\n\n" * 300_000,
        HEADER + "KeyError: " + "(" * 100_000,
        HEADER + "OSError: [Errno 2] " + ": " * 300_000,
        HEADER + "a." * 300_000 + "b: c",
        f'{HEADER}  File "x", line {"9" * 10_000}, in f\nValueError: x',
        HEADER + " " * 1_000_000 + "\nValueError",
        "\n".join("  " * depth + "| Exception Group Traceback (most recent call last):" for depth in range(1, 1000)),
        "parsl." * 200_000,
    ],
    ids=["empty lines", "hints", "gaps", "brackets", "colons", "dots", "digits", "spaces", "depth", "parsl"],
)
@pytest.mark.timeout(60)
def test_no_text_holds_up_whoever_reads_it(text: str) -> None:
    error = failure_of("RemoteExecutionError", None, text)

    assert isinstance(error, TaskExecutionFailed)
