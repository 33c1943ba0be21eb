"""People whom Globus knows: how often Globus is asked, and what holds while it cannot be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection

from farpool.service import GlobusOptions
from farpool.service.faults import Fault
from farpool.service.globus import GlobusPeople
from farpool.service.globus.answers import NOBODY_S, PAUSE_S, STALE_S, Answers, answer_at
from farpool.service.globus.away import GlobusAway
from farpool.service.globus.people import MAX_UNKNOWN
from farpool.service.store import Database, groups, identities
from farpool.service.store.globus_people import Person
from farpool.wire import new_id
from support.house import NOW, Clock

LIFETIME_S = 300.0
HOUR_S = 3600.0


def person(username: str = "ada@example.org", *group_ids: str, lasts_s: float = 48 * HOUR_S) -> Person:
    identity_id = new_id()
    return Person(identity_id, username, frozenset({identity_id}), frozenset(group_ids), NOW + lasts_s)


class Globus:
    """Stands for Globus: knows tokens, and counts what it is asked."""

    def __init__(self) -> None:
        self.bearers: dict[str, Person] = {}
        self.asked: list[str] = []
        self.is_away = False
        self.held = ""  # how the tokens begin about which it answers only when that is set:
        self.answers = threading.Event()
        self.answers.set()

    def ask(self, token: str) -> Person | None:
        self.asked.append(token)
        if token.startswith(self.held):
            assert self.answers.wait(60)
        if self.is_away:
            raise GlobusAway("Globus cannot be reached", 7)
        return self.bearers.get(token)


class Place:
    """A source of identities, what it asks, and a clock to set."""

    def __init__(self, database: Database, patience_s: float) -> None:
        self.database = database
        self.globus = Globus()
        self.clock = Clock()
        self.people = GlobusPeople(
            database, self.globus.ask, lifetime_s=LIFETIME_S, patience_s=patience_s, clock=self.clock
        )

    async def name(self, token: str) -> str | None:
        identity = await self.people.identify(token)
        return None if identity is None else identity.name

    async def do(self, fn: Callable[[Connection], object]) -> None:
        await self.database.write(fn)


@asynccontextmanager
async def opened(directory: Path, *, patience_s: float = 60.0) -> AsyncGenerator[Place]:
    database = Database(f"sqlite:///{directory / 'store.sqlite'}", durable=False)
    database.open()
    place = Place(database, patience_s)
    try:
        yield place
    finally:
        place.globus.answers.set()
        await place.people.stop()
        database.close()


def test_a_person_is_known_by_the_id_that_globus_gave_and_asked_about_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            ada = place.globus.bearers["t"] = person("ada@example.org", "a-group")

            found = [await place.people.identify("t") for _ in range(3)]

            assert found[0] is not None
            assert (found[0].identity_id, found[0].name) == (ada.identity_id, "ada@example.org")
            assert (found[0].group_ids, found[0].may_know_all) == (frozenset({"a-group"}), False)
            assert found == [found[0]] * 3
            assert place.globus.asked == ["t"]

    asyncio.run(story())


def test_a_hundred_requests_at_once_ask_once_and_one_that_gives_up_leaves_the_others_theirs(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            place.globus.bearers["t"] = person()
            place.globus.answers.clear()
            waiting = [asyncio.create_task(place.name("t")) for _ in range(100)]
            while not place.globus.asked:
                await asyncio.sleep(0.001)
            waiting[0].cancel()

            place.globus.answers.set()

            assert await asyncio.gather(*waiting[1:]) == ["ada@example.org"] * 99
            assert place.globus.asked == ["t"]

    asyncio.run(story())


def test_a_change_of_groups_shows_after_the_lifetime_or_with_a_new_token(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            ada = place.globus.bearers["t"] = person("ada@example.org", "old")
            assert await place.people.identify("t") is not None
            place.globus.bearers = dict.fromkeys(["t", "new"], replace(ada, group_ids=frozenset({"new"})))

            async def groups_of(token: str) -> set[str]:
                identity = await place.people.identify(token)
                assert identity is not None
                return set(identity.group_ids)

            place.clock.now += LIFETIME_S - 1
            assert await groups_of("t") == {"old"}
            assert await groups_of("new") == {"new"}
            place.clock.now += 1
            assert await groups_of("t") == {"new"}
            assert place.globus.asked == ["t", "new", "t"]

    asyncio.run(story())


def test_no_answer_outlives_its_token(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            place.globus.bearers["t"] = person(lasts_s=60)
            assert await place.name("t") == "ada@example.org"
            place.globus.is_away = True

            place.clock.now += 60
            with pytest.raises(Fault):
                await place.people.identify("t")
            assert place.globus.asked == ["t", "t"]

    asyncio.run(story())


def test_that_a_token_is_nobodys_is_remembered_for_a_moment_only(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            assert [await place.name("t") for _ in range(3)] == [None] * 3
            place.globus.bearers["t"] = person()
            place.clock.now += NOBODY_S

            assert await place.name("t") == "ada@example.org"
            assert place.globus.asked == ["t", "t"]
            assert await place.name("t" * 5000) is None
            assert await place.name("ü") is None
            assert len(place.globus.asked) == 2

    asyncio.run(story())


def test_while_globus_is_away_who_is_known_goes_on_and_others_are_told_to_come_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            place.globus.bearers["t"] = person()
            assert await place.name("t") == "ada@example.org"
            place.globus.is_away = True

            with pytest.raises(
                Fault, match="cannot ask Globus whose login that is: Globus cannot be reached"
            ) as caught:
                await place.people.identify("another")
            assert (caught.value.http_status, caught.value.retry_after_s) == (503, 7)
            asked = len(place.globus.asked)
            for token in ("another", "one more"):  # nobody asks again for a moment: each would wait in vain
                with pytest.raises(Fault, match="Globus cannot be reached"):
                    await place.people.identify(token)
            assert len(place.globus.asked) == asked

            place.clock.now += LIFETIME_S
            asked = len(place.globus.asked)
            assert [await place.name("t") for _ in range(5)] == ["ada@example.org"] * 5
            assert len(place.globus.asked) == asked + 1
            place.clock.now += PAUSE_S
            assert await place.name("t") == "ada@example.org"
            assert len(place.globus.asked) == asked + 2

            place.clock.now += STALE_S
            with pytest.raises(Fault):
                await place.people.identify("t")

    asyncio.run(story())


def test_while_globus_is_slow_who_is_known_goes_on_until_it_has_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path, patience_s=0.01) as place:
            place.globus.bearers["t"] = person()
            assert await place.name("t") == "ada@example.org"
            place.globus.answers.clear()
            place.globus.bearers.clear()

            for later_s in (LIFETIME_S, PAUSE_S, PAUSE_S):
                place.clock.now += later_s
                assert [await place.name("t") for _ in range(3)] == ["ada@example.org"] * 3

            place.globus.answers.set()
            while await place.name("t") is not None:
                await asyncio.sleep(0.001)
            assert place.globus.asked == ["t", "t"]

    asyncio.run(story())


def test_a_flood_of_nonsense_lets_nobody_go_on_whose_token_was_revoked(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            place.globus.bearers["t"] = person()
            assert await place.name("t") == "ada@example.org"
            place.globus.held = "nonsense"
            place.globus.answers.clear()
            flood = [asyncio.create_task(place.name(f"nonsense {n}")) for n in range(MAX_UNKNOWN)]
            while not place.globus.asked[1:]:
                await asyncio.sleep(0.001)
            with pytest.raises(Fault, match="it is asked about many logins just now"):
                await place.people.identify("nonsense, once more")

            place.clock.now += LIFETIME_S
            place.globus.bearers.clear()
            assert await place.name("t") is None

            place.globus.answers.set()
            assert await asyncio.gather(*flood) == [None] * MAX_UNKNOWN

    asyncio.run(story())


def test_somebody_who_was_removed_is_nobody_at_once_also_under_a_linked_identity(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            ada = place.globus.bearers["t"] = person()
            linked = person("ada@other.example")
            place.globus.bearers["u"] = replace(linked, linked_ids=frozenset({linked.identity_id, ada.identity_id}))
            assert (await place.name("t"), await place.name("u")) == ("ada@example.org", "ada@other.example")

            await place.do(lambda connection: identities.remove(connection, ada.identity_id, NOW))
            assert (await place.name("t"), await place.name("u")) == (None, None)

            await place.do(lambda connection: identities.bring_back(connection, "ada@example.org", NOW))
            assert (await place.name("t"), await place.name("u")) == ("ada@example.org", "ada@other.example")
            assert len(place.globus.asked) == 2

    asyncio.run(story())


def test_a_name_that_somebody_else_has_is_not_taken_from_them_and_one_that_changed_is_followed(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            await place.do(lambda connection: identities.ensure(connection, "local", NOW))
            thief = place.globus.bearers["t"] = person("local")
            found = await place.people.identify("t")
            assert found is not None
            assert (found.name, found.may_know_all) == (f"local ({thief.identity_id})", False)

            place.globus.bearers["new"] = replace(thief, username="lo@example.org")
            assert await place.name("new") == "lo@example.org"
            assert await place.name("t") == "lo@example.org"

    asyncio.run(story())


def test_the_services_own_groups_count_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with opened(tmp_path) as place:
            ada = place.globus.bearers["t"] = person("ada@example.org", "theirs")
            await place.people.identify("t")

            def join(connection: Connection) -> None:
                groups.join(connection, groups.add(connection, "ours", NOW).group_id, ada.identity_id)

            await place.do(join)
            found = await place.people.identify("t")
            assert found is not None
            assert len(found.group_ids) == 2

    asyncio.run(story())


def test_answers_that_were_not_used_for_longest_make_room() -> None:
    answers = Answers(most=2)
    for key in "ab":
        answers.keep(key, answer_at(person(), NOW, LIFETIME_S))
    assert answers.find("a") is not None

    answers.keep("c", answer_at(None, NOW, LIFETIME_S))

    assert (len(answers), answers.find("b")) == (2, None)
    assert answers.find("a") is not None


def test_a_service_asks_for_its_own_scope_unless_another_is_named() -> None:
    client_id = new_id()
    options = GlobusOptions(client_id.upper(), "secret")
    assert options.way.scope == f"https://auth.globus.org/scopes/{client_id}/all"
    assert options.way.resource_server == client_id
    assert "secret" not in repr(options)
    assert GlobusOptions(client_id, "secret", "a-scope", "a-name").way.to_json() == {
        "auth": "globus",
        "auth_scope": "a-scope",
        "auth_resource_server": "a-name",
    }
    with pytest.raises(ValueError, match="lifetime_s must not be negative, and is -1"):
        GlobusOptions(client_id, "secret", lifetime_s=-1)
    with pytest.raises(ValueError, match=r"'two scopes' of 'auth_resource_server' .* is not one scope of a service"):
        GlobusOptions(client_id, "secret", "two scopes")
    with pytest.raises(ValueError, match="the client id at Globus"):
        GlobusOptions("me", "secret")
