"""Values in messages: short, whatever they are, and never with an error of their own."""

from __future__ import annotations

import reprlib


class _Short(reprlib.Repr):
    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 80


def shown(value: object) -> str:
    """Show a value that was handed in, and its type, in a hundred characters or so: ``'x' (str)``."""
    return f"{quoted(value)} ({type(value).__name__})"


def quoted(value: object) -> str:
    """Show a value that was handed in as `repr` does, shortened in its middle where it is long."""
    # A repr may be the user's own code, and that of an integer refuses many digits: neither must hide what is told.
    try:
        return _Short().repr(value)
    except Exception:  # noqa: BLE001 - as it says above
        return f"<{type(value).__name__}>"
