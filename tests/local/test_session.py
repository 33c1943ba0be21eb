"""What is left of a session is ended, in whatever process groups it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest

from farpool.local.session import end_session
from support.waiting import eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sessions are looked up in /proc")

#: A leader, a member of its group, and a member that leads a group of its own; each tells its id.
LEADER = """
import os, subprocess, sys
member = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(300)"]
leads = [sys.executable, "-c", "import os, time; os.setpgid(0, 0); print('up', flush=True); time.sleep(300)"]
children = [subprocess.Popen(one, stdout=subprocess.PIPE) for one in (member, leads)]
for child in children:
    child.stdout.readline()
print(*[child.pid for child in children], flush=True)
os.kill(os.getpid(), 9)
"""


def is_over(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_what_a_dead_leader_left_behind_is_ended_and_nothing_else() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    leader = subprocess.Popen([sys.executable, "-c", LEADER], stdout=subprocess.PIPE, start_new_session=True)
    assert leader.stdout is not None
    with leader.stdout as said:
        members = [psutil.Process(int(pid)) for pid in said.readline().split()]
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)

    end_session(leader.pid)

    for member in members:
        eventually(lambda member=member: is_over(member))  # type: ignore[misc]
    assert other.poll() is None
    other.kill()
    other.wait()
    assert leader.wait() == -signal.SIGKILL


def test_a_session_of_which_nothing_is_left_is_no_error() -> None:
    leader = subprocess.Popen([sys.executable, "-c", "pass"], start_new_session=True)
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)

    end_session(leader.pid)

    assert leader.wait() == 0
