"""Exceptions as plain data and back: what a failed task raised there is raised here.

    exception --describe--> {"nodes": [{type, state, links, frames}, ...]} --rebuild--> the same, with its chain
                              plain JSON, bounded in size; what cannot be sent is left out and named

An exception is not pickled as a whole: pickle calls its class with `args`, which for a class with a constructor of its
own fails, or makes something else. Here it is taken apart (`state`): arguments, attributes, and the fields that builtin
types keep where Python does not see them. It is put together without any constructor being called. A class that says
how it is pickled is asked first. Every exception that another refers to (cause, context, member of a group, attribute)
is a node of its own, so that one that cannot be sent spoils no other.
"""

from .document import MAX_CHARS, Rebuilt, Trace
from .kinds import ORIGINAL, find_kind, original_of
from .reading import rebuild
from .state import State, attributes_of, blank, link, recast, remade, restore, state_of, text_of
from .writing import describe

__all__ = [
    "MAX_CHARS",
    "ORIGINAL",
    "Rebuilt",
    "State",
    "Trace",
    "attributes_of",
    "blank",
    "describe",
    "find_kind",
    "link",
    "original_of",
    "rebuild",
    "recast",
    "remade",
    "restore",
    "state_of",
    "text_of",
]
