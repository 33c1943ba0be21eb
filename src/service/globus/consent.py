"""What a person is asked for who has not let the service see their groups, in the words that clients act on.

Source: Globus Auth, "Globus Auth Requirements Errors" (GARE).
"""

from __future__ import annotations

from typing import Any

from ...wire.rest import LoginWay

#: To see the groups of whoever comes with a token.
GROUPS_SCOPE = "urn:globus:auth:scope:groups.api.globus.org:view_my_groups_and_memberships"


def consent_to_see_groups(way: LoginWay) -> dict[str, Any]:
    """Write what is added to the body of a refusal that the person's groups might have prevented."""
    asked = "this service may not see your Globus groups yet, and one of them might be what is missing"
    return {"authorization_parameters": {"session_message": asked, "required_scopes": [f"{way.scope}[{GROUPS_SCOPE}]"]}}
