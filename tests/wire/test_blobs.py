from __future__ import annotations

import hashlib

import pytest

from farpool.errors import WireError
from farpool.wire.blobs import Referenced, as_digest, blobs_in, blobs_of, from_header, to_header
from farpool.wire.packing import pack

ONE, TWO = (hashlib.sha256(text).hexdigest() for text in (b"1", b"2"))
VALUE = Referenced({ONE: 10, TWO: 2_000_000}, [3, ONE, 4], [TWO, TWO], b"abcdefg")
TEXT = f"fb\n{VALUE.body()}"


def test_a_value_by_reference_reads_back() -> None:
    assert Referenced.read(TEXT) == VALUE


def test_what_packed_strings_refer_to_is_found_without_reading_the_rest() -> None:
    assert blobs_of(pack(["00\ngASV", TEXT])) == {ONE: 10, TWO: 2_000_000}
    assert blobs_in(TEXT) == {ONE: 10, TWO: 2_000_000}


@pytest.mark.parametrize("packed", ["", "fb", "not packed", "4\n00\nA", "99\nfb\n", pack(["00\nfb\n", "11\n{}"])])
def test_what_is_no_reference_refers_to_nothing(packed: str) -> None:
    assert "fb\n{" in packed or blobs_of(packed.replace("99\nfb\n", "99\n")) == {}


@pytest.mark.parametrize(
    "head",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"blobs": []}',
        '{"blobs": {"x": 1}}',
        f'{{"blobs": {{"{ONE}": -1}}}}',
        '{"blobs": {"a": true}}',
    ],
)
def test_a_damaged_reference_is_told(head: str) -> None:
    with pytest.raises(WireError):
        blobs_of(pack([f"fb\n{head}\n"]))
    with pytest.raises(WireError):
        Referenced.read(f"fb\n{head}\n")


@pytest.mark.parametrize(
    "text",
    [
        f'fb\n{{"blobs": {{"{ONE}": 1}}, "stream": ["{TWO}"], "buffers": []}}\n',
        'fb\n{"blobs": {}, "stream": [-1], "buffers": []}\n',
        'fb\n{"blobs": {}, "stream": [true], "buffers": []}\n',
        'fb\n{"blobs": {}, "stream": [[]], "buffers": []}\n',
        'fb\n{"blobs": {}, "stream": 1, "buffers": []}\n',
        'fb\n{"blobs": {}, "stream": [], "buffers": [0]}\n',
        'fb\n{"blobs": {}, "stream": [1], "buffers": []}\nA',
    ],
)
def test_a_reference_that_makes_no_sense_is_told(text: str) -> None:
    with pytest.raises(WireError):
        Referenced.read(text)


def test_a_header_reads_back() -> None:
    assert from_header(to_header(VALUE.blobs)) == VALUE.blobs
    assert from_header("") == {}


@pytest.mark.parametrize("header", [None, 3, "x", "x:1", f"{ONE}", f"{ONE}:", f"{ONE}:-1", f"{ONE}:1x"])
def test_a_header_that_is_none_is_told(header: object) -> None:
    with pytest.raises(ValueError, match="blob"):
        from_header(header)


@pytest.mark.parametrize("name", [None, "", "abc", ONE.upper(), f"{ONE}0", f"../{ONE[3:]}"])
def test_what_is_no_name_of_a_blob_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        as_digest(name)
