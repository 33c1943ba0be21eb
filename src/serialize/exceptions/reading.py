"""Documents to exceptions, where they are to be raised.

Whatever a document holds, and whatever the classes that it names do: either an exception comes out, or a
`DeserializationError` that says why not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from ...errors import DeserializationError, TaskExecutionFailed
from ..pickling import loads
from ..wording import why
from .document import VERSION, Node, Rebuilt, Trace
from .frames import read_frames
from .kinds import find_kind, shown_name
from .pickles import read
from .state import State, attributes_of, blank, link, recast, restore, text_of


def _same(kind: type[BaseException]) -> type[BaseException]:
    return kind


def rebuild(document: object, cast_to: Callable[[type[BaseException]], type[BaseException]] = _same) -> Rebuilt:
    """Put an exception together again, with all that it is chained to.

    Args:
        document: what `describe` wrote.
        cast_to: gives the class that the exception is to be of, a subclass of its own; those it is chained to are of
            their own classes. Where the subclass cannot be made, the exception is of its own class too.

    Raises:
        DeserializationError: the exception's type is not found here, or cannot be made; says why, and names it.
    """
    try:
        return _Reader(document, cast_to).rebuilt()
    except DeserializationError:
        raise
    except BaseException as error:  # noqa: BLE001 - the classes are the user's code
        raise DeserializationError(f"the exception cannot be rebuilt here: {why(error)}") from None


class _Reader:
    def __init__(self, document: Any, cast_to: Callable[[type[BaseException]], type[BaseException]]) -> None:
        if document["version"] != VERSION:
            raise DeserializationError(f"its exception is written in version {document['version']}, not {VERSION}")
        self._nodes: list[Node] = document["nodes"]
        self._cast_to = cast_to
        self._made: dict[int, BaseException] = {}
        self._begun: set[int] = set()
        self._filled: set[int] = set()
        self._unread: dict[int, list[str]] = {}

    def rebuilt(self) -> Rebuilt:
        numbers = range(len(self._nodes))
        # First those that need no other, so that the depth of a chain is not that of the calls made here.
        for number in sorted(
            numbers, key=lambda number: "own" in self._nodes[number] or "members" in self._nodes[number]
        ):
            self._get(number)
        for number in numbers:
            self._fill(number)
        for number in numbers:
            self._link(number)
        first = self._nodes[0]
        return Rebuilt(
            self._made[0],
            tuple(map(str, [*first.get("left_out", ()), *self._unread.get(0, ())])),
            first.get("text"),
            _frames(first),
            tuple(trace for node in self._nodes[1:] for trace in _frames(node)),
        )

    def _get(self, number: int) -> BaseException:
        """Give an exception of the document, which may be empty yet."""
        made = self._made.get(number)
        if made is not None:
            return made
        if not 0 <= number < len(self._nodes):
            return TaskExecutionFailed("an exception that was left out: there were too many of them")
        if number in self._begun:  # a class with a way of its own needs itself to be made: it is made by its parts
            raise DeserializationError("it is made of itself")
        self._begun.add(number)
        try:
            made = self._make(number)
        except BaseException as error:  # noqa: BLE001 - the classes are the user's code
            node = self._nodes[number]
            if number == 0:
                raise DeserializationError(f"{_name(node)} cannot be rebuilt here: {why(error)}") from None
            made = TaskExecutionFailed(f"{_name(node)}: {node.get('text')}")
            self._filled.add(number)
        return self._made.setdefault(number, made)

    def _get_filled(self, number: int) -> BaseException:
        self._get(number)
        self._fill(number)
        return self._get(number)

    def _make(self, number: int) -> BaseException:
        node = self._nodes[number]
        kind = _kind(node)
        rather = self._cast_to(kind) if number == 0 else kind
        own = self._by_own_way(node, kind) if "own" in node else None
        if own is not None and text_of(own) == node.get("text"):
            self._filled.add(number)
            return recast(own, rather)
        group = (str(node["message"]), [self._get(one) for one in node["members"]]) if "members" in node else None
        try:
            return blank(kind, group, rather=rather)
        except BaseException:
            if own is None:
                raise
            self._filled.add(number)
            return recast(own, rather)

    def _by_own_way(self, node: Node, kind: type[BaseException]) -> BaseException | None:
        try:
            # What its way is given must be whole: it may ask what another exception says.
            made = _by_reduction(*read(node["own"], self._get_filled))
            if type(made) is not kind:
                return None
            if "own_state" not in node and node.get("state") is not None:
                # A `__reduce__` tells what the constructor wants, and often forgets the rest.
                _, attributes, _ = read(node["state"], self._get)
                attributes_of(made).update({**attributes, **attributes_of(made)})
        except BaseException:  # noqa: BLE001 - it is made by its parts then
            return None
        return made

    def _fill(self, number: int) -> None:
        node = self._nodes[number]
        if number in self._filled or number not in self._made:
            return
        self._filled.add(number)
        if node.get("state") is None:
            return
        text = node.get("text")
        try:
            state = State(*read(node["state"], self._get))
        except BaseException as problem:  # noqa: BLE001 - something in it is not there, or does not work here
            self._unread[number] = [f"arguments and attributes, which cannot be read here ({why(problem)})"]
            state = State(() if text is None else (text,))
        restore(self._made[number], state)

    def _link(self, number: int) -> None:
        node = self._nodes[number]
        cause, context = (None if node.get(name) is None else self._get(node[name]) for name in ("cause", "context"))
        link(self._made[number], cause, context, suppress=bool(node.get("suppress")))


def _kind(node: Node) -> type[BaseException]:
    """Find a node's class.

    Raises:
        BaseException: it is not here, or cannot be made.
    """
    if "class" in node:
        kind = loads(bytes.fromhex(node["class"]))
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise TypeError("it is no exception's class")
        return kind
    module, qualname = node["type"]
    found = find_kind(module, qualname)
    if found is None:
        raise ImportError(f"no exception {qualname!r} is found in a module {module!r} here")
    return found


def _by_reduction(make: Callable[..., Any], args: tuple[Any, ...], state: Any = None) -> Any:
    made = make(*args)
    if state is None:
        return made
    if hasattr(made, "__setstate__"):
        made.__setstate__(state)
    else:
        attributes_of(made).update(cast("Mapping[str, Any]", state))
    return made


def _frames(node: Node) -> tuple[Trace, ...]:
    try:
        return read_frames(node.get("frames"))
    except (TypeError, ValueError):
        return ()


def _name(node: Node) -> str:
    module, qualname = node["type"]
    return shown_name(str(module), str(qualname))
