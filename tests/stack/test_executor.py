"""The Executor on the embedded stack: what a user does with it."""

from __future__ import annotations

import concurrent.futures
import itertools
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from farpool import Client, Executor, Future, TaskError, TaskExecutionFailed, WorkerLost
from farpool.client import Throttle
from farpool.errors import PayloadTooLarge, SerializationError
from farpool.local import StackLease
from farpool.serialize import JSONData, Serializer

TIMEOUT = 60


def test_a_function_runs_in_another_process_and_its_value_comes_back(executor: Executor) -> None:
    def where(base: int, *, add: int) -> tuple[int, int]:
        import os

        return os.getpid(), base + add

    pid, total = executor.submit(where, 40, add=2).result(TIMEOUT)

    assert pid != os.getpid()
    assert total == 42


def test_a_future_knows_its_task(executor: Executor, stack: StackLease) -> None:
    future = executor.submit(pow, 2, 3)

    assert isinstance(future, Future)
    assert future.result(TIMEOUT) == 8
    assert future.task_id is not None
    assert future.endpoint_id == stack.endpoint_id
    assert future.task_group_id == executor.task_group_id


def test_a_function_is_registered_once_with_its_docstring(executor: Executor, client: Client) -> None:
    def documented(value: int) -> int:
        """Give the value back."""
        return value

    futures = [executor.submit(documented, number) for number in range(5)]
    assert [future.result(TIMEOUT) for future in futures] == list(range(5))

    assert len({future.function_id for future in futures}) == 1
    assert client.get_function(futures[0].function_id)["description"] == "Give the value back."


def test_equal_code_of_another_object_is_not_registered_again(executor: Executor) -> None:
    def make() -> Callable[[int], int]:
        return lambda number: number + 1

    futures = [executor.submit(make(), number) for number in range(3)]

    assert [future.result(TIMEOUT) for future in futures] == [1, 2, 3]
    assert len({future.function_id for future in futures}) == 1


def test_a_closure_is_sent_with_what_it_holds_at_the_time(executor: Executor) -> None:
    held = 1

    def give() -> int:
        return held

    first = executor.submit(give)
    held = 2
    second = executor.submit(give)

    assert (first.result(TIMEOUT), second.result(TIMEOUT)) == (1, 2)


def test_what_is_sent_is_what_the_caller_passed(executor: Executor) -> None:
    values = [1, 2, 3]
    future = executor.submit(sum, values)
    values.append(1000)

    assert future.result(TIMEOUT) == 6


def test_arguments_may_be_named_like_ours(executor: Executor) -> None:
    future: Any = executor.submit(dict, self=1, fn=2, endpoint_id=3)

    assert future.result(TIMEOUT) == {"self": 1, "fn": 2, "endpoint_id": 3}


def test_an_exception_fails_its_task_with_the_remote_traceback(executor: Executor) -> None:
    def bad() -> None:
        raise KeyError("the missing one")

    future = executor.submit(bad)
    fine = executor.submit(pow, 3, 2)

    with pytest.raises(TaskExecutionFailed, match="the missing one") as caught:
        future.result(TIMEOUT)
    assert isinstance(caught.value, KeyError)
    assert "in bad" in str(caught.value.__cause__)
    assert caught.value.task_id == future.task_id
    assert fine.result(TIMEOUT) == 9


def test_a_worker_killed_by_its_task_fails_that_task_alone_and_names_the_signal(executor: Executor) -> None:
    def die() -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)

    def leave() -> None:
        import os

        os._exit(7)

    killed = executor.submit(die)
    left = executor.submit(leave)
    others = [executor.submit(pow, number, 2) for number in range(20)]

    with pytest.raises(WorkerLost, match="SIGKILL"):
        killed.result(TIMEOUT)
    with pytest.raises(WorkerLost, match="7"):
        left.result(TIMEOUT)
    assert [other.result(TIMEOUT) for other in others] == [number**2 for number in range(20)]


def test_a_result_that_cannot_be_sent_fails_its_task_and_says_what_it_is(executor: Executor) -> None:
    def generator() -> object:
        return (number for number in range(3))

    future = executor.submit(generator)

    with pytest.raises(TaskError, match="generator"):
        future.result(TIMEOUT)
    assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4


def test_an_argument_that_cannot_be_sent_raises_at_submit_and_disturbs_nothing(executor: Executor) -> None:
    before = executor.submit(pow, 2, 5)

    with pytest.raises(SerializationError, match="argument 2"):
        executor.submit(print, 2, (number for number in range(3)))
    with pytest.raises(SerializationError, match="argument 'end'"):
        executor.submit(print, 2, end=(number for number in range(3)))  # type: ignore[arg-type]

    assert before.result(TIMEOUT) == 32


@pytest.mark.slow
def test_an_argument_over_the_limit_fails_alone_with_its_size_and_the_limit(stack: StackLease) -> None:
    with Executor(max_workers=2, serializer=Serializer(data=JSONData())) as executor:  # which knows no references
        before = executor.submit(len, "x")
        large = executor.submit(len, "x" * 70_000_000)
        after = executor.submit(len, "xx")

        with pytest.raises(PayloadTooLarge, match=r"is \d{8} bytes long and the limit is \d{8}"):
            large.result(TIMEOUT)
        assert (before.result(TIMEOUT), after.result(TIMEOUT)) == (1, 2)


def test_an_executor_keeps_to_the_limits_of_the_client_that_it_is_given(stack: StackLease) -> None:
    limits = Throttle(requests=4, window_s=0.4, max_bytes=100_000)
    with (
        Client(service_url=stack.service_url, token=stack.token, throttle=limits) as client,
        Executor(stack.endpoint_id, client=client) as executor,
    ):
        futures = [executor.submit(len, "x" * 30_000) for _ in range(10)]
        with pytest.raises(PayloadTooLarge, match=r"are 1\d\d,\d\d\d bytes, the service takes 100,000 in one request"):
            executor.submit(len, "x" * 100_000)

        assert [future.result(TIMEOUT) for future in futures] == [30_000] * 10
        assert executor.stats().requests >= 4  # two tasks fit into one
        assert executor.stats().throttled_s <= client.stats().waited_s  # one account, read at two moments


def test_a_function_that_cannot_be_sent_raises_at_submit(executor: Executor) -> None:
    numbers = (number for number in range(3))

    def holds_a_generator() -> int:
        return next(numbers)

    with pytest.raises(SerializationError, match="holds_a_generator"):
        executor.submit(holds_a_generator)
    assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4


def test_what_is_not_callable_is_told_so(executor: Executor) -> None:
    with pytest.raises(TypeError, match="42 is not callable"):
        executor.submit(42)  # type: ignore[arg-type]


def test_map_keeps_the_order(executor: Executor) -> None:
    def slow_first(number: int) -> int:
        import time

        time.sleep(0.2 if number == 0 else 0)
        return number

    assert list(executor.map(slow_first, range(6))) == list(range(6))


def test_map_groups_calls_into_tasks(executor: Executor, client: Client) -> None:
    assert list(executor.map(pow, range(1000), itertools.repeat(2), chunksize=100)) == [n * n for n in range(1000)]

    group = executor.task_group_id
    assert group is not None
    assert len(client.get_task_group(group)) == 10


def test_map_reads_an_endless_input_only_as_far_as_the_buffer(executor: Executor) -> None:
    consumed: list[int] = []

    def count() -> Any:
        for number in itertools.count():
            consumed.append(number)
            yield number

    results = executor.map(abs, count(), buffersize=8)

    assert next(results) == 0
    assert len(consumed) <= 9
    assert next(results) == 1


def test_map_times_out(executor: Executor) -> None:
    import time

    with pytest.raises(concurrent.futures.TimeoutError):
        list(executor.map(time.sleep, [0, 1], timeout=0.3))


@pytest.mark.parametrize("arguments", [{"chunksize": 0}, {"chunksize": -1}, {"buffersize": 0}])
def test_map_refuses_counts_below_one(executor: Executor, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be greater than 0"):
        executor.map(abs, [1], **arguments)


def test_as_completed_and_wait_work(executor: Executor) -> None:
    futures = [executor.submit(pow, number, 2) for number in range(50)]

    assert {future.result() for future in concurrent.futures.as_completed(futures, TIMEOUT)} == {
        number**2 for number in range(50)
    }
    done, not_done = concurrent.futures.wait(futures)
    assert len(done) == 50
    assert not not_done


def test_large_arrays_travel(executor: Executor) -> None:
    np = pytest.importorskip("numpy")
    array = np.arange(200_000, dtype=np.float64)

    def double(values: Any) -> Any:
        return values * 2

    for result in executor.map(double, [array] * 5):
        assert np.array_equal(result, array * 2)


def test_many_threads_submit_at_once(executor: Executor) -> None:
    futures: dict[int, Any] = {}

    def submit(start: int) -> None:
        for number in range(start, start + 50):
            futures[number] = executor.submit(pow, number, 2)

    threads = [threading.Thread(target=submit, args=(start,)) for start in range(0, 400, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {number: future.result(TIMEOUT) for number, future in futures.items()} == {n: n * n for n in range(400)}


def test_a_callback_may_submit_again(executor: Executor) -> None:
    second: list[Any] = []
    done = threading.Event()

    def again(future: concurrent.futures.Future[int]) -> None:
        second.append(executor.submit(pow, future.result(), 2))
        done.set()

    executor.submit(pow, 3, 2).add_done_callback(again)

    assert done.wait(TIMEOUT)
    assert second[0].result(TIMEOUT) == 81


def test_a_registered_function_is_run_by_its_id(executor: Executor, client: Client) -> None:
    function_id = client.register_source_code("def triple(x):\n    return 3 * x\n", "triple")

    assert executor.submit_to_registered_function(function_id, (14,)).result(TIMEOUT) == 42
    assert executor.submit_to_registered_function(function_id, kwargs={"x": 2}).result(TIMEOUT) == 6


def test_a_function_can_be_registered_ahead(executor: Executor, client: Client) -> None:
    def early() -> str:
        """Docstring."""
        return "early"

    function_id = executor.register_function(early, description="by hand")
    future = executor.submit(early)

    assert future.result(TIMEOUT) == "early"
    assert future.function_id == function_id
    assert client.get_function(function_id)["description"] == "by hand"


def test_what_is_said_of_a_function_ahead_is_what_people_find(executor: Executor, client: Client) -> None:
    def published() -> str:
        """Docstring of its own."""
        return "published"

    def submitted() -> str:
        """Docstring of one that was submitted."""
        return "submitted"

    function_id = executor.register_function(
        published, description=None, metadata={"lab": 7}, public=True, function_name="known as"
    )
    future = executor.submit(submitted)

    (found,) = client.search_functions("docstring OWN known")
    assert found["function_uuid"] == function_id
    assert (found["description"], found["metadata"], found["public"]) == ("Docstring of its own.", {"lab": 7}, True)
    assert future.result(TIMEOUT) == "submitted"
    (found,) = client.search_functions("was submitted")
    assert found["function_uuid"] == future.function_id
    with pytest.raises(ValueError, match="function_id was given together with description, public: what is said of"):
        executor.register_function(published, function_id, description="other", public=False)


def test_two_executors_share_one_stack(stack: StackLease) -> None:
    with Executor(max_workers=2) as first, Executor(max_workers=2, label="second") as second:
        a, b = first.submit(pow, 2, 2), second.submit(pow, 3, 2)

        assert (a.result(TIMEOUT), b.result(TIMEOUT)) == (4, 9)
        assert a.endpoint_id == b.endpoint_id == stack.endpoint_id
        assert first.task_group_id != second.task_group_id


@pytest.mark.slow
def test_tasks_are_found_again_by_another_executor(executor: Executor) -> None:
    def boom() -> None:
        raise ValueError("boom")

    def slow() -> str:
        import time

        time.sleep(1)
        return "slow"

    futures: list[Future[Any]] = [executor.submit(pow, 2, 2), executor.submit(boom)]
    concurrent.futures.wait(futures, TIMEOUT)
    futures.append(executor.submit(slow))
    while futures[-1].task_id is None:
        threading.Event().wait(0.01)

    with Executor(max_workers=2) as other:
        found = {future.task_id: future for future in other.reload_tasks(executor.task_group_id)}
        assert found.keys() == {future.task_id for future in futures}
        assert found[futures[0].task_id].result(TIMEOUT) == 4
        with pytest.raises(TaskExecutionFailed, match="boom"):
            found[futures[1].task_id].result(TIMEOUT)
        # Both take from one queue: who does not get the message asks for the result after a while.
        assert found[futures[2].task_id].result(TIMEOUT) == "slow"
        assert futures[2].result(TIMEOUT) == "slow"
        assert other.task_group_id == executor.task_group_id


def test_reloading_without_a_group_says_what_to_do(stack: StackLease) -> None:
    with Executor(max_workers=2) as ex, pytest.raises(ValueError, match="no task group to reload"):
        ex.reload_tasks()


def test_options_set_on_the_executor_are_bound_at_submit(executor: Executor) -> None:
    executor.user_endpoint_config = {"partition": "gpu"}
    executor.result_serializers = ["globus_compute_sdk.serialize.JSONData"]
    plain = executor.submit(pow, 2, 2)
    executor.resource_specification = {"cores": 2}
    special = executor.submit(pow, 2, 2)

    assert plain.result(TIMEOUT) == 4
    with pytest.raises(TaskError, match="this endpoint cannot give cores"):
        special.result(TIMEOUT)
    assert executor.resource_specification == {"cores": 2}
    assert executor.user_endpoint_config == {"partition": "gpu"}
    assert executor.result_serializers == ["globus_compute_sdk.serialize.JSONData"]
