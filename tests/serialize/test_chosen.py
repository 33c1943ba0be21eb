"""Strategies by object, class or path, and the serializer with the SDK's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from farpool import Batch, Client, Executor
from farpool.errors import DeserializationError, SerializationError, WireError
from farpool.serialize import (
    STRATEGIES,
    AllCodeStrategies,
    AllowlistWildcard,
    AutoCode,
    CombinedCode,
    ComputeSerializer,
    DillCode,
    DillDataBase64,
    JSONData,
    PickleCode,
    PureSourceTextInspect,
    SerializationStrategy,
    Serializer,
    Strategy,
    StrategyLike,
    as_serializer,
    paths_of,
    strategy_like,
)


class TheirJSONData:
    """What the SDK's class looks like from here."""


TheirJSONData.__name__ = "JSONData"
TheirJSONData.__module__ = "globus_compute_sdk.serialize.concretes"


class Own(Strategy):
    identifier = "xx"
    for_code = False

    def encode(self, value: Any) -> str:
        return str(value)

    def decode(self, body: str) -> Any:
        return body


def double(x: int) -> int:
    return 2 * x


@pytest.mark.parametrize(
    "named",
    [
        JSONData(),
        JSONData,
        "JSONData",
        "farpool.serialize.JSONData",
        "farpool.serialize.data.JSONData",
        "globus_compute_sdk.serialize.JSONData",
        "globus_compute_sdk.serialize.concretes.JSONData",
        TheirJSONData(),
        TheirJSONData,
    ],
)
def test_a_strategy_is_found_however_it_is_named(named: Any) -> None:
    assert strategy_like(named) == JSONData()
    assert Serializer(data=named).data == JSONData()
    assert paths_of([named], "result_serializers") == ["globus_compute_sdk.serialize.JSONData"]
    assert Batch(result_serializers=(named,)).prepare()["result_serializers"] == [
        "globus_compute_sdk.serialize.JSONData"
    ]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_every_strategy_that_writes_has_a_path_that_all_workers_know(strategy: Strategy) -> None:
    if isinstance(strategy, PickleCode):
        return
    [path] = paths_of([strategy], "result_serializers") or []

    # What farpool alone has is read by the SDK under the name of the one that reads the same.
    assert (
        path == f"globus_compute_sdk.serialize.{'DillCode' if type(strategy) is AutoCode else type(strategy).__name__}"
    )
    assert strategy_like(path).identifier == strategy.identifier


BAD = [
    ("JSON", ValueError, "no serialization strategy is named 'JSON'; known: DillDataBase64, JSONData"),
    ("my_package.JSONData", ValueError, "no serialization strategy is named 'my_package.JSONData'"),
    (
        5,
        TypeError,
        "a strategy must be one of farpool.serialize, such as AllCodeStrategies(), or its import path, not 5",
    ),
    (dict, TypeError, "a strategy must be one of farpool.serialize"),
]


@pytest.mark.parametrize(("named", "kind", "message"), BAD)
def test_what_names_no_strategy_is_refused_before_anything_is_sent(
    named: Any, kind: type[Exception], message: str
) -> None:
    attempts: list[Callable[[], object]] = [
        lambda: ComputeSerializer(named),
        lambda: Client(service_url="http://127.0.0.1:9", token="t", data_serialization_strategy=named),
        lambda: Batch(result_serializers=[named]),
        lambda: Executor(result_serializers=[named]),
        lambda: Executor().options(result_serializers=[named]),
    ]
    for attempt in attempts:
        with pytest.raises(kind) as caught:
            attempt()
        assert message in str(caught.value)


def test_a_strategy_of_ones_own_and_one_that_cannot_write_are_not_for_workers() -> None:
    assert Serializer(data=Own()).deserialize("11\n1") == 1
    with pytest.raises(ValueError, match=r"result_serializers: strategy xx \(Own\) is your own"):
        paths_of([Own()], "result_serializers")
    with pytest.raises(ValueError, match="PickleCode only reads"):
        paths_of([PickleCode], "result_serializers")
    with pytest.raises(TypeError, match="must be a list of strategies or of their import paths, not 'JSONData'"):
        paths_of("JSONData", "result_serializers")


def test_a_strategy_of_the_other_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="for code choose a strategy for code"):
        ComputeSerializer(strategy_code=JSONData)
    with pytest.raises(ValueError, match="for data choose a strategy for data"):
        ComputeSerializer(strategy_data="globus_compute_sdk.serialize.DillCode")


def test_the_serializer_has_the_names_that_programs_for_the_sdk_use() -> None:
    serializer = ComputeSerializer(strategy_code=PureSourceTextInspect(), strategy_data=JSONData())

    assert (serializer.code_serializer, serializer.data_serializer) == (PureSourceTextInspect(), JSONData())
    assert isinstance(serializer.code_serializer, SerializationStrategy)
    texts = [serializer.serialize(double), serializer.serialize([4]), serializer.serialize({})]
    packed = serializer.pack_buffers(texts)
    assert packed.count("11\n") == 2
    assert [text[:2] for text in serializer.unpack_buffers(packed)] == ["st", "11", "11"]
    function, args, kwargs = serializer.unpack_and_deserialize(packed)
    assert function(*args, **kwargs) == 8
    with pytest.raises(WireError, match="3 packed strings, not 1"):
        serializer.unpack_and_deserialize(serializer.pack_buffers(["11\n1"]))


def test_strategies_are_checked_by_sending_a_call_through_them() -> None:
    function, args, kwargs = ComputeSerializer(CombinedCode()).check_strategies(double, 21)

    assert function(*args, **kwargs) == 42
    with pytest.raises(SerializationError, match=r"argument 1 \(a set\)"):
        ComputeSerializer(strategy_data=JSONData()).check_strategies(double, {1})
    with pytest.raises(SerializationError, match="takes a function first, not 5"):
        ComputeSerializer().check_strategies(5)  # type: ignore[arg-type] # the mistake


def test_the_first_strategy_that_can_writes_the_value() -> None:
    strategies: list[StrategyLike] = ["globus_compute_sdk.serialize.JSONData", DillDataBase64, AllCodeStrategies()]

    written = [ComputeSerializer.serialize_from_list(value, strategies)[:2] for value in ([1], {1}, double)]

    assert written == ["11", "00", "12"]
    with pytest.raises(SerializationError, match=r"no strategy asked for can write .* a set"):
        ComputeSerializer.serialize_from_list({1}, [JSONData])


@pytest.mark.parametrize(
    "allowed", [[JSONData, AllCodeStrategies()], ["farpool.serialize.JSONData", AllowlistWildcard.CODE]]
)
def test_only_what_is_allowed_is_read(allowed: list[Any]) -> None:
    serializer = ComputeSerializer(allowed_deserializer_types=allowed)

    assert serializer.deserialize("11\n[1]") == [1]
    with pytest.raises(DeserializationError, match=r"\(DillDataBase64\) may not be read here; allowed are: JSONData"):
        serializer.deserialize(DillDataBase64().serialize(1))


def test_a_list_of_what_is_allowed_has_both_kinds() -> None:
    with pytest.raises(ValueError, match="at least one strategy for code and one for data"):
        ComputeSerializer(allowed_deserializer_types=[JSONData])


def test_a_serializer_of_the_sdk_is_taken_as_one_of_ours() -> None:
    class Theirs:
        code_serializer = DillCode()
        data_serializer = TheirJSONData()
        allowed_deserializer_types: frozenset[Any] = frozenset()

    Theirs.__name__, Theirs.__module__ = "ComputeSerializer", "globus_compute_sdk.serialize.facade"

    taken = as_serializer(Theirs())

    assert (taken.code, taken.data) == (DillCode(), JSONData())
    with pytest.raises(TypeError, match="serializer must be a Serializer, not 'x'"):
        as_serializer("x")


def test_an_executor_writes_as_its_client_does_until_it_is_told_otherwise() -> None:
    with Client(service_url="http://127.0.0.1:9", token="t", do_version_check=False, serializer=Serializer()) as client:
        client.serializer = ComputeSerializer(strategy_data=JSONData())
        executor = Executor("4b116d3c-1703-4f8f-9f6f-39921e5864df", client=client)

        assert executor.serializer is client.serializer

        executor.serializer = ComputeSerializer()
        assert executor.serializer.data == DillDataBase64()
        with pytest.raises(TypeError, match="serializer must be a Serializer"):
            executor.serializer = "dill"  # type: ignore[assignment] # the mistake
        executor.shutdown()
