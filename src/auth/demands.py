"""What a service demands of a login before it agrees: "Globus Auth Requirements Errors" (GARE) in bodies of errors."""

from __future__ import annotations

from globus_sdk import GlobusAPIError
from globus_sdk.gare import GARE, to_gare
from globus_sdk.scopes import AuthScopes, GroupsScopes, Scope, ScopeParseError

from ..wire.checks import is_object


def demand_of(error: GlobusAPIError) -> GARE | None:
    """Read what an error demands of a login; None when it demands nothing."""
    return to_gare(error) if is_object(error.raw_json) else None


def is_seemly(scope: str, own: str) -> bool:
    """Whether a service may demand that without being trusted with more: its own scope, who one is, and one's groups.

    Args:
        scope: what it demands, with what depends on it in brackets.
        own: its own scope.
    """
    try:
        parsed = Scope.parse(scope)
    except ScopeParseError:
        return False
    if parsed.scope_string in {str(AuthScopes.openid), str(AuthScopes.email), str(AuthScopes.profile)}:
        return not parsed.dependencies
    groups = str(GroupsScopes.view_my_groups_and_memberships)
    return parsed.scope_string == own and all(
        one.scope_string == groups and not one.dependencies for one in parsed.dependencies
    )


def in_words(demand: GARE) -> str:
    """Say what login is demanded: ``"a login as one of the identities ... and with a second factor"``."""
    asked = demand.authorization_parameters
    wishes = {
        "as one of the identities": asked.session_required_identities,
        "with an identity of": asked.session_required_single_domain,
        "under the policies": asked.session_required_policies,
        "with consent to": asked.required_scopes,
    }
    words = [f"{wish} {', '.join(values)}" for wish, values in wishes.items() if values]
    if asked.session_required_mfa:
        words.append("with a second factor")
    return " ".join(["a login", " and ".join(words)]).strip()
