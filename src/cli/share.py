"""`farpool tasks share`: letting others see the tasks of a task group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import FarpoolError
from ..wire import as_id
from .connection import connect, service_option
from .output import json_option, print_json

if TYPE_CHECKING:
    from ..client import Client


@click.command()
@click.argument("task_group")
@click.argument("group", required=False)
@click.option("--nobody", is_flag=True, help="Share it with no group any more.")
@service_option
@json_option
def share(task_group: str, group: str | None, *, nobody: bool, service_url: str | None, as_json: bool) -> None:
    """Let the members of GROUP, one that you are in, see the tasks of TASK_GROUP and their results.

    GROUP is a group's id or its name. A task group is shared with one group at a time.
    """
    if nobody == (group is not None):
        raise click.UsageError("name the group to share with, or give --nobody")
    with connect(service_url) as client:
        group_id = None if group is None else _group_id(client, group)
        client.share_task_group(task_group, group_id)
    if as_json:
        print_json({"task_group_id": task_group, "group": group_id})
    elif group is None:
        click.echo(f"the tasks of {task_group} are yours alone")
    else:
        click.echo(f"the members of group {group} may see the tasks of {task_group}")


def _group_id(client: Client, group: str) -> str:
    try:
        return as_id(group, "group")
    except ValueError:
        pass
    mine: list[dict[str, Any]] = client.whoami()["groups"] or []
    for one in mine:
        if one.get("name") == group:
            return str(one.get("group_id"))
    names = ", ".join(str(one.get("name") or one.get("group_id")) for one in mine)
    raise FarpoolError(f"you are in no group {group!r}; those you are in: {names or 'none'}")
