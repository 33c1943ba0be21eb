"""What commands print: tables for people, JSON for programs. The one module that knows `rich`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

#: Width of a table that does not go to a terminal: nothing is cut for a file or a pipe.
PIPE_WIDTH = 240
#: Colours of words that say how something is.
STYLES = {
    "ok": "green",
    "online": "green",
    "success": "green",
    "running": "cyan",
    "cancelled": "yellow",
    "offline": "yellow",
    "stopped": "yellow",
    "warn": "yellow",
    "broken": "red",
    "fail": "red",
    "failed": "red",
}


def examples(*commands: str) -> str:
    """Make the end of a command's help text: lines that click leaves as they are."""
    return "\n".join(["\b", "Examples:", *(f"    {command}" for command in commands)])


def json_option(command: Command) -> Command:
    """Give a command `--json`, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(command)


def print_json(value: object) -> None:
    """Print a value as one JSON line to standard output, at once."""
    click.echo(json.dumps(value, default=str))
    sys.stdout.flush()


def print_table(rows: Sequence[Mapping[str, object]], *columns: str, empty: str) -> None:
    """Print rows as a table.

    Args:
        rows: what to print, by column.
        columns: which columns, in order; their names are the headings.
        empty: what to say when there is no row.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, no_wrap=column.endswith("id"), overflow="fold")
    for row in rows:
        cells = [_text(row.get(column)) for column in columns]
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH).print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names and values, one pair per line."""
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {_text(value)}".rstrip())


def print_mark(status: str, text: str, advice: str = "") -> None:
    """Print a line with its status in front, in colour on a terminal, and below it what to do."""
    colour = STYLES.get(status)
    click.echo(f"{click.style(f'{status:<4}', fg=colour, bold=True)}  {text}")
    if advice:
        click.echo(f"      -> {advice}")


def age(unix_time: object) -> str:
    """Say how long ago a unix time was, in seconds or as a string of them: ``"3 min ago"``; nothing for no time."""
    try:
        seconds = max(0.0, time.time() - float(unix_time))  # type: ignore[arg-type] # what it is shows here
    except (TypeError, ValueError):
        return ""
    for size_s, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size_s:
            return f"{seconds / size_s:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


class Screen:
    """A progress bar with lines below it, drawn over itself in a terminal.

    Args:
        is_on: whether there is anything to be seen.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._live: Any = None
        if is_on:
            from rich.live import Live

            self._live = Live(auto_refresh=False, transient=False)

    def show(self, done: int, total: int, title: str, lines: Sequence[str]) -> None:
        """Draw it anew."""
        if self._live is None:
            return
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            Text(title, style="bold"), ProgressBar(total=max(total, 1), completed=done, width=40), f"{done}/{total}"
        )
        below = [Text(line, no_wrap=True, overflow="ellipsis") for line in lines]
        self._live.update(Group(bar, *below), refresh=True)

    def __enter__(self) -> Screen:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._live is not None:
            self._live.stop()
