"""How one logs in at a service (part of `GET /v2/version?service=all`; ours: the hosted service does not say it)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import WireError
from .fields import read

#: The service gives out tokens itself.
TOKENS = "tokens"
#: The service takes tokens of Globus Auth that were issued for it.
GLOBUS = "globus"

#: No list, nothing that depends on it, and not optional: that would need brackets and a star.
_ONE_SCOPE = re.compile(r"[^\s\[\]*]+")


@dataclass(frozen=True, slots=True)
class LoginWay:
    """How one logs in.

    Attributes:
        scope: with Globus, what to ask Globus Auth for; None: the service gives out tokens itself.
        resource_server: with Globus, the name under which the service is registered, and under which the token comes.
    """

    scope: str | None = None
    resource_server: str | None = None

    @property
    def is_globus(self) -> bool:
        """Whether it is through Globus."""
        return self.scope is not None

    def to_json(self) -> dict[str, Any]:
        """Write the fields, to be merged into what the service says of itself."""
        if not self.is_globus:
            return {"auth": TOKENS}
        return {"auth": GLOBUS, "auth_scope": self.scope, "auth_resource_server": self.resource_server}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> LoginWay | None:
        """Read the fields among others; None where the service does not say, as services of other makers do not.

        Raises:
            WireError: a field is missing or malformed; names it.
        """
        if "auth" not in body:
            return None
        way = read(body, "auth", str)
        if way == TOKENS:
            return cls()
        if way != GLOBUS:
            raise WireError(f"field 'auth' is {way!r}, which is neither {TOKENS!r} nor {GLOBUS!r}")
        scope, server = (read(body, name, str).strip() for name in ("auth_scope", "auth_resource_server"))
        if not server or not _ONE_SCOPE.fullmatch(scope):
            raise WireError(
                f"'auth_scope' {scope!r} of 'auth_resource_server' {server!r} is not one scope of a service"
            )
        return cls(scope, server)
