"""Cells of notebooks: which of the file names that code carries are made up for a cell.

IPython compiles each run of a cell under a name of its own, in which stands a hash of the cell's text, and besides it
the number of the run or of the process. The hash alone says which text it is.
"""

from __future__ import annotations

import linecache
import re

_CELL = re.compile(
    r"<ipython-input-\d+-(?P<terminal>[0-9a-f]{8,})>"
    r"|.*[/\\]ipykernel_\d+[/\\](?P<kernel>\d+)\.py",
    re.DOTALL,
)


def cell_of(file_name: str) -> str | None:
    """Give the part of a cell's file name that equal cells have in common; None for any other file's.

    >>> cell_of("<ipython-input-7-0d5dbc1d4b7e>") == cell_of("<ipython-input-8-0d5dbc1d4b7e>")
    True
    >>> cell_of("/tmp/ipykernel_4711/3911372036.py")
    'kernel 3911372036'
    >>> cell_of("/home/me/program.py")
    """
    match = _CELL.fullmatch(file_name)
    return None if match is None else f"{match.lastgroup} {match[match.lastgroup or 0]}"


def name_here(file_name: str) -> str:
    """Give the name under which this process has the lines of a cell that another run, or process, has compiled.

    Returns:
        The name as it is, unless it is that of a cell whose lines are here under another.
    """
    if file_name in linecache.cache or (cell := cell_of(file_name)) is None:
        return file_name
    return next((one for one in list(linecache.cache) if cell_of(one) == cell), file_name)
