"""The calls about groups of people."""

from __future__ import annotations

import pytest

from farpool.client import Client
from farpool.errors import ServiceRefused
from support.rest_server import RestServer

ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
GROUP = "5b116d3c-1703-4f8f-9f6f-39921e5864df"


@pytest.mark.parametrize("group", [GROUP, None])
def test_a_task_group_is_shared_with_a_group_or_nobody(server: RestServer, client: Client, group: str | None) -> None:
    server.answer(body={"taskgroup_id": ID, "group": group})

    client.share_task_group(ID, group)

    assert (server.last.method, server.last.path) == ("PUT", f"/v3/taskgroup/{ID}/group")
    assert server.last.json() == {"group": group}


def test_groups_are_listed_as_the_service_names_them(server: RestServer, client: Client) -> None:
    server.answer(body={"identity_id": ID, "name": "ann", "groups": [{"group_id": GROUP, "name": "lab"}]})

    assert client.get_groups() == [{"group_id": GROUP, "name": "lab"}]


def test_the_hosted_service_is_not_asked_for_what_it_has_not() -> None:
    with Client(service_url="https://compute.api.globus.org", token="t", do_version_check=False) as hosted:
        with pytest.raises(ServiceRefused, match="cannot share task groups; share the functions"):
            hosted.share_task_group(ID, GROUP)
        with pytest.raises(ServiceRefused, match="cannot list groups"):
            hosted.get_groups()
