"""Globus apps: a client's credentials from the environment, or a person's login, with tokens kept under the home."""

from __future__ import annotations

import platform
import sqlite3
from pathlib import Path

from globus_sdk import ClientApp, GlobusApp, GlobusAppConfig, UserApp
from globus_sdk.config import get_environment_name
from globus_sdk.scopes import AuthScopes, ComputeScopes, GroupsScopes, Scope
from globus_sdk.token_storage import SQLiteTokenStorage, TokenStorage

from ..errors import AccessDenied
from ..settings import Settings
from .private import refuse_open_file, turn_at
from .prompt import TerminalLogin

#: The public native client under which people log in to Globus Compute from a program of their own.
NATIVE_CLIENT_ID = "4cf29807-cf21-49ec-9443-ff9a3fb9f81c"


def globus_app(settings: Settings) -> GlobusApp:
    """Make the app for the hosted service: a `ClientApp` where the environment has credentials, else a `UserApp`.

    Makes no request: the login happens when a token is first needed.

    Raises:
        AccessDenied: others can read the token storage, or it cannot be opened.
    """
    name = platform.node() or "farpool"
    path = settings.home / "globus_tokens.db"
    environment = get_environment_name()
    if settings.client_id is not None and settings.client_secret is not None:
        return ClientApp(
            name,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            scope_requirements={ComputeScopes.resource_server: [ComputeScopes.all]},
            config=GlobusAppConfig(token_storage=_storage(path, f"client/{environment}/{settings.client_id}")),
        )
    config = GlobusAppConfig(
        token_storage=_storage(path, f"user/{environment}"),
        request_refresh_tokens=True,
        login_flow_manager=TerminalLogin,
    )
    return UserApp(name, client_id=NATIVE_CLIENT_ID, scope_requirements=_user_scopes(), config=config)


def _user_scopes() -> dict[str, list[str | Scope]]:
    return {
        ComputeScopes.resource_server: [ComputeScopes.all],
        AuthScopes.resource_server: [AuthScopes.openid, AuthScopes.email],
        # To register a function for a group, the service must see which groups one is in.
        GroupsScopes.resource_server: [GroupsScopes.view_my_groups_and_memberships],
    }


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
