"""`farpool serve`: a service of one's own, with its broker, in the foreground."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..settings import Settings
from .lifetime import Announcer, end_with_parent, exit_option
from .output import examples, json_option

if TYPE_CHECKING:
    from ..service import GlobusOptions, ServiceAddress

DAY_S = 24 * 3600.0


@click.command(
    epilog=examples(
        "farpool serve",
        "farpool serve --port 8080 --directory /var/lib/farpool",
        "farpool serve --auth globus",
        "farpool serve --amqp amqp://farpool:secret@broker.example.org",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=5000, show_default=True, help="The port of the web service; 0: a free one.")
@click.option("--amqp-port", default=5672, show_default=True, help="The port of the built-in broker; 0: a free one.")
@click.option(
    "--amqp", metavar="URL", help="Use this RabbitMQ in place of the built-in broker: amqp://user:password@host"
)
@click.option("--database", metavar="URL", help="Keep the state in this database.  [default: SQLite in the directory]")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where token, secret and state are kept.  [default: FARPOOL_HOME/service]",
)
@click.option(
    "--max-payload",
    metavar="MB",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Refuse larger requests.",
)
@click.option(
    "--blobs",
    metavar="URL",
    help="Keep large arguments and results here: a folder, or any URL that fsspec knows.  [default: in the directory]",
)
@click.option(
    "--max-blob",
    metavar="MB",
    type=click.IntRange(min=1),
    default=16_000,
    show_default=True,
    help="Refuse larger arguments and results.",
)
@click.option(
    "--keep-results",
    metavar="DAYS",
    type=click.FloatRange(min=0, min_open=True),
    default=14,
    show_default=True,
    help="Delete finished tasks and their results after that time, fetched or not.",
)
@click.option(
    "--keep-waiting",
    metavar="DAYS",
    type=click.FloatRange(min=0, min_open=True),
    default=14,
    show_default=True,
    help="Give up tasks that wait for an endpoint of which nothing has been heard for that time.",
)
@click.option(
    "--auth",
    type=click.Choice(["tokens", "globus"]),
    default="tokens",
    show_default=True,
    help="Who may ask: those with a token of this service, or also those who log in with Globus.",
)
@click.option(
    "--globus-lifetime",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    help="Ask Globus again about a login, and about its groups, after that time.",
)
@click.option(
    "--ephemeral", is_flag=True, help="For a service that is thrown away: wait for no disk, remember no token."
)
@json_option
@exit_option
def serve(  # noqa: PLR0913 - one for each option
    *,
    host: str,
    port: int,
    amqp_port: int,
    amqp: str | None,
    database: str | None,
    directory: Path | None,
    max_payload: int,
    blobs: str | None,
    max_blob: int,
    keep_results: float,
    keep_waiting: float,
    auth: str,
    globus_lifetime: float,
    ephemeral: bool,
    as_json: bool,
    exit_with_parent: int | None,
) -> None:
    """Run a service of your own until Ctrl-C: clients submit tasks to it, endpoints get them from it.

    It takes your token, which is made at the first start and kept in the directory, readable by you alone. Your own
    programs on this machine find it by themselves. Others have tokens of their own (farpool tokens), or log in with
    Globus (--auth globus; FARPOOL_GLOBUS_CLIENT_ID and _SECRET name this service's own client there).
    """
    end_with_parent(exit_with_parent)
    announcer = Announcer() if as_json else None
    from ..service import ServiceOptions, run

    settings = Settings.from_environment()

    def ready(address: ServiceAddress) -> None:
        if not ephemeral:
            _remember_token(settings, address)
        if announcer is not None:
            announcer.announce(_facts(address))
        else:
            click.echo(_greeting(address, takes_globus=auth == "globus"))

    run(
        ServiceOptions(
            directory=directory or settings.home / "service",
            host=host,
            port=port,
            amqp_port=amqp_port,
            amqp_url=amqp,
            database_url=database,
            durable=not ephemeral,
            max_request_bytes=max_payload * 1_000_000,
            blobs_url=blobs,
            max_blob_bytes=max_blob * 1_000_000,
            keep_finished_s=keep_results * DAY_S,
            keep_waiting_s=keep_waiting * DAY_S,
            globus=_globus(settings, globus_lifetime) if auth == "globus" else None,
            ready=ready,
        )
    )


def _globus(settings: Settings, lifetime_s: float) -> GlobusOptions:
    from ..service import GlobusOptions

    if settings.globus_client_id is None or settings.globus_client_secret is None:
        raise click.UsageError(
            "--auth globus needs this service's own client at Globus: register it there as one with a secret, and set "
            "FARPOOL_GLOBUS_CLIENT_ID and FARPOOL_GLOBUS_CLIENT_SECRET; see docs/guides/globus-identities.md"
        )
    return GlobusOptions(
        settings.globus_client_id,
        settings.globus_client_secret,
        settings.globus_scope,
        settings.globus_resource_server,
        lifetime_s,
    )


def _facts(address: ServiceAddress) -> dict[str, object]:
    return {
        "service_url": address.url,
        "amqp_port": address.amqp_port,
        "directory": str(address.directory),
        "token_file": str(address.token_file),
        "pid": os.getpid(),
    }


def _remember_token(settings: Settings, address: ServiceAddress) -> None:
    from ..auth import TokenFile

    tokens = TokenFile(settings.home)
    token = address.token_file.read_text(encoding="utf-8").strip()
    # Both spellings: the token file takes a name and an address for two services.
    for url in {address.url, address.url.replace("//127.0.0.1:", "//localhost:")}:
        tokens.write(url, token)


def _greeting(address: ServiceAddress, *, takes_globus: bool) -> str:
    return f"""\
farpool serves at {address.url} (AMQP port {address.amqp_port}); its state is in {address.directory}

Your own programs on this machine need one line, for the token is remembered:
    export FARPOOL_SERVICE_URL={address.url}
Others need a second one, with the token from {address.token_file}:
    export FARPOOL_TOKEN=...
{_note_for_globus() if takes_globus else ""}An endpoint that runs the tasks on this machine:
    farpool endpoint start NAME --service-url {address.url}
{_note_for_the_sdk(address)}
Ctrl-C ends it; tasks and results are kept."""


def _note_for_globus() -> str:
    return """\
People whom Globus knows need no token, and log in once:
    farpool login
"""


def _note_for_the_sdk(address: ServiceAddress) -> str:
    return f"""\
The unmodified globus-compute-sdk finds a service on this machine at port 5000, {_reaches_sdk(address)}:
    Client(environment="local", authorizer=globus_sdk.AccessTokenAuthorizer(TOKEN))
"""


def _reaches_sdk(address: ServiceAddress) -> str:
    if address.url.endswith(":5000"):
        return "so this one"
    return f"so not this one unless http_proxy={address.url} is set for it"
