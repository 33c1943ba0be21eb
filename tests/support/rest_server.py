"""A real HTTP server of our own: answers as it is told to, and records what it was asked."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from typing_extensions import Self

from farpool.service import ports


@dataclass(frozen=True)
class Request:
    """What was asked; `connection` tells TCP connections apart."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Reply:
    """What to answer: `body` is sent as it is if it is bytes, else as JSON."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class HangUp:
    """Close the connection and answer nothing."""


Script = Callable[[Request], "Reply | HangUp"]

VERSION = Reply(body={"api": "1.0", "min_sdk_version": "2.0", "min_ep_version": "2.0"})


def refusal(status: int, code: str = "SOME_CODE", message: str = "that is refused", **more: Any) -> Reply:
    """Give an error as services write it."""
    return Reply(status, {"code": code, "message": message, **more})


class RestServer:
    """Serves on a free loopback port until it is closed.

    `script` answers each request, in the thread of its connection; `answer` and `answer_in_turn` set simple ones.
    """

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        self.script: Script = script or (lambda _request: VERSION)
        self.requests: list[Request] = []
        self._sockets: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server = _server(self, port)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), name="rest-server")
        self._thread.start()

    def answer(self, status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None) -> None:
        """Answer everything so from now on."""
        reply = Reply(status, body, headers or {})
        self.script = lambda _request: reply

    def answer_in_turn(self, replies: Sequence[Reply | HangUp]) -> None:
        """Answer so from now on, one after the other; the last one is repeated."""
        left = list(replies)
        self.script = lambda _request: left.pop(0) if len(left) > 1 else left[0]

    @property
    def last(self) -> Request:
        """The latest request."""
        return self.requests[-1]

    def seen(self, request: Request, connection: socket.socket) -> None:
        with self._lock:
            self.requests.append(request)
            self._sockets.add(connection)

    def hang_up(self) -> None:
        """Close the connections that clients keep open."""
        with self._lock:
            sockets, self._sockets = self._sockets, set()
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self.hang_up()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _server(owner: RestServer, port: int) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: with two, the second may wait 40 ms for an acknowledgement
        disable_nagle_algorithm = True

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            request = Request(self.command, self.path, dict(self.headers.items()), body, self.client_address[1])
            owner.seen(request, self.connection)
            reply = owner.script(request)
            if isinstance(reply, HangUp):
                self.close_connection = True
                return
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(reply.content)))
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = False  # joined by server_close
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a client that went away is part of some tests

    return Server(("127.0.0.1", port), Handler)


def free_port() -> int:
    """Give a port on which nothing listens."""
    return ports.free_port("127.0.0.1", 0)
