"""`farpool users`: who may ask a service of one's own."""

from __future__ import annotations

from pathlib import Path

import click

from .output import age, examples, json_option, print_json, print_table
from .people import people_of, place_options


@click.group(
    epilog=examples(
        "farpool users add ann",
        "farpool tokens add ann --label laptop",
        "farpool users list",
        "farpool users remove ann",
    )
)
def users() -> None:
    """Say who may use your service. For whoever can write to its directory; it may be running meanwhile."""


@users.command()
@click.argument("name")
@place_options
@json_option
def add(name: str, *, directory: Path | None, database: str | None, as_json: bool) -> None:
    """Add the user NAME; what they ask with is a token."""
    with people_of(directory, database) as people:
        added = people.add_user(name)
    if as_json:
        print_json({"name": added.name, "identity_id": added.identity_id})
    else:
        click.echo(f"added user {name}, with the identity {added.identity_id}; they need a token:")
        click.echo(f"    farpool tokens add {name}")


@users.command(name="list")
@place_options
@json_option
def list_(*, directory: Path | None, database: str | None, as_json: bool) -> None:
    """List the users; `local` is the administrator, whose token is in the directory."""
    with people_of(directory, database) as people:
        found = people.users()
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "identity_id": one.identity_id,
                    "groups": list(one.groups),
                    "tokens": one.tokens,
                    "created_at": one.created_at,
                }
                for one in found
            ]
        )
        return
    rows = [
        {
            "name": one.name,
            "identity_id": one.identity_id,
            "groups": ", ".join(one.groups),
            "tokens": one.tokens,
            "added": age(one.created_at),
        }
        for one in found
    ]
    print_table(rows, "name", "identity_id", "groups", "tokens", "added", empty="There are no users.")


@users.command()
@click.argument("name")
@place_options
@json_option
def remove(name: str, *, directory: Path | None, database: str | None, as_json: bool) -> None:
    """Remove the user NAME: their tokens are refused from now on.

    What is theirs stays: an endpoint that is connected goes on with the tasks that it has, and gets no more. Somebody
    who is added under the same name later is the same user, without tokens and groups.
    """
    with people_of(directory, database) as people:
        people.remove_user(name)
    if as_json:
        print_json({"removed": name})
    else:
        click.echo(f"removed user {name}; their tokens are refused from now on")
