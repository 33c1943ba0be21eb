from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from farpool.local.parent import ORPHANED, watch_parent

#: A parent that starts a child, says the child's id, and waits to be killed.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin={stdin}, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""
WATCHES = """
from farpool.local.parent import watch_parent
watch_parent()
print('up', flush=True)
import time
time.sleep(600)
"""
BOUND = "from farpool.local.parent import die_with_parent; assert die_with_parent(); print('up', flush=True); {busy}"
SLEEP = "import time; time.sleep(600)"
HOLD = "import re; re.match('(a+)+$', 'a' * 64 + 'b')"
#: The child has no pidfd: it must hold on to its standard input.
WITHOUT_PIDFD = "import os; del os.pidfd_open" + WATCHES


def wait_gone(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    import select

    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    gone = poll.poll(10_000)
    os.close(descriptor)
    assert gone


@pytest.mark.skipif(sys.platform != "linux", reason="uses pidfd and prctl")
@pytest.mark.parametrize(
    ("child", "stdin"),
    [
        (WATCHES, "subprocess.DEVNULL"),
        (WITHOUT_PIDFD, "subprocess.PIPE"),
        (BOUND.format(busy=SLEEP), "subprocess.DEVNULL"),
        (BOUND.format(busy=HOLD), "subprocess.DEVNULL"),
    ],
    ids=["pidfd", "stdin", "prctl", "prctl-busy"],
)
def test_a_child_ends_when_its_parent_is_killed(child: str, stdin: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT.format(stdin=stdin), child], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)

        parent.send_signal(signal.SIGKILL)

        wait_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="uses pidfd")
def test_a_function_is_called_in_place_of_the_exit() -> None:
    called = threading.Event()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as watched:
        watch_parent(called.set, pid=watched.pid)
        assert not called.wait(0.05)
        assert watched.stdin is not None

        watched.stdin.close()

        assert called.wait(10)


def test_a_parent_that_was_gone_before_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    called = threading.Event()

    watch_parent(called.set, pid=gone.pid)

    assert called.wait(10)


def test_an_orphan_exits_with_a_status_of_its_own() -> None:
    code = "from farpool.local.parent import exit_now; exit_now()"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == ORPHANED
