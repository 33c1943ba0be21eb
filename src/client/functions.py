"""Functions as they are registered: what the service is told of one. Sends nothing."""

from __future__ import annotations

import functools
import inspect
import platform
from collections.abc import Callable, Mapping
from typing import Any

from ..serialize import Serializer
from ..wire.ids import as_id
from ..wire.packing import unpack
from ..wire.rest import FunctionRegistration
from ..wire.shown import quoted, shown
from .checks import flag, json_object, text
from .runtime import SDK_VERSION

#: The facts that the protocol has a place for; whatever else is in `metadata` is the user's own.
_META = ("python_version", "sdk_version", "serde_identifier")


def name_of(function: Callable[..., Any]) -> str:
    """Give the name people know a callable by; that of the function inside, for a partial."""
    inner = _inner(function)
    return getattr(inner, "__name__", None) or type(inner).__name__


def description_of(function: Callable[..., Any]) -> str | None:
    """Give the docstring of a callable, cleaned; that of the function inside, for a partial."""
    return inspect.getdoc(_inner(function))


def registration_of(
    function: Callable[..., Any],
    serializer: Serializer,
    *,
    function_name: str | None = None,
    description: str | None = None,
    **about: Any,
) -> FunctionRegistration:
    """Make the registration of a function.

    Args:
        function: the function.
        serializer: packs it.
        function_name: for people; left out: the function's own.
        description: left out: the docstring. One that is given wins, also an empty one.
        about: `metadata`, `public`, `group`, `ha_endpoint_id`, `container_uuid`, as for `packed_registration`.

    Raises:
        TypeError: `function` is not callable.
        SerializationError: it cannot be serialized.
    """
    if not callable(function):
        raise TypeError(f"register_function takes a function, not {shown(function)}")
    return packed_registration(
        serializer.pack_function(function),
        function_name=name_of(function) if function_name is None else function_name,
        description=description_of(function) if description is None else description,
        **about,
    )


def packed_registration(
    packed: str,
    *,
    function_name: str,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    public: bool = False,
    group: object = None,
    ha_endpoint_id: object = None,
    container_uuid: object = None,
) -> FunctionRegistration:
    """Make the registration of a function that is serialized and packed already.

    Args:
        packed: `Serializer.pack_function(function)`.
        function_name: for people.
        description: for people.
        metadata: `python_version`, `sdk_version` and `serde_identifier` replace what farpool would say; the rest is
            kept with the function as it is.
        public: whether anybody may run it.
        group: the Globus group whose members may run it.
        ha_endpoint_id: the one (high-assurance) endpoint that may run it; not together with `public` or `group`.
        container_uuid: the registered container that it runs in.

    Raises:
        TypeError, ValueError: an argument is malformed.
    """
    meta = {"serde_identifier": unpack(packed)[0].partition("\n")[0]}
    return _registration(
        packed, True, meta, function_name, description, metadata, public, group, ha_endpoint_id, container_uuid
    )


def source_registration(
    source: str,
    function_name: str,
    *,
    description: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    public: bool = False,
    group: object = None,
    ha_endpoint_id: object = None,
    container_uuid: object = None,
) -> FunctionRegistration:
    """Make the registration of source text in which a function of that name is defined; arguments as above.

    Raises:
        TypeError, ValueError: an argument is malformed, or the name is no Python name.
    """
    text(source, "source")
    if not text(function_name, "function_name").isidentifier():
        raise ValueError(f"function_name {quoted(function_name)} is not the name of a Python function")
    return _registration(
        source, False, {}, function_name, description, metadata, public, group, ha_endpoint_id, container_uuid
    )


def _registration(  # noqa: PLR0917 - one call site per kind, each with all of them
    code: str,
    serialized: bool,
    meta: Mapping[str, str],
    function_name: str,
    description: str | None,
    metadata: Mapping[str, Any] | None,
    public: bool,
    group: object,
    ha_endpoint_id: object,
    container_uuid: object,
) -> FunctionRegistration:
    if ha_endpoint_id is not None and (public or group is not None):
        raise ValueError("ha_endpoint_id was given together with public or group: such a function cannot be shared")
    facts = json_object(metadata, "metadata") or {}
    own = {"python_version": platform.python_version(), "sdk_version": SDK_VERSION, **meta}
    return FunctionRegistration(
        function_name=text(function_name, "function_name"),
        function_code=code,
        serialized=serialized,
        meta=own | {key: value for key, value in facts.items() if key in _META},
        description=None if description is None else text(description, "description", may_be_empty=True),
        public=flag(public, "public"),
        group=None if group is None else as_id(group, "group"),
        ha_endpoint_id=None if ha_endpoint_id is None else as_id(ha_endpoint_id, "ha_endpoint_id"),
        metadata={key: value for key, value in facts.items() if key not in _META} or None,
        container_uuid=None if container_uuid is None else as_id(container_uuid, "container_uuid"),
    )


def _inner(function: Any) -> Any:
    while isinstance(function, functools.partial):
        function = function.func
    return function
