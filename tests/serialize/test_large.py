"""Values by reference: what is large leaves the text, uncopied, and comes back as it was."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from farpool.errors import DeserializationError, SerializationError
from farpool.serialize import AllDataStrategies, Serializer
from farpool.serialize.large import MOST_PIECES, Pieces, dumps_large, loads_pieces
from farpool.wire.blobs import blobs_of

np: Any = numpy

#: Above the limit, as float64.
COUNT = 150_000


class Kept:
    """Pieces by name, in memory."""

    def __init__(self) -> None:
        self.pieces: dict[str, bytes] = {}
        self.times = 0

    def keep(self, piece: memoryview) -> str:
        self.times += 1
        digest = hashlib.sha256(piece).hexdigest()
        self.pieces[digest] = bytes(piece)
        return digest

    def find(self, digest: str, size_bytes: int) -> bytearray:
        assert len(self.pieces[digest]) == size_bytes
        return bytearray(self.pieces[digest])


def crossed(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any], Kept]:
    """Send a call there, and read it there."""
    serializer, kept = Serializer(), Kept()
    payload = serializer.pack_arguments(args, kwargs, kept.keep)
    assert set(blobs_of(payload)) == set(kept.pieces)
    _, found, named = serializer.unpack_call(serializer.pack_function(len) + payload, kept.find)
    return found, named, kept


def test_small_arguments_are_written_as_ever() -> None:
    kept = Kept()
    for args in [(), (1, "two"), ({"a": [1.5]}, np.arange(10)), (lambda: 1, b"x" * 1000)]:
        assert Serializer().pack_arguments(args, {"k": 1}, kept.keep) == Serializer().pack_arguments(args, {"k": 1})
    assert kept.times == 0


def test_an_array_is_kept_apart_once_and_each_place_gets_its_own() -> None:
    array = np.arange(COUNT, dtype=float)

    (first, holder), named, kept = crossed(array, [array.copy()], k=array)

    assert len(kept.pieces) == 1
    for found in (first, holder[0], named["k"]):
        assert np.array_equal(found, array)
        assert found.flags.writeable
    first[0] = -1
    assert holder[0][0] == named["k"][0] == 0


def test_the_memory_of_an_array_is_read_and_not_copied() -> None:
    array = np.ones(COUNT)
    data = dumps_large((array,))
    assert isinstance(data, Pieces)

    array[0] = 7.0

    assert np.frombuffer(data.buffers[0])[0] == 7.0


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.ones((400, 500)).T,
        lambda: np.arange(2 * COUNT)[::2],
        lambda: np.arange(COUNT).astype("M8[s]"),
        lambda: np.zeros(COUNT, dtype=[("a", "i4"), ("b", "f8")]),
        lambda: np.ones(COUNT, dtype=bool).repeat(10).reshape(2, 5, -1),
        lambda: np.arange(COUNT, dtype=">i8"),
        lambda: np.array(["äöü"] * COUNT),
    ],
)
def test_arrays_of_all_kinds_come_back_as_they_were(make: Callable[[], Any]) -> None:
    array = make()

    (found,), _, kept = crossed(array)

    assert kept.times == 1
    assert np.array_equal(found, array)
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.flags.writeable


def test_a_read_only_array_comes_back_writable_as_from_a_plain_pickle() -> None:
    array = np.ones(COUNT)
    array.flags.writeable = False

    assert pickle.loads(pickle.dumps(array)).flags.writeable
    assert crossed(array)[0][0].flags.writeable


def test_long_texts_and_bytes_are_pieces_and_what_is_between_travels_along() -> None:
    value = {"text": "ä" * 800_000, "data": b"x" * 2_000_000, "rest": list(range(100)), "more": bytearray(1_200_000)}

    (found,), _, kept = crossed(value)

    assert found == value
    assert len(kept.pieces) >= 2


def test_a_pickle_that_is_large_by_many_small_things_is_one_piece() -> None:
    value = [str(number) for number in range(200_000)]

    (found,), _, kept = crossed(value)

    assert found == value
    assert kept.times == 1


def test_no_value_has_more_pieces_than_a_message_can_name() -> None:
    data = dumps_large([np.full(COUNT // 10, number) for number in range(200)], 100_000)

    assert isinstance(data, Pieces)
    assert len(data.stream) + len(data.buffers) <= MOST_PIECES
    assert [int(one[0]) for one in loads_pieces(data.stream, data.buffers)] == list(range(200))


def test_what_dill_alone_can_write_is_kept_apart_as_well() -> None:
    array = np.arange(COUNT)

    (function, found), _, kept = crossed(lambda: float(array.sum()), array)

    assert function() == array.sum()
    assert np.array_equal(found, array)
    assert kept.pieces[hashlib.sha256(array.tobytes()).hexdigest()]


def test_a_result_by_reference_comes_back() -> None:
    kept = Kept()

    text = Serializer().serialize_large({"values": np.ones(COUNT)}, kept.keep)

    assert len(text) < 1000
    assert Serializer().deserialize(text, kept.find)["values"].sum() == COUNT


def test_a_strategy_that_was_chosen_is_kept_to() -> None:
    kept = Kept()
    serializer = Serializer(data=AllDataStrategies())

    assert serializer.pack_arguments(("x" * 2_000_000,), {}, kept.keep) == serializer.pack_arguments(
        ("x" * 2_000_000,), {}
    )
    assert kept.times == 0


def test_who_has_no_way_to_what_a_value_refers_to_is_told_so() -> None:
    text = Serializer().serialize_large(np.ones(COUNT), Kept().keep)

    with pytest.raises(DeserializationError, match="only a reference to it is here"):
        Serializer().deserialize(text)


def test_what_cannot_be_sent_beside_something_large_is_named() -> None:
    with pytest.raises(SerializationError, match="argument 2"):
        Serializer().pack_arguments((np.ones(COUNT), (number for number in range(3))), {}, Kept().keep)


def test_what_keeping_raises_is_raised() -> None:
    def keep(_piece: memoryview) -> str:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        Serializer().pack_arguments((np.ones(COUNT),), {}, keep)
