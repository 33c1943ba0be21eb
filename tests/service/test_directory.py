from __future__ import annotations

import stat
from pathlib import Path

import pytest

from farpool.errors import FarpoolError
from farpool.service.directory import ServiceDirectory


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_token_and_secret_are_made_once_and_readable_by_their_owner_only(tmp_path: Path) -> None:
    directory = ServiceDirectory(tmp_path / "service")
    directory.claim()

    assert directory.token() == ServiceDirectory(tmp_path / "service").token()
    assert directory.secret() == ServiceDirectory(tmp_path / "service").secret()
    assert directory.token().encode() != directory.secret()
    assert mode(tmp_path / "service") == 0o700
    assert mode(directory.token_file) == mode(tmp_path / "service" / "secret") == 0o600
    directory.release()


def test_a_token_that_is_there_is_kept_and_closed_to_others(tmp_path: Path) -> None:
    directory = ServiceDirectory(tmp_path)
    directory.token_file.write_text("chosen-by-hand\n")
    directory.token_file.chmod(0o644)

    assert directory.token() == "chosen-by-hand"
    assert mode(directory.token_file) == 0o600


def test_two_services_cannot_have_the_same_directory(tmp_path: Path) -> None:
    first, second = ServiceDirectory(tmp_path), ServiceDirectory(tmp_path)
    first.claim()

    with pytest.raises(FarpoolError, match=r"another service \(process \d+\) runs on"):
        second.claim()
    first.release()
    second.claim()
    second.release()


def test_ports_are_remembered(tmp_path: Path) -> None:
    ServiceDirectory(tmp_path).write_ports({"port": 5001, "amqp_port": 5002})

    assert ServiceDirectory(tmp_path).ports() == {"port": 5001, "amqp_port": 5002}


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"port": "x"}', '{"port": null}'])
def test_unreadable_ports_are_forgotten(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)

    assert ServiceDirectory(tmp_path).ports() == {}
