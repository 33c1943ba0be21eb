"""What a task printed, in its result message: the worker leaves room for it, the agent fills it in. Pure.

The agent does not read result messages, which may be large. Written as they are (see `wire.envelope`), what says that
nothing was printed is one piece of the message, which stands nowhere else in it: within texts, quotes are escaped.
"""

from __future__ import annotations

from ..wire.jsontext import dumps
from ..wire.messages import PRINTED


def nothing() -> dict[str, list[str]]:
    """Give the detail that says that nothing was printed."""
    return told("", "")


def told(stdout: str, stderr: str) -> dict[str, list[str]]:
    """Give the detail that says what was printed."""
    return {PRINTED: [stdout, stderr]}


def filled_in(body: bytes, stdout: str, stderr: str) -> bytes:
    """Write into a result message what was printed, if its worker left room for it.

    >>> filled_in(b'{"details":{"farpool_printed":["",""]}}', "said", "")
    b'{"details":{"farpool_printed":["said",""]}}'
    """
    return body.replace(_NOTHING, _inner(told(stdout, stderr)), 1)


def _inner(detail: dict[str, list[str]]) -> bytes:
    return dumps(detail)[1:-1]


_NOTHING = _inner(nothing())
