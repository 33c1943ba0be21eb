"""The edge of the web application: gives every request an id, bounds its size, and answers for what nobody caught."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from ..wire import new_id
from ..wire.rest import error_body
from . import faults
from .faults import Fault

log = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID_HEADER = b"x-request-id"


class Edge:
    """Wraps the web application.

    Args:
        app: answers the requests; finds `request_id` in its request's state.
        max_request_bytes: larger bodies are refused, by what the request says of itself where it does.
        unbounded: paths that begin so have a bound of their own.
    """

    def __init__(self, app: Application, *, max_request_bytes: int, unbounded: str) -> None:
        self._app = app
        self._max_request_bytes = max_request_bytes
        self._unbounded = unbounded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            raise ValueError(f"this service speaks HTTP only, not {scope['type']}")
        request_id = new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        is_answered = False

        async def send_named(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                message["headers"] = [*message.get("headers", ()), (REQUEST_ID_HEADER, request_id.encode())]
            await send(message)

        try:
            if not scope["path"].startswith(self._unbounded):
                self._require_size(_content_length(scope))
                receive = self._bounded(receive)
            await self._app(scope, receive, send_named)
        except Exception as error:
            if not isinstance(error, Fault):
                log.exception("%s %s failed (request %s)", scope["method"], scope["path"], request_id)
            if not is_answered:
                await _answer(send_named, error, request_id)

    def _bounded(self, receive: Receive) -> Receive:
        """Count what comes in: a chunked body does not say beforehand how large it is."""
        size = 0

        async def receive_counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            self._require_size(size)
            return message

        return receive_counted

    def _require_size(self, size_bytes: int) -> None:
        if size_bytes > self._max_request_bytes:
            raise faults.too_large(size_bytes, self._max_request_bytes)


def internal_error() -> Fault:
    """500: a bug, or a store or disk in trouble."""
    return Fault(
        500, "INTERNAL_ERROR", "the service failed to answer the request; its log says why, under this request id"
    )


def _content_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def _answer(send: Send, error: Exception, request_id: str) -> None:
    fault = error if isinstance(error, Fault) else internal_error()
    body = json.dumps(error_body(fault.code, fault.message, request_id=request_id)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": fault.http_status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
