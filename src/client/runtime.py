"""Facts about this Python and this machine, as endpoints' configuration templates may ask for them."""

from __future__ import annotations

import functools
import platform
import struct
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import MappingProxyType
from typing import Any

#: The globus-compute-sdk release whose protocol farpool speaks: said where the wire asks for that package's version.
SDK_VERSION = "4.19.0"


@functools.cache
def user_runtime() -> Mapping[str, Any]:
    """Give the `user_runtime` of a submit request; found out once per process, in some milliseconds.

    No process is started for it, as `platform.architecture` and `platform.processor` would do.
    Source: Globus Compute wire protocol, submit.
    """
    return MappingProxyType(
        {
            "globus_compute_sdk_version": SDK_VERSION,
            "globus_sdk_version": _globus_sdk_version(),
            "python_version": sys.version,
            "python": {
                "version": platform.python_version(),
                "version_description": sys.version,
                "version_tuple": list(sys.version_info[:3]),
                "version_info": list(sys.version_info),
                "implementation": platform.python_implementation(),
                "compiler": platform.python_compiler(),
            },
            "platform": {
                "architecture": [f"{struct.calcsize('P') * 8}bit", _executable_format()],
                "machine": platform.machine(),
                "node": platform.node(),
                "platform": platform.platform(),
                "processor": platform.machine(),
                "release": platform.release(),
            },
        }
    )


def _globus_sdk_version() -> str:
    try:
        return version("globus-sdk")
    except PackageNotFoundError:  # vendored by somebody
        return ""


def _executable_format() -> str:
    try:
        with Path(sys.executable or "/proc/self/exe").open("rb") as executable:
            magic = executable.read(4)
    except OSError:
        return ""
    return "ELF" if magic == b"\x7fELF" else ""
