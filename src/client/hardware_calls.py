"""The client's call about the machines of workers."""

from __future__ import annotations

import inspect
from collections.abc import Callable

from ..wire.ids import as_id
from . import hardware


class HardwareCalls:
    """The call about the machines of workers. Part of `Client`."""

    register_source_code: Callable[..., str]
    run: Callable[..., str]

    def get_worker_hardware_details(self, endpoint_id: object) -> str:
        """Have a worker of an endpoint describe its machine: host, Python, CPU, memory, disks, GPUs.

        Works on any endpoint: what is sent is source text that needs the standard library alone.

        Returns:
            The id of the task; its result is the report, a text in sections.
        """
        place = as_id(endpoint_id, "endpoint_id")
        function_id = self.register_source_code(
            inspect.getsource(hardware),
            hardware.hardware_report.__name__,
            inspect.getdoc(hardware.hardware_report),
        )
        return self.run(endpoint_id=place, function_id=function_id)
