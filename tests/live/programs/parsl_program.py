"""What a user of Parsl does, with one of two executors that lead to farpool.

Arguments: "native" or "sdk", and a directory for Parsl's files. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import parsl
from parsl.executors import GlobusComputeExecutor

from farpool import Executor, TaskExecutionFailed
from farpool.adapters.parsl import FarpoolExecutor, as_globus_compute


@parsl.python_app
def double(number: int) -> int:
    return 2 * number


@parsl.python_app
def add(*numbers: int) -> int:
    return sum(numbers)


@parsl.python_app
def divide(over: int, under: int) -> float:
    return over / under


@parsl.python_app
def where() -> int:
    import os

    return os.getpid()


@parsl.bash_app
def say(word: str, stdout: str) -> str:
    return f"echo {word}"


def main() -> None:
    kind, directory = sys.argv[1], Path(sys.argv[2])
    executor = Executor(max_workers=2, user_endpoint_config={"queue": "debug"})
    if kind == "native":
        ours: Any = FarpoolExecutor(executor)
    else:
        ours = GlobusComputeExecutor(executor=as_globus_compute(executor))
    config = parsl.Config(executors=[ours], run_dir=str(directory / "runs"), initialize_logging=False)
    told: dict[str, Any] = {"repr": repr(ours)}
    with parsl.load(config):
        told["sum"] = add(*[double(number) for number in range(50)]).result()
        told["pid"] = where().result()
        told["written"] = say("hello", stdout=str(directory / "said")).result(), (directory / "said").read_text()
        try:
            divide(1, 0).result()
        except TaskExecutionFailed as error:
            told["exception"] = str(error)
        except ZeroDivisionError as error:
            told["exception"] = repr(error)
        wanted = {"cores": 1, "user_endpoint_config": {"queue": "long"}}
        told["refused"] = repr(double(1, parsl_resource_specification=wanted).exception())
        told["kept"] = [executor.resource_specification, executor.user_endpoint_config]
        told["after"] = double(4).result()
    try:
        executor.submit(abs, -1)
    except RuntimeError as error:
        told["shut down"] = str(error)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
