"""The handshake: from the first eight bytes to an open connection."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pamqp import commands

from .access import Authenticate
from .errors import ConnectionRefusal
from .limits import Limits
from .vhost import NAME

if TYPE_CHECKING:
    from pamqp.base import Frame

log = logging.getLogger(__name__)

#: What a peer may send before it is known who it is, in bytes per frame.
FIRST_FRAME_BYTES = 8192
_FRAME_MIN = 4096

_CAPABILITIES = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": False,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "consumer_priorities": False,
    "authentication_failure_close": True,
    "per_consumer_qos": True,
    "direct_reply_to": False,
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a handshake has come to.

    Attributes:
        user: who the peer is.
        capabilities: what it says it can do.
        frame_bytes: the largest frame in both directions.
        channels: how many channels it may open.
        heartbeat_s: the heartbeat interval; 0 for none.
    """

    user: str
    capabilities: frozenset[str]
    frame_bytes: int
    channels: int
    heartbeat_s: int


class Handshake:
    """Leads one connection through Start, Tune and Open.

    Args:
        limits: what is offered.
        authenticate: whether a user's password is good.
        send: sends a method on channel 0.
        hang_up: closes the connection without a word.
    """

    def __init__(
        self,
        limits: Limits,
        authenticate: Authenticate,
        *,
        send: Callable[[Frame], None],
        hang_up: Callable[[], None],
    ) -> None:
        self._limits = limits
        self._authenticate = authenticate
        self._send = send
        self._hang_up = hang_up
        self._expected: type[Frame] = commands.Connection.StartOk
        self._user = ""
        self._capabilities: frozenset[str] = frozenset()
        self._tuned: commands.Connection.TuneOk | None = None

    def start(self) -> None:
        """Greet a peer that has sent the right protocol header."""
        properties: dict[str, Any] = {
            "product": "farpool",
            "platform": "Python",
            "information": "the embedded broker of farpool, for one machine",
            "capabilities": _CAPABILITIES,
        }
        self._send(commands.Connection.Start(0, 9, properties, "PLAIN", "en_US"))

    def take(self, method: Any) -> Agreement | None:
        """Take the peer's next method; gives the agreement when it was the last one.

        Raises:
            ConnectionRefusal: 403 bad credentials, 503 a method out of order or an unknown mechanism, 530 tuned out of
                bounds or an unknown virtual host.
        """
        if not isinstance(method, self._expected):
            raise ConnectionRefusal(503, f"expected {self._expected.name}, got {method.name}")
        if isinstance(method, commands.Connection.StartOk):
            self._take_start_ok(method)
        elif isinstance(method, commands.Connection.TuneOk):
            self._take_tune_ok(method)
        elif isinstance(method, commands.Connection.Open):
            return self._take_open(method)
        return None

    def _take_start_ok(self, method: commands.Connection.StartOk) -> None:
        properties: dict[str, Any] = method.client_properties or {}
        capabilities: Any = properties.get("capabilities")
        if isinstance(capabilities, Mapping):
            said = cast("Mapping[str, object]", capabilities)
            self._capabilities = frozenset(name for name, has in said.items() if has)
        if method.mechanism != "PLAIN":
            raise ConnectionRefusal(503, f"unknown authentication mechanism '{method.mechanism}'")
        response: Any = method.response
        text = response.decode(errors="replace") if isinstance(response, bytes) else str(response)
        fields = text.split("\0")
        self._user = fields[1] if len(fields) == 3 else ""
        if len(fields) != 3 or not self._authenticate(fields[1], fields[2]):
            self._refuse_login()
            return
        self._expected = commands.Connection.TuneOk
        limits = self._limits
        self._send(commands.Connection.Tune(limits.channels, limits.frame_bytes, limits.heartbeat_s))

    def _refuse_login(self) -> None:
        log.warning(
            "login of AMQP user %.80r refused: the password is wrong, or was issued by another service", self._user
        )
        if "authentication_failure_close" not in self._capabilities:
            self._hang_up()
            return
        raise ConnectionRefusal(
            403,
            "Login was refused using authentication mechanism PLAIN. For details see the broker logfile.",
        )

    def _take_tune_ok(self, method: commands.Connection.TuneOk) -> None:
        _check_tuned("channel_max", method.channel_max, self._limits.channels, 1)
        _check_tuned("frame_max", method.frame_max, self._limits.frame_bytes, _FRAME_MIN)
        self._tuned = method
        self._expected = commands.Connection.Open

    def _take_open(self, method: commands.Connection.Open) -> Agreement:
        if method.virtual_host != NAME:
            raise ConnectionRefusal(530, f"vhost {method.virtual_host} not found")
        tuned = self._tuned or commands.Connection.TuneOk()
        self._send(commands.Connection.OpenOk())
        return Agreement(
            user=self._user,
            capabilities=self._capabilities,
            frame_bytes=tuned.frame_max,
            channels=tuned.channel_max,
            heartbeat_s=tuned.heartbeat,
        )


def _check_tuned(name: str, value: int, highest: int, lowest: int) -> None:
    if value == 0:
        raise ConnectionRefusal(
            530, f"negotiated {name} = 0 (no limit) is higher than the maximum allowed value ({highest})"
        )
    if value > highest:
        raise ConnectionRefusal(
            530, f"negotiated {name} = {value} is higher than the maximum allowed value ({highest})"
        )
    if value < lowest:
        raise ConnectionRefusal(530, f"negotiated {name} = {value} is lower than the minimum allowed value ({lowest})")
