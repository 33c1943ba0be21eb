"""`farpool doctor`: what works, and what to do about what does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ..errors import FarpoolError
from ..settings import Settings
from .connection import connect, service_option
from .output import examples, json_option, print_json, print_mark

if TYPE_CHECKING:
    from .checks import Finding


@click.command(
    epilog=examples(
        "farpool doctor",
        "farpool doctor --endpoint 4b116d3c-1703-4f8f-9f6f-39921e5864df",
        "farpool doctor --json",
    )
)
@click.option(
    "--endpoint", "endpoint_id", metavar="ID", help="Look at this endpoint too.  [default: FARPOOL_ENDPOINT_ID]"
)
@service_option
@json_option
def doctor(*, endpoint_id: str | None, service_url: str | None, as_json: bool) -> None:
    """Say what works, and what to do about what does not.

    Without a service or an endpoint to look at, it tries what Executor() does by itself: it starts a service and an
    endpoint on this machine and runs a task. The exit code is 1 when something fails.
    """
    failed = False
    for finding in _findings(Settings.from_environment(), service_url, endpoint_id):
        failed |= finding.status == "fail"
        if as_json:
            print_json(finding.to_json())
        else:
            print_mark(finding.status, f"{finding.check}: {finding.found}", finding.advice)
    if failed:
        raise SystemExit(1)


def _findings(settings: Settings, service_url: str | None, endpoint_id: str | None) -> Iterator[Finding]:
    from . import checks

    yield checks.python()
    yield checks.state_directory(settings.home)
    url, is_wanted = checks.configured_url(settings, service_url)
    endpoint_id = endpoint_id or settings.endpoint_id
    is_wanted = is_wanted or endpoint_id is not None
    if not is_wanted:
        yield checks.embedded()
    reached = checks.service(url, is_wanted=is_wanted)
    yield reached
    if reached.status == "ok":
        yield from _service_findings(url, endpoint_id, is_wanted=is_wanted)


def _service_findings(url: str, endpoint_id: str | None, *, is_wanted: bool) -> Iterator[Finding]:
    from . import checks

    try:
        client = connect(url)
    except FarpoolError as error:
        yield checks.Finding("token", "fail", str(error))
        return
    with client:
        taken = checks.token(client, is_wanted=is_wanted)
        yield taken
        if taken.status != "ok" or not is_wanted:
            return
        yield checks.stream(client)
        if endpoint_id is not None:
            yield from checks.endpoint(client, endpoint_id)
