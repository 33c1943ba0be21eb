"""What `import farpool` gives, and what it costs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import farpool
from farpool import errors

HEAVY = ["aio_pika", "dill", "fastapi", "globus_sdk", "numpy", "pamqp", "pika", "requests", "sqlalchemy", "uvicorn"]


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_is_there_and_listed_once() -> None:
    assert len(set(farpool.__all__)) == len(farpool.__all__)
    for name in farpool.__all__:
        assert getattr(farpool, name).__name__ == name
        assert name in dir(farpool)


def test_the_whole_error_tree_is_public() -> None:
    tree = {name for name, one in vars(errors).items() if inspect.isclass(one) and issubclass(one, errors.FarpoolError)}

    assert tree <= set(farpool.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"farpool.*has no attribute 'Pool'"):
        getattr(farpool, "Pool")  # noqa: B009 - a type checker knows that it is not there


def test_the_version_is_known() -> None:
    assert farpool.__version__


ROOMS = [one.name for one in pkgutil.iter_modules(farpool.__path__) if one.ispkg]


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_that_a_room_offers_is_there(room: str) -> None:
    module = importlib.import_module(f"farpool.{room}")

    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name), f"farpool.{room}.__all__ lists {name}"


def test_importing_farpool_starts_no_thread_and_imports_nothing_heavy() -> None:
    program = (
        "import sys, threading, farpool\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], threading.active_count())"
    )

    assert run(program) == "[] 1"


def test_naming_an_error_imports_nothing_heavy() -> None:
    program = f"import sys, farpool\nfarpool.TaskError\nprint([name for name in {HEAVY!r} if name in sys.modules])"

    assert run(program) == "[]"


@pytest.mark.slow
def test_naming_the_executor_starts_no_thread() -> None:
    assert run("import threading\nfrom farpool import Client, Executor\nprint(threading.active_count())") == "1"


@pytest.mark.slow
def test_the_service_and_the_agent_are_not_imported_by_the_executor() -> None:
    program = (
        "import sys\nfrom farpool import Executor\n"
        "print([name for name in sys.modules if name.startswith(('farpool.service', 'farpool.endpoint', 'fastapi'))])"
    )

    assert run(program) == "[]"
