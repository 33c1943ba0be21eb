"""Tokens of the fake of Globus: each is bound to who, for which client, which scopes, and until when."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from fakes.globus_directory import Application, Person


@dataclass
class Token:
    """An access token, or a refresh token that access tokens come from."""

    text: str
    person: Person
    client_id: str
    resource_server: str
    scopes: tuple[str, ...]
    expires_at: float
    refreshed_by: str | None = None
    is_refresh: bool = False
    is_revoked: bool = False
    issued_at: float = field(default_factory=time.time)

    @property
    def is_active(self) -> bool:
        return not self.is_revoked and time.time() < self.expires_at


class Tokens:
    """All tokens that were given out. They are numbered: the second for Globus Compute is `funcx_service-2`."""

    def __init__(self) -> None:
        self._by_text: dict[str, Token] = {}
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = {}

    def issue(
        self,
        person: Person,
        client_id: str,
        resource_server: str,
        scopes: Iterable[str],
        *,
        lifetime_s: float,
        is_refresh: bool = False,
        refreshed_by: str | None = None,
    ) -> Token:
        """Make a token."""
        kind = f"refresh-{resource_server}" if is_refresh else resource_server
        with self._lock:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            token = Token(
                f"{kind}-{number}",
                person,
                client_id,
                resource_server,
                tuple(scopes),
                float("inf") if is_refresh else time.time() + lifetime_s,
                refreshed_by,
                is_refresh,
            )
            self._by_text[token.text] = token
        return token

    def find(self, text: str) -> Token | None:
        """Find a token, whether it is good or not."""
        return self._by_text.get(text)

    def good(self, text: str, *, is_refresh: bool = False) -> Token | None:
        """Find a token that is good now."""
        token = self._by_text.get(text)
        return token if token is not None and token.is_active and token.is_refresh == is_refresh else None

    def all(self, *, is_refresh: bool = False) -> list[Token]:
        """List the tokens of a kind in the order in which they were made."""
        with self._lock:
            return [token for token in self._by_text.values() if token.is_refresh == is_refresh]

    def revoke(self, text: str) -> None:
        """Make a token worthless; with a refresh token, what came of it too."""
        with self._lock:
            for token in self._by_text.values():
                if text in {token.text, token.refreshed_by}:
                    token.is_revoked = True


@functools.cache
def _key() -> rsa.RSAPrivateKey:
    """The key that signs id tokens: one for all tests of a process, as making it takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Signature:
    """Signs id tokens."""

    def public(self) -> dict[str, Any]:
        """Give the public key as a JWK."""
        key: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(_key().public_key()))
        return {**key, "use": "sig", "alg": "RS512"}

    def id_token(self, person: Person, application: Application, issuer: str) -> str:
        """Sign who somebody is."""
        now = time.time()
        claims = {
            "sub": person.identity_id,
            "aud": application.client_id,
            "iss": issuer,
            "iat": now,
            "exp": now + 600,
            "email": person.email,
            "name": person.name,
            "preferred_username": person.username,
            "identity_set": [{"sub": one.identity_id, "username": one.username} for one in person.identities],
        }
        return jwt.encode(claims, _key(), algorithm="RS512")
