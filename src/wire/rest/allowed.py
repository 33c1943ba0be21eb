"""The list of functions that an endpoint's owner keeps at the service (`/v3/endpoints/{id}/allowed_functions`).

`PUT` sets it, `PATCH` changes it. Both are ours: the hosted service has the `GET` only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..checks import as_object
from .fields import read, read_id


@dataclass(frozen=True, slots=True)
class AllowedFunctionsList:
    """The list, as a whole.

    Attributes:
        functions: ids; None: there is none, and any function may run.
    """

    functions: Sequence[str] | None

    def to_json(self) -> dict[str, Any]:
        """Write the request body."""
        return {"functions": None if self.functions is None else list(self.functions)}

    @classmethod
    def from_json(cls, body: object) -> AllowedFunctionsList:
        """Read a request body. That there is no list must be said: a body that holds nothing is a mistake."""
        body = as_object(body, "body")
        return cls(None if "functions" in body and body["functions"] is None else _ids(body, "functions", ...))


@dataclass(frozen=True, slots=True)
class AllowedFunctionsChange:
    """A change to the list.

    Attributes:
        add: ids that are to be on it.
        remove: ids that are not.
    """

    add: Sequence[str] = ()
    remove: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """Write the request body."""
        return {name: list(ids) for name, ids in (("add", self.add), ("remove", self.remove)) if ids}

    @classmethod
    def from_json(cls, body: object) -> AllowedFunctionsChange:
        """Read a request body."""
        body = as_object(body, "body")
        return cls(add=_ids(body, "add", []), remove=_ids(body, "remove", []))


def _ids(body: Mapping[str, Any], name: str, default: Any) -> list[str]:
    return [read_id(one, f"a function id in {name!r}") for one in read(body, name, list, default)]
