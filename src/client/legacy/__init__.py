"""funcX's client, for programs that were written for it: ``from farpool.client.legacy import FuncXClient``.

    FuncXClient -- LegacyFunctionCalls, LegacyTaskCalls, LegacyEndpointCalls     funcX's names and shapes
       |
    ThrottledClient(Client)                                                      funcX's limits

For programs that are being written there are `farpool.Executor` and `farpool.Client`, which can do more.
"""

from ...errors import DeserializationError, SerializationError, ServiceError, TaskExecutionFailed, TaskPending
from .batch import Batch
from .client import FuncXClient
from .errors import MaxRequestsExceeded, MaxRequestSizeExceeded, MaxResultSizeExceeded, ThrottlingException

#: funcX's names of farpool's errors.
FuncxAPIError = ServiceError
FuncxTaskExecutionFailed = TaskExecutionFailed

__all__ = [
    "Batch",
    "DeserializationError",
    "FuncXClient",
    "FuncxAPIError",
    "FuncxTaskExecutionFailed",
    "MaxRequestSizeExceeded",
    "MaxRequestsExceeded",
    "MaxResultSizeExceeded",
    "SerializationError",
    "TaskExecutionFailed",
    "TaskPending",
    "ThrottlingException",
]
