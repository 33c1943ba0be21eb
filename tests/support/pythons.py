"""What another Python on this machine needs to serialize with this farpool: three packages, and no environment."""

from __future__ import annotations

import os
from importlib.metadata import version

from .environments import CACHE, ROOT, clean_environment, missing, packages


def other_python(python: str) -> dict[str, str]:
    """Give the environment variables for a Python of that version; skips the test where they cannot be made so.

    What a farpool worker needs is there; what an agent or an executor needs is not.
    """
    wanted = [f"{name}=={version(name)}" for name in ("dill", "orjson", "typing_extensions")]
    try:
        path = [ROOT / "typings", packages(python, wanted)]
    except RuntimeError as error:
        missing(f"{wanted} cannot be installed for Python {python}: {error}")
        raise
    return clean_environment(PYTHONPATH=os.pathsep.join(map(str, path)), PYTHONPYCACHEPREFIX=str(CACHE / "bytecode"))
