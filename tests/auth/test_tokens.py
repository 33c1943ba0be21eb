"""The token file."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from farpool.auth import TokenFile
from farpool.errors import AccessDenied, FarpoolError

URL = "http://localhost:5000"


def test_what_is_written_is_read_under_any_spelling_of_the_url(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path)
    tokens.write("HTTP://LOCALHOST:5000/", "one")
    tokens.write("http://127.0.0.1:5000", "another")

    assert tokens.read(URL) == "one"
    assert TokenFile(tmp_path).read("http://127.0.0.1:5000/") == "another"
    assert tokens.read("http://localhost:5001") is None


def test_a_token_replaces_the_older_one(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path)
    tokens.write(URL, "old")
    tokens.write(URL, " new\n")

    assert tokens.read(URL) == "new"


def test_what_is_removed_is_gone_and_the_rest_stays(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path)
    tokens.write(URL, "one")
    tokens.write("https://example.org", "two")

    assert tokens.remove(URL)
    assert not tokens.remove(URL)
    assert tokens.read(URL) is None
    assert tokens.read("https://example.org") == "two"


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path / "home")

    assert tokens.read(URL) is None
    assert not tokens.remove(URL)
    assert not (tmp_path / "home").exists()


def test_file_and_directory_are_the_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        TokenFile(tmp_path / "home").write(URL, "one")
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in [tmp_path / "home", *(tmp_path / "home").iterdir()]}
    assert modes == {"home": 0o700, "tokens.json": 0o600, "tokens.lock": 0o600}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_touch_is_refused_and_left_alone(tmp_path: Path, mode: int) -> None:
    tokens = TokenFile(tmp_path)
    tokens.write(URL, "one")
    tokens.path.chmod(mode)

    for use in (lambda: tokens.read(URL), lambda: tokens.write(URL, "two"), lambda: tokens.remove(URL)):
        with pytest.raises(AccessDenied, match=rf"mode {mode:04o}.*chmod 600 {tokens.path}"):
            use()
    assert tokens.path.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"http://localhost:5000": 5}', "null", "\xff"])
def test_a_damaged_file_is_told_with_its_path(tmp_path: Path, content: str) -> None:
    tokens = TokenFile(tmp_path)
    tokens.write(URL, "one")
    tokens.path.write_bytes(content.encode("latin-1"))

    with pytest.raises(FarpoolError, match=rf"{tokens.path} is damaged"):
        tokens.read(URL)


def test_a_path_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "tokens.json").mkdir()

    with pytest.raises(FarpoolError, match=r"cannot read the token file .*[Ii]s a directory"):
        TokenFile(tmp_path).read(URL)


@pytest.mark.parametrize("token", ["", "  ", "a b", "a\nb", "tök", "a\x00b"])
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    with pytest.raises(ValueError, match=r"token is empty|characters that no bearer token has"):
        TokenFile(tmp_path).write(URL, token)
    assert not (tmp_path / "tokens.json").exists()


def test_a_token_is_a_string(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="token must be a string, not bytes"):
        TokenFile(tmp_path).write(URL, b"x")  # type: ignore[arg-type]


def test_a_home_that_cannot_be_made_is_told_with_the_variable_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(FarpoolError, match=r"cannot write in .*set FARPOOL_HOME"):
        TokenFile(tmp_path / "file" / "home").write(URL, "one")


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    tokens = TokenFile(tmp_path)
    tokens.write(URL, "one")

    with pytest.raises(ValueError, match="not an http"):
        tokens.write("nowhere", "two")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["tokens.json", "tokens.lock"]
    assert tokens.read(URL) == "one"


def test_threads_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    urls = [f"http://localhost:{port}" for port in range(5000, 5040)]
    with ThreadPoolExecutor(8) as threads:
        for done in [threads.submit(TokenFile(tmp_path).write, url, "t") for url in urls]:
            done.result()

    assert [url for url in urls if TokenFile(tmp_path).read(url) is None] == []


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from farpool.auth import TokenFile;"
        "[TokenFile(pathlib.Path(sys.argv[1])).write(f'http://h:{sys.argv[2]}{n}', 't') for n in range(10, 30)]"
    )

    writers = [subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(number)]) for number in (1, 2, 3)]

    assert [writer.wait(timeout=30) for writer in writers] == [0, 0, 0]
    ports = [f"{number}{n}" for number in (1, 2, 3) for n in range(10, 30)]
    assert [port for port in ports if TokenFile(tmp_path).read(f"http://h:{port}") is None] == []
