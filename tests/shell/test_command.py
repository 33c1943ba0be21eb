"""Commands as functions, run here: what they give, where they run, and what ends them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from farpool import MPIFunction, ShellFunction, ShellResult
from farpool.serialize import Serializer
from farpool.shell import command
from support.pipes import has_writers, pipe_at
from support.waiting import eventually

#: Reads a function from a file, calls it, and writes what it gives: without site-packages, so without farpool.
BARE_WORKER = """
import pickle, sys
function = pickle.load(open(sys.argv[1], "rb"))
result = function(word="over there")
assert "farpool" not in sys.modules
pickle.dump((function.__name__, result, function), open(sys.argv[2], "wb"))
"""


@pytest.fixture(autouse=True)
def no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GC_TASK_SANDBOX_DIR", "GC_TASK_UUID", "PARSL_MPI_PREFIX"):
        monkeypatch.delenv(name, raising=False)


def test_a_command_is_filled_in_and_its_output_and_exit_code_come_back() -> None:
    result = ShellFunction("echo {greeting} {0}; echo trouble >&2; exit 3")("you", greeting="hello", unused=1)

    assert (result.cmd, result.returncode) == ("echo hello you; echo trouble >&2; exit 3", 3)
    assert (result.stdout, result.stderr) == ("hello you\n", "trouble\n")
    assert result.exception_name == "subprocess.CalledProcessError"


def test_a_command_that_succeeds_names_no_exception() -> None:
    result = ShellFunction("[[ a == a ]] && echo ${{#BASH}} | wc -l")()  # bash, not any other shell

    assert (result.returncode, result.stdout, result.exception_name) == (0, "1\n", None)


def test_an_exit_by_a_signal_is_its_number_below_zero() -> None:
    assert ShellFunction("kill -USR1 $$")().returncode == -10


def test_a_command_reads_nothing_from_the_workers_standard_input() -> None:
    assert ShellFunction("cat")().stdout == ""


def test_the_last_lines_of_each_output_are_in_the_result() -> None:
    result = ShellFunction("seq 100; seq 7 >&2", snippet_lines=3)()

    assert (result.stdout, result.stderr) == ("98\n99\n100\n", "5\n6\n7\n")
    assert ShellFunction("seq 5", snippet_lines=0)().stdout == ""


def test_output_that_is_no_text_does_not_hurt() -> None:
    assert ShellFunction(r"printf 'a\377b'")().stdout == "a\ufffdb"


def test_a_dict_of_plain_values_can_be_had_instead() -> None:
    told = ShellFunction("echo 1", return_dict=True)()

    assert told == {"cmd": "echo 1", "stdout": "1\n", "stderr": "", "returncode": 0, "exception_name": None}


def test_named_files_are_appended_to_and_only_what_is_new_comes_back(tmp_path: Path) -> None:
    function = ShellFunction("echo {n}; echo -{n} >&2", stdout="logs/out", stderr="logs/err", run_dir=tmp_path)

    assert [function(n=number).stdout for number in (1, 2)] == ["1\n", "2\n"]
    assert (tmp_path / "logs" / "out").read_text() == "1\n2\n"
    assert (tmp_path / "logs" / "err").read_text() == "-1\n-2\n"


def test_a_command_runs_in_its_directory_which_is_made(tmp_path: Path) -> None:
    result = ShellFunction("pwd", run_dir=tmp_path / "a" / "b")()

    assert result.stdout == f"{(tmp_path / 'a' / 'b').resolve()}\n"
    assert len(list((tmp_path / "a" / "b").glob("*.stdout"))) == 1


def test_a_command_runs_in_the_sandbox_of_its_task_and_leaves_its_output_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GC_TASK_SANDBOX_DIR", str(tmp_path / "box"))
    monkeypatch.setenv("GC_TASK_UUID", "the-task")

    assert ShellFunction("echo x > made; pwd")().stdout == f"{tmp_path / 'box'}\n"
    assert ShellFunction("pwd", run_dir="inner")().stdout == f"{tmp_path / 'box' / 'inner'}\n"
    assert (tmp_path / "box" / "made").exists()
    assert [path.name[:9] for path in (tmp_path / "box").glob("*.stdout")] == ["the-task."]


def test_without_a_directory_of_its_own_a_command_leaves_nothing_where_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert ShellFunction("pwd")().stdout == f"{tmp_path}\n"
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_runs_out_of_time_ends_with_all_that_it_started(tmp_path: Path) -> None:
    with pipe_at(tmp_path / "pipe") as reader:
        command = "exec 3>{pipe}; (trap '' TERM; sleep 1000) & echo begun; sleep 1000"

        result = ShellFunction(command, walltime=0.5)(pipe=tmp_path / "pipe")

        assert (result.returncode, result.exception_name) == (124, "subprocess.TimeoutExpired")
        eventually(lambda: not has_writers(reader), 60)


def test_what_a_command_started_has_time_to_clear_up_though_its_shell_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_GRACE_S", 10)  # however busy the machine is
    inner = "trap 'echo tidy > tidied; exit' TERM; echo > begun; while :; do sleep 0.05; done"
    program = f"({inner}) & wait; true"
    process = subprocess.Popen(["/bin/sh", "-c", program], cwd=tmp_path, start_new_session=True)
    eventually((tmp_path / "begun").exists, 60)

    command.end_group(process)

    assert process.returncode == -15
    assert (tmp_path / "tidied").read_text() == "tidy\n"


def test_a_command_ends_with_the_worker_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from farpool import ShellFunction; ShellFunction('exec 3>{pipe}; sleep 1000')(pipe=sys.argv[1])"
    )
    with pipe_at(tmp_path / "pipe") as reader:
        worker = subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "pipe")])
        try:
            eventually(lambda: has_writers(reader), 60)
        finally:
            worker.kill()
            worker.wait()

        eventually(lambda: not has_writers(reader), 60)


def test_a_worker_without_farpool_runs_the_function_and_its_result_is_ours_here(tmp_path: Path) -> None:
    function = ShellFunction("echo {word}; exit 2", name="greet")
    (tmp_path / "function").write_bytes(pickle.dumps(function))

    command = [sys.executable, "-I", "-S", "-c", BARE_WORKER, str(tmp_path / "function"), str(tmp_path / "result")]
    subprocess.run(command, check=True, timeout=60)

    name, result, again = pickle.loads((tmp_path / "result").read_bytes())
    assert name == "greet"
    assert type(result) is ShellResult
    assert (result.stdout, result.returncode) == ("over there\n", 2)
    assert type(again) is ShellFunction
    assert repr(again) == repr(function)


@pytest.mark.parametrize("kind", [ShellFunction, MPIFunction])
def test_a_function_comes_back_as_it_was_sent(kind: type[ShellFunction]) -> None:
    function = kind("echo {x}", stdout="o", stderr="e", walltime=3, snippet_lines=4, name="f", run_dir="r")
    serializer = Serializer()

    for again in (serializer.deserialize(serializer.serialize(function)), pickle.loads(pickle.dumps(function))):
        assert type(again) is kind
        assert vars(again) == vars(function)
        assert str(again) == str(function)


def test_a_subclass_of_ones_own_travels_with_its_method() -> None:
    class Loud(ShellFunction):
        def __call__(self, **kwargs: Any) -> Any:
            return super().__call__(**{name: str(value).upper() for name, value in kwargs.items()})

    serializer = Serializer()

    assert serializer.deserialize(serializer.serialize(Loud("echo {x}")))(x="a").stdout == "A\n"


def test_results_and_functions_show_what_they_are() -> None:
    result = ShellResult("cmd", "\n".join(map(str, range(20))), "oh\n", 1, "subprocess.CalledProcessError")

    assert repr(result).startswith(
        "ShellResult(returncode=1, cmd='cmd', exception_name='subprocess.CalledProcessError'"
    )
    assert str(result).startswith("exit code: 1\n   stdout:\n[... truncated; see .stdout for the rest ...]\n10\n")
    assert str(result).endswith("   stderr:\noh\n\nexception: subprocess.CalledProcessError")
    assert str(ShellResult("cmd", "out\n", "err\n", 0)) == "exit code: 0\n   stdout:\nout"
    assert repr(ShellFunction("a {b}", walltime=2, name="c")) == (
        "ShellFunction(name='c', walltime=2, snippet_lines=1000, cmd='a {b}')"
    )


def test_an_mpi_function_puts_the_launcher_before_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARSL_MPI_PREFIX", "env RANKS=4")

    result = MPIFunction("bash -c 'echo {word} $RANKS'")(word="ranks")

    assert result.stdout == "ranks 4\n"
    assert result.cmd == "$PARSL_MPI_PREFIX bash -c 'echo ranks $RANKS'"


def test_an_mpi_function_without_a_launcher_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match=r"there is no MPI launcher here .* submit with a resource_specification"):
        MPIFunction("hostname")()


@pytest.mark.parametrize(
    ("command", "kind"), [("echo {name}", KeyError), ("echo {}", IndexError), ("echo ${HOME}", KeyError)]
)
def test_what_a_command_needs_and_was_not_given_is_named(command: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"needs more than it was called with .* double the braces"):
        ShellFunction(command)()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"cmd": 1}, TypeError, "cmd must be a string, not 1 (int)"),
        ({"cmd": " "}, ValueError, "cmd is empty"),
        ({"cmd": "awk '{print $1}'"}, ValueError, "{print $1} in cmd is no name: double the braces"),
        ({"cmd": "f() { echo; "}, ValueError, "the braces of cmd 'f() { echo; ' are not as they must be"),
        ({"stdout": 1}, TypeError, "stdout must be the name of a file or directory, not 1 (int)"),
        ({"stderr": ""}, ValueError, "stderr must be the name of a file or directory, not ''"),
        ({"run_dir": b"x"}, TypeError, "run_dir must be the name of a file or directory, not b'x'"),
        ({"walltime": "1"}, TypeError, "walltime must be a number of seconds, not '1' (str)"),
        ({"walltime": -1}, ValueError, "walltime must be 0 seconds or more, not -1"),
        ({"snippet_lines": 1.5}, TypeError, "snippet_lines must be a whole number, not 1.5 (float)"),
        ({"snippet_lines": -1}, ValueError, "snippet_lines must be 0 or more, not -1"),
        ({"name": 1}, TypeError, "name must be a string, not 1 (int)"),
        ({"name": "a b"}, ValueError, "name 'a b' is not the name of a Python function"),
        ({"return_dict": 1}, TypeError, "return_dict must be True or False, not 1 (int)"),
    ],
)
def test_wrong_arguments_are_refused_at_once(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        partial(ShellFunction, **{"cmd": "true", **arguments})()

    assert message in str(caught.value)
