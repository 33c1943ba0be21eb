"""Users: tokens for people beside the one who owns the service's directory."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from sqlalchemy import Connection

from .directory import ServiceDirectory
from .store import Database, identities

#: The label of tokens that are issued here: a new one replaces the old.
ISSUED = "issued"


def issue_token(directory: Path, name: str, *, database_url: str | None = None) -> str:
    """Give somebody a token of their own for a service, whether it runs or not.

    Who has a token of their own sees their own functions, endpoints and tasks only, and what others made public. A
    second call for the same name replaces the token; the old one is refused from then on.

    Args:
        directory: the service's directory.
        name: whose token it is.
        database_url: the service's database, where it is not the one in the directory.

    Returns:
        The token. It is kept nowhere: write it down.
    """
    home = ServiceDirectory(directory)
    home.make()
    token = secrets.token_urlsafe(32)
    now = time.time()

    def issue(connection: Connection) -> None:
        identities.set_token(connection, identities.ensure(connection, name, now), ISSUED, token, now)

    database = Database(database_url or f"sqlite:///{home.store_file}")
    try:
        database.open()
        database.run(issue)
    finally:
        database.close()
    return token
