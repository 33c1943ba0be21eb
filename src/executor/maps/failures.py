"""The failure of one call in a task of many: read back from what the worker packed."""

from __future__ import annotations

import contextlib
from binascii import a2b_base64
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from ...client import failure_of
from ...serialize.exceptions import describe
from ...serialize.pickling import loads
from ...wire.messages import EXCEPTION


def failure_in(told: Mapping[str, Any], future: Future[Any]) -> BaseException:
    """Make the error of one call.

    Args:
        told: what the worker packed: the traceback as `text`, and the `exception` as a farpool worker describes it, or
            its `pickle` from a worker without farpool.
        future: the future of the task that the call was in.

    Returns:
        The error, as if the call had been a task of its own.
    """
    document = told.get("exception")
    if document is None and told.get("pickle"):
        with contextlib.suppress(BaseException):  # what it needs is not here: then its text must do
            document = describe(loads(a2b_base64(told["pickle"])))
    return failure_of(
        None,
        None,
        told["text"],
        task_id=getattr(future, "task_id", None),
        endpoint_id=getattr(future, "endpoint_id", None),
        function_id=getattr(future, "function_id", None),
        details=None if document is None else {EXCEPTION: document},
    )
