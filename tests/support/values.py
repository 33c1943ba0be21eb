"""Hypothesis strategies for values, ids, and everything that goes over the wire."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from farpool.wire import (
    Actor,
    Container,
    ContainerImage,
    EndpointStatusReport,
    ErrorDetails,
    ManagerStatusReport,
    Result,
    Task,
    TaskCancel,
    TaskState,
    TaskTransition,
)

# Other test workers share the processors: how long one example takes says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

ids = st.uuids().map(str)

#: Text with everything in it that breaks careless code: line ends, colons, digits, lone surrogates, the empty string.
texts = st.text(max_size=40) | st.sampled_from(["", "\n", "1\n", ":", "a:b:c", "\r\n\x00", "\ud800", "9\nabc", "é" * 9])

numbers = st.integers() | st.floats(allow_nan=False)

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)

json_objects = st.dictionaries(texts, json_values, max_size=4)

_hashables = st.none() | st.booleans() | numbers | texts | st.binary(max_size=40)

#: What plain pickle writes without a class in it.
builtin_values: st.SearchStrategy[Any] = st.recursive(
    _hashables | st.complex_numbers(allow_nan=False) | st.binary(max_size=40).map(bytearray),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(_hashables, inner, max_size=5)
        | st.frozensets(_hashables, max_size=5)
        | st.sets(_hashables, max_size=5)
    ),
    max_leaves=20,
)

#: Values of the standard library's classes.
library_values = (
    st.datetimes()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.uuids()
    | st.builds(range, st.integers(-99, 99), st.integers(-99, 99))
    | st.builds(slice, st.none() | st.integers(), st.none() | st.integers())
)

#: Times are integers of 64 bits: a JSON reader may take larger ones for floats.
moments = st.integers(-(2**63), 2**63 - 1)
transitions = st.builds(TaskTransition, moments, st.sampled_from(TaskState), st.sampled_from(Actor))

_statuses = st.dictionaries(ids, st.lists(transitions, max_size=3).map(tuple), max_size=3)

images = st.builds(
    ContainerImage,
    texts,
    texts,
    moments,
    moments,
    st.none() | texts,
    build_stderr=st.none() | texts,
)

containers = st.builds(Container, ids, texts, st.lists(images, max_size=2).map(tuple))

results = st.builds(
    Result,
    ids,
    texts,
    st.none() | json_objects,
    st.none() | st.builds(ErrorDetails, texts, texts),
    task_statuses=st.none() | st.lists(transitions, max_size=3).map(tuple),
)

#: Every kind of message there is.
messages = st.one_of(
    st.builds(Task, ids, texts, st.none() | ids, st.none() | containers),
    st.builds(TaskCancel, ids),
    results,
    transitions,
    st.builds(EndpointStatusReport, ids, json_objects, _statuses),
    st.builds(ManagerStatusReport, _statuses),
    containers,
    images,
)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        parts: list[Any] = [*one]
        return len(parts) == len(other) and all(map(same, parts, other))
    if isinstance(one, dict):
        pairs: list[Any] = [*one.items()]
        return same(pairs, [*other.items()])
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return bool(one == other)
