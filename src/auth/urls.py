"""Service URLs: one spelling for each, so that a token is found again."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def normalised(url: object) -> str:
    """Spell a service URL as it is stored and compared: lower-case host, no default port, no slash at the end.

    ``localhost`` and ``127.0.0.1`` stay two URLs: a name may mean another machine tomorrow.

    >>> normalised("HTTP://LocalHost:5000/")
    'http://localhost:5000'

    Raises:
        TypeError: `url` is not a string.
        ValueError: it is not an http(s) URL, or holds a password or a query.
    """
    if not isinstance(url, str):
        raise TypeError(f"service_url must be a string such as 'http://localhost:5000', not {url!r}")
    parts = _split(url.strip())
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def is_loopback(url: str) -> bool:
    """Whether the host of a URL is this machine by its name: `localhost`, 127.0.0.0/8 or ::1. Nothing is looked up."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_of_globus(url: str) -> bool:
    """Whether a URL is one of Globus's own, over TLS."""
    parts = urlsplit(url)
    return parts.scheme == "https" and f".{parts.hostname or ''}".endswith(".globus.org")


def _split(url: str) -> SplitResult:
    wrong = f"service_url {url!r} is not an http(s) URL; one looks like http://localhost:5000"
    try:
        parts = urlsplit(url)
        port_is_sane = parts.port is None or parts.port > 0  # reading a port that is no number raises
    except ValueError as error:
        raise ValueError(f"{wrong} ({error})") from error
    if parts.username is not None or parts.password is not None:
        # Not quoted: the message may be logged.
        raise ValueError("service_url holds a user name or password: pass the token as token= or in FARPOOL_TOKEN")
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or not port_is_sane:
        raise ValueError(wrong)
    if parts.query or parts.fragment:
        raise ValueError(f"{wrong}, without '?' or '#'")
    return parts
