"""People: the users, groups and tokens of a service, looked after from outside it, whether it runs or not.

A service reads them anew with every request, so what is changed here counts at once.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection

from ..errors import FarpoolError
from .directory import ServiceDirectory
from .store import Database, groups, identities, tokens
from .store.groups import Group
from .store.identities import ADMINISTRATOR, Identity, User
from .store.tokens import Token

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

#: The label of the administrator's token, which is in the service's directory.
DIRECTORY_LABEL = "directory"

#: A hundred years, in seconds: what is later is no date that can be shown.
LONGEST_LIFETIME_S = 100 * 365.25 * 24 * 3600.0

_NAME = re.compile(r"\w[\w.@+-]{0,99}")


class People:
    """The users, groups and tokens of a service. To be used from one thread, in a `with` block.

    Args:
        directory: the service's directory.
        database_url: its database, where that is not the one in the directory.
        make: whether to make the directory and the store where no service has run yet.

    Raises:
        FarpoolError: no service has run there, or its store cannot be opened.
    """

    def __init__(
        self,
        directory: Path,
        *,
        database_url: str | None = None,
        make: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        home = ServiceDirectory(directory)
        if make:
            home.make()
        elif database_url is None and not home.store_file.exists():
            raise FarpoolError(
                f"no service has run in {home.path} yet: start it once with farpool serve --directory {home.path}, "
                "or name the directory or the database of the one you mean"
            )
        self._clock = clock
        self._database = Database(database_url or f"sqlite:///{home.store_file}")
        self._database.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self._database.close()

    def users(self) -> list[User]:
        """List the users, oldest first; the administrator, `local`, is one of them."""
        return self._do(identities.listing)

    def add_user(self, name: str) -> User:
        """Add a user, who can ask nothing until they have a token.

        One who was removed has what they had before, but for tokens and groups.

        Raises:
            ValueError: the name is none that a user can have.
            FarpoolError: there is a user of that name.
        """
        _require_name(name, "a user")
        now = self._clock()

        def add(connection: Connection) -> User:
            if identities.named(connection, name) is not None:
                raise FarpoolError(
                    f"there is a user {name!r} already; give them a token with: farpool tokens add {name}"
                )
            added = identities.bring_back(connection, name, now)
            return User(added.identity_id, name, now)

        return self._do(add)

    def remove_user(self, name: str) -> None:
        """Remove a user: their tokens are refused from now on. Their functions, endpoints and tasks stay.

        Raises:
            FarpoolError: there is no such user, or it is the administrator.
        """
        if name == ADMINISTRATOR:
            raise FarpoolError(
                f"{name!r} is the administrator of the service, whose token is in its directory, and cannot be removed"
            )

        def remove(connection: Connection) -> None:
            identities.remove(connection, _user(connection, name).identity_id, self._clock())

        self._do(remove)

    def groups(self) -> list[Group]:
        """List the groups, oldest first."""
        return self._do(groups.listing)

    def add_group(self, name: str, members: Sequence[str] = ()) -> Group:
        """Make a group of users.

        Raises:
            ValueError: the name is none that a group can have.
            FarpoolError: there is a group of that name, or a member is no user.
        """
        _require_name(name, "a group")

        def add(connection: Connection) -> Group:
            if groups.named(connection, name) is not None:
                raise FarpoolError(
                    f"there is a group {name!r} already; put users into it with: farpool groups join {name}"
                )
            made = groups.add(connection, name, self._clock())
            return _join(connection, made, members)

        return self._do(add)

    def remove_group(self, name: str) -> tuple[int, int]:
        """Delete a group, by its name or id: what was shared with it is its owner's alone again.

        Returns:
            How many functions and how many task groups were shared with it.

        Raises:
            FarpoolError: there is no such group.
        """

        def remove(connection: Connection) -> tuple[int, int]:
            group_id = _group(connection, name).group_id
            shared = groups.shared(connection, group_id)
            groups.remove(connection, group_id)
            return shared

        return self._do(remove)

    def join(self, group: str, users: Sequence[str]) -> Group:
        """Put users into a group; who is in it stays.

        Raises:
            FarpoolError: there is no such group, or no such user; nobody was put into it.
        """
        return self._do(lambda connection: _join(connection, _group(connection, group), users))

    def leave(self, group: str, users: Sequence[str]) -> Group:
        """Take users out of a group.

        Raises:
            FarpoolError: there is no such group, or one of them is not in it; nobody was taken out.
        """

        def leave(connection: Connection) -> Group:
            found = _group(connection, group)
            for name in users:
                user = _user(connection, name)
                if name not in found.members:
                    raise FarpoolError(
                        f"{name!r} is not in group {found.name!r}; {_those('its members', found.members)}"
                    )
                groups.leave(connection, found.group_id, user.identity_id)
            return _group(connection, found.group_id)

        return self._do(leave)

    def tokens(self, user: str | None = None) -> list[Token]:
        """List what is known of tokens, of one user or of all, oldest first.

        Raises:
            FarpoolError: there is no such user.
        """

        def look(connection: Connection) -> list[Token]:
            if user is not None:
                _user(connection, user)
            return tokens.listing(connection, user)

        return self._do(look)

    def add_token(self, user: str, label: str, *, lifetime_s: float | None = None) -> str:
        """Give a user a token.

        Args:
            user: whose it is.
            label: what to call it; a user has one token of each label.
            lifetime_s: after that many seconds it is refused; None: never.

        Returns:
            The token. It is kept nowhere: write it down.

        Raises:
            ValueError: the label is none, or the lifetime is not above zero, or over a hundred years.
            FarpoolError: there is no such user, or they have a token of that label.
        """
        _require_name(label, "a token")
        if lifetime_s is not None and not lifetime_s > 0:
            raise ValueError(f"a token that expires in {lifetime_s} s is of no use; give it more")
        if lifetime_s is not None and lifetime_s > LONGEST_LIFETIME_S:
            raise ValueError(f"a token cannot expire in {lifetime_s:g} s, which is over a hundred years; leave it out")
        now, secret = self._clock(), secrets.token_urlsafe(32)

        def add(connection: Connection) -> None:
            owner = _user(connection, user)
            if any(one.label == label for one in tokens.listing(connection, user)):
                raise FarpoolError(
                    f"{user!r} has a token labelled {label!r} already; give this one another label, or remove that one "
                    f"with: farpool tokens remove {user} --label {label}"
                )
            expires_at = None if lifetime_s is None else now + lifetime_s
            tokens.put(connection, owner, label, secret, now, expires_at=expires_at)

        self._do(add)
        return secret

    def remove_token(self, user: str, label: str) -> None:
        """Take a token away: it is refused from now on.

        Raises:
            FarpoolError: there is no such user or token, or it is the one in the service's directory.
        """
        if (user, label) == (ADMINISTRATOR, DIRECTORY_LABEL):
            raise FarpoolError(
                "the token in the service's directory would be there again at its next start: to have another one, "
                "stop the service, delete the file 'token' there, and start it"
            )

        def remove(connection: Connection) -> None:
            owner = _user(connection, user)
            if not tokens.remove(connection, owner.identity_id, label):
                labels = [one.label for one in tokens.listing(connection, user)]
                raise FarpoolError(f"{user!r} has no token labelled {label!r}; {_those('theirs', labels)}")

        self._do(remove)

    def _do(self, fn: Callable[[Connection], T]) -> T:
        return self._database.run(fn)


def _user(connection: Connection, name: str) -> Identity:
    found = identities.named(connection, name)
    if found is None:
        known = _those("those there are", [one.name for one in identities.listing(connection)])
        raise FarpoolError(f"there is no user {name!r}; {known}. Add one with: farpool users add NAME")
    return found


def _group(connection: Connection, name: str) -> Group:
    found = groups.named(connection, name)
    if found is None:
        known = _those("those there are", [one.name for one in groups.listing(connection)])
        raise FarpoolError(f"there is no group {name!r}; {known}. Add one with: farpool groups add NAME")
    return found


def _join(connection: Connection, group: Group, users: Sequence[str]) -> Group:
    for name in dict.fromkeys(users):
        user = _user(connection, name)
        if name not in group.members:
            groups.join(connection, group.group_id, user.identity_id)
    return _group(connection, group.group_id)


def _those(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names) or 'none'}"


def _require_name(name: str, of: str) -> None:
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"{name!r} cannot be the name of {of}: up to 100 letters, digits and . _ @ + - are, the first a letter, "
            "a digit or _"
        )
