"""A recorder: an HTTP server that passes every request on to a service, and keeps what was asked."""

from __future__ import annotations

import http.client
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
