"""The guide and the recipes, run as they are written: each page's Python blocks are a script, on an embedded stack."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from support.command import Command
from support.environments import ROOT, missing
from support.login_at_terminal import run_at_terminal
from support.page_site import PageSite, page_site
from support.pages import Block, blocks_of, differences, is_installed, needs_of, programs_of, source_of

#: For one page; a minute is much, but machines can be busy.
TIMEOUT_S = 240

#: Executors of one program share its stack.
KEEPER = "_keeper = __import__('farpool').Executor(); _keeper.submit(int).result()"

#: What Python writes when something broke where nobody could catch it.
TROUBLE = ("Exception ignored in", "Exception in thread", "was never awaited", "was never retrieved")

PAGES = sorted([*ROOT.glob("docs/guides/*.md"), *ROOT.glob("docs/recipes/*.md")])
NAMES = [str(page.relative_to(ROOT / "docs")) for page in PAGES]


@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S + 30)
@pytest.mark.parametrize("name", NAMES)
def test_python_on_the_page_runs_and_prints_what_the_page_says(tmp_path: Path, name: str) -> None:
    page = (ROOT / "docs" / name).read_text()
    for library in needs_of(page):
        if not is_installed(library):
            missing(f"docs/{name} needs {library}, which is not installed")

    with page_site(page, tmp_path) as site:
        for number, program in enumerate(programs_of(page)):
            directory = tmp_path / str(number)
            directory.mkdir()
            variables = site.variables.get(program[0].word, {})
            run(program, directory, Command(tmp_path / f"home-{number}", **variables), f"docs/{name}", site)


@pytest.mark.parametrize("name", NAMES)
def test_python_on_the_page_compiles(name: str) -> None:
    for block in blocks_of((ROOT / "docs" / name).read_text()):
        compile(block.code, f"docs/{name}, line {block.line}", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("name", sorted(str(page.relative_to(ROOT / "docs")) for page in ROOT.glob("docs/**/*.md")))
def test_the_page_is_in_the_table_of_contents(name: str) -> None:
    assert f": {name}\n" in (ROOT / "mkdocs.yml").read_text()


def kept_up(source: str) -> str:
    """Keep one stack up throughout a script that starts several, one after the other: that halves the time they take.

    A page begins with its heading, so the first line of the script is free.
    """
    several = source.count("with Executor(") > 2 and "multiprocessing" not in source
    return KEEPER + source if several else source


def run(program: list[Block], directory: Path, farpool: Command, name: str, site: PageSite) -> None:
    """Run blocks as one script in a directory; the line numbers in what it says are those of the page."""
    script = directory / "script.py"
    script.write_text(kept_up(site.made(source_of(program))))
    command = [sys.executable, str(script)]
    if program[0].word == "login":
        done = run_at_terminal(command, site.visit, environment=farpool.environment, directory=directory)
    else:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=farpool.environment,
            cwd=directory,
            timeout=TIMEOUT_S,
        )

    assert done.returncode == 0, f"{name}\n{done.stdout}\n{done.stderr}"
    assert [line for line in TROUBLE if line in done.stderr] == [], f"{name}\n{done.stderr}"
    told = differences(program, done.stdout)
    assert not told, "\n".join([name, *told, done.stderr])
