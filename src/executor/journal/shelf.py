"""The shelf: the campaigns in a journal file, to be found, read, taken up and thrown away."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...errors import FarpoolError, WireError
from ...wire.ids import as_id
from .file import JournalFile
from .records import Entry, entries

log = logging.getLogger(__name__)

#: Seconds after which a campaign is thrown away: when nothing was written to it for a month, or, with nothing left to
#: wait for, for a week.
MAX_AGE_S = 30 * 86_400.0
MAX_FINISHED_AGE_S = 7 * 86_400.0

#: Records deleted in one transaction: others can write in between.
_CHUNK = 100

#: How often, and how long in between, a campaign is tried to be taken that somebody is only looking at.
_TRIES = 20
_TRY_S = 0.02

#: A name of so many digits is no campaign's number: SQLite has none that large.
_DIGITS = 19

_COLUMNS = (
    "campaign, label, service_url, endpoint_id, task_group_id, host, pid, program, begun_at, written_at, ended_at"
)


@dataclass(frozen=True, slots=True)
class Campaign:
    """What one executor submits, from its first task to its end.

    Attributes:
        campaign: its number.
        label: the executor's.
        endpoint_id: where tasks go that name no other endpoint.
        task_group_id: the executor's own task group, once the service has made it.
        host, pid, program: where and in which program it was at work last.
        begun_at, written_at, ended_at: seconds since 1970; the last is None when it did not end in order.
    """

    campaign: int
    label: str
    service_url: str
    endpoint_id: str
    task_group_id: str | None
    host: str
    pid: int
    program: str
    begun_at: float
    written_at: float
    ended_at: float | None


class Shelf:
    """The campaigns in a file.

    Args:
        file: the file.
        connection: an open connection to it, for the thread that uses the shelf.
        clock: gives the time, in seconds since 1970.
    """

    def __init__(
        self, file: JournalFile, connection: sqlite3.Connection, clock: Callable[[], float] = time.time
    ) -> None:
        self.file = file
        self._connection = connection
        self._clock = clock

    def campaigns(self) -> list[Campaign]:
        """Give all campaigns, the newest first."""
        return self._campaigns("ORDER BY campaign DESC")

    def find(self, name: str | int) -> list[Campaign]:
        """Give the campaigns with a label, a task group id, or a number, the newest first."""
        named = "WHERE campaign IN (SELECT campaign FROM names_1 WHERE name = ?) ORDER BY campaign DESC"
        for spelling in _spellings(name) if isinstance(name, str) else ():
            found = self._campaigns(named, spelling)
            if found:
                return found
        is_number = str(name).isdecimal() and len(str(name)) < _DIGITS
        return self._campaigns("WHERE campaign = ?", int(name)) if is_number else []

    def latest(self, name: str | int) -> Campaign:
        """Give the latest campaign with a name.

        Raises:
            LookupError: there is none; says which there are.
        """
        found = self.find(name)
        if not found:
            known = list(dict.fromkeys(one.label or str(one.task_group_id) for one in self.campaigns()))
            told = f"; it knows: {', '.join(known[:10])}" if known else ""
            raise LookupError(f"the journal {self.file.path} knows no campaign {name!r}{told}")
        return found[0]

    def entries(self, campaign: int, *, payloads: bool = False) -> list[Entry]:
        """Read the tasks of a campaign, in the order of submission.

        Args:
            campaign: its number.
            payloads: also the packed arguments that are kept.

        Raises:
            FarpoolError: a record is damaged.
        """
        kept = "payloads" if payloads else "NULL"
        asked = f"SELECT record, kind, at, body, {kept} FROM records_1 WHERE campaign = ? ORDER BY record"  # noqa: S608
        try:
            return entries(self._connection.execute(asked, (campaign,)))
        except (ValueError, KeyError, TypeError, IndexError, WireError) as error:
            raise FarpoolError(f"campaign {campaign} in {self.file.path} is damaged: {error!r}") from error

    def version(self) -> int:
        """Give a number that changes when another connection has written."""
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        return int(version)

    def is_at_work(self, campaign: int) -> bool:
        """Whether an executor has the campaign, in whichever process of this machine."""
        return self.file.locks.is_held(campaign)

    def take(self, campaign: int) -> bool:
        """Take a campaign up; False when an executor has it."""
        for _ in range(_TRIES):
            if self.file.locks.take(campaign):
                return True
            threading.Event().wait(_TRY_S)
        return False

    def let_go(self, campaign: int) -> None:
        """Let go of a campaign that was taken."""
        self.file.locks.release(campaign)

    def remove(self, campaign: int) -> None:
        """Throw a campaign away."""
        asked = "DELETE FROM records_1 WHERE record IN (SELECT record FROM records_1 WHERE campaign = ? LIMIT ?)"
        while self._connection.execute(asked, (campaign, _CHUNK)).rowcount > 0:
            pass
        self._connection.execute("DELETE FROM names_1 WHERE campaign = ?", (campaign,))
        self._connection.execute("DELETE FROM campaigns_1 WHERE campaign = ?", (campaign,))

    def tidy(self, *, room_bytes: int = 0) -> None:
        """Throw away what is old, and what is oldest while the file is too full; nothing that is at work.

        Args:
            room_bytes: how much room there must be.
        """
        now = self._clock()
        idle: list[Campaign] = []
        for campaign in reversed(self.campaigns()):
            age_s = now - campaign.written_at
            if self.is_at_work(campaign.campaign):
                continue
            if age_s > MAX_AGE_S or (age_s > MAX_FINISHED_AGE_S and self._is_finished(campaign)):
                self.remove(campaign.campaign)
            else:
                idle.append(campaign)
        # What is finished goes first, and more of it than is needed now; then what is oldest, as little as will do.
        unfinished: list[Campaign] = []
        wanted = room_bytes and max(room_bytes, self.file.max_bytes // 2)
        for campaign in idle if self.room_bytes() < room_bytes else ():
            if not self._is_finished(campaign):
                unfinished.append(campaign)
            elif self.room_bytes() < wanted:
                self.remove(campaign.campaign)
        for campaign in unfinished:
            if self.room_bytes() >= room_bytes:
                return
            log.warning(
                "%s is full: campaign %d (%s), which was not finished, is removed",
                self.file.path,
                campaign.campaign,
                campaign.label or campaign.task_group_id,
            )
            self.remove(campaign.campaign)

    def _is_finished(self, campaign: Campaign) -> bool:
        try:
            return all(entry.state.is_final for entry in self.entries(campaign.campaign))
        except FarpoolError:
            return False  # nobody can read it: it goes when it is old

    def room_bytes(self) -> int:
        """Give how much more the file may hold."""
        (page_bytes,), (pages,), (free,) = (
            self._connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_size", "page_count", "freelist_count")
        )
        return self.file.max_bytes - int(page_bytes) * (int(pages) - int(free))

    def _campaigns(self, which: str, *values: object) -> list[Campaign]:
        rows: Sequence[tuple[object, ...]] = self._connection.execute(
            f"SELECT {_COLUMNS} FROM campaigns_1 {which}",  # noqa: S608 - of constants
            values,
        ).fetchall()
        return [Campaign(*row) for row in rows]  # type: ignore[arg-type] # as the table has them


def meant(every: Sequence[Entry], campaign: Campaign, name: str | int) -> list[Entry]:
    """Choose the tasks that are meant: a name that is not the whole campaign's is that of some of its tasks."""
    names = {name, *_spellings(str(name))}
    if not names.isdisjoint({campaign.campaign, str(campaign.campaign), campaign.label, campaign.task_group_id}):
        return list(every)
    return [
        one for one in every if not names.isdisjoint({one.label, one.task_group_id, one.route.get("task_group_id")})
    ]


def _spellings(name: str) -> list[str]:
    """Give a name, and for an id how we write it."""
    try:
        return list(dict.fromkeys((name, as_id(name, "task_group_id"))))
    except (TypeError, ValueError):
        return [name]
