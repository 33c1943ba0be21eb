"""A worker for tests, run by any Python: reads task buffers, calls, writes results.

    python worker_program.py sdk|farpool|dill

`sdk` reads and writes with the unmodified Globus Compute SDK, `farpool` with farpool, `dill` with dill alone (base64
strategies only), to show that nothing else is needed. Standard input: a pickled list of task buffers; standard
output: a pickled list of `(True, serialised result)` or `(False, what was raised)`.
"""

from __future__ import annotations

import base64
import pickle
import sys
from collections.abc import Callable
from typing import Any


def with_sdk() -> tuple[Callable[[str], Any], Callable[[Any], str]]:
    """Read and write as the unmodified worker does."""
    import importlib

    serializer: Any = importlib.import_module("globus_compute_sdk.serialize").ComputeSerializer()
    return serializer.unpack_and_deserialize, serializer.serialize


def with_farpool() -> tuple[Callable[[str], Any], Callable[[Any], str]]:
    """Read and write as farpool's worker does."""
    from farpool.serialize import Serializer

    serializer = Serializer()
    return serializer.unpack_call, serializer.serialize


def with_dill() -> tuple[Callable[[str], Any], Callable[[Any], str]]:
    """Read and write with dill, and nothing else."""
    import dill

    inner: Any = dill

    def read(task_buffer: str) -> list[Any]:
        values: list[Any] = []
        while task_buffer:
            length, _, rest = task_buffer.partition("\n")
            values.append(inner.loads(base64.b64decode(rest[3 : int(length)])))
            task_buffer = rest[int(length) :]
        return values

    def write(value: Any) -> str:
        return "00\n" + base64.b64encode(inner.dumps(value)).decode()

    return read, write


def main() -> None:
    """Run every task; an error ends its task alone."""
    way = sys.argv[1]
    read, write = {"sdk": with_sdk, "farpool": with_farpool, "dill": with_dill}[way]()
    outcomes: list[tuple[bool, str]] = []
    for task_buffer in pickle.loads(sys.stdin.buffer.read()):
        try:
            function, args, kwargs = read(task_buffer)
            outcomes.append((True, write(function(*args, **kwargs))))
        except Exception as error:  # noqa: BLE001 - it is the outcome
            outcomes.append((False, f"{type(error).__name__}: {error}"))
    if way != "farpool" and "farpool" in sys.modules:
        raise SystemExit("farpool was imported by what was sent")
    sys.stdout.buffer.write(pickle.dumps(outcomes))


if __name__ == "__main__":
    main()
