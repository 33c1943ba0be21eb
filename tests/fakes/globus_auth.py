"""The Auth part of the fake of Globus: the login page, grants, and questions about tokens and identities."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from globus_sdk.scopes import AuthScopes

from fakes.globus_directory import Application, Person
from fakes.globus_errors import bearer, forbidden, refused_grant, unauthorized
from fakes.globus_grants import Grants, Knobs, Refused
from fakes.globus_tokens import Token
from support.rest_server import Reply, Request


class GlobusAuth(Grants):
    """Answers what is below ``/v2/oauth2`` and ``/v2/api``, and the OpenID configuration."""

    def __init__(self, knobs: Knobs) -> None:
        super().__init__(knobs)
        self._routes: dict[str, Callable[[Request], Reply]] = {
            "/v2/oauth2/authorize": self._authorize,
            "/v2/web/auth-code": self._page,
            "/v2/oauth2/token": self._token,
            "/v2/oauth2/token/introspect": self._introspect,
            "/v2/oauth2/token/revoke": self._revoke,
            "/v2/oauth2/userinfo": self._userinfo,
            "/v2/api/identities": self._identities,
            "/.well-known/openid-configuration": self._configuration,
            "/jwk.json": self._jwk,
        }

    def answer(self, request: Request) -> Reply:
        """Answer a request."""
        route = self._routes.get(request.path)
        if route is None:
            return refused_grant("not_found", 404)
        if request.path not in {"/v2/web/auth-code", "/v2/oauth2/token"}:
            self.counted[request.path.rpartition("/")[2].removesuffix(".json")] += 1
        try:
            return route(request)
        except Refused as refused:
            return refused.reply

    def _authorize(self, request: Request) -> Reply:
        """The login page, for somebody whose browser says who they are; consents, and goes on with a code."""
        query = request.query
        self._knobs.logins.append(query)
        person = self._visitor(request)
        if person is None:
            return Reply(401, b"<html>who are you?</html>", {"Content-Type": "text/html"})
        try:
            code = self.code_for(person, query)
            outcome = {"code": code, "state": query.get("state", "")}
        except Refused as refused:
            outcome = {"error": refused.reply.body["error"], "state": query.get("state", "")}
        return Reply(302, b"", {"Location": f"{query['redirect_uri']}?{urlencode(outcome)}"})

    def _visitor(self, request: Request) -> Person | None:
        identity_id = request.headers.get("Cookie", "").partition("identity=")[2]
        return next((one for one in self.people if one.identity_id == identity_id), None)

    def _page(self, request: Request) -> Reply:
        said = request.query
        shown = f'<div id="auth_code_display">{said["code"]}</div>' if "code" in said else f"denied: {said['error']}"
        return Reply(200, f"<html><body>{shown}</body></html>".encode(), {"Content-Type": "text/html"})

    def _token(self, request: Request) -> Reply:
        form = request.form()
        kind = form.get("grant_type", "").rpartition(":")[2]
        grant = {
            "authorization_code": self.by_code,
            "refresh_token": self.by_refresh_token,
            "client_credentials": self.by_credentials,
            "dependent_token": self.dependent,
        }.get(kind)
        if grant is None:
            return refused_grant("unsupported_grant_type")
        self.counted[kind] += 1
        return Reply(body=grant(self._asking(request), form))

    def _asking(self, request: Request) -> Application:
        """Say which client asks: by its credentials, or by its id alone where it has none."""
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            client_id, _, secret = base64.b64decode(value).decode().partition(":")
        else:
            client_id, secret = request.form().get("client_id", ""), None
        application = self.applications.get(client_id)
        if application is None or application.secret != secret:
            raise Refused(refused_grant("invalid_client", 401))
        return application

    def _introspect(self, request: Request) -> Reply:
        asking = self._asking(request)
        if asking.secret is None:
            return unauthorized()
        form = request.form()
        text = form.get("token", "")
        token = self.tokens.good(text) or self.tokens.good(text, is_refresh=True)
        # A service is told of tokens that are meant for it, and of its own.
        if token is None or asking.client_id not in {token.resource_server, token.client_id}:
            return Reply(body={"active": False})
        return Reply(body=self._described(token, form.get("include", "").split(",")))

    def _described(self, token: Token, include: list[str]) -> dict[str, Any]:
        person = token.person
        told: dict[str, Any] = {
            "active": True,
            "token_type": "Bearer",
            "scope": " ".join(token.scopes),
            "client_id": token.client_id,
            "sub": person.identity_id,
            "username": person.username,
            "name": person.name,
            "email": person.email,
            "aud": [token.resource_server, token.client_id],
            "iss": "https://auth.globus.org",
            "iat": int(token.issued_at),
            "nbf": int(token.issued_at),
            "exp": int(min(token.expires_at, time.time() + 10**8)),
        }
        if "identity_set" in include:
            told["identity_set"] = [one.identity_id for one in person.identities]
        if "identity_set_detail" in include:
            told["identity_set_detail"] = [{"sub": one.identity_id, **one.document()} for one in person.identities]
        return told

    def _revoke(self, request: Request) -> Reply:
        self._asking(request)
        text = request.form().get("token", "")
        self.tokens.revoke(text)
        return Reply(body={"active": False, "token": text})

    def _userinfo(self, request: Request) -> Reply:
        token = self._for_auth(request)
        person = token.person
        if str(AuthScopes.openid) not in token.scopes:
            return forbidden()
        told: dict[str, Any] = {"sub": person.identity_id}
        if str(AuthScopes.profile) in token.scopes:
            told |= {"name": person.name, "preferred_username": person.username, "organization": "Example"}
        if str(AuthScopes.email) in token.scopes:
            told["email"] = person.email
        told["identity_set"] = [{"sub": one.identity_id, "username": one.username} for one in person.identities]
        return Reply(body=told)

    def _identities(self, request: Request) -> Reply:
        if request.headers.get("Authorization", "").lower().startswith("basic "):
            self._asking(request)
        else:
            self._for_auth(request)
        query = request.query
        ids, names = query.get("ids", "").split(","), query.get("usernames", "").lower().split(",")
        known = [identity for person in self.people for identity in person.identities]
        found = [one.document() for one in known if one.identity_id in ids or one.username.lower() in names]
        return Reply(body={"identities": found})

    def _for_auth(self, request: Request) -> Token:
        token = self.tokens.good(bearer(request))
        if token is None:
            raise Refused(unauthorized())
        if token.resource_server != AuthScopes.resource_server:
            raise Refused(forbidden())
        return token

    def _configuration(self, _request: Request) -> Reply:
        url = self._knobs.url
        return Reply(
            body={
                "issuer": url,
                "authorization_endpoint": f"{url}/v2/oauth2/authorize",
                "token_endpoint": f"{url}/v2/oauth2/token",
                "userinfo_endpoint": f"{url}/v2/oauth2/userinfo",
                "revocation_endpoint": f"{url}/v2/oauth2/token/revoke",
                "jwks_uri": f"{url}/jwk.json",
                "id_token_signing_alg_values_supported": ["RS512"],
            }
        )

    def _jwk(self, _request: Request) -> Reply:
        return Reply(body={"keys": [self.signature.public()]})
