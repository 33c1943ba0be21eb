"""Exceptions as plain data and back."""

from __future__ import annotations

import base64
import importlib
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.errors import DeserializationError, TaskExecutionFailed
from farpool.serialize.exceptions import Rebuilt, describe, rebuild, state_of
from support import raising
from support.raising import CUSTOM, Group, builtin_types, made
from support.values import builtin_values, same
from support.waiting import eventually

needs_groups = pytest.mark.skipif(sys.version_info < (3, 11), reason="exception groups came with Python 3.11")


def sent(error: BaseException, **options: Any) -> Rebuilt:
    return rebuild(json.loads(json.dumps(describe(error, **options))))


def assert_alike(one: BaseException, other: BaseException) -> None:
    assert type(one) is type(other)
    assert str(one) == str(other)
    assert repr(one) == repr(other)
    told, held = state_of(one), state_of(other)
    for part in ("args", "attributes", "fields"):
        left, right = getattr(told, part), getattr(held, part)
        assert repr(left) == repr(right)
    for name in ("__cause__", "__context__"):
        left, right = getattr(one, name), getattr(other, name)
        assert (left is None) == (right is None)
        if left is not None:
            assert_alike(left, right)
    assert one.__suppress_context__ == other.__suppress_context__
    for left, right in zip(getattr(one, "exceptions", ()), getattr(other, "exceptions", ()), strict=True):
        assert_alike(left, right)


@pytest.mark.parametrize("kind", builtin_types())
def test_every_builtin_exception_comes_back_with_all_that_it_holds(kind: type[BaseException]) -> None:
    error = made(kind)

    assert_alike(error, sent(error).error)


@pytest.mark.parametrize("make", CUSTOM.values(), ids=CUSTOM.keys())
def test_exceptions_that_pickle_cannot_make_come_back(make: Callable[[], BaseException]) -> None:
    error = make()
    rebuilt = sent(error)

    if type(error) is raising.OwnWay:
        assert rebuilt.error.__dict__.pop("came by") == "its own way"
    assert rebuilt.left_out == ()
    assert_alike(error, rebuilt.error)


def test_a_class_that_says_what_is_pickled_of_it_is_asked() -> None:
    error = sent(raising.OwnState(5)).error

    assert isinstance(error, raising.OwnState)
    assert error.rows == 5
    assert error.lock.acquire(blocking=False)


def test_what_a_class_does_not_want_told_is_not_told() -> None:
    document = json.dumps(describe(raising.Secretive("somebody", "pa$$w0rd")))
    error: Any = rebuild(json.loads(document)).error

    told = [base64.b64decode(node[part]) for node in json.loads(document)["nodes"] for part in ("own", "state")]
    assert not any(b"pa$$w0rd" in one for one in told)
    assert (error.user, hasattr(error, "password")) == ("somebody", False)


def test_a_document_is_not_changed_by_reading_it() -> None:
    document = describe(raising.Wraps(raising.OwnWay(url="http://x")))
    before = json.dumps(document)

    assert_alike(rebuild(document).error, rebuild(document).error)
    assert json.dumps(document) == before


def test_no_constructor_runs_where_an_exception_is_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    document = describe(raising.WantsMore("it", code=1))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the constructor was called")

    monkeypatch.setattr(raising.WantsMore, "__init__", refuse)

    assert str(rebuild(document).error) == "it failed"


@given(st.lists(builtin_values, max_size=3), st.dictionaries(st.text(max_size=5), builtin_values, max_size=3))
def test_any_values_come_back_as_arguments_and_attributes(args: list[Any], attributes: dict[str, Any]) -> None:
    error = ValueError(*args)
    error.__dict__.update(attributes)

    again = sent(error).error

    assert same(again.args, error.args)
    assert same(again.__dict__, error.__dict__)


# ---- chains


def chained(*, explicit: bool = True, suppressed: bool = False) -> BaseException:
    try:
        try:
            raise raising.WantsMore("inner", code=1)
        except ValueError as inner:
            if explicit:
                raise KeyError("outer") from inner
            if suppressed:
                raise KeyError("outer") from None
            raise KeyError("outer")  # noqa: B904 - a context without a cause is wanted
    except KeyError as outer:
        return outer


@pytest.mark.parametrize("how", [{}, {"explicit": False}, {"explicit": False, "suppressed": True}])
def test_causes_and_contexts_come_back(how: dict[str, bool]) -> None:
    error = chained(**how)

    assert error.__context__ is not None
    assert_alike(error, sent(error).error)


def test_a_chain_that_bites_its_own_tail_comes_back_as_one() -> None:
    one, two = ValueError(1), KeyError(2)
    one.__cause__, two.__cause__ = two, one
    one.__dict__["myself"] = one

    again = sent(one).error

    assert isinstance(again.__cause__, KeyError)
    assert again.__cause__.__cause__ is again
    assert again.__dict__["myself"] is again


def test_an_exception_in_an_attribute_is_the_one_in_the_chain() -> None:
    cause = raising.WantsMore("inner", code=1)
    error = RuntimeError("outer", cause)
    error.__cause__ = cause
    error.__dict__["original"] = [cause]

    again = sent(error).error

    assert isinstance(again.__cause__, raising.WantsMore)
    assert again.__cause__.code == 1
    assert again.args[1] is again.__cause__
    assert again.__dict__["original"] == [again.__cause__]


def test_an_endless_chain_is_cut_off() -> None:
    error: BaseException = ValueError("first")
    for number in range(5000):
        following = ValueError(number)
        following.__context__ = error
        error = following

    again = sent(error).error

    count = 0
    innermost: BaseException = again
    while innermost.__context__ is not None:
        innermost = innermost.__context__
        count += 1
    assert again.args == (4999,)
    assert count == 1000
    assert isinstance(innermost, TaskExecutionFailed)
    assert "too many" in str(innermost)


def test_a_cause_that_cannot_be_sent_leaves_the_rest_alone() -> None:
    class Lost(Exception):
        keeps = iter_nothing()

    error = ValueError("fine")
    error.__cause__ = Lost("is lost")
    error.__cause__.__cause__ = KeyError("fine too")

    again = sent(error).error

    assert again.args == ("fine",)
    assert isinstance(again.__cause__, TaskExecutionFailed)
    assert "Lost: is lost" in str(again.__cause__)
    assert isinstance(again.__cause__.__cause__, KeyError)


@needs_groups
def test_the_members_of_a_group_keep_their_causes() -> None:
    group = Group("several", [chained(), Group("inner", [chained(explicit=False)])])

    assert_alike(group, sent(group).error)


# ---- what cannot be sent


def iter_nothing() -> Iterator[None]:
    """Give a generator: it cannot be pickled."""
    yield None


class Holder(Exception):
    def __init__(self, text: str, held: object) -> None:
        super().__init__(text, held)
        self.held = held
        self.kept = "kept"


def test_an_attribute_that_cannot_be_pickled_is_left_out_by_name() -> None:
    rebuilt = sent(Holder("a text", iter_nothing()))

    assert isinstance(rebuilt.error, Holder)
    assert rebuilt.error.__dict__ == {"kept": "kept"}
    assert rebuilt.error.args[0] == "a text"
    assert rebuilt.error.args[1] == "<generator left out: it cannot be sent, or is too large>"
    assert set(rebuilt.left_out) == {"held", "args[1]"}


def test_what_is_enormous_is_left_out_and_the_document_stays_small() -> None:
    error = Holder("x" * 5_000_000, bytearray(5_000_000))

    document = describe(error, max_chars=200_000)
    rebuilt = rebuild(document)

    assert len(json.dumps(document)) < 300_000
    assert isinstance(rebuilt.error, Holder)
    assert rebuilt.error.kept == "kept"
    assert "characters left out" in rebuilt.error.args[0]
    assert set(rebuilt.left_out) == {"held", "args[0]", "args[1]"}


class Endless:
    """Is pickled as a list that never ends."""

    def __reduce__(self) -> Any:
        def forever() -> Any:
            while True:
                yield "again and again"

        return list, (), None, forever()


class Rude:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        raise self.error


def _deep() -> Any:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "held",
    [Endless(), Rude(SystemExit(3)), Rude(KeyboardInterrupt()), Rude(RecursionError()), _deep(), (_ for _ in ())],
    ids=["endless", "exits", "interrupts", "recursion", "deep", "generator"],
)
def test_whatever_pickling_does_the_type_comes_back(held: object) -> None:
    rebuilt = sent(Holder("a text", held), max_chars=100_000)

    assert isinstance(rebuilt.error, Holder)
    assert rebuilt.error.kept == "kept"
    assert "held" in rebuilt.left_out


def test_an_exception_that_says_nothing_comes_back_all_the_same() -> None:
    rebuilt = sent(raising.Untold("x"))

    assert isinstance(rebuilt.error, raising.Untold)
    assert rebuilt.text is None


def test_a_class_of_a_function_comes_back_by_value() -> None:
    class Local(LookupError):
        def twice(self) -> Any:
            return self.args * 2

    again = sent(Local(3)).error

    assert isinstance(again, LookupError)
    assert type(again).__name__ == "Local"
    assert vars(type(again))["twice"](again) == (3, 3)


# ---- what cannot be read


def _document(**changes: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(describe(ValueError("a text"))))
    document["nodes"][0].update(changes)
    return dict(document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (_document(type=["no_such_module.at_all", "Wrong"]), r"no_such_module\.at_all\.Wrong cannot be rebuilt here"),
        (_document(type=["json", "Wrong"]), r"json\.Wrong cannot be rebuilt here: .* in a module 'json'"),
        (_document(type=["json", "dumps"]), "no exception 'dumps'"),
        (_document(**{"class": "80"}), "ValueError cannot be rebuilt here"),
        (_document(members=["x"], message="m"), "ValueError cannot be rebuilt here"),
        ({**_document(), "version": 99}, "version 99"),
        (None, "cannot be rebuilt here"),
        ("nonsense", "cannot be rebuilt here"),
        ({}, "cannot be rebuilt here"),
        ({"version": 1, "nodes": []}, "cannot be rebuilt here"),
        ({"version": 1, "nodes": [3]}, "cannot be rebuilt here"),
    ],
)
def test_a_document_that_cannot_be_read_says_why(document: object, said: str) -> None:
    with pytest.raises(DeserializationError, match=said):
        rebuild(document)


class Trap:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __reduce__(self) -> Any:
        return _spring, (type(self.error),)


def _spring(kind: type[BaseException]) -> None:
    raise kind("while it was read")


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError])
def test_an_attribute_that_cannot_be_read_leaves_the_type_and_the_text(kind: type[BaseException]) -> None:
    rebuilt = sent(Holder("a text", Trap(kind())))

    assert isinstance(rebuilt.error, Holder)
    assert rebuilt.error.args == (rebuilt.text,)
    assert kind.__name__ in rebuilt.left_out[0]


json_things: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(
        ["type", "text", "frames", "cause", "context", "suppress", "class", "own", "state", "members", "left_out"]
    ),
    json_things,
)
def test_whatever_a_document_holds_an_exception_comes_out_or_a_reason(key: str, value: Any) -> None:
    try:
        rebuilt = rebuild(_document(**{key: value}))
    except DeserializationError:
        return
    assert isinstance(rebuilt.error, BaseException)


@pytest.mark.parametrize("name", ["slow_module", "slow_module.inner"])
def test_a_module_that_is_just_being_imported_is_not_waited_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever imports it may be waiting for the very exception that is rebuilt here."""
    package = tmp_path / "slow_module"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import threading\nbegun, done = threading.Event(), threading.Event()\n"
        "class Early(Exception): pass\n"
        "begun.set()\ndone.wait(60)\n"
        "class Late(Exception): pass\n"
    )
    (package / "inner.py").write_text("class Late(Exception): pass\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importing = threading.Thread(target=importlib.import_module, args=["slow_module"])
    importing.start()
    try:
        eventually(lambda: hasattr(sys.modules.get("slow_module"), "begun"))
        module: Any = sys.modules["slow_module"]
        assert module.begun.wait(60)

        with pytest.raises(DeserializationError, match=f"no exception 'Late' is found in a module '{name}' here"):
            rebuild(_document(type=[name, "Late"]))
        assert isinstance(rebuild(_document(type=["slow_module", "Early"])).error, module.Early)
        module.done.set()
    finally:
        importing.join()
    assert isinstance(rebuild(_document(type=[name, "Late"])).error, Exception)
    for loaded in ("slow_module.inner", "slow_module"):
        sys.modules.pop(loaded, None)


# ---- frames


def _recurse(depth: int) -> None:
    if depth:
        _recurse(depth - 1)
    raise ValueError("deep")


def test_frames_come_along_with_their_source_lines() -> None:
    rebuilt = sent(chained())

    assert [one.summary.name for one in rebuilt.traces] == ["chained"]
    assert rebuilt.traces[0].summary.line == 'raise KeyError("outer") from inner'
    assert rebuilt.traces[0].first_line < (rebuilt.traces[0].summary.lineno or 0)
    assert [one.summary.line for one in rebuilt.others] == ['raise raising.WantsMore("inner", code=1)']


def test_of_very_many_frames_the_outermost_and_the_innermost_are_told() -> None:
    with pytest.raises(ValueError, match="deep") as caught:
        _recurse(400)
    traces = sent(caught.value).traces

    assert len(traces) == 100
    assert traces[0].summary.name.startswith("test_")
    assert traces[-1].summary.line == 'raise ValueError("deep")'


def test_a_function_that_came_with_the_task_is_told_from_one_of_a_module() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec("def fail():\n    json.loads('{')\n", {"json": json, **space}, space)
    with pytest.raises(json.JSONDecodeError) as caught:
        space["fail"]()

    by_value = [one.by_value for one in sent(caught.value).traces]

    assert by_value[1] is True
    assert by_value[-1] is False
