"""One embedded stack: a service, its agents, the directory they live in, and the count of who uses them.

`enter` and `leave` change the count under the lock and start and stop processes outside it.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import StackError
from .child import Child
from .directory import PrivateDirectory, sweep


@dataclass(slots=True)
class Agent:
    """An endpoint agent of a stack and how many leases it has."""

    child: Child
    max_workers: int
    leases: int = 0


class Stack:
    """A service and its agents; starts with the first `enter`, ends with the last `leave`.

    Args:
        program: how `farpool` is called: the interpreter and what to run.

    Attributes:
        directory: the private directory; the children's logs are in it.
        token: the bearer token of the service.
        service: the service's process.
    """

    def __init__(self, program: Sequence[str] | None = None) -> None:
        sweep()
        self._program = list(program) if program is not None else farpool_program()
        self._directory = PrivateDirectory()
        self.directory = self._directory.path
        self.token = _write_token(self.directory / "service")
        self.service = Child("the embedded service", self._serve_command(), self.directory / "service.log")
        self._lock = threading.Lock()
        self._agents: dict[int, Agent] = {}
        self._agents_made = self._leases = 0
        self._is_started = self._is_closed = self._has_failed = False

    def enter(self, max_workers: int) -> Agent | None:
        """Count one more user of the agent with `max_workers` workers; start what is not running.

        Returns:
            The agent, which may not serve yet: see its `child.announced`; or None when this stack is over and another
            one is to be made.
        """
        with self._lock:
            if self._is_closed or self.service.ended.done():
                return None
            starts_service, self._is_started = not self._is_started, True
            agent = self._agents.get(max_workers)
            starts_agent = agent is None or agent.child.ended.done()
            if agent is None or starts_agent:
                agent = self._agents[max_workers] = Agent(self._new_agent(max_workers), max_workers)
            agent.leases += 1
            self._leases += 1
        if starts_service:
            self.service.start()
        if starts_agent:
            agent.child.start()
            # In the thread that waits for the service, as soon as it serves: no round through the caller.
            self.service.announced.add_done_callback(lambda announced: self._connect(agent.child, announced))
        return agent

    def leave(self, agent: Agent, *, at_once: bool = False) -> None:
        """Count one user of the agent less; the last one stops it, and the last of all stops the service.

        Args:
            agent: the agent.
            at_once: end it without giving it the time to tidy up, as when Ctrl-C was pressed; that may have hit the
                children too, while they started, and there is nothing to keep for anybody to read.
        """
        with self._lock:
            agent.leases -= 1
            self._leases -= 1
            is_last_of_agent = not agent.leases
            if is_last_of_agent and self._agents.get(agent.max_workers) is agent:  # not when it died and was replaced
                del self._agents[agent.max_workers]
            is_last = self._is_closed = not self._leases
            self._has_failed |= _has_failed(agent.child) or _has_failed(self.service)
        try:
            if is_last_of_agent and at_once:
                agent.child.kill()
            elif is_last_of_agent:
                agent.child.begin_stop()
                agent.child.finish_stop()
        finally:
            if is_last:
                self.service.kill()  # what it keeps is thrown away: there is nothing to wait for
                self._directory.close(keep_logs=self._has_failed and not at_once)

    def _connect(self, agent: Child, announced: Future[Mapping[str, Any]]) -> None:
        if announced.exception() is not None:
            agent.begin_stop()
            return
        # Functions travel by the name of their module: the workers must find modules where the program does.
        where = {"service_url": announced.result()["service_url"], "token": self.token, "sys_path": _module_paths()}
        agent.feed(json.dumps(where))

    def _serve_command(self) -> list[str]:
        options = ("--directory", str(self.directory / "service"), "--port", "0", "--amqp-port", "0", "--ephemeral")
        return [*self._program, "serve", *options, "--json", "--exit-with-parent", str(os.getpid())]

    def _new_agent(self, max_workers: int) -> Child:
        self._agents_made += 1
        home = self.directory / f"endpoint-{self._agents_made}"
        # Who lets go of the stack wants no result any more: nothing that runs is waited for.
        options = ("--directory", str(home), "--workers", str(max_workers), "--grace", "0", "--connection-from-stdin")
        watch = ("--foreground", "--json", "--exit-with-parent", str(os.getpid()))
        command = [*self._program, "endpoint", "start", "embedded", *options, *watch]
        name = f"the embedded endpoint of {max_workers} workers"
        return Child(name, command, home.with_suffix(".log"), lends_output=True)


def farpool_program() -> list[str]:
    """Say how to call `farpool` with the interpreter that runs this.

    Raises:
        StackError: this Python does not know its own interpreter, as when it is embedded in another program.
    """
    if not sys.executable:
        raise StackError(
            "this Python does not know its interpreter (sys.executable is empty), so no stack can be started with it: "
            "start one with 'farpool serve' and 'farpool endpoint start', then set FARPOOL_SERVICE_URL and "
            "FARPOOL_ENDPOINT_ID"
        )
    # Without -P, `-m` would look for modules in the working directory first, where this program may not look at all.
    is_safe = sys.version_info >= (3, 11) and not {"", os.getcwd()} & set(sys.path)
    return [sys.executable, *(["-P"] if is_safe else []), "-m", "farpool"]


def _module_paths() -> list[str]:
    return [str(Path(entry).absolute()) for entry in sys.path]


def _has_failed(child: Child) -> bool:
    return child.ended.done() and child.ended.result() is not None


def _write_token(directory: Path) -> str:
    token = secrets.token_urlsafe(32)
    directory.mkdir(mode=0o700)
    path = directory / "token"
    path.touch(mode=0o600)
    path.write_text(token)
    return token
