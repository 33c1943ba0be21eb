"""The `farpool` command as a user runs it: a process of its own, with a home of its own."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from .environments import clean_environment

FARPOOL = (sys.executable, "-m", "farpool")
TIMEOUT_S = 60.0


class Command:
    """Runs `farpool` with a home and an environment.

    Args:
        home: FARPOOL_HOME.
        program: what is run in the place of `farpool`.
        variables: more environment variables.
    """

    def __init__(self, home: Path, *, program: Sequence[str] = FARPOOL, **variables: str) -> None:
        self.home = home
        self._program = program
        self._variables = variables

    def having(self, **variables: str) -> Command:
        """Give the same command with more environment variables."""
        return Command(self.home, program=self._program, **{**self._variables, **variables})

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the command sees."""
        return clean_environment(FARPOOL_HOME=str(self.home), COLUMNS="100", **self._variables)

    def __call__(self, *arguments: object, exit_code: int = 0) -> str:
        """Run to the end; return the standard output, or the standard error where a failure is expected."""
        done = subprocess.run(
            [*self._program, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            env=self.environment,
        )
        assert done.returncode == exit_code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr if exit_code and not done.stdout else done.stdout

    def json(self, *arguments: object, exit_code: int = 0) -> Any:
        """Run with `--json`; return what it printed: one value, or a list of them where it printed several lines."""
        values = [json.loads(line) for line in self(*arguments, "--json", exit_code=exit_code).splitlines()]
        return values[0] if len(values) == 1 else values

    @contextlib.contextmanager
    def running(self, *arguments: object) -> Generator[dict[str, Any], None, None]:
        """Run a command that announces itself in one JSON line, until the body ends; give what it announced."""
        command = [*self._program, *map(str, arguments), "--json"]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment
        )
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout, process.stderr:
            line = process.stdout.readline()
            if not line:
                process.wait()
                raise AssertionError(process.stderr.read().decode())
            try:
                yield json.loads(line)
            finally:
                process.terminate()
                process.communicate(timeout=TIMEOUT_S)
