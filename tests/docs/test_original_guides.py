"""The guides of the two clients that this one replaces, followed step by step, with the import changed.

The programs are our own, in `programs/`: each does what its guide does, in its order, and tells what came of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.command import Command
from support.page_site import ASKED_FOR, ENDPOINT, GROUP, PageSite, page_site

PROGRAMS = Path(__file__).parent / "programs"
TIMEOUT_S = 240


@pytest.mark.slow
@pytest.mark.timeout(2 * TIMEOUT_S)
def test_the_guides_of_both_originals_are_followed_to_their_end(tmp_path: Path) -> None:
    with page_site(ASKED_FOR, tmp_path) as site:
        compute = _run("compute_guide.py", tmp_path, site)
        funcx = _run("funcx_guide.py", tmp_path, site)

    assert compute.pop("platform").startswith(("Linux", "macOS"))
    assert compute == {
        "hello": "Hello Bob Smith",
        "hello again": "Hello Bob Smith",
        "exception": [True, "'missing'"],
        "executor": ["foo", "My function, with a docstring"],
        "described": {
            "group": None,
            "public": None,
            "description": "My function",
            "docstring": "My function, with a docstring",
            "both": "this has priority over docstrings",
        },
        "public": [True, False],
        "prepared": True,
        "batch": [True] * 7,
        "token": "Hello Ada Lovelace",
        "status": "online",
        "metadata": [True, "laptop"],
    }
    assert funcx == {
        "ids": 3,
        "sum": 10,
        "status": "success",
        "shared": [7, 7],
        "raised": funcx["raised"],
        "batch": [1, 2, 3, 4, 5],
        "container": "/opt/physics",
        "endpoint": "online",
        "whitelist": True,
        "throttled": True,
    }
    assert "must support iteration" in funcx["raised"]


def _run(program: str, directory: Path, site: PageSite) -> dict[str, Any]:
    ids = {"FARPOOL_ENDPOINT_ID": site.ids[ENDPOINT], "LAB": site.ids[GROUP]}
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / program)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=Command(directory / program, **site.variables[""], **ids).environment,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, f"{program}\n{done.stdout}\n{done.stderr}"
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told
