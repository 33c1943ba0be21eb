"""What the papers say can be run: the Python in README and quickstart, the commands, the links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import Command
from support.environments import ROOT

PAPERS = ("README.md", "docs/quickstart.md", "docs/index.md", "docs/executor.md")


def blocks(paper: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / paper).read_text(), re.DOTALL | re.MULTILINE)


EXAMPLES = [
    pytest.param(block, id=f"{paper}-{number}")
    for paper in PAPERS
    for number, block in enumerate(blocks(paper, "python"))
]
COMMANDS = sorted(
    {
        words
        for paper in ("README.md", "docs/quickstart.md", "docs/cli.md", "docs/troubleshooting.md")
        for words in re.findall(
            r"farpool ((?:endpoint|functions|tasks) [a-z]+|serve|doctor)", (ROOT / paper).read_text()
        )
    }
)


@pytest.mark.slow
@pytest.mark.parametrize("block", EXAMPLES)
def test_python_in_the_papers_runs(tmp_path: Path, block: str) -> None:
    script = tmp_path / "example.py"
    script.write_text(block)

    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=False,
        env=Command(tmp_path / "home").environment,
        timeout=100,
    )

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_in_the_papers_exist(tmp_path: Path, command: str) -> None:
    Command(tmp_path / "home")(*command.split(), "--help")


@pytest.mark.parametrize("paper", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_somewhere(paper: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / paper).read_text())

    assert [link for link in links if not (ROOT / link).exists()] == []
