"""funcX's limits: 5 requests in 5 seconds, and 2 MB for what goes in and what comes out."""

from __future__ import annotations

from typing import Any

from ...wire.rest import TaskDocument
from ..client import Client
from ..throttle import Throttle
from .errors import MaxRequestsExceeded, MaxRequestSizeExceeded, MaxResultSizeExceeded

#: What funcX's guide says.
MAX_REQUESTS = 5
PERIOD_S = 5.0
MAX_BYTES = 2 * 1024 * 1024

#: Raising, as funcX did.
RAISES = Throttle(MAX_REQUESTS, PERIOD_S, MAX_BYTES, too_many=MaxRequestsExceeded, too_large=MaxRequestSizeExceeded)
#: The same limits, kept by waiting; what is too large is refused all the same.
WAITS = Throttle(MAX_REQUESTS, PERIOD_S, MAX_BYTES, too_large=MaxRequestSizeExceeded)


class ThrottledClient(Client):
    """A client that can take results up to a size only. What is refused is kept, and read when the limit is lifted."""

    max_result_bytes: int | None = None

    def read_value(self, text: str) -> Any:
        """Read a serialized value, as `Client.read_value` does.

        Raises:
            MaxResultSizeExceeded: it is too large.
        """
        if isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] - `Client.read_value` says what else
            self._require_small(len(text))
        return super().read_value(text)

    def _kept_blob(self, digest: str, size_bytes: int) -> bytearray:
        # What a result refers to. An Executor that is given this client fetches blobs too, and has limits of its own.
        self._require_small(size_bytes)
        return super()._kept_blob(digest, size_bytes)

    def _told(self, document: TaskDocument) -> dict[str, Any]:
        try:
            return super()._told(document)
        except MaxResultSizeExceeded as error:  # of one of several tasks: the others are told
            return {"pending": False, "status": document.status.lower(), "exception": error}

    def _require_small(self, size_bytes: int) -> None:
        if self.max_result_bytes is not None and size_bytes > self.max_result_bytes:
            raise MaxResultSizeExceeded(size_bytes, self.max_result_bytes)
