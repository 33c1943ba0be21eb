"""Small answers: where results are, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..checks import as_object
from .fields import drop_none, read


@dataclass(frozen=True, slots=True)
class ResultQueue:
    """Where a client finds its results (`GET /v2/get_amqp_result_connection_url`)."""

    queue_prefix: str
    connection_url: str

    def __repr__(self) -> str:
        return f"ResultQueue(queue_prefix={self.queue_prefix!r})"

    def to_json(self) -> dict[str, Any]:
        """Write the answer."""
        return {"queue_prefix": self.queue_prefix, "connection_url": self.connection_url}

    @classmethod
    def from_json(cls, body: object) -> ResultQueue:
        """Read an answer."""
        body = as_object(body, "body")
        return cls(read(body, "queue_prefix", str), read(body, "connection_url", str))


def error_body(code: str, message: str, *, request_id: str | None = None) -> dict[str, Any]:
    """Write an error body that every client reads: string `code` and `message`."""
    return drop_none({"code": code, "message": message, "request_id": request_id})
