"""Who asks: tokens, their lifetime, and the groups that come with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from farpool.service.identification import OwnTokens
from farpool.service.store import Database, groups, identities, tokens
from farpool.service.store.identities import ADMINISTRATOR, Identity
from support.house import NOW, Clock


class Desk:
    """A store with Ann and the administrator, and a clock."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.database = Database(f"sqlite:///{path}")
        self.database.open()
        self.groups = self.database.run(self._fill)

    def _fill(self, connection: Connection) -> list[str]:
        ann = identities.ensure(connection, "ann", NOW)
        tokens.put(connection, ann, "laptop", "of ann", NOW, expires_at=NOW + 10)
        tokens.put(
            connection, identities.ensure(connection, ADMINISTRATOR, NOW), "directory", "of the administrator", NOW
        )
        made = [groups.add(connection, name, NOW).group_id for name in ("lab", "course")]
        for group_id in made:
            groups.join(connection, group_id, ann.identity_id)
        return made

    def identify(self, token: str) -> Identity | None:
        return asyncio.run(OwnTokens(self.database, clock=self.clock).identify(token))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    one = Desk(tmp_path / "store.sqlite")
    yield one
    one.database.close()


def test_who_asks_comes_with_all_their_groups(desk: Desk) -> None:
    ann = desk.identify("of ann")

    assert ann is not None
    assert (ann.name, ann.group_ids, ann.may_know_all) == ("ann", frozenset(desk.groups), False)


def test_who_is_in_no_group_is_known_too_and_the_administrator_may_know_all(desk: Desk) -> None:
    administrator = desk.identify("of the administrator")

    assert administrator is not None
    assert (administrator.group_ids, administrator.may_know_all) == (frozenset(), True)


def test_a_token_is_nobodys_once_it_has_expired(desk: Desk) -> None:
    desk.clock.now += 9
    assert desk.identify("of ann") is not None

    desk.clock.now += 1

    assert desk.identify("of ann") is None


def test_a_removed_users_token_is_nobodys(desk: Desk) -> None:
    ann = desk.identify("of ann")
    assert ann is not None

    desk.database.run(lambda connection: identities.remove(connection, ann.identity_id, NOW))

    assert desk.identify("of ann") is None


def test_an_unknown_token_is_nobodys(desk: Desk) -> None:
    assert desk.identify("of bob") is None
