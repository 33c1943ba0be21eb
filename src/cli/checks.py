"""The checks of `farpool doctor`: each looks at one thing and says what it found and what to do about it.

A check never raises for what it looks at: what is wrong is what it is there to tell.
"""

from __future__ import annotations

import os
import platform
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ..errors import AccessDenied, FarpoolError, NotFound
from ..settings import HOSTED_SERVICE_URL, Settings

if TYPE_CHECKING:
    from ..client import Client

Status = Literal["ok", "warn", "fail"]

#: For one connection to be made or one answer to come, in seconds.
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        check: what was looked at.
        status: "fail" where something cannot work, "warn" where something may not.
        found: the facts.
        advice: what to do; empty where all is well.
    """

    check: str
    status: Status
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        """Write the finding for programs."""
        return asdict(self)


def python() -> Finding:
    """Say which Python, dill and farpool these are."""
    import dill

    from ..version import __version__

    facts = f"Python {platform.python_version()}, dill {dill.__version__}, farpool {__version__}"
    return Finding("python", "ok", facts)


def state_directory(home: Path) -> Finding:
    """Look whether the state directory is private and can be written to."""
    name = "state directory"
    if not home.exists():
        return Finding(name, "ok", f"{home} is made when it is first needed")
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Finding(name, "fail", f"{home} cannot be written to", "correct its owner and mode, or set FARPOOL_HOME")
    for path, forbidden in ((home, 0o022), (home / "tokens.json", 0o077), (home / "globus_tokens.db", 0o077)):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & forbidden:
            return Finding(name, "fail", f"{path} has mode {mode:04o}: others get at it", f"run: chmod go-rwx {path}")
    return Finding(name, "ok", str(home))


def service(url: str, *, is_wanted: bool) -> Finding:
    """Look whether a service answers at a URL. No login is needed for that."""
    import requests

    from ..auth import is_loopback

    name = "service"
    bad: Status = "fail" if is_wanted else "warn"
    advice = "correct FARPOOL_SERVICE_URL, or start the service there: farpool serve"
    if url == HOSTED_SERVICE_URL:
        advice = "look at your network and proxy settings" + ("" if is_wanted else "; Executor() does not need it")
    try:
        with requests.Session() as session:
            session.trust_env = not is_loopback(url)
            answer = session.get(f"{url}/v2/version", params={"service": "all"}, timeout=TIMEOUT_S)
        versions: Any = answer.json() if answer.ok else None
    except requests.RequestException as error:
        return Finding(name, bad, f"{url} cannot be reached ({_cause(error)})", advice)
    if not isinstance(versions, dict):
        return Finding(name, bad, f"{url} answers {answer.status_code}, but not as a compute service does", advice)
    return Finding(name, "ok", f"{url} answers{_version(cast('dict[str, Any]', versions))}")


def token(client: Client, *, is_wanted: bool) -> Finding:
    """Look whether the service takes this user's token."""
    name = "token"
    where = "" if client.is_hosted else f" --service-url {client.service_url}"
    try:
        if not client.is_logged_in:
            if not is_wanted:
                return Finding(name, "ok", "not logged in to the hosted service; Executor() does not need it")
            return Finding(name, "fail", "not logged in", f"run: farpool login{where}")
        client.get_result_amqp_url()
    except FarpoolError as error:
        advice = f"run: farpool login --force{where}; what says who you are now is {client.credential}"
        return Finding(name, "fail", str(error), advice)
    return Finding(name, "ok", f"{client.service_url} takes what comes from {client.credential}")


def stream(client: Client) -> Finding:
    """Look whether the AMQP port is open and takes the credentials that the service issues."""
    import pika
    import pika.exceptions

    name = "results (AMQP)"
    parameters = pika.URLParameters(client.get_result_amqp_url().connection_url)
    where = f"{parameters.host}:{parameters.port}"
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = TIMEOUT_S
    parameters.connection_attempts = 1
    try:
        pika.BlockingConnection(parameters).close()
    except (pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError):
        advice = "does FARPOOL_SERVICE_URL name one service and the port belong to another?"
        return Finding(name, "fail", f"{where} refuses the credentials that the service issued", advice)
    except (pika.exceptions.AMQPError, OSError) as error:
        advice = "open that port in the firewall; where only 443 is open: Executor(amqp_port=443)"
        if not client.is_hosted:
            advice = "open that port in the firewall, or start the service with another --amqp-port"
        return Finding(name, "fail", f"{where} cannot be reached ({_cause(error)})", advice)
    return Finding(name, "ok", f"{where} is open and takes the credentials")


def endpoint(client: Client, endpoint_id: str) -> Iterator[Finding]:
    """Look whether an endpoint is online, and whether its Python and dill are like ours."""
    name = "endpoint"
    try:
        status = client.get_endpoint_status(endpoint_id)
        metadata = client.get_endpoint_metadata(endpoint_id)
    except (AccessDenied, NotFound) as error:
        if isinstance(error, AccessDenied) and error.http_status == 401:
            yield Finding(name, "fail", str(error))
            return
        advice = "list those there are: farpool endpoint list --remote"
        yield Finding(name, "fail", f"the service knows no endpoint {endpoint_id} of yours", advice)
        return
    except FarpoolError as error:
        yield Finding(name, "fail", str(error))
        return
    called = f"{endpoint_id} ({metadata.get('name') or metadata.get('display_name') or 'no name'})"
    if status.get("status") == "online":
        yield Finding(name, "ok", f"{called} is online")
    else:
        advice = "start it on its machine: farpool endpoint start NAME; tasks wait for it meanwhile"
        yield Finding(name, "fail", f"{called} is {status.get('status')}", advice)
    yield versions_of(_all_facts(status, metadata))


def versions_of(facts: Mapping[str, Any]) -> Finding:
    """Compare the Python and dill of an endpoint with ours."""
    import dill

    name = "versions"
    theirs, dills = str(facts.get("python_version") or ""), str(facts.get("dill_version") or "")
    if not theirs:
        return Finding(name, "warn", "the endpoint does not say which Python it has", "compare them yourself")
    ours = platform.python_version()
    there = f"Python {_short(theirs)}" + (f" and dill {dills}" if dills else "")
    here = f"Python {ours} and dill {dill.__version__}"
    if _minor(theirs) != _minor(ours):
        advice = f"use Python {_minor(ours)} there or {_minor(theirs)} here: code does not travel well between versions"
        return Finding(name, "warn", f"the endpoint has {there}, this is {here}", advice)
    if dills and dills != dill.__version__:
        return Finding(name, "warn", f"the endpoint has {there}, this is {here}", f"run: pip install dill=={dills}")
    return Finding(name, "ok", f"the endpoint has {there}")


def embedded() -> Finding:
    """Start the embedded stack of `Executor()` and run one task on it."""
    from ..executor import Executor

    name = "embedded stack"
    begun = time.perf_counter()
    try:
        with Executor(endpoint_id="local", max_workers=1) as executor:
            executor.submit(platform.python_version).result(timeout=60)
            first_s = time.perf_counter() - begun
            again = time.perf_counter()
            executor.submit(platform.python_version).result(timeout=60)
            again_s = time.perf_counter() - again
    except FarpoolError as error:
        return Finding(name, "fail", str(error), "its log tells more; may this machine listen on 127.0.0.1?")
    return Finding(name, "ok", f"first result after {first_s:.1f} s, the next after {again_s * 1000:.0f} ms")


def _all_facts(*documents: Mapping[str, Any]) -> dict[str, Any]:
    """Gather the facts of documents and of the documents in them: services put versions in different places."""
    facts: dict[str, Any] = {}
    for document in documents:
        for name, value in document.items():
            if isinstance(value, dict):
                facts.update(_all_facts(cast("dict[str, Any]", value)))
            elif value is not None:
                facts.setdefault(name, value)
    return facts


def _version(versions: Mapping[str, Any]) -> str:
    version = versions.get("farpool") or versions.get("api")
    return f", version {version}" if version else ""


def _short(version: str) -> str:
    return version.split(maxsplit=1)[0]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _cause(error: BaseException) -> str:
    """Say in few words what the innermost error is: `requests` and pika wrap theirs several times."""
    import socket

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ConnectionRefusedError):
            return "connection refused"
        if isinstance(seen, socket.gaierror):
            return "there is no such host"
        if isinstance(seen, TimeoutError):
            return "no answer"
        reason = getattr(seen, "reason", None) or next((one for one in seen.args if isinstance(one, Exception)), None)
        seen = reason if isinstance(reason, BaseException) else seen.__cause__ or seen.__context__
    return type(error).__name__


def configured_url(settings: Settings, service_url: str | None) -> tuple[str, bool]:
    """Decide which service is looked at, and whether somebody asked for it or it is only the default."""
    from ..auth import normalised

    wanted = service_url or settings.service_url
    return normalised(wanted or HOSTED_SERVICE_URL), bool(wanted or settings.endpoint_id)
