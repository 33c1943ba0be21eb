"""Where the ids of a submission come from: chance, or, for a request that has a name, its name.

A client that lost an answer sends the request again. Under the same name (`Idempotency-Key`) the second one is given
the same ids, so the service sees that it has these tasks already, and answers as it did. Nothing has to be remembered
for that but the tasks.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from ..wire import new_id


@dataclass(frozen=True, slots=True)
class TaskIds:
    """A source of ids.

    Attributes:
        make: makes the next id.
        are_derived: whether the same request would be given the same ids.
    """

    make: Callable[[], str]
    are_derived: bool


def task_ids(secret: bytes, owner_id: str, endpoint_id: str, idempotency_key: str | None) -> TaskIds:
    """Choose the source of ids for a request.

    Args:
        secret: keeps derived ids from being guessed.
        owner_id: who asks: two identities may use the same key.
        endpoint_id: for which endpoint.
        idempotency_key: the request's name, or None.
    """
    if idempotency_key is None:
        return TaskIds(new_id, are_derived=False)
    stem = hmac.new(secret, f"{owner_id}\n{endpoint_id}\n{idempotency_key}".encode(), hashlib.sha256).digest()
    count = 0

    def make() -> str:
        nonlocal count
        count += 1
        digest = hashlib.blake2b(count.to_bytes(8, "big"), key=stem, digest_size=16).digest()
        return str(uuid.UUID(bytes=digest, version=4))

    return TaskIds(make, are_derived=True)
