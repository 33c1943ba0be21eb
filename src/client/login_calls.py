"""Who is calling: the login of a client, and what the service takes it for."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from ..auth.identity import identity_of
from ..auth.login import Credential, credential_for
from ..auth.tokens import TokenFile
from ..errors import AccessDenied, NotFound
from ..wire.rest import LoginWay
from .bodies import any_body, json_body
from .checks import flag

if TYPE_CHECKING:  # globus-sdk is imported when a client is made, not before
    from globus_sdk import GlobusApp
    from globus_sdk.authorizers import GlobusAuthorizer

    from ..amqp import Patience
    from ..auth.app_authorizer import AppAuthorizer
    from ..settings import Settings
    from .session import Session
    from .transport import Transport


def ask_way(service_url: str, patience: Patience) -> LoginWay | None:
    """Ask a service how one logs in; None where it does not say. Blocks while `patience` lasts.

    Raises:
        ServiceError: it cannot be reached, or answered unreadably.
    """
    from globus_sdk.authorizers import NullAuthorizer  # noqa: PLC0415 - imports globus_sdk

    from .transport import Transport  # noqa: PLC0415 - as above

    transport = Transport(service_url, NullAuthorizer(), patience=patience)
    try:
        return transport.call(
            "ask how one logs in",
            lambda pair: pair.v2.get_version(service="all"),
            lambda body: LoginWay.from_json(json_body(body)),
        )
    except (AccessDenied, NotFound):
        return None
    finally:
        transport.close()


def forget_login(settings: Settings, service_url: str) -> list[str]:
    """Forget what is kept for a service: its token, and a Globus login, whose tokens are revoked.

    Returns:
        What was forgotten, in words.

    Raises:
        ServiceError: Globus Auth refused, or is not reached; the login is still kept.
    """
    from globus_sdk import GlobusError  # noqa: PLC0415 - costs 0.1 s: see the package

    from ..auth.apps import kept_login  # noqa: PLC0415 - as above
    from .translate import Call, translated  # noqa: PLC0415 - as above

    tokens = TokenFile(settings.home)
    forgotten = [f"the token in {tokens.path}"] if tokens.remove(service_url) else []
    app = kept_login(settings, service_url)
    if app is None:
        return forgotten
    whose = app.token_storage.identity_id or app.client_id
    try:
        app.logout(sweep=True)
    except GlobusError as error:
        raise translated(error, Call("log out", service_url, can_login=True)) from error
    finally:
        app.close()
        app.token_storage.close()
    return [*forgotten, f"the Globus login of {whose}, whose tokens are revoked"]


class LoginCalls:
    """Calls about the login. Part of `Client`."""

    settings: Settings
    service_url: str
    authorizer: GlobusAuthorizer
    _credential: Credential
    _session: Session
    _transport: Transport

    def _identify(
        self,
        app: GlobusApp | None,
        authorizer: GlobusAuthorizer | None,
        token: str | None,
        *,
        patience: Patience,
        force_login: bool,
    ) -> None:
        """Find out what says who is calling."""
        if force_login and (authorizer is not None or token is not None):
            what = "authorizer" if token is None else "token"
            raise ValueError(f"force_login=True was given with {what}=, which cannot log in: give app=, or neither")
        self._credential = credential_for(
            self.settings,
            self.service_url,
            app=app,
            authorizer=authorizer,
            token=token,
            ask=partial(ask_way, self.service_url, patience),
        )
        self.authorizer = self._credential.authorizer

    @property
    def identity(self) -> str | None:
        """A name for who is calling, the same in every session, which no secret can be read from; None where unknown.

        An app that has not logged in yet is unknown.
        """
        return identity_of(self.authorizer)

    @property
    def credential(self) -> str:
        """Where what says who is calling comes from, in words: an argument, a variable, a file."""
        return self._credential.source

    @property
    def is_logged_in(self) -> bool:
        """Whether there is a login to work with: with an app, one that is kept; a token is taken to be one.

        Raises:
            ServiceError: client credentials were refused, or Globus Auth is not reached.
        """
        authorizer = self._app_authorizer
        return authorizer is None or self._transport.login("log in", authorizer.is_logged_in)

    def login(self, *, force: bool = False) -> None:
        """Log in with the app, where that is needed; a token is one already. Blocks while a person does so.

        Args:
            force: log in also when it is not needed. The service then sees a token that it does not know yet, and
                looks anew at who you are and what you may do.

        Raises:
            TypeError: `force` is neither True nor False.
            ServiceError: the login was refused, nobody can be asked (`AccessDenied`, says what to set), or Globus Auth
                is not reached.
        """
        flag(force, "force")
        authorizer = self._app_authorizer
        if authorizer is not None:
            self._transport.login("log in", authorizer.login if force else authorizer.get_authorization_header)

    def logout(self) -> None:
        """Forget the login: revoke an app's tokens, or remove a self-hosted service's token from the token file.

        The results of this session are forgotten, too.

        Raises:
            ServiceError: Globus Auth refused, or is not reached.
        """
        authorizer = self._app_authorizer
        if authorizer is not None:
            self._transport.login("log out", authorizer.logout)
        else:
            TokenFile(self.settings.home).remove(self.service_url)
        self._session.forget()

    def whoami(self) -> dict[str, Any]:
        """Ask who you are: Globus, for its own logins, and a farpool service.

        Returns:
            ``service``, ``identity_id``, ``name``, ``email``, ``groups`` (each a dict of ``group_id`` and ``name``),
            and ``credential``: where what says so comes from. None for what is not known, as with a bare token of the
            hosted service.

        Raises:
            ServiceError: the login or token is not taken, or whoever must be asked is not reached.
        """
        is_hosted = self._transport.is_hosted
        facts: dict[str, Any] = dict.fromkeys(("identity_id", "name", "email", "groups"))
        authorizer = self._app_authorizer
        if authorizer is not None:
            facts |= self._transport.login("ask who you are", partial(_globus_facts, authorizer, is_hosted))
        if not is_hosted:
            told = self._transport.call("ask who you are", lambda pair: pair.v3.get("/v3/identity"), any_body)
            facts |= {name: value for name, value in cast("dict[str, Any]", told).items() if name in facts}
        return {"service": self.service_url, **facts, "credential": self.credential}

    @property
    def _app_authorizer(self) -> AppAuthorizer | None:
        from ..auth.app_authorizer import AppAuthorizer  # noqa: PLC0415 - imports globus_sdk

        return self.authorizer if isinstance(self.authorizer, AppAuthorizer) else None


def _globus_facts(authorizer: AppAuthorizer, with_groups: bool) -> dict[str, Any]:
    from ..auth.account import globus_account  # noqa: PLC0415 - brings cryptography, some 40 ms

    return globus_account(authorizer, with_groups=with_groups)
