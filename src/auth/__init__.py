"""Who you are to a service: tokens, Globus logins, and the authorizer that comes of them.

    authorizer_for(settings, service_url, app=, authorizer=, token=)
        |- app= or authorizer=            as given
        |- token=, else FARPOOL_TOKEN     a bearer token
        |- self-hosted: TokenFile(home)   a bearer token, stored by URL
        `- hosted:      globus_app        ClientApp (credentials in the environment) or UserApp (a login)

`globus_sdk` is imported when an authorizer is made, not before: it costs more than the rest of farpool's imports.
"""

from .identity import identity_of
from .login import authorizer_for
from .tokens import TokenFile
from .urls import is_loopback, normalised

__all__ = ["TokenFile", "authorizer_for", "identity_of", "is_loopback", "normalised"]
