"""Globus Auth and Groups of our own: a small real HTTP server at which the real flows of globus-sdk arrive.

    with Globus() as globus:
        ada = globus.person("ada@example.org")
        environment = globus.environment()          # GLOBUS_SDK_SERVICE_URL_AUTH and _GROUPS
        code = globus.visit(shown_address, ada)     # what ada does with the address that a login shows

A test changes anything while it runs: `lifetime_s`, `rotates`, `outage`, people, groups; `expire()` and `revoke()` end
tokens. `counted` says how often each kind of request came.
"""

from __future__ import annotations

import re
import urllib.request
import uuid
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from fakes.globus_auth import GlobusAuth
from fakes.globus_directory import GROUPS_SCOPE, Application, Group, Person
from fakes.globus_groups import GlobusGroups
from fakes.globus_tokens import Token
from support.rest_server import Reply, Request, RestServer


class Globus(RestServer):
    """Both services under one address. Knows farpool's own native client; the rest is registered by the test.

    Attributes:
        counted: requests by kind: ``"authorize"``, ``"authorization_code"``, ``"refresh_token"``,
            ``"client_credentials"``, ``"dependent_token"``, ``"introspect"``, ``"userinfo"``, ``"identities"``,
            ``"revoke"``, ``"openid-configuration"``, ``"jwk"``, ``"my_groups"``, ``"group"``.
        lifetime_s: of the access tokens that are issued from now on. globus-sdk renews one that has less than a minute.
        rotates: whether a refresh token is good for one use, and a new one comes with each answer.
        outage: an HTTP status to answer everything with, such as 503.
        logins: the parameters of each visit to the login page.
    """

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.lifetime_s = 172_800.0
        self.rotates = False
        self.outage: int | None = None
        self.logins: list[dict[str, str]] = []
        self._auth = GlobusAuth(self)
        self._groups = GlobusGroups(self._auth)
        super().__init__(self._answer)

    def environment(self) -> dict[str, str]:
        """Give the variables that send globus-sdk here."""
        return {"GLOBUS_SDK_SERVICE_URL_AUTH": f"{self.url}/", "GLOBUS_SDK_SERVICE_URL_GROUPS": f"{self.url}/"}

    def person(self, username: str, *, linked: Sequence[Person] = ()) -> Person:
        """Register somebody; `linked` are further identities of theirs, which nobody else has."""
        person = Person(username, username.partition("@")[0].capitalize(), linked=list(linked))
        self._auth.people.append(person)
        return person

    def client(self, secret: str = "very-secret", client_id: str | None = None) -> Application:
        """Register a client with credentials of its own."""
        return self._register(Application(client_id or str(uuid.uuid4()), secret))

    def service(self, dependent: Sequence[str] = (GROUPS_SCOPE,), secret: str = "service-secret") -> Application:
        """Register a service: it has a scope, introspects its callers' tokens, and may ask for `dependent` ones."""
        client_id = str(uuid.uuid4())
        scope = f"https://auth.globus.org/scopes/{client_id}/all"
        return self._register(Application(client_id, secret, scope, tuple(dependent)))

    def group(self, name: str, *members: Person) -> Group:
        """Make a group; change its `members` to have people come and go."""
        group = Group(name, members=list(members))
        self._groups.groups[group.group_id] = group
        return group

    def visit(self, address: str, person: Person) -> str:
        """Log in as this person at the address that a login shows, consent, and copy the code from the page.

        Raises:
            AssertionError: the page shows no code; its text says why.
        """
        request = urllib.request.Request(address, headers={"Cookie": f"identity={person.identity_id}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            page = answer.read().decode()
        code = re.search(r'id="auth_code_display">([^<]+)<', page)
        assert code is not None, page
        return code[1]

    def token(self, person: Person, scope: str, *, lifetime_s: float | None = None) -> str:
        """Make an access token as a login of this person would, for tests that are not about the login."""
        return self._auth.granted(person, scope, lifetime_s).text

    def applications(self) -> list[Application]:
        """List the clients and services that are registered."""
        return list(self._auth.applications.values())

    def active(self, text: str) -> Token | None:
        """Look up an access token that is good at this moment."""
        return self._auth.tokens.good(text)

    def tokens(self) -> list[Token]:
        """List the access tokens that were issued."""
        return self._auth.tokens.all()

    def refresh_tokens(self) -> list[Token]:
        """List the refresh tokens that were issued."""
        return self._auth.tokens.all(is_refresh=True)

    def expire(self, *, resource_server: str | None = None) -> None:
        """Let the access tokens end now, all or those for one service; clients only notice when they are refused."""
        for token in self._auth.tokens.all():
            if resource_server in {None, token.resource_server}:
                token.expires_at = 0.0

    def revoke(self, person: Person) -> None:
        """Revoke all tokens of somebody, as they can on Globus's page of consents."""
        for is_refresh in (False, True):
            for token in self._auth.tokens.all(is_refresh=is_refresh):
                if token.person is person:
                    token.is_revoked = True
        self._auth.consents.difference_update({one for one in self._auth.consents if one[0] == person.identity_id})

    def withdraw(self, person: Person, scope: str) -> None:
        """Take back one consent; tokens for it end."""
        self._auth.consents.discard((person.identity_id, scope))
        for token in self._auth.tokens.all():
            if token.person is person and scope in token.scopes:
                token.is_revoked = True

    def _register(self, application: Application) -> Application:
        self._auth.applications[application.client_id] = application
        return application

    def _answer(self, request: Request) -> Reply:
        if self.outage is not None:
            return Reply(self.outage, {"errors": [{"status": str(self.outage), "code": "OUTAGE", "detail": "later"}]})
        routes = self._groups if request.path.startswith("/v2/groups/") else self._auth
        return routes.answer(request)


def address_in(text: str) -> str:
    """Find the address of the login page in what a program shows."""
    found = re.search(r"https?://\S+/v2/oauth2/authorize\?\S+", text)
    assert found is not None, text
    assert urlsplit(found[0]).query, found[0]
    return found[0]
