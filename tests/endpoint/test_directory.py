from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from farpool.endpoint import EndpointConfig, EndpointDirectory
from farpool.errors import FarpoolError
from farpool.wire import new_id

HOLD = """
import sys, pathlib
from farpool.endpoint import EndpointDirectory
with EndpointDirectory(pathlib.Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def directory(tmp_path: Path) -> EndpointDirectory:
    return EndpointDirectory.of(tmp_path, "laptop")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "empty"),
        (".hidden", "dot"),
        ("a b", "' '"),
        ("a/b", "'/'"),
        ("a\\b", "blanks, slashes and quotes"),
        ("it's", "blanks, slashes and quotes"),
        ('a"b', "'\"'"),
        ("a\nb", "'\\n'"),
        ("x" * 129, "128"),
    ],
)
def test_a_name_no_endpoint_can_have_is_refused(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ValueError, match="name") as caught:
        EndpointDirectory.of(tmp_path, name)

    assert said in str(caught.value)


def test_an_endpoint_has_a_place_in_the_home(tmp_path: Path, directory: EndpointDirectory) -> None:
    assert directory.path == tmp_path / "endpoints" / "laptop"
    assert directory.name == "laptop"
    assert EndpointDirectory(tmp_path / "elsewhere", "embedded").name == "embedded"


def test_what_is_written_is_read_back_and_belongs_to_the_user_alone(directory: EndpointDirectory) -> None:
    endpoint_id = new_id()

    assert not directory.exists
    assert directory.config() == EndpointConfig()
    assert directory.endpoint_id() is None
    directory.write_config(EndpointConfig(max_workers=3))
    directory.write_endpoint_id(endpoint_id)

    assert directory.exists
    assert directory.config().max_workers == 3
    assert directory.endpoint_id() == endpoint_id
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert {entry.name for entry in directory.path.iterdir()} == {"config.json", "endpoint.json"}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"endpoint_id": "x"}', '{"endpoint_id": 5}'])
def test_a_damaged_id_file_is_named(directory: EndpointDirectory, text: str) -> None:
    directory.create()
    (directory.path / "endpoint.json").write_text(text)

    with pytest.raises(FarpoolError, match=r"endpoint\.json cannot be used"):
        directory.endpoint_id()


def test_one_process_holds_an_endpoint_and_the_next_is_told_which(directory: EndpointDirectory) -> None:
    assert directory.holder() is None
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"

        assert directory.holder() == other.pid
        with pytest.raises(FarpoolError, match=f"running already, as process {other.pid}"), directory.locked():
            pass
        with pytest.raises(FarpoolError, match="running already"):
            directory.remove()
        other.kill()
        directory.wait_released()

    assert directory.holder() is None
    with directory.locked():
        assert directory.holder() == os.getpid()


def test_waiting_for_the_release_ends_with_it(directory: EndpointDirectory) -> None:
    with directory.locked():
        waiter = threading.Thread(target=directory.wait_released)
        waiter.start()
        waiter.join(0.05)
        assert waiter.is_alive()

    waiter.join(10)
    assert not waiter.is_alive()


def test_a_directory_is_removed_whole(directory: EndpointDirectory) -> None:
    directory.write_config(EndpointConfig())

    directory.remove()

    assert not directory.exists
