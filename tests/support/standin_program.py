"""A program that announces itself as `farpool serve` and `farpool endpoint start` do, and does nothing else.

Run as `python standin_program.py serve ...` or `... endpoint start ...`. Odd numbers of workers are its bad input:
1 dies at its start, 3 dies when it is told to (SIGUSR1), 5 ignores SIGTERM, 7 announces itself in nonsense.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import uuid


def main(arguments: list[str]) -> None:
    """Announce and wait for a signal."""
    if arguments[0] == "serve":
        announcement = {"service_url": f"http://127.0.0.1:1/{os.getpid()}", "pid": os.getpid()}
    else:
        workers = arguments[arguments.index("--workers") + 1]
        where = json.loads(sys.stdin.readline())
        if workers == "1":
            sys.exit("line one\nthe engine is broken")
        if workers == "5":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if workers == "7":
            sys.stdout.write("nonsense\n")
            sys.stdout.flush()
            signal.pause()
        announcement = {"endpoint_id": str(uuid.uuid4()), "pid": os.getpid(), **where}
    sys.stdout.write(f"{json.dumps(announcement)}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main(sys.argv[1:])
