"""The unmodified Globus Compute SDK reads what we write, and we what it writes. One worker for each batch of cases."""

from __future__ import annotations

import pickle
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from farpool.serialize import STRATEGIES, DillDataBase64, PickleCode, Serializer, Strategy, by_value
from support.values import same

pytestmark = [pytest.mark.live, pytest.mark.slow]

Send = Callable[[Sequence[str]], list[tuple[bool, str]]]

VALUES: list[Any] = [
    None,
    True,
    -1,
    1 << 200,
    1.5,
    "",
    "é\n\ud800",
    b"\x00" * 100,
    [],
    {"a": [1, (2, {3})]},
    frozenset({1}),
    range(3),
    1j,
    "x" * 100_000,
    list(range(1000)),
]

READ_BY_THE_PEER = """
import pickle, sys
from globus_compute_sdk.serialize import ComputeSerializer
serializer = ComputeSerializer()
sys.stdout.buffer.write(pickle.dumps([serializer.deserialize(text) for text in pickle.load(sys.stdin.buffer)]))
"""

WRITTEN_BY_THE_PEER = """
import importlib.util, pickle, sys
from globus_compute_sdk.serialize import concretes
path, values = pickle.load(sys.stdin.buffer)
spec = importlib.util.spec_from_file_location("functions", path)
functions = importlib.util.module_from_spec(spec)
spec.loader.exec_module(functions)   # not in sys.modules: it cannot be imported, so it is stored by value
texts = []
for strategy in concretes.SELECTABLE_STRATEGIES:
    for value in ([functions.double] if strategy.for_code else values):
        texts.append((strategy.__name__, value if not strategy.for_code else None, strategy().serialize(value)))
sys.stdout.buffer.write(pickle.dumps(texts))
"""


def run(python: str, program: str, data: Any) -> Any:
    done = subprocess.run([python, "-c", program], input=pickle.dumps(data), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)


def test_the_peer_reads_every_value_by_every_data_strategy(peer_python: str) -> None:
    texts = [(value, DillDataBase64().serialize(value)) for value in VALUES]
    json_values: list[Any] = [None, True, -1, 1.5, "", "é\n\ud800", [], {"a": [1, "b"]}]
    texts += [
        (value, strategy.serialize(value)) for strategy in STRATEGIES if not strategy.for_code for value in json_values
    ]

    read = run(peer_python, READ_BY_THE_PEER, [text for _, text in texts])

    for (value, _), its_value in zip(texts, read, strict=True):
        assert same(its_value, value)


def test_the_peer_calls_a_function_by_every_code_strategy(send_to_peer: Send) -> None:
    def area(width: int, height: int = 2, **more: int) -> dict[str, int]:
        import math

        return {"area": width * height, **more, "root": math.isqrt(width)}

    ways: list[Strategy] = [one for one in STRATEGIES if one.for_code and not isinstance(one, PickleCode)]
    tasks = [
        Serializer(code=way).pack_function(area) + Serializer().pack_arguments((9,), {"height": 3, "more": 1})
        for way in ways
    ]

    outcomes = send_to_peer(tasks)

    for way, (succeeded, text) in zip(ways, outcomes, strict=True):
        assert succeeded, (way, text)
        assert Serializer().deserialize(text) == {"area": 27, "more": 1, "root": 3}


fn: Any


def each(calls: list[tuple[Any, ...]]) -> list[Any]:
    return [fn(*call) for call in calls]  # noqa: F821 - in the namespace that `by_value` gives


def test_the_peer_runs_a_function_of_farpools_own_without_farpool(send_to_peer: Send) -> None:
    ways: list[Strategy] = [one for one in STRATEGIES if one.for_code and not isinstance(one, PickleCode)]

    def square(number: int) -> int:
        return number * number

    tasks = [
        Serializer(code=way).pack_function(by_value(each, fn=square))
        + Serializer().pack_arguments(([(1,), (2,), (3,)],), {})
        for way in ways
    ]

    for way, (succeeded, text) in zip(ways, send_to_peer(tasks), strict=True):
        assert succeeded, (way, text)
        assert Serializer().deserialize(text) == [1, 4, 9]


def test_closures_lambdas_partials_and_methods_work_at_the_peer(send_to_peer: Send) -> None:
    import functools

    offset = 10
    add_offset: Callable[[int], int] = lambda number: number + offset  # noqa: E731 - one case
    cases: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = [
        (add_offset, (1,), 11),
        (functools.partial(pow, 2), (3,), 8),
        ("a,b".split, (",",), ["a", "b"]),
        (dict.fromkeys, ("ab",), {"a": None, "b": None}),
        (int, ("7",), 7),
    ]
    tasks = [
        Serializer().pack_function(function) + Serializer().pack_arguments(args, {}) for function, args, _ in cases
    ]

    for (_, _, expected), (succeeded, text) in zip(cases, send_to_peer(tasks), strict=True):
        assert succeeded, text
        assert Serializer().deserialize(text) == expected


def test_we_read_every_strategy_as_the_peer_writes_it(peer_python: str) -> None:
    from . import functions

    texts = run(peer_python, WRITTEN_BY_THE_PEER, (functions.__file__, [[1, "a"], {"k": None}]))

    assert {text[:2] for _, _, text in texts} == {one.identifier for one in STRATEGIES} - {"02"}
    for name, value, text in texts:
        made = Serializer().deserialize(text)
        if value is None:
            assert made(4) == 8, name
        else:
            assert same(made, value), name
