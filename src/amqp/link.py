"""A link: one AMQP connection with one channel, opened again when it breaks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from ..errors import FarpoolError, ServiceRefused, StreamError
from .backoff import Backoff, Patience, Spell
from .loop import Loop, Timer

log = logging.getLogger(__name__)

#: A link that stood this long has earned an immediate first retry again.
STABLE_S = 1.0

#: A broker that does not answer a close is not waited for longer.
CLOSE_S = 5.0

#: A connection that does not come about is tried anew: while packets go lost, TCP itself tries ever more seldom.
CONNECT_S = 4.0

#: Seconds of failure after which somebody is told.
QUIET_S = 20.0


def _nothing() -> None:
    pass


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 5672}"


class Link:
    """Keeps a connection and a channel open on a loop, until `close` or until patience ends.

    Every method and callback belongs to the loop's thread.

    Args:
        loop: where it lives.
        name: what it is for, in log lines and errors, such as ``"results"``.
        locate: gives the AMQP URL, asked again before every attempt; may block, may raise a `FarpoolError`.
        set_up: called with each new channel (a pika `Channel`); calls `ready()` when the channel is of use.
        lost: called when a link that was ready is gone.
        gave_up: called once, with a `StreamError` that says what happened, when patience has ended.
        refused: called when the broker has refused, before the next attempt.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        loop: Loop,
        name: str,
        *,
        locate: Callable[[], str],
        set_up: Callable[[Any], None],
        lost: Callable[[], None],
        gave_up: Callable[[StreamError], None],
        refused: Callable[[], None] = _nothing,
        patience: Patience,
        backoff: Backoff,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._name = name
        self._locate = locate
        self._set_up = set_up
        self._lost = lost
        self._refused = refused
        self._gave_up = gave_up
        self._clock = clock
        self._patience = patience
        self._backoff = backoff
        self._url = ""
        self._connection: Any = None
        self._timer: Timer | None = None
        self._attempt = 0
        self._spell = Spell(clock)
        self._waited_s = 0.0
        self._told = False
        self._ready_since: float | None = None
        self._ever_open = False
        self._closed = False
        self._on_closed: Callable[[], None] | None = None
        self._channel_error: BaseException | None = None

    def open(self) -> None:
        """Begin to connect."""
        from pika import SelectConnection, URLParameters  # noqa: PLC0415 - see Loop

        from .services import InlineServices  # noqa: PLC0415 - see Loop

        self._timer = None
        if self._closed:
            return
        try:
            self._url = self._locate()
            parameters = URLParameters(self._url)
            parameters.socket_timeout = min(parameters.socket_timeout or CONNECT_S, CONNECT_S)
        except (FarpoolError, ValueError) as error:
            self._connection = None
            self._failed(error)
            return
        self._channel_error = None
        self._connection = SelectConnection(
            parameters,
            on_open_callback=self._connected,
            on_open_error_callback=self._disconnected,
            on_close_callback=self._disconnected,
            custom_ioloop=InlineServices(self._loop.ioloop),
        )

    def ready(self) -> None:
        """Say that the channel is of use: a later break is a new failure, not the same one."""
        self._ready_since = self._clock()
        self._spell.end()
        if self._told:
            log.warning("%s: the broker at %s can be used again", self._name, _place(self._url))
        self._ever_open, self._told = True, False
        log.debug("%s: open at %s", self._name, _place(self._url))

    def close(self, done: Callable[[], None] | None = None) -> None:
        """Close for good; `done` is called when the connection is gone."""
        if self._closed:
            if done is not None:
                done()
            return
        self._closed = True
        self._on_closed = done
        if self._timer is not None:
            self._timer.cancel()
        connection = self._connection
        if connection is None or connection.is_closed:
            self._finish()
        else:
            self._loop.call_later(CLOSE_S, self._finish)
            if connection.is_open:
                connection.close()  # while it is still connecting pika cannot close it: `_connected` does that

    def _connected(self, connection: Any) -> None:
        if self._closed:
            connection.close()
            return
        connection.channel(on_open_callback=self._channel_open)

    def _channel_open(self, channel: Any) -> None:
        channel.add_on_close_callback(self._channel_closed)
        self._set_up(channel)

    def _channel_closed(self, channel: Any, reason: BaseException) -> None:
        self._channel_error = reason
        connection: Any = channel.connection
        if not (connection.is_closing or connection.is_closed):
            connection.close()

    def _disconnected(self, _connection: Any, reason: BaseException | str) -> None:
        self._connection = None
        error = self._channel_error or reason
        if self._closed:
            self._finish()
        else:
            self._failed(error)

    def _finish(self) -> None:
        done, self._on_closed = self._on_closed, None
        if done is not None:
            done()

    def _failed(self, error: BaseException | str) -> None:
        was_ready, self._ready_since = self._ready_since, None
        if was_ready is not None and self._clock() - was_ready >= STABLE_S:
            self._attempt = 0
        spent_s = self._spell.count(self._waited_s)
        if was_ready is not None:
            log.info("%s: connection lost, opening it again: %r", self._name, error)
            self._lost()
            if self._closed:
                return
        is_refusal = _is_refusal(error)
        limit = self._patience.limit(was_reached=self._ever_open, is_broken=is_refusal)
        delay = self._backoff.delay(self._attempt)
        if spent_s + delay > limit:
            self._give_up(error, spent_s)
            return
        if is_refusal:
            self._refused()
        if spent_s > QUIET_S and not self._told:
            self._told = True
            log.warning("%s; trying for up to %.0f s more", self._say(error, spent_s), limit - spent_s)
        log.debug("%s: attempt %d failed, next in %.2f s: %r", self._name, self._attempt, delay, error)
        self._attempt += 1
        self._waited_s = delay
        self._timer = self._loop.call_later(delay, self.open)

    def _give_up(self, error: BaseException | str, seconds: float) -> None:
        self._closed = True
        failure = StreamError(self._say(error, seconds))
        if isinstance(error, BaseException):
            failure.__cause__ = error
        self._gave_up(failure)

    def _say(self, error: BaseException | str, seconds: float) -> str:
        where = f"the AMQP broker at {_place(self._url)}" if self._url else "the AMQP broker"
        return (
            f"{self._name}: {where} could not be used for {seconds:.0f} s: {_explain(error)}. "
            "Check that the service is running and that this port can be reached from here (farpool doctor)"
        )


def _root(error: BaseException) -> BaseException:
    """Dig out what pika wraps: a connection workflow's last real error."""
    seen = 0
    while seen < 5:
        inner: Any = getattr(error, "exception", None) or getattr(error, "exceptions", None) or error.args
        if isinstance(inner, (list, tuple)):
            inner = cast("Any", inner[-1] if inner else None)
        if not isinstance(inner, BaseException):
            break
        error, seen = inner, seen + 1
    return error


def _is_refusal(error: BaseException | str) -> bool:
    from pika import exceptions  # noqa: PLC0415 - see Loop

    if isinstance(error, str):
        return False
    if isinstance(error, ServiceRefused):
        return not error.is_passing
    return isinstance(
        _root(error),
        (
            exceptions.ProbableAuthenticationError,
            exceptions.ProbableAccessDeniedError,
            exceptions.AuthenticationError,
            exceptions.ChannelClosedByBroker,
        ),
    )


def _explain(error: BaseException | str) -> str:
    if isinstance(error, str):
        return error
    root = _root(error)
    return str(root) or repr(root)
