"""People whom Globus knows, among the service's identities: their ids are Globus's, and they have no tokens here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, insert, select, update

from ...wire import new_id
from .identities import RESULT_QUEUES, Identity
from .schema import group_members, identities


@dataclass(frozen=True, slots=True)
class Person:
    """What Globus says of the bearer of a token.

    Attributes:
        identity_id: the identity that logged in.
        username: its name, such as ``"ada@example.org"``.
        linked_ids: all identities of the same person.
        group_ids: the groups of which the person is an active member.
        expires_at: when the token ends, in unix time.
        group_names: the names of these groups, by id.
        hides_groups: whether the person has not consented that their groups are seen.
    """

    identity_id: str
    username: str
    linked_ids: frozenset[str]
    group_ids: frozenset[str]
    expires_at: float
    group_names: Mapping[str, str] = field(default_factory=dict[str, str])
    hides_groups: bool = False

    @property
    def ids(self) -> Sequence[str]:
        """All identities, the one that logged in among them."""
        return sorted(self.linked_ids | {self.identity_id})


# All identities of a person at once, with the service's own groups that they are in.
_KNOWN = (
    select(
        identities.c.identity_id,
        identities.c.name,
        identities.c.queue_prefix,
        identities.c.removed_at,
        group_members.c.group_id,
    )
    .join(group_members, group_members.c.identity_id == identities.c.identity_id, isouter=True)
    .where(identities.c.identity_id.in_(bindparam("ids", expanding=True)))
)
_OF_NAME = select(identities.c.identity_id).where(identities.c.name == bindparam("name"))
_NAME = select(identities.c.name).where(identities.c.identity_id == bindparam("identity_id"))


def keep(connection: Connection, person: Person, now: float) -> None:
    """See that somebody has an identity here, under the name that they have now."""
    known = connection.execute(_NAME, {"identity_id": person.identity_id}).scalar()
    name = _free_name(connection, person)
    if known is None:
        connection.execute(
            insert(identities),
            {
                "identity_id": person.identity_id,
                "name": name,
                "queue_prefix": f"{RESULT_QUEUES}{new_id()}.",
                "created_at": now,
            },
        )
    elif known != name:
        connection.execute(update(identities).where(identities.c.identity_id == person.identity_id).values(name=name))


def find(connection: Connection, person: Person) -> Identity | None:
    """Find the identity of somebody who was kept; None when it, or another one of the same person, was removed."""
    rows = connection.execute(_KNOWN, {"ids": person.ids}).all()
    own = [row for row in rows if row[0] == person.identity_id]
    if not own or any(row[3] is not None for row in rows):
        return None
    groups = person.group_ids.union(row[4] for row in rows if row[4] is not None)
    # Whoever can read the service's directory is its administrator: nobody is by what Globus says.
    return Identity(*own[0][:3], group_ids=groups, may_know_all=False, hides_groups=person.hides_groups)


def _free_name(connection: Connection, person: Person) -> str:
    """Choose the name: names here are one person's each, and one that somebody else has is not taken from them."""
    owner = connection.execute(_OF_NAME, {"name": person.username}).scalar()
    if owner in {None, person.identity_id}:
        return person.username
    return f"{person.username} ({person.identity_id})"
