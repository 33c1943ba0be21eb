"""A small Globus Auth of our own: grants tokens for client credentials, codes and refresh tokens."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from globus_sdk.scopes import AuthScopes, ComputeScopes, GroupsScopes
from jwt.algorithms import RSAAlgorithm

from support.rest_server import Reply, Request, RestServer, refusal

#: The code that a person would copy from the login page.
CODE = "the-code"
IDENTITY = "9b116d3c-1703-4f8f-9f6f-39921e5864df"

_SERVERS = {str(ComputeScopes.all): ComputeScopes.resource_server} | {
    str(scope): GroupsScopes.resource_server
    for scope in (GroupsScopes.all, GroupsScopes.view_my_groups_and_memberships)
}


class AuthServer(RestServer):
    """Grants are numbered: the access token for Globus Compute of the third is `compute-3`."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.grants: list[dict[str, str]] = []
        self.refuses = False
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._scopes = ""

    def environment(self) -> dict[str, str]:
        """Give the variables that send globus-sdk here."""
        return {"GLOBUS_SDK_SERVICE_URL_AUTH": f"{self.url}/"}

    def _answer(self, request: Request) -> Reply:
        if request.path == "/v2/oauth2/token":
            return self._grant(request.form())
        if request.path == "/v2/oauth2/token/revoke":
            return Reply(body={"active": False})
        if request.path == "/.well-known/openid-configuration":
            return Reply(body={"jwks_uri": f"{self.url}/jwk.json", "id_token_signing_alg_values_supported": ["RS512"]})
        if request.path == "/jwk.json":
            public = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
            return Reply(body={"keys": [public]})
        return refusal(404, "NOT_FOUND", request.path)

    def _grant(self, form: dict[str, str]) -> Reply:
        if self.refuses or form.get("code", CODE) != CODE:
            return Reply(401, {"error": "invalid_grant", "error_description": "refused"})
        self.grants.append(form)
        scopes = form.get("scope") or self._scopes
        by_server: dict[str, list[str]] = {}
        for scope in dict.fromkeys(scopes.split()):
            by_server.setdefault(_SERVERS.get(scope, AuthScopes.resource_server), []).append(scope)
        tokens = [self._token(server, " ".join(granted)) for server, granted in by_server.items()]
        identity = {"id_token": self._id_token(form)} if form["grant_type"] == "authorization_code" else {}
        return Reply(body={**tokens[0], "other_tokens": tokens[1:], **identity})

    def _token(self, server: str, scope: str) -> dict[str, Any]:
        number = len(self.grants)
        name = "compute" if server == ComputeScopes.resource_server else server
        return {
            "access_token": f"{name}-{number}",
            "refresh_token": f"refresh-{name}-{number}",
            "resource_server": server,
            "scope": scope,
            "expires_in": 3600,
            "token_type": "Bearer",
        }

    def _id_token(self, form: dict[str, str]) -> str:
        audience = form.get("client_id", "")
        claims = {"sub": IDENTITY, "aud": audience, "exp": time.time() + 60, "iat": time.time(), "iss": self.url}
        return jwt.encode(claims, self._key, algorithm="RS512")

    def grants_scopes(self, scopes: str) -> None:
        """Grant these scopes for codes and refresh tokens, as the person has consented to."""
        self._scopes = scopes
