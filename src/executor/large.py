"""Large arguments: by reference where service and endpoint can, else with the message, as far as that goes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from ..errors import PayloadTooLarge
from ..serialize import Serializer

if TYPE_CHECKING:
    from ..client import Client


class _TravelsAlong(Exception):
    """There is no other way here."""


def packed_call(
    client: Client,
    serializer: Serializer,
    endpoints: Collection[str],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> str:
    """Pack the arguments of a call. Blocks while what is large in them, and not there yet, is sent to the service.

    Args:
        client: of the service.
        serializer: how they are written.
        endpoints: where the task may run: all of them must be able to read it.
        args: the positional arguments.
        kwargs: the keyword arguments.

    Raises:
        SerializationError: an argument cannot be sent.
        PayloadTooLarge: the arguments are over the service's limit.
        ServiceError: what is large in them cannot be sent.
    """

    def keep(piece: memoryview) -> str:
        if not all(map(client.takes_blobs, endpoints)):
            raise _TravelsAlong
        return client.keep_blob(piece)

    try:
        payload = serializer.pack_arguments(args, kwargs, None if client.is_hosted else keep)
    except _TravelsAlong:
        payload = serializer.pack_arguments(args, kwargs)
    limit = client.max_payload_bytes
    if limit is not None and len(payload) > limit:
        raise PayloadTooLarge(
            f"the packed arguments are {len(payload):,} bytes, the service takes {limit:,} in one request: "
            "pass less, or pass a reference to where the data is, such as a proxy of the library proxystore"
        )
    return payload
