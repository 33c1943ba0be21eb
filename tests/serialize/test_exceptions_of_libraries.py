"""Exceptions of real libraries as plain data and back: each holds something that pickle stumbles over, or may."""

from __future__ import annotations

import asyncio
import contextlib
import decimal
import http.client
import importlib
import json
import sqlite3
import ssl
import struct
import subprocess
import sys
import urllib.error
import xml.etree.ElementTree as ElementTree  # noqa: PLR0402 - as people write it
import zlib
from collections.abc import Callable
from email.message import Message
from typing import Any

import click
import globus_sdk
import numpy as np
import orjson
import pydantic
import pytest
import requests
import sqlalchemy
from pika import exceptions as pika_exceptions

from farpool.serialize.exceptions import describe, rebuild


class Model(pydantic.BaseModel):
    number: int


def response(status: int, body: bytes = b"{}") -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.reason = "a reason"
    made.url = "http://localhost/x"
    made._content = body  # pyright: ignore[reportPrivateUsage]
    made.headers["Content-Type"] = "application/json"
    made.request = requests.Request("GET", made.url).prepare()
    return made


def globus() -> None:
    raise globus_sdk.GlobusAPIError(response(404, b'{"code": "X", "message": "no"}'))


def database() -> None:
    engine = sqlalchemy.create_engine("sqlite://")
    try:
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text("select * from nowhere"))
    finally:
        engine.dispose()


def sqlite() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("nonsense")


def refuse(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


ways: dict[str, Callable[[], Any]] = {
    "asyncio": refuse(asyncio.IncompleteReadError(b"x", 5)),
    "click": refuse(click.BadParameter("bad", param_hint="--x")),
    "decimal": lambda: decimal.Decimal(1) / 0,
    "globus": globus,
    "http": refuse(http.client.IncompleteRead(b"ab", 7)),
    "import": lambda: importlib.import_module("no_such_module.inner"),
    "json": lambda: json.loads("{"),
    "numpy allocation": lambda: np.zeros(10**15),
    "numpy axis": lambda: np.zeros((2, 2)).sum(axis=7),
    "numpy linear algebra": lambda: np.linalg.inv(np.zeros((2, 2))),
    "orjson": lambda: orjson.loads("{"),
    "pika": refuse(pika_exceptions.ChannelClosedByBroker(404, "no")),
    "pydantic": lambda: Model(number="x"),  # type: ignore[arg-type]  # on purpose
    "requests json": lambda: response(200, b"{").json(),
    "requests status": lambda: response(404).raise_for_status(),
    "sqlalchemy": database,
    "sqlite": sqlite,
    "ssl": refuse(ssl.SSLCertVerificationError(1, "not trusted")),
    "struct": lambda: struct.unpack("I", b""),
    "subprocess": lambda: subprocess.run([sys.executable, "-c", "exit(3)"], check=True, capture_output=True),
    "unicode": b"\xff".decode,
    "url": refuse(urllib.error.URLError(OSError(111, "refused"))),
    "url status": refuse(urllib.error.HTTPError("http://x", 404, "no", Message(), None)),
    "xml": lambda: ElementTree.fromstring("<a>"),
    "zlib": lambda: zlib.decompress(b"x"),
}


@pytest.mark.parametrize("way", ways.values(), ids=ways.keys())
def test_an_exception_of_a_library_comes_back(way: Callable[[], Any]) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each its own
        way()
    error = caught.value

    rebuilt = rebuild(json.loads(json.dumps(describe(error))))

    assert type(rebuilt.error) is type(error)
    assert str(rebuilt.error) == str(error)
    assert repr(rebuilt.error) == repr(error)
    assert vars(rebuilt.error).keys() == vars(error).keys()
    assert rebuilt.left_out == ()
