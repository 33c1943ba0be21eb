"""`farpool endpoint start`: an agent, in the background or in this terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import FarpoolError
from ..settings import Settings
from .connection import service_option
from .lifetime import Announcer, end_with_parent, exit_option, watches_without_stdin
from .output import examples, json_option, print_json

if TYPE_CHECKING:
    from ..endpoint import Connection, EndpointConfig, EndpointDirectory


@click.command(
    epilog=examples(
        "farpool endpoint start laptop --service-url http://127.0.0.1:5000",
        "farpool endpoint start laptop",
        "farpool endpoint start gpu --workers 2 --at-most-once",
        "farpool endpoint start cluster --engine my_site.engines:make --foreground",
    )
)
@click.argument("name")
@click.option("--workers", "max_workers", type=int, metavar="N", help="Tasks at a time.  [default: one per CPU]")
@click.option("--engine", metavar="ENGINE", help="processes, threads, or package.module:factory.  [default: processes]")
@click.option("--prefetch", type=int, metavar="N", help="Tasks to hold ready.  [default: 4 per worker, at least 128]")
@click.option("--heartbeat", "heartbeat_period_s", type=float, metavar="S", help="Seconds between reports.")
@click.option("--grace", "grace_s", type=float, metavar="S", help="Seconds that tasks have to end at a stop.")
@click.option(
    "--at-most-once/--at-least-once", default=None, help="Whether a task is lost, or run again, after a crash."
)
@click.option("--sandbox/--no-sandbox", "run_in_sandbox", default=None, help="A directory of its own for each task.")
@click.option("--display-name", metavar="TEXT", help="A name for people.")
@click.option("--allow", "allowed_functions", multiple=True, metavar="ID", help="Run this function only; repeatable.")
@click.option("--public/--private", default=None, help="Whether all users of the service may run tasks here.")
@click.option("--admin", "admins", multiple=True, metavar="ID", help="This identity may stop it, too; repeatable.")
@service_option
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), hidden=True)
@click.option("--foreground", is_flag=True, help="Stay in this terminal until Ctrl-C.")
@click.option("--connection-from-stdin", is_flag=True, hidden=True, help="Learn URL and token from a JSON line.")
@click.option("--worker-stdout", type=int, hidden=True, help="Descriptor that workers get as standard output.")
@click.option("--worker-stderr", type=int, hidden=True, help="Descriptor that workers get as standard error.")
@json_option
@exit_option
def start(
    name: str,
    *,
    service_url: str | None,
    directory: Path | None,
    foreground: bool,
    connection_from_stdin: bool,
    worker_stdout: int | None,
    worker_stderr: int | None,
    as_json: bool,
    exit_with_parent: int | None,
    **wanted: Any,
) -> None:
    """Start the endpoint NAME on this machine: an agent that takes tasks from the service and runs them here.

    The first start registers it; it keeps its id and its settings from then on. Options that are given are kept for
    the next start. The exit code is 69 when the service refuses it, 75 when the service cannot be reached, 77 when the
    token is not taken.
    """
    # Where the end of the parent is told by standard input, the line that comes there is read first.
    watch_late = connection_from_stdin and not watches_without_stdin()
    if not watch_late:
        end_with_parent(exit_with_parent)
    announcer = Announcer() if as_json and foreground else None
    from ..endpoint import EndpointDirectory, WorkerOutput, exit_code_for, run_agent

    settings = Settings.from_environment()
    place = EndpointDirectory(directory, name) if directory else EndpointDirectory.of(settings.home, name)
    if not connection_from_stdin:
        wanted["service_url"] = service_url
    _configure(place, settings, wanted)
    if not foreground:
        _start_in_background(place, as_json=as_json)
        return

    def ready(endpoint_id: str) -> None:
        if announcer is not None:
            announcer.announce(_facts(place, endpoint_id, os.getpid()))
        else:
            click.echo(f"endpoint {name} is online as {endpoint_id}; Ctrl-C stops it")

    def connect() -> Connection:
        connection = _read_connection()
        if watch_late:
            end_with_parent(exit_with_parent)
        return connection

    try:
        run_agent(
            place,
            connect=connect if connection_from_stdin else None,
            ready=ready,
            output=WorkerOutput(worker_stdout, worker_stderr),
        )
    except FarpoolError as error:
        error.__dict__["exit_code"] = exit_code_for(error)
        raise


def _configure(place: EndpointDirectory, settings: Settings, wanted: dict[str, Any]) -> EndpointConfig:
    if place.holder() is not None:
        raise FarpoolError(
            f"endpoint {place.name!r} is running already, as process {place.holder()}; "
            f"stop it with: farpool endpoint stop {place.name}"
        )
    given = {option: value for option, value in wanted.items() if value not in (None, ())}
    config = replace(place.config(), **given)
    if config.service_url is None and "service_url" in wanted:
        # Its id is known to this service only: the next start must not find another one in the environment.
        config = replace(config, service_url=settings.service_url)
    place.create()
    place.write_config(config)
    return config


def _start_in_background(place: EndpointDirectory, *, as_json: bool) -> None:
    from ..endpoint import start_detached

    endpoint_id = start_detached(place)
    facts = _facts(place, endpoint_id, place.holder())
    if as_json:
        print_json(facts)
        return
    click.echo(
        f"endpoint {place.name} is online as {endpoint_id} (process {facts['pid']}); its log is {place.log_file}"
    )
    click.echo(
        f"submit to it with Executor(endpoint_id={endpoint_id!r}); stop it with: farpool endpoint stop {place.name}"
    )


def _facts(place: EndpointDirectory, endpoint_id: str, pid: int | None) -> dict[str, object]:
    return {"name": place.name, "endpoint_id": endpoint_id, "pid": pid, "directory": str(place.path)}


def _read_connection() -> Connection:
    from ..endpoint import Connection

    line = sys.stdin.readline()
    if not line:
        raise FarpoolError("the program that started this endpoint ended before it said where the service is")
    told = json.loads(line)
    paths: Sequence[str] = told.get("sys_path", ())
    return Connection(told["service_url"], told["token"], tuple(paths))
