"""What Globus answered, by the hash of the token. No clock of its own, no I/O; tokens are not kept."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from ..store.globus_people import Person

#: Tokens that are remembered; those that were not used for longest make room.
MAX_ANSWERS = 10_000
#: For how long it holds that a token is nobody's, in seconds: somebody may just be logging in.
NOBODY_S = 30.0
#: For how long an answer is still used while Globus cannot be asked, in seconds.
STALE_S = 3600.0
#: For how long Globus is not asked again about such a token, in seconds.
PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What Globus said of a token.

    Attributes:
        person: whose it is; None: nobody's.
        fresh_until: until then nobody is asked again, in unix time.
        usable_until: until then it is used while Globus cannot be asked; never longer than the token lasts.
    """

    person: Person | None
    fresh_until: float
    usable_until: float


def answer_at(person: Person | None, now: float, lifetime_s: float) -> Answer:
    """Make the answer of this moment."""
    if person is None:
        return Answer(None, now + NOBODY_S, now + NOBODY_S)
    fresh_until = min(now + lifetime_s, person.expires_at)
    return Answer(person, fresh_until, min(fresh_until + STALE_S, person.expires_at))


class Answers:
    """Keeps answers, the most recently used ones."""

    def __init__(self, *, most: int = MAX_ANSWERS) -> None:
        self._most = most
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str) -> Answer | None:
        """Find the answer about a token, however old it is."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def keep(self, key: str, answer: Answer) -> None:
        """Remember an answer."""
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def prolong(self, key: str, answer: Answer, now: float) -> Answer:
        """Go on with an answer that can still be used, as Globus cannot be asked."""
        prolonged = replace(answer, fresh_until=min(now + PAUSE_S, answer.usable_until))
        self.keep(key, prolonged)
        return prolonged
