"""The service's own client at Globus, and for how long an answer holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...errors import WireError
from ...wire.ids import as_id
from ...wire.rest import LoginWay

#: For how long an answer of Globus about a token holds, in seconds.
LIFETIME_S = 300.0


@dataclass(frozen=True, slots=True)
class GlobusOptions:
    """How a service takes people whom Globus knows.

    Attributes:
        client_id: the service's own confidential client at Globus Auth.
        client_secret: its secret.
        scope: what callers must have a token for; left out: the client's own scope with the suffix `all`.
        resource_server: the name under which tokens for the scope come; left out: the client's id.
        lifetime_s: for how long an answer about a token holds. A change of groups, or a revoked token, shows after
            that time at the latest, or with a new login.

    Raises:
        ValueError: something of it is malformed.
    """

    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    resource_server: str | None = None
    lifetime_s: float = LIFETIME_S

    def __post_init__(self) -> None:
        object.__setattr__(self, "client_id", as_id(self.client_id, "the client id at Globus"))
        if not self.lifetime_s >= 0:
            raise ValueError(f"lifetime_s must not be negative, and is {self.lifetime_s}")
        try:
            LoginWay.from_json(self.way.to_json())
        except WireError as error:
            raise ValueError(f"no client could ask Globus for that: {error}") from error

    @property
    def way(self) -> LoginWay:
        """How one logs in at such a service."""
        scope = self.scope or f"https://auth.globus.org/scopes/{self.client_id}/all"
        return LoginWay(scope, self.resource_server or self.client_id)
