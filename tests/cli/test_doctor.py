"""`farpool doctor` where something is wrong."""

from __future__ import annotations

import platform
import re
from typing import Any

import dill
import pytest

from farpool.cli import checks
from support.command import Command

from .conftest import Served


def of(findings: list[dict[str, Any]], check: str) -> dict[str, Any]:
    return next(one for one in findings if one["check"] == check)


def test_a_service_that_does_not_run_is_named_with_what_to_do(farpool: Command) -> None:
    text = farpool("doctor", "--service-url", "http://127.0.0.1:1", exit_code=1)

    assert "fail  service: http://127.0.0.1:1 cannot be reached (connection refused)\n" in text
    assert "      -> correct FARPOOL_SERVICE_URL, or start the service there: farpool serve\n" in text


def test_a_host_that_does_not_exist_is_told_so(farpool: Command) -> None:
    findings = farpool.json("doctor", "--service-url", "http://no-such-host.invalid:5000", exit_code=1)

    assert of(findings, "service")["status"] == "fail"


def test_a_missing_and_a_wrong_token_are_told(farpool: Command, served: Served) -> None:
    missing = farpool.json("doctor", "--service-url", served.url, exit_code=1)
    wrong = farpool.having(FARPOOL_TOKEN="wrong").json("doctor", "--service-url", served.url, exit_code=1)

    assert "there is no token for" in of(missing, "token")["found"]
    assert of(wrong, "token")["status"] == "fail"
    assert "FARPOOL_TOKEN" in of(wrong, "token")["advice"]


def test_a_home_that_others_can_write_to_is_told(farpool: Command) -> None:
    farpool.home.mkdir(mode=0o777)
    farpool.home.chmod(0o777)

    findings = farpool.json("doctor", "--service-url", "http://127.0.0.1:1", exit_code=1)

    assert of(findings, "state directory")["advice"] == f"run: chmod go-rwx {farpool.home}"


@pytest.mark.slow
def test_without_a_service_it_tries_the_embedded_stack(farpool: Command) -> None:
    # A proxy that does not answer: this machine may or may not reach the hosted service.
    farpool = farpool.having(https_proxy="http://127.0.0.1:1")

    text = farpool("doctor")

    assert re.search(r"ok    embedded stack: first result after \d+\.\d s", text)
    assert "warn  service: https://compute.api.globus.org cannot be reached" in text


def test_other_versions_are_a_warning_with_what_to_do() -> None:
    ours = platform.python_version()

    assert checks.versions_of({"python_version": ours, "dill_version": dill.__version__}).status == "ok"
    assert checks.versions_of({"python_version": "2.7.18"}).status == "warn"
    assert checks.versions_of({"python_version": ours, "dill_version": "0.1"}).advice == "run: pip install dill==0.1"
    assert checks.versions_of({}).status == "warn"
