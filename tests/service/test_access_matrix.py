"""The access matrix: every route of the application, for everybody who may ask.

A route without a row fails the test. The world that the rows speak of is Ann's, who shares some of it with a group that
Bob is in; Sam is nobody's friend; the administrator is the holder of the token in the service's directory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest
import requests
from fastapi.routing import APIRoute

from farpool.service import People
from farpool.service.routes import ROUTERS
from farpool.wire import new_id, pack
from farpool.wire.blobs import Referenced
from support.callers import PAYLOAD, Caller
from support.service import RunningService, service_in_thread

ASKERS = ("owner", "member", "stranger", "administrator", "anonymous")


@dataclass(frozen=True, slots=True)
class World:
    """What is Ann's, made anew for each row."""

    ids: Mapping[str, str]

    def fill(self, text: str) -> str:
        """Write the names in braces as ids."""
        for name, value in self.ids.items():
            text = text.replace("{" + name + "}", value)
        return text


@dataclass(frozen=True, slots=True)
class Row:
    """A request and the status that each asker gets.

    Attributes:
        of: which thing of Ann's the braces in path and body stand for; empty: none.
        is_blind: whether a stranger gets word for word the same for an id that is nobody's.
    """

    method: str
    path: str
    statuses: tuple[int, int, int, int]
    body: Any = None
    of: str = ""
    is_blind: bool = True
    data: bytes | None = None

    @property
    def route(self) -> tuple[str, str]:
        return self.method, self.path.partition("?")[0]

    @property
    def name(self) -> str:
        return " ".join(filter(None, (self.method, self.path, self.of)))


def rows(method: str, path: str, by_thing: Mapping[str, Sequence[int]], body: Any = None) -> list[Row]:
    """Make rows of one route: by thing the statuses of owner, member, stranger and administrator."""
    return [Row(method, path, tuple(found), body, thing) for thing, found in by_thing.items()]  # type: ignore[arg-type] # four each


ALL = (200, 200, 200, 200)
ONE = (200, 403, 403, 403)
SHARED = (200, 200, 403, 403)
NOBODY = (403, 403, 403, 403)
FUNCTION = {"function_name": "f", "function_code": pack(["01\ncode"])}
ENDPOINT = {"endpoint_name": "lab"}
NO_FUNCTIONS: dict[str, list[str]] = {"functions": []}
CONTAINER = {"type": "docker", "location": "python:3.12", "name": "python"}

MATRIX: list[Row] = [
    Row("GET", "/v3/identity", ALL),
    # functions
    Row("POST", "/v2/functions", ALL, FUNCTION),
    Row("POST", "/v3/functions", ALL, FUNCTION),
    Row("POST", "/v3/functions", SHARED, {**FUNCTION, "group": "{group}"}, of="group"),
    Row("GET", "/v3/functions", ALL),
    *rows(
        "GET",
        "/v2/functions/{function_id}",
        {"private function": ONE, "public function": ALL, "shared function": SHARED},
    ),
    *rows(
        "DELETE",
        "/v2/functions/{function_id}",
        {"private function": ONE, "public function": ONE, "shared function": ONE},
    ),
    Row("GET", "/v3/functions/search?query=f", ALL),
    # containers
    Row("POST", "/v2/containers", ALL, CONTAINER),
    Row("GET", "/v2/containers", ALL),
    *rows("GET", "/v2/containers/{container_id}", {"private container": ONE}),
    *rows("GET", "/v2/containers/{container_id}/{type}", {"private container": ONE}),
    *rows("DELETE", "/v2/containers/{container_id}", {"private container": ONE}),
    *rows("POST", "/v3/functions", {"private container": ONE}, {**FUNCTION, "container_uuid": "{container_id}"}),
    # endpoints
    Row("POST", "/v2/endpoints", ALL, ENDPOINT),
    Row("POST", "/v3/endpoints", ALL, ENDPOINT),
    # An id that is nobody's can be had by whoever asks for it first, so this cannot be blind.
    Row("PUT", "/v3/endpoints/{endpoint_id}", ONE, ENDPOINT, of="private endpoint", is_blind=False),
    Row("PUT", "/v3/endpoints/{endpoint_id}", ONE, ENDPOINT, of="public endpoint", is_blind=False),
    Row("PUT", "/v3/endpoints/{endpoint_id}", NOBODY, ENDPOINT, of="user endpoint", is_blind=False),
    Row("GET", "/v2/endpoints", ALL),
    Row("GET", "/v2/endpoints?role=any", ALL),
    *[
        row
        for path in (
            "/v2/endpoints/{endpoint_id}",
            "/v2/endpoints/{endpoint_id}/status",
            "/v3/endpoints/{endpoint_id}/allowed_functions",
        )
        for row in rows(
            "GET",
            path,
            {"private endpoint": ONE, "public endpoint": ALL, "user endpoint": ONE, "managed by Bob": SHARED},
        )
    ],
    *[
        row
        for method, path in (
            ("POST", "/v2/endpoints/{endpoint_id}/lock"),
            ("POST", "/v3/endpoints/{endpoint_id}/lock"),
            ("DELETE", "/v2/endpoints/{endpoint_id}"),
        )
        for row in rows(
            method,
            path,
            {"private endpoint": ONE, "public endpoint": ONE, "user endpoint": ONE, "managed by Bob": SHARED},
        )
    ],
    *[
        row
        for method, body in (("PUT", NO_FUNCTIONS), ("PATCH", {}))
        for row in rows(
            method,
            "/v3/endpoints/{endpoint_id}/allowed_functions",
            {"private endpoint": ONE, "public endpoint": ONE, "managed by Bob": SHARED},
            body,
        )
    ],
    # submitting
    *rows(
        "POST",
        "/v3/endpoints/{endpoint_id}/submit",
        {"private endpoint": ONE, "public endpoint": ALL, "user endpoint": ONE, "managed by Bob": SHARED},
        {"tasks": {"{everybody's}": [PAYLOAD]}},
    ),
    *[
        Row("POST", "/v3/endpoints/{open}/submit", found, {"tasks": {"{function_id}": [PAYLOAD]}}, of=thing)
        for thing, found in (("private function", ONE), ("public function", ALL), ("shared function", SHARED))
    ],
    Row(
        "POST",
        "/v3/endpoints/{open}/submit",
        ONE,
        {"tasks": {"{everybody's}": [PAYLOAD]}, "task_group_id": "{task_group_id}"},
        of="shared task group",
        is_blind=False,  # an id that is nobody's makes a new task group
    ),
    *rows(
        "POST",
        "/v2/submit",
        {"private endpoint": ONE, "public endpoint": ALL},
        {"tasks": [["{everybody's}", "{endpoint_id}", PAYLOAD]]},
    ),
    # tasks
    *[
        row
        for path in ("/v2/tasks/{task_id}", "/v3/tasks/{task_id}", "/v2/taskgroup/{task_group_id}")
        for row in rows("GET", path, {"private task group": ONE, "shared task group": SHARED})
    ],
    *rows(
        "PUT",
        "/v3/taskgroup/{task_group_id}/group",
        {"private task group": ONE, "shared task group": ONE},
        {"group": None},
    ),
    Row("GET", "/v3/tasks", ALL),
    Row("GET", "/v3/tasks?task_group_id={task_group_id}", ALL, of="private task group"),
    Row("POST", "/v2/batch_status", ALL, {"task_ids": ["{task_id}"]}, of="private task group"),
    Row("POST", "/v2/tasks/cancel", ALL, {"task_ids": ["{task_id}"]}, of="private task group"),
    Row("GET", "/v2/get_amqp_result_connection_url", ALL),
    # blobs
    Row("PUT", "/v2/blobs/" + sha256(b"x").hexdigest(), ALL, data=b"x"),
    Row("POST", "/v2/blobs", ALL, {"digests": ["{digest}"]}, of="private blob"),
    *rows("GET", "/v2/blobs/{digest}", {"private blob": ONE, "shared blob": SHARED}),
]

#: The one route that anybody may ask.
OPEN = {("GET", "/v2/version")}


class Site:
    """A service with people, and what is needed to make things of Ann's."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        with People(service.directory) as people:
            names = ("ann", "bob", "sam")
            people_ids = {name: people.add_user(name).identity_id for name in names}
            self.group_id = people.add_group("lab", ["ann", "bob"]).group_id
            callers = [Caller(service, people.add_token(name, "test")) for name in names]
        self.ann, self.bob, self.sam = callers
        self.bob_id = people_ids["bob"]
        self.administrator = Caller(service)
        self.everybodys = self.ann.register_function(public=True)
        self.open_id = self.ann.register_endpoint(public=True, metadata={"takes_blobs": True})["endpoint_id"]

    def close(self) -> None:
        for one in (self.ann, self.bob, self.sam, self.administrator):
            one.session.close()

    def callers(self) -> list[Caller]:
        return [self.ann, self.bob, self.sam, self.administrator]

    def world(self, thing: str) -> World:
        """Make a thing of Ann's."""
        common = {"group": self.group_id, "everybody's": self.everybodys, "open": self.open_id, "type": "docker"}
        make: Callable[[], dict[str, str]] = {
            "": dict,
            "group": dict,
            "private function": self._function,
            "public function": lambda: self._function(public=True),
            "shared function": lambda: self._function(group=self.group_id),
            "private endpoint": self._endpoint,
            "public endpoint": lambda: self._endpoint(public=True),
            "managed by Bob": lambda: self._endpoint(admins=[self.bob_id]),
            "user endpoint": self._user_endpoint,
            "private container": lambda: {"container_id": self.ann.post("/v2/containers", CONTAINER)["container_id"]},
            "private task group": lambda: self._task_group(PAYLOAD),
            "shared task group": lambda: self._shared(self._task_group(PAYLOAD)),
            "private blob": lambda: self._blob(b"private"),
            "shared blob": lambda: self._shared(self._blob(b"shared")),
        }[thing]
        return World({**common, **make()})

    def _function(self, **how: Any) -> dict[str, str]:
        return {"function_id": self.ann.register_function(**how)}

    def _endpoint(self, **how: Any) -> dict[str, str]:
        return {"endpoint_id": self.ann.register_endpoint(**how)["endpoint_id"]}

    def _user_endpoint(self) -> dict[str, str]:
        manager = self.ann.register_endpoint(multi_user=True)["endpoint_id"]
        return {"endpoint_id": self.ann.submit(manager, self.everybodys)["endpoint_id"]}

    def _task_group(self, payload: str) -> dict[str, str]:
        reply = self.ann.submit(self.open_id, self.everybodys, [payload])
        return {"task_group_id": reply["task_group_id"], "task_id": reply["tasks"][self.everybodys][0]}

    def _shared(self, ids: dict[str, str]) -> dict[str, str]:
        self.ann.call("PUT", f"/v3/taskgroup/{ids['task_group_id']}/group", {"group": self.group_id})
        return ids

    def _blob(self, data: bytes) -> dict[str, str]:
        digest = sha256(data).hexdigest()
        self.ann.session.put(f"{self.service.url}/v2/blobs/{digest}", data=data, timeout=60)
        value = Referenced({digest: len(data)}, [digest])
        return {"digest": digest, **self._task_group(pack([f"fb\n{value.body()}", "00\nkwargs"]))}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with service_in_thread(tmp_path_factory.mktemp("service")) as running:
        one = Site(running)
        yield one
        one.close()


def ask(caller: Caller | None, site: Site, row: Row, world: World) -> requests.Response:
    session = requests if caller is None else caller.session
    body = None if row.body is None else json.loads(world.fill(json.dumps(row.body)))
    options: dict[str, Any] = {"data": row.data} if row.data is not None else {"json": body}
    return session.request(row.method, site.service.url + world.fill(row.path), timeout=60, **options)


def test_every_route_of_the_application_has_a_row() -> None:
    known = {row.route for row in MATRIX} | OPEN
    routes = {
        (method, route.path)
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    named = {(method, _unnamed(path)) for method, path in known}

    missing = {(method, path) for method, path in routes if (method, _unnamed(path)) not in named}
    gone = named - {(method, _unnamed(path)) for method, path in routes}

    assert missing == set(), "give each of these routes a row in MATRIX"
    assert gone == set()


def _unnamed(path: str) -> str:
    """Write a path without the names of its parameters, which the rows spell as ids of the world."""
    return "/".join("{}" if part.startswith("{") or len(part) == 64 else part for part in path.split("/"))


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.name)
def test_everybody_gets_what_the_matrix_says(site: Site, row: Row) -> None:
    found: list[int] = []
    for caller in site.callers():
        response = ask(caller, site, row, site.world(row.of))
        found.append(response.status_code)
        if response.status_code == 403:
            body = response.json()
            assert body["code"].endswith("_FORBIDDEN")
            assert body["message"]
    anonymous = ask(None, site, row, site.world(row.of))

    assert dict(zip(ASKERS, [*found, anonymous.status_code], strict=True)) == dict(
        zip(ASKERS, [*row.statuses, 401], strict=True)
    )


PRIVATE = [row for row in MATRIX if row.is_blind and row.of.startswith(("private", "user", "group"))]


@pytest.mark.parametrize("row", PRIVATE, ids=lambda row: row.name)
def test_a_stranger_is_not_told_whether_a_private_thing_is_there(site: Site, row: Row) -> None:
    there = site.world(row.of)
    nowhere = {
        name: new_id() for name in ("endpoint_id", "function_id", "task_id", "task_group_id", "group", "container_id")
    }
    nowhere["digest"] = sha256(new_id().encode()).hexdigest()
    absent = World({**there.ids, **{name: value for name, value in nowhere.items() if name in there.ids}})

    answers = [_words(ask(site.sam, site, row, world), world) for world in (there, absent)]

    assert answers[0] == answers[1]


def _words(response: requests.Response, world: World) -> tuple[int, str]:
    text = json.dumps(response.json())
    if (named := response.headers.get("x-request-id")) is not None:
        text = text.replace(named, "request_id")
    for name, value in world.ids.items():
        text = text.replace(value, name)
    return response.status_code, text
