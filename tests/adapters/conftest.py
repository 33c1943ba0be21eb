from __future__ import annotations

from support.embedded import executor, home, stack

__all__ = ["executor", "home", "stack"]
