"""What a task raised: put together again from what its endpoint sent, with the remote traceback at its end.

    details["farpool_exception"]   a document     a farpool endpoint      serialize.exceptions.rebuild
    the text of a traceback        told, retold   any other               told.read_traceback, retold.retell

Where neither gives an exception, the text remains.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DeserializationError, RemoteTraceback
from ..serialize.exceptions import Trace, rebuild
from ..wire.messages import EXCEPTION
from .from_task import as_raised, chain, say, tell
from .retold import retell
from .sources import summaries, with_sources
from .told import read_traceback

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Raised:
    """What became of an exception on its way.

    Attributes:
        error: the exception, ready to be raised; None where it could not be rebuilt.
        text: the remote traceback, with the source lines that are known here.
        reason: why there is no exception, where that is known.
    """

    error: BaseException | None
    text: str
    reason: str = ""


def raised(text: str, details: Mapping[str, Any] | None, *, where: str, **facts: str | None) -> Raised:
    """Put together what a task raised; never raises, whatever was sent.

    Args:
        text: the remote traceback.
        details: what came with it.
        where: which task that was, and on which endpoint, for people.
        facts: the same for programs; attributes of the exception.
    """
    try:
        return _raised(text, (details or {}).get(EXCEPTION), where, facts)
    except Exception:  # a fault in here must not cost the caller its other results
        log.exception("the exception of a task cannot be put together")
        return Raised(None, text)


def _raised(text: str, document: object, where: str, facts: Mapping[str, str | None]) -> Raised:
    if document is None:
        text = with_sources(text, None)
        told = read_traceback(text)
        error = None if told is None else retell(told)
        return _finished(error, text, (), where, facts)
    try:
        rebuilt = rebuild(document, as_raised)
    except DeserializationError as problem:
        return Raised(None, with_sources(text, None), str(problem))
    text = with_sources(text, [*rebuilt.traces, *rebuilt.others])
    if rebuilt.left_out:
        text = f"{text.rstrip()}\n(left out of the exception, because it cannot be sent: {', '.join(rebuilt.left_out)})"
        say(rebuilt.error, rebuilt.text)
    return _finished(rebuilt.error, text, rebuilt.traces, where, facts)


def _finished(
    error: BaseException | None, text: str, traces: Sequence[Trace], where: str, facts: Mapping[str, str | None]
) -> Raised:
    if error is not None:
        tell(error, **facts)
        chain(error, RemoteTraceback(f'{where}\n"""\n{text.rstrip()}\n"""', frames=tuple(summaries(traces))))
    return Raised(error, text)
