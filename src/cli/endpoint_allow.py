"""`farpool endpoint allow`: which functions an endpoint runs, by the list that its owner keeps at the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..settings import Settings
from .connection import connect, service_option
from .output import examples, json_option, print_json

if TYPE_CHECKING:
    from ..client import Client


@click.command(
    epilog=examples(
        "farpool endpoint allow laptop",
        "farpool endpoint allow laptop 4b116d3c-1703-4f8f-9f6f-39921e5864df",
        "farpool endpoint allow laptop --remove 4b116d3c-1703-4f8f-9f6f-39921e5864df",
        "farpool endpoint allow laptop --any",
    )
)
@click.argument("name")
@click.argument("functions", nargs=-1, metavar="[FUNCTION]...")
@click.option("--remove", is_flag=True, help="Take these functions from the list.")
@click.option("--only", is_flag=True, help="Make these functions the list; with none, nothing runs.")
@click.option("--any", "any_", is_flag=True, help="Do away with the list: any function runs.")
@service_option
@json_option
def allow(
    name: str,
    functions: tuple[str, ...],
    *,
    remove: bool,
    only: bool,
    any_: bool,
    service_url: str | None,
    as_json: bool,
) -> None:
    """Add functions to the list of those that the endpoint NAME runs, or show it. NAME may be an id.

    What is in the endpoint's own configuration (--allow of `endpoint start`) holds beside it.
    """
    if remove + only + any_ > 1:
        raise click.UsageError("--remove, --only and --any exclude each other")
    if (remove and not functions) or (any_ and functions):
        raise click.UsageError("--remove takes functions, --any takes none")
    endpoint_id, remembered_url = _find(name)
    with connect(service_url or remembered_url) as client:
        told = _apply(client, endpoint_id, functions, remove=remove, only=only, any_=any_)
    if as_json:
        print_json(told)
    elif not told.get("restricted"):
        click.echo(f"endpoint {endpoint_id} runs any function")
    else:
        click.echo("\n".join(told["functions"]) or f"endpoint {endpoint_id} runs no function")


def _apply(
    client: Client, endpoint_id: str, functions: tuple[str, ...], *, remove: bool, only: bool, any_: bool
) -> dict[str, Any]:
    if any_ or only:
        return client.set_allowed_functions(endpoint_id, None if any_ else functions)
    if not functions:
        return client.get_allowed_functions(endpoint_id)
    return (client.remove_allowed_functions if remove else client.add_allowed_functions)(endpoint_id, functions)


def _find(name: str) -> tuple[str, str | None]:
    """Give the id of an endpoint, and where it is registered if it is one of this machine."""
    from ..endpoint import EndpointDirectory
    from ..endpoint import status as look

    place = EndpointDirectory.of(Settings.from_environment().home, name)
    if not place.exists:
        return name, None
    return look(place).endpoint_id or name, place.config().service_url
