"""Reports: what each endpoint said of itself last."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from ..presence import Presence
from .database import keys
from .schema import reports

_PRESENCE = (reports.c.reported_at, reports.c.period_s, reports.c.is_leaving, reports.c.error)
_ONE = select(*_PRESENCE).where(reports.c.endpoint_id == bindparam("endpoint_id"))
_SOME = select(reports.c.endpoint_id, *_PRESENCE).where(
    reports.c.endpoint_id.in_(bindparam("endpoint_ids", expanding=True))
)
_FACTS = select(reports.c.facts).where(reports.c.endpoint_id == bindparam("endpoint_id"))


def put(connection: Connection, endpoint_id: str, presence: Presence, facts: Mapping[str, Any]) -> None:
    """Keep an endpoint's last report."""
    values = {
        "reported_at": presence.reported_at,
        "period_s": presence.period_s,
        "is_leaving": presence.is_leaving,
        "error": presence.error,
        "facts": json.dumps(dict(facts)),
    }
    changed = connection.execute(update(reports).where(reports.c.endpoint_id == endpoint_id).values(values))
    if changed.rowcount == 0:
        connection.execute(insert(reports), {**values, "endpoint_id": endpoint_id})


def presence(connection: Connection, endpoint_id: str) -> Presence:
    """Return an endpoint's presence; one that never reported has been nowhere yet."""
    row = connection.execute(_ONE, {"endpoint_id": endpoint_id}).first()
    return Presence() if row is None else Presence(*row)


def presences(connection: Connection, endpoint_ids: Sequence[str]) -> dict[str, Presence]:
    """Return the presence of those endpoints that ever reported."""
    found: dict[str, Presence] = {}
    for chunk in keys(endpoint_ids):
        for row in connection.execute(_SOME, {"endpoint_ids": chunk}):
            found[row[0]] = Presence(*row[1:])
    return found


def facts(connection: Connection, endpoint_id: str) -> dict[str, Any]:
    """Return what an endpoint last reported about itself, as it said it."""
    text = connection.execute(_FACTS, {"endpoint_id": endpoint_id}).scalar()
    return {} if text is None else dict(json.loads(text))
