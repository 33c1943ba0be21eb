"""Taking a campaign up: finding it by a name, for this process alone."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...errors import FarpoolError
from ...settings import Settings
from .file import JournalFile, journal_file
from .records import Entry, Outcome, State
from .shelf import Campaign, Shelf, meant
from .writing import About, Writing

if TYPE_CHECKING:
    from ...client import Client


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A campaign that this process has taken up.

    Attributes:
        settings: the environment, with the campaign's service.
        all_entries: its tasks, in the order of submission.
        entries: those that were asked for.
    """

    file: JournalFile
    campaign: Campaign
    settings: Settings
    all_entries: Sequence[Entry]
    entries: Sequence[Entry]

    @property
    def next_number(self) -> int:
        """The number of the next task."""
        return self.all_entries[-1].number + 1 if self.all_entries else 1

    @property
    def task_group_id(self) -> str | None:
        """The task group that was asked for, if all tasks went into one."""
        groups = {one.route.get("task_group_id") for one in self.all_entries}
        return groups.pop() if len(groups) == 1 else None

    @property
    def kept(self) -> dict[int, int]:
        """Which record keeps the packed arguments of which task."""
        return {one.number: one.kept_in for one in self.all_entries if one.kept_in is not None}

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Give the arguments for an executor that goes on with it.

        Raises:
            ValueError: the client that was given is one of another service.
        """
        client: Client | None = given.get("client")
        if client is not None and client.service_url != self.campaign.service_url:
            raise ValueError(
                f"the campaign is at {self.campaign.service_url}, and the client that was given talks to "
                f"{client.service_url}"
            )
        own: dict[str, Any] = {"label": self.campaign.label, "task_group_id": self.task_group_id}
        return own if "endpoints" in given else {"endpoint_id": self.campaign.endpoint_id, **own}

    def let_go(self) -> None:
        """Let another program take it up."""
        self.file.locks.release(self.campaign.campaign)


def take_up(name: str | int, settings: Settings) -> TakenUp:
    """Find a campaign and take it up for this process.

    Args:
        name: its label, one of its task groups, or its number.
        settings: the environment.

    Raises:
        LookupError: the journal knows none of that name; says which it knows.
        RuntimeError: a program is at work on it.
        FarpoolError: there is no journal to read.
    """
    if not settings.journal:
        raise FarpoolError("the journal is switched off (FARPOOL_JOURNAL=0): there is nothing to resume from")
    file = journal_file(settings.home)
    if not file.exists:
        raise LookupError(f"there is no journal in {settings.home}: nothing was submitted to a service from here")
    _check(name)
    try:
        with file.opened() as connection:
            return _take(Shelf(file, connection), name, settings)
    except (sqlite3.Error, OSError) as error:
        raise FarpoolError(f"the journal {file.path} cannot be read: {error}") from error


def _check(name: object) -> None:
    wanted = "resume takes a label, a task group id or the number of a campaign"
    if isinstance(name, bool) or not isinstance(name, (str, int)):
        raise TypeError(f"{wanted}, not {name!r} ({type(name).__name__})")
    if name == "":
        raise ValueError(f"{wanted}: it was given nothing")


def _take(shelf: Shelf, name: str | int, settings: Settings) -> TakenUp:
    campaign = shelf.latest(name)
    if not shelf.take(campaign.campaign):
        raise RuntimeError(
            f"campaign {name!r} is at work: process {campaign.pid} on {campaign.host} ({campaign.program}) has it. "
            f"End that first, or follow it with: farpool tasks watch {name}"
        )
    try:
        every = shelf.entries(campaign.campaign, payloads=True)
    except BaseException:
        shelf.let_go(campaign.campaign)
        raise
    own = replace(settings, service_url=campaign.service_url)
    return TakenUp(shelf.file, campaign, own, every, meant(every, campaign, name))


def cancel_unsent(shelf: Shelf, campaign: Campaign, name: str | int) -> list[Entry]:
    """Cancel what no service has of a campaign that nobody is at work on: it is not submitted when it is resumed.

    Returns:
        The tasks that were cancelled; none when a program has it.
    """
    if not shelf.take(campaign.campaign):
        return []
    about = About(
        campaign.label,
        campaign.service_url,
        campaign.endpoint_id,
        campaign.host,
        campaign.pid,
        campaign.program,
    )
    writing = Writing(shelf.file, about, campaign=campaign.campaign)
    try:
        every = shelf.entries(campaign.campaign)
        unsent = [one for one in meant(every, campaign, name) if one.state is State.WAITING]
        if unsent:
            writing.write([Outcome(one.number, time.time(), State.CANCELLED) for one in unsent])
        return unsent
    finally:
        writing.close(ended=False)
