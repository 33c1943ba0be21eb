"""What `farpool tasks list|results|cancel --label` do: the same as without, for tasks in the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from traceback import format_exception_only
from typing import TYPE_CHECKING, Any

import click

from ..errors import FarpoolError
from ..wire.rest.cancels import UNKNOWN
from .campaigns import Chosen, chosen, journal
from .output import age, print_json, print_table

if TYPE_CHECKING:
    from ..client import Client
    from ..executor.journal import Entry
    from ..wire.rest import TaskDocument


def list_tasks(name: str, *, filters: Mapping[str, str | None], limit: int, service_url: str | None) -> list[Any]:
    """Give the tasks of a name, the newest first, as they stand at the service.

    Args:
        name: a label, a task group, or the number of a campaign.
        filters: values of columns; None for any.
        limit: how many at most.
        service_url: the service; None: the one that they were submitted to.
    """
    found = chosen(name)
    documents = _documents(found, service_url)
    rows = [_row(entry, documents.get(entry.task_id or "")) for entry in reversed(found.entries)]
    wanted = {column: value for column, value in filters.items() if value is not None}
    return [row for row in rows if all(row[column] == value for column, value in wanted.items())][:limit]


def print_tasks(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print what `list_tasks` gives."""
    shown = [{**row, "submitted": age(row["submitted_at"])} for row in rows]
    print_table(shown, "number", "task_id", "status", "submitted", "call", empty="There are no such tasks.")


def results(name: str, service_url: str | None) -> list[dict[str, Any]]:
    """Give what came of the tasks of a name, in the order of submission."""
    found = chosen(name)
    missing = [entry.task_id for entry in found.entries if entry.task_id and not _is_kept(entry)]
    with found.connect(service_url) as client:
        documents = client.get_batch_status(missing) if missing else {}
        return [_result(client, entry, documents.get(entry.task_id or "")) for entry in found.entries]


def cancel(name: str, *, running: bool, service_url: str | None) -> dict[str, str]:
    """Call the tasks of a name off.

    Returns:
        The service's answers by task id. What has none goes by ``campaign:number``: ``"cancelled"`` when it was never
        sent, ``"unknown"`` when a program ended while it was being sent.
    """
    found = chosen(name)
    answers: dict[str, str] = {}
    if not found.is_at_work:
        unsent = _cancel_unsent(found, name)
        answers |= {f"{found.campaign.campaign}:{entry.number}": "cancelled" for entry in unsent}
        # Whether the service has them is not known before the program is resumed, and nor are their ids.
        sending = [entry for entry in found.entries if entry.state.value == "sending"]
        answers |= {f"{found.campaign.campaign}:{entry.number}": UNKNOWN for entry in sending}
    open_ids = [entry.task_id for entry in found.entries if entry.task_id and not entry.state.is_final]
    if open_ids:
        with found.connect(service_url) as client:
            answers |= client.cancel_tasks(open_ids, running=running)
    waiting = sum(entry.task_id is None and not entry.state.is_final for entry in found.entries)
    if found.is_at_work and waiting:
        click.echo(
            f"{waiting} tasks are yet to be sent, by process {found.campaign.pid} on {found.campaign.host}",
            err=True,
        )
    return answers


def _cancel_unsent(found: Chosen, name: str) -> list[Entry]:
    """Note in the journal that tasks which no service has are not wanted: `resume` does not submit them."""
    from ..executor.journal import cancel_unsent

    with journal() as shelf:
        return cancel_unsent(shelf, found.campaign, name)


def _documents(found: Chosen, service_url: str | None) -> dict[str, TaskDocument]:
    open_ids = [entry.task_id for entry in found.entries if entry.task_id and not entry.state.is_final]
    if not open_ids:
        return {}
    try:
        with found.connect(service_url) as client:
            return client.get_batch_status(open_ids)
    except FarpoolError as error:
        click.echo(f"this is what the journal knows, the service could not be asked: {error}", err=True)
        return {}


def _row(entry: Entry, document: TaskDocument | None) -> dict[str, Any]:
    return {
        "number": entry.number,
        "task_id": entry.task_id,
        "status": entry.state.value if document is None else document.status,
        "submitted_at": entry.submitted_at,
        "call": entry.call,
        "label": entry.label,
        "task_group_id": entry.task_group_id,
        "endpoint_id": entry.route["endpoint_id"],
        "function_id": entry.function_id,
    }


def _is_kept(entry: Entry) -> bool:
    outcome = entry.outcome
    return outcome is not None and (outcome.result is not None or outcome.error is not None)


def _result(client: Client, entry: Entry, document: TaskDocument | None) -> dict[str, Any]:
    about = {"number": entry.number, "call": entry.call, "task_id": entry.task_id, "status": entry.state.value}
    outcome = entry.outcome
    if entry.state.value == "cancelled":
        return {**about, "error": "it was cancelled"}
    if outcome is not None and outcome.error is not None:
        return {**about, "error": ": ".join(outcome.error)}
    kept = document if outcome is None or outcome.result is None else outcome.result
    if kept is None:
        return {**about, "error": "it was not sent yet" if entry.task_id is None else "the service does not know it"}
    return {**about, **_read(client, kept)}


def _read(client: Client, kept: Any) -> dict[str, Any]:
    from ..executor.future import Future
    from ..executor.pipeline.outcome import outcome_of
    from ..wire.rest import TaskDocument

    if isinstance(kept, TaskDocument):
        if not kept.is_finished:
            return {"status": kept.status, "error": "it has no result yet"}
        status = kept.status
    else:
        status = "failed" if kept.is_error else "success"
    value, error = outcome_of(Future[Any](), kept, client.serializer.deserialize)
    if error is None:
        return {"status": status, "result": repr(value)}
    return {"status": status, "error": "".join(format_exception_only(type(error), error)).rstrip()}


def print_results(found: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print what `results` gives."""
    for one in found:
        if as_json:
            print_json(one)
        else:
            click.echo(f"{one['call']}  {one.get('result', one.get('error'))}")
