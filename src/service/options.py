"""What a service is started with, and where it can then be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .globus import GlobusOptions

#: The largest request body, in bytes. The hosted service takes 10 MB; a service of one's own need not be that careful.
MAX_REQUEST_BYTES = 64 * 1024 * 1024

#: The largest blob, in bytes: what is larger is better off on a file system.
MAX_BLOB_BYTES = 16 * 1024**3

#: How long a finished task and its result are kept, fetched or not, in seconds.
KEEP_FINISHED_S = 14 * 24 * 3600.0

#: How long a task waits for an endpoint of which nothing is heard, in seconds: as long as at the hosted service.
KEEP_WAITING_S = 14 * 24 * 3600.0

#: For how long a locked endpoint may not register again, in seconds.
LOCK_S = 30.0


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """Where a service that is ready can be reached.

    Attributes:
        url: the base URL of its REST routes, without a trailing slash.
        amqp_port: the port of its broker.
        directory: where its state is.
        token_file: holds the bearer token of the local user; mode 0600.
    """

    url: str
    amqp_port: int
    directory: Path
    token_file: Path


def _ignore(_address: ServiceAddress) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """What a service is started with.

    Attributes:
        directory: where the service keeps its token, its secret, its store and the ports it chose; made if absent.
        host: the address to listen on.
        port: the port of the REST routes; 0 takes a free one, the same again after a restart if it can.
        amqp_port: likewise, of the embedded broker.
        amqp_url: the RabbitMQ to use in place of the embedded broker.
        database_url: an SQLAlchemy URL; SQLite in `directory` when left out.
        durable: whether the store survives a power failure as well as a crash of the process.
        ready: called once, in the service's thread, when requests are served.
        max_request_bytes: larger requests are refused with 413.
        blobs_url: where blobs are kept: a directory, or any URL that fsspec knows; in `directory` when left out.
        max_blob_bytes: larger arguments and results are refused.
        keep_finished_s: finished tasks are deleted after that many seconds, whether somebody fetched the result or not.
        keep_waiting_s: tasks that are not finished are given up, as cancelled, when they were submitted, and their
            endpoint was last heard of, that many seconds ago.
        globus: take people whom Globus knows, beside the service's own users.
        lock_s: for how long a locked endpoint may not register again, in seconds.
    """

    directory: Path
    host: str = "127.0.0.1"
    port: int = 5000
    amqp_port: int = 5672
    amqp_url: str | None = field(default=None, repr=False)
    database_url: str | None = field(default=None, repr=False)
    durable: bool = True
    ready: Callable[[ServiceAddress], None] = _ignore
    max_request_bytes: int = MAX_REQUEST_BYTES
    blobs_url: str | None = field(default=None, repr=False)
    max_blob_bytes: int = MAX_BLOB_BYTES
    keep_finished_s: float = KEEP_FINISHED_S
    keep_waiting_s: float = KEEP_WAITING_S
    globus: GlobusOptions | None = None
    lock_s: float = LOCK_S
