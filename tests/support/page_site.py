"""What a page of the guide talks to that does not run on an embedded stack: a service with people, groups, endpoints.

A page asks for it with the comment `<!-- runs on: a service -->`. The ids that the page shows stand for those that are
made here: the program is run with these in their place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fakes.globus import Globus
from farpool.auth.apps import NATIVE_CLIENT_ID
from farpool.service import GlobusOptions, People

from .command import Command
from .service import RunningService, service_in_thread

ASKED_FOR = "<!-- runs on: a service -->"

#: The ids as the page shows them.
ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
ANNS_ENDPOINT = "8c2f9a14-2f43-4b7e-9f0d-2f4c0f6d4b11"
GROUP = "3f1b2c8e-5b0e-4c0e-9d0a-2f6d9a1f8c11"
NATIVE_CLIENT = "1b0500da-ebd4-430f-b962-0c85bd43bdbb"


def _nobody(address: str) -> str:
    raise AssertionError(f"nobody is there to log in at {address}")


@dataclass(frozen=True)
class PageSite:
    """What a page's programs are given.

    Attributes:
        variables: their environment, by the word of their blocks.
        ids: what to put in the place of the ids that the page shows.
        visit: what somebody at the terminal does with the address that a login shows; gives the code.
    """

    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    ids: Mapping[str, str] = field(default_factory=dict[str, str])
    visit: Callable[[str], str] = _nobody

    def made(self, source: str) -> str:
        """Put the ids that are into a program."""
        for shown, made in self.ids.items():
            source = source.replace(shown, made)
        return source


@contextlib.contextmanager
def page_site(page: str, directory: Path) -> Generator[PageSite, None, None]:
    """Give what a page asks for: most of them nothing."""
    if ASKED_FOR not in page:
        yield PageSite()
        return
    with contextlib.ExitStack() as stack:
        globus = stack.enter_context(Globus())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in globus.environment().items():
            patch.setenv(name, value)
        application = globus.service()
        options = GlobusOptions(application.client_id, application.secret or "")
        service = stack.enter_context(service_in_thread(directory / "service", globus=options))
        tokens, group_id = _people(directory / "service")
        agents = {
            ENDPOINT: ("laptop", service.token, ("--workers", 2, "--engine", "threads")),
            ANNS_ENDPOINT: ("anns", tokens["ANNS_TOKEN"], ("--workers", 1, "--engine", "threads")),
        }
        ids = {GROUP: group_id, NATIVE_CLIENT: NATIVE_CLIENT_ID}
        for shown, (name, token, options_of) in agents.items():
            if shown == ANNS_ENDPOINT and shown not in page:
                continue
            agent = _agent(service, directory / name, token)
            told = stack.enter_context(agent.running("endpoint", "start", name, *options_of, "--foreground"))
            ids[shown] = told["endpoint_id"]
        yield PageSite(_variables(globus, service, tokens, directory), ids, _ada(globus))


def _people(directory: Path) -> tuple[dict[str, str], str]:
    """Make the service's own people, and a group of them."""
    with People(directory) as people:
        people.add_user("ann")
        people.add_user("bob")
        group = people.add_group("lab", ["local", "ann"])
        return {
            "ANNS_TOKEN": people.add_token("ann", "page"),
            "BOBS_TOKEN": people.add_token("bob", "page"),
        }, group.group_id


def _ada(globus: Globus) -> Callable[[str], str]:
    """Give what somebody does at the login page whom Globus knows, with a group there."""
    ada = globus.person("ada@example.org")
    globus.group("physics", ada)
    return lambda address: globus.visit(address, ada)


def _variables(
    globus: Globus, service: RunningService, tokens: Mapping[str, str], directory: Path
) -> dict[str, dict[str, str]]:
    client = globus.client()
    # What globus-sdk itself keeps goes to the home directory.
    home = {"HOME": str(directory), "FARPOOL_SERVICE_URL": service.url, "PYTHONUNBUFFERED": "1", **globus.environment()}
    return {
        "": {"FARPOOL_SERVICE_URL": service.url, "FARPOOL_TOKEN": service.token, **tokens},
        "login": home,
        "credentials": {
            **home,
            "GLOBUS_COMPUTE_CLIENT_ID": client.client_id,
            "GLOBUS_COMPUTE_CLIENT_SECRET": client.secret or "",
        },
    }


def _agent(service: RunningService, home: Path, token: str) -> Command:
    return Command(home, FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=token)
