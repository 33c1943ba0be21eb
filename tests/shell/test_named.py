"""The SDK's functions and results, read where there is no SDK."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from farpool import DeserializationError, ShellResult
from farpool.serialize import DillCode, DillDataBase64, Serializer


def written_by_the_sdk(module: str, name: str, state: dict[str, Any]) -> str:
    """Write an object of a class of the SDK as the SDK does: the class by name, and its attributes."""
    made = ModuleType(module)
    kind = type(name, (), {"__module__": module})
    setattr(made, name, kind)
    value = kind()
    vars(value).update(state)
    names = [".".join(module.split(".")[:count]) for count in range(1, module.count(".") + 2)]
    sys.modules.update(dict.fromkeys(names, made))
    try:
        data = pickle.dumps(value, 4)
    finally:
        for one in names:
            del sys.modules[one]
    import base64

    identifier = DillDataBase64.identifier if name == "ShellResult" else DillCode.identifier
    return f"{identifier}\n{base64.b64encode(data).decode()}"


def function_state(**more: Any) -> dict[str, Any]:
    plain = {"stdout": None, "stderr": None, "walltime": None, "snippet_lines": 1000, "return_dict": False}
    return {"cmd": "echo {word}", "__name__": "ShellFunction", **plain, **more}


def test_a_shell_function_of_the_sdk_runs_without_it_and_gives_the_result_of_the_sdk_where_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serializer = Serializer()
    text = written_by_the_sdk("globus_compute_sdk.sdk.shell_function", "ShellFunction", function_state(name="said"))

    result = serializer.deserialize(text)(word="hello")

    assert (result.stdout, result.returncode) == ("hello\n", 0)
    sent = serializer.serialize(result)
    assert type(serializer.deserialize(sent)) is ShellResult
    (tmp_path / "globus_compute_sdk.py").write_text("ShellResult = dict")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    try:
        assert serializer.deserialize(sent)["stdout"] == "hello\n"
    finally:
        sys.modules.pop("globus_compute_sdk", None)


def test_an_mpi_function_of_the_sdk_runs_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARSL_MPI_PREFIX", "env -i")
    text = written_by_the_sdk("globus_compute_sdk.sdk.mpi_function", "MPIFunction", function_state(return_dict=True))

    assert Serializer().deserialize(text)(word="x")["cmd"] == "$PARSL_MPI_PREFIX echo x"


def test_a_result_of_the_sdk_is_one_of_ours_here() -> None:
    state = {"cmd": "c", "stdout": "o", "stderr": "e", "returncode": 1, "exception_name": None}

    result = Serializer().deserialize(written_by_the_sdk("globus_compute_sdk.sdk.shell_function", "ShellResult", state))

    assert type(result) is ShellResult
    assert vars(result) == state


def test_another_class_of_the_sdk_is_told_to_be_missing() -> None:
    text = written_by_the_sdk("globus_compute_sdk.sdk.other", "Other", {})

    with pytest.raises(DeserializationError, match="install the module 'globus_compute_sdk' here"):
        Serializer().deserialize(text)
