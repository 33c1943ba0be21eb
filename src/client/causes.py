"""What a network error is made of: requests and urllib3 wrap errors into errors. Pure functions."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import requests
import urllib3


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Give an error and all that it wraps, outermost first.

    Only what it wraps on purpose: its context may be an error that the caller was handling when the call was made.
    """
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException):
            yield one
            waiting += [getattr(one, "reason", None), *one.args, one.__cause__]


def was_never_sent(error: BaseException) -> bool:
    """Whether a request failed before any of it left: no connection stood."""
    return any(
        isinstance(one, (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError))
        for one in causes(error)
    )


def is_lasting(error: BaseException) -> bool:
    """Whether a request fails the same way however often it is sent: a wrong URL or certificate, endless redirects."""
    return any(
        isinstance(one, (requests.exceptions.InvalidURL, requests.TooManyRedirects, ssl.SSLCertVerificationError))
        for one in causes(error)
    )
