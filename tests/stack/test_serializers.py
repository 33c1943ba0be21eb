"""Strategies that are chosen for a running executor."""

from __future__ import annotations

from typing import Any

import pytest

from farpool import Executor
from farpool.serialize import AllDataStrategies, ComputeSerializer, DillDataBase64, JSONData


def echo(value: object) -> Any:
    return type(value).__name__, value


@pytest.mark.slow
def test_an_executor_writes_as_it_was_told_last_and_reads_what_workers_were_told_to_write(executor: Executor) -> None:
    assert executor.submit(echo, (1, 2)).result(60) == ("tuple", (1, 2))

    executor.serializer = ComputeSerializer(strategy_code="AllCodeStrategies", strategy_data=JSONData)
    assert executor.submit(echo, (1, 2)).result(60) == ("list", [1, 2])

    executor.result_serializers = [JSONData(), DillDataBase64]
    assert executor.submit(echo, (1, 2)).result(60) == ["list", [1, 2]]
    view = executor.options(result_serializers=["farpool.serialize.AllDataStrategies"])
    assert view.submit(echo, {"a": 1}).result(60) == ["dict", {"a": 1}]

    executor.serializer = ComputeSerializer(allowed_deserializer_types=["DillCode", AllDataStrategies])
    assert view.submit(echo, "text").result(60) == ["str", "text"]
