from collections.abc import Callable, Sequence
from typing import Any

from farpool.errors import NotFound, PayloadTooLarge, ServiceDown, WireError
from farpool.executor.future import Future
from farpool.executor.pipeline.sending import Sending
from farpool.executor.pipeline.submitter import Submitter
from farpool.executor.pipeline.task import Batch, Route, Task
from farpool.wire import new_id
from farpool.wire.rest import SubmitReply, SubmitRequest

ROUTE = Route("4b116d3c-1703-4f8f-9f6f-39921e5864df")


class Desk:
    """What a submitter is wired to: a service that answers by a rule, and lists of what became of the tasks."""

    def __init__(self, answer: Callable[[SubmitRequest], SubmitReply]) -> None:
        self.requests: list[SubmitRequest] = []
        self.accepted: list[str] = []
        self.failed: list[tuple[str, type[BaseException]]] = []
        self._answer = answer
        self.begun = self.ended = 0
        self.submitter = Submitter(
            prepare=self.prepare,
            submit=self.submit,
            postpone=lambda _sending, _error: False,
            accepted=self.accept,
            failed=lambda task, error: self.failed.append((task.payload, type(error))),
            ended=self.end,
        )

    def prepare(self, batch: Batch) -> Sending:
        self.begun += 1
        return Sending(batch, batch.request(None, {}, extended=False), new_id())

    def end(self, _sending: Sending) -> None:
        self.ended += 1

    def submit(self, sending: Sending) -> SubmitReply:
        assert sending.batch.route == ROUTE
        self.requests.append(sending.request)
        return self._answer(sending.request)

    def accept(self, pairs: Sequence[tuple[Task, str]], reply: SubmitReply) -> None:
        for task, task_id in pairs:
            assert task_id in reply.tasks[task.function_id]
            self.accepted.append(task.payload)


def reply_to(request: SubmitRequest) -> SubmitReply:
    tasks = {function_id: [new_id() for _ in payloads] for function_id, payloads in request.tasks.items()}
    return SubmitReply(tasks, new_id(), ROUTE.endpoint_id, new_id())


def batch(*tasks: tuple[str, str]) -> Batch:
    return Batch(ROUTE, [Task(ROUTE, function_id, payload, Future[Any]()) for function_id, payload in tasks])


def test_tasks_of_two_functions_go_into_one_request_in_order() -> None:
    desk = Desk(reply_to)

    desk.submitter.send(batch(("f", "1"), ("g", "2"), ("f", "3")))

    assert [request.tasks for request in desk.requests] == [{"f": ["1", "3"], "g": ["2"]}]
    assert sorted(desk.accepted) == ["1", "2", "3"]


def test_a_refused_function_takes_no_other_function_with_it() -> None:
    def answer(request: SubmitRequest) -> SubmitReply:
        if "unknown" in request.tasks:
            raise NotFound("no such function")
        return reply_to(request)

    desk = Desk(answer)
    desk.submitter.send(batch(("f", "1"), ("unknown", "2"), ("f", "3")))

    assert desk.accepted == ["1", "3"]
    assert desk.failed == [("2", NotFound)]


def test_a_batch_that_is_too_large_is_halved_until_the_one_that_does_not_fit_is_alone() -> None:
    def answer(request: SubmitRequest) -> SubmitReply:
        if sum(len(payload) for payloads in request.tasks.values() for payload in payloads) > 3:
            raise PayloadTooLarge("too large")
        return reply_to(request)

    desk = Desk(answer)
    desk.submitter.send(batch(*[("f", payload) for payload in ("1", "2", "large", "4", "5")]))

    assert desk.accepted == ["1", "2", "4", "5"]
    assert desk.failed == [("large", PayloadTooLarge)]


def test_a_service_that_is_down_fails_the_tasks_of_that_batch_only() -> None:
    down = [True]

    def answer(request: SubmitRequest) -> SubmitReply:
        if down.pop():
            raise ServiceDown("cannot reach it")
        return reply_to(request)

    desk = Desk(answer)
    desk.submitter.send(batch(("f", "1")))
    down.append(False)
    desk.submitter.send(batch(("f", "2")))

    assert desk.failed == [("1", ServiceDown)]
    assert desk.accepted == ["2"]


def test_an_answer_with_the_wrong_number_of_ids_fails_the_batch() -> None:
    desk = Desk(lambda _request: SubmitReply({"f": [new_id()]}, new_id(), ROUTE.endpoint_id, new_id()))

    desk.submitter.send(batch(("f", "1"), ("f", "2")))

    assert desk.failed == [("1", WireError), ("2", WireError)]
