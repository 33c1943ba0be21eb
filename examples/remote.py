"""Run a function on an endpoint: `python examples/remote.py ENDPOINT_ID`.

The endpoint belongs to the service that FARPOOL_SERVICE_URL names, or else to the hosted one. `farpool endpoint list`
shows yours.
"""

from __future__ import annotations

import sys

from farpool import Executor


def describe() -> str:
    """Say where this runs. Runs in a worker."""
    import getpass
    import platform

    return f"{getpass.getuser()} on {platform.node()}, Python {platform.python_version()}"


def main() -> None:
    """Submit one function to the endpoint that the command line names, and print what it returns."""
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/remote.py ENDPOINT_ID")
    with Executor(endpoint_id=sys.argv[1]) as executor:
        print(executor.submit(describe).result())


if __name__ == "__main__":
    main()
