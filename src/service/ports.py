"""Ports: the one that was asked for, that of the last start, or a free one that stays free while a service restarts."""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator

from ..errors import FarpoolError

#: Where a port is chosen that may be any. Below what systems hand out to outgoing connections (Linux begins at 32768,
#: others higher): while the service restarts, one of those could get its port, even a client that tries to reconnect.
CHOICE = range(20_000, 32_000)
#: How many of them are tried before the system is left to choose.
ATTEMPTS = 100


def listen(host: str, port: int, remembered: int) -> socket.socket:
    """Bind a listening socket.

    Args:
        host: the address to listen on.
        port: the port, or 0 for any.
        remembered: the port to prefer where any will do, or 0 for none.

    Raises:
        FarpoolError: the address or the port cannot be had.
    """
    for candidate in _candidates(remembered) if port == 0 else ():
        with contextlib.suppress(OSError):
            return _bind(host, candidate)
    try:
        return _bind(host, port)
    except OSError as error:
        raise FarpoolError(
            f"cannot listen on {host}:{port} ({error.strerror or error}): choose another port, 0 for a free one, "
            "or stop what is there"
        ) from error


def free_port(host: str, remembered: int) -> int:
    """Choose a port that one could listen on now; 0, for any, where none is found.

    Args:
        host: the address to listen on.
        remembered: the port to prefer, or 0 for none.
    """
    for candidate in _candidates(remembered):
        with contextlib.suppress(OSError):
            _bind(host, candidate).close()
            return candidate
    return 0


def _candidates(remembered: int) -> Iterator[int]:
    if remembered:
        yield remembered
    yield from random.sample(CHOICE, ATTEMPTS)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    # The protocol is named: asyncio sets TCP_NODELAY only on such sockets, and without it every answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
