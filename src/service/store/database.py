"""The database: opened once, written by one thread.

On SQLite, short statements (by key, a batch at a time) run in the event loop's own thread: they take tens of
microseconds, and handing them to another thread costs more. Worse, SQLite gives the interpreter lock away at every
row, and under load each row then waits for its turn to take it back: a thousand rows took 5 s instead of 6 ms.
What may be long goes through `scan`, in a thread of its own with a connection of its own; so do the checkpoints, the
only moments at which SQLite in WAL mode waits for the disk. Other databases answer over a network, so everything runs
in that thread.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, insert, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError

from ...errors import FarpoolError
from . import schema
from .migrations import SCHEMA_VERSION, upgrade

log = logging.getLogger(__name__)

T = TypeVar("T")

#: How many keys go into one statement: databases bound the number of its parameters.
KEYS_PER_STATEMENT = 500

#: The log of SQLite is written back to the database no more often than this (seconds).
CHECKPOINT_EVERY_S = 2.0
#: Should that fail to happen, SQLite does it by itself at this many pages.
AUTO_CHECKPOINT_PAGES = 25_000
#: SQLite's page, in bytes: twice the default, as arguments and results are often large.
PAGE_BYTES = 8192
#: SQLite's page cache, in KiB.
CACHE_KIB = 32 * 1024


def _engine(url: str) -> Engine:
    try:
        # What a statement was about is in the text of its error otherwise, and so in the log: payloads, code.
        return create_engine(url, hide_parameters=True)
    except (ArgumentError, ImportError) as error:  # no such URL, no such dialect, or its driver is not installed
        raise FarpoolError(
            f"the database {_place(url)!r} cannot be used: {error}. An SQLAlchemy URL names one, such as "
            "sqlite:////var/lib/farpool/service.sqlite; its driver must be installed"
        ) from error


def _place(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url.rpartition("@")[2]


class Database:
    """The store's database. `write` and `read` belong to the thread of the event loop.

    Args:
        url: an SQLAlchemy URL.
        durable: whether SQLite waits for the disk at checkpoints; without, a power failure may damage the store, but
            no crash of the process can.
        is_local: whether short statements run in the event loop's thread; when left out, on SQLite they do.

    Raises:
        FarpoolError: the URL is none, or there is no driver for it.
    """

    def __init__(self, url: str, *, durable: bool = True, is_local: bool | None = None) -> None:
        self._engine = _engine(url)
        is_sqlite = self._engine.dialect.name == "sqlite"
        self._is_local = is_sqlite if is_local is None else is_local
        if is_sqlite:
            _prepare_sqlite(self._engine, durable=durable)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="farpool store")
        self._connection: Connection | None = None
        self._checkpoint: Future[None] | None = None
        self._checkpointed_at = time.monotonic()

    def open(self) -> None:
        """Connect, make the tables that are missing, and bring those of an older farpool up to date.

        Raises:
            FarpoolError: the store cannot be opened, or was written by a newer version of farpool.
        """
        try:
            with self._engine.begin() as connection:
                if self._engine.dialect.name == "sqlite":
                    # Its driver begins no transaction for changes of tables: half of an upgrade would stay after a
                    # crash, and two that open the store at a time would both make it.
                    connection.exec_driver_sql("BEGIN IMMEDIATE")
                schema.metadata.create_all(connection)
                _check_version(connection)
        except DBAPIError as error:
            place = self._engine.url.render_as_string(hide_password=True)
            raise FarpoolError(
                f"the database {place!r} cannot be opened: {error.orig}. Check that it is there and may be written"
            ) from error
        if self._is_local:
            self._connection = self._engine.connect()

    def close(self) -> None:
        """Finish what runs and disconnect."""
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in one transaction: all of it is stored when this returns, or nothing when it raises."""
        if self._connection is None:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self.run, fn)
        with self._connection.begin():
            answer = fn(self._connection)
        self._checkpoint_sometimes()
        return answer

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn`, which reads a few rows by key."""
        if self._connection is None:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self.run, fn)
        with self._connection.begin():
            return fn(self._connection)

    async def scan(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn`, which reads many rows, where it holds nobody up."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.run, fn)

    def run(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in one transaction, in this thread: for programs without an event loop."""
        with self._engine.begin() as connection:
            return fn(connection)

    def _checkpoint_sometimes(self) -> None:
        now = time.monotonic()
        if now - self._checkpointed_at < CHECKPOINT_EVERY_S:
            return
        if self._checkpoint is None or self._checkpoint.done():
            self._checkpointed_at = now
            self._checkpoint = self._thread.submit(self._write_back)

    def _write_back(self) -> None:
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
        except Exception as error:  # noqa: BLE001 - the log only grows; the next checkpoint may do better
            log.warning("could not write SQLite's log back to the database: %s", error)


def keys(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Cut a list of keys into pieces that fit into one statement."""
    for start in range(0, len(values), KEYS_PER_STATEMENT):
        yield values[start : start + KEYS_PER_STATEMENT]


def fitting(sizes: Iterable[Sequence[Any]], numbers: Sequence[int], limit: int) -> Sequence[int]:
    """Cut ascending task numbers where what they stand for gets larger than `limit`; one always fits.

    Args:
        sizes: task numbers, ascending, each with its size; numbers without a size count nothing.
        numbers: the numbers to cut.
        limit: of the sizes together.
    """
    total = 0
    for row in sizes:
        number, size = row[0], row[1]
        total += size
        if total > limit:
            return numbers[: max(1, numbers.index(number))]
    return numbers


def _prepare_sqlite(engine: Engine, *, durable: bool) -> None:
    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in (
            f"page_size={PAGE_BYTES}",
            "journal_mode=WAL",
            f"synchronous={'NORMAL' if durable else 'OFF'}",
            f"wal_autocheckpoint={AUTO_CHECKPOINT_PAGES}",
            f"cache_size=-{CACHE_KIB}",
            "temp_store=MEMORY",
            # Some builds overwrite what is deleted with zeros: arguments of a megabyte would be written three times.
            "secure_delete=OFF",
            "busy_timeout=10000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    event.listen(engine, "connect", connected)


def _check_version(connection: Connection) -> None:
    table = schema.counters
    found = connection.execute(select(table.c.next).where(table.c.name == "schema")).scalar()
    if found is None:
        connection.execute(insert(table), [{"name": "schema", "next": SCHEMA_VERSION}, {"name": "tasks", "next": 1}])
    elif found > SCHEMA_VERSION:
        raise FarpoolError(
            f"the store is of version {found} and this farpool reads version {SCHEMA_VERSION}: "
            "use the farpool that wrote it, or start the service with another directory"
        )
    else:
        upgrade(connection, found)
