"""REST bodies: what is sent to the web service and what it answers, read strictly and written exactly.

Each class has `to_json` (a plain dict for a JSON encoder) and, where the other side needs it, `from_json`, which
raises `WireError` naming the field that is wrong.
Source: Globus Compute wire protocol, REST v2 and v3.
"""

from .allowed import AllowedFunctionsChange, AllowedFunctionsList
from .answers import ResultQueue, error_body
from .cancels import CancelReply, CancelRequest
from .containers import ContainerRegistration
from .logins import LoginWay
from .registrations import EndpointRegistration, FunctionRegistration
from .submissions import SubmitReply, SubmitRequest
from .tasks import TaskDocument, is_shared_with_caller, read_shared_group, read_task_group, task_group

__all__ = [
    "AllowedFunctionsChange",
    "AllowedFunctionsList",
    "CancelReply",
    "CancelRequest",
    "ContainerRegistration",
    "EndpointRegistration",
    "FunctionRegistration",
    "LoginWay",
    "ResultQueue",
    "SubmitReply",
    "SubmitRequest",
    "TaskDocument",
    "error_body",
    "is_shared_with_caller",
    "read_shared_group",
    "read_task_group",
    "task_group",
]
