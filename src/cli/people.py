"""What `farpool users`, `groups` and `tokens` have in common: they act on the service's store, also while it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..settings import Settings

if TYPE_CHECKING:
    from ..service import People

Command = TypeVar("Command", bound=Callable[..., Any])

_UNITS_S = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_LIFETIME = re.compile(rf"(\d+(?:\.\d+)?)({'|'.join(_UNITS_S)})")


def place_options(command: Command) -> Command:
    """Give a command `--directory` and `--database`, as of `farpool serve`."""
    database = click.option("--database", metavar="URL", help="Its database.  [default: SQLite in the directory]")
    directory = click.option(
        "--directory",
        type=click.Path(file_okay=False, path_type=Path),
        help="The directory of the service.  [default: FARPOOL_HOME/service]",
    )
    return directory(database(command))


def people_of(directory: Path | None, database: str | None) -> People:
    """Open the users, groups and tokens of the service that the command means."""
    from ..service import People

    return People(directory or Settings.from_environment().home / "service", database_url=database)


def read_lifetime(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """Read a time such as 90min, 12h, 30d or 8w, in seconds."""
    if value is None:
        return None
    found = _LIFETIME.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is no time such as 90min, 12h, 30d or 8w")
    return float(found[1]) * _UNITS_S[found[2]]
