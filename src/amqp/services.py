"""pika's I/O services without its resolver thread."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from pika.adapters.utils.selector_ioloop_adapter import SelectorIOServicesAdapter


class _Lookup:
    """A look-up that is done; pika may still cancel it before it is told."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> bool:
        was_open, self.cancelled = not self.cancelled, True
        return was_open


class InlineServices(SelectorIOServicesAdapter):  # type: ignore[misc]
    """Looks host names up in the loop's own thread.

    pika starts a thread for each look-up, and from Python 3.12 on none can be started while the interpreter exits: an
    executor that finishes its tasks there could not connect any more.
    """

    def getaddrinfo(  # noqa: PLR0917 - pika's signature
        self,
        host: str,
        port: int,
        on_done: Callable[[Any], None],
        family: int = 0,
        socktype: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Look a name up at once; `on_done` is called from the loop with the addresses, or with the error."""
        lookup = _Lookup()
        try:
            answer: Any = socket.getaddrinfo(host, port, family, socktype, proto, flags)
        except OSError as error:
            answer = error

        def tell() -> None:
            if not lookup.cancelled:
                on_done(answer)

        services: Any = self
        services.add_callback_threadsafe(tell)
        return lookup
