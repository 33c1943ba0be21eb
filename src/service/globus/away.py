"""Globus cannot be asked."""

from __future__ import annotations

from ...errors import FarpoolError


class GlobusAway(FarpoolError):
    """Globus cannot be asked now.

    Attributes:
        retry_after_s: when it may be worth while again, in seconds.
        is_for_all: whether it is so for everybody, and not perhaps for the one token that was asked about.
    """

    def __init__(self, message: str, retry_after_s: int, *, is_for_all: bool = True) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.is_for_all = is_for_all
