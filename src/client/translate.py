"""What globus-sdk raises, said in our own error tree: what happened, with the value, then what to do."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass

import requests
from globus_sdk import GlobusAPIError, GlobusError, GlobusHTTPResponse, NetworkError
from globus_sdk.gare import GARE

from ..auth.demands import demand_of, in_words
from ..auth.urls import normalised
from ..errors import (
    AccessDenied,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    ServiceDown,
    ServiceError,
    ServiceRefused,
)
from ..settings import HOSTED_SERVICE_URL
from .causes import causes

#: Characters of an unexpected body that a message shows.
_EXCERPT = 200

_KIND_BY_STATUS: dict[int, type[ServiceError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    413: PayloadTooLarge,
    429: RateLimited,
}
#: The hosted service's own words, whatever the status is that they come with.
_KIND_BY_CODE: dict[str, type[ServiceError]] = {
    "TASK_PAYLOAD_TOO_LARGE": PayloadTooLarge,
    "MaxRequestsExceeded": RateLimited,
}


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as messages speak of it.

    Attributes:
        doing: "submit 3 tasks to endpoint 4b11...", to follow "cannot".
        service_url: the service.
        sent_bytes: the size of the request's body, or None.
        can_login: whether an app says who is calling: it can log in.
    """

    doing: str
    service_url: str
    sent_bytes: int | None = None
    can_login: bool = False

    @property
    def is_hosted(self) -> bool:
        """Whether the service is the hosted one."""
        return self.service_url == normalised(HOSTED_SERVICE_URL)


def translated(error: GlobusError, call: Call) -> ServiceError:
    """Say an error of globus-sdk in our own tree; raise the answer `from` it."""
    from globus_sdk import AuthAPIError  # noqa: PLC0415 - brings cryptography, some 40 ms: only where something failed
    from globus_sdk.token_storage import TokenValidationError  # noqa: PLC0415 - as above

    if isinstance(error, AuthAPIError):
        return _login_refused(error, call)
    if isinstance(error, GlobusAPIError):
        return _refused(error, call)
    if isinstance(error, NetworkError):
        return _unreached(error, call)
    if isinstance(error, TokenValidationError):
        return AccessDenied(f"cannot {call.doing}: the stored Globus login cannot be used ({error}); log in again")
    return ServiceError(f"cannot {call.doing}: {error}")


def unreadable(call: Call, response: GlobusHTTPResponse, why: str) -> ServiceError:
    """Say that an answer is not what the protocol has there."""
    error = ServiceError(
        f"cannot {call.doing}: {call.service_url} gave an answer that cannot be read, {why}: "
        f"{_excerpt(response.text)}; is that the address of a farpool or Globus Compute service?",
        http_status=response.http_status,
    )
    error.perhaps_done = True
    return error


def _login_refused(error: GlobusAPIError, call: Call) -> ServiceError:
    kind: type[ServiceError] = AccessDenied
    what, advice = "refused the login", "check the code that was entered, and log in again"
    if error.http_status >= 500:
        kind, what, advice = ServiceDown, "has a fault of its own", "try again later"
    elif "invalid_client" in _said(error) or error.http_status == 401:
        advice = "check GLOBUS_COMPUTE_CLIENT_ID and GLOBUS_COMPUTE_CLIENT_SECRET, or log in again"
    return kind(
        f"cannot {call.doing}: Globus Auth {what} ({error.http_status}: {_said(error)}); {advice}",
        http_status=error.http_status,
        code=error.code,
        request_id=error.request_id,
    )


def _refused(error: GlobusAPIError, call: Call) -> ServiceError:
    kind = _KIND_BY_CODE.get(error.code or "") or _KIND_BY_STATUS.get(error.http_status)
    if kind is None:
        kind = ServiceDown if error.http_status >= 500 else ServiceRefused
    facts = [str(error.http_status), *([error.code] if error.code else [])]
    if error.request_id:
        facts.append(f"request {error.request_id}")
    said = _said(error)
    message = f"cannot {call.doing}: {said} ({', '.join(facts)})"
    # A farpool service says itself what to do, after a semicolon.
    advice = "" if error.code and ";" in said else _advice(kind, error, call)
    demand = demand_of(error)
    if demand is not None:
        kind, advice = AccessDenied, _demanded(demand, call)
    return kind(
        f"{message}; {advice}" if advice else message,
        http_status=error.http_status,
        code=error.code,
        request_id=error.request_id,
    )


def _said(error: GlobusAPIError) -> str:
    if error.message:
        return error.message
    raw = error.raw_json
    if isinstance(raw, dict) and isinstance(raw.get("reason"), str):  # the shape of older services
        return str(raw["reason"])
    return _excerpt(error.text) if error.text.strip() else error.http_reason or "no reason was given"


def _demanded(demand: GARE, call: Call) -> str:
    if call.can_login:
        return f"the service wants {in_words(demand)}, and the one that was just made was not enough"
    return (
        f"the service wants {in_words(demand)}, and a token or an authorizer that was given cannot log in again: "
        "use Client(app=...), or neither, or give a token of such a login"
    )


def _advice(kind: type[ServiceError], error: GlobusAPIError, call: Call) -> str:
    if kind is AccessDenied and error.http_status == 401:
        where = "" if call.is_hosted else f" --service-url {call.service_url}"
        if call.can_login:
            return f"log in again, with: farpool login --force{where}; or check the client credentials"
        if call.is_hosted:
            return "log in again, with: farpool login; or check the token that was given"
        return (
            f"the token is not one of {call.service_url}: pass another as token= or in FARPOOL_TOKEN, "
            f"or store it with: farpool login{where}"
        )
    if kind is NotFound and error.code is None:
        return f"is {call.service_url} the address of a farpool or Globus Compute service?"
    size = "" if call.sent_bytes is None else f"the request was {call.sent_bytes:,} bytes: "
    advice: dict[type[ServiceError], str] = {
        NotFound: "check the id; it may have been deleted, or belong to somebody else",
        PayloadTooLarge: f"{size}send fewer tasks at once or smaller arguments, or a reference to where the data is",
        RateLimited: "send fewer, larger batches",
        ServiceDown: "the fault is the service's: " + ("try again later" if call.is_hosted else "its log says more"),
    }
    return advice.get(kind, "")


def _unreached(error: NetworkError, call: Call) -> ServiceDown:
    cause = error.underlying_exception
    request = getattr(cause, "request", None)
    url = str(getattr(request, "url", None) or call.service_url)
    if url.startswith(call.service_url):
        url = call.service_url
    if isinstance(cause, requests.exceptions.ProxyError):
        advice = "check the proxy settings (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)"
    elif url != call.service_url or call.is_hosted:
        advice = "check the network connection and the proxy settings (HTTPS_PROXY)"
    else:
        advice = "is it running? start it with: farpool serve"
    return ServiceDown(f"cannot reach {url} to {call.doing}: {_why(cause)}; {advice}")


#: The first of these kinds that an error is made of says why; the order matters, as each is also an `OSError`.
_REASONS: tuple[tuple[type[OSError], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (ConnectionResetError, "the connection was closed before the answer"),
    (BrokenPipeError, "the connection was closed before the answer"),
    (TimeoutError, "connecting timed out"),
)


def _why(error: BaseException) -> str:
    if isinstance(error, requests.ReadTimeout):
        return "the connection stands, and no answer came in time"
    found = list(causes(error))
    for kind, reason in _REASONS:
        if any(isinstance(cause, kind) for cause in found):
            return reason
    for cause in found:
        if isinstance(cause, socket.gaierror):
            return f"the host name is not known ({cause.strerror})"
        if isinstance(cause, ssl.SSLError):
            return f"TLS failed ({cause.reason or cause.strerror or cause})"
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
    return _excerpt(str(error))


def _excerpt(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _EXCERPT else f"{line[:_EXCERPT]}..."
