"""What an endpoint agent meets: a registration server over HTTP and the embedded broker, both real, both on loopback.

The tasks are made here and the results read here: no service stands between.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from farpool.serialize import Serializer
from farpool.service.broker import Incoming, Outgoing
from farpool.service.brokers.embedded import EmbeddedBroker
from farpool.wire import EndpointStatusReport, Result, Task, TaskCancel, decode, encode, new_id
from farpool.wire.queues import (
    HEARTBEATS_EXCHANGE,
    HEARTBEATS_QUEUE,
    RESULTS_EXCHANGE,
    RESULTS_QUEUE,
    QueueInfo,
    cancel_headers,
    cancel_queue,
    heartbeats_routing_key,
    results_routing_key,
    task_headers,
    task_queue,
)
from support.rest_server import Reply, Request, RestServer, refusal

T = TypeVar("T")

TOKEN = "a-token-of-the-site"


class TaskSite:
    """Registers endpoints, hands out tasks, and takes in results and reports. Thread-safe.

    Attributes:
        results: messages by task id, in the order of arrival.
        reports: all reports so far.
        registrations: how often an endpoint registered.
        broker_port: the port in the credentials that are given out; set it to put a proxy between.
        refusal: what to answer to registrations instead, if anything.
        has_cancel_queue: whether endpoints are given a queue of cancels; set it before one registers.
        called_off: what endpoints are told at registration to be called off.
    """

    def __init__(self) -> None:
        self.results: dict[str, list[Result]] = {}
        self.reports: list[EndpointStatusReport] = []
        self.registrations = 0
        self.refusal: Reply | None = None
        self.broker_port: int | None = None
        self.has_cancel_queue = True
        self.called_off: dict[str, bool] = {}
        self.taken: set[str] = set()
        self._serializer = Serializer()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="task site")
        self._changed = threading.Condition()
        self.broker = EmbeddedBroker(b"0123456789abcdef")
        self.broker.on_taken(self._tell_taken)
        self.rest = RestServer(self._answer)
        self.endpoint_id = new_id()

    # ---- life

    def start(self) -> None:
        self._thread.start()
        self.start_broker()

    def close(self) -> None:
        self.stop_broker()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self.rest.close()

    def start_broker(self) -> None:
        self.call(self._start_broker())

    def stop_broker(self) -> None:
        self.call(self.broker.stop())

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    @property
    def url(self) -> str:
        return self.rest.url

    # ---- tasks

    def put(
        self,
        function: Callable[..., Any],
        *args: Any,
        task_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> str:
        """Put a task on the queue; give its id."""
        [task_id] = self.put_many([self.outgoing(function, *args, task_id=task_id, headers=headers)])
        return task_id

    def cancel(self, *task_ids: str, running: bool = True) -> None:
        """Tell the endpoint that tasks are no longer wanted."""
        headers = cancel_headers(running=running)
        messages = [Outgoing(encode(TaskCancel(one)), f"cancel {one}", headers) for one in task_ids]
        self.call(self.broker.publish(cancel_queue(self.endpoint_id), messages))

    def put_many(self, messages: Sequence[Outgoing]) -> list[str]:
        self.call(self.broker.publish(task_queue(self.endpoint_id), messages))
        return [message.message_id for message in messages]

    def outgoing(
        self,
        function: Callable[..., Any],
        *args: Any,
        task_id: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> Outgoing:
        task_id = task_id or new_id()
        code = self._serializer.pack_function(function) + self._serializer.pack_arguments(args, {})
        return Outgoing(
            encode(Task(task_id, code)), task_id, task_headers(task_id, new_id()) if headers is None else headers
        )

    def result(self, task_id: str, timeout: float = 60) -> Result:
        """Wait for a task's first result."""
        self.wait_until(lambda: task_id in self.results, timeout)
        return self.results[task_id][0]

    def value(self, task_id: str, timeout: float = 60) -> Any:
        """Wait for a task's value."""
        result = self.result(task_id, timeout)
        assert not result.is_error, result
        return self._serializer.deserialize(result.data)

    def wait_until(self, is_so: Callable[[], Any], timeout: float = 60) -> None:
        """Wait until something is so that results, reports or registrations decide."""
        with self._changed:
            assert self._changed.wait_for(is_so, timeout), "waited in vain"

    # ---- what the agent talks to

    async def _start_broker(self) -> None:
        await self.broker.start()
        await self.broker.declare(task_queue(self.endpoint_id))
        await self.broker.declare(cancel_queue(self.endpoint_id))
        await self.broker.consume(RESULTS_QUEUE, self._take_results)
        await self.broker.consume(HEARTBEATS_QUEUE, self._take_reports)

    async def _take_results(self, messages: Sequence[Incoming]) -> None:
        with self._changed:
            for message in messages:
                result = decode(message.body)
                assert isinstance(result, Result)
                self.results.setdefault(result.task_id, []).append(result)
            self._changed.notify_all()

    async def _take_reports(self, messages: Sequence[Incoming]) -> None:
        with self._changed:
            for message in messages:
                report = decode(message.body)
                assert isinstance(report, EndpointStatusReport)
                self.reports.append(report)
            self._changed.notify_all()

    def _tell_taken(self, _queue: str, message_ids: Sequence[str]) -> None:
        with self._changed:
            self.taken.update(message_ids)
            self._changed.notify_all()

    def _answer(self, request: Request) -> Reply:
        with self._changed:
            self.registrations += 1
            self._changed.notify_all()
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return refusal(401, "UNAUTHORIZED", "that token is not known")
        if self.refusal is not None:
            return self.refusal
        if request.method == "PUT":
            self.endpoint_id = request.path.rpartition("/")[2]
        return Reply(body={"endpoint_id": self.endpoint_id, **self._queue_infos()})

    def _queue_infos(self) -> dict[str, Any]:
        url = self.broker.endpoint_url(self.endpoint_id)
        if self.broker_port is not None:
            url = url.replace(f":{self.broker.port}/", f":{self.broker_port}/")
        results = QueueInfo(url, RESULTS_QUEUE, RESULTS_EXCHANGE, results_routing_key(self.endpoint_id))
        heartbeats = QueueInfo(url, HEARTBEATS_QUEUE, HEARTBEATS_EXCHANGE, heartbeats_routing_key(self.endpoint_id))
        cancels = {
            "cancel_queue_info": QueueInfo(url, cancel_queue(self.endpoint_id)).to_json(),
            "cancelled_tasks": self.called_off,
        }
        return {
            **(cancels if self.has_cancel_queue else {}),
            "task_queue_info": QueueInfo(url, task_queue(self.endpoint_id)).to_json(),
            "result_queue_info": results.to_json(),
            "heartbeat_queue_info": heartbeats.to_json(),
        }


@contextmanager
def task_site() -> Generator[TaskSite]:
    """Run a site."""
    site = TaskSite()
    site.start()
    try:
        yield site
    finally:
        site.close()
