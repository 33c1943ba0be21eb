"""What a function raises over there is what is raised here: on the embedded stack."""

from __future__ import annotations

import asyncio
import gc
import linecache
import pickle
import subprocess
import sys
import textwrap
import traceback
import weakref
from pathlib import Path
from typing import Any

import pytest

from farpool import Client, Executor, Future, RemoteTraceback, TaskExecutionFailed
from farpool.local import StackLease

TIMEOUT = 60


def error_of(future: Future[Any]) -> Any:
    error = future.exception(TIMEOUT)
    assert error is not None
    return error


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def divide(number: float) -> float:
    return 1 / number


class Refused(ValueError):
    """A user's own, with a constructor that pickle cannot call."""

    def __init__(self, who: str, *, code: int) -> None:
        super().__init__(f"{who} was refused")
        self.who = who
        self.code_number = code


def refuse(who: str) -> None:
    try:
        divide(0)
    except ZeroDivisionError as error:
        raise Refused(who, code=3) from error


def test_the_original_is_raised_and_the_printed_trace_shows_both_sides(executor: Executor) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        executor.submit(divide, 0).result(TIMEOUT)

    text = printed(caught.value)
    assert "    return 1 / number\n" in text  # over there
    assert "    executor.submit(divide, 0).result(TIMEOUT)\n" in text  # and here
    assert text.index("return 1 / number") < text.index("direct cause") < text.index("executor.submit(divide, 0)")
    assert text.endswith("ZeroDivisionError: division by zero\n")
    assert "farpool/endpoint" not in text
    assert "worker.py" not in text


def test_both_kinds_of_except_catch_it(executor: Executor) -> None:
    with pytest.raises(TaskExecutionFailed, match="division by zero") as caught:
        executor.submit(divide, 0).result(TIMEOUT)

    assert isinstance(caught.value, ZeroDivisionError)
    assert not isinstance(caught.value, ValueError)


def test_type_arguments_attributes_and_cause_come_back(executor: Executor) -> None:
    future = executor.submit(refuse, "somebody")
    error = error_of(future)

    facts = ("task_id", "endpoint_id", "function_id")
    assert [getattr(error, name) for name in facts] == [getattr(future, name) for name in facts]
    assert isinstance(error, Refused)
    assert error.args == ("somebody was refused",)
    assert (error.who, error.code_number) == ("somebody", 3)
    assert type(error.__cause__) is ZeroDivisionError
    assert isinstance(error.__cause__.__cause__, RemoteTraceback)
    text = printed(error)
    assert "return 1 / number" in text
    assert "raise Refused(who, code=3) from error" in text
    assert isinstance(pickle.loads(pickle.dumps(error)), Refused)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="notes and groups came with Python 3.11")
def test_notes_and_groups_come_back(executor: Executor) -> None:
    def fail() -> None:
        import builtins

        errors: list[Exception] = []
        for kind in (ValueError, KeyError):
            error: Any = kind("inside")
            error.add_note(f"a note on {kind.__name__}")
            errors.append(error)
        raise builtins.ExceptionGroup("several", errors)  # type: ignore[attr-defined] # not in Python 3.10

    error = error_of(executor.submit(fail))

    assert type(error).__name__ == "ExceptionGroup"
    assert [one.__notes__ for one in error.exceptions] == [["a note on ValueError"], ["a note on KeyError"]]
    assert isinstance(error, TaskExecutionFailed)
    assert "a note on KeyError" in printed(error)


def leave(how: type[BaseException], value: Any) -> None:
    raise how(value)


@pytest.mark.parametrize(
    ("how", "value"), [(SystemExit, 4), (KeyboardInterrupt, "x"), (GeneratorExit, "x"), (StopIteration, 5)]
)
def test_what_would_end_a_program_or_a_loop_comes_back_like_the_rest(
    executor: Executor, how: type[BaseException], value: object
) -> None:
    error = error_of(executor.submit(leave, how, value))

    assert isinstance(error, how)
    assert isinstance(error, TaskExecutionFailed)
    assert error.args == (value,)
    assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4


def test_map_raises_the_original(executor: Executor) -> None:
    results = executor.map(divide, [1, 2, 0, 4], chunksize=2)

    assert next(results) == 1
    with pytest.raises(ZeroDivisionError) as caught:
        list(results)
    assert "return 1 / number" in printed(caught.value)
    assert "<farpool" not in printed(caught.value)


@pytest.mark.parametrize("kind", [StopIteration, StopAsyncIteration])
@pytest.mark.parametrize("chunksize", [1, 3])
def test_an_exception_that_would_end_a_loop_over_map_in_silence_does_not(
    executor: Executor, kind: type[BaseException], chunksize: int
) -> None:
    def fail(number: int) -> int:
        if number == 1:
            raise kind(number)
        return number

    async def loop() -> list[int]:
        return [one async for one in executor.map(fail, range(3), chunksize=chunksize)]

    with pytest.raises(RuntimeError, match=f"the task raised {kind.__name__}") as caught:
        list(executor.map(fail, range(3), chunksize=chunksize))
    assert isinstance(caught.value.__cause__, kind)
    with pytest.raises(RuntimeError, match=f"the task raised {kind.__name__}"):
        asyncio.run(loop())


def test_an_awaited_future_raises_the_original(executor: Executor) -> None:
    async def wait() -> None:
        await executor.submit(refuse, "somebody")

    with pytest.raises(Refused) as caught:
        asyncio.run(wait())
    assert caught.value.who == "somebody"


def test_the_client_raises_the_original_as_the_executor_does(executor: Executor, client: Client) -> None:
    future = executor.submit(refuse, "somebody")
    error_of(future)

    with pytest.raises(Refused) as caught:
        client.get_result(future.task_id)
    assert caught.value.who == "somebody"
    assert isinstance(caught.value, TaskExecutionFailed)
    known = client.get_batch_result([future.task_id])[str(future.task_id)]
    assert isinstance(known["exception"], Refused)
    assert "farpool_exception" not in known["details"]
    assert "python_version" in known["details"]


# ---- what cannot come back


def test_what_cannot_be_pickled_is_left_out_and_said_to_be(executor: Executor) -> None:
    def fail() -> None:
        error: Any = LookupError("with a generator", 3)
        error.rows = (row for row in "abc")
        error.count = 3
        raise error

    error = error_of(executor.submit(fail))

    assert error.count == 3
    assert not hasattr(error, "rows")
    assert isinstance(error, LookupError)
    assert error.args == ("with a generator", 3)
    assert "left out of the exception, because it cannot be sent: rows" in printed(error)


def test_a_class_that_is_not_here_is_named_with_the_traceback(executor: Executor, tmp_path: Path) -> None:
    (tmp_path / "only_over_there.py").write_text("class Odd(Exception):\n    pass\n")

    def fail(path: str) -> None:
        import importlib
        import sys

        sys.path.insert(0, path)
        raise importlib.import_module("only_over_there").Odd("a text")

    error = error_of(executor.submit(fail, str(tmp_path)))

    assert type(error) is TaskExecutionFailed
    assert "only_over_there.Odd cannot be rebuilt here" in str(error)
    assert 'raise importlib.import_module("only_over_there").Odd("a text")' in str(error)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, RecursionError, MemoryError])
@pytest.mark.parametrize("where", ["written", "read"])
def test_whatever_happens_on_the_way_the_task_fails_and_all_else_goes_on(
    executor: Executor, kind: type[BaseException], where: str
) -> None:
    def fail() -> None:
        class Trap:
            def __reduce__(self) -> Any:
                if where == "written":
                    raise kind("while it was written")
                return exec, (f"raise {kind.__name__}('while it was read')",)

        raise ValueError("a text", Trap())

    error = error_of(executor.submit(fail))

    assert isinstance(error, ValueError)
    assert isinstance(error, TaskExecutionFailed)
    assert "a text" in str(error)
    assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4


def test_an_enormous_exception_is_cut(executor: Executor) -> None:
    def fail() -> None:
        raise ValueError("x" * 30_000_000, bytes(20_000_000))

    error = error_of(executor.submit(fail))

    assert isinstance(error, ValueError)
    assert len(str(error)) < 1_000_000
    assert "characters left out" in error.args[0]


# ---- source lines


def test_the_source_of_a_notebook_cell_is_shown(executor: Executor) -> None:
    cell = "/tmp/ipykernel_1/8.py"
    lines = ["def halve(number):\n", "    return number / 'two'  # in the cell\n"]
    linecache.cache[cell] = (1, None, lines, cell)
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile("".join(lines), cell, "exec"), space)

    error = error_of(executor.submit(space["halve"], 3))

    del linecache.cache[cell]
    assert "    return number / 'two'  # in the cell\n" in printed(error)
    frames = error.__cause__.frames
    assert [(one.filename, one.lineno, one.name) for one in frames] == [(cell, 2, "halve")]
    assert frames[0].line == "return number / 'two'  # in the cell"


PROGRAM = """
    from farpool import Executor

    def fail():
        raise ValueError("on purpose")  # over there

    with Executor(max_workers=2) as executor:
        executor.submit(fail).result()
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["file", "-c", "stdin"])
def test_a_program_that_does_not_catch_it_prints_both_sides(stack: StackLease, way: str, tmp_path: Path) -> None:
    program = textwrap.dedent(PROGRAM).lstrip()
    path = tmp_path / "program.py"
    path.write_text(program)
    command = {"file": [str(path)], "-c": ["-c", program], "stdin": ["-"]}[way]

    done = subprocess.run(
        [sys.executable, *command], input=program, capture_output=True, text=True, check=False, timeout=100
    )

    assert done.returncode == 1
    # Of what comes by standard input nobody has the source.
    assert ('raise ValueError("on purpose")  # over there' in done.stderr) == (way != "stdin")
    assert "json.loads(sys.argv" not in done.stderr  # the worker's own command line
    assert done.stderr.count("in fail") == 1
    assert done.stderr.rstrip().endswith("ValueError: on purpose")


# ---- memory


def test_nothing_keeps_a_failed_call_alive_but_its_future(executor: Executor) -> None:
    gc.collect()
    gc.disable()
    try:
        future = executor.submit(divide, 0)
        error = error_of(future)
        watched = [weakref.ref(future), weakref.ref(error)]
        del future, error
        # The thread that delivered the result lets go of it when it has the next one.
        assert executor.submit(pow, 2, 2).result(TIMEOUT) == 4
        assert [one() for one in watched] == [None, None]
    finally:
        gc.enable()
