"""A recorder: an HTTP server that passes every request on to a service, and keeps what was asked."""

from __future__ import annotations

import http.client
import threading
from urllib.parse import urlsplit

from .rest_server import Reply, Request, RestServer

_OWN = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})


class Recorder(RestServer):
    """Stands before a service; `target` and `token` may be set to another one meanwhile.

    Attributes:
        target: the URL of the service.
        token: the bearer token to send there, instead of the one that came; None: the one that came.
    """

    def __init__(self, target: str, token: str | None = None) -> None:
        self.target = target
        self.token = token
        super().__init__(self._pass_on)

    def count(self, method: str, path: str) -> int:
        """Count the requests whose path begins so."""
        return sum(request.method == method and request.path.startswith(path) for request in self.requests)

    def _pass_on(self, request: Request) -> Reply:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        connection = http.client.HTTPConnection(urlsplit(self.target).netloc, timeout=30)
        try:
            connection.request(request.method, request.target, request.body, headers)
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() in {"retry-after"}}
            return Reply(answer.status, answer.read(), kept)
        finally:
            connection.close()


class Holder(Recorder):
    """A recorder that can hold submissions: the service has them, or not, and the caller waits for the answer.

    Attributes:
        path: how the paths of requests end that can be held.
        holds: "answer": the service gets it, and the answer is held; "request": the service does not get it; None:
            nothing is held.
        is_holding: set when a submission is held.
    """

    def __init__(self, target: str) -> None:
        self.path = "/submit"
        self.holds: str | None = None
        self.is_holding = threading.Event()
        self._let_go = threading.Event()
        super().__init__(target)

    def let_go(self) -> None:
        """Hold nothing any more; what was held is not answered."""
        self.holds = None
        self._let_go.set()

    def _pass_on(self, request: Request) -> Reply:
        held = self.holds if request.path.endswith(self.path) else None
        if held is None:
            return super()._pass_on(request)
        if held == "answer":
            super()._pass_on(request)
        self.is_holding.set()
        self._let_go.wait(60)
        return Reply(503)
