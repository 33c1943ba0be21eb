"""A Globus app as an authorizer that several threads may share."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from globus_sdk import GlobusAPIError
from globus_sdk.authorizers import GlobusAuthorizer
from globus_sdk.gare import to_gare
from globus_sdk.scopes import ComputeScopes

if TYPE_CHECKING:  # brings cryptography with it, some 40 ms: who uses a token does without
    from globus_sdk import GlobusApp

log = logging.getLogger(__name__)


class AppAuthorizer(GlobusAuthorizer):
    """Gets its headers from a Globus app, one thread at a time.

    Globus apps are not thread-safe: two threads that find a token expired would both log in, or both use up one refresh
    token. So this lock is held while the app asks Globus Auth; normally the app has a valid token and nothing waits.

    Args:
        app: the app; Globus Compute's scope is added to what it asks for.
        make_app: makes such an app anew, for a forked child: what an app has open (SQLite) must not be used there. Left
            out: the child uses the app as it is.
    """

    def __init__(self, app: GlobusApp, make_app: Callable[[], GlobusApp] | None = None) -> None:
        self._resource_server = ComputeScopes.resource_server
        self._make_app = make_app
        self._inherited: list[GlobusApp] = []
        self._take(app)

    def _take(self, app: GlobusApp) -> None:
        app.add_scope_requirements({self._resource_server: [ComputeScopes.all]})
        self._app = app
        self._process = os.getpid()
        self._lock = threading.RLock()  # a login makes requests, which ask for headers

    @property
    def app(self) -> GlobusApp:
        """The app."""
        return self._app

    def _turn(self) -> AbstractContextManager[Any]:
        if os.getpid() != self._process:
            if self._make_app is not None:
                self._inherited.append(self._app)  # kept as it is: to close it here would concern the parent
            self._take(self._app if self._make_app is None else self._make_app())
        return self._lock

    def get_authorization_header(self) -> str | None:
        """Give the header's value. Blocks while the app refreshes a token or logs in, where it must."""
        with self._turn():
            return self._app.get_authorizer(self._resource_server).get_authorization_header()

    def handle_missing_authorization(self) -> bool:
        """React to a 401: have the token renewed; says whether asking again makes sense."""
        with self._turn():
            return self._app.get_authorizer(self._resource_server).handle_missing_authorization()

    def satisfy(self, error: GlobusAPIError) -> bool:
        """Log in as an error demands (another identity, a second factor, a consent); says whether it demanded any.

        Source: Globus Auth, "Globus Auth Requirements Errors" (GARE).
        """
        demand = to_gare(error)
        if demand is None:
            return False
        parameters = demand.authorization_parameters
        if parameters.session_message is None:
            parameters.session_message = demand.extra.get("reason")
        log.info("the service demands another login: %s", parameters.session_message or demand.code)
        with self._turn():
            self._app.login(auth_params=parameters)
        return True

    def logout(self) -> None:
        """Revoke and forget the app's tokens."""
        with self._turn():
            self._app.logout()

    def close(self) -> None:
        """Let go of the app's connections and token storage."""
        self._app.close()
        self._app.token_storage.close()
