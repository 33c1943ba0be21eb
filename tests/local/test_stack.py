"""A stack's processes: started when wanted, shared, stopped with the last user, and what is said when one fails."""

from __future__ import annotations

import os
import queue
import signal
import stat
import sys
import threading
from pathlib import Path

import psutil
import pytest

from farpool import StackError
from farpool.local.child import Child
from farpool.local.lease import StackLease
from farpool.local.stack import Agent, Stack


def enter(stack: Stack, max_workers: int) -> Agent:
    agent = stack.enter(max_workers)
    assert agent is not None
    return agent


def ready(stack: Stack, max_workers: int) -> Agent:
    agent = enter(stack, max_workers)
    agent.child.wait_announced()
    return agent


def lease(stack: Stack, agent: Agent) -> StackLease:
    return StackLease(stack, agent, service_url="http://127.0.0.1:1", endpoint_id="-")


def pid_of(child: Child) -> int:
    assert child.pid is not None
    return child.pid


def test_the_agent_learns_where_the_service_is_and_what_opens_it(stack: Stack) -> None:
    agent = ready(stack, 2)

    told = agent.child.announced.result()

    assert told["service_url"] == stack.service.announced.result()["service_url"]
    assert told["token"] == stack.token
    stack.leave(agent)


def test_workers_find_modules_where_the_program_does(stack: Stack) -> None:
    agent = ready(stack, 2)

    told = agent.child.announced.result()["sys_path"]

    assert told == [os.path.abspath(entry) for entry in sys.path]
    stack.leave(agent)


def test_the_token_is_in_a_file_that_only_the_user_can_read(stack: Stack) -> None:
    path = stack.directory / "service" / "token"

    assert path.read_text() == stack.token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stack.leave(ready(stack, 2))


def test_equal_numbers_of_workers_share_an_agent(stack: Stack) -> None:
    first, second = ready(stack, 2), ready(stack, 2)

    assert first is second

    stack.leave(first)
    assert psutil.pid_exists(pid_of(second.child))
    stack.leave(second)


def test_another_number_of_workers_gets_another_agent_on_the_same_service(stack: Stack) -> None:
    two, four = ready(stack, 2), ready(stack, 4)

    assert two.child.pid != four.child.pid
    assert two.child.announced.result()["service_url"] == four.child.announced.result()["service_url"]

    stack.leave(two)
    assert two.child.ended.done()
    assert not four.child.ended.done()
    stack.leave(four)


def test_the_last_to_leave_stops_everything_and_removes_the_directory(stack: Stack) -> None:
    agent = ready(stack, 2)
    pids = [pid_of(agent.child), pid_of(stack.service)]

    stack.leave(agent)

    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not stack.directory.exists()


def test_a_stack_that_is_over_takes_nobody_in(stack: Stack) -> None:
    stack.leave(ready(stack, 2))

    assert stack.enter(2) is None


def test_many_threads_enter_one_agent_and_leave_it(stack: Stack) -> None:
    agents: list[Agent] = []
    barrier = threading.Barrier(8)

    def use() -> None:
        barrier.wait()
        agents.append(ready(stack, 2))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(agent) for agent in agents}) == 1
    for agent in agents:
        stack.leave(agent)
    assert stack.service.ended.result() is None


def test_a_child_that_dies_at_its_start_is_quoted(stack: Stack) -> None:
    agent = enter(stack, 1)

    with pytest.raises(StackError) as caught:
        agent.child.wait_announced()

    message = str(caught.value)
    assert "the embedded endpoint of 1 workers" in message
    assert "ended with exit code 1 while it was starting" in message
    assert "    the engine is broken\n" in message
    stack.leave(agent)
    assert str(agent.child.log_file) in message
    assert agent.child.log_file.read_text().endswith("the engine is broken\n")
    assert not (stack.directory / "service").exists()


def test_a_failed_agent_is_replaced_at_the_next_try(stack: Stack) -> None:
    failed = enter(stack, 1)
    with pytest.raises(StackError):
        failed.child.wait_announced()

    again = enter(stack, 1)

    assert again is not failed
    stack.leave(failed)
    stack.leave(again)


def test_a_program_that_is_not_there_is_named(private_tmp: Path) -> None:
    stack = Stack(["/no/such/python"])
    agent = enter(stack, 2)

    with pytest.raises(StackError, match=r"the embedded service could not be started with '/no/such/python'"):
        stack.service.wait_announced()

    stack.leave(agent)


def test_an_unreadable_announcement_is_quoted(stack: Stack) -> None:
    agent = enter(stack, 7)

    with pytest.raises(StackError, match="announced itself unreadably: b'nonsense"):
        agent.child.wait_announced()

    stack.leave(agent)


def test_a_child_that_ignores_the_request_to_end_is_killed(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farpool.local.child.STOP_TIMEOUT_S", 0.2)
    agent = ready(stack, 5)

    stack.leave(agent)

    assert not psutil.pid_exists(pid_of(agent.child))


def test_the_lease_tells_that_the_agent_died(stack: Stack) -> None:
    agent = ready(stack, 2)
    held = lease(stack, agent)
    told: queue.Queue[StackError] = queue.Queue()
    held.on_death(told.put)
    held.check()

    os.kill(pid_of(agent.child), signal.SIGKILL)

    assert "was killed by SIGKILL after it had started" in str(told.get(timeout=10))
    with pytest.raises(StackError, match="SIGKILL"):
        held.check()
    held.release()


def test_the_death_of_the_service_is_told_once_to_every_lease(stack: Stack) -> None:
    two, four = ready(stack, 2), ready(stack, 4)
    leases = [lease(stack, two), lease(stack, four)]
    told: queue.Queue[StackError] = queue.Queue()
    for held in leases:
        held.on_death(told.put)

    os.kill(pid_of(stack.service), signal.SIGKILL)

    assert told.get(timeout=10) is told.get(timeout=10)
    assert stack.enter(2) is None
    for held in leases:
        held.release()
    assert told.empty()


def test_a_release_is_no_death(stack: Stack) -> None:
    held = lease(stack, ready(stack, 2))
    errors: list[StackError] = []
    held.on_death(errors.append)

    held.release()
    held.release()

    assert errors == []
    held.check()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_does_not_stop_its_parents_stack(stack: Stack) -> None:
    held = lease(stack, ready(stack, 2))

    child = os.fork()
    if child == 0:
        try:
            held.release()
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    held.check()
    assert psutil.pid_exists(pid_of(stack.service))
    held.release()
