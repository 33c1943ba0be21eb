"""The result streams: what comes back, per task group, from the broker to the futures. Lives on one loop."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from urllib.parse import urlsplit, urlunsplit

from ...amqp import Address, Backoff, Consumer, Delivery, Loop, Patience
from ...errors import FarpoolError, ServiceError, StreamError, WireError
from ...wire.envelope import decode
from ...wire.messages import Result
from ...wire.queues import result_queue
from ...wire.rest import ResultQueue, TaskDocument

log = logging.getLogger(__name__)

#: Task ids in one status request: results come with the answer, so a large one would be held in memory whole.
RECONCILE_CHUNK = 200

#: A connection that broke is opened again within seconds of the broker's return, however long that was away.
BACKOFF = Backoff(base_s=0.1, cap_s=2.0)

#: After a status request that failed.
RECONCILE_RETRY_S = 5.0


class ResultStreams:
    """One consumer per task group; every method but `open` belongs to the loop's thread.

    After a reconnect the outstanding tasks of that group are asked for over REST, so that a result which went lost with
    the broker's memory is not waited for in vain.

    Args:
        loop: where the consumers live.
        find_queue: asks the service where results are; called at every (re)connect; may block.
        attach: asks the service to see that a task group has a queue; called when that is gone; may block.
        get_status: asks the service for task documents; may block.
        outstanding: gives the ids waited for in a task group.
        deliver: takes a result; what it raises is a bug.
        reconnected: called when a connection was opened again.
        failed: called with a group's id and the error when its stream had to be given up.
        amqp_port: overrides the port the service names.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        find_queue: Callable[[], ResultQueue],
        attach: Callable[[str], object],
        get_status: Callable[[Sequence[str]], dict[str, TaskDocument]],
        outstanding: Callable[[str], list[str]],
        deliver: Callable[[Result | TaskDocument], None],
        reconnected: Callable[[], None],
        failed: Callable[[str, StreamError], None],
        amqp_port: int | None = None,
        patience: Patience,
    ) -> None:
        self._loop = loop
        self._find_queue = find_queue
        self._attach = attach
        self._reconnected = reconnected
        self._get_status = get_status
        self._outstanding = outstanding
        self._deliver = deliver
        self._failed = failed
        self._amqp_port = amqp_port
        self._patience = patience
        self._consumers: dict[str, Consumer] = {}
        self._opened: set[str] = set()
        self._refused: set[str] = set()
        self._addresses: dict[str, Address] = {}
        self._asked_for: dict[str, None] = {}
        self._is_asking = False

    def open(self, task_group_id: str) -> None:
        """Consume the results of a task group from now on; nothing happens when that is so. Thread-safe."""
        if task_group_id not in self._consumers:
            self._loop.call(partial(self._open, task_group_id))

    def close(self, done: Callable[[], None]) -> None:
        """Close every stream; `done` is called when the last is closed."""
        consumers = list(self._consumers.values())
        self._consumers.clear()
        remaining = len(consumers)

        def closed() -> None:
            nonlocal remaining
            remaining -= 1
            if remaining == 0:
                done()

        for consumer in consumers:
            consumer.close(closed)
        if not consumers:
            done()

    def _open(self, task_group_id: str) -> None:
        if task_group_id in self._consumers:
            return

        def deliver(delivery: Delivery) -> None:
            self._on_message(consumer, delivery)

        consumer = Consumer(
            self._loop,
            name=f"results of task group {task_group_id}",
            locate=partial(self._locate, task_group_id),
            deliver=deliver,
            on_open=partial(self._on_open, task_group_id),
            on_refused=partial(self._refused.add, task_group_id),
            on_gave_up=partial(self._on_gave_up, task_group_id),
            patience=self._patience,
            backoff=BACKOFF,
        )
        self._consumers[task_group_id] = consumer
        consumer.open()

    def _locate(self, task_group_id: str) -> Address:
        known = self._addresses.get(task_group_id)
        is_refused = task_group_id in self._refused
        try:
            if is_refused:
                self._attach(task_group_id)
            where = self._find_queue()
        except ServiceError as error:
            if is_refused or known is None or not error.is_passing:
                raise
            return known  # the broker may be there though the service is not
        self._refused.discard(task_group_id)
        url = where.connection_url if self._amqp_port is None else _with_port(where.connection_url, self._amqp_port)
        address = Address(url, result_queue(where.queue_prefix, task_group_id))
        self._addresses[task_group_id] = address
        return address

    def _on_open(self, task_group_id: str) -> None:
        if task_group_id in self._opened:
            self._reconnected()
            self.reconcile(self._outstanding(task_group_id))
        self._opened.add(task_group_id)

    def _on_gave_up(self, task_group_id: str, error: StreamError) -> None:
        # Forgotten, so that the next submission tries anew.
        self._consumers.pop(task_group_id, None)
        self._opened.discard(task_group_id)
        self._failed(task_group_id, error)

    def _on_message(self, consumer: Consumer, delivery: Delivery) -> None:
        try:
            message = decode(delivery.body)
        except WireError as error:
            # Acknowledged all the same: handing it back would bring it back for ever.
            log.warning("dropped a message that is not of the protocol: %s", error)
        else:
            if isinstance(message, Result):
                self._on_result(message, delivery)
            else:
                log.warning("dropped a %s message: a result queue holds results", type(message).__name__)
        consumer.ack(delivery)

    def _on_result(self, result: Result, delivery: Delivery) -> None:
        if delivery.headers.get("high_assurance"):
            # The body of such a result is empty on purpose: the value is behind the access checks of the REST side.
            self.reconcile([result.task_id])
        else:
            self._deliver(result)

    def ask(self) -> None:
        """Ask over REST for some of the outstanding tasks: their stream brings nothing, or cannot be opened."""
        task_ids = [task_id for group in self._consumers for task_id in self._outstanding(group)]
        # By chance, so that each has its turn.
        self.reconcile(task_ids if len(task_ids) <= RECONCILE_CHUNK else random.sample(task_ids, RECONCILE_CHUNK))

    def reconcile(self, task_ids: Sequence[str]) -> None:
        """Ask over REST for tasks whose result may have been lost, a chunk per turn of the loop."""
        self._asked_for.update(dict.fromkeys(task_ids))
        if self._asked_for and not self._is_asking:
            self._ask_next()

    def _ask_next(self) -> None:
        self._is_asking = True
        chunk = list(islice(self._asked_for, RECONCILE_CHUNK))
        try:
            documents = self._get_status(chunk)
        except FarpoolError as error:
            log.info("could not ask for %d outstanding tasks, trying again soon: %s", len(self._asked_for), error)
            self._loop.call_later(RECONCILE_RETRY_S, self._ask_again)
            return
        for task_id in chunk:
            del self._asked_for[task_id]
        for document in documents.values():
            if document.is_finished:
                self._deliver(document)
        self._is_asking = bool(self._asked_for)
        if self._asked_for:
            self._loop.call(self._ask_next)

    def _ask_again(self) -> None:
        # Some may have come meanwhile.
        waiting = {task_id for group in self._consumers for task_id in self._outstanding(group)}
        self._asked_for = {task_id: None for task_id in self._asked_for if task_id in waiting}
        self._is_asking = False
        self.reconcile(())


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    host = host if ":" not in host.rpartition("]")[2] else host.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{userinfo}{at}{host}:{port}"))
