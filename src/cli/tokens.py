"""`farpool tokens`: what the users of a service of one's own ask with."""

from __future__ import annotations

import time
from pathlib import Path

import click

from .output import age, examples, json_option, print_json, print_table
from .people import people_of, place_options, read_lifetime

_label = click.option("--label", default="default", show_default=True, help="Which of the user's tokens.")


@click.group(
    epilog=examples(
        "farpool tokens add ann",
        "farpool tokens add ann --label cluster --expires-in 30d",
        "farpool tokens list",
        "farpool tokens remove ann --label cluster",
    )
)
def tokens() -> None:
    """Give the users of your service tokens. For whoever can write to its directory; it may be running meanwhile.

    The service keeps a hash of a token, which nobody can ask with.
    """


@tokens.command()
@click.argument("user")
@_label
@click.option(
    "--expires-in", "lifetime_s", metavar="TIME", callback=read_lifetime, help="Refuse it then: 90min, 12h, 30d, 8w."
)
@place_options
@json_option
def add(
    user: str,
    *,
    label: str,
    lifetime_s: float | None,
    directory: Path | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Give USER a token, and print it: this once."""
    with people_of(directory, database) as people:
        token = people.add_token(user, label, lifetime_s=lifetime_s)
    if as_json:
        print_json({"user": user, "label": label, "token": token, "lifetime_s": lifetime_s})
        return
    # The token alone goes to standard output, so that a script can take it from there.
    click.echo(f"The token {label!r} of {user}, which is shown this once and kept nowhere:", err=True)
    click.echo(token)
    click.echo("Where it is used: export FARPOOL_TOKEN=... beside FARPOOL_SERVICE_URL", err=True)


@tokens.command(name="list")
@click.argument("user", required=False)
@place_options
@json_option
def list_(user: str | None, *, directory: Path | None, database: str | None, as_json: bool) -> None:
    """List what is known of the tokens, of USER or of all."""
    with people_of(directory, database) as people:
        found = people.tokens(user)
    if as_json:
        print_json(
            [
                {"user": one.user, "label": one.label, "created_at": one.created_at, "expires_at": one.expires_at}
                for one in found
            ]
        )
        return
    rows = [
        {"user": one.user, "label": one.label, "added": age(one.created_at), "expires": _expiry(one.expires_at)}
        for one in found
    ]
    print_table(rows, "user", "label", "added", "expires", empty="There are no tokens.")


@tokens.command()
@click.argument("user")
@_label
@place_options
@json_option
def remove(user: str, *, label: str, directory: Path | None, database: str | None, as_json: bool) -> None:
    """Take a token of USER away: it is refused from now on."""
    with people_of(directory, database) as people:
        people.remove_token(user, label)
    if as_json:
        print_json({"user": user, "removed": label})
    else:
        click.echo(f"removed the token {label!r} of {user}; it is refused from now on")


def _expiry(expires_at: float | None) -> str:
    if expires_at is None:
        return "never"
    if expires_at <= time.time():
        return "expired"
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(expires_at))
