"""Finding functions by words, among those that somebody may run: their own, public ones, and those of their groups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_, select

from .identities import Identity
from .schema import functions, identities


@dataclass(frozen=True, slots=True)
class FunctionQuery:
    """What to look for.

    Attributes:
        words: each must occur in the name or the description, as a part of a word too; none: everything is found.
        owner: the id or the name of whose functions are meant; None: of anybody.
        limit: that many at most.
        offset: leave out that many of the first.
    """

    words: Sequence[str] = ()
    owner: str | None = None
    limit: int = 100
    offset: int = 0


def search(connection: Connection, identity: Identity, wanted: FunctionQuery) -> list[dict[str, Any]]:
    """List the functions that somebody may run and that are looked for, newest first, without their code."""
    statement = (
        select(
            functions.c.function_id,
            functions.c.owner_id,
            identities.c.name,
            functions.c.is_public,
            functions.c.group_id,
            functions.c.created_at,
            functions.c.registration,
        )
        .join(identities, identities.c.identity_id == functions.c.owner_id, isouter=True)
        .where(functions.c.deleted_at.is_(None), _may_run(identity), *map(_occurs, wanted.words))
        .order_by(functions.c.number.desc())
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    if wanted.owner is not None:
        statement = statement.where(or_(functions.c.owner_id == wanted.owner, identities.c.name == wanted.owner))
    return [_entry(*row) for row in connection.execute(statement)]


def _may_run(identity: Identity) -> ColumnElement[bool]:
    return or_(
        functions.c.owner_id == identity.identity_id,
        functions.c.is_public,
        functions.c.group_id.in_(sorted(identity.group_ids)),
    )


def _occurs(word: str) -> ColumnElement[bool]:
    # SQLite folds the case of ASCII letters only: others are looked for in the ways in which they are mostly written.
    spellings = {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}
    columns = (functions.c.name, functions.c.description)
    return or_(*(column.icontains(spelling, autoescape=True) for column in columns for spelling in sorted(spellings)))


def _entry(  # noqa: PLR0917 - a row
    function_id: str,
    owner_id: str,
    owner_name: str | None,
    is_public: bool,
    group_id: str | None,
    created_at: float,
    registration: str,
) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(registration)
    code = facts.pop("function_code")
    return {
        **facts,
        "function_uuid": function_id,
        "owner": owner_id,
        "owner_name": owner_name,
        "public": is_public,
        "group": group_id,
        "created_at": created_at,
        "function_code_chars": len(code),
    }
