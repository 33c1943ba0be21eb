"""Services for tests: in a thread of the test's own process, or in a process of their own that can be killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from farpool.service import Server, ServiceAddress, ServiceOptions

START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that serves.

    Attributes:
        token: the local user's bearer token.
        pid: its process; the test's own for one in a thread.
    """

    url: str
    amqp_port: int
    directory: Path
    token: str
    pid: int


def service_options(directory: Path, **changes: Any) -> ServiceOptions:
    """Options for a service of a test: loopback, free ports, no waiting for the disk."""
    options = ServiceOptions(directory=directory, host="127.0.0.1", port=0, amqp_port=0, durable=False)
    return replace(options, **changes)


@contextlib.contextmanager
def service_in_thread(directory: Path, **changes: Any) -> Generator[RunningService, None, None]:
    """Run a service in a thread, until the block ends.

    Args:
        directory: the service's directory.
        changes: for `ServiceOptions`.
    """
    ready: Future[ServiceAddress] = Future()
    server = Server(service_options(directory, ready=ready.set_result, **changes))

    def serve() -> None:
        try:
            asyncio.run(server.serve())
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    thread = threading.Thread(target=serve, name="service under test")
    thread.start()
    try:
        yield _running(ready.result(START_TIMEOUT_S), os.getpid())
    finally:
        server.stop()
        thread.join(START_TIMEOUT_S)
        assert not thread.is_alive(), "the service did not stop"


_PROGRAM = """
import json, logging, sys
from pathlib import Path
from farpool.service import ServiceOptions, run

def ready(address):
    print(json.dumps({"url": address.url, "amqp_port": address.amqp_port}), flush=True)

logging.basicConfig(level=logging.INFO)
options = json.loads(sys.argv[1])
run(ServiceOptions(directory=Path(options.pop("directory")), ready=ready, **options))
"""


class ServiceProcess:
    """A service in a process of its own, to be killed and started again on the same directory.

    Args:
        directory: the service's directory.
        changes: for `ServiceOptions`, as far as JSON can say them.
    """

    def __init__(self, directory: Path, **changes: Any) -> None:
        self.directory = directory
        self._options = {"directory": str(directory), "port": 0, "amqp_port": 0, "durable": False, **changes}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> RunningService:
        """Start it; returns when it serves."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, json.dumps(self._options)], stdout=subprocess.PIPE, stderr=log
            )
        self._process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            self.kill()
            raise AssertionError(f"the service did not start:\n{(self.directory / 'log').read_text()[-4000:]}")
        said = json.loads(line)
        address = ServiceAddress(said["url"], said["amqp_port"], self.directory, self.directory / "token")
        return _running(address, process.pid)

    @property
    def pid(self) -> int:
        """The process id; it must run."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill it with SIGKILL; nothing happens when it does not run."""
        self._end(signal.SIGKILL)

    def wait(self) -> int:
        """Wait until it has ended by itself; return its exit code."""
        return self._end(None)

    def stop(self) -> int:
        """End it with SIGTERM; return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals | None) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if number is not None:
            process.send_signal(number)
        try:
            return process.wait(START_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def __enter__(self) -> ServiceProcess:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()


def _running(address: ServiceAddress, pid: int) -> RunningService:
    token = address.token_file.read_text().strip()
    return RunningService(address.url, address.amqp_port, address.directory, token, pid)
