"""What is shared: with groups, with admins, with those a manager's user endpoint is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from farpool.service import People
from farpool.wire import new_id
from support.callers import Caller, task_ids_of
from support.service import RunningService


class Lab:
    """Ann and Bob, who are in a group, and Sam, who is not."""

    def __init__(self, service: RunningService) -> None:
        self.service = service
        with People(service.directory) as people:
            self.ids = {name: people.add_user(name).identity_id for name in ("ann", "bob", "sam")}
            self.group_id = people.add_group("lab", ["ann", "bob"]).group_id
            self.other_id = people.add_group("other", ["sam"]).group_id
            callers = [Caller(service, people.add_token(name, "test")) for name in self.ids]
        self.ann, self.bob, self.sam = callers


@pytest.fixture(scope="module")
def lab(service: RunningService) -> Iterator[Lab]:
    one = Lab(service)
    yield one
    for caller in (one.ann, one.bob, one.sam):
        caller.session.close()


def test_everybody_is_told_their_groups(lab: Lab) -> None:
    assert lab.ann.get("/v3/identity")["groups"] == [{"group_id": lab.group_id, "name": "lab"}]


def test_a_function_goes_with_its_group_as_it_is_when_it_is_run(lab: Lab) -> None:
    function_id = lab.ann.register_function(group=lab.group_id)
    endpoint_id = lab.sam.register_endpoint()["endpoint_id"]

    error = lab.sam.submit(endpoint_id, function_id, expect=403)
    with People(lab.service.directory) as people:
        people.join("lab", ["sam"])
        lab.sam.submit(endpoint_id, function_id)
        people.leave("lab", ["sam"])
    lab.sam.submit(endpoint_id, function_id, expect=403)

    assert error["code"] == "FUNCTION_ACCESS_FORBIDDEN"
    assert f"the members of group {lab.group_id}" in error["message"]


def test_nobody_shares_with_a_group_that_they_are_not_in(lab: Lab, caller: Caller) -> None:
    body = {"function_name": "f", "function_code": "1\nx"}

    for group_id in (lab.other_id, new_id()):
        error = lab.ann.post("/v3/functions", {**body, "group": group_id}, expect=403)
        assert error["code"] == "GROUP_ACCESS_FORBIDDEN"
        assert f"no group {group_id} that you may share with" in error["message"]
    assert caller.post("/v3/functions", {**body, "group": lab.other_id}, expect=403)["code"] == "GROUP_ACCESS_FORBIDDEN"
    assert caller.post("/v3/functions", {**body, "group": new_id()}, expect=404)["code"] == "GROUP_NOT_FOUND"
    assert "group" in lab.ann.post("/v3/functions", {**body, "group": "lab"}, expect=422)["message"]


def test_ones_own_deleted_function_is_gone_and_to_others_it_never_was(lab: Lab) -> None:
    function_id = lab.ann.register_function(public=True)
    lab.ann.call("DELETE", f"/v2/functions/{function_id}")

    assert lab.ann.get(f"/v2/functions/{function_id}", expect=404)["code"] == "FUNCTION_NOT_FOUND"
    assert lab.sam.get(f"/v2/functions/{function_id}", expect=403)["code"] == "FUNCTION_ACCESS_FORBIDDEN"


def test_a_deleted_endpoint_is_gone_for_its_owner_and_for_others_as_one_that_never_was(lab: Lab) -> None:
    endpoint_id = lab.ann.register_endpoint()["endpoint_id"]
    lab.ann.call("DELETE", f"/v2/endpoints/{endpoint_id}")

    assert "was deleted" in lab.ann.get(f"/v2/endpoints/{endpoint_id}", expect=404)["message"]
    assert "there is no endpoint" in lab.sam.get(f"/v2/endpoints/{endpoint_id}", expect=403)["message"]


def test_the_id_of_a_deleted_endpoint_is_nobodys_to_take(lab: Lab) -> None:
    endpoint_id = lab.ann.register_endpoint()["endpoint_id"]
    lab.ann.call("DELETE", f"/v2/endpoints/{endpoint_id}")
    wish = {"endpoint_name": "again"}

    told = lab.ann.call("PUT", f"/v3/endpoints/{endpoint_id}", wish, expect=404)
    denied = lab.sam.call("PUT", f"/v3/endpoints/{endpoint_id}", wish, expect=403)

    assert "its id is not given again" in told["message"]
    assert "leave the id out" in denied["message"]


def test_an_admin_does_with_an_endpoint_what_its_owner_does_but_for_registering_it(lab: Lab) -> None:
    about = {"metadata": {"hostname": "lab7"}, "admins": [lab.ids["bob"]]}
    endpoint_id = lab.ann.register_endpoint(**about)["endpoint_id"]

    shown = lab.bob.get(f"/v2/endpoints/{endpoint_id}")
    assert (shown["metadata"], shown["admins"]) == (about["metadata"], about["admins"])
    lab.bob.submit(endpoint_id, lab.bob.register_function())
    lab.bob.call("PUT", f"/v3/endpoints/{endpoint_id}", {"endpoint_name": "mine"}, expect=403)
    assert endpoint_id in [one["uuid"] for one in lab.bob.get("/v2/endpoints?role=any")]
    assert endpoint_id not in [one["uuid"] for one in lab.sam.get("/v2/endpoints?role=any")]
    lab.bob.call("DELETE", f"/v2/endpoints/{endpoint_id}")


def test_who_looks_after_a_public_endpoint_is_not_shown_to_others(lab: Lab) -> None:
    endpoint_id = lab.ann.register_endpoint(public=True, admins=[lab.ids["bob"]])["endpoint_id"]

    listed = {one["uuid"]: one for one in lab.sam.get("/v2/endpoints?role=any")}

    assert "admins" not in listed[endpoint_id]
    assert "admins" not in lab.sam.get(f"/v2/endpoints/{endpoint_id}")


def test_a_managers_owner_looks_after_user_endpoints_and_submits_to_none_of_others(lab: Lab) -> None:
    manager_id = lab.ann.register_endpoint(multi_user=True, public=True)["endpoint_id"]
    function_id = lab.bob.register_function(public=True)
    user_endpoint_id = lab.bob.submit(manager_id, function_id)["endpoint_id"]

    assert lab.ann.get(f"/v2/endpoints/{user_endpoint_id}")["manager_id"] == manager_id
    lab.ann.submit(user_endpoint_id, function_id, expect=403)
    lab.sam.get(f"/v2/endpoints/{user_endpoint_id}", expect=403)
    lab.bob.submit(user_endpoint_id, function_id)
    lab.ann.call("DELETE", f"/v2/endpoints/{user_endpoint_id}")


def test_a_user_endpoint_is_used_as_long_as_its_manager_is_open(lab: Lab) -> None:
    body = {"endpoint_name": "lab", "multi_user": True}
    manager_id = lab.ann.register_endpoint(multi_user=True, public=True)["endpoint_id"]
    function_id = lab.bob.register_function()
    user_endpoint_id = lab.bob.submit(manager_id, function_id)["endpoint_id"]

    lab.ann.call("PUT", f"/v3/endpoints/{manager_id}", body)

    lab.bob.submit(user_endpoint_id, function_id, expect=403)
    lab.bob.get(f"/v2/endpoints/{user_endpoint_id}")


def test_the_tasks_of_a_shared_task_group_are_seen_and_not_touched_by_members(lab: Lab) -> None:
    endpoint_id, function_id = lab.ann.register_endpoint()["endpoint_id"], lab.ann.register_function()
    reply = lab.ann.submit(endpoint_id, function_id)
    (task_id,), task_group_id = task_ids_of(reply), reply["task_group_id"]
    lab.ann.call("PUT", f"/v3/taskgroup/{task_group_id}/group", {"group": lab.group_id})

    assert lab.bob.get(f"/v2/taskgroup/{task_group_id}") == {
        "taskgroup_id": task_group_id,
        "tasks": [{"id": task_id}],
        "shared": True,
    }
    assert "shared" not in lab.ann.get(f"/v2/taskgroup/{task_group_id}")
    assert lab.bob.post("/v2/batch_status", {"task_ids": [task_id]})["results"].keys() == {task_id}
    assert [one["task_id"] for one in lab.bob.get(f"/v3/tasks?task_group_id={task_group_id}")] == [task_id]
    assert task_id not in [one["task_id"] for one in lab.bob.get("/v3/tasks")]
    assert lab.bob.get(f"/v3/tasks?endpoint_id={endpoint_id}") == []
    assert lab.bob.post("/v2/tasks/cancel", {"task_ids": [task_id]})["results"] == {task_id: "unknown"}
    bobs = lab.bob.register_endpoint()["endpoint_id"]
    lab.bob.submit(bobs, lab.bob.register_function(), task_group_id=task_group_id, expect=403)

    lab.ann.call("PUT", f"/v3/taskgroup/{task_group_id}/group", {"group": None})
    lab.bob.get(f"/v2/tasks/{task_id}", expect=403)


def test_a_task_group_is_shared_with_groups_that_its_owner_is_in_only(lab: Lab) -> None:
    reply = lab.ann.submit(lab.ann.register_endpoint()["endpoint_id"], lab.ann.register_function())
    path = f"/v3/taskgroup/{reply['task_group_id']}/group"

    assert lab.ann.call("PUT", path, {"group": lab.other_id}, expect=403)["code"] == "GROUP_ACCESS_FORBIDDEN"
    assert "'group' is missing" in lab.ann.call("PUT", path, {}, expect=422)["message"]
    assert "is not a UUID" in lab.ann.call("PUT", path, {"group": "lab"}, expect=422)["message"]
