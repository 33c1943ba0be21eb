"""The server: one process, one event loop, with the web application, the house and the embedded broker on it.

run(options)
  claim the directory, bind the port
  house.start()          store, broker, recovery
  uvicorn serves --- ready(address) --- until SIGTERM, SIGINT or stop()
  answers in flight are finished
  house.stop()           what was not sent is in the store
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import threading
from collections.abc import Callable, Generator
from dataclasses import replace
from urllib.parse import urlsplit

import uvicorn

from ..errors import FarpoolError
from .app import make_app
from .blobs import BlobPlace, open_store
from .broker import Broker
from .brokers import EmbeddedBroker, RabbitBroker
from .directory import ServiceDirectory
from .house import House
from .options import ServiceAddress, ServiceOptions
from .ports import free_port, listen
from .store import Database

log = logging.getLogger(__name__)

#: How long an idle connection of a client stays open (seconds). A client that reuses one just as it is closed sees an
#: error, so this is longer than the pauses of most.
KEEP_ALIVE_S = 75
#: How long answers in flight may take when the service ends (seconds).
GOODBYE_S = 10


def run(options: ServiceOptions) -> None:
    """Run a service until SIGTERM or SIGINT. Blocks; signals are heeded in the main thread only.

    Raises:
        FarpoolError: the directory is in use, a port cannot be had, or the store cannot be read.
    """

    def ready(address: ServiceAddress) -> None:
        # All that was imported and made so far stays: the garbage collector need not look through it again and again.
        gc.freeze()
        options.ready(address)

    asyncio.run(Server(replace(options, ready=ready)).serve())


class Server:
    """A service on the running event loop. Made anywhere, served once.

    Args:
        options: what it is started with.
    """

    def __init__(self, options: ServiceOptions) -> None:
        self._options = options
        self._directory = ServiceDirectory(options.directory)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._web: _Web | None = None
        self._is_stopping = threading.Event()

    async def serve(self) -> None:
        """Serve until SIGTERM, SIGINT or `stop`.

        Raises:
            FarpoolError: see `run`.
        """
        self._loop = asyncio.get_running_loop()
        options = self._options
        with contextlib.ExitStack() as stack:
            self._directory.claim()
            stack.callback(self._directory.release)
            stack.enter_context(_signals(self._loop, self._stop_now))
            remembered = self._directory.ports()
            listener = stack.enter_context(listen(options.host, options.port, remembered.get("port", 0)))
            amqp_port = options.amqp_port or free_port(options.host, remembered.get("amqp_port", 0))
            await self._serve(listener, amqp_port)

    def stop(self) -> None:
        """Have `serve` end. Thread-safe."""
        self._is_stopping.set()
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended
                self._loop.call_soon_threadsafe(self._stop_now)

    def _stop_now(self) -> None:
        self._is_stopping.set()
        if self._web is not None:
            self._web.should_exit = True

    async def _serve(self, listener: socket.socket, amqp_port: int) -> None:
        options, directory = self._options, self._directory
        secret = directory.secret()
        broker = _make_broker(options, secret, amqp_port)
        store = open_store(options.blobs_url, directory.blobs)
        house = House(
            Database(options.database_url or f"sqlite:///{directory.store_file}", durable=options.durable),
            broker,
            token=directory.token(),
            secret=secret,
            lock_s=options.lock_s,
            keep_finished_s=options.keep_finished_s,
            keep_waiting_s=options.keep_waiting_s,
            globus=options.globus,
            blobs=BlobPlace(store, directory.spool, options.max_blob_bytes, durable=options.durable),
        )
        try:
            await _start(house, options)
            self._web = _Web(house, options, lambda: self._announce(listener, broker))
            if not self._is_stopping.is_set():
                await self._web.serve(sockets=[listener])
        finally:
            await house.stop()

    def _announce(self, listener: socket.socket, broker: Broker) -> None:
        host, port = listener.getsockname()[:2]
        amqp_port = urlsplit(broker.endpoint_url("any")).port or 5672
        self._directory.write_ports({"port": port, "amqp_port": amqp_port})
        # An address that means all of them is none that one can connect to.
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104 - compared, not bound
        url = f"http://{name}:{port}"
        log.info("farpool serves at %s, AMQP port %d, state in %s", url, amqp_port, self._directory.path)
        self._options.ready(ServiceAddress(url, amqp_port, self._directory.path, self._directory.token_file))


class _Web(uvicorn.Server):
    """uvicorn, which leaves the signals to us and says when it serves."""

    def __init__(self, house: House, options: ServiceOptions, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                make_app(house, max_request_bytes=options.max_request_bytes),
                loop="none",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GOODBYE_S,
            )
        )
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready()


async def _start(house: House, options: ServiceOptions) -> None:
    try:
        await house.start()
    except OSError as error:
        raise FarpoolError(
            f"the broker cannot listen on {options.host}:{options.amqp_port} ({error.strerror or error}): "
            "choose another port, 0 for a free one, or stop what is there"
        ) from error


def _make_broker(options: ServiceOptions, secret: bytes, amqp_port: int) -> Broker:
    if options.amqp_url is None:
        return EmbeddedBroker(secret, host=options.host, port=amqp_port)
    return RabbitBroker(options.amqp_url)


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> Generator[None, None, None]:
    """Have SIGTERM and SIGINT end the service; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
