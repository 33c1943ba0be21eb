"""Asks Globus Auth and Globus Groups about tokens, through globus-sdk. Blocks; for threads."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from collections.abc import Generator, Mapping
from typing import Any

from globus_sdk import ConfidentialAppAuthClient, GlobusAPIError, GlobusError, GroupsClient
from globus_sdk.authorizers import AccessTokenAuthorizer
from globus_sdk.scopes import GroupsScopes
from globus_sdk.transport import RequestsTransport, RetryConfig

from ...auth import is_loopback
from ...version import __version__
from ...wire.ids import as_id
from ..store.globus_people import Person
from .away import GlobusAway
from .consent import GROUPS_SCOPE
from .options import GlobusOptions

log = logging.getLogger(__name__)

#: Seconds until a connection must stand, and until an answer must begin. Somebody waits for it.
_TIMEOUTS = (5.0, 10.0)
#: One more attempt: a kept connection may just have been closed.
_RETRIES, _RETRY_SLEEP_S = 1, 0.5
#: When it may be worth while to ask again, in seconds, where Globus does not say.
_RETRY_AFTER_S = 10
#: The statuses that Globus has for everybody. Another one may be about the token, which anybody can make up.
_FOR_ALL = frozenset({429, 502, 503, 504})
#: The longest that is believed, in seconds.
_LONGEST_RETRY_AFTER_S = 600

_NAME = f"farpool-{__version__}"


class _Line:
    """A connection to Globus Auth and one to Globus Groups, for one thread at a time."""

    def __init__(self, options: GlobusOptions) -> None:
        self.wire = RequestsTransport()
        timeouts: Any = _TIMEOUTS  # requests knows pairs of them
        self.wire.http_timeout = timeouts
        self.auth = ConfidentialAppAuthClient(
            options.client_id, options.client_secret, app_name=_NAME, transport=self.wire, retry_config=_retries()
        )
        if is_loopback(self.auth.base_url):
            self.wire.session.trust_env = False  # a proxy has another localhost

    def groups(self, token: str) -> GroupsClient:
        """Make a client that acts for somebody."""
        return GroupsClient(
            authorizer=AccessTokenAuthorizer(token), app_name=_NAME, transport=self.wire, retry_config=_retries()
        )


class GlobusDesk:
    """Asks about tokens. Thread-safe.

    Args:
        options: the service's own client.
    """

    def __init__(self, options: GlobusOptions) -> None:
        self._options = options
        self._way = options.way
        self._idle: deque[_Line] = deque()  # its append and pop are atomic

    def ask(self, token: str) -> Person | None:
        """Find out whose token that is; None: nobody's, or not for this service.

        Raises:
            GlobusAway: Globus cannot be asked, or does not take the service's own credentials.
        """
        with self._line() as line, _translated():
            told: Mapping[str, Any] = line.auth.oauth2_token_introspect(token, include="identity_set").data
            if not self._is_for_us(told):
                return None
            groups = self._groups_of(line, token)
            known = groups or {}
            return Person(
                identity_id=as_id(told["sub"], "sub"),
                username=str(told.get("username") or told["sub"]),
                linked_ids=frozenset(as_id(one, "an identity") for one in told.get("identity_set") or ()),
                group_ids=frozenset(known),
                expires_at=float(told["exp"]),
                group_names=known,
                hides_groups=groups is None,
            )

    def close(self) -> None:
        """Close the connections."""
        while self._idle:
            self._idle.pop().wire.close()

    def _is_for_us(self, told: Mapping[str, Any]) -> bool:
        if told.get("active") is not True:
            return False
        audience: Any = told.get("aud") or []
        named: set[str] = {audience} if isinstance(audience, str) else set(audience)
        is_ours = bool(named & {self._options.client_id, self._way.resource_server})
        is_for_scope = self._way.scope in str(told.get("scope") or "").split()
        if is_ours and is_for_scope:
            return True
        log.info("refused a token of %s: it is not for the scope %s", told.get("username"), self._way.scope)
        return False

    def _groups_of(self, line: _Line, token: str) -> dict[str, str] | None:
        """Find the groups in which the bearer of a token is, by id, with their names; None without their consent."""
        try:
            granted = line.auth.oauth2_get_dependent_tokens(token, scope=GROUPS_SCOPE)
            own: str = granted.by_resource_server[GroupsScopes.resource_server]["access_token"]
            groups = line.groups(own).get_my_groups(statuses="active")
        except GlobusAPIError as error:
            if _is_passing(error) or error.http_status == 401:
                raise
            # Then one is in no group, and everything else works.
            if _is_for_consent(error):
                return None
            log.warning("Globus does not say in which groups somebody is: %s", error)
            return {}
        return {as_id(group["id"], "the id of a group"): str(group.get("name") or "") for group in groups}

    @contextlib.contextmanager
    def _line(self) -> Generator[_Line]:
        line = self._idle.pop() if self._idle else _Line(self._options)
        try:
            yield line
        finally:
            self._idle.append(line)


def _retries() -> RetryConfig:
    return RetryConfig(max_retries=_RETRIES, max_sleep=_RETRY_SLEEP_S)


def _is_for_consent(error: GlobusAPIError) -> bool:
    body: Any = error.raw_json or {}
    return error.code == "ConsentRequired" or body.get("error") == "dependent_consent_required"


def _is_passing(error: GlobusAPIError) -> bool:
    return error.http_status >= 500 or error.http_status == 429


@contextlib.contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except GlobusAPIError as error:
        if _is_passing(error):
            message = f"Globus answers with HTTP {error.http_status}"
            raise GlobusAway(message, _retry_after(error), is_for_all=error.http_status in _FOR_ALL) from error
        message = (
            f"Globus refuses this service's own request with HTTP {error.http_status} ({error.code}): whoever runs the "
            "service must check its client id and secret, and the scope"
        )
        raise GlobusAway(message, _RETRY_AFTER_S, is_for_all=False) from error
    except GlobusError as error:
        raise GlobusAway(f"Globus cannot be reached ({type(error).__name__})", _RETRY_AFTER_S) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"Globus gave an answer that cannot be read ({error!r})"
        raise GlobusAway(message, _RETRY_AFTER_S, is_for_all=False) from error


def _retry_after(error: GlobusAPIError) -> int:
    text = error.headers.get("Retry-After", "")
    return min(int(text), _LONGEST_RETRY_AFTER_S) if text.isdigit() else _RETRY_AFTER_S
