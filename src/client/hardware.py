"""What machine a worker runs on: the text of this file is sent to endpoints, and needs the standard library alone."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile


def hardware_report() -> str:
    """Describe this machine: host, Python, CPU, memory, disks and GPUs, as text in sections.

    What cannot be found out is said in its place; nothing makes the whole fail.
    """
    items = [
        ("host", "node", platform.node),
        ("host", "system", _system),
        ("host", "platform", platform.platform),
        ("python", "version", lambda: " ".join(sys.version.split())),
        ("python", "executable", lambda: sys.executable),
        ("cpu", "model", _processor),
        ("cpu", "machine", platform.machine),
        ("cpu", "cores", lambda: str(os.cpu_count())),
        ("cpu", "usable", _usable_cores),
        ("cpu", "granted", _granted_cores),
        ("cpu", "load", lambda: " ".join(f"{one:.2f}" for one in os.getloadavg())),
        ("memory", "total", lambda: _memory("MemTotal")),
        ("memory", "available", lambda: _memory("MemAvailable")),
        ("memory", "swap", lambda: _memory("SwapTotal")),
        ("memory", "granted", _granted_memory),
        ("disk", "directory", lambda: _disk(os.getcwd())),
        ("disk", "home", lambda: _disk(os.path.expanduser("~"))),
        ("disk", "temporary", lambda: _disk(tempfile.gettempdir())),
        ("gpu", "found", _gpus),
    ]
    report: list[str] = []
    for section, name, find in items:
        if f"== {section} ==" not in report:
            report += ["", f"== {section} =="] if report else [f"== {section} =="]
        try:
            told = find()
        except Exception as error:  # noqa: BLE001 - one item must not cost the others
            told = f"cannot be found out: {type(error).__name__}: {error}"
        report.append(f"{name + ':':<12}" + told.replace("\n", "\n" + 12 * " "))
    return "\n".join(report)


def _system() -> str:
    return platform.mac_ver()[0] if _is_mac() else _field("/etc/os-release", "PRETTY_NAME", "=")


def _processor() -> str:
    if _is_mac():
        return _said_by("sysctl", "-n", "machdep.cpu.brand_string")
    return _field("/proc/cpuinfo", "model name", ":")


def _usable_cores() -> str:
    return str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())


def _granted_cores() -> str:
    quota = _granted("cpu.max")
    return "all" if quota[0] == "max" else f"{int(quota[0]) / int(quota[1]):.4g}"


def _granted_memory() -> str:
    limit = _granted("memory.max")[0]
    return "all" if limit == "max" else _size(int(limit))


def _memory(name: str) -> str:
    if _is_mac():
        return _size(int(_said_by("sysctl", "-n", "hw.memsize"))) if name == "MemTotal" else "unknown"
    return _size(int(_field("/proc/meminfo", name, ":").split()[0]) * 1024)


def _disk(path: str) -> str:
    usage = shutil.disk_usage(path)
    return f"{_size(usage.free)} free of {_size(usage.total)} ({path})"


def _gpus() -> str:
    if shutil.which("nvidia-smi") is None:
        return "none (there is no nvidia-smi)"
    return _said_by("nvidia-smi", "--query-gpu=index,name,memory.total,driver_version", "--format=csv,noheader")


def _is_mac() -> bool:
    return platform.system() == "Darwin"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:.4g} TiB"


def _lines_of(path: str) -> list[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def _field(path: str, name: str, separator: str) -> str:
    for line in _lines_of(path):
        key, _, value = line.partition(separator)
        if key.strip() == name:
            return value.strip().strip('"')
    raise LookupError(f"{path} does not say {name}")


def _granted(name: str) -> list[str]:
    # What a container or a batch system grants, where there is one.
    path = f"/sys/fs/cgroup/{name}"
    return _lines_of(path)[0].split() if os.path.exists(path) else ["max"]


def _said_by(*command: str) -> str:
    done = subprocess.run(  # noqa: S603 - commands of this file
        command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip()
