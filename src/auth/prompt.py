"""The login of a person at a terminal or notebook; nobody is asked anything where nobody can answer."""

from __future__ import annotations

import sys
from typing import Any

from globus_sdk import GlobusApp, OAuthTokenResponse, UserApp
from globus_sdk.gare import GlobusAuthorizationParameters
from globus_sdk.login_flows import CommandLineLoginFlowManager

from ..errors import AccessDenied

_NOBODY = (
    "a login to Globus is needed, and there is no terminal to ask at: set GLOBUS_COMPUTE_CLIENT_ID and "
    "GLOBUS_COMPUTE_CLIENT_SECRET (client credentials), or log in once from a terminal on this machine "
    "(farpool login), or set FARPOOL_SERVICE_URL and FARPOOL_TOKEN to use a self-hosted service"
)


class TerminalLogin(CommandLineLoginFlowManager):
    """Shows the login address and asks for the code, where there is somebody to ask."""

    def run_login_flow(self, auth_parameters: GlobusAuthorizationParameters) -> OAuthTokenResponse:
        """Ask for a login. Blocks until the code is entered.

        Raises:
            AccessDenied: nobody can be asked, or the input ended; says what to set.
        """
        if not can_ask():
            raise nobody()
        try:
            return super().run_login_flow(auth_parameters)
        except EOFError as error:
            raise nobody() from error


def would_wait(app: GlobusApp) -> bool:
    """Whether a login of this app would wait for an answer at a terminal, where there is none.

    The apps that farpool makes see to that themselves. Those of others ask as globus-sdk does, for a line of whatever
    standard input is.
    """
    manager = app.config.login_flow_manager
    is_at_terminal = manager is None or manager == "command-line" or manager is CommandLineLoginFlowManager
    is_at_terminal = is_at_terminal or type(manager) is CommandLineLoginFlowManager
    return isinstance(app, UserApp) and is_at_terminal and not can_ask()


def nobody() -> AccessDenied:
    """Make the error that says that nobody can be asked, and what to set."""
    return AccessDenied(_NOBODY)


def can_ask() -> bool:
    """Whether `input` reaches a person: stdin is a terminal, or this is a notebook that can ask."""
    if sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty():
        return True
    # Not imported: where IPython is not running, it is not needed to know that.
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    # ipykernel notes with every cell whether its front end takes input; one that is run by a program does not.
    return bool(getattr(getattr(shell, "kernel", None), "_allow_stdin", False))
