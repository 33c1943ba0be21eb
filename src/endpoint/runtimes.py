"""Runtimes: for each type of environment, the command that runs a worker in it, and what may be missing for that. Pure.

    docker, podman          COMMAND run --rm ... IMAGE        a container; ends with its first process, which is ours
    apptainer, singularity  COMMAND exec ... IMAGE python3
    bubblewrap              bwrap ... python3                 a root made of the directory, read-only
    venv, conda             DIRECTORY/bin/python              a process like any other

Inside, farpool and what its worker needs are found in directories of the endpoint's machine: before everything else in
`sys.path` farpool itself, behind everything else what the environment may have of its own. The worker talks with the
agent over a socket in a directory that both see.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..wire.containers import APPTAINER, BUBBLEWRAP, CONDA, DOCKER, PODMAN, SINGULARITY, VENV

#: The name of the socket in its directory.
SOCKET = "agent"
#: Where a container has what is ours.
_INSIDE = "/run/farpool"
_INSIDE_LINK = f"{_INSIDE}/link"

_COMMANDS = {
    DOCKER: "docker",
    PODMAN: "podman",
    APPTAINER: "apptainer",
    SINGULARITY: "singularity",
    BUBBLEWRAP: "bwrap",
}
#: Of the host or made anew, and never of the directory that a root is made of.
_NOT_OF_THE_ROOT = frozenset({"dev", "proc", "run", "sys", "tmp"})
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_START = """\
import sys
first, last, link = sys.argv[1:]
if sys.version_info < (3, 10):
    sys.exit("a worker needs Python 3.10 or newer, and in this environment python3 is " + sys.version.split()[0])
sys.path[:] = [first, *filter(None, sys.path), last]
from farpool.endpoint.worker_keeper import main
main(link)
"""


@dataclass(frozen=True, slots=True)
class Packages:
    """What a worker needs to be imported, by the name in its directory.

    Attributes:
        directory: a directory of the endpoint's machine with a link to each, in `first` and `last`.
        first: what is found before anything of the environment's.
        last: what is found when the environment has none of its own.
    """

    directory: str
    first: Mapping[str, str]
    last: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker is to find in its environment.

    Attributes:
        link: the directory with the socket.
        packages: what is to be imported.
        directory: the working directory.
        shared: more directories that it may write to.
        user, group: ids that it runs as.
        options: of the endpoint's owner, for the command.
    """

    link: str
    packages: Packages
    directory: str
    shared: Sequence[str] = ()
    user: int = 0
    group: int = 0
    options: Sequence[str] = ()

    @property
    def writable(self) -> list[str]:
        """The directories that are where they are outside, for reading and writing."""
        return [one for one in dict.fromkeys((self.directory, *self.shared)) if one != "/"]

    @property
    def readable(self) -> dict[str, str]:
        """What is ours, by where it is inside."""
        first = {f"{_INSIDE}/first/{name}": place for name, place in self.packages.first.items()}
        last = {f"{_INSIDE}/last/{name}": place for name, place in self.packages.last.items()}
        return {**first, **last}


@dataclass(frozen=True, slots=True)
class Command:
    """How a worker is started.

    Attributes:
        line: the command and its arguments.
        variables: of the environment; set beside what the agent has.
    """

    line: list[str]
    variables: Mapping[str, str]


def missing(
    kind: str,
    location: str,
    *,
    which: Callable[[str], str | None] = shutil.which,
    is_there: Callable[[str], bool] = lambda path: Path(path).exists(),
) -> str | None:
    """Say what this machine lacks to provide an environment, as far as that can be seen without trying."""
    command = _COMMANDS.get(kind)
    if command is not None and which(command) is None:
        return f"there is no command {command!r} on this endpoint's PATH; install it, or run the function elsewhere"
    wanted: str | None = None
    if kind in {VENV, CONDA}:
        wanted = f"{location}/bin/python"
    elif kind == BUBBLEWRAP or (kind in {APPTAINER, SINGULARITY} and "://" not in location):
        wanted = location
    if wanted is not None and not is_there(wanted):
        return f"there is no {wanted} on this endpoint's machine"
    return None


def command(kind: str, location: str, around: Surroundings, *, search_path: str = "") -> Command:
    """Give the command of a worker in an environment.

    Args:
        kind: the type of the environment.
        location: where it is.
        around: what it is to find there.
        search_path: PATH as the agent has it.
    """
    if kind in {VENV, CONDA}:
        packages = around.packages.directory
        inside = [f"{packages}/first", f"{packages}/last", f"{around.link}/{SOCKET}"]
        own = {"VIRTUAL_ENV" if kind == VENV else "CONDA_PREFIX": location, "PATH": f"{location}/bin:{search_path}"}
        return Command([f"{location}/bin/python", *_python(inside)], own)
    python = _python([f"{_INSIDE}/first", f"{_INSIDE}/last", f"{_INSIDE_LINK}/{SOCKET}"])
    if kind in {DOCKER, PODMAN}:
        return Command(_container(kind, location, around, python), {})
    if kind in {APPTAINER, SINGULARITY}:
        return Command(_apptainer(kind, location, around, python), {})
    return Command(_bubblewrap(location, around, python), {})


def _python(arguments: Sequence[str]) -> list[str]:
    # -s: what the user has installed for another Python is none of this one's business.
    return ["-s", "-c", _START, *arguments]


def _container(kind: str, image: str, around: Surroundings, python: Sequence[str]) -> list[str]:
    # Whoever the image says, the worker is the endpoint's user, and no set-uid program of the image changes that.
    line = [kind, "run", "--rm", "--network=host", f"--user={around.user}:{around.group}"]
    line += ["--security-opt=no-new-privileges", "--security-opt=label=disable"]
    if kind == PODMAN and around.user:
        line.append("--userns=keep-id")
    line += [f"--workdir={around.directory}", f"--env=HOME={around.directory}"]
    line += [f"--volume={place}:{inside}:ro" for inside, place in around.readable.items()]
    line.append(f"--volume={around.link}:{_INSIDE_LINK}")
    line += [f"--volume={one}:{one}" for one in around.writable]
    return [*line, *around.options, "--entrypoint=python3", image, *python]


def _apptainer(kind: str, image: str, around: Surroundings, python: Sequence[str]) -> list[str]:
    line = [kind, "exec", "--pwd", around.directory]
    for inside, place in around.readable.items():
        line += ["--bind", f"{place}:{inside}:ro"]
    line += ["--bind", f"{around.link}:{_INSIDE_LINK}"]
    for one in around.writable:
        line += ["--bind", one]
    return [*line, *around.options, image, "python3", *python]


def _bubblewrap(root: str, around: Surroundings, python: Sequence[str]) -> list[str]:
    line = ["bwrap", "--die-with-parent", "--unshare-pid", *_planted(Path(root), "/", around.writable)]
    line += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - the new root's own
    for inside, place in around.readable.items():
        line += ["--ro-bind", place, inside]
    line += ["--bind", around.link, _INSIDE_LINK]
    for one in around.writable:
        line += ["--bind", one, one]
    line += ["--setenv", "PATH", _SEARCH_PATH]  # inside: bwrap itself is found where the agent finds it
    return [*line, *around.options, "--chdir", around.directory, "--", "python3", *python]


def _planted(place: Path, inside: str, needed: Sequence[str]) -> Iterator[str]:
    """Make a root of what is in a directory, in which the directories that are needed can be made."""
    for one in sorted(place.iterdir()):
        at = f"{inside}{one.name}"
        if inside == "/" and one.name in _NOT_OF_THE_ROOT:
            continue
        if one.is_symlink():
            yield from ("--symlink", str(one.readlink()), at)
            continue
        under = [path for path in needed if path.startswith(f"{at}/")]
        lacking = [path for path in under if not Path(f"{place}/{path.removeprefix(inside)}").exists()]
        if lacking:
            yield from ("--dir", at)
            yield from _planted(one, f"{at}/", lacking)
        else:
            yield from ("--ro-bind", str(one), at)
