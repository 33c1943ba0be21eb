"""What becomes of large arguments, by what the service and the endpoint take."""

from __future__ import annotations

import threading

import pytest

from farpool import Client
from farpool.client.uploads import Uploads
from farpool.errors import PayloadTooLarge, ServiceDown
from farpool.executor.large import packed_call
from farpool.executor.pipeline.downloads import AT_A_TIME, Downloads
from farpool.serialize import Serializer
from farpool.settings import HOSTED_SERVICE_URL
from farpool.wire import new_id
from farpool.wire.blobs import blobs_of

TIMEOUT = 60


def test_nothing_goes_by_reference_to_the_hosted_service() -> None:
    with Client(service_url=HOSTED_SERVICE_URL, token="t", do_version_check=False) as client:
        payload = packed_call(client, Serializer(), [new_id()], (b"x" * 2_000_000,), {})

        assert blobs_of(payload) == {}
        assert len(payload) > 2_000_000


def test_what_is_over_the_limit_of_the_hosted_service_is_an_error_that_names_a_way_out() -> None:
    with (
        Client(service_url=HOSTED_SERVICE_URL, token="t", do_version_check=False) as client,
        pytest.raises(PayloadTooLarge, match=r"are 2\d,\d{3},\d{3} bytes, .*10,000,000 .*proxystore"),
    ):
        packed_call(client, Serializer(), [new_id()], (b"x" * 20_000_000,), {})


def is_missing(_digest: str) -> bool:
    return False


def test_what_many_threads_want_to_send_is_sent_by_one() -> None:
    sent: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def put(digest: str) -> None:
        sent.append(digest)
        begun.set()
        assert go_on.wait(TIMEOUT)

    uploads = Uploads()
    threads = [threading.Thread(target=uploads.keep, args=("a", is_missing, put)) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert begun.wait(TIMEOUT)
    go_on.set()
    for thread in threads:
        thread.join(TIMEOUT)
    uploads.keep("a", is_missing, put)

    assert sent == ["a"]


def test_an_upload_that_fails_is_the_next_ones_to_try() -> None:
    answers = [ServiceDown("away"), None]

    def put(_digest: str) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    uploads = Uploads()
    with pytest.raises(ServiceDown):
        uploads.keep("a", is_missing, put)

    assert uploads.keep("a", is_missing, put) == "a"
    uploads.forget()
    with pytest.raises(IndexError):
        uploads.keep("a", is_missing, put)


def test_downloads_run_a_few_at_a_time_and_leave_no_thread() -> None:
    done, gate = threading.Semaphore(0), threading.Event()
    started = threading.Semaphore(0)
    downloads = Downloads(done.release)

    def read() -> None:
        started.release()
        assert gate.wait(TIMEOUT)

    for _ in range(AT_A_TIME + 2):
        downloads.put(read)
    for _ in range(AT_A_TIME):
        assert started.acquire(timeout=TIMEOUT)
    assert not started.acquire(blocking=False)
    threads = [one for one in threading.enumerate() if one.name == "farpool-downloads"]
    gate.set()
    for _ in range(AT_A_TIME + 2):
        assert done.acquire(timeout=TIMEOUT)
    for thread in threads:
        thread.join(TIMEOUT)

    assert not any(thread.is_alive() for thread in threads)
