"""A service whose users come from Globus, as far as a client sees it: a small real HTTP server."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from fakes.globus import Globus
from fakes.globus_directory import Application
from farpool.wire.rest import LoginWay
from support.rest_server import VERSION, Reply, Request, RestServer, refusal


class GlobusSite(RestServer):
    """Says how one logs in, and to whom it is told who they are: tokens that are good at that moment.

    Attributes:
        application: how it is registered at Globus.
        demands: answers to give first, one per request, to whoever is known.
        together: where requests that get one of these wait for each other.
        served: the tokens of requests that were answered.
        refused: the tokens of those that were refused.
    """

    def __init__(self, globus: Globus, *, way: LoginWay | None = None) -> None:
        self.application: Application = globus.service()
        self.way = way or LoginWay(self.application.scope, self.application.resource_server)
        self.demands: deque[Reply] = deque()
        self.together = threading.Barrier(1)
        self.served: list[str] = []
        self.refused: list[str] = []
        self._globus = globus
        super().__init__(self._serve)

    def _serve(self, request: Request) -> Reply:
        if request.path == "/v2/version":
            return Reply(body={**VERSION.body, **self.way.to_json()})
        text = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self._globus.active(text)
        if token is None or token.resource_server != self.application.resource_server:
            self.refused.append(text)
            return refusal(401, "UNAUTHORIZED", "that token is not known here")
        if self.demands:
            self.together.wait(60)
            return self.demands.popleft()
        self.served.append(text)
        person = token.person
        return Reply(body={"identity_id": person.identity_id, "name": person.username, "groups": [], "functions": []})


def demand(**parameters: Any) -> Reply:
    """Give the answer of a service that wants another login."""
    return Reply(
        403,
        {
            "code": "AuthorizationRequired",
            "message": "not like that",
            "authorization_parameters": {"session_message": "log in better", **parameters},
        },
    )
