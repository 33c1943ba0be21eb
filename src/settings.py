"""What the environment says: the only module that reads it, into one frozen value.

Arguments beat the environment, the environment beats the defaults. Nothing is read at import.

| variable | meaning |
|---|---|
| `FARPOOL_SERVICE_URL` | the web service to talk to; unset: the hosted Globus Compute service |
| `FARPOOL_TOKEN` | the bearer token for that service; unset: the user's token file, see `farpool.auth` |
| `FARPOOL_ENDPOINT_ID` | the endpoint of an `Executor()` that names none |
| `FARPOOL_HOME` | where state is kept: tokens, endpoints, the service's store; default `~/.farpool` |
| `FARPOOL_JOURNAL` | `0`: do not remember what is submitted, see `farpool.executor.journal` |
| `FARPOOL_REMEMBER_FUNCTIONS` | `0`: register functions in each program anew, see `farpool.executor.functions.memory` |
| `GLOBUS_COMPUTE_CLIENT_ID`, `GLOBUS_COMPUTE_CLIENT_SECRET` | client credentials; they win over stored logins |
| `FARPOOL_GLOBUS_CLIENT_ID`, `FARPOOL_GLOBUS_CLIENT_SECRET` | the client of a `farpool serve --auth globus` |
| `FARPOOL_GLOBUS_SCOPE` | what its callers must have a token for; unset: that client's scope with the suffix `all` |
| `FARPOOL_GLOBUS_RESOURCE_SERVER` | the name under which such tokens come; unset: that client's id |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import FarpoolError

#: The hosted Globus Compute web service (globus-sdk's own default for its compute clients).
HOSTED_SERVICE_URL = "https://compute.api.globus.org"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says, read once by `from_environment`."""

    home: Path
    service_url: str | None = None
    token: str | None = field(default=None, repr=False)
    endpoint_id: str | None = None
    remember_functions: bool = True
    journal: bool = True
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    globus_client_id: str | None = None
    globus_client_secret: str | None = field(default=None, repr=False)
    globus_scope: str | None = None
    globus_resource_server: str | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the environment now; empty variables count as unset.

        Args:
            environ: the variables to read; `os.environ` when left out.

        Raises:
            FarpoolError: one of the two client credential variables is set without the other, or a switch is neither
                on nor off.
        """
        values = os.environ if environ is None else environ
        client_id = values.get("GLOBUS_COMPUTE_CLIENT_ID") or None
        client_secret = values.get("GLOBUS_COMPUTE_CLIENT_SECRET") or None
        if (client_id is None) != (client_secret is None):
            there, missing = ("ID", "SECRET") if client_id else ("SECRET", "ID")
            raise FarpoolError(
                f"GLOBUS_COMPUTE_CLIENT_{there} is set and GLOBUS_COMPUTE_CLIENT_{missing} is not: "
                "set both to log in with client credentials, or neither"
            )
        return cls(
            home=Path(values.get("FARPOOL_HOME") or "~/.farpool").expanduser(),
            service_url=values.get("FARPOOL_SERVICE_URL") or None,
            token=values.get("FARPOOL_TOKEN") or None,
            endpoint_id=values.get("FARPOOL_ENDPOINT_ID") or None,
            remember_functions=_switch(values, "FARPOOL_REMEMBER_FUNCTIONS"),
            journal=_switch(values, "FARPOOL_JOURNAL"),
            client_id=client_id,
            client_secret=client_secret,
            globus_client_id=values.get("FARPOOL_GLOBUS_CLIENT_ID") or None,
            globus_client_secret=values.get("FARPOOL_GLOBUS_CLIENT_SECRET") or None,
            globus_scope=values.get("FARPOOL_GLOBUS_SCOPE") or None,
            globus_resource_server=values.get("FARPOOL_GLOBUS_RESOURCE_SERVER") or None,
        )


def _switch(values: Mapping[str, str], name: str) -> bool:
    """Read a switch that is on when nothing is said."""
    text = (values.get(name) or "1").strip().lower()
    if text not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise FarpoolError(f"{name} is {values[name]!r}: set it to 0 or 1")
    return text in {"1", "true", "yes", "on"}
