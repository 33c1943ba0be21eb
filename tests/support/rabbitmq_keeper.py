"""Keeps one RabbitMQ node: `python rabbitmq_keeper.py DIRECTORY` starts it and returns when it serves.

A daemon stays. It takes the node down when nobody holds a lock on ``DIRECTORY/users`` any more. ``DIRECTORY/port`` is
there while the node serves. Not to be imported by tests: `support.rabbitmq` is.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

#: The server's own start script: the one in /usr/sbin changes user and owners.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
USER = "farpool"
PASSWORD = "farpool"
#: Virtual hosts t0, t1, ...: one for each test that asks.
VHOSTS = 60

_STOP_S = 20


def free_ports(count: int) -> list[int]:
    """Find ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Node:
    """The node and its epmd."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "node"
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir()
        self.port, self._dist_port, self._epmd_port = free_ports(3)
        self._server: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it serves.

        Raises:
            RuntimeError: it did not; holds what it said.
        """
        self._write_configuration()
        environment = self._environment()
        self._epmd = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._server = subprocess.Popen(
            [str(SERVER)],
            env=environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        said: list[bytes] = []
        assert self._server.stdout is not None
        for line in self._server.stdout:
            said.append(line)
            if b"completed with" in line:
                threading.Thread(target=_drain, args=(self._server.stdout,), daemon=True).start()
                return
        raise RuntimeError(b"".join(said).decode(errors="replace"))

    def _write_configuration(self) -> None:
        vhosts = [f"t{number}" for number in range(VHOSTS)]
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        definitions = {
            "users": [{"name": USER, "password": PASSWORD, "tags": "administrator"}],
            "vhosts": [{"name": name} for name in ("/", *vhosts)],
            "permissions": [{"user": USER, "vhost": name, **everything} for name in ("/", *vhosts)],
        }
        (self.home / "definitions.json").write_text(json.dumps(definitions))
        (self.home / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"load_definitions = {self.home}/definitions.json\n"
            "disk_free_limit.absolute = 10MB\n"
            "log.console = false\n"
        )
        (self.home / "enabled_plugins").write_text("[].")

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        return {
            **kept,
            "HOME": str(self.home),  # the Erlang cookie goes there
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": f"farpool-{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # not what the system's node is told
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_PID_FILE": str(self.home / "pid"),
        }

    def stop(self) -> None:
        """Take it down, node and epmd."""
        try:
            if self._server is not None:
                self._stop_server(self._server)
        finally:
            if self._epmd is not None:
                self._epmd.terminate()
                self._epmd.wait(_STOP_S)
            shutil.rmtree(self.home, ignore_errors=True)

    def _stop_server(self, server: subprocess.Popen[bytes]) -> None:
        # The start script and the Erlang machine are one process group.
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(_STOP_S)


def _drain(stream: IO[bytes]) -> None:
    for _ in stream:
        pass


def keep(directory: Path, started: IO[bytes]) -> None:
    """Start a node, say so by closing `started`, and take it down when it has no users."""
    with (directory / "keeper.lock").open("w") as lock, (directory / "users").open("r") as users:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = Node(directory)
        try:
            node.start()
            (directory / "port").write_text(str(node.port))
            started.write(b"ok")
        except BaseException as error:
            started.write(str(error).encode())
            raise
        else:
            started.close()
            fcntl.flock(users, fcntl.LOCK_EX)
        finally:
            (directory / "port").unlink(missing_ok=True)
            node.stop()


def main() -> None:
    """Fork the daemon and wait until the node serves."""
    directory = Path(sys.argv[1])
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        os.close(reading)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nowhere, standard)
        with os.fdopen(writing, "wb") as started:
            keep(directory, started)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as started:
        said = started.read()
    if said != b"ok":
        sys.exit(said.decode(errors="replace") or "the keeper of the node died")


if __name__ == "__main__":
    main()
