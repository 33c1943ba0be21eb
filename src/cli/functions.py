"""`farpool functions`: what is registered at the service."""

from __future__ import annotations

from collections.abc import Mapping

import click

from .connection import connect, service_option
from .output import age, examples, json_option, print_facts, print_json, print_table


@click.group(
    epilog=examples(
        "farpool functions list",
        "farpool functions search linear fit",
        "farpool functions show 81d9a6d6-8d3a-4ea4-b5a2-3b2b5e5f6c1f",
    )
)
def functions() -> None:
    """Look at the functions that you registered; find others that you may run; delete your own."""


@functions.command(name="list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List that many at most.")
@service_option
@json_option
def list_(*, limit: int, service_url: str | None, as_json: bool) -> None:
    """List your functions, the newest first (not at the hosted service, which keeps no such list)."""
    with connect(service_url) as client:
        if client.is_hosted:
            raise _keeps_no_list("list")
        found = client.get_functions(limit)
    if as_json:
        print_json(found)
        return
    rows = [
        {
            "function_id": one.get("function_uuid"),
            "name": one.get("function_name"),
            "registered": age(one.get("created_at")),
            "shared": _shared(one),
            "description": _first_line(one.get("description")),
        }
        for one in found
    ]
    print_table(
        rows, "function_id", "name", "registered", "shared", "description", empty="You have registered no function."
    )


@functions.command()
@click.argument("words", nargs=-1)
@click.option("--owner", metavar="NAME", help="Only functions of this user: their name, or their id.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List that many at most.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Leave out that many of the first.")
@service_option
@json_option
def search(
    words: tuple[str, ...], *, owner: str | None, limit: int, offset: int, service_url: str | None, as_json: bool
) -> None:
    """Find functions that you may run, the newest first: your own, public ones, and those of your groups.

    All WORDS must occur in the name or the description, as parts of words too. (Not at the hosted service.)
    """
    with connect(service_url) as client:
        if client.is_hosted:
            raise _keeps_no_list("search")
        found = client.search_functions(" ".join(words), owner=owner, limit=limit, offset=offset)
    if as_json:
        print_json(found)
        return
    rows = [
        {
            "function_id": one.get("function_uuid"),
            "name": one.get("function_name"),
            "owner": one.get("owner_name"),
            "registered": age(one.get("created_at")),
            "shared": _shared(one),
            "description": _first_line(one.get("description")),
        }
        for one in found
    ]
    columns = ("function_id", "name", "owner", "registered", "shared", "description")
    print_table(rows, *columns, empty="There is no such function that you may run.")


@functions.command()
@click.argument("function_id")
@click.option("--code", is_flag=True, help="Show the registered code too, as it is stored.")
@service_option
@json_option
def show(function_id: str, *, code: bool, service_url: str | None, as_json: bool) -> None:
    """Show what the service knows of a function."""
    with connect(service_url) as client:
        found = client.get_function(function_id)
    text = found.pop("function_code", "")
    if as_json:
        print_json(found | ({"function_code": text} if code else {}))
        return
    print_facts({name: value for name, value in found.items() if value not in (None, {}, [])})
    if code:
        click.echo(f"\n{text}")


@functions.command()
@click.argument("function_id")
@service_option
@json_option
def delete(function_id: str, *, service_url: str | None, as_json: bool) -> None:
    """Delete a function; tasks that were submitted with it still run."""
    with connect(service_url) as client:
        client.delete_function(function_id)
    if as_json:
        print_json({"deleted": function_id})
    else:
        click.echo(f"deleted function {function_id}")


def _keeps_no_list(verb: str) -> click.UsageError:
    return click.UsageError(
        f"the hosted service does not {verb} functions: "
        "name a service of your own with --service-url or FARPOOL_SERVICE_URL"
    )


def _shared(function: Mapping[str, object]) -> str:
    group = function.get("group")
    ways = [*(["public"] if function.get("public") else []), *([f"group {group}"] if group else [])]
    return ", ".join(ways)


def _first_line(text: object) -> str:
    return str(text).strip().partition("\n")[0] if text else ""
