"""Values to bytes and back: C pickle where dill reads the same from it, dill's ways where they are needed."""

from __future__ import annotations

import collections
import datetime
import decimal
import enum
import fractions
import functools
import http
import operator
import pathlib
import pickle
import re
import threading
import types
import urllib.parse
from collections.abc import Callable
from typing import Any

import dill
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farpool.serialize import Serializer
from farpool.serialize.pickling import dumps, loads
from support.values import builtin_values, library_values, same

dill_dumps: Callable[..., bytes] = dill.dumps  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
dill_loads: Callable[..., Any] = dill.loads  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

values = builtin_values | library_values | st.lists(library_values, max_size=3).map(tuple)


@given(values)
def test_dill_reads_what_was_written(value: Any) -> None:
    assert same(dill_loads(dumps(value)), value)


@given(values)
def test_what_was_written_is_read(value: Any) -> None:
    assert same(loads(dumps(value)), value)


@given(values, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_what_dill_and_pickle_write_is_read_in_every_protocol(value: Any, protocol: int) -> None:
    assert same(loads(pickle.dumps(value, protocol)), value)
    assert same(loads(dill_dumps(value, protocol=protocol)), value)


@given(values)
def test_plain_values_are_written_by_pickle_alone(value: Any) -> None:
    assert dumps(value) == pickle.dumps(value, 4)


class Tagged(np.ndarray[Any, Any]):
    """An array with an attribute: dill keeps it, pickle does not."""

    tag: str = ""


class Colour(enum.Enum):
    RED = 1


Point: Any = collections.namedtuple("Point", "x y")  # pyright: ignore[reportUntypedNamedTuple]


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Slotted) and self.value == other.value

    __hash__ = None  # type: ignore[assignment]

    def method(self) -> object:
        return self.value


class Failure(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code


@functools.lru_cache
def cached(number: int) -> int:
    return number + 1


def tagged() -> Tagged:
    array: Any = np.arange(3)
    array = array.view(Tagged)
    array.tag = "kept"
    return array  # type: ignore[no-any-return]


def recursive() -> list[Any]:
    inner: list[Any] = []
    inner.append({"me": inner})
    return inner


matrix: Any = np.ones((2, 3))

SAME_BY_PICKLE: list[Any] = [
    ((), {}),
    Colour.RED,
    [Colour],
    Slotted([1]),
    [Slotted(number) for number in range(3)],
    len,
    operator.itemgetter(1),
    functools.partial(pow, 2),
    re.compile("a+"),
    collections.OrderedDict(a=1),
    collections.defaultdict(list, a=[1]),
    collections.Counter("aab"),
    collections.deque([1], maxlen=2),
    datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
    decimal.Decimal("1.10"),
    fractions.Fraction(1, 3),
    http.HTTPStatus.OK,
    urllib.parse.urlsplit("http://a/b"),
    range(1, 10, 2),
    slice(1, None),
    Ellipsis,
    NotImplemented,
    int,
    type(None),
    Failure(1, "x"),
    np.float32(1.5),
    np.dtype("f8"),
    matrix,
    np.asfortranarray(matrix),
    np.array([Colour.RED, "a"], dtype=object),
    np.array(["2024-01-01"], dtype="datetime64[D]"),
    np.zeros(3, dtype=[("a", "i4"), ("b", "f8")]),
    np.sin,
    bytearray(b"a" * 100_000),
    {"large": b"a" * 100_000, "small": 1},
]


def alike(one: Any, other: Any) -> bool:
    """Whether two values are the same for whoever uses them; arrays are compared with their layout."""
    if hasattr(one, "strides"):
        layout = (one.dtype, one.shape, one.strides)
        return layout == (other.dtype, other.shape, other.strides) and bool((one == other).all())
    if isinstance(one, BaseException):
        return type(one) is type(other) and (one.args, vars(one)) == (other.args, vars(other))
    if isinstance(one, functools.partial):
        pair: Any = (one.func, one.args, one.keywords)
        return bool(pair == (other.func, other.args, other.keywords))
    if callable(one):
        return repr(one) == repr(other)
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("value", SAME_BY_PICKLE)
def test_dill_rebuilds_the_same_from_ours_as_from_its_own(value: Any) -> None:
    ours, its_own = dill_loads(dumps(value)), dill_loads(dill_dumps(value))

    assert alike(ours, its_own)
    assert alike(loads(dumps(value)), its_own)
    assert alike(loads(dill_dumps(value)), its_own)


@pytest.mark.parametrize("value", SAME_BY_PICKLE)
def test_what_plain_pickle_does_as_well_is_written_by_it(value: Any) -> None:
    assert dumps(value) == pickle.dumps(value, 4)


@pytest.mark.parametrize("value", [pathlib.PurePosixPath("/a"), {"where": [pathlib.Path("b"), pathlib.Path]}])
def test_paths_are_written_under_the_name_that_every_version_has(value: Any) -> None:
    for data in (dumps(value), dumps((value, lambda: 7))):
        assert b"_local" not in data  # where Python 3.13 keeps them

    assert loads(dumps(value)) == value


NEEDS_DILL: list[tuple[Any, Callable[[Any], object]]] = [
    (lambda: 7, lambda made: made()),
    (Slotted(3).method, lambda made: made()),
    (cached, lambda made: made(1)),
    (tagged(), lambda made: (made.tag, made.tolist())),
    (Point(1, 2), lambda made: (made.x, made.y, type(made).__name__)),
    (types.MappingProxyType({"a": 1}), dict),
    (property(len), lambda made: made.fget("ab")),
    (types.SimpleNamespace(f=lambda: 8), lambda made: made.f()),
    ({"deep": [{"er": (lambda: 9,)}]}, lambda made: made["deep"][0]["er"][0]()),
]


@pytest.mark.parametrize(("value", "use"), NEEDS_DILL)
def test_what_dill_stores_otherwise_works_as_when_dill_wrote_it(value: Any, use: Callable[[Any], object]) -> None:
    expected = use(dill_loads(dill_dumps(value)))

    assert use(dill_loads(dumps(value))) == expected
    assert use(loads(dumps(value))) == expected


def test_an_array_stays_plain_after_dill_has_met_arrays() -> None:
    array = np.arange(4)

    dill_dumps(array)  # from here on dill has a way of its own for arrays

    assert dumps(array) == pickle.dumps(array, 4)


class Lazy:
    """Stands for something that is elsewhere, as a proxy does: whoever looks at its class fetches it."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            object.__getattribute__(self, "fetched").append(name)
        return object.__getattribute__(self, name)

    def __call__(self) -> None:
        raise NotImplementedError

    def __reduce_ex__(self, _protocol: object) -> Any:
        return Lazy, ()


def test_a_lazy_proxy_is_not_fetched_to_be_sent() -> None:
    lazy = Lazy()

    def hold() -> Lazy:
        return lazy

    Serializer().serialize(lazy)
    Serializer().pack_arguments((lazy, [lazy, hold]), {"more": lazy})
    Serializer().pack_function(functools.partial(isinstance, lazy))

    assert lazy.fetched == []


def test_a_function_of_a_module_is_sent_by_its_name() -> None:
    assert len(dumps(urllib.parse.quote)) < 60
    assert loads(dumps(urllib.parse.quote)) is urllib.parse.quote


def test_a_class_that_was_replaced_in_its_module_is_sent_by_value(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Slotted
    value = Slotted(5)
    monkeypatch.setitem(globals(), "Slotted", None)

    data = dumps(value)

    assert loads(data).value == 5
    assert type(loads(data)) is not kind


def test_structures_that_hold_themselves_survive() -> None:
    made = loads(dumps(recursive()))

    assert made[0]["me"] is made


def test_one_object_in_two_places_stays_one_object() -> None:
    shared = [1]

    first, second = loads(dumps((shared, [shared])))

    assert first is second[0]


def test_a_deep_structure_is_written_although_dill_would_give_up() -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    with pytest.raises(RecursionError):
        dill_dumps(deep)

    assert same(loads(dumps(deep)), deep)


def test_an_error_of_the_values_own_is_raised_as_it_is() -> None:
    class Stubborn:
        def __reduce__(self) -> str:
            raise LookupError("I stay here")

    with pytest.raises(LookupError, match="I stay here"):
        dumps(Stubborn())


@given(st.binary(max_size=200))
def test_any_bytes_do_here_what_they_do_in_dill(data: bytes) -> None:
    # Only data that can call nothing: no opcode that looks up a global.
    if any(opcode in data for opcode in b"ciR\x93\x82\x83\x84PQb"):
        return
    outcomes: list[object] = []
    for read in (loads, dill_loads):
        try:
            outcomes.append(repr(read(data)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be the same
            outcomes.append(type(error))

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "data",
    [
        b"c__builtin__\nNoneType\n.",
        b"cdill.dill\n_load_type\n(X\x03\x00\x00\x00inttR.",
        b"c__builtin__\n__main__\n.",
        pickle.dumps(type(None), 2),
    ],
)
def test_names_that_only_dill_understands_are_understood(data: bytes) -> None:
    assert loads(data) is dill_loads(data) or loads(data) == dill_loads(data)


@pytest.mark.parametrize("make", [threading.Lock, threading.RLock])
@pytest.mark.parametrize("is_held", [False, True])
def test_a_lock_arrives_free(make: Callable[[], Any], is_held: bool) -> None:
    lock = make()
    if is_held:
        lock.acquire()

    arrived = dill_loads(dumps(lock))

    assert type(arrived) is type(lock)
    assert arrived.acquire(blocking=False)


def test_a_cached_property_of_a_class_of_the_script_can_be_asked_for() -> None:
    program: dict[str, Any] = {"__name__": "__main__", "functools": functools}
    exec("class Own:\n @functools.cached_property\n def value(self): return 7", program)
    del program["functools"]

    assert dill_loads(dumps(program["Own"]))().value == 7
