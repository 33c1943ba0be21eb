import threading
from typing import Any

from farpool.executor.executor import BATCH_BYTES, BATCH_SIZE
from farpool.executor.future import Future
from farpool.executor.pipeline.batcher import Batcher
from farpool.executor.pipeline.sending import Sending
from farpool.executor.pipeline.task import Batch, Route, Task
from farpool.serialize import Serializer
from farpool.wire.rest import SubmitRequest

HERE, THERE = Route("here"), Route("there")


def make_task(name: str, route: Route = HERE) -> Task:
    return Task(route, "function", name, Future[Any]())


def payloads(batcher: Batcher) -> list[str]:
    batch = batcher.take()
    assert isinstance(batch, Batch)
    return [task.payload for task in batch.tasks]


def make_batcher(*, max_tasks: int = 10, max_bytes: int = 1000) -> Batcher:
    return Batcher(max_tasks=max_tasks, max_bytes=max_bytes)


def test_what_waits_is_taken_together_in_order() -> None:
    batcher = make_batcher()
    for name in "abc":
        batcher.put(make_task(name))

    assert payloads(batcher) == ["a", "b", "c"]


def test_300_arguments_of_100_kb_go_in_batches_below_the_limit() -> None:
    batcher = Batcher(max_tasks=BATCH_SIZE, max_bytes=BATCH_BYTES)
    payload = Serializer().pack_arguments((b"x" * 100_000,), {})
    for _ in range(300):
        batcher.put(make_task(payload))

    sizes: list[list[int]] = []
    while sum(map(len, sizes)) < 300:
        sizes.append([len(text) for text in payloads(batcher)])

    assert all(sum(batch) <= BATCH_BYTES for batch in sizes)
    assert len(sizes) == 6


def test_a_batch_is_bounded_by_count() -> None:
    batcher = make_batcher(max_tasks=2)
    for name in "abc":
        batcher.put(make_task(name))

    assert payloads(batcher) == ["a", "b"]
    assert payloads(batcher) == ["c"]


def test_a_batch_is_bounded_by_bytes_and_a_larger_task_goes_alone() -> None:
    batcher = make_batcher(max_bytes=5)
    for name in ("aa", "bbb", "c", "dddddddd", "e"):
        batcher.put(make_task(name))

    assert payloads(batcher) == ["aa", "bbb"]
    assert payloads(batcher) == ["c"]
    assert payloads(batcher) == ["dddddddd"]
    assert payloads(batcher) == ["e"]


def test_routes_do_not_mix_and_none_of_them_starves() -> None:
    batcher = make_batcher(max_tasks=1)
    for name in "abc":
        batcher.put(make_task(name))
    batcher.put(make_task("x", THERE))

    assert [payloads(batcher) for _ in range(4)] == [["a"], ["x"], ["b"], ["c"]]


def test_cancelled_task_is_never_taken_and_counts_as_notified() -> None:
    batcher = make_batcher()
    cancelled, kept = make_task("cancelled"), make_task("kept")
    batcher.put(cancelled)
    batcher.put(kept)
    assert cancelled.future.cancel()

    assert payloads(batcher) == ["kept"]
    assert cancelled.future._state == "CANCELLED_AND_NOTIFIED"
    assert not kept.future.cancel()


def test_a_closed_batcher_gives_out_what_is_there_and_takes_no_more() -> None:
    batcher = make_batcher()
    batcher.put(make_task("a"))
    batcher.close()

    assert batcher.put(make_task("b")) is False
    assert payloads(batcher) == ["a"]
    assert batcher.take() is None


def test_take_waits_for_the_first_task() -> None:
    batcher = make_batcher()
    taken: list[list[str]] = []
    thread = threading.Thread(target=lambda: taken.append(payloads(batcher)))
    thread.start()

    batcher.put(make_task("a"))
    thread.join(5)

    assert taken == [["a"]]


def test_close_wakes_a_waiting_taker() -> None:
    batcher = make_batcher()
    taken: list[Any] = []
    thread = threading.Thread(target=lambda: taken.append(batcher.take()))
    thread.start()

    batcher.close()
    thread.join(5)

    assert taken == [None]


def test_drain_takes_everything_that_waits() -> None:
    batcher = make_batcher()
    batcher.put(make_task("a"))
    batcher.put(make_task("b", THERE))

    assert [task.payload for task in batcher.drain()] == ["a", "b"]
    batcher.close()
    assert batcher.take() is None


def test_while_something_is_sent_nothing_is_spared() -> None:
    batcher = make_batcher()
    batcher.put(make_task("sent"))
    assert payloads(batcher) == ["sent"]
    batcher.put(make_task("a"))

    assert [task.payload for task in batcher.drain(spare_next=True)] == ["a"]


def test_drain_leaves_the_task_that_an_idle_sender_is_about_to_take() -> None:
    batcher = make_batcher()
    for name in "abc":
        batcher.put(make_task(name))

    assert [task.payload for task in batcher.drain(spare_next=True)] == ["b", "c"]
    assert payloads(batcher) == ["a"]


def test_the_task_that_drain_leaves_may_be_the_only_one_or_the_only_one_of_its_route() -> None:
    batcher = make_batcher()
    batcher.put(make_task("a"))

    assert batcher.drain(spare_next=True) == []
    assert payloads(batcher) == ["a"]

    batcher = make_batcher()
    batcher.put(make_task("a"))
    batcher.put(make_task("b", THERE))
    assert [task.payload for task in batcher.drain(spare_next=True)] == ["b"]
    batch = batcher.take()
    assert isinstance(batch, Batch)
    assert batch.route == make_task("a").route


def make_sending(*tasks: Task) -> Sending:
    return Sending(Batch(HERE, tasks), SubmitRequest({}), "key")


def test_a_request_that_failed_comes_back_when_its_time_has_come_before_what_is_new() -> None:
    now = [100.0]
    batcher = Batcher(max_tasks=10, max_bytes=1000, clock=lambda: now[0])
    sending = make_sending(make_task("failed"))
    batcher.hold(sending, 5.0, all_wait=False)
    batcher.put(make_task("a"))
    assert payloads(batcher) == ["a"]
    batcher.put(make_task("b"))
    now[0] += 5

    assert batcher.take() is sending
    assert payloads(batcher) == ["b"]


def test_while_the_service_is_away_all_wait_for_the_one_that_tries() -> None:
    batcher = make_batcher()
    sending = make_sending(make_task("failed"))
    batcher.put(make_task("a"))
    batcher.hold(sending, 0.05, all_wait=True)

    assert batcher.take() is sending
    assert payloads(batcher) == ["a"]


def test_a_batcher_is_not_idle_while_it_holds_a_request_and_a_closed_one_still_gives_it_out() -> None:
    batcher = make_batcher()
    sending = make_sending(make_task("failed"))
    batcher.hold(sending, 0.01, all_wait=True)
    batcher.close()

    assert not batcher.is_idle
    assert batcher.take() is sending
    assert batcher.take() is None
    assert batcher.is_idle


def test_what_nobody_wants_comes_back_at_once() -> None:
    batcher = make_batcher()
    wanted, unwanted = make_task("wanted"), make_task("unwanted")
    unwanted.future.cancel()
    batcher.hold(make_sending(wanted), 3600, all_wait=False)
    batcher.hold(dropped := make_sending(unwanted), 3600, all_wait=True)

    batcher.hurry(unwanted=True)

    assert batcher.take() is dropped
    assert batcher.held == 1
    batcher.hurry()
    assert isinstance(batcher.take(), Sending)


def test_an_ended_batcher_gives_up_what_it_holds() -> None:
    batcher = make_batcher()
    batcher.hold(make_sending(make_task("a"), make_task("b")), 3600, all_wait=True)
    batcher.end()

    assert batcher.take() is None
    assert not batcher.wait()
    assert [task.payload for task in batcher.drain_held()] == ["a", "b"]
    assert batcher.hold(make_sending(make_task("c")), 0, all_wait=True) is False
