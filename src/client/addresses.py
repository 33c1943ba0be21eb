"""Which service a client talks to: its arguments, the incumbent's words for the same, the environment, the default."""

from __future__ import annotations

from ..auth.urls import normalised
from ..settings import HOSTED_SERVICE_URL, Settings
from ..wire.shown import quoted, shown
from .checks import flag

#: Where the incumbent expects a service on this machine; `farpool serve` listens there, too.
LOCAL_SERVICE_URL = "http://localhost:5000"

_ENVIRONMENTS = {"production": HOSTED_SERVICE_URL, "local": LOCAL_SERVICE_URL}


def service_url_of(
    settings: Settings, service_url: str | None, environment: object = None, local_compute_services: object = False
) -> str:
    """Give the URL of the service that is meant, as it is compared.

    Raises:
        TypeError, ValueError: an argument is malformed, or says another service than another one.
    """
    said: dict[str, str] = {}
    if service_url is not None:  # an empty one is a mistake that must not end at the hosted service
        said["service_url"] = normalised(service_url)
    if environment is not None:
        said["environment"] = normalised(_named(environment))
    if flag(local_compute_services, "local_compute_services"):
        said["local_compute_services"] = normalised(LOCAL_SERVICE_URL)
    if len(set(said.values())) > 1:
        told = " and ".join(f"{name} ({url})" for name, url in said.items())
        raise ValueError(f"{told} name different services: give one of them")
    return next(iter(said.values()), None) or normalised(settings.service_url or HOSTED_SERVICE_URL)


def _named(environment: object) -> str:
    if not isinstance(environment, str):
        raise TypeError(f"environment must be a string, not {shown(environment)}")
    url = _ENVIRONMENTS.get(environment)
    if url is None:
        raise ValueError(
            f"environment {quoted(environment)} is not one that farpool knows ({', '.join(_ENVIRONMENTS)}); "
            "for any other service give its address: service_url='http://...'"
        )
    return url
