"""What a worker imports that its environment need not have: farpool itself, and the little that it needs there.

All of it is Python that any version from 3.10 on runs, so it is lent to environments as it is: nothing has to be
installed in them.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from .runtimes import Packages

#: What a worker's part of farpool imports besides the standard library.
_NEEDED = ("dill", "typing_extensions")


def lay_out(directory: Path) -> Packages:
    """Make a directory with links to what a worker imports.

    Raises:
        OSError: it cannot be made.
    """
    first = {"farpool": str(Path(__file__).resolve().parent.parent)}
    last: dict[str, str] = {}
    for name in _NEEDED:
        place = _place_of(name)
        if place is not None:
            last[place.name] = str(place)
    for part, packages in (("first", first), ("last", last)):
        (directory / part).mkdir(parents=True)
        for name, place_of in packages.items():
            (directory / part / name).symlink_to(place_of)
    return Packages(str(directory), first, last)


def _place_of(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return (origin.parent if origin.name == "__init__.py" else origin).resolve()
