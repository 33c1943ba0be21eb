"""The client's calls about blobs: what is too large for a message goes to the service and comes from there on its own.

Farpool services alone have them. A blob is named by its SHA-256, so each is sent once, and checked at either end.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import PayloadTooLarge, ServiceDown, ServiceError, WireError
from ..wire.blobs import as_digest
from ..wire.ids import as_id
from .bodies import any_body, json_body
from .checks import callable_one, instance, whole
from .uploads import Uploads

if TYPE_CHECKING:
    from .transport import Transport

#: What is sent, and hashed, at a time.
PIECE_BYTES = 1024 * 1024
#: How often a blob is fetched that breaks off, or does not come as it should.
_TRIES = 5
#: A service says what it takes as long as it runs, or longer; asked again after so many seconds.
_LIMIT_HOLDS_S = 600.0


class BlobCalls:
    """Calls about blobs. Part of `Client`."""

    _transport: Transport
    get_endpoint_metadata: Callable[[object], dict[str, Any]]

    def _begin_blobs(self) -> None:
        self._uploads = Uploads()
        self._blob_limit: tuple[float, int | None] | None = None
        self._blob_endpoints: dict[str, bool] = {}

    @property
    def max_blob_bytes(self) -> int | None:
        """The largest blob that the service takes; None: it takes none."""
        if self._transport.is_hosted:
            return None
        known, now = self._blob_limit, time.monotonic()
        if known is None or now - known[0] > _LIMIT_HOLDS_S:
            limit = self._transport.call(
                "ask for its version", lambda pair: pair.v2.get_version(service="all"), _read_limit
            )
            known = self._blob_limit = (now, limit)
        return known[1]

    def takes_blobs(self, endpoint_id: object) -> bool:
        """Whether arguments for an endpoint can go by reference: service and endpoint are farpool's. Asks once."""
        endpoint = as_id(endpoint_id, "endpoint_id")
        if self.max_blob_bytes is None:
            return False
        known = self._blob_endpoints.get(endpoint)
        if known is None:
            known = self.get_endpoint_metadata(endpoint).get("takes_blobs") is True
            self._blob_endpoints[endpoint] = known
        return known

    def keep_blob(self, piece: memoryview) -> str:
        """Have some bytes at the service, sending them only when they are not there. Blocks for that.

        Returns:
            Their SHA-256.

        Raises:
            PayloadTooLarge: they are more than the service takes.
            ServiceError: the service refused them, has no room, or is down.
        """
        instance(piece, memoryview, "piece")
        limit = self.max_blob_bytes or 0
        if piece.nbytes > limit:
            raise PayloadTooLarge(
                f"an argument, or a part of one, is {piece.nbytes:,} bytes and the service takes {limit:,}: write it "
                "to a place that both sides reach, and pass its name"
            )
        return self._uploads.keep(_digest_of(piece), self.has_blob, lambda digest: self.put_blob(digest, piece))

    def forget_blobs(self) -> None:
        """Ask again for every blob whether it is there: the service has said that one is not."""
        self._uploads.forget()

    def has_blob(self, digest: str) -> bool:
        """Ask whether a blob that was sent before is still there; it is kept for a while longer then."""
        as_digest(digest, "digest")
        missing = self._transport.call(
            f"ask for blob {digest[:12]}",
            lambda pair: pair.v2.post("/v2/blobs", data={"digests": [digest]}),
            lambda body: json_body(body).get("missing"),
        )
        return missing == []

    def put_blob(self, digest: str, piece: memoryview) -> None:
        """Send a blob.

        Raises:
            ServiceError: the service refused it, has no room for it, or is down.
        """
        as_digest(digest, "digest")
        instance(piece, memoryview, "piece")
        self._transport.call(
            f"send blob {digest[:12]} of {piece.nbytes:,} bytes",
            lambda pair: pair.upload(f"/v2/blobs/{digest}", _Body(piece)),
            any_body,
            sent_bytes=piece.nbytes,
            is_bounded=False,
        )

    def fetch_blob(self, digest: str, size_bytes: int, write: Callable[[int, bytes], object]) -> None:
        """Fetch a blob.

        Args:
            digest: its name.
            size_bytes: how large it must be.
            write: takes the bytes at a place; from the start again when the connection broke.

        Raises:
            NotFound: the service has no such blob, or not for this caller.
            ServiceError: it is not what its name says, or the service is down.
        """
        as_digest(digest, "digest")
        whole(size_bytes, "size_bytes")
        callable_one(write, "write")
        doing = f"fetch blob {digest[:12]} of {size_bytes:,} bytes"
        found = ""
        for left in reversed(range(_TRIES)):
            try:
                found = self._transport.download(
                    doing, f"/v2/blobs/{digest}", lambda pieces: _written(pieces, size_bytes, write)
                )
            except ServiceDown:
                if not left:
                    raise
                continue
            if found == digest:
                return
        raise ServiceError(
            f"cannot {doing}: what the service gave for it is not that, but has the SHA-256 {found}; its store is "
            "damaged, or something on the way changes what passes"
        )

    def find_blob(self, digest: str, size_bytes: int) -> bytearray:
        """Fetch a blob into memory; see `fetch_blob`."""
        memory = bytearray(whole(size_bytes, "size_bytes"))
        view = memoryview(memory)

        def write(at: int, piece: bytes) -> None:
            view[at : at + len(piece)] = piece

        self.fetch_blob(digest, size_bytes, write)
        view.release()
        return memory


class _Body:
    """The body of a request: the bytes of a piece as they are, from the start each time it is sent."""

    def __init__(self, piece: memoryview) -> None:
        self._piece = piece

    def __len__(self) -> int:
        return self._piece.nbytes

    def __iter__(self) -> Iterator[memoryview]:
        for start in range(0, self._piece.nbytes, PIECE_BYTES):
            yield self._piece[start : start + PIECE_BYTES]


def _digest_of(piece: memoryview) -> str:
    return hashlib.sha256(piece).hexdigest()


def _written(pieces: Iterator[bytes], size_bytes: int, write: Callable[[int, bytes], object]) -> str:
    """Write what comes; return its SHA-256, or how much it was when that is not what it should be."""
    found, at = hashlib.sha256(), 0
    for piece in pieces:
        if at + len(piece) > size_bytes:
            return f"of more than {size_bytes} bytes"
        write(at, piece)
        found.update(piece)
        at += len(piece)
    return found.hexdigest() if at == size_bytes else f"of {at} bytes"


def _read_limit(body: Any) -> int | None:
    limit = json_body(body).get("max_blob_bytes")
    if limit is not None and not isinstance(limit, int):
        raise WireError(f"field 'max_blob_bytes' is a {type(limit).__name__}")
    return limit
