"""What the endpoint's tests share: a site to work for, a loop in a thread, an agent in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from farpool.amqp import Loop
from farpool.client import Client, Patience
from farpool.endpoint.agent import Agent
from farpool.endpoint.config import EndpointConfig
from farpool.endpoint.directory import EndpointDirectory
from farpool.endpoint.engine import Engine
from farpool.endpoint.registration import Registered, register
from farpool.endpoint.run import make_engine, site_of
from support.task_site import TOKEN, TaskSite, task_site

T = TypeVar("T")

#: Two workers, so that one can be busy while the other is looked at.
CONFIG = EndpointConfig(max_workers=2, grace_s=5)


class LoopThread:
    """A farpool loop in a thread; `do` runs something there and waits for it."""

    def __init__(self) -> None:
        self.loop = Loop()
        self._thread = threading.Thread(target=self.loop.run)
        self._thread.start()

    def do(self, fn: Callable[[], T]) -> T:
        answer: queue.Queue[T] = queue.Queue()
        assert self.loop.call(lambda: answer.put(fn()))
        return answer.get(timeout=60)

    def close(self) -> None:
        self.loop.stop()
        self._thread.join(60)
        assert not self._thread.is_alive()


class AgentThread:
    """An agent in a thread, working for a site."""

    def __init__(
        self, site: TaskSite, path: Path, config: EndpointConfig = CONFIG, token: str = TOKEN, patience_s: float = 20
    ) -> None:
        self.directory = EndpointDirectory(path)
        self.error: BaseException | None = None
        self.loop = Loop()
        self.engine: Engine = make_engine(self.loop, config)
        self._client = Client(service_url=site.url, token=token, patience=Patience(0, 0, 0), do_version_check=False)
        self._config = config
        self._ready: queue.Queue[str | None] = queue.Queue()
        self.agent = Agent(
            self.loop,
            config,
            engine=self.engine,
            register=self._register,
            patience_s=patience_s,
            ready=self._ready.put,
            site=site_of(self.directory, config),
        )
        self._thread = threading.Thread(target=self._run, name="agent")

    def _register(self) -> Registered:
        return register(self._client, self.directory, self._config)

    def _run(self) -> None:
        try:
            self.agent.run()
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error
        finally:
            self._ready.put(None)

    def start(self) -> AgentThread:
        self._thread.start()
        return self

    def wait_ready(self) -> str:
        endpoint_id = self._ready.get(timeout=60)
        assert endpoint_id is not None, self.error
        return endpoint_id

    def stop(self, grace_s: float | None = None) -> None:
        """Tell the agent to stop; return when it has taken that in, so that what a test does next comes after it."""
        heard = threading.Event()

        def tell() -> None:
            self.agent.stop(grace_s)
            heard.set()

        if self.loop.call(tell):
            while not heard.wait(0.05) and self._thread.is_alive():
                pass

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        self._client.close()

    def do(self, fn: Callable[[], T]) -> T:
        answer: queue.Queue[T] = queue.Queue()
        assert self.loop.call(lambda: answer.put(fn()))
        return answer.get(timeout=60)


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture
def site() -> Iterator[TaskSite]:
    with task_site() as running:
        yield running


@pytest.fixture
def start_agent(site: TaskSite, tmp_path: Path) -> Iterator[Callable[..., AgentThread]]:
    """Start agents for the site; settings by name; stopped at the end of the test."""
    agents: list[AgentThread] = []

    def start(**settings: Any) -> AgentThread:
        agent = AgentThread(site, tmp_path / "endpoint", replace(CONFIG, **settings)).start()
        agents.append(agent)
        agent.wait_ready()
        return agent

    yield start
    for agent in agents:
        agent.stop(0)
    for agent in agents:
        agent.join()


@pytest.fixture
def agent(start_agent: Callable[..., AgentThread]) -> AgentThread:
    return start_agent()
