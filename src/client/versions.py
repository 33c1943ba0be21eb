"""Other versions at the worker than here: told once for each endpoint, and what cannot be read for them is refused."""

from __future__ import annotations

import logging
import platform
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import DeserializationError, VersionWarning
from ..serialize import holds_bare_bytecode
from ..wire.messages import Result
from ..wire.rest import TaskDocument

log = logging.getLogger(__name__)

_AS_SOURCE = "Functions are sent as source text where that says the same, and these run there. The others are sent as "
_AS_BYTECODE = "bytecode, which Python {} refuses with an error that says so."
_DILL_ONLY = "What is sent can be read by both; what comes back may not be."


class VersionWatch:
    """Looks at what results tell of the worker that they come from, and warns once for each endpoint."""

    def __init__(self) -> None:
        self._seen: set[str | None] = set()

    def look(self, result: Result | TaskDocument, endpoint_id: str | None) -> None:
        """Warn with a `VersionWarning` where a result was made by another minor version of Python, or another dill.

        Called in any thread. Where warnings are errors it is logged: a result must not be lost for it.
        """
        if endpoint_id in self._seen:
            return
        details = result.details or {}
        endpoint_id = endpoint_id or details.get("endpoint_id")
        if endpoint_id in self._seen or "python_version" not in details:
            return
        self._seen.add(endpoint_id)
        text = mismatch(details, endpoint_id)
        if text is None:
            return
        try:
            warnings.warn(text, VersionWarning, stacklevel=2)
        except VersionWarning:
            log.warning("%s", text)


def mismatch(details: Mapping[str, Any], endpoint_id: str | None) -> str | None:
    """Say which versions a worker has and this program has not, as a table; None where they go together."""
    import dill  # noqa: PLC0415 - it is there by now

    here = {"Python": platform.python_version(), "dill": str(dill.__version__)}
    there = {name: str(details.get(f"{name.lower()}_version") or here[name]) for name in here}
    is_other_python = _minor(there["Python"]) != _minor(here["Python"])
    if not is_other_python and here["dill"] == there["dill"]:
        return None
    rows = [("", "here", "there"), *((name, here[name], there[name]) for name in here)]
    table = "\n".join(f"    {name:<8}{one:<10}{other}".rstrip() for name, one, other in rows)
    advice = _AS_SOURCE + _AS_BYTECODE.format(_minor(there["Python"])) if is_other_python else _DILL_ONLY
    return (
        f"endpoint {endpoint_id} has other versions than this program:\n{table}\n{advice} "
        'To silence this: warnings.simplefilter("ignore", farpool.VersionWarning)'
    )


def read_result(result: Result | TaskDocument, text: str, deserialize: Callable[[str], Any]) -> Any:
    """Read the value of a result, unless it holds bytecode that this Python would crash on.

    farpool's workers write bytecode so that it refuses itself; those of others only tell their version.

    Raises:
        DeserializationError: it does, or it cannot be read.
    """
    there = str((result.details or {}).get("python_version") or "")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if there and _minor(there) != here and holds_bare_bytecode(text):
        raise DeserializationError(
            f"the result holds functions or classes of the program as bytecode of Python {_minor(there)}, which Python "
            f"{here} cannot run: return plain values, or use the same minor version on both sides"
        )
    return deserialize(text)


def _minor(version: str) -> str:
    return ".".join(version.split(maxsplit=1)[0].split(".")[:2]) if version.strip() else ""
