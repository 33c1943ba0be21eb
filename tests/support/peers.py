"""The unmodified peer programs, each in a virtual environment of its own."""

from __future__ import annotations

from importlib.metadata import requires, version
from pathlib import Path

from .environments import ROOT, environment, missing

SDK = "globus-compute-sdk==4.19.0"
ENDPOINT = "globus-compute-endpoint==4.19.0"


def sdk_python() -> Path:
    """Give a Python that has the unmodified `globus-compute-sdk`; skips the test where it cannot be installed."""
    return _peer("peer-sdk", SDK)


def endpoint_python() -> Path:
    """Give a Python that has the unmodified `globus-compute-endpoint`; skips the test where it cannot be installed."""
    return _peer("peer-endpoint", ENDPOINT)


def parsl_python() -> Path:
    """Give a Python that has Parsl, `globus-compute-sdk` and this farpool; skips the test where it cannot be made.

    The SDK pins older versions of what farpool is tested with, so that the three need an environment of their own.
    """
    ours = [one for one in requires("farpool") or [] if "extra ==" not in one]
    python = _peer("peer-parsl", *ours, SDK, f"parsl=={version('parsl')}")
    site = next(python.parent.parent.glob("lib/python*/site-packages"))
    (site / "farpool-under-test.pth").write_text(f"{ROOT / 'typings'}\n")
    return python


def _peer(name: str, *requirements: str) -> Path:
    try:
        return environment(name, requirements)
    except RuntimeError as error:
        missing(f"{requirements[-1]} cannot be installed here: {error}")
        raise
