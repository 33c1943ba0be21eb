"""`ShellFunction`, `MPIFunction` and `ShellResult`: a command line as a function that an endpoint runs.

This module stands alone. Its text travels with each function that is sent, so that a worker without farpool can run it:
it uses the standard library and its own names, nothing else, and the syntax of every Python from 3.9 on. (Arguments are
checked where a function is made, so `checks` stays there.) A worker that has farpool takes its own.

    ShellFunction -- pickled --> "take farpool's, else run this text", template, limits
    ShellResult   -- pickled --> "call farpool's, else the SDK's", fields

Source: globus-compute-sdk 4.19, `ShellFunction`, `MPIFunction`, `ShellResult`: names, arguments, environment variables,
return codes. The command's process group is ended with it, and with the worker: that is ours.
"""

from __future__ import annotations

import ast
import contextlib
import copyreg
import inspect
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import zlib
from collections import deque
from functools import cache
from typing import Any, BinaryIO, NamedTuple

#: The return code of a command that ran out of time, as of timeout(1).
_OUT_OF_TIME = 124
#: From SIGTERM to SIGKILL, for a command that ran out of time.
_GRACE_S = 1.0
#: How often the group of such a command is looked at meanwhile.
_LOOK_S = 0.02
#: How much of an output `str` of a result shows.
_SHOWN_LINES = 10
_SHOWN_CHARS = 1024

#: What a worker reads a function with: farpool's own classes where it is installed, else those of the text.
_READ = "exec(begin) or remade(kind, state)"
_BEGIN = """
try:
    from farpool.shell.command import remade
except ImportError:
    exec(compile(__import__("zlib").decompress(packed), "<farpool shell>", "exec"), globals())
"""

#: What a result is read with.
_READ_RESULT = (
    "__import__(next((home for home in homes if __import__('importlib.util').util.find_spec(home)), homes[0]))"
    ".ShellResult(**told)"
)

#: Is told a group of processes, and ends it when whoever told it is gone: nothing more comes then.
_GUARD = 'read -r group || exit; read -r _; kill -s KILL -- "-$group"'
#: Becomes a command when a line comes, which says that its guard knows of it.
_GATE = 'read -r _ || exit; exec "$@" </dev/null'


class ShellResult:
    """What became of a command.

    Attributes:
        cmd: the command line, as it was run.
        stdout: the last lines of its output.
        stderr: the last lines of its error output.
        returncode: its exit code; negative: the number of the signal that ended it; 124: it ran out of `walltime`.
        exception_name: None after 0, else ``"subprocess.CalledProcessError"`` or ``"subprocess.TimeoutExpired"``.
    """

    #: The packages whose `ShellResult` it is where it is read: the first of them that is there.
    _homes = ("farpool", "globus_compute_sdk")

    def __init__(self, cmd: str, stdout: str, stderr: str, returncode: int, exception_name: str | None = None) -> None:
        self.cmd = cmd
        self.stdout = stdout
        self.stderr = stderr
        self.returncode = returncode
        self.exception_name = exception_name

    def __str__(self) -> str:
        told = "exit code: {}\n   stdout:\n{}".format(self.returncode, _end_of(self.stdout, "stdout"))
        if self.returncode != 0:
            told += "\n\n   stderr:\n{}".format(_end_of(self.stderr, "stderr"))
            if self.exception_name:
                told += f"\n\nexception: {self.exception_name}"
        return told

    def __repr__(self) -> str:
        names = ["returncode", "cmd", "exception_name", "stdout", "stderr"]
        shown = [name for name in names if name != "exception_name" or self.exception_name is not None]
        return "{}({})".format(type(self).__name__, ", ".join(f"{name}={getattr(self, name)!r}" for name in shown))

    def __reduce__(self) -> Any:
        # Whoever reads it looks for the class by its name: the worker that writes it may not have that package.
        return eval, (_READ_RESULT, {"homes": self._homes, "told": dict(vars(self))})  # noqa: S307 - a text of our own


class ShellFunction:
    r"""A command line as a function: called on a worker, it runs there, under bash, and gives a `ShellResult`.

    A command that fails is a result like others: look at its `returncode`.

    Args:
        cmd: the command, with names in braces for what it is called with: ``"wc -l {file}"``. Braces of the shell's own
            are doubled: ``"echo ${{HOME}}"``.
        stdout: a file on the worker that the output is appended to. Left out: a file of its own in the sandbox or in
            `run_dir`; where there is neither, one that is deleted afterwards.
        stderr: the same for the error output.
        walltime: seconds after which the command is ended, with all that it started in its process group. Then
            `returncode` is 124.
        snippet_lines: how many lines at the end of each output are in the result.
        name: what the function is registered as; left out: the name of the class.
        return_dict: whether to give a dict of the fields, which JSON can hold, instead of a `ShellResult`.
        run_dir: the directory that the command runs in, and that `stdout` and `stderr` are relative to; made if need
            be. A relative one is in the sandbox, if the endpoint gives its tasks one, else where the worker is.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind, or the braces of `cmd` are not as they must be.

    Example:
        >>> lines = ShellFunction("echo {word} | tr a-z A-Z")
        >>> lines(word="shout").stdout
        'SHOUT\n'
    """

    _result = ShellResult
    run_dir: str | None = None

    def __init__(  # noqa: PLR0917 - the incumbent's order
        self,
        cmd: str,
        stdout: str | os.PathLike[str] | None = None,
        stderr: str | os.PathLike[str] | None = None,
        walltime: float | None = None,
        snippet_lines: int = 1000,
        name: str | None = None,
        return_dict: bool = False,
        *,
        run_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        from . import checks  # noqa: PLC0415 - not needed where a function is remade

        self.cmd = checks.template(cmd)
        self.stdout = checks.path(stdout, "stdout")
        self.stderr = checks.path(stderr, "stderr")
        self.walltime = checks.seconds(walltime)
        self.snippet_lines = checks.count(snippet_lines)
        self.__name__ = checks.name(type(self).__name__ if name is None else name)
        self.return_dict = checks.flag(return_dict)
        self.run_dir = checks.path(run_dir, "run_dir")
        # What a registration takes for the description: the class's own text would say nothing of this command.
        self.__doc__ = f"{type(self).__name__}: {cmd.strip()[:200]}"

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the command here, with its names replaced by what is given; extra names are passed over.

        Returns:
            A `ShellResult`, or a dict of its fields where `return_dict` is set.

        Raises:
            KeyError, IndexError: a name of the command was not given.
            OSError: a directory or file cannot be made.
        """
        return self.execute_cmd_line(self._filled_in(args, kwargs))

    def execute_cmd_line(self, cmd: str) -> Any:
        """Run a command line as it is, otherwise as a call does."""
        directory, keeps = self._directory()
        with contextlib.ExitStack() as opened:
            out = opened.enter_context(_stream(self.stdout, "stdout", directory, keeps))
            err = opened.enter_context(_stream(self.stderr, "stderr", directory, keeps))
            starts = [stream.seek(0, os.SEEK_END) for stream in (out, err)]
            returncode = _run(cmd, directory, out, err, self.walltime)
            told: dict[str, Any] = {
                "cmd": cmd,
                "stdout": _last_lines(out, starts[0], self.snippet_lines),
                "stderr": _last_lines(err, starts[1], self.snippet_lines),
                "returncode": _OUT_OF_TIME if returncode is None else returncode,
                "exception_name": _failure(returncode),
            }
        return told if self.return_dict else self._result(**told)

    def _filled_in(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        try:
            return self.cmd.format(*args, **kwargs)
        except (KeyError, IndexError) as error:
            raise type(error)(
                f"the command {self.cmd!r} needs more than it was called with ({error}): pass what is in braces by "
                "name, and double the braces that are the shell's own"
            ) from None

    def _directory(self) -> tuple[str, bool]:
        """Give where the command runs, and whether its output is kept there."""
        sandbox = os.environ.get("GC_TASK_SANDBOX_DIR", "")
        place = os.path.join(sandbox or os.getcwd(), self.run_dir or ".")
        if sandbox or self.run_dir:
            os.makedirs(place, exist_ok=True)
        return os.path.normpath(place), bool(sandbox or self.run_dir)

    def __str__(self) -> str:
        told = [(" wall time", self.walltime), ("    stdout", self.stdout), ("    stderr", self.stderr)]
        told += [("   run dir", self.run_dir), ("     lines", self.snippet_lines)]
        lines = [f"{what}: {value!r}" for what, value in told if value is not None]
        command = "\n".join(self.cmd.strip()[:_SHOWN_CHARS].splitlines()[:_SHOWN_LINES])
        if command != self.cmd.strip():
            command += "\n[... truncated; see .cmd for the whole ...]"
        if "\n" in command:
            command = (f"-----\n{command}\n-----").replace("\n", "\n" + " " * 12)
        return "\n".join([self.__name__, *lines, f"   command: {command}"])

    def __repr__(self) -> str:
        names = ["walltime", "stdout", "stderr", "run_dir", "snippet_lines", "cmd"]
        shown = [f"{name}={getattr(self, name)!r}" for name in names if getattr(self, name) is not None]
        if self.__name__ != type(self).__name__:
            shown.insert(0, f"name={self.__name__!r}")
        return "{}({})".format(type(self).__name__, ", ".join(shown))

    def __reduce__(self) -> Any:
        kind = type(self).__name__
        packed = _packed() if globals().get(kind) is type(self) else None
        if packed is None:  # a subclass of the user's, or no text: as any other object
            return copyreg.__newobj__, (type(self),), dict(vars(self))  # type: ignore[attr-defined] # not in typeshed
        space = {"begin": _BEGIN, "packed": packed, "kind": kind, "state": dict(vars(self))}
        return eval, (_READ, space)  # noqa: S307 - a text of our own


class MPIFunction(ShellFunction):
    """A `ShellFunction` whose command is started by the endpoint's MPI launcher: ``$PARSL_MPI_PREFIX`` comes before it.

    Submit it with a `resource_specification`, such as ``{"num_nodes": 2, "ranks_per_node": 4}``: the endpoint makes the
    prefix of that. See the guide, "Shell commands and MPI".

    Example:
        >>> hostnames = MPIFunction("hostname")
        >>> with Executor(endpoint_id="...") as ex:  # doctest: +SKIP
        ...     ex.resource_specification = {"num_nodes": 1, "num_ranks": 4}
        ...     print(ex.submit(hostnames).result().stdout)
    """

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        """Run the command under the launcher; otherwise as of a `ShellFunction`.

        Raises:
            RuntimeError: the endpoint has given no launcher.
        """
        command = self._filled_in(args, kwargs)
        if not os.environ.get("PARSL_MPI_PREFIX"):
            raise RuntimeError(
                "there is no MPI launcher here (PARSL_MPI_PREFIX is not set): submit with a resource_specification, "
                "such as {'num_nodes': 1, 'num_ranks': 4}, to an endpoint that takes one"
            )
        return self.execute_cmd_line("$PARSL_MPI_PREFIX " + command)


def remade(kind: str, state: dict[str, Any]) -> ShellFunction:
    """Make a function of what travelled: the name of its class, and its attributes."""
    function: ShellFunction = object.__new__(globals()[kind])
    vars(function).update(state)
    return function


def _run(cmd: str, directory: str, out: BinaryIO, err: BinaryIO, walltime: float | None) -> int | None:
    """Run a command to its end; gives its exit code, None when it ran out of time."""
    shell = "/bin/bash" if os.path.exists("/bin/bash") else "/bin/sh"
    # In a session of its own, its group can be ended without this process; the guard ends it if this one is killed.
    begin = _Begin(_GATE, (shell, "-c", cmd), directory, out, err)
    with _started(_Begin(_GUARD)) as guard, _started(begin) as process:
        _tell(guard, str(process.pid))
        _tell(process, "begin")
        try:
            return process.wait(walltime)
        except subprocess.TimeoutExpired:
            return None
        finally:
            if process.returncode is None:
                end_group(process)
            guard.kill()


class _Begin(NamedTuple):
    """A program for the shell, and what it is started with."""

    program: str
    arguments: tuple[str, ...] = ()
    directory: str | None = None
    out: Any = subprocess.DEVNULL
    err: Any = subprocess.DEVNULL


def _started(begin: _Begin) -> subprocess.Popen[bytes]:
    command = ["/bin/sh", "-c", begin.program, "sh", *begin.arguments]
    return subprocess.Popen(  # noqa: S603 - a command of the user's is what this is about
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=begin.out,
        stderr=begin.err,
        cwd=begin.directory,
        start_new_session=True,
    )


def _tell(process: subprocess.Popen[bytes], line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        if process.stdin is not None:
            process.stdin.write(f"{line}\n".encode())


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a command and all of its group: politely, then not."""
    deadline = time.monotonic() + _GRACE_S
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < deadline:  # the shell goes first: the others have their time as well
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(_LOOK_S)  # nothing tells of the end of a group
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)


def _failure(returncode: int | None) -> str | None:
    if returncode is None:
        return "subprocess.TimeoutExpired"
    return "subprocess.CalledProcessError" if returncode else None


def _stream(name: str | None, which: str, directory: str, keeps: bool) -> Any:
    if name is not None:
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return open(path, "a+b")
    if not keeps:
        return tempfile.TemporaryFile()
    task = os.environ.get("GC_TASK_UUID") or str(uuid.uuid4())[-10:]
    return tempfile.NamedTemporaryFile(dir=directory, prefix=task + ".", suffix="." + which, delete=False)


def _last_lines(stream: Any, start: int, count: int) -> str:
    stream.seek(start)
    file = getattr(stream, "file", stream)  # that of a named temporary file
    reader = io.TextIOWrapper(file, encoding="utf-8", errors="replace")
    try:
        return "".join(deque(reader, maxlen=count))
    finally:
        reader.detach()


def _end_of(text: str, name: str) -> str:
    whole = text.lstrip("\n").rstrip()
    end = "\n".join(whole[-_SHOWN_CHARS:].splitlines()[-_SHOWN_LINES:])
    return end if end == whole else f"[... truncated; see .{name} for the rest ...]\n{end}"


@cache
def _packed() -> bytes | None:
    """Give this module's text without what people read, to be sent along; None where there is no text."""
    if "packed" in globals():  # this is such a text itself
        return bytes(globals()["packed"])
    try:
        text = inspect.getsource(sys.modules[__name__])
    except (OSError, KeyError):
        return None
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno - 1, node.body[0].end_lineno or 0
            lines[first:last] = [""] * (last - first)
    return zlib.compress("\n".join(line for line in lines if not line.lstrip().startswith("#")).encode(), 9)
