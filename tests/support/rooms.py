"""Environments for functions to run in: a venv with a module of its own, a root file system with a file of its own."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

#: What is in the venv, and where.
MODULE = "found_only_in_the_venv"
#: What is in the root, and nowhere else.
MARKER = "/srv/which-root"


def make_venv(directory: Path) -> str:
    """Make a venv without packages but for a module; give its path."""
    venv.create(directory, with_pip=False, symlinks=True)
    (site,) = directory.glob("lib/python*/site-packages")
    (site / f"{MODULE}.py").write_text("ANSWER = 42\n")
    return str(directory)


def make_root(directory: Path) -> str:
    """Make what is a root file system with this machine's libraries and Python in it; give its path."""
    marker = directory / MARKER[1:]
    marker.parent.mkdir(parents=True)
    marker.write_text("another root")
    for place in _libraries():
        if place.is_symlink():
            (directory / place.name).symlink_to(place.readlink())
    return str(directory)


def options_for_root() -> list[str]:
    """Give the options for bubblewrap by which a root of `make_root` has this machine's libraries and Python."""
    base = Path(sys.base_prefix).resolve()
    # A Python whose library is beside it is found by its path: there is no /etc, and so no cache of libraries.
    options = ["--setenv", "PATH", f"{base}/bin", "--setenv", "LD_LIBRARY_PATH", f"{base}/lib"]
    for place in (*(one for one in _libraries() if not one.is_symlink()), base):
        options += ["--ro-bind", str(place), str(place)]
    return options


def podman_options_for_root() -> list[str]:
    """Give the options for podman by which such a root is one to run in, without an image."""
    base = Path(sys.base_prefix).resolve()
    options = ["--rootfs", f"--env=PATH={base}/bin", f"--env=LD_LIBRARY_PATH={base}/lib"]
    places = [*(one for one in _libraries() if not one.is_symlink()), base]
    return [*options, *(f"--volume={place}:{place}:ro" for place in places)]


def need_podman(root: str) -> None:
    """Skip a test where podman is not there or cannot run anything, and under CI, which has bubblewrap for that."""
    if os.environ.get("CI") == "true" or shutil.which("podman") is None:
        pytest.skip("there is no podman here, or this is CI")
    line = ["podman", "run", "--rm", "--network=host", *podman_options_for_root(), root, "python3", "-V"]
    try:
        subprocess.run(line, capture_output=True, text=True, timeout=60, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"podman cannot make a container here: {error}: {str(error.stderr)[-300:]}")


def need_bubblewrap() -> None:
    """Skip a test where bubblewrap is not there or cannot work: Python alone must do to pass under CI."""
    if shutil.which("bwrap") is None:
        pytest.skip("there is no bwrap here: scripts/install-bubblewrap installs it where it can")
    refusal = _refusal_of_kernel()
    if refusal:
        pytest.skip(f"bubblewrap cannot make a container here: {refusal}")


@functools.cache
def _refusal_of_kernel() -> str:
    line = ["bwrap", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    return "" if done.returncode == 0 else done.stderr.strip() or f"exit code {done.returncode}"


def _libraries() -> list[Path]:
    return [place for place in map(Path, ("/usr", "/lib", "/lib64")) if place.exists()]
