"""Who may do what: the two questions a broker asks its owner."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias


class Operation(str, Enum):
    """What a user wants to do with a queue or an exchange."""

    INSPECT_QUEUE = "inspect-queue"  # a passive declare
    DECLARE_QUEUE = "declare-queue"
    DELETE_QUEUE = "delete-queue"
    BIND_QUEUE = "bind-queue"  # and unbind; the routing key is the binding's
    PURGE_QUEUE = "purge-queue"
    CONSUME = "consume"  # and get
    INSPECT_EXCHANGE = "inspect-exchange"  # a passive declare
    DECLARE_EXCHANGE = "declare-exchange"
    DELETE_EXCHANGE = "delete-exchange"
    PUBLISH = "publish"  # the routing key is the message's

    @property
    def is_on_exchange(self) -> bool:
        """Whether the resource is an exchange, not a queue."""
        return self in _ON_EXCHANGE


_ON_EXCHANGE = frozenset(
    {Operation.INSPECT_EXCHANGE, Operation.DECLARE_EXCHANGE, Operation.DELETE_EXCHANGE, Operation.PUBLISH}
)

#: `authenticate(user, password)`: whether these credentials are good.
Authenticate: TypeAlias = Callable[[str, str], bool]

#: `permit(user, operation, resource, routing_key)`: whether that user may; `routing_key` is "" where there is none.
Permit: TypeAlias = Callable[[str, Operation, str, str], bool]
