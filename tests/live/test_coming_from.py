"""The page for those who come from globus-compute-sdk: both of its columns are run, each by its own library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from farpool.local import StackLease, acquire
from support.environments import ROOT, clean_environment
from support.pages import Block, blocks_of, differences, source_of
from support.peers import sdk_python

pytestmark = [pytest.mark.live, pytest.mark.slow]

PAGE = (ROOT / "docs" / "coming-from-globus-compute-sdk.md").read_text()
PROGRAMS = Path(__file__).parent / "programs"

#: The endpoint of the page.
ENDPOINT_ID = "4b116d3c-1703-4f8f-9f6f-39921e5864df"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StackLease]:
    monkeypatch.setenv("FARPOOL_HOME", str(tmp_path / "farpool"))
    stack = acquire(2)
    yield stack
    stack.release()


def column(word: str) -> list[Block]:
    return [block for block in blocks_of(PAGE) if block.word == word]


def run(python: Path, blocks: list[Block], endpoint_id: str, directory: Path, first: str, **variables: str) -> None:
    script = directory / "script.py"
    # The first line of the page is its title: what has to come before the program goes there.
    _, _, program = source_of(blocks).replace(ENDPOINT_ID, endpoint_id).partition("\n")
    script.write_text(f"{first}\n{program}")

    done = subprocess.run(
        [str(python), str(script)],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(**variables),
        timeout=110,
    )

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = differences(blocks, done.stdout)
    assert not told, "\n".join(told)


def test_the_left_column_does_with_the_sdk_what_the_page_says(tmp_path: Path, stack: StackLease) -> None:
    run(
        sdk_python(),
        column("sdk"),
        stack.endpoint_id,
        tmp_path,
        f"import sys; sys.path.insert(0, {str(PROGRAMS)!r}); import sdk_login",
        http_proxy=stack.service_url,
        SDK_TOKEN=stack.token,
        HOME=str(tmp_path),
        GLOBUS_COMPUTE_USER_DIR=str(tmp_path),
    )


def test_the_right_column_does_with_farpool_what_the_page_says(tmp_path: Path, stack: StackLease) -> None:
    run(
        Path(sys.executable),
        column(""),
        stack.endpoint_id,
        tmp_path,
        "",
        FARPOOL_HOME=str(tmp_path / "home"),
        FARPOOL_SERVICE_URL=stack.service_url,
        FARPOOL_TOKEN=stack.token,
    )
