from __future__ import annotations

import uuid

from farpool.service.task_ids import task_ids

SECRET = b"s" * 32


def some(*, secret: bytes = SECRET, owner: str = "ann", endpoint: str = "e", key: str | None = "k") -> list[str]:
    ids = task_ids(secret, owner, endpoint, key)
    return [ids.make() for _ in range(3)]


def test_ids_of_a_request_without_a_name_are_new_every_time() -> None:
    assert not task_ids(SECRET, "ann", "e", None).are_derived
    assert not set(some(key=None)) & set(some(key=None))


def test_the_same_request_is_given_the_same_ids_and_all_differ() -> None:
    assert task_ids(SECRET, "ann", "e", "k").are_derived
    assert some() == some()
    assert len(set(some())) == 3


def test_another_name_owner_endpoint_or_service_is_given_other_ids() -> None:
    others = [some(key="other"), some(owner="bob"), some(endpoint="f"), some(secret=b"t" * 32)]

    assert len({task_id for ids in [some(), *others] for task_id in ids}) == 15


def test_derived_ids_are_version_4_uuids() -> None:
    assert {uuid.UUID(task_id).version for task_id in some()} == {4}
