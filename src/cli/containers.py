"""`farpool containers`: what functions run in, as it is registered at the service."""

from __future__ import annotations

import click

from ..wire.containers import CONTAINER_TYPES
from .connection import connect, service_option
from .output import age, examples, json_option, print_facts, print_json, print_table


@click.group(
    epilog=examples(
        "farpool containers register docker python:3.12-slim --name slim",
        "farpool containers register venv /opt/simulation/venv",
        "farpool containers list",
        "farpool containers delete 81d9a6d6-8d3a-4ea4-b5a2-3b2b5e5f6c1f",
    )
)
def containers() -> None:
    """Register what functions run in: containers and environments; look at yours, delete them.

    Programs name one by its id: register_function(fn, container_uuid=ID). The hosted service has none.
    """


@containers.command()
@click.argument("container_type", metavar="TYPE", type=click.Choice(CONTAINER_TYPES))
@click.argument("location")
@click.option("--name", default="", help="A name for people.")
@click.option("--description", default="", help="What it is for.")
@service_option
@json_option
def register(
    container_type: str, location: str, *, name: str, description: str, service_url: str | None, as_json: bool
) -> None:
    """Register the container LOCATION of the type TYPE.

    TYPE is docker, podman, apptainer, singularity, bubblewrap, venv or conda. LOCATION is an image, or a file or
    directory on the endpoint's machine.
    """
    with connect(service_url) as client:
        container_id = client.register_container(location, container_type, name, description)
    if as_json:
        print_json({"container_uuid": container_id})
    else:
        click.echo(container_id)


@containers.command(name="list")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List that many at most.")
@service_option
@json_option
def list_(*, limit: int, service_url: str | None, as_json: bool) -> None:
    """List your containers, the newest first."""
    with connect(service_url) as client:
        found = client.get_containers(limit)
    if as_json:
        print_json(found)
        return
    rows = [{**one, "registered": age(one.get("created_at"))} for one in found]
    print_table(
        rows,
        "container_uuid",
        "type",
        "location",
        "name",
        "registered",
        empty="You have registered no container.",
    )


@containers.command()
@click.argument("container_id")
@service_option
@json_option
def show(container_id: str, *, service_url: str | None, as_json: bool) -> None:
    """Show what the service knows of a container of yours."""
    with connect(service_url) as client:
        found = client.get_container(container_id)
    if as_json:
        print_json(found)
    else:
        print_facts({name: value for name, value in found.items() if value not in (None, "")})


@containers.command()
@click.argument("container_id")
@service_option
@json_option
def delete(container_id: str, *, service_url: str | None, as_json: bool) -> None:
    """Delete a container of yours that no function runs in any more."""
    with connect(service_url) as client:
        client.delete_container(container_id)
    if as_json:
        print_json({"deleted": container_id})
    else:
        click.echo(f"deleted container {container_id}")
