"""Other versions at the worker than here: warned about once for each endpoint, bytecode of them is not loaded."""

from __future__ import annotations

import base64
import logging
import platform
import sys
import warnings
from typing import Any

import dill
import pytest

import farpool
from farpool.client import Client, VersionWatch, read_result
from farpool.errors import DeserializationError, VersionWarning
from farpool.serialize import DillCode, Serializer
from farpool.wire.messages import Result
from support.rest_server import Reply, RestServer

TASK = "8b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER_PYTHON = "3.9.18" if sys.version_info[:2] != (3, 9) else "3.8.18"
HERE = {"python_version": platform.python_version(), "dill_version": dill.__version__}


def result(text: str = "", **details: Any) -> Result:
    return Result(TASK, text, details)


def test_another_python_is_warned_about_with_a_table_once_for_each_endpoint() -> None:
    watch = VersionWatch()
    other = result(**HERE | {"python_version": OTHER_PYTHON})

    with pytest.warns(VersionWarning) as told:
        list(map(watch.look, [other] * 3, ("one", "one", "two")))

    texts = [str(one.message) for one in told]
    assert [text.partition(" has ")[0] for text in texts] == ["endpoint one", "endpoint two"]
    rows = [line.split() for line in texts[0].splitlines()[1:4]]
    dill_version = HERE["dill_version"]
    assert rows == [
        ["here", "there"],
        ["Python", HERE["python_version"], OTHER_PYTHON],
        ["dill", dill_version, dill_version],
    ]
    assert f"bytecode, which Python {OTHER_PYTHON.rpartition('.')[0]} refuses" in texts[0]


def test_another_dill_is_warned_about() -> None:
    with pytest.warns(VersionWarning, match=r"(?s)dill +.* 0\.3\.9\n.*read by both"):
        VersionWatch().look(result(**HERE | {"dill_version": "0.3.9"}), "one")


@pytest.mark.parametrize(
    "details",
    [
        HERE,
        HERE | {"python_version": f"{sys.version_info[0]}.{sys.version_info[1]}.99"},
        {"os": "Linux"},
        {},
    ],
)
def test_versions_that_go_together_and_unknown_ones_are_not_mentioned(details: dict[str, Any]) -> None:
    VersionWatch().look(result(**details), "one")


def test_the_first_result_that_tells_its_versions_counts() -> None:
    watch = VersionWatch()
    watch.look(result(), "one")

    with pytest.warns(VersionWarning):
        watch.look(result(python_version=OTHER_PYTHON), "one")


def test_no_result_is_lost_where_warnings_are_errors(caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        VersionWatch().look(result(python_version=OTHER_PYTHON), "one")

    assert "endpoint one has other versions" in caplog.text


def test_the_warning_can_be_silenced_by_its_category() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("ignore", farpool.VersionWarning)
        VersionWatch().look(result(python_version=OTHER_PYTHON), "one")

    assert told == []


def test_a_client_warns_when_it_reads_results(server: RestServer, client: Client) -> None:
    text = Serializer().serialize(7)
    server.script = lambda _request: Reply(
        body={
            "task_id": TASK,
            "status": "success",
            "completion_t": "1.5",
            "result": text,
            "details": {"python_version": OTHER_PYTHON, "endpoint_id": "one"},
        }
    )

    with pytest.warns(VersionWarning) as told:
        assert client.get_result(TASK) == client.get_result(TASK) == 7

    assert len(told) == 1


def test_bytecode_of_another_python_that_does_not_say_so_is_not_loaded() -> None:
    inner: Any = dill
    bare = "01\n" + base64.b64encode(inner.dumps(eval("lambda: 7"))).decode()
    guarded = Serializer(code=DillCode()).serialize(eval("lambda: 7"))
    minor = OTHER_PYTHON.rpartition(".")[0]

    with pytest.raises(DeserializationError, match=rf"as bytecode of Python {minor}, which Python 3\.\d+ cannot run"):
        read_result(result(python_version=OTHER_PYTHON), bare, pytest.fail)
    for text, details in ((bare, HERE), (bare, {}), (guarded, {"python_version": OTHER_PYTHON})):
        assert read_result(result(**details), text, Serializer().deserialize)() == 7
