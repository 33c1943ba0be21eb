"""Writing a campaign's records, a batch at a time. Lives in one thread, with one connection."""

from __future__ import annotations

import os
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .file import JournalFile
from .records import (
    ACCEPTED,
    MOVING,
    RESULTS,
    SENDING,
    TASKS,
    Accepted,
    Call,
    Moving,
    Outcome,
    Sending,
    write_accepted,
    write_moving,
    write_payloads,
    write_results,
    write_sending,
    write_tasks,
)
from .shelf import Shelf

#: Bytes of packed arguments that are kept at one time, at most. Tasks beyond it that the service has not taken yet are
#: remembered by name only.
MAX_KEPT_BYTES = 128 * 1024 * 1024

#: What a call and its result take, without its packed arguments, at most as a rule.
_ITEM_BYTES = 1000
_MAKE_ROOM_EVERY_S = 60.0

Item: TypeAlias = Call | Sending | Accepted | Moving | Outcome


@dataclass(frozen=True, slots=True)
class About:
    """What is written of a campaign itself; see `Campaign`."""

    label: str
    service_url: str
    endpoint_id: str
    host: str
    pid: int
    program: str

    @classmethod
    def of_this_process(cls, label: str, service_url: str, endpoint_id: str) -> About:
        """Describe a campaign that this process is at work on."""
        program = Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "python"
        return cls(label, service_url, endpoint_id, socket.gethostname(), os.getpid(), program)


@dataclass(slots=True)
class _Kept:
    """Packed arguments beside a record: how many are still needed, and how large they are together."""

    needed: int
    size_bytes: int


class Writing:
    """Writes the records of one campaign.

    Args:
        file: the file.
        about: what there is to say of the campaign.
        campaign: its number, if it is gone on with: taken by the caller. None: it is new.
        kept: for one that is gone on with, which record keeps the arguments of which task.
        clock: gives the time, in seconds since 1970.
    """

    def __init__(
        self,
        file: JournalFile,
        about: About,
        *,
        campaign: int | None = None,
        kept: Mapping[int, int] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._about = about
        self._campaign = campaign
        self._is_noted = self._is_tidy = False
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._kept_in: dict[int, int] = dict(kept or {})
        self._kept: dict[int, _Kept] = {}
        for record in self._kept_in.values():
            self._kept.setdefault(record, _Kept(0, 0)).needed += 1
        self._kept_bytes = 0
        self._names: set[str] = set()
        self._no_room_at = float("-inf")

    def write(self, items: Sequence[Item]) -> None:
        """Write what has happened, in its order, in one transaction.

        Raises:
            sqlite3.Error, OSError: it could not be written; nothing of it was.
        """
        connection = self._open()
        self._make_room(items)
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = self._clock()
            self._note(connection, now)
            for group in _grouped(items):
                self._write_group(group, now)
            connection.execute("UPDATE campaigns_1 SET written_at = ? WHERE campaign = ?", (now, self._campaign))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def tidy(self) -> None:
        """Throw away what is old in the file; once is enough.

        Raises:
            sqlite3.Error, OSError: it cannot be read or written.
        """
        if not self._is_tidy and self._connection is not None:
            self._is_tidy = True
            Shelf(self._file, self._connection, self._clock).tidy()

    def close(self, *, ended: bool) -> None:
        """Let go of the campaign and close the file.

        Args:
            ended: note that it came to its end in order.
        """
        if self._connection is None:
            if self._campaign is not None:
                self._file.locks.release(self._campaign)
            return
        try:
            if ended:
                self._connection.execute(
                    "UPDATE campaigns_1 SET ended_at = ? WHERE campaign = ?", (self._clock(), self._campaign)
                )
        finally:
            self._connection.close()
            if self._campaign is not None:
                self._file.locks.release(self._campaign)

    # ---- inside

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._file.open()
        return self._connection

    def _make_room(self, items: Sequence[Item]) -> None:
        """Throw old campaigns away before the file is full; not again and again where that is of no use."""
        if self._connection is None:
            return
        shelf = Shelf(self._file, self._connection, self._clock)
        wanted = _ITEM_BYTES * len(items) + sum(len(one.payload or "") for one in items if isinstance(one, Call))
        if shelf.room_bytes() < wanted and self._clock() - self._no_room_at > _MAKE_ROOM_EVERY_S:
            shelf.tidy(room_bytes=wanted)
            if shelf.room_bytes() < wanted:
                self._no_room_at = self._clock()

    def _note(self, connection: sqlite3.Connection, now: float) -> None:
        """Note the campaign itself, before its first record."""
        if self._is_noted:
            return
        about = self._about
        if self._campaign is None:
            texts = _texts(about.label, about.service_url, about.endpoint_id, about.host, about.program)
            noted = connection.execute(
                "INSERT INTO campaigns_1 (label, service_url, endpoint_id, host, program, pid, begun_at, written_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*texts, about.pid, now, now),
            )
            # Before anybody can see it: a campaign that is there and has no owner may be thrown away.
            self._file.locks.take(int(noted.lastrowid or 0))
            self._campaign = noted.lastrowid
        else:
            connection.execute(
                "UPDATE campaigns_1 SET host = ?, pid = ?, program = ?, ended_at = NULL WHERE campaign = ?",
                (*_texts(about.host), about.pid, *_texts(about.program), self._campaign),
            )
        self._is_noted = True
        self._name(about.label)

    def _name(self, name: str) -> None:
        """Let the campaign be found by a name."""
        if name and name not in self._names:
            self._add("INSERT OR IGNORE INTO names_1 (name, campaign) VALUES (?, ?)", *_texts(name), self._campaign)
            self._names.add(name)

    def _write_group(self, group: list[Any], now: float) -> None:
        write: dict[type, Callable[[Any, float], None]] = {
            Call: self._write_calls,
            Sending: self._write_sending,
            Accepted: self._write_accepted,
            Moving: self._write_moving,
            Outcome: self._write_results,
        }
        write[type(group[0])](group, now)

    def _write_calls(self, calls: Sequence[Call], now: float) -> None:
        new = [call for call in calls if call.number not in self._kept_in]
        payloads: dict[int, str] = {}
        for call in new:
            self._name(call.label)
            if call.payload is not None and self._has_room(call.payload):
                payloads[call.number] = call.payload
        if new:
            self._record(TASKS, now, write_tasks(new), payloads)

    def _write_sending(self, group: Sequence[Sending], now: float) -> None:
        for sending in group:
            self._record(SENDING, now, write_sending(sending), self._to_keep(sending.payloads))

    def _write_moving(self, group: Sequence[Moving], now: float) -> None:
        for moving in group:
            self._record(MOVING, now, write_moving(moving), self._to_keep(moving.payloads))

    def _to_keep(self, payloads: Mapping[int, str]) -> dict[int, str]:
        """Choose those arguments that are not kept already, and that there is room for."""
        new = payloads.items()
        return {number: one for number, one in new if number not in self._kept_in and self._has_room(one)}

    def _write_accepted(self, group: Sequence[Accepted], now: float) -> None:
        for accepted in group:
            self._name(accepted.task_group_id)
            self._record(ACCEPTED, now, write_accepted(accepted), {})
            if accepted.is_own:
                self._add(
                    "UPDATE campaigns_1 SET task_group_id = ? WHERE campaign = ?",
                    accepted.task_group_id,
                    self._campaign,
                )
            self._drop(accepted.numbers)

    def _write_results(self, outcomes: Sequence[Outcome], now: float) -> None:
        self._record(RESULTS, now, write_results(outcomes), {})
        self._drop([outcome.number for outcome in outcomes])

    def _record(self, kind: str, now: float, body: bytes, payloads: Mapping[int, str]) -> None:
        kept = write_payloads(payloads)
        record = self._add(
            "INSERT INTO records_1 (campaign, kind, at, body, payloads) VALUES (?, ?, ?, ?, ?)",
            self._campaign,
            kind,
            now,
            body,
            kept,
        )
        if kept is not None:
            size = sum(map(len, payloads.values()))
            self._kept[record] = _Kept(len(payloads), size)
            self._kept_bytes += size
            self._kept_in.update(dict.fromkeys(payloads, record))

    def _has_room(self, payload: str) -> bool:
        return self._kept_bytes + len(payload) <= MAX_KEPT_BYTES

    def _drop(self, numbers: Iterable[int]) -> None:
        """Drop packed arguments that are not needed any more, with the last that stand beside one record."""
        for number in numbers:
            record = self._kept_in.pop(number, None)
            if record is None:
                continue
            kept = self._kept[record]
            kept.needed -= 1
            if kept.needed == 0:
                del self._kept[record]
                self._kept_bytes -= kept.size_bytes
                self._add("UPDATE records_1 SET payloads = NULL WHERE record = ?", record)

    def _add(self, statement: str, *values: Any) -> int:
        if self._connection is None:
            raise RuntimeError("the journal is closed")
        return int(self._connection.execute(statement, values).lastrowid or 0)


def _grouped(items: Sequence[Item]) -> Iterable[list[Any]]:
    """Group what follows each other and is of one kind."""
    group: list[Any] = []
    for item in items:
        if group and type(group[-1]) is not type(item):
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _texts(*texts: str) -> tuple[str, ...]:
    """Make texts that SQLite takes, also of half surrogate pairs."""
    return tuple(text.encode("utf-8", "backslashreplace").decode() for text in texts)
