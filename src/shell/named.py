"""The classes that stand in for those of the Globus Compute SDK, where a pickle names them and there is no SDK.

What the SDK sends refers to its classes by name. Here they are ours; what they give is the SDK's again where that is.
"""

from __future__ import annotations

from .command import MPIFunction, ShellFunction, ShellResult

_SDK = "globus_compute_sdk"


class _SdkResult(ShellResult):
    _homes = (_SDK, "farpool")


class _SdkShellFunction(ShellFunction):
    _result = _SdkResult


class _SdkMPIFunction(MPIFunction):
    _result = _SdkResult


_NAMES: dict[tuple[str, str], type] = {
    (f"{_SDK}.sdk.shell_function", "ShellFunction"): _SdkShellFunction,
    (f"{_SDK}.sdk.shell_function", "ShellResult"): ShellResult,
    (f"{_SDK}.sdk.mpi_function", "MPIFunction"): _SdkMPIFunction,
    (_SDK, "ShellResult"): ShellResult,
}


def stand_in_for(module: str, name: str) -> type | None:
    """Find the class that stands in for one of the SDK; None where there is none.

    >>> stand_in_for("globus_compute_sdk.sdk.shell_function", "ShellResult").__name__
    'ShellResult'
    """
    return _NAMES.get((module, name))
