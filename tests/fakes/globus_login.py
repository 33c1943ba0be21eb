"""Apps of people who log in by themselves: the flow of a terminal, with somebody who is quick."""

from __future__ import annotations

from collections.abc import Callable

from globus_sdk import AuthLoginClient, GlobusAppConfig, UserApp
from globus_sdk.login_flows import CommandLineLoginFlowManager
from globus_sdk.token_storage import MemoryTokenStorage, TokenStorage

from fakes.globus import Globus
from fakes.globus_directory import Person
from farpool.auth.apps import NATIVE_CLIENT_ID


class QuickLogin(CommandLineLoginFlowManager):
    """Somebody visits the address that is shown, and enters the code."""

    visit: Callable[[str], str]

    def print_authorize_url(self, authorize_url: str) -> None:
        self._address = authorize_url

    def prompt_for_code(self) -> str:
        return self.visit(self._address)


class _Provider:
    def __init__(self, globus: Globus, person: Callable[[], Person]) -> None:
        self._globus = globus
        self._person = person

    def for_globus_app(self, app_name: str, login_client: AuthLoginClient, config: GlobusAppConfig) -> QuickLogin:
        manager = QuickLogin(login_client, request_refresh_tokens=config.request_refresh_tokens)
        manager.visit = lambda address: self._globus.visit(address, self._person())
        return manager


def user_app(
    globus: Globus,
    person: Person | Callable[[], Person],
    *,
    storage: TokenStorage | None = None,
    refresh: bool = True,
) -> UserApp:
    """Make an app that this person logs in to whenever it asks.

    Args:
        globus: where.
        person: who; or who it is at that moment.
        storage: where tokens are kept; left out: in memory.
        refresh: whether it asks for refresh tokens.
    """
    config = GlobusAppConfig(
        token_storage=storage or MemoryTokenStorage(),
        request_refresh_tokens=refresh,
        # globus-sdk asks for a class here, and takes whatever has the method.
        login_flow_manager=_Provider(globus, person if callable(person) else lambda: person),  # type: ignore[arg-type]
    )
    return UserApp("tests", client_id=NATIVE_CLIENT_ID, config=config)
