"""Who an authorizer speaks for, as a name that is the same in every session. Makes no request."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globus_sdk.authorizers import GlobusAuthorizer


def identity_of(authorizer: GlobusAuthorizer) -> str | None:
    """Name whoever an authorizer speaks for.

    Returns:
        ``"globus <identity id>"`` for the login of an app, ``"client <client id>"`` for client credentials,
        ``"token <hash>"`` for a bearer or refresh token; None for an app that has not logged in yet, and for an
        authorizer of another kind. No secret can be read from it.
    """
    from globus_sdk import ClientApp  # noqa: PLC0415 - costs 0.1 s: see the package
    from globus_sdk.authorizers import (  # noqa: PLC0415 - as above
        AccessTokenAuthorizer,
        ClientCredentialsAuthorizer,
        RefreshTokenAuthorizer,
    )

    from .app_authorizer import AppAuthorizer  # noqa: PLC0415 - imports globus_sdk

    if isinstance(authorizer, AppAuthorizer):
        app = authorizer.app
        if isinstance(app, ClientApp):
            return f"client {app.client_id}"
        identity_id = app.token_storage.identity_id
        return None if identity_id is None else f"globus {identity_id}"
    if isinstance(authorizer, ClientCredentialsAuthorizer):
        return f"client {authorizer.confidential_client.client_id}"
    if isinstance(authorizer, RefreshTokenAuthorizer):
        return _hashed(authorizer.refresh_token)
    if isinstance(authorizer, AccessTokenAuthorizer):
        return _hashed(authorizer.access_token)
    return None


def _hashed(token: str) -> str:
    return f"token {sha256(token.encode()).hexdigest()}"
