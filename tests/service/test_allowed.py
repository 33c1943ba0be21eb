"""The list of functions that an endpoint's owner keeps at the service, beside the one that its agent brings."""

from __future__ import annotations

from typing import Any

import pytest

from farpool.wire import new_id
from support.callers import Caller


def set_list(caller: Caller, endpoint_id: str, functions: list[str] | None, *, expect: int = 200) -> Any:
    return caller.call("PUT", _path(endpoint_id), {"functions": functions}, expect=expect)


def change(caller: Caller, endpoint_id: str, *, expect: int = 200, **changes: list[str]) -> Any:
    return caller.call("PATCH", _path(endpoint_id), changes, expect=expect)


def _path(endpoint_id: str) -> str:
    return f"/v3/endpoints/{endpoint_id}/allowed_functions"


def test_a_list_that_the_owner_sets_counts_from_the_next_submission_on(caller: Caller) -> None:
    listed, other = caller.register_function(), caller.register_function()
    endpoint_id = caller.register_endpoint()["endpoint_id"]
    caller.submit(endpoint_id, other)

    answered = change(caller, endpoint_id, add=[listed])

    assert answered == {"endpoint_id": endpoint_id, "restricted": True, "functions": [listed]}
    assert caller.get(_path(endpoint_id)) == answered
    caller.submit(endpoint_id, listed)
    assert caller.submit(endpoint_id, other, expect=403)["code"] == "FUNCTION_NOT_PERMITTED"
    assert len(caller.get(f"/v3/tasks?endpoint_id={endpoint_id}")) == 2


def test_functions_are_added_and_removed_and_an_empty_list_allows_nothing(caller: Caller) -> None:
    first, second = sorted([new_id(), new_id()])
    endpoint_id = caller.register_endpoint()["endpoint_id"]

    change(caller, endpoint_id, add=[second])
    assert change(caller, endpoint_id, add=[first])["functions"] == [first, second]
    assert change(caller, endpoint_id, remove=[second, new_id()])["functions"] == [first]
    emptied = change(caller, endpoint_id, remove=[first])

    assert (emptied["restricted"], emptied["functions"]) == (True, [])
    caller.submit(endpoint_id, caller.register_function(), expect=403)
    assert set_list(caller, endpoint_id, None)["restricted"] is False
    caller.submit(endpoint_id, caller.register_function())


def test_the_list_stays_when_the_endpoint_registers_again(caller: Caller) -> None:
    listed = caller.register_function()
    endpoint_id = caller.register_endpoint()["endpoint_id"]
    set_list(caller, endpoint_id, [listed])

    caller.call("PUT", f"/v3/endpoints/{endpoint_id}", {"endpoint_name": "lab"})

    assert caller.get(_path(endpoint_id))["functions"] == [listed]


def test_the_agents_own_list_holds_whatever_the_service_says(caller: Caller) -> None:
    first, second, third = sorted([new_id(), new_id(), new_id()])
    endpoint_id = caller.register_endpoint(allowed_functions=[first, second])["endpoint_id"]

    assert change(caller, endpoint_id, add=[third])["functions"] == [first, second]
    assert change(caller, endpoint_id, remove=[first])["functions"] == [second]
    # The agent starts again with another list: what the owner listed counts on.
    caller.call("PUT", f"/v3/endpoints/{endpoint_id}", {"endpoint_name": "lab", "allowed_functions": [first, third]})
    assert caller.get(_path(endpoint_id))["functions"] == [third]
    assert set_list(caller, endpoint_id, None)["functions"] == [first, third]


def test_nothing_can_be_removed_where_anything_may_run(caller: Caller) -> None:
    endpoint_id = caller.register_endpoint()["endpoint_id"]

    error = change(caller, endpoint_id, remove=[new_id()], expect=409)

    assert error["code"] == "ENDPOINT_NOT_RESTRICTED"
    assert endpoint_id in error["message"]
    assert caller.get(_path(endpoint_id))["restricted"] is False


def test_only_the_owner_changes_the_list(caller: Caller, stranger: Caller) -> None:
    listed = caller.register_function()
    endpoint_id = caller.register_endpoint(public=True)["endpoint_id"]
    set_list(caller, endpoint_id, [listed])

    set_list(stranger, endpoint_id, None, expect=403)
    change(stranger, endpoint_id, add=[new_id()], expect=403)

    assert stranger.get(_path(endpoint_id))["functions"] == [listed]


def test_a_managers_list_holds_for_its_user_endpoints(caller: Caller) -> None:
    listed, other = caller.register_function(), caller.register_function()
    manager_id = caller.register_endpoint(multi_user=True)["endpoint_id"]
    user_endpoint_id = caller.submit(manager_id, listed, user_endpoint_config={})["endpoint_id"]
    set_list(caller, manager_id, [listed])

    assert caller.submit(user_endpoint_id, other, expect=403)["code"] == "FUNCTION_NOT_PERMITTED"
    assert caller.get(_path(user_endpoint_id))["functions"] == [listed]
    error = set_list(caller, user_endpoint_id, None, expect=409)

    assert error["code"] == "ENDPOINT_HAS_MANAGER"
    assert manager_id in error["message"]


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PUT", {}),
        ("PUT", {"functions": "x"}),
        ("PUT", {"functions": ["x"]}),
        ("PUT", []),
        ("PATCH", {"add": [5]}),
        ("PATCH", {"remove": "x"}),
    ],
)
def test_a_list_that_is_none_is_refused(caller: Caller, method: str, body: Any) -> None:
    endpoint_id = caller.register_endpoint()["endpoint_id"]

    assert caller.call(method, _path(endpoint_id), body, expect=422)["code"] == "REQUEST_MALFORMED"
    assert caller.get(_path(endpoint_id))["restricted"] is False
