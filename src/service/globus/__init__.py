"""People whom Globus knows: the service's second source of identities.

    GlobusPeople        on the event loop: whose token that is, remembered for a while
    Answers             what was answered, by the hash of the token; bounded
    GlobusDesk          in threads: asks Globus Auth and Groups, through globus-sdk
    GlobusOptions       the service's own client at Globus, and for how long an answer holds

globus-sdk is imported by `open_people`: a service with tokens of its own alone does without.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..store import Database
from .consent import consent_to_see_groups
from .options import GlobusOptions
from .people import GlobusPeople

__all__ = ["GlobusOptions", "GlobusPeople", "consent_to_see_groups", "open_people"]


def open_people(database: Database, options: GlobusOptions, *, clock: Callable[[], float] = time.time) -> GlobusPeople:
    """Make the source of identities that asks Globus. Makes no request yet."""
    from .desk import GlobusDesk  # noqa: PLC0415 - imports globus_sdk

    desk = GlobusDesk(options)
    return GlobusPeople(database, desk.ask, close=desk.close, lifetime_s=options.lifetime_s, clock=clock)
