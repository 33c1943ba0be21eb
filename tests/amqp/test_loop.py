import threading
from functools import partial

import pytest

from farpool.amqp import Loop


def test_calls_from_other_threads_run_in_the_loops_thread_in_order() -> None:
    loop = Loop()
    seen: list[tuple[int, int]] = []

    def note(number: int) -> None:
        seen.append((number, threading.get_ident()))

    thread = threading.Thread(target=loop.run)
    thread.start()

    for number in range(100):
        assert loop.call(partial(note, number))
    loop.stop()
    thread.join()

    assert seen == [(number, thread.ident) for number in range(100)]


def test_a_stopped_loop_says_that_it_will_not_call() -> None:
    loop = Loop()
    loop.stop()
    loop.run()

    assert loop.call(lambda: None) is False


def test_a_cancelled_timer_does_not_fire() -> None:
    loop = Loop()
    fired: list[str] = []
    cancelled = loop.call_later(0.0, lambda: fired.append("cancelled"))
    loop.call_later(0.01, lambda: fired.append("kept"))
    loop.call_later(0.02, loop.stop)
    cancelled.cancel()

    loop.run()

    assert fired == ["kept"]


def test_a_finalizer_can_call_in_the_middle_of_a_call() -> None:
    loop = Loop()
    seen: list[int] = []
    done = threading.Event()

    with loop._lock:  # pyright: ignore[reportPrivateUsage] - as when the garbage collector runs inside `call`
        for number in range(10_000):  # more than the bell holds
            loop.call_from_anywhere(partial(seen.append, number))
        loop.call_from_anywhere(done.set)
    thread = threading.Thread(target=loop.run)
    thread.start()

    assert done.wait(30)
    loop.stop()
    thread.join()
    assert seen == list(range(10_000))


def test_what_a_finalizer_calls_after_the_end_is_dropped() -> None:
    loop = Loop()
    loop.stop()
    loop.run()

    loop.call_from_anywhere(lambda: pytest.fail("called"))
