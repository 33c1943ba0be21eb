"""The REST routes, one module per noun: each reads a request, has the house do it, and writes the answer."""

from . import blobs, containers, endpoints, functions, submit, tasks, version

#: In the order in which they are tried: the busiest first.
ROUTERS = (
    submit.router,
    tasks.router,
    functions.router,
    endpoints.router,
    blobs.router,
    containers.router,
    version.router,
)

__all__ = ["ROUTERS"]
