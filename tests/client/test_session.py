"""Results that were seen in this session: asking again asks nobody, and no two callers share a value."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from farpool.client import Client
from farpool.client.session import Session
from farpool.errors import NotFound, TaskExecutionFailed, TaskPending
from farpool.serialize import Serializer
from farpool.wire.rest import TaskDocument
from support.rest_server import Reply, Request, RestServer, refusal

TASK = "8b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER = "6b116d3c-1703-4f8f-9f6f-39921e5864df"
THIRD = "7b116d3c-1703-4f8f-9f6f-39921e5864df"

FAILED = {"status": "failed", "completion_t": "2", "exception": "Traceback:\nValueError: no luck"}


def _finished(value: Any, **more: Any) -> dict[str, Any]:
    return {"status": "success", "completion_t": "1.25", "result": Serializer().serialize(value), **more}


def _serve(server: RestServer, **bodies: dict[str, Any]) -> None:
    """Serve these tasks, each by itself and many at once."""
    known = {{"task": TASK, "other": OTHER, "third": THIRD}[name]: body for name, body in bodies.items()}

    def script(request: Request) -> Reply:
        if request.path == "/v2/batch_status":
            asked = request.json()["task_ids"]
            return Reply(body={"results": {one: {"task_id": one, **known[one]} for one in asked if one in known}})
        task_id = request.path.rpartition("/")[2]
        if task_id not in known:
            return refusal(404, "TASK_NOT_FOUND", "no such task")
        return Reply(body={"task_id": task_id, **known[task_id]})

    server.script = script


def _paths(server: RestServer) -> list[str]:
    return [request.path for request in server.requests]


def test_a_result_is_asked_for_once_in_a_session(server: RestServer, client: Client) -> None:
    _serve(server, task=_finished([1, 2]))

    told = [client.get_result(TASK), client.get_task(uuid.UUID(TASK))["result"]]
    told.append(client.get_batch_result([TASK])[TASK]["result"])

    assert told == [[1, 2]] * 3
    assert _paths(server) == [f"/v2/tasks/{TASK}"]


def test_what_a_caller_does_with_a_result_no_other_sees(server: RestServer, client: Client) -> None:
    _serve(server, task=_finished({"names": ["a"]}, details={"times": {"exec-start": 1.0}}))

    client.get_result(TASK)["names"].append("b")
    task = client.get_task(TASK)
    task["details"]["times"].clear()
    task["result"].clear()

    assert client.get_result(TASK) == {"names": ["a"]}
    assert client.get_task(TASK)["details"] == {"times": {"exec-start": 1.0}}
    assert len(server.requests) == 1


def test_a_task_that_is_pending_is_asked_for_again(server: RestServer, client: Client) -> None:
    _serve(server, task={"status": "running"})
    with pytest.raises(TaskPending):
        client.get_result(TASK)
    _serve(server, task=_finished("done"))

    assert client.get_result(TASK) == "done"
    assert len(server.requests) == 2


def test_a_task_that_failed_raises_anew_each_time_and_is_asked_for_once(server: RestServer, client: Client) -> None:
    _serve(server, task=FAILED)
    errors = list[BaseException]()

    for call in (client.get_result, client.get_task):
        with pytest.raises(TaskExecutionFailed, match="no luck") as caught:
            call(TASK)
        errors.append(caught.value)
    errors.append(client.get_batch_result([TASK])[TASK]["exception"])

    assert len({id(error) for error in errors}) == 3
    assert {str(error) for error in errors} == {str(errors[0])}
    assert len(server.requests) == 1


def test_a_batch_asks_for_what_is_not_known_yet(server: RestServer, client: Client) -> None:
    _serve(server, task=_finished("a"), other=FAILED, third={"status": "running"})
    client.get_result(TASK)

    first = client.get_batch_result([THIRD, TASK, OTHER])
    _serve(server, task=_finished("a"), other=FAILED, third=_finished("c"))
    second = client.get_batch_result([THIRD, TASK, OTHER])
    third = client.get_batch_result([THIRD, TASK, OTHER])

    asked = [request.json()["task_ids"] for request in server.requests[1:]]
    assert asked == [[THIRD, OTHER], [THIRD]]
    assert list(first) == list(second) == [THIRD, TASK, OTHER]
    assert [first[THIRD]["pending"], second[THIRD]["result"], third[THIRD]["result"]] == [True, "c", "c"]
    assert client.get_result(THIRD) == "c"
    assert len(server.requests) == 3


def test_documents_are_asked_for_each_time(server: RestServer, client: Client) -> None:
    _serve(server, task=_finished("a"))
    client.get_result(TASK)

    client.get_batch_status([TASK])
    client.get_batch_status([TASK])

    assert len(server.requests) == 3


def test_what_a_result_refers_to_is_fetched_once_and_not_shared(server: RestServer, client: Client) -> None:
    kept = dict[str, bytes]()

    def keep(piece: memoryview) -> str:
        digest = hashlib.sha256(piece).hexdigest()
        kept[digest] = bytes(piece)
        return digest

    text = Serializer().serialize_large(bytearray(2_000_000), keep)
    assert len(kept) == 1

    def script(request: Request) -> Reply:
        if request.path.startswith("/v2/blobs/"):
            return Reply(body=kept[request.path.rpartition("/")[2]])
        return Reply(body={"task_id": TASK, "status": "success", "completion_t": "1", "result": text})

    server.script = script

    value = client.get_result(TASK)
    value[0] = 255

    assert client.get_result(TASK) == bytearray(2_000_000)
    assert sorted(path.split("/")[2] for path in _paths(server)) == ["blobs", "tasks"]


@pytest.mark.parametrize("forget", [Client.forget_results, Client.logout])
def test_what_is_forgotten_is_asked_for_again(
    server: RestServer, client: Client, forget: Callable[[Client], None]
) -> None:
    _serve(server, task=_finished(1))
    client.get_result(TASK)

    forget(client)

    assert client.get_result(TASK) == 1
    assert len(server.requests) == 2


def test_a_closed_client_gives_nothing(server: RestServer, client: Client) -> None:
    _serve(server, task=_finished(1))
    client.get_result(TASK)

    client.close()

    with pytest.raises(RuntimeError, match="the client is closed"):
        client.get_result(TASK)


def test_another_client_knows_nothing_of_this_session(server: RestServer, client: Client) -> None:
    _serve(server, task=_finished(1))
    client.get_result(TASK)
    another = Client(service_url=server.url, token="secret-2", settings=client.settings, do_version_check=False)
    server.answer_in_turn([refusal(404, "TASK_NOT_FOUND", "no such task")])

    with another, pytest.raises(NotFound):
        another.get_result(TASK)


def _document(result: str | None = "00\nx", **more: Any) -> TaskDocument:
    fields: dict[str, Any] = {"task_id": TASK, "status": "success", "completion_t": "1", "result": result}
    return TaskDocument(**fields | more)


@pytest.mark.parametrize(
    "document",
    [_document(None), _document(None, status="running", completion_t=None), _document(None, status="cancelled")],
)
def test_what_tells_of_no_outcome_is_not_remembered(document: TaskDocument) -> None:
    session = Session()

    session.keep(document)

    assert len(session) == 0


def test_the_least_recently_used_go_when_there_are_too_many() -> None:
    session = Session(most_kept=2)
    for task_id in (TASK, OTHER):
        session.keep(_document(task_id=task_id))
    session.find(TASK)

    session.keep(_document(task_id=THIRD))

    assert session.find(OTHER) is None
    assert [one is not None for one in map(session.find, (TASK, THIRD))] == [True, True]


def test_the_least_recently_used_go_when_they_are_too_large() -> None:
    session = Session(most_bytes=10_000)
    for task_id in (TASK, OTHER):
        session.keep(_document("x" * 3000, task_id=task_id, details={"said": "y" * 500}))
    assert 7000 < session.kept_bytes < 10_000

    session.keep_blob("0" * 64, bytearray(3000))

    assert [session.find(TASK), session.find_blob("0" * 64)] == [None, bytearray(3000)]
    assert session.find(OTHER) is not None
    assert session.kept_bytes < 10_000


def test_what_is_larger_than_all_there_is_room_for_costs_the_others_nothing() -> None:
    session = Session(most_bytes=10_000)
    session.keep(_document())

    session.keep(_document("x" * 20_000, task_id=OTHER))
    session.keep_blob("0" * 64, bytearray(20_000))

    assert len(session) == 1


def test_the_same_task_twice_takes_the_room_of_one() -> None:
    session = Session()
    session.keep(_document())
    once = session.kept_bytes

    session.keep(replace(_document(), details=None))

    assert (session.kept_bytes, len(session)) == (once, 1)
    session.forget()
    assert (session.kept_bytes, len(session)) == (0, 0)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_made_while_another_thread_changes_the_session_does_not_hang() -> None:
    session = Session()
    session.keep(_document())
    with session._held():  # pyright: ignore[reportPrivateUsage] - as another thread at the fork
        child = os.fork()
        if not child:
            code = 1
            try:
                session.keep(_document(task_id=OTHER))
                code = 42 if session.find(TASK) is None and session.find(OTHER) is not None else 2
            finally:
                os._exit(code)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
