"""What type checkers must accept and reject. Never run: `make check` is the test.

A line with `type: ignore` is one that must be rejected, by mypy and by pyright: both report an ignore that is not
needed.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator

from typing_extensions import assert_type

from farpool import Executor, Future, Results, idempotent


def double(number: int) -> int:
    """Take an int, give one."""
    return 2 * number


def shout(text: str, *, times: int = 1) -> str:
    """Take a text and a keyword."""
    return text.upper() * times


@idempotent
def fetch(address: str) -> bytes:
    """Keep its types under the decorator."""
    return address.encode()


def submit_keeps_the_types_of_the_function(ex: Executor) -> None:
    """Accepted: the arguments are those of the function, the future is one of its result."""
    assert_type(ex.submit(double, 21), "Future[int]")
    assert_type(ex.submit(double, 21).result(), int)
    assert_type(ex.submit(double, number=21), "Future[int]")
    assert_type(ex.submit(shout, "hey", times=2), "Future[str]")
    assert_type(ex.submit(fetch, "https://example.org"), "Future[bytes]")
    assert_type(ex.submit(pow, 2.0, 3), "Future[float]")


def submit_rejects_what_the_function_does_not_take(ex: Executor) -> None:
    """Rejected: another type, too few, too many, unknown keywords; also under a decorator."""
    ex.submit(double, "x")  # type: ignore[arg-type]
    ex.submit(double)  # type: ignore[call-arg]
    ex.submit(double, 1, 2)  # type: ignore[call-arg]
    ex.submit(shout, "hey", loud=True)  # type: ignore[call-arg]
    ex.submit(shout, "hey", times="2")  # type: ignore[arg-type]
    ex.submit(fetch, 5)  # type: ignore[arg-type]
    ex.submit("double", 21)  # type: ignore[arg-type]
    ex.submit(fn=double)  # type: ignore[call-arg]


def a_view_keeps_the_types_too(ex: Executor) -> None:
    """The same holds for what `options` gives."""
    view = ex.options(retries=3, retry_on=(OSError, ValueError), timeout=5, label="careful")
    assert_type(view.submit(double, 21), "Future[int]")
    assert_type(view.options(priority=1).submit(shout, "hey").result(), str)
    view.submit(double, "x")  # type: ignore[arg-type]
    ex.options(retries="3")  # type: ignore[arg-type]
    ex.options(retry_on=ValueError("x"))  # type: ignore[arg-type]
    ex.options(retrys=3)  # type: ignore[call-arg]


def map_gives_results_of_its_function(ex: Executor) -> None:
    """An iterator of results; the items are not checked, as in the standard library."""
    assert_type(ex.map(double, range(3)), Results[int])
    assert_type(ex.options(retries=1).map(shout, ["a"], chunksize=2), Results[str])
    assert_type(ex.starmap(double, [(1,)], chunksize="auto"), Results[int])
    assert_type(ex.map(double, range(3), return_exceptions=True), Results[int | BaseException])
    assert_type(ex.map_reduce(double, range(3), max), int)
    ex.map(double, 3)  # type: ignore[call-overload]
    ex.map_reduce(double, ["x"], max, chunksize="large")  # type: ignore[arg-type]


async def awaiting_gives_the_result(ex: Executor) -> None:
    """The value of `await` has the type of the result."""
    assert_type(await ex.submit(double, 21), int)


def it_is_an_executor_of_the_standard_library(ex: Executor) -> concurrent.futures.Executor:
    """Accepted wherever one is wanted, and so are its futures and its configured classes."""
    waited: concurrent.futures.Future[int] = ex.submit(double, 21)
    results: Iterator[int] = ex.map(double, [waited.result()])
    assert_type(sum(results), int)
    assert_type(Executor.configured(label="nightly"), type[Executor])
    chosen: Future[int] = ex.options(label="one").submit(double, 1)
    assert_type(chosen.task_id, "str | None")
    return ex.options(retries=1)
