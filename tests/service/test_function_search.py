"""Finding functions: by which words, and whose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine

from farpool.service.store import functions, identities, schema
from farpool.service.store.function_search import FunctionQuery, search
from farpool.service.store.identities import Identity
from farpool.wire import new_id
from farpool.wire.rest import FunctionRegistration
from support.callers import Caller

GROUP, OTHER_GROUP = new_id(), new_id()


class Library:
    """A store with two people, ann and ben, and functions of theirs."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.ann = identities.ensure(connection, "ann", 1.0)
        self.ben = identities.ensure(connection, "ben", 1.0)

    def add(self, owner: Identity, name: str, **about: Any) -> str:
        """Keep a function."""
        function_id = new_id()
        functions.add(self.connection, function_id, owner.identity_id, FunctionRegistration(name, "CODE", **about), 1.0)
        return function_id

    def found(self, identity: Identity, *words: str, **wanted: Any) -> list[str]:
        """Look for functions; give their names."""
        entries = search(self.connection, identity, FunctionQuery(words, **wanted))
        return [entry["function_name"] for entry in entries]


@pytest.fixture
def library() -> Iterator[Library]:
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.connect() as connection:
        yield Library(connection)
    engine.dispose()


def test_one_finds_ones_own_public_ones_and_those_of_ones_groups_and_never_what_others_keep_private(
    library: Library,
) -> None:
    library.add(library.ann, "private")
    library.add(library.ann, "shared", group=GROUP)
    library.add(library.ann, "published", public=True)
    library.add(library.ben, "bens")
    member = replace(library.ben, group_ids=frozenset({GROUP, OTHER_GROUP}))

    assert library.found(library.ann) == ["published", "shared", "private"]
    assert library.found(library.ben) == ["bens", "published"]
    assert library.found(member) == ["bens", "published", "shared"]
    assert library.found(replace(library.ben, group_ids=frozenset({OTHER_GROUP}))) == ["bens", "published"]
    assert library.found(replace(library.ben, may_know_all=True)) == ["bens", "published"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["fit"], ["fit_line", "Refit", "line"]),
        (["FIT", "line"], ["fit_line", "line"]),
        (["straight"], ["fit_line"]),
        (["fit", "nothing"], []),
        (["t_l"], ["fit_line"]),  # no wildcard
        (["%"], []),
        (["größe"], ["line"]),
        ([], ["fit_line", "Refit", "line"]),
    ],
)
def test_all_words_must_occur_in_name_or_description_as_parts_too_in_any_case(
    library: Library, words: list[str], names: list[str]
) -> None:
    library.add(library.ann, "line", description="Does not fit. Größe")
    library.add(library.ann, "Refit")
    library.add(library.ann, "fit_line", description="Fit a straight line.")

    assert library.found(library.ann, *words) == names


def test_what_is_found_can_be_bounded_and_be_of_one_owner(library: Library) -> None:
    for number in range(5):
        library.add(library.ann, f"f{number}", public=True)
    library.add(library.ben, "f5")

    assert library.found(library.ben, "f", limit=2) == ["f5", "f4"]
    assert library.found(library.ben, "f", limit=2, offset=2) == ["f3", "f2"]
    assert (
        library.found(library.ben, owner="ben") == library.found(library.ben, owner=library.ben.identity_id) == ["f5"]
    )
    assert library.found(library.ben, "1", owner="ann") == ["f1"]
    assert library.found(library.ben, owner="nobody") == []


def test_a_deleted_function_is_not_found(library: Library) -> None:
    functions.remove(library.connection, library.add(library.ann, "gone"), 2.0)

    assert library.found(library.ann) == []


def test_what_is_found_is_told_without_its_code(caller: Caller, stranger: Caller) -> None:
    about = {"public": True, "description": "Halve it, quickly.", "metadata": {"lab": 7}}
    function_id = caller.register_function(function_name="halving", **about)
    caller.register_function(function_name="halving", description="Quickly, in private.")

    (found,) = stranger.get("/v3/functions/search?query=halv%20QUICK")

    assert found.items() >= {**about, "function_uuid": function_id, "function_name": "halving"}.items()
    assert (found["owner"], found["owner_name"]) == (caller.get("/v3/identity")["identity_id"], "local")
    assert found["group"] is None
    assert "function_code" not in found


@pytest.mark.parametrize("query", ["query=" + "%20".join("abcdefghijklmnopqrstuvw"), "limit=0", "offset=-1", "limit=x"])
def test_a_malformed_search_is_refused(caller: Caller, query: str) -> None:
    assert caller.get(f"/v3/functions/search?{query}", expect=422)["code"] == "REQUEST_MALFORMED"
