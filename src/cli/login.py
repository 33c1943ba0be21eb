"""`farpool login`, `logout` and `whoami`: who you are to a service, kept for the programs that follow."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from ..errors import AccessDenied
from ..settings import HOSTED_SERVICE_URL, Settings
from .connection import FIRST_S, service_option
from .output import examples, json_option, print_facts, print_json

if TYPE_CHECKING:
    from ..client import Client, Patience


@click.command(
    epilog=examples(
        "farpool login                                              the hosted service, through Globus",
        "farpool login --service-url http://cluster.example:5000    a service of your own: asks for its token",
        "farpool login --token-stdin < token                        the same, without a question",
    )
)
@service_option
@click.option("--token-stdin", is_flag=True, help="Read the token of a service of your own from standard input.")
@click.option("--force", is_flag=True, help="Log in also when you are logged in.")
def login(*, service_url: str | None, token_stdin: bool, force: bool) -> None:
    """Log in to a service, once for all programs of this user on this machine.

    At the hosted service, and at those whose users come from Globus, an address is shown where you log in, and the code
    asked for that it gives. At a service that gives out tokens, your token is asked for, tried, and stored.
    """
    from ..client import ask_way

    settings = Settings.from_environment()
    url = _url(settings, service_url)
    is_hosted = url == HOSTED_SERVICE_URL
    if is_hosted and token_stdin:
        raise click.UsageError("the hosted service gives out no tokens: log in with farpool login alone")
    way = None if is_hosted or token_stdin else ask_way(url, _patience())
    through_globus = is_hosted or (way is not None and way.is_globus)
    if not force and not token_stdin and _tell_if_known(url, settings):
        return
    if through_globus:
        _login_at_globus(url, settings)
    else:
        _store_token(url, settings, token_stdin=token_stdin)


@click.command(epilog=examples("farpool logout", "farpool logout --service-url http://cluster.example:5000"))
@service_option
def logout(*, service_url: str | None) -> None:
    """Forget your login at a service: its token is removed from this machine, Globus's tokens are revoked."""
    from ..client import forget_login

    settings = Settings.from_environment()
    url = _url(settings, service_url)
    forgotten = forget_login(settings, url)
    for one in forgotten:
        click.echo(f"forgotten: {one}")
    if not forgotten:
        click.echo(f"no login is kept for {url}")
    for name, value in (("FARPOOL_TOKEN", settings.token), ("GLOBUS_COMPUTE_CLIENT_SECRET", settings.client_secret)):
        if value is not None:
            click.echo(f"note: {name} is set, and programs go on using it", err=True)


@click.command(epilog=examples("farpool whoami", "farpool whoami --json"))
@service_option
@json_option
def whoami(*, service_url: str | None, as_json: bool) -> None:
    """Say who you are to a service, and where what says so comes from.

    Where no login is kept, nobody is asked to log in: the exit code is 1.
    """
    settings = Settings.from_environment()
    with _client(_url(settings, service_url), settings) as client:
        if not client.is_logged_in:
            raise AccessDenied(f"you are not logged in to {client.service_url}: {_advice(client)}")
        facts = client.whoami()
    if as_json:
        print_json(facts)
        return
    groups = facts.pop("groups")
    names = None if groups is None else ", ".join(one["name"] or one["group_id"] for one in groups) or "none"
    shown = {**facts, "groups": names, "credential": facts.pop("credential")}
    print_facts({name: value for name, value in shown.items() if value is not None})


def _tell_if_known(url: str, settings: Settings) -> bool:
    """Say who is logged in already; False where nobody is, or what is kept is not taken any more."""
    try:
        with _client(url, settings) as client:
            if not client.is_logged_in:
                return False
            click.echo(f"you are logged in to {url} {_as_whom(client.whoami())}; --force logs in anew")
    except AccessDenied:
        return False
    return True


def _login_at_globus(url: str, settings: Settings) -> None:
    from ..auth import TokenFile

    tokens = TokenFile(settings.home)
    kept = tokens.read(url)
    tokens.remove(url)  # it would win over the login
    try:
        whom = _logged_in(url, settings)
    except BaseException:
        if kept is not None:  # a login that fails must not cost what one had
            tokens.write(url, kept)
        raise
    if kept is not None:
        click.echo(f"note: the token that was kept for {url} is removed: it would win over the login", err=True)
    click.echo(f"logged in to {url} {whom}")


def _logged_in(url: str, settings: Settings) -> str:
    with _client(url, settings, force_login=True) as client:
        if client.credential == "FARPOOL_TOKEN":
            raise AccessDenied("FARPOOL_TOKEN is set, and wins over a login: unset it, and log in again")
        return f"{_as_whom(client.whoami())}, by {client.credential}"


def _store_token(url: str, settings: Settings, *, token_stdin: bool) -> None:
    from ..auth import TokenFile

    tokens = TokenFile(settings.home)
    with _client(url, settings, token=_read_token(url, token_stdin=token_stdin)) as client:
        facts = client.whoami()
        header = client.authorizer.get_authorization_header() or ""
    tokens.write(url, header.removeprefix("Bearer "))
    click.echo(f"logged in to {url} {_as_whom(facts)}, by the token file {tokens.path}")
    if settings.token is not None:
        click.echo("note: FARPOOL_TOKEN is set, and wins over what is kept", err=True)


def _read_token(url: str, *, token_stdin: bool) -> str:
    if token_stdin:
        return sys.stdin.readline()
    if not sys.stdin.isatty():
        raise AccessDenied(
            f"there is no terminal to ask for the token of {url} at: give it with --token-stdin, or set FARPOOL_TOKEN"
        )
    token: str = click.prompt(f"Token of {url}", hide_input=True)
    return token


def _as_whom(facts: dict[str, Any]) -> str:
    name = facts["email"] or facts["name"]
    return f"as {name} ({facts['identity_id']})" if facts["identity_id"] else f"with {facts['credential']}"


def _advice(client: Client) -> str:
    return "run: farpool login" + ("" if client.is_hosted else f" --service-url {client.service_url}")


def _url(settings: Settings, service_url: str | None) -> str:
    from ..auth import normalised

    return normalised((settings.service_url or HOSTED_SERVICE_URL) if service_url is None else service_url)


def _client(url: str, settings: Settings, *, token: str | None = None, force_login: bool = False) -> Client:
    from ..client import Client

    return Client(
        service_url=url,
        settings=settings,
        token=token,
        force_login=force_login,
        patience=_patience(),
        do_version_check=False,
    )


def _patience() -> Patience:
    from ..client import Patience

    return Patience(first_s=FIRST_S)
