"""What a user of the unmodified `globus-compute-sdk` does, against the service that `http_proxy` leads to.

Arguments: token, endpoint id. Prints one JSON object. Runs in the SDK's own environment: imports nothing of farpool.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import globus_sdk
from globus_compute_sdk import Client, Executor, ShellFunction, ShellResult
from globus_compute_sdk.errors import TaskExecutionFailed


def add(a: int, b: int = 0) -> int:
    """Add two numbers."""
    return a + b


def fail() -> None:
    raise ValueError("on purpose")


def main() -> None:
    token, endpoint_id = sys.argv[1:]
    client = Client(environment="local", authorizer=globus_sdk.AccessTokenAuthorizer(token))
    told: dict[str, Any] = {}

    with Executor(endpoint_id=endpoint_id, client=client) as executor:
        futures = [executor.submit(add, number, b=1) for number in range(20)]
        failing = executor.submit(fail)
        command = executor.submit(ShellFunction("echo {word}; exit 3"), word="hello")
        told["values"] = [future.result(60) for future in futures]
        try:
            failing.result(60)
        except TaskExecutionFailed as error:
            told["exception"] = error.remote_data
        try:
            client.get_result(failing.task_id)
        except TaskExecutionFailed as error:
            told["exception_by_rest"] = error.remote_data
        result = command.result(60)
        told["command"] = [isinstance(result, ShellResult), result.stdout, result.returncode]
        told["task_ids"] = sorted(future.task_id for future in futures)
        group = executor.task_group_id

    with Executor(endpoint_id=endpoint_id, client=client, task_group_id=group) as again:
        reloaded = {future.task_id: future for future in again.reload_tasks()}
        told["reloaded"] = sorted(reloaded[task_id].result(60) for task_id in told["task_ids"])

    function_id = client.register_function(add)
    told["function"] = client.get_function(function_id)["description"]
    batch = client.create_batch()
    for number in range(3):
        batch.add(function_id, args=(number,), kwargs={"b": 10})
    task_ids = client.batch_run(endpoint_id, batch)["tasks"][function_id]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        results = client.get_batch_result(task_ids)
        if all(not results[task_id]["pending"] for task_id in task_ids):
            break
        time.sleep(0.1)
    told["batch"] = [results[task_id]["result"] for task_id in task_ids]
    told["status"] = client.get_endpoint_status(endpoint_id)["status"]
    print(json.dumps(told))


if __name__ == "__main__":
    main()
