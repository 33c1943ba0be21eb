"""What a page of the guide talks to that does not run on an embedded stack: a service with people, groups, endpoints.

A page asks for it with the comment `<!-- runs on: a service -->`. The ids that the page shows stand for those that are
made here: the program is run with these in their place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from farpool.service import People

from .command import Command
from .service import RunningService, service_in_thread

ASKED_FOR = "<!-- runs on: a service -->"

#: The ids as the page shows them.
ENDPOINT = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
ANNS_ENDPOINT = "8c2f9a14-2f43-4b7e-9f0d-2f4c0f6d4b11"
GROUP = "3f1b2c8e-5b0e-4c0e-9d0a-2f6d9a1f8c11"


@dataclass(frozen=True)
class PageSite:
    """What a page's programs are given.

    Attributes:
        variables: their environment.
        ids: what to put in the place of the ids that the page shows.
    """

    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    ids: Mapping[str, str] = field(default_factory=dict[str, str])

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
    with service_in_thread(directory / "service") as service:
        with People(directory / "service") as people:
            people.add_user("ann")
            people.add_user("bob")
            group = people.add_group("lab", ["local", "ann"])
            tokens = {name: people.add_token(name, "page") for name in ("ann", "bob")}
        mine = _agent(service, directory / "mine", service.token)
        anns = _agent(service, directory / "anns", tokens["ann"])
        with (
            mine.running("endpoint", "start", "laptop", "--workers", 2, "--foreground") as laptop,
            anns.running("endpoint", "start", "anns", "--workers", 1, "--engine", "threads", "--foreground") as other,
        ):
            yield PageSite(
                {
                    "FARPOOL_SERVICE_URL": service.url,
                    "FARPOOL_TOKEN": service.token,
                    "ANNS_TOKEN": tokens["ann"],
                    "BOBS_TOKEN": tokens["bob"],
                },
                {ENDPOINT: laptop["endpoint_id"], ANNS_ENDPOINT: other["endpoint_id"], GROUP: group.group_id},
            )


def _agent(service: RunningService, home: Path, token: str) -> Command:
    return Command(home, FARPOOL_SERVICE_URL=service.url, FARPOOL_TOKEN=token)
