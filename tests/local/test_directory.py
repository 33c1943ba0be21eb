"""The private directory: whose it is, and what becomes of it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from farpool.local.directory import KEEP_LOGS_S, PrivateDirectory, sweep

OWNER = """
import os, signal, sys
from pathlib import Path
from farpool.local.directory import PrivateDirectory
directory = PrivateDirectory(Path(sys.argv[1]))
if "fork" in sys.argv and os.fork() == 0:
    signal.pause()
print(directory.path, flush=True)
signal.pause()
"""


def test_only_the_user_may_enter_the_directory(tmp_path: Path) -> None:
    directory = PrivateDirectory(tmp_path)

    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700

    directory.close()


def test_closing_removes_everything(tmp_path: Path) -> None:
    directory = PrivateDirectory(tmp_path)
    (directory.path / "service").mkdir()
    (directory.path / "service" / "token").write_text("secret")

    directory.close()

    assert list(tmp_path.iterdir()) == []


def test_logs_can_be_kept_and_nothing_else_is(tmp_path: Path) -> None:
    directory = PrivateDirectory(tmp_path)
    (directory.path / "service").mkdir()
    (directory.path / "service" / "token").write_text("secret")
    (directory.path / "service.log").write_text("why")

    directory.close(keep_logs=True)

    assert [path.name for path in directory.path.iterdir()] == ["service.log"]


def test_the_directory_of_a_living_program_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().decode().strip())

        removed = sweep(tmp_path)

        owner.kill()
    assert removed == []
    assert path.exists()


def test_the_directory_of_a_killed_program_is_swept_up(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        path = Path(owner.stdout.readline().decode().strip())
        owner.kill()

    removed = sweep(tmp_path)

    assert removed == [path]
    assert not path.exists()


def test_a_forked_child_that_lives_on_does_not_keep_the_directory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OWNER, str(tmp_path), "fork"]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert owner.stdout is not None
    with owner.stdout:
        path = Path(owner.stdout.readline().decode().strip())
    owner.kill()
    owner.wait()

    removed = sweep(tmp_path)

    os.killpg(owner.pid, signal.SIGKILL)  # fails when the forked child was not there any more
    assert removed == [path]


def test_own_directories_are_not_swept_up(tmp_path: Path) -> None:
    directory = PrivateDirectory(tmp_path)

    assert sweep(tmp_path) == []

    assert directory.path.exists()
    directory.close()


def test_kept_logs_go_after_a_day(tmp_path: Path) -> None:
    young, old = tmp_path / "farpool-stack-1-young", tmp_path / "farpool-stack-1-old"
    young.mkdir()
    old.mkdir()
    past = old.stat().st_mtime - KEEP_LOGS_S - 1
    os.utime(old, (past, past))

    assert sweep(tmp_path) == [old]


def test_links_and_other_names_are_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.mkdir()
    (tmp_path / "farpool-stack-1-link").symlink_to(target)
    (tmp_path / "something").mkdir()

    assert sweep(tmp_path) == []
