"""Blobs at the service: taken in whole, given to whom they concern, and gone when nobody needs them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from farpool.errors import FarpoolError
from farpool.service.blobs import BlobPlace, FileStore, Keeper, Sweeper, open_store
from farpool.service.faults import Fault
from farpool.service.store import endpoints, tasks
from farpool.service.submissions import MAX_TASK_BLOBS
from farpool.wire import Result, pack
from farpool.wire.blobs import Referenced
from farpool.wire.rest import EndpointRegistration
from support.callers import Caller
from support.house import OpenHouse, open_house
from support.service import RunningService, service_in_thread

DATA = b"large" * 50_000
DAY_S = 24 * 3600.0


def named(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def payload_of(*data: bytes) -> str:
    """Arguments that refer to blobs."""
    value = Referenced({named(one): len(one) for one in data}, [named(one) for one in data])
    return pack([f"fb\n{value.body()}", "00\nkwargs"])


def put(caller: Caller, data: bytes, *, name: str = "", expect: int = 200) -> Any:
    return caller.call("PUT", f"/v2/blobs/{name or named(data)}", expect=expect, data=data)


def fetch(caller: Caller, digest: str) -> tuple[int, bytes]:
    response = caller.session.get(f"{caller.url}/v2/blobs/{digest}", timeout=60)
    return response.status_code, response.content


def missing(caller: Caller, *digests: str) -> list[str]:
    found: list[str] = caller.post("/v2/blobs", {"digests": list(digests)})["missing"]
    return found


def endpoint_of(caller: Caller, name: str, *, takes_blobs: bool = True, **changes: Any) -> str:
    metadata = {"takes_blobs": True} if takes_blobs else {}
    endpoint_id: str = caller.register_endpoint(endpoint_name=name, metadata=metadata, **changes)["endpoint_id"]
    return endpoint_id


def test_a_blob_is_kept_and_comes_back(caller: Caller) -> None:
    assert missing(caller, named(DATA)) == [named(DATA)]

    put(caller, DATA)
    put(caller, DATA)

    assert missing(caller, named(DATA), named(b"other")) == [named(b"other")]
    assert fetch(caller, named(DATA)) == (200, DATA)


def test_a_task_refers_to_no_more_blobs_than_fit_into_the_head_of_its_message(caller: Caller) -> None:
    endpoint_id, function_id = endpoint_of(caller, "e"), caller.register_function()
    pieces = [str(number).encode() for number in range(MAX_TASK_BLOBS + 1)]

    said = caller.submit(endpoint_id, function_id, [payload_of(*pieces)], expect=413)
    one_less = caller.submit(endpoint_id, function_id, [payload_of(*pieces[1:])], expect=404)

    assert said["code"] == "TASK_PAYLOAD_TOO_LARGE"
    assert "refer to 701 large pieces and the limit is 700" in said["message"]
    assert one_less["code"] == "BLOB_NOT_FOUND"


def test_a_blob_that_is_not_what_its_name_says_is_refused_and_not_kept(caller: Caller) -> None:
    wrong = named(b"something else")

    said = put(caller, DATA, name=wrong, expect=422)

    assert said["code"] == "BLOB_DIFFERS"
    assert fetch(caller, wrong)[0] == 404


@pytest.mark.parametrize("name", ["x", "A" * 64, "%2e%2e%2ftoken"])
def test_what_is_no_name_of_a_blob_is_refused(caller: Caller, name: str) -> None:
    assert caller.session.put(f"{caller.url}/v2/blobs/{name}", data=b"x", timeout=60).status_code in {400, 404}
    assert caller.session.get(f"{caller.url}/v2/blobs/{name}", timeout=60).status_code in {400, 404}
    caller.post("/v2/blobs", {"digests": [name]}, expect=400)
    caller.post("/v2/blobs", {"digests": "all"}, expect=422)


def test_nobody_learns_what_others_have(caller: Caller, stranger: Caller) -> None:
    data = b"a secret that can be guessed"
    put(caller, data)

    assert missing(stranger, named(data)) == [named(data)]
    assert fetch(stranger, named(data))[0] == 403
    endpoint_id = endpoint_of(stranger, "probe")
    said = stranger.submit(endpoint_id, stranger.register_function(), [payload_of(data)], expect=404)
    assert said["code"] == "BLOB_NOT_FOUND"
    assert fetch(stranger, named(data))[0] == 403


def test_a_reference_with_another_size_is_refused(caller: Caller) -> None:
    data = b"as long as it is"
    put(caller, data)
    value = Referenced({named(data): len(data) - 1}, [named(data)])
    payload = pack([f"fb\n{value.body()}", "00\nkwargs"])

    said = caller.submit(endpoint_of(caller, "sizes"), caller.register_function(), [payload], expect=404)

    assert said["code"] == "BLOB_NOT_FOUND"


def test_who_sends_all_of_it_has_it_and_it_is_kept_once(
    service: RunningService, caller: Caller, stranger: Caller
) -> None:
    data = b"common knowledge"
    put(caller, data)
    put(stranger, data)

    assert missing(stranger, named(data)) == []
    assert len(list((service.directory / "blobs").glob(f"??/{named(data)}.*"))) == 1


def test_an_endpoint_reads_what_its_tasks_refer_to_and_nothing_else(caller: Caller, stranger: Caller) -> None:
    data, other = b"for the task", b"for nobody"
    put(caller, data)
    put(caller, other)

    caller.submit(endpoint_of(stranger, "theirs", public=True), caller.register_function(), [payload_of(data)])

    assert fetch(stranger, named(data)) == (200, data)
    assert fetch(stranger, named(other))[0] == 403


def test_an_endpoint_that_cannot_read_references_is_not_sent_any(caller: Caller) -> None:
    put(caller, DATA)
    endpoint_id = endpoint_of(caller, "plain", takes_blobs=False)

    said = caller.submit(endpoint_id, caller.register_function(), [payload_of(DATA)], expect=422)

    assert said["code"] == "ENDPOINT_TAKES_NO_BLOBS"
    assert caller.get(f"/v2/endpoints/{endpoint_id}")["takes_blobs"] is False


def test_a_damaged_reference_is_malformed(caller: Caller) -> None:
    endpoint_id = endpoint_of(caller, "damaged")

    caller.submit(endpoint_id, caller.register_function(), [pack(["fb\n{", "00\n"])], expect=422)


def test_a_blob_over_the_limit_is_refused_however_it_is_sent(tmp_path: Path) -> None:
    with service_in_thread(tmp_path, max_blob_bytes=100_000) as running, Caller(running) as caller:
        assert caller.get("/v2/version?service=all")["max_blob_bytes"] == 100_000
        said = put(caller, DATA, expect=413)
        chunked = caller.session.put(
            f"{caller.url}/v2/blobs/{named(DATA)}", data=iter([DATA[:120_000], DATA[120_000:]]), timeout=20
        )

        assert said["code"] == chunked.json()["code"] == "BLOB_TOO_LARGE"
        assert "250000 bytes long and the limit is 100000" in said["message"]
        assert not list((tmp_path / "spool").iterdir())


@pytest.mark.parametrize("url", ["file://{}/elsewhere", "{}/folder"])
def test_blobs_are_kept_where_a_url_says(tmp_path: Path, url: str) -> None:
    pytest.importorskip("fsspec")
    with service_in_thread(tmp_path / "service", blobs_url=url.format(tmp_path)) as running, Caller(running) as caller:
        put(caller, DATA)

        assert fetch(caller, named(DATA)) == (200, DATA)
        assert fetch(caller, named(b"none"))[0] == 404

    assert not (tmp_path / "service" / "blobs").exists()
    assert [path.read_bytes() for path in tmp_path.glob("*/??/*") if path.is_file()] == [DATA]


def test_a_url_that_names_nothing_is_told(tmp_path: Path) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(FarpoolError, match="nosuchthing"):
        open_store("nosuchthing://bucket", tmp_path)


# ---- how long they are kept


async def _body(data: bytes) -> AsyncIterator[bytes]:
    yield data


class Kept:
    """A house with a keeper and a sweeper of its blobs."""

    def __init__(self, opened: OpenHouse, directory: Path) -> None:
        self.opened = opened
        place = BlobPlace(FileStore(directory / "kept"), directory / "kept-spool", 10_000_000, durable=False)
        self.files = directory / "kept"
        self.keeper = Keeper(opened.database, place, clock=opened.clock)
        self.sweeper = Sweeper(opened.database, place, clock=opened.clock)

    async def put(self, data: bytes) -> None:
        await self.keeper.put(self.opened.identity, named(data), _body(data), None)

    async def is_there(self, data: bytes) -> bool:
        if not list(self.files.glob(f"??/{named(data)}*")):
            with pytest.raises(Fault, match="there is no blob"):
                await self.keeper.open(self.opened.identity, named(data))
            return False
        size_bytes, pieces = await self.keeper.open(self.opened.identity, named(data))
        assert b"".join([piece async for piece in pieces]) == data
        assert size_bytes == len(data)
        return True


async def _submitted(opened: OpenHouse, data: bytes) -> str:
    def allow(connection: Connection) -> None:
        registration = EndpointRegistration("e", metadata={"takes_blobs": True})
        owner = opened.identity.identity_id
        endpoints.put(connection, opened.endpoint_id, owner, registration, reached_at=None, now=opened.clock.now)

    await opened.database.write(allow)
    _, [task_id] = await opened.submit(payloads=[payload_of(data)])
    return task_id


def test_a_blob_goes_when_no_task_needs_it_and_nobody_asks_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            kept = Kept(opened, tmp_path)
            for data in (b"unused", b"asked for", b"argument", b"result"):
                await kept.put(data)
            task_id = await _submitted(opened, b"argument")

            opened.clock.now += DAY_S - 1
            assert await kept.sweeper.sweep() == 0
            assert await kept.keeper.missing(opened.identity, [named(b"asked for")]) == []
            value = Referenced({named(b"result"): 6}, [named(b"result")])
            opened.clock.now += 2
            assert await kept.sweeper.sweep() == 2, "what is unused, and the result, which is not referred to yet"
            await kept.put(b"result")
            await opened.take_in(Result(task_id, f"fb\n{value.body()}"))
            assert not await kept.is_there(b"unused")
            assert await kept.is_there(b"argument")

            opened.clock.now += DAY_S - 1
            assert await kept.sweeper.sweep() == 1, "what was asked for"
            opened.clock.now += 2
            assert await kept.sweeper.sweep() == 1, "the argument: its task was done a day ago"
            assert await kept.is_there(b"result"), "it stays as long as its task"

            await opened.database.write(lambda connection: tasks.remove(connection, [1]))
            assert await kept.sweeper.sweep() == 1
            assert not await kept.is_there(b"result")
            await kept.put(b"result")
            assert await kept.is_there(b"result")

    asyncio.run(story())


def test_what_a_crash_has_left_goes(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            place = BlobPlace(FileStore(tmp_path / "kept"), tmp_path / "half", 10_000_000, durable=False)
            sweeper = Sweeper(opened.database, place, keep_unused_s=-1, clock=opened.clock)
            keeper = Keeper(opened.database, place, clock=opened.clock)
            await keeper.put(opened.identity, named(DATA), _body(DATA), None)
            (tmp_path / "half" / "something").write_bytes(b"half of it")
            (tmp_path / "kept" / "ab").mkdir(exist_ok=True)
            (tmp_path / "kept" / "ab" / "abc.1234").write_bytes(b"known to nobody")

            sweeper.start()
            assert await sweeper.sweep_strays() == 1
            await sweeper.stop()

            assert not list((tmp_path / "half").iterdir())
            assert len(list((tmp_path / "kept").glob("??/*"))) == 1

    asyncio.run(story())


def test_a_result_that_refers_to_what_its_endpoint_never_sent_opens_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        async with open_house(tmp_path) as opened:
            _, [task_id] = await opened.submit(1)
            value = Referenced({named(b"of others"): 9}, [named(b"of others")])

            await opened.take_in(Result(task_id, f"fb\n{value.body()}"))

            assert (await opened.record(task_id)).state == "success"
            kept = Kept(opened, tmp_path)
            assert not await kept.is_there(b"of others")

    asyncio.run(story())
