"""What Globus says of whoever an app is logged in as."""

from __future__ import annotations

from typing import Any

from globus_sdk import AuthClient, GroupsClient
from globus_sdk.scopes import AuthScopes, GroupsScopes

from .app_authorizer import AppAuthorizer, Beside


def globus_account(authorizer: AppAuthorizer, *, with_groups: bool) -> dict[str, Any]:
    """Ask Globus Auth who that is, and Globus Groups for the groups. Logs in where that is needed.

    Returns:
        ``identity_id``, ``name`` (None: it was not asked for at the login), ``email`` and, `with_groups`, ``groups``.

    Raises:
        GlobusError: Globus refused, or cannot be reached.
    """
    with AuthClient(authorizer=Beside(authorizer, AuthScopes.resource_server)) as auth:
        user = auth.userinfo()
    facts: dict[str, Any] = {
        "identity_id": user["sub"],
        "name": user.get("preferred_username") or user.get("name"),
        "email": user.get("email"),
    }
    if with_groups:
        with GroupsClient(authorizer=Beside(authorizer, GroupsScopes.resource_server)) as groups:
            facts["groups"] = [{"group_id": one["id"], "name": one["name"]} for one in groups.get_my_groups()]
    return facts
