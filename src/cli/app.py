"""The root of the command: the options that all subcommands share, and errors as one or two lines."""

from __future__ import annotations

import logging
from typing import Any, NoReturn

import click

from ..errors import FarpoolError
from .containers import containers
from .doctor import doctor
from .endpoint import endpoint
from .functions import functions
from .groups import groups
from .login import login, logout, whoami
from .output import examples
from .serve import serve
from .tasks import tasks
from .tokens import tokens
from .users import users

LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class App(click.Group):
    """A group whose commands end with a message, and no traceback, when something is wrong outside them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except (FarpoolError, OSError, ValueError) as error:
            if ctx.params.get("debug"):
                raise
            click.ClickException(str(error) or type(error).__name__).show()
            ctx.exit(getattr(error, "exit_code", 1))


@click.group(
    cls=App,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=examples(
        "farpool serve                      a service of your own",
        "farpool endpoint start laptop      an endpoint that runs its tasks here",
        "farpool doctor                     what works, and what to do about what does not",
    ),
)
@click.version_option(package_name="farpool")
@click.option("-v", "--verbose", count=True, help="Log what happens to standard error; twice: everything.")
@click.option("--debug", is_flag=True, help="Log everything, and show whole tracebacks.")
def app(verbose: int, *, debug: bool) -> None:
    """Run Python functions somewhere else: on a hosted service, on one of your own, on this machine.

    Every command has a --help of its own, with examples.
    """
    level = logging.DEBUG if debug else {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, format=LOG_FORMAT)
    if not debug:
        logging.getLogger("globus_sdk").setLevel(logging.ERROR)  # it warns of what our errors tell


for _command in (login, logout, whoami, serve, endpoint, functions, containers, tasks, users, groups, tokens, doctor):
    app.add_command(_command)


def main() -> NoReturn:
    """Run the `farpool` command with the arguments of this process, and exit."""
    app.main(prog_name="farpool")
    raise AssertionError("click exits")
