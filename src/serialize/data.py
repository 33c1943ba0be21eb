"""The data strategies: for arguments, and for results that are not callables."""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from typing import Any

from typing_extensions import override

from .pickling import dumps, loads
from .strategy import Strategy


class DillDataBase64(Strategy):
    """The default for data: whatever can be pickled, as base64 of what `dill.loads` reads.

    The text is one line: readers take base64 with and without line breaks.
    """

    identifier = "00"
    for_code = False

    @override
    def encode(self, value: Any) -> str:
        return b2a_base64(dumps(value), newline=False).decode("ascii")

    @override
    def decode(self, body: str) -> Any:
        return loads(a2b_base64(body))


class JSONData(Strategy):
    """JSON: readable in any language and by any version, but tuples come back as lists and keys as strings."""

    identifier = "11"
    for_code = False

    @override
    def encode(self, value: Any) -> str:
        return json.dumps(value)

    @override
    def decode(self, body: str) -> Any:
        return json.loads(body)
