"""The token file: which bearer token opens which self-hosted service. Owns `tokens.json`; knows nothing of Globus."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, cast

from ..errors import FarpoolError
from .private import refuse_open_file, turn_at
from .urls import normalised


class TokenFile:
    """Bearer tokens by service URL, in ``<home>/tokens.json``, readable by its owner only.

    A file that others can read is refused, as ssh refuses such a private key: quietly correcting the mode would hide
    that the tokens in it may have been copied already. Safe to use from several threads and processes.

    Args:
        home: the directory, normally `Settings.home`; made (mode 0700) when something is first written.
    """

    def __init__(self, home: Path) -> None:
        self._path = Path(home) / "tokens.json"

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        return self._path

    def read(self, service_url: str) -> str | None:
        """Give the token for a service, or None when there is none.

        Raises:
            AccessDenied: others than the owner can read or write the file.
            FarpoolError: the file is damaged or cannot be read.
        """
        return self._entries().get(normalised(service_url))

    def write(self, service_url: str, token: str) -> None:
        """Store the token for a service, in place of an older one.

        Raises:
            ValueError: the token is empty or could not be sent in an HTTP header.
            AccessDenied, FarpoolError: as for `read`.
        """
        checked = checked_token(token)
        with turn_at(self._path):
            self._replace(self._entries() | {normalised(service_url): checked})

    def remove(self, service_url: str) -> bool:
        """Forget the token for a service; says whether there was one."""
        url = normalised(service_url)
        if not self._path.exists():
            return False
        with turn_at(self._path):
            entries = self._entries()
            was_there = entries.pop(url, None) is not None
            if was_there:
                self._replace(entries)
        return was_there

    def _entries(self) -> dict[str, str]:
        try:
            with self._path.open("rb") as file:
                refuse_open_file(self._path, os.fstat(file.fileno()))
                text = file.read()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FarpoolError(f"cannot read the token file {self._path}: {error.strerror}") from error
        return self._parsed(text)

    def _parsed(self, text: bytes) -> dict[str, str]:
        try:
            entries: Any = json.loads(text)
        except ValueError as error:
            raise self._damaged(str(error)) from error
        if not isinstance(entries, dict):
            raise self._damaged("it is not an object")
        tokens = cast("dict[str, object]", entries)
        for url, token in tokens.items():
            if not isinstance(token, str):
                raise self._damaged(f"the entry of {url!r} is not a string")
        return cast("dict[str, str]", tokens)

    def _damaged(self, why: str) -> FarpoolError:
        return FarpoolError(
            f"the token file {self._path} is damaged ({why}): correct it, or remove it and log in again"
        )

    def _replace(self, entries: dict[str, str]) -> None:
        # mkstemp makes the file with mode 0600: at no moment can others read it.
        number, name = tempfile.mkstemp(prefix=".tokens-", dir=self._path.parent)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(entries, file, indent=2, sort_keys=True)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, self._path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise


def checked_token(token: object) -> str:
    """Return a bearer token without blanks around it.

    Raises:
        TypeError: it is not a string.
        ValueError: it is empty, or holds what an HTTP header cannot carry; the token is not quoted.
    """
    if not isinstance(token, str):
        raise TypeError(f"the token must be a string, not {type(token).__name__}")
    stripped = token.strip()
    if not stripped:
        raise ValueError("the token is empty")
    if not (stripped.isascii() and stripped.isprintable()) or " " in stripped:
        raise ValueError("the token holds characters that no bearer token has: was more than the token copied?")
    return stripped
