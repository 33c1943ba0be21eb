"""The grants of the fake of Globus Auth: what comes for a code, a refresh token, credentials, another token."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

from globus_sdk.scopes import AuthScopes, ScopeParser

from fakes.globus_directory import SERVER_OF_SCOPE, Application, Person
from fakes.globus_errors import error, forbidden, refused_grant
from fakes.globus_tokens import Signature, Token, Tokens
from farpool.auth.apps import NATIVE_CLIENT_ID
from support.rest_server import Reply


class Refused(Exception):
    """A request ends here with this answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply.body))
        self.reply = reply


class Knobs(Protocol):
    """What a test may turn while the server runs."""

    url: str
    lifetime_s: float
    rotates: bool
    counted: Counter[str]
    logins: list[dict[str, str]]


class Grants:
    """Issues tokens; knows who may have which.

    Attributes:
        consents: pairs of an identity and a scope.
    """

    def __init__(self, knobs: Knobs) -> None:
        self._knobs = knobs
        self.counted = knobs.counted
        self.people: list[Person] = []
        self.applications: dict[str, Application] = {NATIVE_CLIENT_ID: Application(NATIVE_CLIENT_ID)}
        self.tokens = Tokens()
        self.consents: set[tuple[str, str]] = set()
        self.signature = Signature()
        self._codes: dict[str, tuple[Person, dict[str, str]]] = {}
        self._code_numbers = itertools.count(1)

    def code_for(self, person: Person, query: dict[str, str]) -> str:
        """Make the code for somebody who logs in and consents."""
        if query.get("client_id") not in self.applications:
            raise Refused(refused_grant("unauthorized_client"))
        scopes = self._roots(query.get("scope", ""))
        demanded = query.get("session_required_identities", "")
        if demanded and not {one.identity_id for one in person.identities}.intersection(demanded.split(",")):
            raise Refused(refused_grant("access_denied"))
        if person.refuses.intersection(scopes):
            raise Refused(refused_grant("access_denied"))
        self._consent(person, scopes)
        code = f"code-{next(self._code_numbers)}"
        self._codes[code] = (person, query)
        return code

    def by_code(self, asking: Application, form: dict[str, str]) -> dict[str, Any]:
        """Exchange a code, once, for whoever knows the verifier of its challenge."""
        begun = self._codes.pop(form.get("code", ""), None)
        if begun is None:
            raise Refused(refused_grant("invalid_grant"))
        person, query = begun
        if query["client_id"] != asking.client_id or query["redirect_uri"] != form["redirect_uri"]:
            raise Refused(refused_grant("invalid_grant"))
        if asking.secret is None or "code_challenge" in query:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") != query.get("code_challenge"):
                raise Refused(refused_grant("invalid_grant"))
        scopes = self._roots(query["scope"])
        answer = self._answer(person, asking, scopes, offline=query.get("access_type") == "offline")
        if str(AuthScopes.openid) in scopes:
            answer["id_token"] = self.signature.id_token(person, asking, self._knobs.url)
        return answer

    def by_refresh_token(self, asking: Application, form: dict[str, str]) -> dict[str, Any]:
        """Renew the access token that came with a refresh token."""
        old = self.tokens.good(form.get("refresh_token", ""), is_refresh=True)
        if old is None or old.client_id != asking.client_id:
            raise Refused(refused_grant("invalid_grant"))
        refresh = old
        if self._knobs.rotates:
            old.is_revoked = True
            refresh = self._issue(old.person, asking, old.resource_server, old.scopes, is_refresh=True)
        token = self._issue(old.person, asking, old.resource_server, old.scopes, refreshed_by=refresh.text)
        # Also where it is the same as before: globus-sdk keeps what the answer says.
        return {**self._written(token), "refresh_token": refresh.text, "other_tokens": []}

    def by_credentials(self, asking: Application, form: dict[str, str]) -> dict[str, Any]:
        """Give a client tokens of its own."""
        if asking.secret is None:
            raise Refused(refused_grant("unauthorized_client", 401))
        return self._answer(asking.itself(), asking, self._roots(form.get("scope", "")), offline=False)

    def dependent(self, asking: Application, form: dict[str, str]) -> list[dict[str, Any]]:
        """Give a service tokens to act for whoever sent it one."""
        token = self.tokens.good(form.get("token", ""))
        if asking.secret is None or token is None or token.resource_server != asking.resource_server:
            raise Refused(forbidden("the token is not one for this client"))
        person = token.person
        wanted = self._roots(form["scope"]) if form.get("scope") else list(asking.dependent)
        if not set(wanted).issubset(asking.dependent):
            raise Refused(error(400, "UNKNOWN_SCOPE", f"not dependent scopes: {wanted}", "invalid_scope"))
        is_itself = person.identity_id in self.applications
        missing = [one for one in wanted if not is_itself and (person.identity_id, one) not in self.consents]
        if missing:
            raise Refused(error(403, "ConsentRequired", "consent is required", "unauthorized"))
        offline = form.get("access_type") == "offline"
        return self._by_server(person, asking, wanted, offline=offline)

    def granted(self, person: Person, scope: str, lifetime_s: float | None = None) -> Token:
        """Issue an access token without the flow, as if somebody had consented."""
        scopes = self._roots(scope)
        self._consent(person, scopes)
        native = self.applications[NATIVE_CLIENT_ID]
        return self._issue(person, native, self._server_of(scopes[0]), scopes, lifetime_s=lifetime_s)

    def _consent(self, person: Person, scopes: Iterable[str]) -> None:
        for scope in scopes:
            dependent = [more for one in self.applications.values() if one.scope == scope for more in one.dependent]
            self.consents.update((person.identity_id, one) for one in (scope, *dependent))

    def _roots(self, text: str) -> list[str]:
        scopes = list(dict.fromkeys(scope.scope_string for scope in ScopeParser.parse(text)))
        for scope in scopes:
            self._server_of(scope)
        return scopes

    def _server_of(self, scope: str) -> str:
        known = SERVER_OF_SCOPE | {one.scope: one.resource_server for one in self.applications.values() if one.scope}
        if scope not in known:
            raise Refused(error(400, "UNKNOWN_SCOPE", f"unknown scope: {scope}", "invalid_scope"))
        return known[scope]

    def _answer(self, person: Person, asking: Application, scopes: list[str], *, offline: bool) -> dict[str, Any]:
        first, *others = self._by_server(person, asking, scopes, offline=offline)
        return {**first, "other_tokens": others}

    def _by_server(
        self, person: Person, asking: Application, scopes: Iterable[str], *, offline: bool
    ) -> list[dict[str, Any]]:
        by_server: dict[str, list[str]] = {}
        for scope in scopes:
            by_server.setdefault(self._server_of(scope), []).append(scope)
        written: list[dict[str, Any]] = []
        for server, granted in by_server.items():
            refresh = self._issue(person, asking, server, granted, is_refresh=True) if offline else None
            token = self._issue(person, asking, server, granted, refreshed_by=refresh.text if refresh else None)
            written.append(self._written(token) | ({"refresh_token": refresh.text} if refresh else {}))
        return written

    def _issue(
        self,
        person: Person,
        asking: Application,
        server: str,
        scopes: Iterable[str],
        *,
        lifetime_s: float | None = None,
        is_refresh: bool = False,
        refreshed_by: str | None = None,
    ) -> Token:
        return self.tokens.issue(
            person,
            asking.client_id,
            server,
            scopes,
            lifetime_s=self._knobs.lifetime_s if lifetime_s is None else lifetime_s,
            is_refresh=is_refresh,
            refreshed_by=refreshed_by,
        )

    def _written(self, token: Token) -> dict[str, Any]:
        return {
            "access_token": token.text,
            "resource_server": token.resource_server,
            "scope": " ".join(token.scopes),
            "expires_in": max(0, int(token.expires_at - token.issued_at)),
            "token_type": "Bearer",
            "state": "_default",
        }
