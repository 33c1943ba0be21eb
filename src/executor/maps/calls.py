"""Several calls in one task: what a map sends when it makes chunks. Runs on workers without farpool."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ...serialize import ByValue, by_value

# What a namespace holds that `by_value` gives a function.
fn: Callable[..., Any]
packed: Callable[[BaseException, int], dict[str, Any]]
tried: Callable[[tuple[Any, ...], list[Any]], Any]
reduce: Callable[[Any, Any], Any]


def run_calls(fn: Callable[..., Any]) -> ByValue:
    """Make a function that calls `fn` once per tuple of arguments.

    It is sent with `fn` in it, by value: the worker needs no farpool. Its arguments are the calls, whether to go on
    after one that raises, and how to try one again (`Retry.by_worker`). What it returns is plain enough for every
    serialization strategy: the seconds it took, the values (None where a call raised), and for each call that raised
    its place and the packed exception (`failures.failure_in`).

    >>> run_calls(pow)([(2, 3), (3, 2)], False, None)[1:]
    [[8, 9], []]
    """
    return by_value(_run_calls, fn=fn, tried=by_value(_tried, fn=fn), packed=by_value(_packed))


def call_each(fn: Callable[..., Any]) -> ByValue:
    """Make a function that calls `fn` once per tuple of arguments and returns the values; it raises what `fn` raises.

    >>> call_each(pow)([(2, 3), (3, 2)])
    [8, 9]
    """
    return by_value(_call_each, fn=fn)


def fold_calls(fn: Callable[..., Any], reduce: Callable[[Any, Any], Any]) -> ByValue:
    """Make a function that calls `fn` once per tuple of arguments and reduces the values to one, from left to right.

    Its arguments are the calls, and how to try one again. It returns the seconds it took, and the value. What a call
    raises, it raises.

    >>> fold_calls(pow, max)([(2, 3), (3, 2)], None)[1]
    9
    """
    return by_value(_fold_calls, fn=fn, tried=by_value(_tried, fn=fn), reduce=reduce)


def reduce_values(reduce: Callable[[Any, Any], Any]) -> ByValue:
    """Make a function that reduces a list of values to one, from left to right.

    >>> reduce_values(max)([1, 3, 2])
    3
    """
    return by_value(_reduce_values, fn=reduce)


def _run_calls(calls: list[tuple[Any, ...]], go_on: bool, again: list[Any] | None) -> list[Any]:
    import time  # noqa: PLC0415 - it runs elsewhere

    begun = time.perf_counter()
    values: list[Any] = []
    failures: list[Any] = []
    for arguments in calls:
        try:
            # Not through `tried` where that is not needed: it costs as much as a short function.
            values.append(tried(arguments, again) if again else fn(*arguments))  # noqa: F821 - in the namespace
        except BaseException as error:  # noqa: BLE001 - whatever one call raises must not cost the others
            # All of them together are no larger than one may be.
            failures.append([len(values), packed(error, 4_000_000 // len(calls))])  # noqa: F821 - as above
            values.append(None)
            if not go_on:
                break
    return [time.perf_counter() - begun, values, failures]


def _call_each(calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    return [fn(*arguments) for arguments in calls]  # noqa: F821 - it is in the namespace


def _fold_calls(calls: Iterable[tuple[Any, ...]], again: list[Any] | None) -> list[Any]:
    import time  # noqa: PLC0415 - it runs elsewhere

    begun = time.perf_counter()
    total: Any = None
    for place, arguments in enumerate(calls):
        value = tried(arguments, again) if again else fn(*arguments)  # noqa: F821 - in the namespace
        total = reduce(total, value) if place else value  # noqa: F821 - it is in the namespace
    return [time.perf_counter() - begun, total]


def _reduce_values(values: Iterable[Any]) -> Any:
    import functools  # noqa: PLC0415 - it runs elsewhere

    return functools.reduce(fn, values)  # noqa: F821 - it is in the namespace


def _tried(arguments: tuple[Any, ...], again: list[Any]) -> Any:
    """Call `fn`, again and again where it raises what is worth it."""
    import time  # noqa: PLC0415 - it runs elsewhere

    waits, worth = again
    for wait_s in waits:
        try:
            return fn(*arguments)  # noqa: F821 - it is in the namespace
        except BaseException as error:  # also what ends an interpreter is only this call's
            kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
            if worth is not None and kinds.isdisjoint(worth):
                raise
        time.sleep(wait_s)
    return fn(*arguments)  # noqa: F821 - it is in the namespace


def _packed(error: BaseException, max_chars: int) -> dict[str, Any]:
    """Write an exception as plain data: its traceback as text, and itself as well as this worker can."""
    import contextlib  # noqa: PLC0415 - it runs elsewhere
    import copyreg  # noqa: PLC0415
    import io  # noqa: PLC0415
    import traceback  # noqa: PLC0415
    from binascii import b2a_base64  # noqa: PLC0415

    def without_ours(frames: Any) -> Any:
        while frames and frames.tb_frame.f_code.co_name in {"_run_calls", "_tried"}:
            frames = frames.tb_next
        return frames

    try:
        text = "".join(traceback.format_exception(type(error), error, without_ours(error.__traceback__)))
    except BaseException:  # noqa: BLE001 - __str__, __cause__ and the like are the user's code
        text = f"{type(error).__qualname__}: <the exception cannot be shown>\n"
    told: dict[str, Any] = {"text": text[-max_chars:]}
    try:
        from farpool.serialize.exceptions import describe  # noqa: PLC0415 - where there is a farpool

        told["exception"] = describe(error, without_ours, max_chars=max_chars)
    except BaseException:  # noqa: BLE001 - the user's code again, or an endpoint of another kind
        told["pickle"] = None
        with contextlib.suppress(BaseException):  # then its text must do
            import dill  # noqa: PLC0415

            file = io.BytesIO()
            pickler: Any = dill.Pickler(file)
            # Some endpoints have exceptions pickled in a way that only they can read (by tblib).
            ways = copyreg.dispatch_table.items()
            pickler.dispatch_table = {kind: way for kind, way in ways if not issubclass(kind, BaseException)}
            pickler.dump(error)
            pickled = b2a_base64(file.getvalue(), newline=False).decode("ascii")
            told["pickle"] = pickled if len(pickled) <= max_chars else None
    return told
