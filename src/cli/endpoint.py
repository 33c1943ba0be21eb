"""`farpool endpoint`: the agents of this user on this machine, and the endpoints that the service knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..errors import AccessDenied, FarpoolError, NotFound
from ..settings import Settings
from .connection import connect, service_option
from .endpoint_allow import allow
from .endpoint_start import start
from .output import age, examples, json_option, print_facts, print_json, print_table

#: The service's word for an endpoint that is somebody else's, or not there.
ENDPOINT_FORBIDDEN = "ENDPOINT_ACCESS_FORBIDDEN"

if TYPE_CHECKING:
    from ..client import Client
    from ..endpoint import EndpointDirectory, EndpointState


@click.group(
    epilog=examples(
        "farpool endpoint start laptop --service-url http://127.0.0.1:5000",
        "farpool endpoint list",
        "farpool endpoint status laptop",
        "farpool endpoint stop laptop",
    )
)
def endpoint() -> None:
    """Start, stop and look at endpoints: the agents that run tasks."""


endpoint.add_command(start)
endpoint.add_command(allow)


@endpoint.command()
@click.argument("name")
@click.option("--remote", is_flag=True, help="NAME is the id of an endpoint elsewhere: have the service stop it.")
@service_option
@json_option
def stop(name: str, *, remote: bool, service_url: str | None, as_json: bool) -> None:
    """Stop the endpoint NAME: tasks that run may end, those that wait stay at the service."""
    if remote:
        with connect(service_url) as client:
            client.stop_endpoint(name)
        was_running = True
    else:
        from ..endpoint import status as look
        from ..endpoint import stop as end

        look(_place(name))
        was_running = end(_place(name))
    if as_json:
        print_json({"name": name, "was_running": was_running})
    else:
        click.echo(f"endpoint {name} has stopped" if was_running else f"endpoint {name} was not running")


@endpoint.command(name="list")
@click.option("--remote", is_flag=True, help="Those that the service knows, in place of those on this machine.")
@service_option
@json_option
def list_(*, remote: bool, service_url: str | None, as_json: bool) -> None:
    """List your endpoints on this machine, or with --remote all that the service knows of."""
    rows = _remote_rows(service_url) if remote else _local_rows()
    if as_json:
        print_json(rows)
    elif remote:
        shown = [row | {"registered": age(row["registered"])} for row in rows]
        print_table(
            shown, "name", "endpoint_id", "status", "host", "registered", empty="The service knows none of yours."
        )
    else:
        print_table(
            rows,
            "name",
            "endpoint_id",
            "status",
            "pid",
            "service_url",
            empty="There is no endpoint on this machine; make one with: farpool endpoint start NAME",
        )


@endpoint.command()
@click.argument("name")
@service_option
@json_option
def status(name: str, *, service_url: str | None, as_json: bool) -> None:
    """Show how the endpoint NAME is, on this machine and at the service. NAME may be an id."""
    facts = _local_facts(name)
    endpoint_id = facts.get("endpoint_id") or (name if not facts else None)
    if endpoint_id is not None:
        facts |= _remote_facts(endpoint_id, service_url or facts.get("service_url"), must_answer=not facts)
    if as_json:
        print_json(facts)
        return
    report: dict[str, Any] = facts.pop("report", None) or {}
    print_facts({fact: value for fact, value in facts.items() if value is not None})
    if report:
        click.echo("\nits last report:")
        print_facts({f"  {fact}": value for fact, value in report.items() if value is not None})


@endpoint.command()
@click.argument("name")
@click.option(
    "--force", is_flag=True, help="Stop it first if it runs; delete it here even if the service cannot be asked."
)
@service_option
@json_option
def delete(name: str, *, force: bool, service_url: str | None, as_json: bool) -> None:
    """Delete the endpoint NAME, at the service and on this machine. Tasks that wait for it never run."""
    from ..endpoint import delete as remove
    from ..endpoint import status as look
    from ..endpoint import stop as end

    place = _place(name)
    state = look(place)
    if state.is_running and not force:
        raise FarpoolError(f"endpoint {name!r} is running, as process {state.pid}: stop it first, or use --force")
    end(place)
    if state.endpoint_id is not None:
        _delete_remotely(place, state.endpoint_id, service_url, force=force)
    remove(place)
    if as_json:
        print_json({"deleted": name, "endpoint_id": state.endpoint_id})
    else:
        click.echo(f"deleted endpoint {name}")


def _place(name: str) -> EndpointDirectory:
    from ..endpoint import EndpointDirectory

    return EndpointDirectory.of(Settings.from_environment().home, name)


def _delete_remotely(place: EndpointDirectory, endpoint_id: str, service_url: str | None, *, force: bool) -> None:
    try:
        with connect(service_url or place.config().service_url) as client:
            client.delete_endpoint(endpoint_id)
    except NotFound:
        pass  # deleted there already
    except AccessDenied as error:
        # To who may not know, an endpoint of somebody else and one that is not there are the same.
        if error.code != ENDPOINT_FORBIDDEN:
            raise
        click.echo(f"the service has no endpoint {endpoint_id} of yours: deleted on this machine alone", err=True)
    except FarpoolError as error:
        if not force:
            raise FarpoolError(f"{error}; with --force it is deleted on this machine alone") from error


def _local_rows() -> list[dict[str, Any]]:
    from ..endpoint import list_endpoints

    return [_local_row(state) for state in list_endpoints(Settings.from_environment().home)]


def _local_row(state: EndpointState) -> dict[str, Any]:
    from ..endpoint import EndpointDirectory

    place = EndpointDirectory(state.path, state.name)
    return {
        "name": state.name,
        "endpoint_id": state.endpoint_id,
        "status": "broken" if state.problem else "running" if state.is_running else "stopped",
        "pid": state.pid,
        "service_url": None if state.problem else place.config().service_url,
        "directory": str(state.path),
        "problem": state.problem,
    }


def _local_facts(name: str) -> dict[str, Any]:
    from ..endpoint import status as look

    place = _place(name)
    if not place.exists:
        return {}
    facts = _local_row(look(place))
    return facts | ({} if facts["problem"] else place.config().to_json()) | {"log": str(place.log_file)}


def _remote_facts(endpoint_id: str, service_url: str | None, *, must_answer: bool) -> dict[str, Any]:
    try:
        with connect(service_url) as client:
            answer = client.get_endpoint_status(endpoint_id)
    except FarpoolError as error:
        if must_answer:
            raise
        return {"at_the_service": f"unknown: {error}"}
    return {"endpoint_id": endpoint_id, "at_the_service": answer.get("status"), "report": answer.get("details") or None}


def _remote_rows(service_url: str | None) -> list[dict[str, Any]]:
    with connect(service_url) as client:
        return [_remote_row(client, one) for one in client.get_endpoints()]


def _remote_row(client: Client, known: dict[str, Any]) -> dict[str, Any]:
    endpoint_id = str(known.get("endpoint_id") or known.get("uuid"))
    metadata: dict[str, Any] = known.get("metadata") or {}
    return {
        "name": known.get("name"),
        "endpoint_id": endpoint_id,
        "status": client.get_endpoint_status(endpoint_id).get("status"),
        "host": metadata.get("hostname"),
        "registered": known.get("registered_at"),
    }
