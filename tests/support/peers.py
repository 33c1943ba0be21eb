"""The unmodified peer programs, each in a virtual environment of its own."""

from __future__ import annotations

from pathlib import Path

from .environments import environment, missing

SDK = "globus-compute-sdk==4.19.0"
ENDPOINT = "globus-compute-endpoint==4.19.0"


def sdk_python() -> Path:
    """Give a Python that has the unmodified `globus-compute-sdk`; skips the test where it cannot be installed."""
    return _peer("peer-sdk", SDK)


def endpoint_python() -> Path:
    """Give a Python that has the unmodified `globus-compute-endpoint`; skips the test where it cannot be installed."""
    return _peer("peer-endpoint", ENDPOINT)


def _peer(name: str, requirement: str) -> Path:
    try:
        return environment(name, [requirement])
    except RuntimeError as error:
        missing(f"{requirement} cannot be installed here: {error}")
        raise
