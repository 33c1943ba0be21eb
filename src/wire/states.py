"""The words of the protocol for where a task is and who says so.

Source: Globus Compute wire protocol, `TaskState` and `ActorName`.
"""

from __future__ import annotations

from enum import Enum


class TaskState(str, Enum):
    """Where a task is; the values are the words on the wire."""

    RECEIVED = "received"
    WAITING_FOR_EP = "waiting-for-ep"
    WAITING_FOR_NODES = "waiting-for-nodes"
    WAITING_FOR_LAUNCH = "waiting-for-launch"
    EXEC_START = "execution-start"
    EXEC_END = "execution-end"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"  # farpool's own: the hosted service has no word for it
    RESULT_RECEIVED = "result-received"
    RESULT_ENQUEUED = "result-enqueued"
    AP_RECEIVED = "action-provider-received"
    AP_TASK_SUBMITTED = "action-provider-task-submitted"
    AP_TASKGROUP_RUNNING = "action-provider-task-group-in-progress"
    AP_TASKGROUP_COMPLETED = "action-provider-task-group-completed"
    AP_TASKGROUP_ERROR = "action-provider-task-group-error"


class Actor(str, Enum):
    """Who reports a transition; the values are the words on the wire."""

    WORKER = "worker"
    MANAGER = "manager"
    INTERCHANGE = "interchange"
    ENDPOINT = "endpoint"
    RESULT_PROCESSOR = "result-processor"
    WEB_SERVICE = "web-service"
    ACTION_PROVIDER = "action-provider"
