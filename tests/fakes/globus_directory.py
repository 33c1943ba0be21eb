"""Who and what the fake of Globus knows: people, registered clients, scopes, groups."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from globus_sdk.scopes import AuthScopes, ComputeScopes, GroupsScopes

COMPUTE_SCOPE = str(ComputeScopes.all)
GROUPS_SCOPE = str(GroupsScopes.view_my_groups_and_memberships)

#: Which service each of Globus's own scopes opens.
SERVER_OF_SCOPE = {
    COMPUTE_SCOPE: ComputeScopes.resource_server,
    GROUPS_SCOPE: GroupsScopes.resource_server,
    str(GroupsScopes.all): GroupsScopes.resource_server,
    **{
        str(scope): AuthScopes.resource_server
        for scope in (AuthScopes.openid, AuthScopes.email, AuthScopes.profile, AuthScopes.view_identities)
    },
}


@dataclass
class Person:
    """Somebody with a Globus account, and what they do at the page where one logs in.

    Attributes:
        linked: further identities of the same person; a login is as `identity_id`, unless another one is demanded.
        refuses: scopes that they do not consent to: the whole login is denied then.
    """

    username: str
    name: str = "Somebody"
    identity_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    linked: list[Person] = field(default_factory=list["Person"])
    refuses: set[str] = field(default_factory=set[str])

    @property
    def email(self) -> str:
        return self.username

    @property
    def identities(self) -> list[Person]:
        """All identities of this person, the one that logs in first."""
        return [self, *self.linked]

    def document(self) -> dict[str, str]:
        """Write the identity as Globus Auth does."""
        return {
            "id": self.identity_id,
            "username": self.username,
            "name": self.name,
            "email": self.email,
            "organization": "Example",
            "identity_provider": "7daddf46-70c5-45ee-9f0f-7244fe7c8707",
            "identity_type": "login",
            "status": "used",
        }


@dataclass(frozen=True)
class Application:
    """A registered client. One with a secret may act as itself, introspect, and be a service with a scope.

    Attributes:
        scope: the scope of this service, which its callers ask for.
        dependent: what this service may ask for in their name, with the tokens that it is sent.
    """

    client_id: str
    secret: str | None = None
    scope: str = ""
    dependent: Sequence[str] = ()

    @property
    def resource_server(self) -> str:
        return self.client_id

    def itself(self) -> Person:
        """Give the identity that a client has of its own."""
        return Person(f"{self.client_id}@clients.auth.globus.org", "A client", self.client_id)


@dataclass
class Group:
    """A group; `members` may be changed at any time."""

    name: str
    group_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    members: list[Person] = field(default_factory=list[Person])

    def document(self, asking: Sequence[str], *, with_all: bool = False) -> dict[str, object]:
        """Write the group as it is seen by whoever has these identities."""
        memberships = [
            {
                "group_id": self.group_id,
                "identity_id": member.identity_id,
                "username": member.username,
                "role": "member",
                "status": "active",
            }
            for member in self.members
        ]
        mine = [one for one in memberships if one["identity_id"] in asking]
        return {
            "id": self.group_id,
            "name": self.name,
            "parent_id": None,
            "group_type": "regular",
            "enforce_session": False,
            "my_memberships": mine,
            "policies": {"group_visibility": "private", "group_members_visibility": "members"},
            **({"memberships": memberships} if with_all else {}),
        }
