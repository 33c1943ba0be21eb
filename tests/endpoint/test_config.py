from __future__ import annotations

import json
from typing import Any

import pytest

from farpool.endpoint.config import EndpointConfig, read_config, write_config
from farpool.errors import FarpoolError
from farpool.wire import new_id


def test_only_what_was_set_is_written_and_read_back() -> None:
    function_id = new_id()
    config = EndpointConfig(engine="threads", max_workers=3, allowed_functions=(function_id,))

    text = write_config(config)

    assert json.loads(text) == {"engine": "threads", "max_workers": 3, "allowed_functions": [function_id]}
    assert read_config(text, "here") == config
    assert write_config(EndpointConfig()) == "{}\n"


def test_what_is_said_of_environments_is_written_and_read_back() -> None:
    config = EndpointConfig(allowed_environments=("venv", "podman"), environment_options={"podman": ["--pull=never"]})

    assert read_config(write_config(config), "here") == config
    assert read_config('{"allowed_environments": []}', "here").allowed_environments == ()


def test_workers_and_window_have_defaults_of_this_machine() -> None:
    assert EndpointConfig().workers >= 1
    assert EndpointConfig(max_workers=3).workers == 3
    assert EndpointConfig(max_workers=3).window == 128
    assert EndpointConfig(max_workers=100).window == 400
    assert EndpointConfig(prefetch=1).window == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"workers": 3}, "unknown setting 'workers'; known are engine, max_workers"),
        ({"max_workers": 0}, "max_workers must be a whole number from 1 on, not 0"),
        ({"max_workers": True}, "max_workers"),
        ({"max_workers": "3"}, "max_workers"),
        ({"prefetch": -1}, "prefetch"),
        ({"engine": "htex"}, "package.module:factory"),
        ({"engine": 5}, "engine"),
        ({"heartbeat_period_s": 0}, "heartbeat_period_s"),
        ({"grace_s": "soon"}, "grace_s"),
        ({"grace_s": float("nan")}, "grace_s"),
        ({"at_most_once": "yes"}, "at_most_once"),
        ({"run_in_sandbox": "yes"}, "run_in_sandbox must be true or false"),
        ({"run_in_sandbox": True, "engine": "threads"}, "threads share one working directory"),
        ({"mpi_launcher": " "}, "mpi_launcher must be a command"),
        ({"service_url": 5}, "service_url"),
        ({"allowed_functions": "x"}, "allowed_functions must be a list"),
        ({"public": "yes"}, "public must be true or false, not 'yes'"),
        ({"admins": "x"}, "admins must be a list of identity ids, not 'x'"),
        ({"admins": ["x"]}, "'x' is not a UUID"),
        ({"allowed_functions": ["x"]}, "'x' is not a UUID"),
        ({"allowed_functions": [5]}, "allowed_functions"),
        ({"allowed_environments": "venv"}, "allowed_environments must be a list"),
        ({"allowed_environments": ["vm"]}, "'vm' is not known: it must be one of docker, podman"),
        ({"environment_options": ["x"]}, "environment_options must be an object"),
        ({"environment_options": {"docker": "--gpus"}}, "environment_options of docker must be a list of strings"),
        ({"environment_options": {"vm": []}}, "'vm' is not known"),
        ({"environment_start_s": 0}, "environment_start_s"),
        ([], "one JSON object"),
    ],
)
def test_a_bad_setting_is_named_with_its_place(body: Any, said: str) -> None:
    with pytest.raises(FarpoolError) as caught:
        read_config(json.dumps(body), "/place/config.json")

    assert said in str(caught.value)
    assert "/place/config.json" in str(caught.value)


def test_a_file_that_is_not_json_is_named() -> None:
    with pytest.raises(FarpoolError, match=r"/place/config\.json: .*delete it"):
        read_config("{", "/place/config.json")
