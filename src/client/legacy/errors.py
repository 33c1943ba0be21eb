"""What a `FuncXClient` raises beside what a `Client` does, under funcX's names; part of farpool's own tree too.

ServiceRefused
`- ThrottlingException          the client's own limits
   |- MaxRequestsExceeded       also a RateLimited
   `- MaxRequestSizeExceeded    also a PayloadTooLarge
ResultTooLarge
`- MaxResultSizeExceeded
"""

from __future__ import annotations

from ...errors import PayloadTooLarge, RateLimited, ResultTooLarge, ServiceRefused


class ThrottlingException(ServiceRefused):
    """A request that the client did not send, to keep to its own limits."""


class MaxRequestsExceeded(RateLimited, ThrottlingException):
    """One request too many in a while. Its ``retry_after_s`` says when the next may go."""


class MaxRequestSizeExceeded(PayloadTooLarge, ThrottlingException):
    """A request that is too large."""


class MaxResultSizeExceeded(ResultTooLarge):
    """A result that is larger than the client takes while it is throttled. It is still there.

    Attributes:
        result_size: its size, serialized, in bytes.
        result_size_limit: what is taken.
    """

    def __init__(self, result_size: int, result_size_limit: int) -> None:
        super().__init__(
            f"the task ran, and its result is {result_size:,} bytes: this client takes {result_size_limit:,} while it "
            "is throttled. Set throttling_enabled = False and ask again, or have the function return less"
        )
        self.result_size = result_size
        self.result_size_limit = result_size_limit
