from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from farpool.endpoint import runtimes
from farpool.endpoint.runtimes import Packages, Surroundings, command, missing

PACKAGES = Packages("/tmp/p", {"farpool": "/opt/site/farpool"}, {"dill": "/opt/site/dill"})
AROUND = Surroundings("/tmp/link", PACKAGES, "/home/ann/work", ["/home/ann/blobs"], user=1000, group=100)


def test_docker_runs_as_the_endpoints_user_with_what_a_worker_needs_mounted() -> None:
    line = command("docker", "python:3.12", AROUND).line

    assert line[:3] == ["docker", "run", "--rm"]
    image = line.index("python:3.12")
    before, after = line[:image], line[image + 1 :]
    assert set(before) >= {
        "--user=1000:100",
        "--security-opt=no-new-privileges",
        "--workdir=/home/ann/work",
        "--volume=/opt/site/farpool:/run/farpool/first/farpool:ro",
        "--volume=/opt/site/dill:/run/farpool/last/dill:ro",
        "--volume=/tmp/link:/run/farpool/link",
        "--volume=/home/ann/work:/home/ann/work",
        "--volume=/home/ann/blobs:/home/ann/blobs",
        "--entrypoint=python3",
    }
    assert "--userns=keep-id" not in before
    assert after[:2] == ["-s", "-c"]
    assert after[3:] == ["/run/farpool/first", "/run/farpool/last", "/run/farpool/link/agent"]


def test_podman_maps_the_endpoints_user_where_it_is_not_root() -> None:
    as_root = Surroundings("/tmp/link", PACKAGES, "/w")

    assert "--userns=keep-id" in command("podman", "image", AROUND).line
    assert "--userns=keep-id" not in command("podman", "image", as_root).line


@pytest.mark.parametrize("kind", ["apptainer", "singularity"])
def test_apptainer_runs_python3_of_the_image(kind: str) -> None:
    line = command(kind, "/data/image.sif", AROUND).line

    assert line[:4] == [kind, "exec", "--pwd", "/home/ann/work"]
    assert "/opt/site/farpool:/run/farpool/first/farpool:ro" in line
    assert line[line.index("/data/image.sif") + 1] == "python3"


@pytest.mark.parametrize(("kind", "variable"), [("venv", "VIRTUAL_ENV"), ("conda", "CONDA_PREFIX")])
def test_a_venv_and_a_conda_environment_run_their_own_python(kind: str, variable: str) -> None:
    made = command(kind, "/opt/env", AROUND, search_path="/usr/bin")

    assert made.line[0] == "/opt/env/bin/python"
    assert made.line[-3:] == ["/tmp/p/first", "/tmp/p/last", "/tmp/link/agent"]
    assert made.variables == {variable: "/opt/env", "PATH": "/opt/env/bin:/usr/bin"}


@pytest.mark.parametrize("kind", ["docker", "podman", "apptainer", "singularity"])
def test_the_owners_options_come_before_the_image(kind: str) -> None:
    around = Surroundings("/tmp/link", PACKAGES, "/w", options=["--gpus", "all"])

    line = command(kind, "image", around).line

    assert line.index("--gpus") + 1 == line.index("all") < line.index("image")


def test_bubblewrap_makes_a_root_of_a_directory_with_room_for_what_is_shared(tmp_path: Path) -> None:
    for name in ("usr", "proc", "tmp", "home/ben", "etc"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")

    made = command("bubblewrap", str(tmp_path), AROUND)
    line = " ".join(made.line)

    assert f"--ro-bind {tmp_path}/usr /usr" in line
    assert f"--ro-bind {tmp_path}/etc /etc" in line
    assert "--symlink usr/lib /lib" in line
    assert f"{tmp_path}/proc" not in line
    # /home is read-only there, and has no place for what is to be in it: so it is made anew, with what it has.
    assert f"--dir /home --ro-bind {tmp_path}/home/ben /home/ben" in line
    assert "--bind /home/ann/work /home/ann/work" in line
    assert "--die-with-parent --unshare-pid" in line
    assert " --chdir /home/ann/work -- python3 -s -c " in line
    # The search path is for inside: bwrap itself may be anywhere on the agent's own.
    assert " --setenv PATH /usr/local/sbin:/usr/local/bin:" in line
    assert made.variables == {}


@pytest.mark.parametrize(
    ("kind", "location", "said"),
    [
        ("docker", "image", "no command 'docker'"),
        ("podman", "image", "no command 'podman'"),
        ("apptainer", "docker://image", "no command 'apptainer'"),
        ("bubblewrap", "/root", "no command 'bwrap'"),
        ("venv", "/opt/env", "no /opt/env/bin/python"),
        ("conda", "/opt/env", "no /opt/env/bin/python"),
    ],
)
def test_what_a_machine_lacks_is_named(kind: str, location: str, said: str) -> None:
    why = missing(kind, location, which=lambda _: None, is_there=lambda _: False)

    assert why is not None
    assert said in why
    assert missing(kind, location, which=lambda name: name, is_there=lambda _: True) is None


def test_an_image_that_is_a_file_must_be_there_and_one_of_a_registry_need_not() -> None:
    def lacks(location: str) -> str | None:
        return missing("apptainer", location, which=lambda name: name, is_there=lambda _: False)

    assert lacks("/data/image.sif") == "there is no /data/image.sif on this endpoint's machine"
    assert lacks("docker://python:3.12") is None


def test_an_old_python_in_an_environment_says_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    start = command("venv", "/v", AROUND).line[3]
    older = start.replace("(3, 10)", "(99, 0)")

    done = subprocess.run([sys.executable, "-c", older, "a", "b", "c"], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("a worker needs Python 3.10 or newer, and in this environment python3 is 3.")
    assert runtimes.SOCKET == "agent"
