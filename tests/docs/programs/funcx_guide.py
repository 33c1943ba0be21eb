"""The guide of the funcX client, step by step, as a user of it would type it: the import is farpool's.

Prints one JSON line with what came of each step.
"""

import json
import os
import time
from typing import Any

from farpool.client.legacy import FuncXClient, TaskPending

told: dict[str, Any] = {}
fxc = FuncXClient()
fxc.throttling_enabled = False
endpoint = os.environ["FARPOOL_ENDPOINT_ID"]


def outcome(task_id: str) -> Any:
    """Ask until there is a result: while the task is pending, an exception says so."""
    while True:
        try:
            return fxc.get_result(task_id)
        except TaskPending:
            time.sleep(0.1)


# ---- registering: for oneself, for a group, for everybody


def add_all(numbers: list[int], start: int = 0) -> int:
    """Add numbers up."""
    import functools
    import operator

    return functools.reduce(operator.add, numbers, start)


function_id = fxc.register_function(add_all)
shared_id = fxc.register_function(add_all, description="For the lab", group=os.environ["LAB"])
public_id = fxc.register_function(add_all, public=True)
told["ids"] = len({function_id, shared_id, public_id})


# ---- running, and retrieving outputs

task_id = fxc.run([1, 2, 3], start=4, endpoint_id=endpoint, function_id=function_id)
told["sum"] = outcome(task_id)
told["status"] = fxc.get_task(task_id)["status"]
told["shared"] = [outcome(fxc.run([7], endpoint_id=endpoint, function_id=one)) for one in (shared_id, public_id)]

wrong_id = fxc.run(5, endpoint_id=endpoint, function_id=function_id)
try:
    outcome(wrong_id)
except TypeError as error:
    told["raised"] = str(error)


# ---- batches

batch = fxc.create_batch()
for number in range(5):
    batch.add(function_id, endpoint, args=([number, 1],))
task_ids = fxc.batch_run(batch)
results = fxc.get_batch_result(task_ids)
while any(result["pending"] for result in results.values()):
    time.sleep(0.1)
    results = fxc.get_batch_result(task_ids)
told["batch"] = [results[task_id]["result"] for task_id in task_ids]


# ---- containers and execution environments

container_id = fxc.register_container("/opt/physics", "venv", "physics", "numpy, our own build")
told["container"] = fxc.get_container(container_id, "venv")["location"]
fxc.register_function(add_all, container_uuid=container_id)


# ---- what an endpoint is, and what it may run

told["endpoint"] = fxc.get_endpoint_status(endpoint)["status"]
fxc.add_to_whitelist(endpoint, [function_id])
told["whitelist"] = fxc.get_whitelist(endpoint)["functions"] == [function_id]
fxc.delete_from_whitelist(endpoint, [function_id])


# ---- a client that keeps to the limits

throttled = FuncXClient()
told["throttled"] = throttled.throttling_enabled
throttled.throttling_enabled = False

for client in (throttled, fxc):
    client.close()
print(json.dumps(told))
