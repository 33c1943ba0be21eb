"""Identification: who asks. The routes ask a source of identities, and need not know which."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from .store import Database, identities
from .store.identities import Identity


class Identification(Protocol):
    """A source of identities. Lives on the service's event loop."""

    async def identify(self, token: str) -> Identity | None:
        """Find whose bearer token that is, with the groups they are in; None when it is nobody's."""
        ...


class Sources:
    """Several sources, asked one after the other.

    Args:
        sources: the first that knows the token says whose it is.
    """

    def __init__(self, *sources: Identification) -> None:
        self._sources = sources

    async def identify(self, token: str) -> Identity | None:
        """Find whose token that is."""
        for source in self._sources:
            identity = await source.identify(token)
            if identity is not None:
                return identity
        return None


class OwnTokens:
    """The service's own users and groups, as they are in the store at that moment.

    What `farpool users`, `groups` and `tokens` change counts from the next request on.
    """

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    async def identify(self, token: str) -> Identity | None:
        """Find whose token that is; nobody's when it has expired, or its owner was removed."""
        now = self._clock()
        return await self._database.read(lambda connection: identities.by_token(connection, token, now))
