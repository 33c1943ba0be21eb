"""The Groups part of the fake of Globus: which groups one is in."""

from __future__ import annotations

from globus_sdk.scopes import GroupsScopes

from fakes.globus_auth import GlobusAuth
from fakes.globus_directory import Group, Person
from fakes.globus_errors import bearer, error, forbidden, unauthorized
from support.rest_server import Reply, Request

_ENOUGH = {str(GroupsScopes.all), str(GroupsScopes.view_my_groups_and_memberships)}


class GlobusGroups:
    """Answers ``/v2/groups/my_groups`` and ``/v2/groups/{id}``."""

    def __init__(self, auth: GlobusAuth) -> None:
        self._auth = auth
        self.groups: dict[str, Group] = {}

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        wanted = request.path.removeprefix("/v2/groups/")
        self._auth.counted["my_groups" if wanted == "my_groups" else "group"] += 1
        token = self._auth.tokens.good(bearer(request))
        if token is None:
            return unauthorized()
        if token.resource_server != GroupsScopes.resource_server or not _ENOUGH.intersection(token.scopes):
            return forbidden()
        if wanted == "my_groups":
            return self._mine(token.person, request.query.get("statuses", "active").split(","))
        return self._one(token.person, wanted, request.query.get("include", ""))

    def _mine(self, person: Person, statuses: list[str]) -> Reply:
        ids = [one.identity_id for one in person.identities]
        documents = [group.document(ids) for group in list(self.groups.values())]
        return Reply(body=[one for one in documents if one["my_memberships"] and "active" in statuses])

    def _one(self, person: Person, group_id: str, include: str) -> Reply:
        group = self.groups.get(group_id)
        ids = [one.identity_id for one in person.identities]
        if group is None or not any(member.identity_id in ids for member in group.members):
            return error(404, "NOT_FOUND", f"No group found with ID '{group_id}'", "not_found")
        return Reply(body=group.document(ids, with_all="memberships" in include.split(",")))
