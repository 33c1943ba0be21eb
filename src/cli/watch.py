"""`farpool tasks watch`: follow what a program has submitted, in a terminal."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from .campaigns import Chosen, choose, journal
from .connection import service_option
from .output import Screen, json_option

if TYPE_CHECKING:
    from ..client import Client
    from ..executor.journal import Entry, Shelf
    from ..wire.rest import TaskDocument

#: How often it is looked whether there is anything new, and how often the service is asked when no program tells.
LOOK_S = 0.5
ASK_S = 3.0

#: Seconds between two lines, at least, where there is no terminal.
LINE_S = 5.0

#: The latest failures that are shown.
FAILURES = 3


@click.command()
@click.argument("name", required=False)
@service_option
@json_option
def watch(name: str | None, *, service_url: str | None, as_json: bool) -> None:
    """Follow what a program on this machine submits, by its label, a task group, or the number of a campaign.

    Left out, it is what is at work now, or else the latest. Ends when the program has ended and no task is on its way:
    with 1, if one failed or was not taken by the service. Where the output is no terminal, it prints lines.
    """
    with journal() as shelf:
        last = _follow(_Follower(shelf, name, service_url), _Teller(as_json=as_json))
    if last.counts["failed"] or last.unsent:
        raise SystemExit(1)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is.

    Attributes:
        counts: tasks by state; also by that at the service, where it was asked.
        unsent: tasks that the service has not said to have, and that nobody is going to send.
        per_s: outcomes per second of late.
        left_s: seconds until the last one, at that rate.
        failures: what the latest failures were.
    """

    campaign: int
    label: str
    is_at_work: bool
    counts: Mapping[str, int]
    unsent: int
    per_s: float
    left_s: float | None
    failures: Sequence[str]

    @property
    def total(self) -> int:
        """How many tasks there are."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many have an outcome."""
        return sum(self.counts[state] for state in ("success", "failed", "cancelled"))

    @property
    def is_over(self) -> bool:
        """Whether nothing will come any more."""
        return not self.is_at_work and self.done + self.unsent == self.total

    def line(self) -> str:
        """Say it in a line."""
        told = ", ".join(f"{count} {state}" for state, count in self.counts.items() if count)
        if self.unsent:
            told += (
                f"; {self.unsent} not taken by the service: Executor.resume({self.label or self.campaign!r}) sends them"
            )
        return f"{self.label or self.campaign}: {self.done} of {self.total} done ({told})"

    def to_json(self) -> dict[str, Any]:
        """Give it for programs."""
        return {
            "campaign": self.campaign,
            "label": self.label,
            "is_at_work": self.is_at_work,
            "tasks": self.total,
            "done": self.done,
            "unsent": self.unsent,
            **self.counts,
            "per_s": round(self.per_s, 2),
            "left_s": None if self.left_s is None else round(self.left_s, 1),
        }


class _Follower:
    """Looks at the journal, and asks the service where no program writes to it any more."""

    def __init__(self, shelf: Shelf, name: str | None, service_url: str | None) -> None:
        self._shelf = shelf
        self._chosen = choose(shelf, name)
        self._name = name or str(self._chosen.campaign.campaign)
        self._service_url = service_url
        self._client: Client | None = None
        self._version: int = shelf.version()
        self._asked_at = float("-inf")
        self._documents: dict[str, TaskDocument] = {}

    def look(self) -> Progress:
        """Say how far it is now."""
        version = self._shelf.version()
        if version != self._version or not self._shelf.is_at_work(self._chosen.campaign.campaign):
            self._version, self._chosen = version, choose(self._shelf, self._name)
        if not self._chosen.is_at_work and time.monotonic() - self._asked_at >= ASK_S:
            self._asked_at = time.monotonic()
            self._ask()
        return _progress(self._chosen, self._documents)

    def close(self) -> None:
        """Close the connection to the service."""
        if self._client is not None:
            self._client.close()

    def _ask(self) -> None:
        wanted = [one.task_id for one in self._chosen.entries if one.task_id and not one.state.is_final]
        wanted = [task_id for task_id in wanted if not _is_finished(self._documents.get(task_id))]
        if not wanted:
            return
        if self._client is None:
            self._client = self._chosen.connect(self._service_url)
        self._documents |= self._client.get_batch_status(wanted)


class _Teller:
    """Prints how far it is: as a bar in a terminal, as JSON at each change, else as a line now and then."""

    def __init__(self, *, as_json: bool) -> None:
        is_plain = not as_json and not sys.stdout.isatty()
        self.screen = Screen(is_on=not as_json and not is_plain)
        self._lines = _as_json if as_json else _as_line if is_plain else None
        self._pause_s = LINE_S if is_plain else 0.0
        self._said: str = ""
        self._said_at = float("-inf")

    def tell(self, progress: Progress) -> None:
        """Say it, if it is something new."""
        self.screen.show(progress.done, progress.total, _title(progress), _below(progress))
        if self._lines is None or not (progress.is_over or time.monotonic() - self._said_at >= self._pause_s):
            return
        line = self._lines(progress)
        if line != self._said:
            self._said, self._said_at = line, time.monotonic()
            click.echo(line)


def _as_json(progress: Progress) -> str:
    return json.dumps(progress.to_json())


def _as_line(progress: Progress) -> str:
    return progress.line()


def _follow(follower: _Follower, teller: _Teller) -> Progress:
    pause = threading.Event()
    with teller.screen:
        try:
            while True:
                progress = follower.look()
                teller.tell(progress)
                if progress.is_over:
                    return progress
                pause.wait(LOOK_S)
        finally:
            follower.close()


def _progress(found: Chosen, documents: Mapping[str, TaskDocument]) -> Progress:
    states = [_state(entry, documents.get(entry.task_id or "")) for entry in found.entries]
    counts = Counter(states)
    for state in ("success", "failed", "cancelled"):
        counts.setdefault(state, 0)
    # What is being sent when a program ends is sent again when it is resumed: it may be on its way, or not.
    unsent = 0 if found.is_at_work else counts["waiting"] + counts["sending"]
    ended = sorted(one.ended_at for one in found.entries if one.ended_at is not None)[-100:]
    span_s = time.time() - ended[0] if found.is_at_work and len(ended) > 1 else 0.0
    per_s = len(ended) / span_s if span_s > 0 else 0.0
    open_ = sum(counts.values()) - sum(counts[state] for state in ("success", "failed", "cancelled"))
    return Progress(
        campaign=found.campaign.campaign,
        label=found.campaign.label,
        is_at_work=found.is_at_work,
        counts=counts,
        unsent=unsent,
        per_s=per_s,
        left_s=open_ / per_s if per_s and open_ else None,
        failures=_failures(found.entries),
    )


def _state(entry: Entry, document: TaskDocument | None) -> str:
    if document is None or entry.state.is_final:
        return str(entry.state.value)
    if not document.is_finished:
        return document.status
    return document.status if document.status in {"success", "cancelled"} else "failed"


def _is_finished(document: TaskDocument | None) -> bool:
    return document is not None and document.is_finished


def _failures(entries: Sequence[Entry]) -> list[str]:
    failed = [one for one in entries if one.state.value == "failed" and one.outcome is not None]
    latest = sorted(failed, key=lambda one: one.ended_at or 0.0)[-FAILURES:]
    return [f"{one.call}: {_why(one)}" for one in latest]


def _why(entry: Entry) -> str:
    outcome = entry.outcome
    if outcome is None:
        return ""
    if outcome.error is not None:
        return ": ".join(outcome.error)
    text = getattr(outcome.result, "data", None) or getattr(outcome.result, "exception", None) or "it failed"
    return str(text).strip().rpartition("\n")[2].strip()


def _title(progress: Progress) -> str:
    return progress.label or f"campaign {progress.campaign}"


def _below(progress: Progress) -> list[str]:
    told = ", ".join(f"{count} {state}" for state, count in progress.counts.items() if count)
    if progress.is_at_work and progress.per_s:
        told += f"; {progress.per_s:.1f} per second"
    if progress.left_s is not None:
        told += f", about {progress.left_s:.0f} s to go"
    lines = [told or "nothing was submitted yet"]
    if not progress.is_at_work:
        lines.append("the program has ended" + ("" if progress.is_over else ": this is what the service says"))
    return [*lines, *progress.failures]
