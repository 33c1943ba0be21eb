"""What the broker refuses, with the reply codes of AMQP 0-9-1 and the texts of RabbitMQ.

AmqpError                a refusal that is told to the peer
|- ChannelRefusal        a soft error: closes the channel
`- ConnectionRefusal     a hard error: closes the connection
UnknownQueue             in process: there is no queue of that name
"""

from __future__ import annotations

#: The names of the reply codes, as they begin a reply text.
NAMES = {
    200: "Normal shutdown",
    311: "CONTENT_TOO_LARGE",
    312: "NO_ROUTE",
    313: "NO_CONSUMERS",
    320: "CONNECTION_FORCED",
    402: "INVALID_PATH",
    403: "ACCESS_REFUSED",
    404: "NOT_FOUND",
    405: "RESOURCE_LOCKED",
    406: "PRECONDITION_FAILED",
    501: "FRAME_ERROR",
    502: "SYNTAX_ERROR",
    503: "COMMAND_INVALID",
    504: "CHANNEL_ERROR",
    505: "UNEXPECTED_FRAME",
    506: "RESOURCE_ERROR",
    530: "NOT_ALLOWED",
    540: "NOT_IMPLEMENTED",
    541: "INTERNAL_ERROR",
}


class AmqpError(Exception):
    """A refusal that is told to the peer.

    Attributes:
        code: the AMQP reply code.
        text: the AMQP reply text, at most 255 bytes: ``"NOT_FOUND - no queue 'x' in vhost '/'"``.
        index: the method that caused it, `class << 16 | method`; 0 where no method did.
    """

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.index = 0
        whole = f"{NAMES[code]} - {reason}".encode()
        self.text = whole[:255].decode(errors="ignore")
        super().__init__(f"{code} {self.text}")


class ChannelRefusal(AmqpError):
    """Closes the channel it happened on."""


class ConnectionRefusal(AmqpError):
    """Closes the connection it happened on."""


class UnknownQueue(LookupError):
    """There is no queue of that name in this broker."""


def access_refused(reason: str) -> ChannelRefusal:
    """403: it is not this user's, or it is in exclusive use."""
    return ChannelRefusal(403, reason)


def no_queue(name: str) -> ChannelRefusal:
    """404: there is no such queue."""
    return ChannelRefusal(404, f"no queue '{name}' in vhost '/'")


def no_exchange(name: str) -> ChannelRefusal:
    """404: there is no such exchange."""
    return ChannelRefusal(404, f"no exchange '{name}' in vhost '/'")


def precondition_failed(reason: str) -> ChannelRefusal:
    """406: the request contradicts what is there."""
    return ChannelRefusal(406, reason)


def inequivalent(argument: str, what: str, received: object, current: object) -> ChannelRefusal:
    """406: declared again with another argument; `what` is such as ``"queue 'q'"``."""
    return precondition_failed(
        f"inequivalent arg '{argument}' for {what} in vhost '/': "
        f"received '{_spell(received)}' but current is '{_spell(current)}'"
    )


def not_implemented(reason: str) -> ConnectionRefusal:
    """540: this broker does not do that."""
    return ConnectionRefusal(540, reason)


def frame_error(reason: str) -> ConnectionRefusal:
    """501: what came is no frame."""
    return ConnectionRefusal(501, reason)


def _spell(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
