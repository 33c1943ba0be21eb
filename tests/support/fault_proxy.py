"""Proxies that do to HTTP and to AMQP what networks and services do, when they are told to."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections import deque
from typing import Any

from pamqp import commands, frame

from farpool.service.ports import listen

from .proxy import Proxy

#: What `HttpFaults.arm` can do to the next request. After the first three the service knows nothing of it, after the
#: others it has done what was asked, and nobody hears of it.
BEFORE = ("reset before", "reset in the request", "busy", "broken", "bad gateway", "away")
AFTER = ("swallowed", "reset in the answer", "broken after", "bad gateway after", "login page")
_STATUS: dict[str, tuple[int, dict[str, str]]] = {
    "busy": (429, {"Retry-After": "0.05"}),
    "broken": (500, {}),
    "bad gateway": (502, {}),
    "away": (503, {}),
    "broken after": (500, {}),
    "bad gateway after": (502, {}),
}


class FaultProxy(Proxy):
    """A proxy that can go away for a while: at a port that nobody else is given meanwhile."""

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=listen("127.0.0.1", 0, 0))
        self.port = self._server.sockets[0].getsockname()[1]

    async def _vanish(self, seconds: float) -> None:
        assert self._server is not None
        self._server.close()
        await self._cut()
        await asyncio.sleep(seconds)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def vanish(self, seconds: float) -> None:
        """Cut everything, and refuse connections for a while; returns after that."""
        asyncio.run_coroutine_threadsafe(self._vanish(seconds), self._loop).result(seconds + 10)


class HttpFaults(FaultProxy):
    """Forwards HTTP requests, each on a connection of its own, until a fault is armed for the next."""

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        self._armed: deque[tuple[str, threading.Event]] = deque()

    def arm(self, fault: str) -> threading.Event:
        """Have a fault, of `BEFORE` or `AFTER`, befall the next request; the event is set then. "": none does."""
        struck = threading.Event()
        self._armed.append((fault, struck))
        return struck

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        try:
            while await self._pass_on(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        size = _size_of(head) or 0
        fault, struck = self._armed.popleft() if self._armed else ("", threading.Event())
        try:
            return await self._answer(fault, head, size, reader, writer)
        finally:
            struck.set()

    async def _answer(
        self, fault: str, head: bytes, size: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        if fault in {"reset before", "reset in the request"}:
            if fault == "reset in the request":
                await reader.readexactly(size // 2)
            writer.transport.abort()
            return False
        body = await reader.readexactly(size)
        if fault in _STATUS and fault in BEFORE:
            writer.write(_page(*_STATUS[fault]))
            return True
        answer = await self._ask(head, body)
        if fault == "swallowed":
            writer.transport.abort()
            return False
        if fault == "reset in the answer":
            writer.write(answer[: len(answer) // 2])
            await writer.drain()
            writer.transport.abort()
            return False
        if fault == "login page":
            answer = _page(200, {"Content-Type": "text/html"}, b"<html>Welcome to our hotel</html>")
        writer.write(_page(*_STATUS[fault]) if fault in _STATUS else answer)
        await writer.drain()
        return True

    async def _ask(self, head: bytes, body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target_port, limit=1 << 26)
        self._writers.add(writer)
        try:
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            size = _size_of(answer)
            return answer + (
                await reader.readuntil(b"\r\n0\r\n\r\n") if size is None else await reader.readexactly(size)
            )
        finally:
            self._writers.discard(writer)
            writer.close()


def _size_of(head: bytes) -> int | None:
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return int(lengths[0][15:]) if lengths else None


def _page(status: int, headers: dict[str, str], body: bytes = b'{"code": "X", "message": "a fault"}') -> bytes:
    lines = [f"HTTP/1.1 {status} Fault", f"Content-Length: {len(body)}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


_START_OK, _CONSUME, _CONSUME_OK = (10, 11), (60, 20), (60, 21)


class AmqpFaults(FaultProxy):
    """Forwards AMQP frame by frame.

    Attributes:
        ready: set while a consumer has a queue.
    """

    def __init__(self, target_port: int) -> None:
        super().__init__(target_port)
        self.ready = threading.Event()
        self._consumers: dict[asyncio.StreamWriter, str] = {}
        self._refusals: deque[str] = deque()
        self._halves = 0
        self._pause_s = 0.0

    def inject(self, kind: str) -> None:
        """Have the broker close each channel or connection, or cancel each consumer, as far as the client can see."""
        asyncio.run_coroutine_threadsafe(self._inject(kind), self._loop).result(10)

    def refuse(self, kind: str) -> None:
        """Refuse the next login ("login") or the next consumer ("queue"), and cut what there is."""
        self._refusals.append(kind)
        self.cut()

    def halve(self) -> None:
        """Cut in the middle of the next frame."""
        self._halves += 1

    def pause(self, seconds: float) -> None:
        """Hold what comes next up."""
        self._pause_s = seconds

    async def _inject(self, kind: str) -> None:
        for writer, tag in list(self._consumers.items()):
            channel = 1
            if kind == "channel":
                method: Any = commands.Channel.Close(541, "INTERNAL_ERROR", 0, 0)
            elif kind == "consumer":
                method = commands.Basic.Cancel(tag, nowait=True)
            else:
                method, channel = commands.Connection.Close(320, "CONNECTION_FORCED", 0, 0), 0
            writer.write(frame.marshal(method, channel))
            self._forget(writer)

    def _forget(self, writer: asyncio.StreamWriter) -> None:
        self._consumers.pop(writer, None)
        if not self._consumers:
            self.ready.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._writers.add(writer)
        far_writer = writer
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(far_writer)
            far_writer.write(await reader.readexactly(8))
            await asyncio.gather(self._up(reader, far_writer, writer), self._down(far_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._forget(writer)
            self._writers -= {writer, far_writer}
            for one in (writer, far_writer):
                one.transport.abort()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.StreamWriter) -> None:
        while True:
            data, method = await _read_frame(reader)
            wanted = self._refusals[0] if self._refusals else ""
            if method == _START_OK and wanted == "login":
                self._refusals.popleft()
                place = len(data) - 1 - 7  # the last character of the password: the locale and the end mark follow
                data = data[:place] + (b"1" if data[place : place + 1] == b"0" else b"0") + data[place + 1 :]
            if method == _CONSUME and wanted == "queue":
                self._refusals.popleft()
                back.write(frame.marshal(commands.Channel.Close(404, "NOT_FOUND - no such queue", 60, 20), 1))
                continue
            writer.write(data)
            await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            data, method = await _read_frame(reader)
            if self._pause_s:
                pause_s, self._pause_s = self._pause_s, 0.0
                await asyncio.sleep(pause_s)
            if self._halves and writer in self._consumers:
                self._halves -= 1
                writer.write(data[: len(data) // 2])
                await writer.drain()
                raise OSError("cut")
            writer.write(data)
            if method == _CONSUME_OK:
                self._consumers[writer] = data[12 : 12 + data[11]].decode()
                self.ready.set()
            await writer.drain()


async def _read_frame(reader: asyncio.StreamReader) -> tuple[bytes, tuple[int, int]]:
    head = await reader.readexactly(7)
    kind, _, size = struct.unpack(">BHI", head)
    rest = await reader.readexactly(size + 1)
    method = struct.unpack(">HH", rest[:4]) if kind == 1 else (0, 0)
    return head + rest, (method[0], method[1])
