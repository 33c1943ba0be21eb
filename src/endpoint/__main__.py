"""A detached agent: `python -m farpool.endpoint DIRECTORY NAME DESCRIPTOR`, started by `process.start_detached`.

Leaves its starter at once, reads the way to the service from standard input (a token has no place on a command line),
and says on the descriptor in one JSON line whether it is online, or why not.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from pathlib import Path


def main() -> int:
    """Be a detached agent; returns the exit code."""
    # Before any import that may start a thread: the starter waits for its child, init inherits the agent.
    if os.fork():
        os._exit(0)
    os.setsid()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.captureWarnings(True)

    from ..errors import FarpoolError  # noqa: PLC0415 - after the fork
    from .directory import EndpointDirectory  # noqa: PLC0415
    from .registration import exit_code_for  # noqa: PLC0415
    from .run import run_agent  # noqa: PLC0415

    directory = EndpointDirectory(Path(sys.argv[1]), sys.argv[2])
    descriptor = int(sys.argv[3])
    connection = json.loads(sys.stdin.readline())
    sys.stdin.close()
    log = logging.getLogger("farpool.endpoint")
    log.info("endpoint %s starts as process %d", directory.name, os.getpid())

    def ready(endpoint_id: str) -> None:
        log.info("endpoint %s is online as %s", directory.name, endpoint_id)
        _say(descriptor, {"endpoint_id": endpoint_id})

    try:
        run_agent(directory, service_url=connection["service_url"], token=connection["token"], ready=ready)
    except FarpoolError as error:
        log.error("%s", error)  # noqa: TRY400 - the message says it all
        code = exit_code_for(error)
        _say(descriptor, {"error": str(error), "exit_code": code})
        return code
    log.info("endpoint %s has stopped", directory.name)
    return 0


def _say(descriptor: int, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # said already, or nobody listens any more
        os.write(descriptor, json.dumps(message).encode() + b"\n")
        os.close(descriptor)


if __name__ == "__main__":
    try:
        exit_code = main()
    except BaseException:
        logging.getLogger("farpool.endpoint").exception("the agent failed")
        exit_code = 70
    logging.shutdown()
    # Not sys.exit: a thread in which a task still runs would keep the process.
    os._exit(exit_code)
