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
from globus_sdk.gare import GlobusAuthorizationParameters
from globus_sdk.scopes import ComputeScopes

from ..errors import AccessDenied
from ..wire.rest import LoginWay
from .demands import demand_of, is_seemly

if TYPE_CHECKING:  # brings cryptography with it, some 40 ms: who uses a token does without
    from globus_sdk import GlobusApp

log = logging.getLogger(__name__)

#: How one logs in at the hosted service.
HOSTED = LoginWay(str(ComputeScopes.all), ComputeScopes.resource_server)


class AppAuthorizer(GlobusAuthorizer):
    """Gets its headers from a Globus app, one thread at a time.

    Globus apps are not thread-safe: two threads that find a token expired would both log in, or both use up one refresh
    token. So this lock is held while the app asks Globus Auth; normally the app has a valid token and nothing waits.
    A thread that was refused (401, or a demand for another login) finds out in its turn whether another one has seen
    to that since it sent its request, and then does nothing.

    Args:
        app: the app; the scope of the service is added to what it asks for.
        make_app: makes such an app anew, for a forked child: what an app has open (SQLite) must not be used there. Left
            out: the child uses the app as it is.
        way: how one logs in at the service; left out: as at the hosted one.
    """

    def __init__(self, app: GlobusApp, make_app: Callable[[], GlobusApp] | None = None, way: LoginWay = HOSTED) -> None:
        self._way = way
        self._make_app = make_app
        self._inherited: list[GlobusApp] = []
        self._logins = 0
        self._sent = _Sent()
        self._take(app)

    def _take(self, app: GlobusApp) -> None:
        if self._way.scope is not None:
            app.add_scope_requirements({self._server: [self._way.scope]})
        self._app = app
        self._process = os.getpid()
        self._lock = threading.RLock()  # a login makes requests, which ask for headers

    @property
    def app(self) -> GlobusApp:
        """The app."""
        return self._app

    @property
    def _server(self) -> str:
        return self._way.resource_server or ""

    def _turn(self) -> AbstractContextManager[Any]:
        if os.getpid() != self._process:
            if self._make_app is not None:
                self._inherited.append(self._app)  # kept as it is: to close it here would concern the parent
            self._take(self._app if self._make_app is None else self._make_app())
        return self._lock

    def get_authorization_header(self) -> str | None:
        """Give the header's value. Blocks while the app refreshes a token or logs in, where it must."""
        with self._turn():
            self._sent.header = self.header_for(self._server)
            self._sent.after_logins = self._logins
            return self._sent.header

    def header_for(self, resource_server: str) -> str | None:
        """Give the header's value for another service for which the app has tokens; blocks as above.

        Raises:
            AccessDenied: a login is needed, and nobody can be asked; or somebody else logged in.
        """
        with self._turn():
            authorizer = self._authorizer(resource_server)
            try:
                return authorizer.get_authorization_header()
            except GlobusAPIError as error:
                if not _is_used_up(error, authorizer):
                    raise
            # Another program may have renewed it, and got another refresh token. This forgets what is in memory.
            self._app.add_scope_requirements({resource_server: []})
            stored = self._app.get_authorizer(resource_server)
            try:
                if _refresh_token(stored) != _refresh_token(authorizer):
                    return stored.get_authorization_header()
            except GlobusAPIError as error:
                if not _is_used_up(error, stored):
                    raise
            log.warning("the login has ended or was revoked; another one is needed")
            self.login()
            return self._app.get_authorizer(resource_server).get_authorization_header()

    def _authorizer(self, resource_server: str) -> GlobusAuthorizer:
        from globus_sdk.token_storage import TokenValidationError  # noqa: PLC0415 - brings cryptography

        from .prompt import nobody, would_wait  # noqa: PLC0415 - as above

        if would_wait(self._app):
            try:
                self._app.token_storage.get_token_data(resource_server)
            except TokenValidationError as error:
                raise nobody() from error
        return self._app.get_authorizer(resource_server)

    def handle_missing_authorization(self) -> bool:
        """React to a 401: have the token renewed; says whether asking again makes sense."""
        return self.renew(self._server, self._sent.header)

    def renew(self, resource_server: str, sent: str | None) -> bool:
        """React to a 401 of a service, which this header was sent to."""
        with self._turn():
            authorizer = self._authorizer(resource_server)
            now = getattr(authorizer, "access_token", None)
            if sent is not None and sent != f"Bearer {now}":
                return True  # another thread was refused as well, and has thrown the token away or renewed it
            return authorizer.handle_missing_authorization()

    def satisfy(self, error: GlobusAPIError) -> bool:
        """Log in as an error demands (another identity, a second factor, a consent); says whether it demanded any.

        Source: Globus Auth, "Globus Auth Requirements Errors" (GARE).
        """
        demand = demand_of(error)
        if demand is None:
            return False
        parameters = demand.authorization_parameters
        self._refuse_what_nobody_sees(list(parameters.required_scopes or ()), error)
        if parameters.session_message is None:
            parameters.session_message = demand.extra.get("reason")
        with self._turn():
            if self._sent.after_logins == self._logins:  # else another thread has logged in since
                log.info("the service demands another login: %s", parameters.session_message or demand.code)
                self.login(parameters)
        return True

    def _refuse_what_nobody_sees(self, scopes: list[str], error: GlobusAPIError) -> None:
        """Refuse to let a self-hosted service do in Globus what it likes, where no person is asked for consent.

        Raises:
            AccessDenied: it demands more than to see the groups of whoever calls, and the login is a client's.
        """
        from globus_sdk import ClientApp  # noqa: PLC0415 - brings cryptography

        if not isinstance(self._app, ClientApp) or self._way == HOSTED:
            return
        more = [scope for scope in scopes if not is_seemly(scope, self._way.scope or "")]
        if more:
            raise AccessDenied(
                f"the service demands consent to {', '.join(more)}, and is not given it: with client credentials no "
                "person would see what for. It may see the client's groups, and no more"
            ) from error

    def is_logged_in(self) -> bool:
        """Whether a login is kept that covers what is asked for; a client with credentials logs in to find out."""
        with self._turn():
            return not self._app.login_required()

    def login(self, demands: GlobusAuthorizationParameters | None = None) -> None:
        """Log in, whether that is needed or not. Blocks while a person does so.

        Raises:
            AccessDenied: nobody can be asked; or somebody else logged in than before.
        """
        from globus_sdk.token_storage.validating_token_storage import (  # noqa: PLC0415 - brings cryptography
            IdentityMismatchError,
        )

        from .prompt import nobody, would_wait  # noqa: PLC0415 - as above

        with self._turn():
            if would_wait(self._app):
                raise nobody()
            try:
                self._app.login(auth_params=demands, force=True)
            except IdentityMismatchError as error:
                raise AccessDenied(
                    f"the login was as identity {error.new_id}, and the one that is kept is of {error.stored_id}; "
                    "it is not changed. To become somebody else, log out first: farpool logout"
                ) from error
            self._logins += 1

    def logout(self) -> None:
        """Revoke and forget the app's tokens."""
        with self._turn():
            self._app.logout()
            self._app.token_storage.identity_id = None  # the next login may be somebody else's

    def close(self) -> None:
        """Let go of the app's connections and token storage."""
        self._app.close()
        self._app.token_storage.close()


class Beside(GlobusAuthorizer):
    """The same login, for another service for which the app has tokens; for one thread."""

    def __init__(self, login: AppAuthorizer, resource_server: str) -> None:
        self._login = login
        self._resource_server = resource_server
        self._sent: str | None = None

    def get_authorization_header(self) -> str | None:
        """Give the header's value."""
        self._sent = self._login.header_for(self._resource_server)
        return self._sent

    def handle_missing_authorization(self) -> bool:
        """React to a 401."""
        return self._login.renew(self._resource_server, self._sent)


class _Sent(threading.local):
    """What this thread sent last, and how many logins there had been."""

    header: str | None = None
    after_logins: int = 0


def _refresh_token(authorizer: GlobusAuthorizer) -> str | None:
    return getattr(authorizer, "refresh_token", None)


def _is_used_up(error: GlobusAPIError, authorizer: GlobusAuthorizer) -> bool:
    """Whether Globus Auth does not know the refresh token any more: revoked, expired, or used by another program."""
    return (
        _refresh_token(authorizer) is not None
        and error.http_status in {400, 401}
        and "invalid_grant" in {error.code, (error.raw_json or {}).get("error")}
    )
