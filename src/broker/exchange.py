"""An exchange: from a routing key to queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .queue import Queue

#: The kinds there are, by the name of the predeclared exchange of that kind.
KINDS = ("direct", "fanout", "topic")

#: Routing keys whose queues are remembered, per exchange.
_REMEMBERED = 4096


def topic_matches(pattern: str, key: str) -> bool:
    """Whether a topic pattern takes a routing key: `*` stands for one word, `#` for any number of words.

    >>> topic_matches("*.results", "f5c3.results"), topic_matches("#.log", "log"), topic_matches("*.log", "log")
    (True, True, False)
    """
    # `reached` holds how many words of the pattern may be used up so far; `#` may also stand for nothing.
    words = _words(pattern)
    reached = _skip_hashes(words, {0})
    for word in _words(key):
        after: set[int] = set()
        for at in reached:
            if at < len(words):
                if words[at] == "#":
                    after.add(at)
                elif words[at] in {"*", word}:
                    after.add(at + 1)
        reached = _skip_hashes(words, after)
        if not reached:
            return False
    return len(words) in reached


def _words(text: str) -> list[str]:
    return text.split(".") if text else []


def _skip_hashes(words: list[str], reached: set[int]) -> set[int]:
    whole = set(reached)
    for at in reached:
        while at < len(words) and words[at] == "#":
            at += 1  # noqa: PLW2901 - walks on from where the set left it
            whole.add(at)
    return whole


class Exchange:
    """A named exchange and its bindings.

    Attributes:
        kind: one of `KINDS`.
        durable, auto_delete: as declared; a broker without a disk only remembers that they were asked for.
    """

    def __init__(self, name: str, kind: str, *, durable: bool = False, auto_delete: bool = False) -> None:
        self.name = name
        self.kind = kind
        self.durable = durable
        self.auto_delete = auto_delete
        self._bindings: dict[tuple[str, str], Queue] = {}
        self._routes: dict[str, tuple[Queue, ...]] = {}

    @property
    def is_used(self) -> bool:
        """Whether any queue is bound to it."""
        return bool(self._bindings)

    def bind(self, queue: Queue, key: str) -> None:
        """Have messages for `key` go to `queue`; nothing happens when they do already."""
        self._bindings[queue.name, key] = queue
        self._routes.clear()

    def unbind(self, queue: Queue, key: str) -> bool:
        """Take a binding away; whether there was one."""
        self._routes.clear()
        return self._bindings.pop((queue.name, key), None) is not None

    def forget(self, queue: Queue) -> bool:
        """Take all bindings of a queue away; whether there were any."""
        gone = [key for key, bound in self._bindings.items() if bound is queue]
        for key in gone:
            del self._bindings[key]
        self._routes.clear()
        return bool(gone)

    def route(self, key: str) -> tuple[Queue, ...]:
        """Give the queues that take messages with this routing key, each once."""
        queues = self._routes.get(key)
        if queues is None:
            if len(self._routes) >= _REMEMBERED:
                self._routes.clear()
            queues = self._routes[key] = tuple(
                {
                    queue.name: queue for (_, pattern), queue in self._bindings.items() if self._takes(pattern, key)
                }.values()
            )
        return queues

    def _takes(self, pattern: str, key: str) -> bool:
        if self.kind == "fanout":
            return True
        return topic_matches(pattern, key) if self.kind == "topic" else pattern == key
