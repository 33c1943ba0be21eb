"""A worker process: takes jobs from its socket, runs them, and sends back what came of them, until the agent is gone.

    argv: the number of the socket's descriptor, where modules are, where to print
    socket: -> "ready" | <- "site" | <- job | -> "done" | <- job | ...

The process dies with the agent, however that ends and whatever the task is doing. It leads a process group of its own.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import socket
import sys
from dataclasses import asdict
from types import FrameType
from typing import Any

from ..local.parent import die_with_parent, watch_parent
from ..wire.blobs import from_header, to_header
from .frames import Frame, FrameReader, pieces
from .job import Job, Outgoing, Site
from .worker import Worker
from .worker_output import WorkerOutput, print_to

#: What the agent runs to start a worker: it finds modules where the agent does, and its `__main__` is almost empty.
START = "import sys, json; sys.path[:] = json.loads(sys.argv[2]); from {module} import main; main()"


#: In the head of a job: its result may be a reference.
_TAKES_BLOBS = "takes-blobs"


def command(descriptor: int, output: WorkerOutput) -> list[str]:
    """Give the command line of a worker that talks on `descriptor` and prints to `output`."""
    start = START.format(module=__name__)
    return [sys.executable, "-c", start, str(descriptor), json.dumps(sys.path, default=str), output.dumps()]


def job_frame(job: Job) -> Frame:
    """Write a job for the worker."""
    resources = json.dumps(dict(job.resources)) if job.resources else ""
    head = (job.task_id, _TAKES_BLOBS if job.takes_blobs else "", resources, *job.result_serializers)
    return Frame("\n".join(head), job.body)


def _job_in(frame: Frame) -> Job:
    task_id, takes_blobs, resources, *serializers = frame.head.split("\n")
    asked: dict[str, Any] = json.loads(resources) if resources else {}
    return Job(task_id, frame.body, tuple(serializers), takes_blobs=bool(takes_blobs), resources=asked)


def site_frame(site: Site) -> Frame:
    """Write what the worker must know before its first job."""
    return Frame("site", json.dumps(asdict(site)).encode())


def outcome_in(frame: Frame) -> bytes | Outgoing:
    """Read what came of a job."""
    _, _, blobs = frame.head.partition("\n")
    return Outgoing(frame.body, from_header(blobs)) if blobs else frame.body


def _outcome_frame(outcome: bytes | Outgoing) -> Frame:
    if isinstance(outcome, Outgoing):
        return Frame(f"done\n{to_header(outcome.blobs)}", outcome.body)
    return Frame("done", outcome)


def main() -> None:
    """Be a worker process."""
    if not die_with_parent():
        watch_parent()
    agent = socket.socket(fileno=int(sys.argv[1]))
    work_for(agent, WorkerOutput.loads(sys.argv[3]))


def work_for(agent: socket.socket, output: WorkerOutput) -> None:
    """Take jobs from an agent, until it is gone.

    Args:
        agent: the connection to it.
        output: where to print.
    """
    _lead_a_group()
    agent.set_inheritable(False)
    # Where native code crashed goes to the log, as what went wrong so far; what is printed from now on, to the output.
    faulthandler.enable(os.dup(2))
    print_to(output)
    sys.argv[:] = ["farpool-worker"]
    # Ctrl-C in the agent's terminal is for the agent, which lets running tasks end. A handler, not SIG_IGN: what a task
    # starts must not inherit it.
    signal.signal(signal.SIGINT, _let_pass)
    with contextlib.suppress(EOFError, ConnectionError):
        _serve(agent)


def _lead_a_group() -> None:
    """Make a process group of this process and what its tasks start, so that the agent can end them together.

    Such a group is in the background of the agent's terminal. What reads from that terminal there would be stopped, and
    its task hang for ever; so it is to get an error instead.
    """
    os.setpgid(0, 0)
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)


def _let_pass(_number: int, _frame: FrameType | None) -> None:
    pass


def _serve(agent: socket.socket) -> None:
    reader = FrameReader()
    process = os.getpid()
    _send(agent, Frame("ready"))
    worker = Worker(Site(""))
    while True:
        frame = _receive(agent, reader)
        if frame.head == "site":
            worker = Worker(_settle(frame), is_heard=True)
            continue
        outcome = worker.run(_job_in(frame))
        if os.getpid() != process:
            os._exit(0)  # the task forked, and its child came back from the function: the parent reports, not it
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        _send(agent, _outcome_frame(outcome))
        del frame, outcome  # a worker that waits holds no payload


def _settle(frame: Frame) -> Site:
    told: dict[str, Any] = json.loads(frame.body)
    told["sys_path"] = tuple(told["sys_path"])
    site = Site(**told)
    if site.sys_path:
        sys.path[:] = site.sys_path
    return site


def _receive(agent: socket.socket, reader: FrameReader) -> Frame:
    while True:
        frame = reader.receive(agent)
        if frame is not None:
            return frame


def _send(agent: socket.socket, frame: Frame) -> None:
    for piece in pieces(frame):
        agent.sendall(piece)
