"""Logs the unmodified SDK in at a farpool service, so that its programs stay as their users write them.

The token is in SDK_TOKEN; the SDK's one local address, port 5000, is answered by whoever `http_proxy` names.
"""

from __future__ import annotations

import functools
import os

import globus_sdk
from globus_compute_sdk import Client

Client.__init__ = functools.partialmethod(
    Client.__init__, environment="local", authorizer=globus_sdk.AccessTokenAuthorizer(os.environ["SDK_TOKEN"])
)
