"""funcX's calls about functions and containers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from ...errors import ServiceRefused
from ..checks import flag
from .throttling import ThrottledClient


class LegacyFunctionCalls:
    """Calls about functions and containers. Part of `FuncXClient`."""

    client: ThrottledClient

    def register_function(  # noqa: PLR0917 - funcX's order
        self,
        function: Callable[..., Any],
        function_name: str | None = None,
        container_uuid: object = None,
        description: str | None = None,
        public: bool = False,
        group: object = None,
        searchable: bool | None = None,
    ) -> str:
        """Register a function with the service.

        Args:
            function: the function.
            function_name: for people; left out: the function's own.
            container_uuid: the container it runs in, as `register_container` gave it.
            description: for people; left out: its docstring.
            public: whether anybody may run it.
            group: the group whose members may run it.
            searchable: no longer of use: whoever may run a function finds it, at a farpool service. False warns.

        Returns:
            Its function id.

        Raises:
            TypeError, ValueError, SerializationError, ServiceError: as `Client.register_function`.
        """
        if searchable is not None and not flag(searchable, "searchable"):
            warnings.warn(
                "searchable=False is ignored: a farpool service shows a function to those who may run it, the hosted "
                "one shows none",
                UserWarning,
                stacklevel=2,
            )
        return self.client.register_function(
            function,
            description=description,
            public=public,
            group=group,
            function_name=function_name,
            container_uuid=container_uuid,
        )

    def search_function(self, q: str, offset: int = 0, limit: int = 10, advanced: bool = False) -> list[dict[str, Any]]:
        """Find functions that you may run, at a farpool service; see `Client.search_functions`.

        Raises:
            ValueError: `advanced` is True: there is no such syntax.
        """
        if flag(advanced, "advanced"):
            raise ValueError("advanced=True: there is no query syntax any more; give words of the name or description")
        return self.client.search_functions(q, limit=limit, offset=offset)

    def register_container(self, location: str, container_type: str, name: str = "", description: str = "") -> str:
        """Register what functions are to run in, at a farpool service; see `Client.register_container`.

        funcX's types were written ``Docker``, ``Singularity``, ``Shifter``: upper and lower case are the same here.
        """
        return self.client.register_container(location, _lower(container_type), name, description)

    def get_container(self, container_uuid: object, container_type: str) -> dict[str, Any]:
        """Get what the service knows of a container; see `Client.get_container`."""
        return self.client.get_container(container_uuid, _lower(container_type))

    def build_container(self, container_spec: object) -> NoReturn:
        """Refuse: no service builds containers any more.

        Raises:
            ServiceRefused: always.
        """
        raise _gone(f"cannot build {container_spec!r}")

    def get_container_build_status(self, container_id: object) -> NoReturn:
        """Refuse: no service builds containers any more.

        Raises:
            ServiceRefused: always.
        """
        raise _gone(f"cannot tell how far container {container_id} is built")


def _lower(container_type: Any) -> Any:
    return container_type.lower() if isinstance(container_type, str) else container_type


def _gone(what: str) -> ServiceRefused:
    return ServiceRefused(
        f"{what}: no service builds containers any more. Build the image with docker, podman or apptainer, and "
        "register where it is with register_container",
        code="CONTAINER_BUILDS_NOT_SUPPORTED",
    )
