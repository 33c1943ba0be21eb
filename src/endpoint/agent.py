"""The agent: takes tasks from its queue, has an engine run them, publishes what comes of them, and says how it is.

    task queue --> Links.tasks --> intake --> Inflight --> Engine --> outcome --> Links.results --> results queue
                        ^                        |           |                          |
                        `-------- ack -----------'<----------|-- confirmed -------------'
                                                             |  (movable tasks: may begin)
                                     Heartbeat <-------------' --> Links.heartbeats --> heartbeats queue

A task is acknowledged when the broker has confirmed its result. All of it lives on one loop, whose thread `run` lends;
registration alone has a thread of its own, because it waits for the web service.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from ..amqp import Delivery, Loop
from ..wire.messages import TASK_DELIVERED
from . import failures, intake
from .announced import AnnouncedEngine
from .config import EndpointConfig
from .engine import Cancelled, Engine, EngineBroken, Loss, Outcome
from .heartbeat import Heartbeat, Workload, host_facts
from .inflight import Inflight, Verdict
from .job import Job, Site
from .links import Links
from .registration import Registered, Registrar

log = logging.getLogger(__name__)

#: When the endpoint stops: how long results, and then the last report, may take to be confirmed.
FLUSH_TIMEOUT_S = 3.0


def _nothing(*_args: object) -> None:
    pass


class Agent:
    """One endpoint's agent.

    Args:
        loop: where it lives.
        config: how it runs tasks.
        engine: what runs them.
        register: registers once; blocks; raises a `FarpoolError`.
        patience_s: how long to wait for a service, and then for its broker, that was never reached.
        sys_path: gives where the workers look for modules, asked when the endpoint is registered.
        site: what else the workers are told of where they are.
        ready: called once, with the endpoint's id, when it is online and takes tasks.
    """

    def __init__(
        self,
        loop: Loop,
        config: EndpointConfig,
        *,
        engine: Engine,
        register: Callable[[], Registered],
        patience_s: float,
        sys_path: Callable[[], tuple[str, ...]] = tuple,
        site: Site = Site(""),  # noqa: B008 - a frozen value
        ready: Callable[[str], None] = _nothing,
    ) -> None:
        self._loop = loop
        self._config = config
        self._engine = AnnouncedEngine(engine, workers=config.workers, announce=self._announce)
        self._sys_path = sys_path
        self._site = site
        self._ready = ready
        self._table: Inflight[Delivery] = Inflight()
        self._total = 0
        self._rules = intake.Rules("")
        self._heartbeat: Heartbeat | None = None
        self._missing = {"workers", "tasks", "results", "report"}  # before it is ready
        self._stopping = ""
        self._error: BaseException | None = None
        self._registrar = Registrar(
            loop, register=register, registered=self._registered, refused=self._fail, patience_s=patience_s
        )
        self._links = Links(
            loop,
            prefetch=config.window,
            patience_s=patience_s,
            deliver=self._deliver,
            opened=self._opened,
            lost=self._lost,
            failed=self._fail,
            outdated=self._registrar.request,
        )

    def run(self) -> None:
        """Serve until `stop`.

        Raises:
            FarpoolError: the service refused the endpoint, could not be reached in time, or no worker can be started.
        """
        try:
            self._engine.start(ready=partial(self._there, "workers"), failed=self._engine_failed)
            self._registrar.request()
            self._loop.run()
        finally:
            self._registrar.stop()
            self._engine.stop()
        if self._error is not None:
            raise self._error

    def stop(self, grace_s: float | None = None) -> None:
        """Take no more tasks, let those that run end, publish their results, go offline; then `run` returns.

        What has not begun, or does not end in time, goes back to the queue. The second call ends the waiting. Loop
        thread only.

        Args:
            grace_s: seconds that running tasks have; the configuration's when left out.
        """
        if self._stopping:
            self._end_tasks()
            return
        self._stopping = "tasks"
        self._registrar.stop()
        for task_id in self._engine.withdraw():
            self._give_back(task_id, "before it began to run")
        if self._table.taken:
            grace_s = self._config.grace_s if grace_s is None else grace_s
            log.info("stopping: %d tasks have %.0f s to end", len(self._table.taken), grace_s)
            self._loop.call_later(grace_s, self._end_tasks)
        self._go_on_stopping()

    # ---- what the parts report

    def _registered(self, answer: Registered) -> None:
        self._links.use(answer)
        if self._heartbeat is None:
            self._begin(answer)
        for task_id, running in answer.called_off.items():
            self._call_off(task_id, running=running)

    def _begin(self, answer: Registered) -> None:
        self._rules = intake.rules_of(answer.endpoint_id, self._config)
        self._engine.place(replace(self._site, endpoint_id=answer.endpoint_id, sys_path=self._sys_path()))
        self._heartbeat = Heartbeat(
            self._loop,
            endpoint_id=answer.endpoint_id,
            period_s=self._config.heartbeat_period_s,
            facts=host_facts(self._config.engine),
            workload=lambda: Workload(self._engine.state(), len(self._table), self._total),
            publish=self._links.heartbeats.publish,
        )

    def _opened(self, name: str) -> None:
        if name != "heartbeats":
            self._there(name)
        elif self._heartbeat is not None and not self._stopping:
            self._heartbeat.open(self._reported)

    def _reported(self) -> None:
        self._engine.go_on()
        self._there("report")

    def _announce(self, task_ids: Sequence[str], heard: Callable[[], None]) -> None:
        if self._heartbeat is not None:
            self._heartbeat.announce(task_ids, heard)

    def _lost(self, name: str) -> None:
        if name == "tasks":
            self._table.lost()
            # They come again, after what was called off meanwhile.
            for task_id in self._engine.drop_waiting():
                self._table.withdrawn(task_id)
        if name != "heartbeats":
            self._there(name)
        elif self._heartbeat is not None:
            self._heartbeat.pause()
            self._engine.hold()

    def _there(self, part: str) -> None:
        self._missing.discard(part)
        if not self._missing and not self._stopping:
            ready, self._ready = self._ready, _nothing
            ready(self._rules.endpoint_id)

    def _engine_failed(self, what: str) -> None:
        if "workers" in self._missing:
            self._fail(EngineBroken(what))

    def _fail(self, error: BaseException) -> None:
        if self._error is None:
            self._error = error
        self.stop(0.0)

    # ---- tasks

    def _deliver(self, delivery: Delivery) -> None:
        request = intake.read(delivery.headers, delivery.body, self._rules)
        if isinstance(request, intake.CallOff):
            self._links.tasks.ack(delivery)
            self._call_off(request.task_id, running=request.running)
        elif self._stopping:
            return  # not acknowledged, it goes back to the queue
        elif isinstance(request, Job):
            if self._accept(request.task_id, delivery):
                self._engine.submit(request, partial(self._done, request.task_id))
                if self._heartbeat is not None:
                    self._heartbeat.news()
        elif isinstance(request, intake.Refusal):
            if self._accept(request.task_id, delivery):
                self._fail_task(request.task_id, request.code, request.message)
        else:
            log.warning("dropping a message of %d bytes that names no task: %s", len(delivery.body), request.why)
            self._links.tasks.nack(delivery, requeue=False)

    def _accept(self, task_id: str, delivery: Delivery) -> bool:
        """Note a delivery; True when the task is to be run."""
        once = self._config.at_most_once
        verdict = self._table.accept(task_id, None if once else delivery)
        if once or verdict is Verdict.ACK:
            self._links.tasks.ack(delivery)
        if verdict is Verdict.RUN:
            self._total += 1
            return True
        log.debug("task %s is not run: %s", task_id, verdict.value)
        if verdict is Verdict.REFUSE:
            self._publish(task_id, self._cancellation(task_id, Cancelled.WAITED))
        return False

    def _call_off(self, task_id: str, *, running: bool) -> None:
        if task_id in self._table.taken:
            cancelled = self._engine.cancel(task_id, running=running)
            if cancelled is not None:
                self._publish(task_id, self._cancellation(task_id, cancelled))
        elif self._table.call_off(task_id):
            # It may be far behind in the queue: its client need not wait until it comes. Then it is said once more.
            self._links.results.publish(self._cancellation(task_id, Cancelled.WAITED, delivered=False))

    def _cancellation(self, task_id: str, cancelled: Cancelled, *, delivered: bool = True) -> bytes:
        message = f"task {task_id} was cancelled {cancelled.value}"
        return self._failure(task_id, failures.CANCELLED, message, **{TASK_DELIVERED: delivered})

    def _done(self, task_id: str, outcome: Outcome) -> None:
        if isinstance(outcome, Loss):
            details = {"endpoint_id": self._rules.endpoint_id, **outcome.details}
            code, message, transitions = outcome.code, outcome.message, outcome.transitions
            self._publish(
                task_id, failures.failure(task_id, code, message, message, details=details, transitions=transitions)
            )
        else:
            # Of what it refers to, the engine has seen to it that the service has it.
            self._publish(task_id, outcome if isinstance(outcome, bytes) else outcome.body)

    def _fail_task(self, task_id: str, code: str, message: str) -> None:
        self._publish(task_id, self._failure(task_id, code, message))

    def _failure(self, task_id: str, code: str, message: str, **facts: object) -> bytes:
        details = {"endpoint_id": self._rules.endpoint_id, **facts}
        return failures.failure(task_id, code, message, message, details=details)

    def _publish(self, task_id: str, body: bytes) -> None:
        if self._table.finished(task_id):
            self._links.results.publish(body, partial(self._confirmed, task_id))
        if self._stopping:
            self._go_on_stopping()

    def _confirmed(self, task_id: str) -> None:
        for delivery in self._table.confirmed(task_id):
            self._links.tasks.ack(delivery)
        if self._stopping:
            self._go_on_stopping()

    # ---- the end: tasks -> results -> report -> connections

    def _end_tasks(self) -> None:
        self._engine.stop()
        for task_id in tuple(self._table.taken):
            log.warning("task %s did not end in time", task_id)
            self._give_back(task_id, "while it ran")
        self._go_on_stopping()

    def _give_back(self, task_id: str, when: str) -> None:
        """Leave a task to the queue; or, when it was acknowledged as it came, say that it is lost."""
        if self._config.at_most_once:
            message = f"the endpoint was stopped {when}, and takes each task once only: submit it again"
            self._fail_task(task_id, failures.ENDPOINT_STOPPED, message)
        else:
            self._table.withdrawn(task_id)

    def _go_on_stopping(self) -> None:
        if self._stopping == "tasks" and not self._table.taken:
            self._stopping = "results"
            self._engine.stop()
            self._loop.call_later(FLUSH_TIMEOUT_S, self._report_end)
        if self._stopping == "results" and not self._table.unconfirmed:
            self._report_end()

    def _report_end(self) -> None:
        if self._stopping != "results":
            return
        self._stopping = "report"
        if self._table.unconfirmed:
            log.warning("%d results could not be published; their tasks run again", len(self._table.unconfirmed))
        self._loop.call_later(FLUSH_TIMEOUT_S, self._disconnect)
        if self._heartbeat is None or not self._links.is_up:
            self._disconnect()
        else:
            self._heartbeat.close(self._disconnect)

    def _disconnect(self) -> None:
        if self._stopping == "report":
            self._stopping = "connections"
            self._loop.call_later(FLUSH_TIMEOUT_S, self._loop.stop)
            self._links.close(self._loop.stop)
