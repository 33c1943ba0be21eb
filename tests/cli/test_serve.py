"""`farpool serve`: what it announces, what it keeps, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest
import requests

from farpool.auth import TokenFile
from farpool.local.parent import ORPHANED
from support.command import FARPOOL, Command


def test_it_announces_itself_in_one_json_line(farpool: Command) -> None:
    with farpool.running("serve", "--port", 0, "--amqp-port", 0, "--keep-results", 0.5, "--keep-waiting", 30) as told:
        answer = requests.get(f"{told['service_url']}/v2/version?service=all", timeout=60)
        socket.create_connection(("127.0.0.1", told["amqp_port"]), timeout=60).close()

    limits = answer.json()
    assert (limits["keep_results_s"], limits["keep_waiting_s"]) == (43_200, 30 * 86_400)
    assert told["directory"] == str(farpool.home / "service")
    assert stat.S_IMODE(Path(told["token_file"]).stat().st_mode) == 0o600


def test_the_users_own_client_finds_the_token_by_itself(farpool: Command) -> None:
    with farpool.running("serve", "--port", 0, "--amqp-port", 0) as told:
        token = Path(told["token_file"]).read_text().strip()
        by_name = told["service_url"].replace("127.0.0.1", "localhost")

        assert TokenFile(farpool.home).read(told["service_url"]) == token
        assert TokenFile(farpool.home).read(by_name) == token
        assert farpool.json("functions", "list", "--service-url", by_name) == []


def test_an_ephemeral_service_is_not_remembered(farpool: Command) -> None:
    with farpool.running("serve", "--port", 0, "--amqp-port", 0, "--ephemeral") as told:
        assert TokenFile(farpool.home).read(told["service_url"]) is None


def test_it_tells_a_person_what_to_do_next(farpool: Command) -> None:
    command = [*FARPOOL, "serve", "--port", "0", "--amqp-port", "0", "--auth", "globus"]
    own_client = {"FARPOOL_GLOBUS_CLIENT_ID": str(uuid.uuid4()), "FARPOOL_GLOBUS_CLIENT_SECRET": "secret"}
    environment = {**farpool.environment, **own_client}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as service:
        assert service.stdout is not None
        lines: list[str] = []
        for line in service.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        service.send_signal(signal.SIGINT)

    text = "".join(lines)
    assert "export FARPOOL_SERVICE_URL=http://127.0.0.1:" in text
    assert str(farpool.home / "service" / "token") in text
    assert "log in once:\n    farpool login\n" in text
    assert "globus-compute-sdk" in text
    assert service.returncode == 0


def test_people_of_globus_are_not_taken_without_a_client_of_ones_own_there(farpool: Command) -> None:
    error = farpool("serve", "--auth", "globus", exit_code=2)

    assert "set FARPOOL_GLOBUS_CLIENT_ID and FARPOOL_GLOBUS_CLIENT_SECRET" in error


def test_a_port_in_use_is_told_in_a_line(farpool: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        error = farpool("serve", "--port", taken.getsockname()[1], "--amqp-port", 0, exit_code=1)

    assert error.startswith("Error: ")
    assert str(taken.getsockname()[1] if taken.fileno() >= 0 else "") in error
    assert "Traceback" not in error


def test_a_directory_in_use_is_told_in_a_line(farpool: Command) -> None:
    with farpool.running("serve", "--port", 0, "--amqp-port", 0):
        error = farpool("serve", "--port", 0, "--amqp-port", 0, exit_code=1)

    assert error.startswith("Error: ")
    assert str(farpool.home / "service") in error


@pytest.mark.slow
def test_it_ends_with_the_program_that_started_it_even_by_sigkill(farpool: Command) -> None:
    code = """
import os, signal, subprocess, sys
service = subprocess.Popen([*sys.argv[1:], "--exit-with-parent", str(os.getpid())], stdout=subprocess.PIPE, text=True)
service.stdout.readline()
print(service.pid, flush=True)
signal.pause()
"""
    serve = [*FARPOOL, "serve", "--port", "0", "--amqp-port", "0", "--json"]
    command = [sys.executable, "-c", code, *serve]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=farpool.environment) as program:
        assert program.stdout is not None
        service = psutil.Process(int(program.stdout.readline()))
        os.kill(program.pid, signal.SIGKILL)

        _, alive = psutil.wait_procs([service], timeout=60)

    assert alive == []


def test_an_orphan_ends_also_when_the_directory_of_temporary_files_is_gone(farpool: Command) -> None:
    code = """
import tempfile, threading
from farpool.cli import lifetime

tempfile.tempdir = "/nowhere"
thread = threading.Thread(target=lifetime._vanish)  # as the watch over the parent calls it
thread.start()
thread.join()
print("still there")
"""
    done = subprocess.run([sys.executable, "-c", code], env=farpool.environment, stdout=subprocess.PIPE, check=False)

    assert (done.returncode, done.stdout) == (ORPHANED, b"")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "cannot be used: Could not parse"),
        ("nonsense://someone:secret@host/x", "nonsense://someone:***@host/x"),
        ("sqlite:////nowhere/at/all/x.db", "cannot be opened: unable to open database file"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_in_a_line(farpool: Command, url: str, words: str) -> None:
    told = farpool("serve", "--port", 0, "--amqp-port", 0, "--database", url, exit_code=1)

    assert words in told
    assert "secret" not in told
    assert "Traceback" not in told
