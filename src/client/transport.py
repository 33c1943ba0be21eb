"""The way to the service: globus-sdk clients lent to one call at a time, retries, and errors of our own tree.

    caller's threads            Transport                              service
      call(doing, send) ----->  lend an idle pair (v2, v3)
                                wait for its turn (Turns)
                                send(pair)  --- one kept-alive TCP connection per pair --->
                                take the pair back
      <- body, or ServiceError  translate what went wrong

Concurrent calls use different pairs, so they run in parallel and nothing is locked while the network is waited for. A
call takes the pair that was used last: its connection is the one most likely still open.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from globus_sdk import ComputeClientV2, ComputeClientV3, GlobusAPIError, GlobusError, GlobusHTTPResponse
from globus_sdk.authorizers import GlobusAuthorizer
from globus_sdk.exc import convert_request_exception
from globus_sdk.transport import RequestsTransport
from globus_sdk.transport.representation_providers import RequestsRepresentationProvider
from requests import RequestException

from ..amqp import Patience
from ..auth.app_authorizer import AppAuthorizer
from ..auth.urls import is_loopback, normalised
from ..errors import ServiceError, WireError
from ..settings import HOSTED_SERVICE_URL
from ..version import __version__
from .retries import Reach, Retries
from .translate import Call, translated, unreadable
from .turns import Turns

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds until a connection must stand. While packets go lost, TCP tries a connection ever more seldom: a new one
#: finds out sooner that they do not any more.
_CONNECT_S = 5.0

#: Pairs that are kept when nobody uses them; more exist while more calls run at once.
_MOST_IDLE = 16
#: Our name for a body that globus-sdk is to hand on.
_AS_IT_IS = "as it is"
#: What is read at a time of something large.
_PIECE_BYTES = 1024 * 1024
_CLOSED = "the client is closed: make another one"
#: How long a service may take to put something large into its place, in seconds.
_UPLOAD_TIMEOUT_S = 600.0


class Pair:
    """Clients of both API versions over one connection, for one call at a time."""

    def __init__(self, service_url: str, authorizer: GlobusAuthorizer, retries: Retries) -> None:
        self._wire = RequestsTransport()
        # Until an answer must begin: GLOBUS_SDK_HTTP_TIMEOUT, or globus-sdk's minute. requests knows pairs of them.
        timeouts: Any = (_CONNECT_S, self._wire.http_timeout)
        self._wire.http_timeout = timeouts
        self._wire.representation_providers[_AS_IT_IS] = RequestsRepresentationProvider()
        if is_loopback(service_url):
            # With http_proxy set, requests would send even this through the proxy, where localhost is another machine.
            self._wire.session.trust_env = False
        self.retries = retries
        name = f"farpool-{__version__}"
        self.v2 = ComputeClientV2(
            base_url=service_url,
            authorizer=authorizer,
            app_name=name,
            transport=self._wire,
            retry_config=retries.config(),
        )
        self.v3 = ComputeClientV3(
            base_url=service_url,
            authorizer=authorizer,
            app_name=name,
            transport=self._wire,
            retry_config=retries.config(),
        )

    def upload(self, path: str, body: Any) -> GlobusHTTPResponse:
        """Send a large body, whatever gives pieces of bytes and has a length; it is not copied."""
        with self._wire.tune(http_timeout=_UPLOAD_TIMEOUT_S):  # the answer comes when all of it is in its place
            return self.v2.request(
                "PUT", path, data=body, headers={"Content-Type": "application/octet-stream"}, encoding=_AS_IT_IS
            )

    def close(self) -> None:
        """Close the connection."""
        self._wire.close()


class Transport:
    """Sends requests to one service. Thread-safe; calls of several threads run at the same time.

    Args:
        service_url: the service.
        authorizer: says who is calling.
        patience: how long to keep trying.
        turns: say when a request may go; left out: at once.
        may_refuse: whether one that has to wait for its turn is refused where the throttle says so.
    """

    def __init__(
        self,
        service_url: str,
        authorizer: GlobusAuthorizer,
        *,
        patience: Patience,
        turns: Turns | None = None,
        may_refuse: bool = True,
    ) -> None:
        self.turns = turns or Turns(None)
        self._may_refuse = may_refuse
        self._service_url = service_url
        self._authorizer = authorizer
        self._patience = patience
        self._reach = Reach()
        self._idle: deque[Pair] = deque()  # its append and pop are atomic: no lock is needed
        self._process = os.getpid()

    def patient(self, patience: Patience | None) -> Transport:
        """Make another way to the same service, with another patience or the same, and connections of its own.

        What both send counts together. The other one always waits for its turn: what asks in the background, for a
        result that has come, has nobody to refuse.
        """
        transport = Transport(
            self._service_url,
            self._authorizer,
            patience=patience or self._patience,
            turns=self.turns,
            may_refuse=False,
        )
        transport._reach.was_reached = self._reach.was_reached
        return transport

    @property
    def retries(self) -> int:
        """How many requests were sent again."""
        return self._reach.retries

    @property
    def is_hosted(self) -> bool:
        """Whether the service is the hosted one."""
        return self._service_url == normalised(HOSTED_SERVICE_URL)

    def call(
        self,
        doing: str,
        send: Callable[[Pair], GlobusHTTPResponse],
        read: Callable[[Any], T],
        *,
        idempotent: bool = True,
        once: bool = False,
        sent_bytes: int | None = None,
        is_bounded: bool = True,
    ) -> T:
        """Send a request and read the answer. Blocks for up to the patience plus the time one request takes.

        Args:
            doing: what is done, for messages, such as "submit 3 tasks to endpoint 4b11...".
            send: makes the request with one of the clients it is given.
            read: reads the body, parsed from JSON; raises `WireError` when it cannot.
            idempotent: whether doing it twice is the same as once.
            once: whether what may have been done must not be sent again.
            sent_bytes: the size of the request's body, where it may be large.
            is_bounded: whether the client's own limit for that is meant for such a body.

        Returns:
            What `read` made of the body.

        Raises:
            ServiceError: the service refused, is down, or answered unreadably; or the login was refused.
            RuntimeError: the client is closed.
        """
        call = self._call(doing, sent_bytes)
        if is_bounded:
            self.turns.fits(doing, sent_bytes)
        pair = self._lend()

        def begin() -> None:
            self._take_turn(doing)
            pair.retries.begin(doing, idempotent=idempotent, once=once)

        try:
            response = self._send(pair, send, begin)
            body = response.data
            if body is None and response.binary_content.strip() not in {b"", b"null"}:
                raise _passing(unreadable(call, response, "it is not JSON"))
        except GlobusError as error:
            raise pair.retries.tell(translated(error, call)) from error
        finally:
            self._take_back(pair)
        try:
            return read(body)
        except WireError as error:
            raise unreadable(call, response, str(error)) from error

    def download(self, doing: str, path: str, take: Callable[[Iterator[bytes]], T]) -> T:
        """Ask for something large and have it taken piece by piece. Blocks as `call` does, and until `take` returns.

        Args:
            doing: as for `call`.
            path: where it is.
            take: takes the pieces.

        Raises:
            ServiceError: as for `call`; `ServiceDown` when it breaks off.
        """
        call = self._call(doing)
        pair = self._lend()

        def begin() -> None:
            self._take_turn(doing)
            pair.retries.begin(doing, idempotent=True, once=False)

        try:
            answer = self._send(pair, lambda one: one.v2.request("GET", path, stream=True), begin)
            # globus-sdk streams, and has no name for what comes.
            response = answer._raw_response  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - as it says above
            with contextlib.closing(response):
                return take(response.iter_content(_PIECE_BYTES))
        except GlobusError as error:
            raise pair.retries.tell(translated(error, call)) from error
        except RequestException as error:
            raise _passing(translated(convert_request_exception(error), call)) from error
        finally:
            self._take_back(pair)

    def login(self, doing: str, act: Callable[[], T]) -> T:
        """Do something about the login, at Globus; blocks while that takes.

        Args:
            doing: what is done, as for `call`.
            act: does it.

        Raises:
            ServiceError: Globus refused, or is not reached.
        """
        try:
            return act()
        except GlobusError as error:
            raise translated(error, self._call(doing)) from error

    def close(self) -> None:
        """Close the connections; ends waits between attempts and for a turn. Calls under way still get their answer."""
        self._reach.closing.set()
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _call(self, doing: str, sent_bytes: int | None = None) -> Call:
        return Call(doing, self._service_url, sent_bytes, can_login=isinstance(self._authorizer, AppAuthorizer))

    def _send(
        self, pair: Pair, send: Callable[[Pair], GlobusHTTPResponse], begin: Callable[[], None]
    ) -> GlobusHTTPResponse:
        begin()
        try:
            return send(pair)
        except GlobusAPIError as error:
            if not (isinstance(self._authorizer, AppAuthorizer) and self._authorizer.satisfy(error)):
                raise
        begin()  # a login takes a person longer than any patience here
        return send(pair)

    def _lend(self) -> Pair:
        if self._reach.closing.is_set():  # takes no lock
            raise RuntimeError(_CLOSED)
        if os.getpid() != self._process:
            # After a fork the connections belong to the parent: two processes on one stream would mix their requests.
            self._idle, self._process, self._reach = deque(), os.getpid(), self._reach.after_fork()
        try:
            return self._idle.pop()
        except IndexError:
            return Pair(self._service_url, self._authorizer, Retries(self._patience, self._reach, self.turns))

    def _take_turn(self, doing: str) -> None:
        closing = self._reach.closing
        self.turns.take(doing, closing.wait, may_refuse=self._may_refuse)
        if closing.is_set():
            raise RuntimeError(_CLOSED)

    def _take_back(self, pair: Pair) -> None:
        if len(self._idle) >= _MOST_IDLE:
            pair.close()
        else:
            self._idle.append(pair)
        if self._reach.closing.is_set():  # asked last: close() may have come in between
            self.close()


def _passing(error: ServiceError) -> ServiceError:
    # Somebody else's page, of a network that wants a login first: it passes.
    error.is_passing = True
    return error
