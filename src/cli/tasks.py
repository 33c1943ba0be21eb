"""`farpool tasks`: what was submitted, how it stands, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any

import click

from ..errors import FarpoolError, NotFound
from ..wire.messages import PRINTED, TRANSITIONS, WORKER
from ..wire.rest.cancels import UNKNOWN
from . import remembered
from .campaigns import campaigns, label_option
from .connection import connect, service_option
from .output import age, examples, json_option, print_facts, print_json, print_table
from .share import share
from .watch import watch

if TYPE_CHECKING:
    from ..client import Client
    from ..executor.timings import Told
    from ..wire.rest import TaskDocument


@click.group(
    epilog=examples(
        "farpool tasks list --status running",
        "farpool tasks show 359e2ec3-caef-4258-a149-a67767af0ee8",
        "farpool tasks results --group 6c2d4c3e-5b7a-4d0f-8a51-0a6d2c4f2f6f --json",
        "farpool tasks results --label campaign",
        "farpool tasks watch campaign",
        "farpool tasks cancel 359e2ec3-caef-4258-a149-a67767af0ee8",
        "farpool tasks share 6c2d4c3e-5b7a-4d0f-8a51-0a6d2c4f2f6f lab",
    )
)
def tasks() -> None:
    """Look at your tasks and their results, call them off, share them."""


tasks.add_command(campaigns)
tasks.add_command(share)
tasks.add_command(watch)


@tasks.command(name="list")
@label_option
@click.option("--group", metavar="ID", help="Only the tasks of this task group.")
@click.option("--endpoint", metavar="ID", help="Only the tasks of this endpoint.")
@click.option(
    "--status", metavar="STATE", help="Only tasks in this state: waiting-for-ep, running, success, failed, ..."
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="List that many at most.")
@service_option
@json_option
def list_(
    *,
    label: str | None,
    group: str | None,
    endpoint: str | None,
    status: str | None,
    limit: int,
    service_url: str | None,
    as_json: bool,
) -> None:
    """List your tasks, the newest first. The hosted service lists the tasks of a --group only.

    With --label it is those that programs on this machine submitted, also what was not sent yet.
    """
    if label is not None:
        filters = {"task_group_id": group, "endpoint_id": endpoint, "status": status}
        rows = remembered.list_tasks(label, filters=filters, limit=limit, service_url=service_url)
        if as_json:
            print_json(rows)
        else:
            remembered.print_tasks(rows)
        return
    with connect(service_url) as client:
        if client.is_hosted:
            found = _of_hosted_group(client, group, limit)
        else:
            found = client.get_tasks(task_group_id=group, endpoint_id=endpoint, status=status, limit=limit)
        names = {} if as_json or client.is_hosted else _function_names(client)
    if as_json:
        print_json(found)
        return
    rows = [
        {
            "task_id": one.get("task_id"),
            "status": one.get("status"),
            "submitted": age(one.get("created_at")),
            "function": names.get(one.get("function_id"), one.get("function_id")),
            "endpoint_id": one.get("endpoint_id"),
        }
        for one in found
    ]
    print_table(rows, "task_id", "status", "submitted", "function", "endpoint_id", empty="There are no such tasks.")


@tasks.command()
@click.argument("task_id")
@service_option
@json_option
def show(task_id: str, *, service_url: str | None, as_json: bool) -> None:
    """Show how a task stands; the traceback too, if it failed, and what it printed."""
    with connect(service_url) as client:
        found = client.get_batch_status([task_id])
    if not found:
        raise NotFound(f"the service knows no task {task_id} of yours")
    (document,) = found.values()
    facts = _facts(document)
    if as_json:
        print_json(facts)
        return
    traceback = facts.pop("exception", None)
    details: dict[str, Any] = facts.pop("details", None) or {}
    error: dict[str, Any] = facts.pop("error_details", None) or {}
    facts["finished"] = age(facts.pop("completion_t", None)) or None
    told = _run_of(document)
    run = {"started": age(told.started) or None, "worker": told.worker}
    if told.started is not None and told.ended is not None:
        run["run_s"] = f"{told.ended - told.started:.3f}"
    rest = {name: value for name, value in details.items() if name not in {WORKER, PRINTED, TRANSITIONS}}
    shown = {**facts, "error": error.get("code"), **run, **rest}
    print_facts({name: value for name, value in shown.items() if value is not None})
    texts = {"": traceback, "standard output:\n": told.stdout, "standard error:\n": told.stderr}
    for title, text in texts.items():
        if text:
            click.echo(f"\n{title}{text.rstrip()}")


@tasks.command()
@click.argument("task_ids", nargs=-1)
@label_option
@click.option("--group", metavar="ID", help="The results of this task group.")
@service_option
@json_option
def results(
    task_ids: Sequence[str], *, label: str | None, group: str | None, service_url: str | None, as_json: bool
) -> None:
    """Print the results of tasks: of those named, of a whole task group, or of what was submitted under a label.

    Results are rebuilt in this process, as `get_result` does: ask for those of your own tasks only. The exit code is 1
    when one of the tasks failed or has no result yet.
    """
    _require_one(task_ids, group, label)
    if label is not None:
        found = remembered.results(label, service_url)
        remembered.print_results(found, as_json=as_json)
        if any("error" in one for one in found):
            raise SystemExit(1)
        return
    with connect(service_url) as client:
        wanted = [*task_ids, *(client.get_task_group(group) if group else [])]
        documents = client.get_batch_status(wanted)
        outcomes = [_outcome(client, task_id, documents.get(task_id)) for task_id in wanted]
    for outcome in outcomes:
        if as_json:
            print_json(outcome)
        else:
            click.echo(f"{outcome['task_id']}  {outcome.get('result', outcome.get('error'))}")
    if any("error" in outcome for outcome in outcomes):
        raise SystemExit(1)


@tasks.command()
@click.argument("task_ids", nargs=-1)
@label_option
@click.option("--group", metavar="ID", help="All tasks of this task group.")
@click.option("--not-running", is_flag=True, help="Only those that no worker has begun.")
@service_option
@json_option
def cancel(
    task_ids: Sequence[str],
    *,
    label: str | None,
    group: str | None,
    not_running: bool,
    service_url: str | None,
    as_json: bool,
) -> None:
    """Call tasks off: those named, a whole task group, or a label's; those that run are stopped.

    Says of each: cancelled (it never runs, or its result is dropped), requested (its endpoint has been told), running
    (it was left to run), finished (it had a result before) or unknown. The exit code is 1 when one is unknown.
    """
    _require_one(task_ids, group, label)
    if label is not None:
        answers = remembered.cancel(label, running=not not_running, service_url=service_url)
    else:
        with connect(service_url) as client:
            wanted = [*task_ids, *(client.get_task_group(group) if group else [])]
            answers = client.cancel_tasks(wanted, running=not not_running)
    rows = [{"task_id": task_id, "status": status} for task_id, status in answers.items()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, "task_id", "status", empty="There are no such tasks.")
    if UNKNOWN in answers.values():
        raise SystemExit(1)


def _require_one(task_ids: Sequence[str], group: str | None, label: str | None) -> None:
    if not task_ids and group is None and label is None:
        raise click.UsageError("name tasks, or a task group with --group, or a --label")
    if label is not None and (task_ids or group is not None):
        raise click.UsageError("name tasks or a --group, or a --label: not both")


def _function_names(client: Client) -> dict[Any, Any]:
    return {one.get("function_uuid"): one.get("function_name") for one in client.get_functions()}


def _of_hosted_group(client: Client, group: str | None, limit: int) -> list[dict[str, Any]]:
    if group is None:
        raise click.UsageError(
            "the hosted service does not list tasks: name a task group with --group, "
            "or a service of your own with --service-url or FARPOOL_SERVICE_URL"
        )
    documents = client.get_batch_status(client.get_task_group(group)[-limit:])
    return [_facts(document) for document in reversed(list(documents.values()))]


def _facts(document: TaskDocument) -> dict[str, Any]:
    from ..client.results import details_of

    facts = document.to_json()
    facts.pop("result", None)
    if document.result is not None:
        facts["result_chars"] = len(document.result)
    if document.details is not None:
        facts["details"] = details_of(document)
    return facts


def _run_of(document: TaskDocument) -> Told:
    from ..executor.timings import told_in

    return told_in(document)


def _outcome(client: Client, task_id: str, document: TaskDocument | None) -> dict[str, Any]:
    from ..client.results import failure_in, value_in

    if document is None:
        return {"task_id": task_id, "error": "the service does not know this task"}
    failure = failure_in(document) if document.is_finished else None
    if failure is not None:
        said = "".join(format_exception_only(type(failure), failure)).rstrip()
        return {"task_id": task_id, "status": document.status, "error": said}
    try:
        value = value_in(document, client.serializer.deserialize)
    except FarpoolError as error:
        return {"task_id": task_id, "status": document.status, "error": str(error)}
    return {"task_id": task_id, "status": document.status, "result": repr(value)}
