"""Which service a command talks to: `--service-url`, or what the environment says, or the hosted one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..settings import Settings

if TYPE_CHECKING:
    from ..client import Client

Command = TypeVar("Command", bound=Callable[..., Any])

#: How long to try to reach a service, in seconds: a person waits for the answer.
FIRST_S = 1.0


def service_option(command: Command) -> Command:
    """Give a command `--service-url`, as the argument `service_url`."""
    return click.option(
        "--service-url",
        metavar="URL",
        help="The service to talk to.  [default: FARPOOL_SERVICE_URL, or else the hosted service]",
    )(command)


def connect(service_url: str | None) -> Client:
    """Make a client for the service that the command means."""
    from ..client import Client, Patience

    # What the command asks for tells as well whether service and token are right: one request less.
    return Client(
        service_url=service_url,
        settings=Settings.from_environment(),
        patience=Patience(first_s=FIRST_S),
        do_version_check=False,
    )
