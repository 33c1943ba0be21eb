"""proxystore: large values beside the tasks, fetched where they are used."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from farpool import Executor
from support.embedded import TIMEOUT
from support.libraries import library

pytestmark = pytest.mark.slow

#: More than a task's arguments may take on the hosted service.
LARGE = 2_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Any]:
    connector = library("proxystore.connectors.file").FileConnector(str(tmp_path / "store"))
    # Workers keep the stores that they have met, by their name.
    with library("proxystore.store").Store(str(uuid.uuid4()), connector, register=True) as store:
        yield store


def total(values: Any) -> tuple[float, bool]:
    from proxystore.proxy import is_resolved

    untouched = not is_resolved(values)
    return float(values.sum()), untouched


def ones(count: int) -> Any:
    import numpy

    return numpy.ones(count)


def local(function: Any) -> Any:
    """Give a function of its own code: a worker cannot import a test."""
    function.__module__ = None
    return function


def test_a_proxy_goes_as_an_argument_and_is_fetched_in_the_worker(executor: Executor, store: Any) -> None:
    is_resolved = library("proxystore.proxy").is_resolved
    proxy = store.proxy(np.ones(LARGE), populate_target=False)

    future = executor.submit(local(total), proxy)

    assert future.result(TIMEOUT) == (LARGE, True)
    assert not is_resolved(proxy), "nobody looked at it here"


def test_a_proxy_is_a_few_bytes_on_its_way_whatever_it_stands_for(executor: Executor, store: Any) -> None:
    proxy = store.proxy(np.ones(LARGE), populate_target=False)

    future = executor.submit(local(total), proxy)

    assert future.result(TIMEOUT) == (LARGE, True)
    assert future.size_bytes < 10_000


def test_a_proxy_inside_a_structure_is_fetched_in_the_worker(executor: Executor, store: Any) -> None:
    def size(held: Any) -> int:
        return len(held["values"][0])

    assert executor.submit(size, {"values": [store.proxy(np.ones(10), populate_target=False)]}).result(TIMEOUT) == 10


@pytest.mark.parametrize("ownership", [True, False])
def test_a_store_executor_proxies_arguments_and_results(executor: Executor, store: Any, ownership: bool) -> None:
    module = library("proxystore.store.executor")
    kind = library("proxystore.store.ref").OwnedProxy if ownership else library("proxystore.proxy").Proxy

    proxying = module.StoreExecutor(
        executor.options(label="proxied"), store, module.ProxyType(np.ndarray), ownership=ownership, close_store=False
    )

    assert proxying.submit(local(total), np.ones(LARGE)).result(TIMEOUT) == (LARGE, True)
    made = proxying.submit(local(ones), LARGE).result(TIMEOUT)
    assert type(made) is kind
    assert float(made.sum()) == LARGE
    assert [float(one.sum()) for one in proxying.map(local(ones), [1, 2, 3])] == [1, 2, 3]


def test_what_a_task_raises_comes_through_a_store_executor(executor: Executor, store: Any) -> None:
    module = library("proxystore.store.executor")
    proxying = module.StoreExecutor(executor.options(), store, module.ProxyType(np.ndarray), close_store=False)

    with pytest.raises(ZeroDivisionError):
        proxying.submit(divmod, 1, 0).result(TIMEOUT)
