"""Wrong use: one clear error, and no request. The tables are in `support.bad_input` and `support.bad_input_legacy`."""

from __future__ import annotations

from typing import Any

import pytest

from farpool.client import Batch, Client
from farpool.client.legacy import Batch as LegacyBatch
from farpool.client.legacy import FuncXClient
from farpool.errors import SerializationError
from farpool.settings import Settings
from support.bad_input import GENERATOR, ID, TABLE, Bad, methods_of
from support.bad_input_legacy import LEGACY_TABLE
from support.pages import is_like
from support.rest_server import RestServer

from .conftest import AT_ONCE


@pytest.mark.parametrize("kind", [Client, Batch, FuncXClient, LegacyBatch])
def test_every_public_method_is_in_the_table(kind: type[Any]) -> None:
    missing = sorted(set(methods_of(kind)) - {bad.method for bad in [*TABLE, *LEGACY_TABLE]})

    assert missing == [], "say in tests/support/bad_input*.py what these do with wrong arguments"


@pytest.mark.parametrize("method", sorted({bad.method for bad in TABLE}))
def test_wrong_use_is_told_before_anything_is_sent(server: RestServer, client: Client, method: str) -> None:
    told = _differences(TABLE, method, client)

    assert not told, "\n\n".join(told)
    assert not server.requests


@pytest.mark.parametrize("method", sorted({bad.method for bad in LEGACY_TABLE}))
def test_wrong_use_of_funcx_is_told_before_anything_is_sent(
    server: RestServer, settings: Settings, method: str
) -> None:
    with FuncXClient(
        funcx_service_address=server.url, token="t", settings=settings, patience=AT_ONCE, do_version_check=False
    ) as fxc:
        told = _differences(LEGACY_TABLE, method, fxc)

    assert not told, "\n\n".join(told)
    assert not server.requests


def _differences(table: list[Bad], method: str, client: Client | FuncXClient) -> list[str]:
    return [
        f"{error!r}\n    and the table says\n{bad.kind.__name__}({bad.said!r})"
        for bad in table
        if bad.method == method and not _is_as_said(error := _error_of(bad, client), bad)
    ]


def _error_of(bad: Bad, client: Client | FuncXClient) -> Exception | None:
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
