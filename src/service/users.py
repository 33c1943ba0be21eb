"""Users: a token for somebody, in one call."""

from __future__ import annotations

from pathlib import Path

from .people import People

#: The label of tokens that are issued here: a new one replaces the old.
ISSUED = "issued"


def issue_token(directory: Path, name: str, *, database_url: str | None = None) -> str:
    """Give somebody a token of their own for a service, whether it runs or not; who is not there yet is added.

    Who has a token of their own sees their own functions, endpoints and tasks only, and what others share with them. A
    second call for the same name replaces the token; the old one is refused from then on.

    Args:
        directory: the service's directory.
        name: whose token it is.
        database_url: the service's database, where it is not the one in the directory.

    Returns:
        The token. It is kept nowhere: write it down.
    """
    with People(directory, database_url=database_url, make=True) as people:
        if all(user.name != name for user in people.users()):
            people.add_user(name)
        if any(token.label == ISSUED for token in people.tokens(name)):
            people.remove_token(name, ISSUED)
        return people.add_token(name, ISSUED)
