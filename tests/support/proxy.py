"""A TCP proxy on loopback that can cut what goes through it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar


class Proxy:
    """Forwards connections to a port on loopback until they are cut.

    Attributes:
        port: where it listens.
        accepted: how many connections came so far.
        is_shut: whether new connections are closed at once.
    """

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.accepted = 0
        self.is_shut = False
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._closed = False

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # From here on it can be cut: who counts the accepted ones relies on that.
        self.accepted += 1
        if self.is_shut:
            writer.close()
            return
        self._writers.add(writer)
        far_writer = writer
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(far_writer)
            await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._writers -= {writer, far_writer}
            for one in (writer, far_writer):
                one.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        await self._cut()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection that goes through."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result(10)

    def run(self) -> None:
        """Serve; for the thread that `proxy_to` starts."""
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def start(self) -> None:
        """Listen."""
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def stop(self) -> None:
        """Stop listening and cut everything."""
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)


P = TypeVar("P", bound=Proxy)


@contextmanager
def running(proxy: P) -> Generator[P, None, None]:
    """Run a proxy."""
    thread = threading.Thread(target=proxy.run)
    thread.start()
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
        thread.join(10)


def proxy_to(port: int) -> AbstractContextManager[Proxy]:
    """Run a proxy to a port on loopback."""
    return running(Proxy(port))
