"""`farpool groups`: whom the users of a service of one's own can share functions and tasks with."""

from __future__ import annotations

from pathlib import Path

import click

from .output import age, examples, json_option, print_json, print_table
from .people import people_of, place_options

_members = click.argument("users", nargs=-1, required=True, metavar="USER...")


@click.group(
    epilog=examples(
        "farpool groups add lab --member ann --member bob",
        "farpool groups join lab carl",
        "farpool groups leave lab bob",
        "farpool groups list",
    )
)
def groups() -> None:
    """Make groups of the users of your service. For whoever can write to its directory; it may be running meanwhile.

    GROUP is a group's name or its id. Programs name a group by its id: register_function(fn, group=ID).
    """


@groups.command()
@click.argument("group")
@click.option("--member", "members", multiple=True, metavar="USER", help="Put this user into it; repeatable.")
@place_options
@json_option
def add(group: str, *, members: tuple[str, ...], directory: Path | None, database: str | None, as_json: bool) -> None:
    """Make the group GROUP."""
    with people_of(directory, database) as people:
        made = people.add_group(group, members)
    if as_json:
        print_json({"name": made.name, "group_id": made.group_id, "members": list(made.members)})
    else:
        click.echo(f"made group {made.name}, with the id {made.group_id}; its members: {_names(made.members)}")


@groups.command(name="list")
@place_options
@json_option
def list_(*, directory: Path | None, database: str | None, as_json: bool) -> None:
    """List the groups, with their members."""
    with people_of(directory, database) as people:
        found = people.groups()
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "group_id": one.group_id,
                    "members": list(one.members),
                    "created_at": one.created_at,
                }
                for one in found
            ]
        )
        return
    rows = [
        {
            "name": one.name,
            "group_id": one.group_id,
            "members": ", ".join(one.members),
            "made": age(one.created_at),
        }
        for one in found
    ]
    print_table(rows, "name", "group_id", "members", "made", empty="There are no groups.")


@groups.command()
@click.argument("group")
@place_options
@json_option
def remove(group: str, *, directory: Path | None, database: str | None, as_json: bool) -> None:
    """Delete the group GROUP: what was shared with it is its owner's alone again."""
    with people_of(directory, database) as people:
        functions, task_groups = people.remove_group(group)
    if as_json:
        print_json({"removed": group, "functions": functions, "task_groups": task_groups})
    else:
        click.echo(f"removed group {group}; shared with it were {functions} functions and {task_groups} task groups")


@groups.command()
@click.argument("group")
@_members
@place_options
@json_option
def join(group: str, users: tuple[str, ...], *, directory: Path | None, database: str | None, as_json: bool) -> None:
    """Put users into the group GROUP."""
    with people_of(directory, database) as people:
        changed = people.join(group, users)
    _print_members(changed.name, changed.members, as_json=as_json)


@groups.command()
@click.argument("group")
@_members
@place_options
@json_option
def leave(group: str, users: tuple[str, ...], *, directory: Path | None, database: str | None, as_json: bool) -> None:
    """Take users out of the group GROUP."""
    with people_of(directory, database) as people:
        changed = people.leave(group, users)
    _print_members(changed.name, changed.members, as_json=as_json)


def _print_members(group: str, members: tuple[str, ...], *, as_json: bool) -> None:
    if as_json:
        print_json({"name": group, "members": list(members)})
    else:
        click.echo(f"the members of group {group}: {_names(members)}")


def _names(members: tuple[str, ...]) -> str:
    return ", ".join(members) or "nobody yet"
