"""Globus apps: a client's credentials from the environment, or a person's login, with tokens kept under the home."""

from __future__ import annotations

import platform
import sqlite3
from pathlib import Path

from globus_sdk import ClientApp, GlobusApp, GlobusAppConfig, UserApp
from globus_sdk.config import get_environment_name
from globus_sdk.scopes import (
    AuthScopes,
    ComputeScopes,
    FlowsScopes,
    GCSCollectionScopes,
    GCSEndpointScopes,
    GroupsScopes,
    NexusScopes,
    Scope,
    SearchScopes,
    SpecificFlowScopes,
    TimersScopes,
    TransferScopes,
)
from globus_sdk.token_storage import SQLiteTokenStorage, TokenStorage

from ..errors import AccessDenied
from ..settings import HOSTED_SERVICE_URL, Settings
from ..wire.rest import LoginWay
from .app_authorizer import HOSTED
from .private import refuse_open_file, turn_at
from .prompt import TerminalLogin
from .urls import normalised

#: The public native client under which people log in to Globus Compute from a program of their own.
NATIVE_CLIENT_ID = "4cf29807-cf21-49ec-9443-ff9a3fb9f81c"

#: Globus's own services: a token for one of them is never given to anybody who asks for it.
_GLOBUS_SERVICES = (
    AuthScopes,
    ComputeScopes,
    FlowsScopes,
    GroupsScopes,
    NexusScopes,
    SearchScopes,
    TimersScopes,
    TransferScopes,
)

#: Those of which there are many: collections and the servers they are on, flows.
_GLOBUS_KINDS = (GCSCollectionScopes, GCSEndpointScopes, SpecificFlowScopes)


def globus_app(settings: Settings, way: LoginWay = HOSTED, service_url: str = HOSTED_SERVICE_URL) -> GlobusApp:
    """Make the app for a service: a `ClientApp` where the environment has credentials, else a `UserApp`.

    Makes no request: the login happens when a token is first needed.

    Args:
        settings: the environment.
        way: what the service wants to see.
        service_url: the service: a login is kept for each by itself.

    Raises:
        AccessDenied: others can read the token storage, or it cannot be opened; or the service asks for a token of
            one of Globus's own services.
    """
    scopes = _scopes(way, service_url)
    name = platform.node() or "farpool"
    storage = _storage(token_path(settings), _namespace(settings, service_url))
    if settings.client_id is not None and settings.client_secret is not None:
        return ClientApp(
            name,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            scope_requirements=scopes,
            config=GlobusAppConfig(token_storage=storage),
        )
    config = GlobusAppConfig(
        token_storage=storage,
        request_refresh_tokens=True,
        login_flow_manager=TerminalLogin,
    )
    return UserApp(name, client_id=NATIVE_CLIENT_ID, scope_requirements=scopes, config=config)


def token_path(settings: Settings) -> Path:
    """Say where tokens of Globus are kept."""
    return settings.home / "globus_tokens.db"


def kept_login(settings: Settings, service_url: str) -> GlobusApp | None:
    """Make the app of a login that is kept for a service, to end it; None where there is none. Makes no request."""
    if not token_path(settings).exists():
        return None
    app = globus_app(settings, LoginWay(), service_url)
    inner = app.token_storage.token_storage
    if inner.get_token_data_by_resource_server():
        return app
    app.close()
    inner.close()
    return None


def _namespace(settings: Settings, service_url: str) -> str:
    kind = "user" if settings.client_id is None else "client"
    parts = [kind, get_environment_name(), *([settings.client_id] if settings.client_id else [])]
    if not _is_hosted(service_url):
        parts.append(normalised(service_url))
    return "/".join(parts)


def _is_hosted(service_url: str) -> bool:
    return normalised(service_url) == normalised(HOSTED_SERVICE_URL)


def _scopes(way: LoginWay, service_url: str) -> dict[str, list[str | Scope]]:
    identity: dict[str, list[str | Scope]] = {AuthScopes.resource_server: [AuthScopes.openid, AuthScopes.email]}
    if _is_hosted(service_url):
        # To register a function for a group, the service must see which groups one is in.
        identity[GroupsScopes.resource_server] = [GroupsScopes.view_my_groups_and_memberships]
        return {ComputeScopes.resource_server: [ComputeScopes.all], **identity}
    if way.scope is None or way.resource_server is None:
        return identity
    return {way.resource_server: [own_scope(way, service_url)], **identity}


def own_scope(way: LoginWay, service_url: str) -> str:
    """Return the scope that a self-hosted service asks for.

    Raises:
        AccessDenied: it is one of Globus's own services: whoever gets such a token can act there as its owner.
    """
    theirs = {str(scope) for one in _GLOBUS_SERVICES for scope in one}
    theirs |= {str(scope) for kind in _GLOBUS_KINDS for scope in kind(way.resource_server or "")}
    if way.resource_server in {one.resource_server for one in _GLOBUS_SERVICES} or way.scope in theirs:
        raise AccessDenied(
            f"{service_url} asks for a token of {way.resource_server} ({way.scope}), which is not its own: "
            "it is not given one. Is that address right?"
        )
    return way.scope or ""


def _storage(path: Path, namespace: str) -> TokenStorage:
    """Open the storage: SQLite, so that two programs may renew tokens at the same time."""
    # In turn: a program that finds the file of another which is just making it would find no tables in it.
    with turn_at(path):
        if path.exists():
            refuse_open_file(path, path.stat())
        storage: TokenStorage | None = None
        try:
            # AppAuthorizer lets one thread in at a time, whichever it is.
            storage = SQLiteTokenStorage(path, namespace=namespace, connect_params={"check_same_thread": False})
            storage.get_token_data_by_resource_server()
        except (sqlite3.Error, ValueError, KeyError) as error:
            if storage is not None:
                storage.close()
            raise AccessDenied(
                f"the login storage {path} cannot be read ({error}): remove it and log in again"
            ) from error
    return storage
