"""Globus cannot be asked."""

from __future__ import annotations

from ...errors import FarpoolError


class GlobusAway(FarpoolError):
    """Globus cannot be asked now.

    Attributes:
        retry_after_s: when it may be worth while again, in seconds.
    """

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
