"""Who you are to a service: tokens, Globus logins, and the authorizer that comes of them.

    credential_for(settings, service_url, app=, authorizer=, token=, ask=)
        |- app= or authorizer=            as given
        |- token=, else FARPOOL_TOKEN     a bearer token
        |- globus_app: ClientApp          credentials in the environment, for the hosted service and those like it
        |- TokenFile(home)                a bearer token, stored by URL
        `- globus_app: UserApp            a login, for the hosted service and those like it

A self-hosted service whose users come from Globus says so when it is asked (`wire.rest.LoginWay`).

`globus_sdk` is imported when an authorizer is made, not before: it costs more than the rest of farpool's imports.
"""

from .identity import identity_of
from .login import Credential, authorizer_for, credential_for
from .tokens import TokenFile
from .urls import is_loopback, normalised

__all__ = ["Credential", "TokenFile", "authorizer_for", "credential_for", "identity_of", "is_loopback", "normalised"]
