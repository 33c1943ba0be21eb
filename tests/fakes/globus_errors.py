"""Errors in the shapes that Globus Auth and Groups give them (see `globus_sdk.testing`)."""

from __future__ import annotations

import uuid

from support.rest_server import Reply, Request


def unauthorized(detail: str = "Call must be authenticated") -> Reply:
    """The caller has no good token, or wrong credentials."""
    return error(401, "UNAUTHORIZED", detail, "unauthorized")


def forbidden(detail: str = "The token lacks a scope") -> Reply:
    """The token is good, and not for that."""
    return error(403, "FORBIDDEN", detail, "forbidden")


def error(status: int, code: str, detail: str, name: str) -> Reply:
    one = {"status": str(status), "id": str(uuid.uuid4()), "code": code, "detail": detail, "title": code.capitalize()}
    return Reply(status, {"errors": [one], "error": name, "error_description": detail})


def refused_grant(name: str, status: int = 400) -> Reply:
    """A grant is refused, as OAuth2 has it: `invalid_grant` for a code or refresh token that is not good."""
    return Reply(status, {"error": name})


def bearer(request: Request) -> str:
    """Read the token of a request; empty where there is none."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""
