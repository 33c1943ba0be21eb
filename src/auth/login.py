"""Which credential a service gets: the one place where arguments, environment and stored logins are ranked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from ..errors import AccessDenied
from ..settings import HOSTED_SERVICE_URL, Settings
from ..wire.rest import LoginWay
from .tokens import TokenFile, checked_token
from .urls import is_loopback, is_of_globus, normalised

if TYPE_CHECKING:
    from globus_sdk import GlobusApp
    from globus_sdk.authorizers import GlobusAuthorizer

T = TypeVar("T")

#: Asks a service how one logs in; None where it does not say. Raises `ServiceError` where it does not answer.
Ask = Callable[[], "LoginWay | None"]


@dataclass(frozen=True, slots=True)
class Credential:
    """What says to a service who is calling.

    Attributes:
        authorizer: writes it into requests.
        source: where it comes from, in words.
        is_given: whether the program gave it, as an argument.
    """

    authorizer: GlobusAuthorizer
    source: str
    is_given: bool = False


def authorizer_for(
    settings: Settings,
    service_url: str,
    *,
    app: GlobusApp | None = None,
    authorizer: GlobusAuthorizer | None = None,
    token: str | None = None,
    ask: Ask | None = None,
) -> GlobusAuthorizer:
    """Make the authorizer for a service; see `credential_for`."""
    return credential_for(settings, service_url, app=app, authorizer=authorizer, token=token, ask=ask).authorizer


def credential_for(
    settings: Settings,
    service_url: str,
    *,
    app: GlobusApp | None = None,
    authorizer: GlobusAuthorizer | None = None,
    token: str | None = None,
    ask: Ask | None = None,
) -> Credential:
    """Find the credential for a service. May read the token file; asks no person anything, and logs in nowhere.

    The order: an argument; FARPOOL_TOKEN, unless FARPOOL_SERVICE_URL says that it is for another service; client
    credentials of the environment, where the service takes logins of Globus; the token file; a Globus login, where the
    service takes one.

    Args:
        settings: the environment.
        service_url: the service.
        app: a Globus app that logs in; its requirements get the service's scope added.
        authorizer: any authorizer; used as it is.
        token: a bearer token.
        ask: asks a self-hosted service how one logs in; only called where that matters. Left out: as if it did not say.

    Raises:
        TypeError: `app` or `authorizer` is nothing of the kind.
        ValueError: more than one of `app`, `authorizer` and `token` is given, or the token is malformed.
        AccessDenied: there is no token for a self-hosted service; says how to give one.
        ServiceError: `ask` failed.
    """
    given = [name for name, value in (("app", app), ("authorizer", authorizer), ("token", token)) if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} were both given: choose one way to say who you are")
    url = normalised(service_url)
    ask = None if ask is None else cache(ask)
    if authorizer is not None:
        kept = _having(authorizer, "authorizer", "get_authorization_header")
        return Credential(kept, "the argument authorizer=", is_given=True)
    if app is not None:
        return _given_app(_having(app, "app", "get_authorizer"), url, ask)
    if token is not None:
        return Credential(_for_token(token), "the argument token=", is_given=True)
    return _of_environment(settings, url, ask)


def _of_environment(settings: Settings, url: str, ask: Ask | None) -> Credential:
    if settings.token is not None and normalised(settings.service_url or url) == url:
        return Credential(_for_token(settings.token), "FARPOOL_TOKEN")
    hosted = url == normalised(HOSTED_SERVICE_URL)
    if settings.client_id is not None and (hosted or _takes_globus(ask)):
        return _globus(settings, url, ask)
    tokens = TokenFile(settings.home)
    stored = tokens.read(url)
    if stored is not None:
        return Credential(_for_token(stored), f"the token file {tokens.path}")
    if hosted or _takes_globus(ask):
        return _globus(settings, url, ask)
    raise _no_token(settings, url)


def _having(value: T, what: str, method: str) -> T:
    if not callable(getattr(value, method, None)):
        raise TypeError(f"{what} must be one of globus-sdk's, not a {type(value).__name__}; for a token use token=")
    return value


def _takes_globus(ask: Ask | None) -> bool:
    way = None if ask is None else ask()
    return way is not None and way.is_globus


def _no_token(settings: Settings, url: str) -> AccessDenied:
    elsewhere = ""
    if settings.token is not None and settings.service_url is not None:
        # A token is only sent where it belongs: any service that is sent one can use it.
        elsewhere = f" (FARPOOL_TOKEN is for {normalised(settings.service_url)}, named by FARPOOL_SERVICE_URL)"
    return AccessDenied(
        f"there is no token for {url}{elsewhere}: pass token=, or set FARPOOL_TOKEN, or store it in "
        f"{TokenFile(settings.home).path} with: farpool login --service-url {url}; "
        "the service keeps its owner's token in the file 'token' of its directory"
    )


def _for_token(token: str) -> GlobusAuthorizer:
    from globus_sdk.authorizers import AccessTokenAuthorizer  # noqa: PLC0415 - costs 0.1 s: see the package

    return AccessTokenAuthorizer(checked_token(token))


def _given_app(app: GlobusApp, url: str, ask: Ask | None) -> Credential:
    from .app_authorizer import HOSTED, AppAuthorizer  # noqa: PLC0415 - imports globus_sdk
    from .apps import own_scope  # noqa: PLC0415 - as above

    way = None
    if url != normalised(HOSTED_SERVICE_URL) and ask is not None:
        way = ask()
    if way is not None and not way.is_globus:
        raise AccessDenied(f"{url} gives out tokens of its own and takes no Globus login: pass token= instead of app=")
    if way is not None:
        own_scope(way, url)
    elif not is_of_globus(url) and not is_loopback(url):
        raise AccessDenied(
            f"{url} does not say how one logs in, so app= would give it a token of Globus Compute, with which it could "
            "act there as you: it is not given one. Is that address right? If it is to have such a token, give it as "
            "authorizer="
        )
    # A service of Globus, or one under development here, that does not say is one of Globus Compute's own kind.
    return Credential(AppAuthorizer(app, None, way or HOSTED), "the argument app=", is_given=True)


def _globus(settings: Settings, url: str, ask: Ask | None) -> Credential:
    from .app_authorizer import HOSTED, AppAuthorizer  # noqa: PLC0415 - imports globus_sdk
    from .apps import globus_app, token_path  # noqa: PLC0415 - as above

    way = HOSTED
    if url != normalised(HOSTED_SERVICE_URL):
        way = (ask() if ask is not None else None) or HOSTED
    make = partial(globus_app, settings, way, url)
    by_client = settings.client_id is not None
    source = "GLOBUS_COMPUTE_CLIENT_ID" if by_client else f"the Globus login kept in {token_path(settings)}"
    return Credential(AppAuthorizer(make(), make, way), source)
