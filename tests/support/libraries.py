"""The libraries that farpool works together with: imported where they are installed, their tests skipped elsewhere."""

from __future__ import annotations

import copyreg
import importlib
import os
import sys
from typing import Any

import pytest

#: The Python that runs every test: there a library that is missing is a fault, not a reason to skip.
MAIN = (3, 11)


def library(name: str) -> Any:
    """Import a library; where it is not installed, skip the test, or all tests of the module that asks at its top.

    One that takes long to import is asked for in the tests: every test process collects every module. Under `CI=true`
    on the main Python it must be there. They are in the dependency group `ecosystem`.
    """
    # dask has all exceptions of a process pickled in a way of its own (by tblib): not so for the tests that follow.
    ways = dict(copyreg.dispatch_table)
    try:
        return importlib.import_module(name)
    except ImportError:
        if os.environ.get("CI") == "true" and sys.version_info[:2] == MAIN:
            raise
        pytest.skip(f"{name} is not installed: pip install --group ecosystem", allow_module_level=True)
    finally:
        for kind in set(copyreg.dispatch_table) - set(ways):
            if issubclass(kind, BaseException):
                del copyreg.dispatch_table[kind]
