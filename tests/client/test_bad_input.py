"""Wrong use: one clear error, and no request. The table is in `support.bad_input`."""

from __future__ import annotations

from typing import Any

import pytest

from farpool.client import Batch, Client
from farpool.errors import SerializationError
from support.bad_input import GENERATOR, ID, TABLE, Bad, methods_of
from support.pages import is_like
from support.rest_server import RestServer


@pytest.mark.parametrize("kind", [Client, Batch])
def test_every_public_method_is_in_the_table(kind: type[Any]) -> None:
    missing = sorted(set(methods_of(kind)) - {bad.method for bad in TABLE})

    assert missing == [], "say in tests/support/bad_input.py what these do with wrong arguments"


@pytest.mark.parametrize("method", sorted({bad.method for bad in TABLE}))
def test_wrong_use_is_told_before_anything_is_sent(server: RestServer, client: Client, method: str) -> None:
    told = [
        f"{error!r}\n    and the table says\n{bad.kind.__name__}({bad.said!r})"
        for bad in TABLE
        if bad.method == method and not _is_as_said(error := _error_of(bad, client), bad)
    ]

    assert not told, "\n\n".join(told)
    assert not server.requests


def _error_of(bad: Bad, client: Client) -> Exception | None:
    try:
        bad.call(client)
    except Exception as error:  # noqa: BLE001 - the table says which
        return error
    return None


def _is_as_said(error: Exception | None, bad: Bad) -> bool:
    return type(error) is bad.kind and (str(error) == bad.said or is_like(str(error), bad.said))


def test_a_call_that_fails_leaves_the_batch_as_it_was(client: Client) -> None:
    batch = client.create_batch()
    batch.add(ID)

    wrong: list[tuple[Any, ...]] = [(ID, (GENERATOR,)), (ID, "abc"), ("x", ()), (ID, (), {1: 2})]
    for bad in wrong:
        with pytest.raises((SerializationError, TypeError, ValueError)):
            batch.add(*bad)

    assert len(batch) == 1
    assert list(batch.tasks) == [ID]
