"""What workers print is passed on, and its end kept. A descriptor in this process stands for the worker."""

from __future__ import annotations

import contextlib
import os
import queue
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool.endpoint.printed import filled_in, nothing
from farpool.endpoint.pump import Outlet, Pump
from farpool.endpoint.tail import MAX_BYTES, Tail
from farpool.endpoint.worker_output import WorkerOutput
from farpool.wire import Result, decode, encode
from farpool.wire.messages import EXCEPTION, PRINTED
from support.waiting import eventually

TIMEOUT_S = 60


class Place:
    """A pump that passes on to two files."""

    def __init__(self, directory: Path) -> None:
        self.files = [directory / "out", directory / "err"]
        self.descriptors = [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND) for file in self.files]
        self.pump = Pump(WorkerOutput(*self.descriptors))
        self.pump.start()
        self.outlet = self.pump.open()

    def say(self, text: str, number: int = 0) -> None:
        os.write(self.outlet.output.descriptors[number], text.encode())

    def take(self) -> tuple[str, str, str]:
        """Take what was printed; also what had been passed on by then."""
        taken: queue.Queue[tuple[str, str, str]] = queue.Queue()
        self.pump.take(self.outlet, lambda out, err: taken.put((out, err, self.files[0].read_text())))
        return taken.get(timeout=TIMEOUT_S)


@pytest.fixture(autouse=True)
def patient_close(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test looks at after `close` is there then, however busy the machine."""
    monkeypatch.setattr("farpool.endpoint.pump.CLOSE_TIMEOUT_S", float(TIMEOUT_S))


@pytest.fixture
def place(tmp_path: Path, patient_close: None) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.pump.close()
    place.outlet.close_writers()
    for descriptor in place.descriptors:
        os.close(descriptor)


def test_what_is_printed_has_been_passed_on_when_it_is_taken(place: Place) -> None:
    assert place.outlet.is_quiet
    place.say("one\n")
    place.say("oh\n", 1)

    assert not place.outlet.is_quiet
    assert place.take() == ("one\n", "oh\n", "one\n")
    assert place.outlet.is_quiet
    assert place.take() == ("", "", "one\n")
    assert place.files[1].read_text() == "oh\n"


def test_all_is_passed_on_and_the_end_of_it_kept(place: Place) -> None:
    for number in range(20_000):
        place.say(f"line {number}\n")

    text, _, passed_on = place.take()

    assert passed_on == "".join(f"line {number}\n" for number in range(20_000))
    note, _, kept = text.partition("\n")
    assert passed_on.endswith(kept)
    assert kept.startswith("line ")
    assert len(kept) <= MAX_BYTES
    assert note == f"[{len(passed_on) - len(kept):,} bytes left out]"


def test_a_reader_who_is_gone_stops_nobody() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    pump = Pump(WorkerOutput(writer, writer))
    pump.start()
    outlet = pump.open()
    taken: queue.Queue[tuple[str, str]] = queue.Queue()

    os.write(outlet.output.descriptors[0], b"is anybody there?\n")
    pump.take(outlet, lambda out, err: taken.put((out, err)))

    assert taken.get(timeout=TIMEOUT_S) == ("is anybody there?\n", "")
    pump.close()
    outlet.close_writers()
    os.close(writer)


def test_what_a_dead_worker_said_is_told_at_once_and_passed_on_when_it_can_be() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    while fill(writer):  # nobody reads: the pump will wait
        pass
    os.set_blocking(writer, True)
    pump = Pump(WorkerOutput(writer, writer))
    pump.start()
    outlet = pump.open()
    os.write(outlet.output.descriptors[0], b"last words\n")

    assert pump.take_now(outlet) == ("last words\n", "")

    outlet.close_writers()
    read = b""
    while not read.endswith(b"last words\n"):
        read += os.read(reader, 65536)
    pump.close()
    os.close(writer)
    os.close(reader)


def test_who_goes_on_printing_holds_up_nobody() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    pump = Pump(WorkerOutput(nowhere, nowhere))
    pump.start()
    outlet = pump.open()
    taken: queue.Queue[str] = queue.Queue()

    def take() -> str:
        pump.take(outlet, lambda out, _err: taken.put(out))
        return taken.get(timeout=TIMEOUT_S)

    with subprocess.Popen(["yes"], stdout=outlet.output.descriptors[0]) as chatterbox:
        try:
            eventually(lambda: "y\ny\n" in take())
            eventually(lambda: "y\ny\n" in pump.take_now(outlet)[0])
            pump.close()
        finally:
            chatterbox.kill()

    outlet.close_writers()
    os.close(nowhere)


def fill(writer: int) -> bool:
    try:
        return os.write(writer, b"x" * 4096) > 0
    except BlockingIOError:
        return False


def test_what_is_left_is_passed_on_at_the_end_and_nothing_stays_open(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    place = Place(tmp_path)
    pipes = {os.fstat(stream.reader).st_ino for stream in place.outlet.streams}
    place.say("goodbye\n")
    place.outlet.close_writers()

    place.pump.close()
    place.pump.close()

    assert place.files[0].read_text() == "goodbye\n"
    for descriptor in place.descriptors:
        os.close(descriptor)
    assert not pipes & open_pipes()
    assert "farpool output" not in {thread.name for thread in set(threading.enumerate()) - before}


def open_pipes() -> set[int]:
    """Give the inode numbers of this process's pipes."""
    found: set[int] = set()
    for descriptor in range(3, 1024):
        with contextlib.suppress(OSError):
            status = os.fstat(descriptor)
            if stat.S_ISFIFO(status.st_mode):
                found.add(status.st_ino)
    return found


def test_a_tail_is_cut_at_the_beginning_of_a_line() -> None:
    tail = Tail(16)
    tail.add(b"one\ntwo\nthree\nfour\nfive\n")
    assert tail.take() == "[8 bytes left out]\nthree\nfour\nfive\n"
    assert tail.take() == ""


def test_a_tail_of_one_long_line_is_cut_within_it() -> None:
    tail = Tail(8)
    for _ in range(100):
        tail.add(b"0123456789")
    assert tail.take() == "[992 bytes left out]\n23456789"


def test_bytes_that_are_no_text_are_replaced() -> None:
    tail = Tail()
    tail.add(b"caf\xe9 \xf0\x9f")
    assert tail.take() == "caf� �"


@pytest.mark.parametrize("printed", [("said\n", ""), ('"farpool_printed":["",""]', "é\0\n\u2028"), ("", "\ud7ff")])
def test_what_was_printed_is_written_into_the_result_and_nowhere_else(printed: tuple[str, str]) -> None:
    trap = '"farpool_printed":["",""]'
    details = {"trap": trap, **nothing(), EXCEPTION: {PRINTED: ["", ""]}}
    result = Result("359e2ec3-caef-4258-a149-a67767af0ee8", f"{trap} {{{trap}}}", details)

    filled = decode(filled_in(encode(result), *printed))

    assert isinstance(filled, Result)
    assert filled.data == result.data
    assert filled.details == {"trap": trap, PRINTED: list(printed), EXCEPTION: {PRINTED: ["", ""]}}


def test_a_result_without_room_for_it_is_left_alone() -> None:
    body = encode(Result("359e2ec3-caef-4258-a149-a67767af0ee8", "4 2", {"os": "an old worker"}))

    assert filled_in(body, "said", "") == body


def test_a_worker_prints_to_pipes_of_its_own(place: Place) -> None:
    other: Outlet = place.pump.open()
    place.say("mine\n")
    os.write(other.output.descriptors[0], b"theirs\n")

    assert place.take()[:2] == ("mine\n", "")
    other.close_writers()
