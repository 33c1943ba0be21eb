"""The calls about sharing."""

from __future__ import annotations

import pytest

from farpool.client import Client
from farpool.errors import ServiceRefused
from farpool.settings import Settings
from support.rest_server import RestServer

ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
GROUP = "5b116d3c-1703-4f8f-9f6f-39921e5864df"


@pytest.mark.parametrize("group", [GROUP, None])
def test_a_task_group_is_shared_with_a_group_or_nobody(server: RestServer, client: Client, group: str | None) -> None:
    server.answer(body={"taskgroup_id": ID, "group": group})

    client.share_task_group(ID, group)

    assert (server.last.method, server.last.path) == ("PUT", f"/v3/taskgroup/{ID}/group")
    assert server.last.json() == {"group": group}


def test_the_hosted_service_is_not_even_asked(settings: Settings) -> None:
    with (
        Client(
            service_url="https://compute.api.globus.org", token="t", settings=settings, do_version_check=False
        ) as hosted,
        pytest.raises(ServiceRefused, match="cannot share task groups; share functions"),
    ):
        hosted.share_task_group(ID, GROUP)
