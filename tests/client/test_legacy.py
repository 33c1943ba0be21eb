"""funcX's client: its names and shapes, at a service that runs nothing, and its limits, at one that counts."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from farpool.client import Client, Throttle
from farpool.client.legacy import (
    Batch,
    FuncXClient,
    MaxRequestsExceeded,
    MaxRequestSizeExceeded,
    MaxResultSizeExceeded,
    ThrottlingException,
)
from farpool.errors import AccessDenied, FarpoolError, PayloadTooLarge, RateLimited, ServiceRefused, TaskPending
from farpool.serialize import Serializer
from farpool.settings import HOSTED_SERVICE_URL, Settings
from farpool.wire import unpack
from support.rest_server import VERSION, Reply, Request, RestServer, refusal
from support.service import RunningService, service_in_thread

from .conftest import AT_ONCE

FUNCTION = "4b116d3c-1703-4f8f-9f6f-39921e5864df"
ENDPOINT = "5b116d3c-1703-4f8f-9f6f-39921e5864df"
OTHER = "6b116d3c-1703-4f8f-9f6f-39921e5864df"


def double(x: int) -> int:
    """Double a number."""
    return 2 * x


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with service_in_thread(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture
def fxc(service: RunningService, settings: Settings) -> Iterator[FuncXClient]:
    """A client that is not throttled: these tests ask more often than people do."""
    with FuncXClient(funcx_service_address=service.url, token=service.token, settings=settings) as one:
        one.throttling_enabled = False
        yield one


@pytest.fixture
def counted(server: RestServer, settings: Settings) -> Iterator[FuncXClient]:
    """A throttled client of a server that counts."""
    with FuncXClient(
        funcx_service_address=server.url, token="t", settings=settings, patience=AT_ONCE, do_version_check=False
    ) as one:
        yield one


def calls_in(batch: Batch) -> list[tuple[str, str, Any, Any]]:
    """Give function, endpoint and arguments of each task."""
    read = Serializer().deserialize
    return [(function, endpoint, *map(read, unpack(payload))) for function, endpoint, payload in batch.tasks]


# ---- batches in funcX's shapes

SHAPES: list[tuple[Callable[[Batch], object], tuple[Any, ...], dict[str, Any]]] = [
    (lambda b: b.add(FUNCTION, ENDPOINT), (), {}),
    (lambda b: b.add(FUNCTION, ENDPOINT, (1, 2)), (1, 2), {}),
    (lambda b: b.add(FUNCTION, ENDPOINT, (1,), {"k": 3}), (1,), {"k": 3}),
    (lambda b: b.add(FUNCTION, ENDPOINT, kwargs={"k": 3}), (), {"k": 3}),
    (lambda b: b.add(FUNCTION, endpoint_id=ENDPOINT, args=[1]), (1,), {}),
    (lambda b: b.add(ENDPOINT, (1,), function_id=FUNCTION), (1,), {}),
    (lambda b: b.add(function_id=FUNCTION, endpoint_id=ENDPOINT, args=(1,), kwargs={"k": 3}), (1,), {"k": 3}),
    (lambda b: b.add(function_id=FUNCTION, endpoint_id=ENDPOINT, args=None), (), {}),
    (lambda b: b.add(endpoint_id=ENDPOINT, function_id=FUNCTION), (), {}),
    (lambda b: b.add(1, 2, endpoint_id=ENDPOINT, function_id=FUNCTION, k=3), (1, 2), {"k": 3}),
    (lambda b: b.add((1,), endpoint_id=ENDPOINT, function_id=FUNCTION), ((1,),), {}),
    (lambda b: b.add(endpoint_id=ENDPOINT, function_id=FUNCTION, args="x"), (), {"args": "x"}),
    (lambda b: b.add(1, endpoint_id=ENDPOINT, function_id=FUNCTION, args=(2,)), (1,), {"args": (2,)}),
]


@pytest.mark.parametrize(("add", "args", "kwargs"), SHAPES)
def test_a_call_is_added_in_either_shape(
    add: Callable[[Batch], object], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    batch = Batch()

    add(batch)

    assert [(f, e, tuple(a), k) for f, e, a, k in calls_in(batch)] == [(FUNCTION, ENDPOINT, args, kwargs)]


NEITHER: list[tuple[Callable[[Batch], object], type[Exception], str]] = [
    (lambda b: b.add(), TypeError, "function_id and endpoint_id: not given. add takes a call in one of funcX's two"),
    (lambda b: b.add(FUNCTION), TypeError, "endpoint_id: not given"),
    (lambda b: b.add(1, 2, endpoint_id=ENDPOINT), TypeError, "function_id must be a UUID"),
    (lambda b: b.add(FUNCTION, ENDPOINT, 5), TypeError, "args must be a tuple"),
    (lambda b: b.add(FUNCTION, ENDPOINT, (), {}, 5), TypeError, "this is neither"),
    (lambda b: b.add(FUNCTION, ENDPOINT, (), x=5), TypeError, "this is neither"),
    (lambda b: b.add(FUNCTION, ENDPOINT, (1,), args=(2,)), TypeError, "this is neither"),
    (lambda b: b.add("x", ENDPOINT), ValueError, "function_id 'x' is not a UUID"),
]


@pytest.mark.parametrize(("add", "error", "message"), NEITHER)
def test_what_is_in_neither_shape_is_refused(
    add: Callable[[Batch], object], error: type[Exception], message: str
) -> None:
    batch = Batch()

    with pytest.raises(error, match=message):
        add(batch)
    assert len(batch) == 0


# ---- at a service


def test_a_batch_for_several_endpoints_gives_its_task_ids_in_order(fxc: FuncXClient) -> None:
    first, second = (fxc.register_endpoint(name)["endpoint_id"] for name in ("a", "b"))
    one, two = fxc.register_function(double), fxc.register_function(double, "twice", None, "Twice.", True)
    batch = fxc.create_batch()
    wanted = [(one, first), (two, second), (one, second), (two, first), (one, first)]
    for function_id, endpoint_id in wanted:
        batch.add(function_id, endpoint_id, (1,))

    task_ids = fxc.batch_run(batch)

    told = {task["task_id"]: task for task in fxc.client.get_tasks(task_group_id=fxc.session_task_group_id)}
    assert [(told[one]["function_id"], told[one]["endpoint_id"]) for one in task_ids] == wanted
    assert batch.prepare()["task_group_id"] == fxc.session_task_group_id
    assert fxc.client.get_function(two)["description"] == "Twice."


def test_a_task_that_waits_is_pending(fxc: FuncXClient) -> None:
    endpoint_id, function_id = fxc.register_endpoint("a")["endpoint_id"], fxc.register_function(double)

    task_id = fxc.run(21, endpoint_id=endpoint_id, function_id=function_id)
    task_ids = fxc.map_run([1, 2, 3], endpoint_id=endpoint_id, function_id=function_id)

    with pytest.raises(TaskPending):
        fxc.get_result(task_id)
    assert fxc.get_task(task_id)["pending"] is True
    assert list(fxc.get_batch_result([task_id, *task_ids])) == [task_id, *task_ids]
    assert fxc.get_batch_status([task_id])[task_id]["pending"] is True


def test_a_whitelist_is_the_list_of_allowed_functions(fxc: FuncXClient) -> None:
    endpoint_id = fxc.register_endpoint("a")["endpoint_id"]

    assert fxc.get_whitelist(endpoint_id)["restricted"] is False
    fxc.add_to_whitelist(endpoint_id, [FUNCTION, OTHER])
    assert fxc.get_whitelist(endpoint_id)["functions"] == [FUNCTION, OTHER]
    answers = fxc.delete_from_whitelist(endpoint_id, [OTHER])
    assert [one["functions"] for one in answers] == [[FUNCTION]]
    fxc.add_to_whitelist(endpoint_id, OTHER)
    assert len(fxc.delete_from_whitelist(endpoint_id, [FUNCTION, OTHER])) == 2
    assert fxc.delete_from_whitelist(endpoint_id, []) == []
    with pytest.raises(TypeError, match="function_ids must be a list of ids, or one, not 5"):
        fxc.add_to_whitelist(endpoint_id, 5)


def test_endpoints_are_shown_found_and_deleted(fxc: FuncXClient) -> None:
    endpoint_id = fxc.register_endpoint("lab-under-the-roof")["endpoint_id"]

    assert fxc.get_endpoint_status(endpoint_id)["status"] == "offline"
    assert fxc.get_endpoint_metadata(endpoint_id)["name"] == "lab-under-the-roof"
    for scope in ("all", "my-endpoints"):
        assert [one["uuid"] for one in fxc.search_endpoint("ROOF under", scope)] == [endpoint_id]
    assert fxc.search_endpoint("roof", "shared-with-me") == []
    owner = fxc.get_endpoint_metadata(endpoint_id)["owner"]
    assert fxc.search_endpoint("roof", owner_id=f"urn:globus:auth:identity:{owner}")
    assert fxc.search_endpoint("roof", owner_id=OTHER) == []
    with pytest.raises(ValueError, match="scope 'ours' is none; one of: all, my-endpoints, shared-with-me"):
        fxc.search_endpoint("roof", "ours")
    fxc.stop_endpoint(endpoint_id)
    fxc.delete_endpoint(endpoint_id)
    assert endpoint_id not in str(fxc.get_endpoints())


def test_functions_are_found(fxc: FuncXClient) -> None:
    function_id = fxc.register_function(double, "legacy_double", searchable=True)

    assert [one["function_uuid"] for one in fxc.search_function("legacy_doub", limit=1)] == [function_id]
    with pytest.raises(ValueError, match="advanced=True: there is no query syntax any more"):
        fxc.search_function("double", advanced=True)
    with pytest.warns(UserWarning, match="searchable=False is ignored"):
        fxc.register_function(double, searchable=False)


def test_a_function_runs_in_a_container_that_was_registered(fxc: FuncXClient) -> None:
    container_id = fxc.register_container("python:3.11", "Docker", name="py")

    function_id = fxc.register_function(double, container_uuid=container_id)

    assert fxc.get_container(container_id, "docker")["location"] == "python:3.11"
    assert fxc.client.get_function(function_id)["container_uuid"] == container_id
    for refused in (fxc.build_container, fxc.get_container_build_status):
        with pytest.raises(ServiceRefused, match="no service builds containers any more"):
            refused(container_id)


# ---- wrong use

WRONG: list[tuple[Callable[[FuncXClient], object], type[Exception], str]] = [
    (lambda c: c.run(1, function_id=FUNCTION), TypeError, "endpoint_id= is missing"),
    (lambda c: c.run(1, endpoint_id=ENDPOINT), TypeError, "function_id= is missing"),
    (lambda c: c.run(endpoint_id="x", function_id=FUNCTION), ValueError, "endpoint_id 'x' is not a UUID"),
    (lambda c: c.map_run(endpoint_id=ENDPOINT, function_id=FUNCTION), TypeError, "map_run takes one iterable"),
    (lambda c: c.map_run(5, endpoint_id=ENDPOINT, function_id=FUNCTION), TypeError, "map_run takes one iterable"),
    (lambda c: c.map_run([], endpoint_id=ENDPOINT, function_id=FUNCTION), ValueError, "the batch is empty"),
    (lambda c: c.batch_run(c.create_batch()), ValueError, "the batch is empty: add at least one task"),
    (lambda c: c.batch_run(c.client.create_batch()), TypeError, "batch_run takes a Batch, made by create_batch"),  # type: ignore[arg-type]
    (lambda c: c.create_batch("x"), ValueError, "task_group_id 'x' is not a UUID"),
    (lambda c: c.get_batch_result(FUNCTION), TypeError, "task_id_list must be a list of task ids"),
    (lambda c: c.register_endpoint("a", ENDPOINT, endpoint_uuid=OTHER), TypeError, "they are the same"),
    (lambda c: setattr(c, "throttling_enabled", "no"), TypeError, "throttling_enabled must be True or False"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_use_is_told_before_anything_is_sent(
    server: RestServer,
    counted: FuncXClient,
    call: Callable[[FuncXClient], object],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        call(counted)
    assert server.requests == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"asynchronous": True}, TypeError, "asynchronous= is not there any more: use farpool.Executor"),
        ({"login_manager": object()}, TypeError, "login_manager= is not there any more: give app="),
        ({"environment": "dev"}, ValueError, "environment 'dev' is none of 'production', 'local'"),
        ({"funcx_service_address": "https://api2.funcx.org/v2"}, ValueError, "is no service any more"),
        ({"funcx_service_address": "http://x", "service_url": "http://y"}, TypeError, "they are the same"),
        ({"task_group_id": "x"}, ValueError, "task_group_id 'x' is not a UUID"),
        ({"nonsense": 1}, TypeError, "nonsense"),
    ],
)
def test_what_cannot_be_had_is_refused(
    settings: Settings, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        FuncXClient(token="t", settings=settings, do_version_check=False, **options)


def test_arguments_that_have_lost_their_meaning_are_ignored_with_a_warning(settings: Settings) -> None:
    quiet: dict[str, Any] = {"asynchronous": False, "check_endpoint_version": False, "loop": None}
    with FuncXClient(token="t", settings=settings, do_version_check=False, **quiet) as fxc:
        assert fxc.funcx_service_address == HOSTED_SERVICE_URL

    with pytest.warns(UserWarning, match="http_timeout= is ignored: GLOBUS_SDK_HTTP_TIMEOUT"):
        FuncXClient(30, token="t", settings=settings, do_version_check=False).close()


def test_the_address_may_end_in_the_version_as_funcx_wrote_it(settings: Settings, tmp_path: Path) -> None:
    options: dict[str, Any] = {"token": "t", "settings": settings, "do_version_check": False}
    with FuncXClient(funcx_home=tmp_path / "fx", funcx_service_address="http://localhost:5001/v2", **options) as fxc:
        assert fxc.funcx_service_address == "http://localhost:5001"
        assert fxc.client.settings.home == tmp_path / "fx"
    with FuncXClient(environment="local", task_group_id=OTHER, **options) as fxc:
        assert fxc.funcx_service_address == "http://localhost:5000"
        assert fxc.create_batch().task_group_id == fxc.session_task_group_id == OTHER


# ---- the throttle


def test_the_sixth_request_in_five_seconds_is_refused(server: RestServer, counted: FuncXClient) -> None:
    def ask_until_refused() -> None:
        for _ in range(1000):  # a machine that is slow enough would let a sixth one through
            counted.version_check()

    with pytest.raises(MaxRequestsExceeded, match=r"ask for its version: .* 5 requests in the last 5 s") as caught:
        ask_until_refused()

    assert len(server.requests) >= 5
    assert isinstance(caught.value, ThrottlingException)
    assert isinstance(caught.value, RateLimited)
    assert isinstance(caught.value, FarpoolError)
    assert 0 < (caught.value.retry_after_s or 0) <= 5

    counted.throttling_enabled = False
    for _ in range(20):
        counted.version_check()
    assert counted.client.throttle is None


def test_the_throttle_can_wait_instead(counted: FuncXClient) -> None:
    assert counted.client.throttle == Throttle(
        5, 5.0, 2 * 2**20, too_many=MaxRequestsExceeded, too_large=MaxRequestSizeExceeded
    )

    counted.throttling_waits = True
    assert counted.client.throttle == Throttle(5, 5.0, 2 * 2**20, too_large=MaxRequestSizeExceeded)
    assert (counted.throttling_enabled, counted.throttling_waits) == (True, True)


def test_without_its_throttle_the_hosted_service_still_has_its_own(settings: Settings) -> None:
    with FuncXClient(token="t", settings=settings, do_version_check=False) as fxc:
        assert fxc.session_task_group_id is None  # the hosted service makes it
        fxc.throttling_enabled = False
        assert fxc.client.throttle == Throttle()


def test_on_the_hosted_service_batches_join_the_task_group_that_the_first_was_given(
    server: RestServer, counted: FuncXClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("farpool.client.transport.HOSTED_SERVICE_URL", server.url)
    counted.session_task_group_id = None

    def answer(request: Request) -> Reply:
        tasks = {function_id: [OTHER] * len(payloads) for function_id, payloads in request.json()["tasks"].items()}
        return Reply(body={"tasks": tasks, "task_group_id": OTHER, "endpoint_id": ENDPOINT, "request_id": OTHER})

    server.script = answer

    for _ in range(2):
        assert counted.run(1, endpoint_id=ENDPOINT, function_id=FUNCTION) == OTHER

    assert [request.json().get("task_group_id") for request in server.requests] == [None, OTHER]
    assert counted.session_task_group_id == OTHER


def test_a_batch_that_breaks_off_says_which_tasks_were_submitted(
    server: RestServer, counted: FuncXClient, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(request: Request) -> Reply:
        if ENDPOINT not in request.path:
            return refusal(403)
        return Reply(
            body={"tasks": {FUNCTION: [OTHER]}, "task_group_id": OTHER, "endpoint_id": ENDPOINT, "request_id": OTHER}
        )

    server.script = answer
    batch = counted.create_batch()
    batch.add(FUNCTION, ENDPOINT)
    batch.add(FUNCTION, OTHER)

    with pytest.raises(AccessDenied):
        counted.batch_run(batch)

    assert f"the batch broke off at endpoint {OTHER}; these tasks were submitted: ['{OTHER}']" in caplog.messages


def test_an_input_over_two_megabytes_is_not_sent(server: RestServer, counted: FuncXClient) -> None:
    with pytest.raises(MaxRequestSizeExceeded, match=r"2,097,152 is the limit") as caught:
        counted.run("x" * 2 * 2**20, endpoint_id=ENDPOINT, function_id=FUNCTION)

    assert isinstance(caught.value, ThrottlingException)
    assert isinstance(caught.value, PayloadTooLarge)
    assert server.requests == []


def test_a_result_over_two_megabytes_is_kept_until_the_throttle_is_off(
    server: RestServer, counted: FuncXClient
) -> None:
    large, small = "y" * 2 * 2**20, "z"
    pack = Serializer().serialize

    def document(task_id: str, value: str) -> dict[str, Any]:
        return {"task_id": task_id, "status": "success", "completion_t": "1.0", "result": pack(value)}

    def answer(request: Request) -> Reply:
        if request.path == "/v2/batch_status":
            return Reply(body={"results": {FUNCTION: document(FUNCTION, large), OTHER: document(OTHER, small)}})
        return Reply(body=document(FUNCTION, large)) if "tasks" in request.path else VERSION

    server.script = answer

    several = counted.get_batch_result([FUNCTION, OTHER])
    with pytest.raises(MaxResultSizeExceeded, match=r"is 2,\d\d\d,\d\d\d bytes: this client takes 2,097,152"):
        counted.get_result(FUNCTION)

    assert several[OTHER]["result"] == small
    assert isinstance(several[FUNCTION]["exception"], MaxResultSizeExceeded)
    error = pickle.loads(pickle.dumps(several[FUNCTION]["exception"]))
    assert error.result_size > error.result_size_limit == 2 * 2**20
    counted.throttling_enabled = False
    assert counted.get_result(FUNCTION) == large
    assert len(server.requests) == 1


def test_a_client_underneath_is_there_for_everything_else(fxc: FuncXClient) -> None:
    assert isinstance(fxc.client, Client)
    fxc.version_check()
    assert repr(fxc) == f"<FuncXClient of {fxc.funcx_service_address}>"
