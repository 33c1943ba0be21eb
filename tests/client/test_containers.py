from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from farpool.client import Client
from farpool.errors import AccessDenied, NotFound, ServiceRefused
from farpool.local import StackLease
from farpool.settings import HOSTED_SERVICE_URL
from farpool.wire import new_id
from support.embedded import home, stack

__all__ = ["home", "stack"]


@pytest.fixture
def of_stack(stack: StackLease) -> Iterator[Client]:
    with Client(service_url=stack.service_url, token=stack.token) as client:
        yield client


def test_a_container_is_registered_looked_at_listed_used_and_deleted(of_stack: Client) -> None:
    container_id = of_stack.register_container("python:3.12-slim", "docker", name="slim", description="a small one")

    shown = of_stack.get_container(container_id, "docker")
    assert (shown["name"], shown["type"], shown["location"]) == ("slim", "docker", "python:3.12-slim")
    assert of_stack.get_container(container_id) == shown
    assert shown in of_stack.get_containers()
    with pytest.raises(NotFound, match="'docker'"):
        of_stack.get_container(container_id, "venv")

    function_id = of_stack.register_function(len, container_uuid=container_id)
    assert of_stack.get_function(function_id)["container_uuid"] == container_id
    with pytest.raises(ServiceRefused, match=function_id):
        of_stack.delete_container(container_id)
    of_stack.delete_function(function_id)
    of_stack.delete_container(container_id)
    with pytest.raises((NotFound, AccessDenied), match=container_id):
        of_stack.get_container(container_id)
    with pytest.raises((NotFound, AccessDenied), match=container_id):
        of_stack.register_source_code("def f(): pass", "f", container_uuid=container_id)


Call = Callable[[Any], object]  # some of these calls are wrong on purpose

WRONG: list[tuple[Call, type[Exception], str]] = [
    (lambda client: client.register_container("x", "vm"), ValueError, "docker, podman, apptainer, singularity"),
    (lambda client: client.register_container("x", None), TypeError, "container_type"),
    (lambda client: client.register_container("", "docker"), ValueError, "location is empty"),
    (lambda client: client.register_container(3, "docker"), TypeError, "location"),
    (lambda client: client.register_container("-v", "docker"), ValueError, "begin with '-'"),
    (lambda client: client.register_container("env", "venv"), ValueError, "absolute path"),
    (lambda client: client.register_container("x", "docker", name=3), TypeError, "name"),
    (lambda client: client.get_container("no id", "docker"), ValueError, "container_uuid"),
    (lambda client: client.get_container(new_id(), "vm"), ValueError, "container_type 'vm'"),
    (lambda client: client.get_containers(0), ValueError, "limit"),
    (lambda client: client.delete_container(None), TypeError, "container_uuid"),
    (lambda client: client.register_function(len, container_uuid="x"), ValueError, "container_uuid"),
]


@pytest.mark.parametrize(("call", "error", "said"), WRONG)
def test_what_cannot_be_is_refused_before_anything_is_sent(
    client: Client, call: Call, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        call(client)


def test_the_hosted_service_is_not_asked_for_containers() -> None:
    with Client(service_url=HOSTED_SERVICE_URL, token="t", do_version_check=False) as client:
        with pytest.raises(ServiceRefused, match="container_uri") as raised:
            client.register_container("python:3.12", "docker")
        assert raised.value.code == "CONTAINERS_NOT_SUPPORTED"
        for call in (client.get_containers, lambda: client.delete_container(new_id())):
            with pytest.raises(ServiceRefused, match="keeps no containers"):
                call()
        with pytest.raises(ValueError, match="hosted service has no containers"):
            client.register_function(len, container_uuid=new_id())
