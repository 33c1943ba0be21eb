"""Notebooks for tests: cells that run in a real kernel, with farpool and ipykernel in an environment of their own."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from .environments import ROOT, clean_environment, environment, missing

KERNEL = "ipykernel==7.4.0"


def notebook_python() -> Path:
    """Give a Python that has farpool, as it stands here, and ipykernel; skips the test where it cannot be installed."""
    try:
        python = environment("notebook", [KERNEL])
    except RuntimeError as error:
        missing(f"{KERNEL} cannot be installed here: {error}")
        raise
    # What farpool needs is installed here already; what ipykernel needs comes before it.
    paths = [ROOT / "typings", sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    site = next(python.parent.parent.glob("lib/python*/site-packages"))
    (site / "farpool-under-test.pth").write_text("".join(f"{path}\n" for path in dict.fromkeys(paths)))
    return python


def run_cells(cells: Sequence[str], home: Path, *, where: str = "kernel", **variables: str) -> list[str]:
    """Run cells, one after the other; give what each has printed.

    Args:
        cells: their text.
        home: FARPOOL_HOME.
        where: "kernel", as in Jupyter, or "terminal", as in `ipython`.
        variables: more environment variables.
    """
    done = subprocess.run(
        [str(notebook_python()), str(ROOT / "tests" / "live" / "programs" / "notebook.py"), where],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(FARPOOL_HOME=str(home), IPYTHONDIR=str(home / "ipython"), **variables),
    )
    assert done.returncode == 0, done.stderr[-4000:]
    printed: list[str] = json.loads(done.stdout)
    return printed
