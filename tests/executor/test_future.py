"""The Future by itself: cancelled, settled, awaited."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from typing import Any

import pytest

from farpool.executor.future import Future


def make_future(log: list[Future[Any]] | None = None) -> Future[Any]:
    return Future(called_off=(log if log is not None else []).append)


def test_what_has_not_been_sent_is_cancelled_and_its_owner_hears_of_it_once() -> None:
    told: list[Future[Any]] = []
    future = make_future(told)

    assert future.cancel()
    assert future.cancel()

    assert told == [future]
    assert future.cancelled()
    assert future.done()
    assert not future.set_running_or_notify_cancel()


def test_what_has_been_sent_is_not_cancelled_by_cancel_but_by_cancel_remote() -> None:
    told: list[Future[Any]] = []
    future = make_future(told)
    assert future.set_running_or_notify_cancel()

    assert not future.cancel()
    assert not future.done()
    assert told == []

    assert future.cancel_remote()
    assert future.cancelled()
    assert told == [future]


def test_what_is_done_is_not_cancelled() -> None:
    future = make_future()
    future.set_running_or_notify_cancel()
    assert future.settle(3)

    assert not future.cancel()
    assert not future.cancel_remote()
    assert future.result() == 3


def test_a_result_that_comes_after_the_cancel_is_dropped() -> None:
    future = make_future()
    future.set_running_or_notify_cancel()
    future.cancel_remote()

    assert not future.settle(3)
    assert not future.settle(None, ValueError("late"))
    assert future.cancelled()


def test_a_future_can_be_sent_again() -> None:
    future = make_future()

    assert future.set_running_or_notify_cancel()
    assert future.set_running_or_notify_cancel()
    assert future.running()


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_cancelled_future_counts_as_done_for_whoever_waits(is_sent: bool) -> None:
    future, other = make_future(), make_future()
    other.settle(1)
    if is_sent:
        future.set_running_or_notify_cancel()
    waiting = threading.Event()
    seen: list[concurrent.futures.Future[Any]] = []

    def wait() -> None:
        completed = concurrent.futures.as_completed([future, other], timeout=30)
        seen.append(next(completed))
        waiting.set()
        seen.extend(completed)

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert waiting.wait(30)
    future.cancel_remote()
    waiter.join(30)

    assert seen == [other, future]
    assert concurrent.futures.wait([future], timeout=0).done == {future}


def test_callbacks_hear_of_a_cancel() -> None:
    future = make_future()
    seen: list[bool] = []
    future.add_done_callback(lambda one: seen.append(one.cancelled()))

    future.cancel_remote()

    assert seen == [True]


def test_an_awaited_future_gives_its_value_and_its_error() -> None:
    async def main() -> None:
        value, error = make_future(), make_future()
        loop = asyncio.get_running_loop()
        loop.call_soon(value.settle, 7)
        loop.call_soon(error.settle, None, ValueError("no"))

        assert await value == 7
        assert await value == 7
        with pytest.raises(ValueError, match="no"):
            await error

    asyncio.run(main())


def test_a_future_settled_in_another_thread_wakes_the_event_loop() -> None:
    async def main() -> None:
        future = make_future()
        threading.Timer(0.01, future.settle, (7,)).start()

        assert await future == 7

    asyncio.run(main())


def test_stop_iteration_reaches_a_coroutine_as_a_runtime_error() -> None:
    async def main() -> None:
        future = make_future()
        future.settle(None, StopIteration(3))
        with pytest.raises(RuntimeError, match=r"StopIteration\(3\)"):
            await future

    asyncio.run(main())


def test_cancelling_who_awaits_cancels_the_call() -> None:
    async def main() -> Future[Any]:
        future = make_future()
        future.set_running_or_notify_cancel()

        async def wait() -> None:
            await future

        waiter = asyncio.ensure_future(wait())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        return future

    assert asyncio.run(main()).cancelled()


def test_cancelling_the_call_cancels_who_awaits() -> None:
    async def main() -> None:
        future = make_future()
        asyncio.get_running_loop().call_soon(future.cancel_remote)
        with pytest.raises(asyncio.CancelledError):
            await future

    asyncio.run(main())


def test_a_result_after_the_end_of_the_event_loop_disturbs_nobody() -> None:
    future = make_future()

    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(_bridged(future)), 0.01)

    asyncio.run(main())
    future.settle(1)


async def _bridged(future: Future[Any]) -> Any:
    return await future
