"""The initializer as a part: what travels, and what it does in one process; its table is this process's own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from farpool.errors import SerializationError
from farpool.executor.functions.initializer import Initializer
from farpool.executor.maps.calls import call_each
from farpool.serialize import AllCodeStrategies, DillCode, PureSourceTextInspect, Serializer, Strategy
from farpool.wire.packing import unpack

#: A program's main module, with state that its functions share.
MAIN = """
model = None
cache = {}
runs = 0
limit = 10

def warm():
    cache["warm"] = True

def init(name):
    global model, runs
    runs += 1
    model = name
    warm()

def look():
    return model, dict(cache), runs, limit

def replace(name):
    global model
    model = name
"""


@pytest.fixture
def main() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(MAIN, space)
    return space


def sent(initializer: Initializer, fn: Callable[..., Any], strategy: Strategy | None = None) -> Callable[..., Any]:
    """What a worker runs: made anew from what was sent, as for each task."""
    serializer = Serializer(code=strategy or DillCode())
    made: Callable[..., Any] = serializer.deserialize(unpack(serializer.pack_function(initializer.before(fn)))[0])
    return made


def test_it_runs_once_in_a_process_and_its_globals_stay(main: dict[str, Any]) -> None:
    initializer = Initializer(main["init"], ("resnet",))

    first = sent(initializer, main["look"])()
    main["limit"] = 20  # what the function alone uses is as it is at the registration
    second = sent(initializer, main["look"])()

    assert first == ("resnet", {"warm": True}, 1, 10)
    assert second == ("resnet", {"warm": True}, 1, 20)
    assert main["model"] is None


def test_what_a_task_sets_of_them_the_next_one_finds(main: dict[str, Any]) -> None:
    initializer = Initializer(main["init"], ("resnet",))

    sent(initializer, main["replace"])("alexnet")

    assert sent(initializer, main["look"])() == ("alexnet", {"warm": True}, 1, 10)


def test_each_executor_has_its_own_run(main: dict[str, Any]) -> None:
    one, other = Initializer(main["init"], ("one",)), Initializer(main["init"], ("other",))

    assert sent(one, main["look"])()[0] == "one"
    assert sent(other, main["look"])()[0] == "other"
    assert sent(one, main["look"])()[0] == "one"


def test_a_partial_does_as_well(main: dict[str, Any]) -> None:
    initializer = Initializer(functools.partial(main["init"], "partial"))

    sent(initializer, main["look"])()

    assert sent(initializer, main["look"])()[0] == "partial"


def test_threads_wait_until_it_has_run() -> None:
    # Functions of a module, shared by name: what they do is seen from here.
    initializer = Initializer(slow_start)
    started.clear()
    go.clear()
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(sent(initializer, count_starts)())) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert at_work.wait(10)
    go.set()
    for thread in threads:
        thread.join()

    assert seen == [1, 1, 1, 1]


started: list[int] = []
at_work, go = threading.Event(), threading.Event()


def slow_start() -> None:
    at_work.set()
    go.wait(10)
    started.append(1)


def count_starts() -> int:
    return len(started)


def fail_to_start() -> None:
    started.append(1)
    raise ValueError("no GPU here")


def test_its_failure_is_known_again_and_it_is_not_tried_twice() -> None:
    initializer = Initializer(fail_to_start)
    started.clear()
    errors: list[RuntimeError] = []
    for _ in range(2):
        with pytest.raises(RuntimeError, match="the initializer failed with ValueError: no GPU here") as caught:
            sent(initializer, count_starts)()
        errors.append(caught.value)

    assert started == [1]
    assert all(repr(initializer.failure_in(error)) == "ValueError('no GPU here')" for error in errors)
    told_as_text = RuntimeError(f"Traceback ...\nRuntimeError: {errors[0]}")
    assert initializer.failure_in(told_as_text) is told_as_text
    assert Initializer(fail_to_start).failure_in(errors[0]) is None
    assert initializer.failure_in(ValueError("no GPU here")) is None


@pytest.mark.parametrize("strategy", [PureSourceTextInspect(), AllCodeStrategies()])
def test_it_can_be_sent_as_source(strategy: Strategy) -> None:
    initializer = Initializer(by_source, ({"depth": 3}, "x"))

    assert sent(initializer, read_back, strategy)() == [{"depth": 3}, "x"]


def by_source(*given: object) -> None:
    import builtins

    builtins.__dict__["farpool_test_given"] = list(given)


def read_back() -> object:
    import builtins

    given: object = builtins.__dict__.pop("farpool_test_given")
    return given


def test_what_is_no_function_or_no_arguments_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match="initializer must be a callable, not 3"):
        Initializer(3)  # type: ignore[arg-type]  # what is tested
    with pytest.raises(TypeError, match="not iterable"):
        Initializer(print, 3)  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("strategy", [DillCode(), PureSourceTextInspect()], ids=str)
def test_it_runs_before_a_chunk_of_a_map(strategy: Strategy) -> None:
    initializer = Initializer(by_source, (3,))

    assert sent(initializer, call_each(read_back), strategy)([()]) == [[3]]


def iter_nothing() -> Iterator[None]:
    yield None


def test_arguments_that_cannot_be_sent_are_named() -> None:
    initializer = Initializer(by_source, ({"frames": iter_nothing()},))

    with pytest.raises(
        SerializationError, match=r"argument 'initargs' \(a tuple\), at \[0\]\['frames'\], a generator, cannot be"
    ):
        sent(initializer, read_back)
