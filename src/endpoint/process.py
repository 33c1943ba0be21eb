"""Agents as processes of this machine: start one in the background, stop, list, look at and delete them.

Functions on values; printing is the command line's.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FarpoolError, StackError
from .directory import EndpointDirectory

#: From the start of a detached agent until it is online.
START_TIMEOUT_S = 60.0
#: Beyond the grace period of its tasks, from SIGTERM until an agent is killed.
STOP_TIMEOUT_S = 15.0
#: How much of the log an error quotes.
TAIL_LINES = 15
TAIL_BYTES = 8192
#: A log that is larger at the start of an agent is put aside as agent.log.1.
MAX_LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class EndpointState:
    """How an endpoint is on this machine.

    Attributes:
        endpoint_id: its id at the service; None before its first registration.
        pid: the agent's process id; None when it does not run.
        path: its directory.
        problem: what is wrong with its files, if anything is.
    """

    name: str
    endpoint_id: str | None
    pid: int | None
    path: Path
    problem: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether its agent runs."""
        return self.pid is not None


def start_detached(
    directory: EndpointDirectory,
    *,
    service_url: str | None = None,
    token: str | None = None,
    timeout_s: float = START_TIMEOUT_S,
) -> str:
    """Start the endpoint's agent in the background and wait until it is online.

    Args:
        directory: the endpoint's.
        service_url: as for `run_agent`.
        token: as for `run_agent`; passed on unseen by other users.
        timeout_s: how long to wait; an agent that is not online by then is stopped.

    Returns:
        The endpoint's id.

    Raises:
        FarpoolError: it is running already, or could not start: quotes its error or the end of its log. The agent's
            exit code is in `exit_code`, an attribute of the error.
    """
    pid = directory.holder()
    if pid is not None:
        raise FarpoolError(
            f"endpoint {directory.name!r} is running already, as process {pid}; "
            f"stop it with: farpool endpoint stop {directory.name}"
        )
    directory.config()  # its faults are told here, not in a log
    work = directory.path / "work"
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    _turn_log(directory.log_file)
    announced, announce = os.pipe()
    try:
        with directory.log_file.open("ab") as log_file:
            launcher = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
                [
                    sys.executable,
                    "-m",
                    "farpool.endpoint",
                    str(directory.path.absolute()),
                    directory.name,
                    str(announce),
                ],
                stdin=subprocess.PIPE,
                stdout=log_file,
                stderr=log_file,
                pass_fds=(announce,),
                cwd=work,
            )
        os.close(announce)
        announce = -1
        # The launcher forks the agent off and ends; the agent reads this line.
        launcher.communicate(json.dumps({"service_url": service_url, "token": token}).encode())
        return _wait_online(directory, announced, timeout_s)
    finally:
        os.close(announced)
        if announce >= 0:
            os.close(announce)


def stop(directory: EndpointDirectory, *, timeout_s: float | None = None) -> bool:
    """Stop the endpoint's agent: tasks that run may end (`grace_s`), then it is killed. Blocks until it is gone.

    Args:
        directory: the endpoint's.
        timeout_s: seconds until it is killed; left out: its grace period and a little more.

    Returns:
        Whether it was running.

    Raises:
        FarpoolError: it belongs to another user, or cannot be ended.
    """
    pid = directory.holder()
    if pid is None:
        return False
    if timeout_s is None:
        with contextlib.suppress(FarpoolError):
            timeout_s = directory.config().grace_s + STOP_TIMEOUT_S
    released = threading.Thread(target=directory.wait_released, name="farpool endpoint stop", daemon=True)
    released.start()
    for number, wait_s in ((signal.SIGTERM, timeout_s or STOP_TIMEOUT_S), (signal.SIGKILL, STOP_TIMEOUT_S)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            raise FarpoolError(f"endpoint {directory.name!r}, process {pid}, belongs to another user") from error
        released.join(wait_s)
        if not released.is_alive():
            return True
    raise FarpoolError(f"endpoint {directory.name!r}, process {pid}, does not end, not even by SIGKILL")


def status(directory: EndpointDirectory) -> EndpointState:
    """Say how an endpoint is on this machine.

    Raises:
        FarpoolError: there is no such endpoint.
    """
    if not directory.exists:
        raise FarpoolError(
            f"there is no endpoint {directory.name!r} in {directory.path.parent}; "
            f"make one with: farpool endpoint start {directory.name}"
        )
    problem: str | None = None
    endpoint_id: str | None = None
    try:
        endpoint_id = directory.endpoint_id()
        directory.config()
    except FarpoolError as error:
        problem = str(error)
    return EndpointState(directory.name, endpoint_id, directory.holder(), directory.path, problem)


def list_endpoints(home: Path) -> list[EndpointState]:
    """Say how all endpoints of a home (`Settings.home`) are, by name."""
    place = Path(home) / "endpoints"
    if not place.is_dir():
        return []
    found: list[EndpointState] = []
    for path in sorted(place.iterdir()):
        with contextlib.suppress(ValueError):  # not an endpoint's name
            if path.is_dir():
                found.append(status(EndpointDirectory(path)))
    return found


def delete(directory: EndpointDirectory) -> None:
    """Delete an endpoint from this machine; the service still knows it.

    Raises:
        FarpoolError: there is none, or it runs.
    """
    status(directory)
    directory.remove()


def log_tail(path: Path) -> str:
    """Give the last lines of a log, indented."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = stream.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])


def _wait_online(directory: EndpointDirectory, announced: int, timeout_s: float) -> str:
    deadline = time.monotonic() + timeout_s
    text = b""
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([announced], [], [], left_s)[0]:
            stop(directory, timeout_s=STOP_TIMEOUT_S)
            raise _not_started(directory, f"is not online after {timeout_s:.0f} s and was stopped", 75)
        piece = os.read(announced, 65536)
        text += piece
        if not piece or text.endswith(b"\n"):
            break
    said: dict[str, Any] = json.loads(text) if text else {}
    if "endpoint_id" in said:
        return str(said["endpoint_id"])
    if "error" in said:
        error = FarpoolError(f"endpoint {directory.name!r} could not start: {said['error']}")
        error.__dict__["exit_code"] = said.get("exit_code", 1)
        raise error
    raise _not_started(directory, "ended while it was starting", 70)


def _not_started(directory: EndpointDirectory, what: str, exit_code: int) -> StackError:
    tail = log_tail(directory.log_file)
    last_words = f"; the end of its log:\n{tail}\n" if tail else "; it logged nothing. "
    error = StackError(f"endpoint {directory.name!r} {what}{last_words}Its log is {directory.log_file}")
    error.__dict__["exit_code"] = exit_code
    return error


def _turn_log(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > MAX_LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
