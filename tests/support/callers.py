"""Hand-made callers of a service: REST over requests, AMQP over pika, step by step in the test's own thread."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import pika
import requests
from pika.exceptions import AMQPError

from farpool.wire import EndpointStatusReport, ErrorDetails, Result, Task, TaskTransition, decode, encode, pack
from farpool.wire.queues import QueueInfo

from .service import RunningService

TIMEOUT_S = 60.0

#: Arguments as a client packs them; the service looks into neither.
PAYLOAD = pack(["00\nargs", "00\nkwargs"])


class Caller:
    """Somebody who calls the REST routes.

    Args:
        service: the service.
        token: theirs; the local user's when left out.
    """

    def __init__(self, service: RunningService, token: str | None = None) -> None:
        self.url = service.url
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token or service.token}"

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_error: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, body: Any = None, *, expect: int = 200, **options: Any) -> Any:
        """Send a request, expect a status, and return what the answer's body says."""
        response = self.session.request(method, self.url + path, json=body, timeout=TIMEOUT_S, **options)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text}"
        return response.json()

    def get(self, path: str, *, expect: int = 200) -> Any:
        """GET."""
        return self.call("GET", path, expect=expect)

    def post(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """POST."""
        return self.call("POST", path, body, expect=expect)

    def register_function(self, **changes: Any) -> str:
        """Register a function; return its id."""
        body: dict[str, Any] = {"function_name": "double", "function_code": pack(["01\ncode"]), "meta": {}, **changes}
        function_id: str = self.post("/v3/functions", body)["function_uuid"]
        return function_id

    def register_endpoint(self, **changes: Any) -> dict[str, Any]:
        """Register an endpoint; return the answer."""
        answer: dict[str, Any] = self.post("/v3/endpoints", {"endpoint_name": "lab", **changes})
        return answer

    def submit(
        self,
        endpoint_id: str,
        function_id: str,
        payloads: Sequence[str] = (PAYLOAD,),
        *,
        expect: int = 200,
        **changes: Any,
    ) -> Any:
        """Submit tasks of one function, with a result queue; return the answer."""
        body = {"tasks": {function_id: list(payloads)}, "create_queue": True, **changes}
        return self.post(f"/v3/endpoints/{endpoint_id}/submit", body, expect=expect)

    def task(self, task_id: str) -> dict[str, Any]:
        """Ask for a task."""
        document: dict[str, Any] = self.get(f"/v2/tasks/{task_id}")
        return document

    def wait_for_status(self, task_id: str, *statuses: str) -> dict[str, Any]:
        """Ask for a task until it has one of these statuses."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            document = self.task(task_id)
            if document["status"] in statuses:
                return document
            assert time.monotonic() < deadline, f"task {task_id} is {document['status']}, not one of {statuses}"
            time.sleep(0.01)

    def wait_for_endpoint(self, endpoint_id: str, status: str) -> dict[str, Any]:
        """Ask for an endpoint's status until it is as expected."""
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            found: dict[str, Any] = self.get(f"/v2/endpoints/{endpoint_id}/status")
            if found["status"] == status:
                return found
            assert time.monotonic() < deadline, f"endpoint {endpoint_id} is {found['status']}, not {status}"
            time.sleep(0.01)

    def results(self, task_group_id: str) -> Inbox:
        """Consume the results of a task group."""
        where = self.get("/v2/get_amqp_result_connection_url")
        return Inbox(where["connection_url"], where["queue_prefix"] + task_group_id)


def task_ids_of(reply: Mapping[str, Any]) -> list[str]:
    """List the task ids in the answer to a submit."""
    return [task_id for task_ids in reply["tasks"].values() for task_id in task_ids]


class Cancelled(Exception):
    """The broker ended a consumer: its queue was deleted."""


class Inbox:
    """A consumer of one queue.

    Args:
        connection_url: where.
        queue: which.
        exclusive: whether nobody else may consume it.
    """

    def __init__(self, connection_url: str, queue: str, *, exclusive: bool = False) -> None:
        self.connection: Any = pika.BlockingConnection(pika.URLParameters(connection_url))
        self._deliveries: deque[tuple[Any, Any, bytes]] = deque()
        self._is_cancelled = False
        try:
            self.channel: Any = self.connection.channel()
            self.channel.add_on_cancel_callback(self._on_cancel)
            self.channel.basic_consume(queue, self._on_message, exclusive=exclusive)
        except Exception:
            self.connection.close()
            raise

    def _on_message(self, _channel: Any, method: Any, properties: Any, body: bytes) -> None:
        self._deliveries.append((method, properties, body))

    def _on_cancel(self, _frame: Any) -> None:
        self._is_cancelled = True

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self.connection.is_open:
            # The service may have ended meanwhile, which is found out only now.
            with contextlib.suppress(AMQPError):
                self.connection.close()

    def take_raw(self, count: int = 1, *, ack: bool = True) -> list[tuple[Any, bytes]]:
        """Take that many messages: properties and body of each."""
        taken: list[tuple[Any, bytes]] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(taken) < count:
            if not self._deliveries:
                if self._is_cancelled:
                    raise Cancelled
                assert time.monotonic() < deadline, f"waited for {count} messages, {len(taken)} came"
                self.connection.process_data_events(0.1)
                continue
            method, properties, body = self._deliveries.popleft()
            taken.append((properties, body))
            if ack:
                self.channel.basic_ack(method.delivery_tag)
        return taken

    def ack_all(self) -> None:
        """Acknowledge all that was taken."""
        self.channel.basic_ack(0, multiple=True)

    def take(self, count: int = 1, *, ack: bool = True) -> list[Any]:
        """Take that many messages, decoded."""
        return [decode(body) for _, body in self.take_raw(count, ack=ack)]

    def is_empty(self, patience_s: float = 0.3) -> bool:
        """Whether nothing comes for a moment."""
        deadline = time.monotonic() + patience_s
        while not self._deliveries and time.monotonic() < deadline:
            self.connection.process_data_events(0.05)
        return not self._deliveries


class Agent(Inbox):
    """An endpoint that runs nothing: takes tasks, returns what the test says, reports what the test says.

    Args:
        credentials: the answer to its registration, or the `amqp_creds` of a command.
    """

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self.endpoint_id: str = credentials["endpoint_id"]
        info = QueueInfo.from_json(credentials["task_queue_info"])
        self._publishing = {name: credentials[f"{name}_queue_info"] for name in ("result", "heartbeat")}
        super().__init__(info.connection_url, info.queue, exclusive=True)
        self.confirming: Any = self.connection.channel()
        self.confirming.confirm_delivery()

    def publish(self, kind: str, body: bytes) -> None:
        """Publish to the result or heartbeat queue as the credentials say; returns when the broker has confirmed."""
        publish(self.confirming, self._publishing[kind], body)

    def succeed(self, task: Task, data: str = "00\nvalue") -> None:
        """Return a value."""
        self.publish("result", encode(Result(task.task_id, data, {"python_version": "3.11.7"})))

    def fail(self, task: Task, text: str = "Traceback ...", code: str = "RemoteExecutionError") -> None:
        """Return an error."""
        self.publish("result", encode(Result(task.task_id, text, None, ErrorDetails(code, "it failed"))))

    def report(self, *, statuses: Mapping[str, tuple[TaskTransition, ...]] | None = None, **state: Any) -> None:
        """Send a report."""
        state = {"heartbeat_period": 30, "active": True, **state}
        self.publish("heartbeat", encode(EndpointStatusReport(self.endpoint_id, state, statuses or {})))


class Manager(Inbox):
    """A manager that starts nothing: takes commands and reports.

    Args:
        credentials: the answer to its registration.
    """

    def __init__(self, credentials: Mapping[str, Any]) -> None:
        self.endpoint_id: str = credentials["endpoint_id"]
        info = QueueInfo.from_json(credentials["command_queue_info"])
        self._heartbeats = credentials["heartbeat_queue_info"]
        super().__init__(info.connection_url, info.queue)
        self.confirming: Any = self.connection.channel()
        self.confirming.confirm_delivery()

    def report(self, *, heartbeat_period: float = 30.0) -> None:
        """Send a report."""
        report = EndpointStatusReport(self.endpoint_id, {"heartbeat_period": heartbeat_period}, {})
        publish(self.confirming, self._heartbeats, encode(report))


def publish(channel: Any, info: Mapping[str, Any], body: bytes) -> None:
    """Publish as the credentials of a queue say."""
    how = dict(info["queue_publish_kwargs"])
    how["properties"] = pika.BasicProperties(**how["properties"])
    channel.basic_publish(body=body, **how)


def publish_once(info: Mapping[str, Any], body: bytes) -> None:
    """Connect, publish as the credentials of a queue say, and disconnect."""
    connection = pika.BlockingConnection(pika.URLParameters(info["connection_url"]))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        publish(channel, info, body)
    finally:
        connection.close()
