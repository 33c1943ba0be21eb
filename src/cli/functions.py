"""`farpool functions`: what is registered at the service."""

from __future__ import annotations

import click

from .connection import connect, service_option
from .output import age, examples, json_option, print_facts, print_json, print_table


@click.group(
    epilog=examples(
        "farpool functions list",
        "farpool functions show 81d9a6d6-8d3a-4ea4-b5a2-3b2b5e5f6c1f",
    )
)
def functions() -> None:
    """Look at the functions that you registered; delete them."""


@functions.command(name="list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List that many at most.")
@service_option
@json_option
def list_(*, limit: int, service_url: str | None, as_json: bool) -> None:
    """List your functions, the newest first (not at the hosted service, which keeps no such list)."""
    with connect(service_url) as client:
        if client.is_hosted:
            raise click.UsageError(
                "the hosted service does not list functions: "
                "name a service of your own with --service-url or FARPOOL_SERVICE_URL"
            )
        found = client.get_functions(limit)
    if as_json:
        print_json(found)
        return
    rows = [
        {
            "function_id": one.get("function_uuid"),
            "name": one.get("function_name"),
            "registered": age(one.get("created_at")),
            "description": _first_line(one.get("description")),
        }
        for one in found
    ]
    print_table(rows, "function_id", "name", "registered", "description", empty="You have registered no function.")


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


def _first_line(text: object) -> str:
    return str(text).strip().partition("\n")[0] if text else ""
