from __future__ import annotations

import pytest

from farpool.wire import new_id
from support.callers import Agent, Caller

IMAGE = {"name": "numbers", "location": "registry.example/numbers:1", "type": "podman", "description": "with numpy"}


def test_a_container_is_shown_as_it_was_registered_by_id_and_by_type(caller: Caller) -> None:
    container_id = caller.post("/v2/containers", IMAGE)["container_id"]

    shown = caller.get(f"/v2/containers/{container_id}/podman")["container"]

    assert shown.items() >= {**IMAGE, "container_uuid": container_id}.items()
    assert shown["owner"] == caller.get("/v3/identity")["identity_id"]
    assert caller.get(f"/v2/containers/{container_id}")["container"] == shown
    assert caller.get("/v2/containers?limit=1") == [shown]
    assert "'podman'" in caller.get(f"/v2/containers/{container_id}/venv", expect=404)["message"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"type": "vm"}, "docker, podman, apptainer"),
        ({"type": "venv"}, "absolute path"),
        ({"location": "--privileged"}, "must not begin with '-'"),
        ({"location": "a\nb"}, "control characters"),
        ({"location": " "}, "empty"),
        ({"location": None}, "'location' is missing"),
        ({"type": None}, "'type' is missing"),
    ],
)
def test_a_container_that_cannot_be_is_refused(caller: Caller, changes: dict[str, object], said: str) -> None:
    assert said in caller.post("/v2/containers", IMAGE | changes, expect=422)["message"]


def test_the_tasks_of_a_function_carry_its_container_for_whoever_may_run_it(caller: Caller, stranger: Caller) -> None:
    container_id = caller.post("/v2/containers", IMAGE)["container_id"]
    function_id = caller.register_function(container_uuid=container_id, public=True)
    plain_id = caller.register_function(public=True)
    credentials = stranger.register_endpoint()

    stranger.submit(credentials["endpoint_id"], function_id)
    stranger.submit(credentials["endpoint_id"], plain_id)

    with Agent(credentials) as agent:
        contained, plain = agent.take(2)
    assert contained.container_id == container_id
    assert contained.container is not None
    (image,) = contained.container.images
    assert (contained.container.name, image.image_type, image.location) == ("numbers", "podman", IMAGE["location"])
    assert plain.container_id is None
    assert plain.container is None
    assert caller.get(f"/v2/functions/{function_id}")["container_uuid"] == container_id


def test_a_container_is_its_owners_and_a_stranger_cannot_tell_whether_it_is_there(
    caller: Caller, stranger: Caller
) -> None:
    theirs, nobodys = caller.post("/v2/containers", IMAGE)["container_id"], new_id()

    for method, path in (("GET", ""), ("GET", "/podman"), ("DELETE", "")):
        said = [
            stranger.call(method, f"/v2/containers/{one}{path}", expect=403)["message"].replace(one, "X")
            for one in (theirs, nobodys)
        ]
        assert said[0] == said[1]
    for one in (theirs, nobodys):
        body = {"function_name": "f", "function_code": "3\nabc", "container_uuid": one}
        stranger.post("/v3/functions", body, expect=403)
    assert stranger.get("/v2/containers") == []
    caller.get(f"/v2/containers/{theirs}")


def test_a_container_is_kept_as_long_as_a_function_runs_in_it(caller: Caller) -> None:
    container_id = caller.post("/v2/containers", IMAGE)["container_id"]
    function_id = caller.register_function(container_uuid=container_id)
    credentials = caller.register_endpoint()
    caller.submit(credentials["endpoint_id"], function_id)

    assert function_id in caller.call("DELETE", f"/v2/containers/{container_id}", expect=409)["message"]
    caller.call("DELETE", f"/v2/functions/{function_id}")
    caller.call("DELETE", f"/v2/containers/{container_id}", expect=409)  # its task is yet to be run
    caller.call("DELETE", f"/v2/endpoints/{credentials['endpoint_id']}")
    caller.call("DELETE", f"/v2/containers/{container_id}")

    caller.get(f"/v2/containers/{container_id}", expect=404)
    assert container_id not in [one["container_uuid"] for one in caller.get("/v2/containers")]
