"""Virtual environments for programs that tests talk to: made once, kept in `.cache/`, shared by test workers."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "environments"

#: Made without a pip of their own, and what is not imported is not compiled: that takes a third of the time.
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


@contextmanager
def locked(path: Path) -> Generator[None, None, None]:
    """Hold a file lock: test workers are processes of their own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def environment(name: str, requirements: Sequence[str], *, python: str = sys.executable) -> Path:
    """Give the Python of a virtual environment with these requirements, making it if it is not there.

    Raises:
        RuntimeError: it could not be made; holds what pip said.
    """
    directory = CACHE / name
    interpreter = directory / "bin" / "python"
    made = directory / "made-for-tests"
    wish = "\n".join(requirements)
    with locked(CACHE / f"{name}.lock"):
        if not (made.exists() and made.read_text() == wish):
            shutil.rmtree(directory, ignore_errors=True)
            _run([python, "-m", "venv", "--without-pip", str(directory)])
            _run([*PIP, "--python", str(interpreter), "install", "--quiet", "--no-compile", *requirements])
            made.write_text(wish)
    return interpreter


def packages(version: str, requirements: Sequence[str]) -> Path:
    """Give a folder with packages for another version of Python, for its search path; nothing that they require.

    An environment of its own takes ten times as long to make.

    Raises:
        RuntimeError: it could not be made; holds what pip said.
    """
    directory = CACHE / f"packages-{version}"
    made = directory / "made-for-tests"
    wish = "\n".join(requirements)
    with locked(CACHE / f"{directory.name}.lock"):
        if not (made.exists() and made.read_text() == wish):
            shutil.rmtree(directory, ignore_errors=True)
            options = ["--quiet", "--no-compile", "--no-deps", "--only-binary", ":all:", "--python-version", version]
            _run([*PIP, "install", *options, "--target", str(directory), *requirements])
            made.write_text(wish)
    return directory


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def find_python(version: str) -> str | None:
    """Find an interpreter of that version that runs: on the PATH, or among those that pyenv keeps."""
    on_path = shutil.which(f"python{version}")
    kept = sorted(Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob(f"versions/{version}*/bin/python"))
    for candidate in [*([on_path] if on_path else []), *map(str, kept)]:
        # A pyenv shim is there for every version, and runs only for the chosen one.
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


def clean_environment(**more: str) -> dict[str, str]:
    """Give this process's environment without what would lead another Python, or farpool, astray."""
    drop = ("PYTHON", "VIRTUAL_ENV", "FARPOOL_", "GLOBUS_", "COVERAGE", "PYTEST_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(drop)}
    return {**kept, "PYTHONWARNINGS": "ignore", **more}


def missing(reason: str) -> None:
    """Skip, where a person runs the tests; fail, where everything should have been there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"missing under CI: {reason}")
    pytest.skip(reason)
