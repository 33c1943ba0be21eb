"""Settings: what the environment says, read when asked."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from farpool.errors import FarpoolError
from farpool.settings import HOSTED_SERVICE_URL, Settings

ALL = {
    "FARPOOL_HOME": "/somewhere/farpool",
    "FARPOOL_SERVICE_URL": "http://127.0.0.1:5000",
    "FARPOOL_TOKEN": "secret-token",
    "FARPOOL_REMEMBER_FUNCTIONS": "0",
    "FARPOOL_ENDPOINT_ID": "4b116d3c-1703-4f8f-9f6f-39921e5864df",
    "GLOBUS_COMPUTE_CLIENT_ID": "an-id",
    "GLOBUS_COMPUTE_CLIENT_SECRET": "secret-secret",
    "FARPOOL_GLOBUS_CLIENT_ID": "a-service",
    "FARPOOL_GLOBUS_CLIENT_SECRET": "secret-of-the-service",
    "FARPOOL_GLOBUS_SCOPE": "a-scope",
    "FARPOOL_GLOBUS_RESOURCE_SERVER": "a-name",
}


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(ALL)

    assert settings == Settings(
        home=Path("/somewhere/farpool"),
        service_url="http://127.0.0.1:5000",
        token="secret-token",
        endpoint_id="4b116d3c-1703-4f8f-9f6f-39921e5864df",
        remember_functions=False,
        client_id="an-id",
        client_secret="secret-secret",
        globus_client_id="a-service",
        globus_client_secret="secret-of-the-service",
        globus_scope="a-scope",
        globus_resource_server="a-name",
    )


@pytest.mark.parametrize("environ", [{}, dict.fromkeys(ALL, "")])
def test_what_is_unset_or_empty_has_its_default(environ: dict[str, str]) -> None:
    assert Settings.from_environment(environ) == Settings(home=Path.home() / ".farpool")


def test_the_home_may_be_written_with_a_tilde() -> None:
    assert Settings.from_environment({"FARPOOL_HOME": "~/pool"}).home == Path.home() / "pool"


def test_the_environment_of_now_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.delenv(name, raising=False)
    assert Settings.from_environment().service_url is None

    monkeypatch.setenv("FARPOOL_SERVICE_URL", "http://localhost:1")

    assert Settings.from_environment().service_url == "http://localhost:1"


@pytest.mark.parametrize("missing", ["GLOBUS_COMPUTE_CLIENT_ID", "GLOBUS_COMPUTE_CLIENT_SECRET"])
def test_one_client_credential_without_the_other_is_an_error_that_names_both(missing: str) -> None:
    environ = {name: value for name, value in ALL.items() if name != missing}
    there = next(name for name in environ if name.startswith("GLOBUS_"))

    with pytest.raises(FarpoolError, match=rf"{there} is set and {missing} is not: set both"):
        Settings.from_environment(environ)


def test_secrets_do_not_show_in_a_repr() -> None:
    assert "secret" not in repr(Settings.from_environment(ALL))


def test_settings_are_a_value() -> None:
    settings = Settings.from_environment(ALL)

    assert pickle.loads(pickle.dumps(settings)) == settings
    with pytest.raises(AttributeError):
        settings.token = "other"  # type: ignore[misc]


def test_the_hosted_service_is_reached_safely() -> None:
    assert HOSTED_SERVICE_URL.startswith("https://")


def test_a_switch_that_is_neither_on_nor_off_is_an_error() -> None:
    with pytest.raises(FarpoolError, match="FARPOOL_REMEMBER_FUNCTIONS is 'maybe': set it to 0 or 1"):
        Settings.from_environment({"FARPOOL_REMEMBER_FUNCTIONS": "maybe"})
