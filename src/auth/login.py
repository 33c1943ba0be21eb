"""Which authorizer a service gets: the one place where arguments, environment and stored tokens are ranked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from ..errors import AccessDenied
from ..settings import HOSTED_SERVICE_URL, Settings
from .tokens import TokenFile, checked_token
from .urls import normalised

if TYPE_CHECKING:
    from globus_sdk import GlobusApp
    from globus_sdk.authorizers import GlobusAuthorizer

T = TypeVar("T")


def authorizer_for(
    settings: Settings,
    service_url: str,
    *,
    app: GlobusApp | None = None,
    authorizer: GlobusAuthorizer | None = None,
    token: str | None = None,
) -> GlobusAuthorizer:
    """Make the authorizer for a service. May read the token file; makes no request and asks nobody anything.

    The order: an argument; FARPOOL_TOKEN, unless FARPOOL_SERVICE_URL says that it is for another service; then for a
    self-hosted service the token file, for the hosted one a Globus app.

    Args:
        settings: the environment.
        service_url: the service.
        app: a Globus app that logs in; its requirements get Globus Compute's scope added.
        authorizer: any authorizer; used as it is.
        token: a bearer token.

    Raises:
        TypeError: `app` or `authorizer` is nothing of the kind.
        ValueError: more than one of `app`, `authorizer` and `token` is given, or the token is malformed.
        AccessDenied: there is no token for a self-hosted service; says how to give one.
    """
    given = [name for name, value in (("app", app), ("authorizer", authorizer), ("token", token)) if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} were both given: choose one way to say who you are")
    if authorizer is not None:
        return _having(authorizer, "authorizer", "get_authorization_header")
    if app is not None:
        return _for_app(_having(app, "app", "get_authorizer"))
    url = normalised(service_url)
    bearer = token if token is not None else _stored_token(settings, url)
    if bearer is not None:
        return _for_token(bearer)
    if url == normalised(HOSTED_SERVICE_URL):
        return _for_hosted(settings)
    raise _no_token(settings, url)


def _having(value: T, what: str, method: str) -> T:
    if not callable(getattr(value, method, None)):
        raise TypeError(f"{what} must be one of globus-sdk's, not a {type(value).__name__}; for a token use token=")
    return value


def _stored_token(settings: Settings, url: str) -> str | None:
    if settings.token is not None and normalised(settings.service_url or url) == url:
        return settings.token
    return TokenFile(settings.home).read(url)


def _no_token(settings: Settings, url: str) -> AccessDenied:
    elsewhere = ""
    if settings.token is not None and settings.service_url is not None:
        # A token is only sent where it belongs: any service that is sent one can use it.
        elsewhere = f" (FARPOOL_TOKEN is for {normalised(settings.service_url)}, named by FARPOOL_SERVICE_URL)"
    return AccessDenied(
        f"there is no token for {url}{elsewhere}: pass token=, or set FARPOOL_TOKEN, or store it in "
        f"{TokenFile(settings.home).path}; the service keeps its owner's token in the file 'token' of its directory"
    )


def _for_token(token: str) -> GlobusAuthorizer:
    from globus_sdk.authorizers import AccessTokenAuthorizer  # noqa: PLC0415 - costs 0.1 s: see the package

    return AccessTokenAuthorizer(checked_token(token))


def _for_app(app: GlobusApp, make_app: Callable[[], GlobusApp] | None = None) -> GlobusAuthorizer:
    from .app_authorizer import AppAuthorizer  # noqa: PLC0415 - imports globus_sdk

    return AppAuthorizer(app, make_app)


def _for_hosted(settings: Settings) -> GlobusAuthorizer:
    from .apps import globus_app  # noqa: PLC0415 - imports globus_sdk

    return _for_app(globus_app(settings), partial(globus_app, settings))
