"""The journal, as commands read it: campaigns, and the tasks of one."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import FarpoolError
from ..settings import Settings
from .connection import connect
from .output import age, json_option, print_json, print_table

if TYPE_CHECKING:
    from ..client import Client
    from ..executor.journal import Campaign, Entry, Shelf

Command = TypeVar("Command", bound=Callable[..., Any])


def label_option(command: Command) -> Command:
    """Give a command `--label`, as the argument `label`."""
    return click.option(
        "--label",
        metavar="NAME",
        help="The tasks that a program of yours submitted under this label, from the journal of this machine; "
        "a task group or the number of a campaign is a name as well.",
    )(command)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Tasks in the journal.

    Attributes:
        campaign: the latest that has the name.
        entries: those of its tasks that have it, in the order of submission.
        is_at_work: whether a program is at work on it.
    """

    campaign: Campaign
    entries: Sequence[Entry]
    is_at_work: bool

    def connect(self, service_url: str | None) -> Client:
        """Make a client for the service that has the tasks, if none is named."""
        return connect(service_url or self.campaign.service_url)

    def counts(self) -> Counter[str]:
        """Count the tasks by their state."""
        return Counter(entry.state.value for entry in self.entries)


@contextmanager
def journal() -> Generator[Shelf, None, None]:
    """Open this user's journal for the length of a block.

    Raises:
        FarpoolError: there is none, or it cannot be read.
    """
    from ..executor.journal import Shelf, journal_file

    file = journal_file(Settings.from_environment().home)
    if not file.exists:
        raise FarpoolError(f"there is no journal {file.path}: nothing was submitted to a service from here")
    try:
        with file.opened() as connection:
            yield Shelf(file, connection)
    except (sqlite3.Error, OSError) as error:
        raise FarpoolError(f"the journal {file.path} cannot be read: {error}") from error


def choose(shelf: Shelf, name: str | None) -> Chosen:
    """Find tasks by a name: a label, a task group or the number of a campaign; None: the latest campaign.

    Raises:
        FarpoolError: there is none of that name.
    """
    from ..executor.journal import meant

    if name is None:
        campaigns = shelf.campaigns()
        if not campaigns:
            raise FarpoolError(f"the journal {shelf.file.path} is empty: nothing was submitted to a service from here")
        campaign = next((one for one in campaigns if shelf.is_at_work(one.campaign)), campaigns[0])
        name = str(campaign.campaign)
    else:
        try:
            campaign = shelf.latest(name)
        except LookupError as error:
            raise FarpoolError(str(error)) from error
    is_at_work = shelf.is_at_work(campaign.campaign)  # before it is read: what ended in between is complete
    return Chosen(campaign, meant(shelf.entries(campaign.campaign), campaign, name), is_at_work)


def chosen(name: str | None) -> Chosen:
    """Open the journal, find tasks in it, and close it; see `choose`."""
    with journal() as shelf:
        return choose(shelf, name)


@click.command(name="campaigns")
@json_option
def campaigns(*, as_json: bool) -> None:
    """List what programs on this machine have submitted, the newest first: one line for each executor."""
    with journal() as shelf:
        rows = [_row(shelf, campaign) for campaign in shelf.campaigns()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row["begun"] = age(row["begun_at"])
        row["status"] = "running" if row["is_at_work"] else ("unfinished" if row["open"] else "finished")
    columns = ("campaign", "label", "status", "tasks", "success", "failed", "cancelled", "open", "begun", "program")
    print_table(rows, *columns, "task_group_id", empty="There are no campaigns.")


def _row(shelf: Shelf, campaign: Campaign) -> dict[str, Any]:
    entries = shelf.entries(campaign.campaign)
    counts = Counter(entry.state.value for entry in entries)
    return {
        "campaign": campaign.campaign,
        "label": campaign.label,
        "task_group_id": campaign.task_group_id,
        "service_url": campaign.service_url,
        "endpoint_id": campaign.endpoint_id,
        "is_at_work": shelf.is_at_work(campaign.campaign),
        "host": campaign.host,
        "pid": campaign.pid,
        "program": campaign.program,
        "begun_at": campaign.begun_at,
        "tasks": len(entries),
        "open": sum(not entry.state.is_final for entry in entries),
        **{state: counts[state] for state in ("success", "failed", "cancelled")},
    }
