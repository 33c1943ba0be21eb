"""The thin REST client.

    Client -- FunctionCalls, EndpointCalls, TaskCalls      what can be asked: checks arguments, reads answers
       |      ResultCalls -- Session                       what was seen of finished tasks: is not asked for again
       |
    Transport -- Turns, Retries, translate                 lends connections; keeps to the limits; tries again
       |
    globus_sdk.ComputeClientV2, V3                         routes, headers, login
       |
    requests                                               one kept-alive connection per concurrent call

Nothing here starts a thread. `globus_sdk` is imported when the first `Client` is made.
"""

from ..amqp import Patience
from .batch import Batch
from .client import Client
from .functions import description_of, name_of, packed_registration
from .login_calls import ask_way, forget_login
from .lost import uncertain
from .results import failure_in, failure_of, value_in
from .runtime import SDK_VERSION
from .stats import ClientStats
from .throttle import Throttle
from .versions import VersionWatch, read_result

__all__ = [
    "SDK_VERSION",
    "Batch",
    "Client",
    "ClientStats",
    "Patience",
    "Throttle",
    "VersionWatch",
    "ask_way",
    "description_of",
    "failure_in",
    "failure_of",
    "forget_login",
    "name_of",
    "packed_registration",
    "read_result",
    "uncertain",
    "value_in",
]
