"""Runs the cells of a notebook in a kernel, or in a terminal's IPython: needs ipykernel, which farpool does not.

    python notebook.py kernel|terminal < cells.json

Standard input is a JSON list of cells, standard output a JSON list of what each has printed. A cell that raises ends
the program, with the cell's traceback on the standard error.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

TIMEOUT_S = 60


def in_a_kernel(cells: Sequence[str]) -> Iterator[str]:
    """Run cells as Jupyter does: in a process of their own, over its messages."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        for cell in cells:
            printed: list[str] = []

            def note(message: Any, printed: list[str] = printed) -> None:
                content = message["content"]
                printed.append(content.get("text", "") or content.get("data", {}).get("text/plain", ""))

            reply = client.execute_interactive(cell, timeout=TIMEOUT_S, output_hook=note)
            if reply["content"]["status"] != "ok":
                raise SystemExit("\n".join(reply["content"]["traceback"]))
            yield "".join(printed)
    finally:
        client.stop_channels()
        manager.shutdown_kernel()


def in_a_terminal(cells: Sequence[str]) -> Iterator[str]:
    """Run cells as `ipython` does."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    for cell in cells:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            done = shell.run_cell(cell, store_history=True)
        if not done.success:
            raise SystemExit(printed.getvalue())
        yield printed.getvalue()


if __name__ == "__main__":
    run = {"kernel": in_a_kernel, "terminal": in_a_terminal}[sys.argv[1]]
    json.dump(list(run(json.load(sys.stdin))), sys.stdout)
