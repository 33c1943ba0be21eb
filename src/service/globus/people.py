"""Whose token that is, as Globus says: asked once for all requests with one token, remembered for a while.

identify(token) -- answered a while ago? ------------------------------> the store: has anybody been removed?
                     '-- no: one task per token -- GlobusDesk, in a thread -- Globus Auth, Globus Groups
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from .. import faults
from ..store import Database, globus_people
from ..store.globus_people import Person
from ..store.identities import Identity, hash_of
from .answers import Answer, Answers, answer_at
from .away import GlobusAway

log = logging.getLogger(__name__)

#: Tokens that Globus is asked about at the same time, each in a thread: that many of those that are known to be
#: somebody's, and as many others.
THREADS = 8
#: Unknown tokens about which it may be asked next; more are told to come back. Any nonsense costs a request to Globus,
#: and keeps nobody waiting, or from being found out, whose token is known.
MAX_UNKNOWN = 200
#: When to come back then, in seconds.
BUSY_S = 2
#: For how long nobody asks after Globus was found to be away, in seconds: each would wait for it in vain.
AWAY_S = 2.0
#: For how long one whose token is known waits for Globus to say so again, in seconds.
PATIENCE_S = 10.0
#: Names of groups that are remembered.
MAX_GROUP_NAMES = 10_000
#: Longer ones are no tokens of Globus.
MAX_TOKEN_CHARS = 4096


def _nothing() -> None:
    pass


class GlobusPeople:
    """A source of identities. Every method belongs to the event loop's thread.

    Args:
        database: where people are known by their identities, with what they have.
        ask: says whose token it is; None: nobody's, or not for this service. Called in threads, blocks, and raises
            `GlobusAway`.
        close: called when nobody asks any more.
        lifetime_s: for how long an answer holds. At 0 nobody goes on with an old one because Globus is slow.
        patience_s: for how long one whose token is known waits for the next answer.
    """

    def __init__(
        self,
        database: Database,
        ask: Callable[[str], Person | None],
        *,
        lifetime_s: float,
        close: Callable[[], None] = _nothing,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._ask = ask
        self._close = close
        self._lifetime_s = lifetime_s
        self._patience_s = patience_s
        self._clock = clock
        self._answers = Answers()
        self._asked: dict[str, asyncio.Task[Answer]] = {}
        self._unknown: set[str] = set()
        self._group_names: dict[str, str] = {}
        self._away: tuple[float, GlobusAway] | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="farpool globus")
        self._threads_for_known = ThreadPoolExecutor(THREADS, thread_name_prefix="farpool globus again")

    async def identify(self, token: str) -> Identity | None:
        """Find whose token that is; nobody's too when they were removed from the service.

        Raises:
            Fault: Globus cannot be asked (503).
        """
        if len(token) > MAX_TOKEN_CHARS or not token.isascii():
            return None
        key, now = hash_of(token), self._clock()
        answer = self._answers.find(key)
        if answer is None or now >= answer.fresh_until:
            answer = await self._asked_about(key, token, answer)
        person = answer.person
        if person is None:
            return None
        return await self._database.read(partial(globus_people.find, person=person))

    def group_names(self, group_ids: Iterable[str]) -> dict[str, str]:
        """Give the names of groups of Globus, those that are known: for people to read, and for nothing else."""
        return {one: name for one in group_ids if (name := self._group_names.get(one))}

    async def stop(self) -> None:
        """Ask no more. Waits for the requests that are under way."""
        tasks = list(self._asked.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for threads in (self._threads, self._threads_for_known):
            await asyncio.get_running_loop().run_in_executor(None, threads.shutdown)
        self._close()

    async def _asked_about(self, key: str, token: str, known: Answer | None) -> Answer:
        task = self._asked.get(key)
        if task is None:
            if known is None or known.person is None:
                if len(self._unknown) >= MAX_UNKNOWN:
                    raise faults.globus_away("it is asked about many logins just now", BUSY_S)
                self._unknown.add(key)
            task = asyncio.get_running_loop().create_task(self._find_out(key, token, known), name="ask Globus")
            self._asked[key] = task
            task.add_done_callback(partial(self._was_asked, key))
        if known is not None and known.person is not None and self._lifetime_s > 0:
            is_answered, _ = await asyncio.wait([task], timeout=self._patience_s)
            now = self._clock()
            if not is_answered and now < known.usable_until:
                log.info("Globus is slow: going on with what is known of %s", known.person.username)
                return self._answers.prolong(key, known, now)
        # Whoever gives up waiting leaves the others theirs.
        return await asyncio.shield(task)

    def _was_asked(self, key: str, task: asyncio.Task[Answer]) -> None:
        self._asked.pop(key, None)
        self._unknown.discard(key)
        if not task.cancelled():
            task.exception()  # looked at, should nobody be waiting any more

    async def _find_out(self, key: str, token: str, known: Answer | None) -> Answer:
        threads = self._threads if key in self._unknown else self._threads_for_known
        try:
            person = await asyncio.get_running_loop().run_in_executor(threads, self._ask_unless_away, token)
        except GlobusAway as error:
            now = self._clock()
            if known is not None and known.person is not None and now < known.usable_until:
                log.warning("%s: going on with what is known of %s", error, known.person.username)
                return self._answers.prolong(key, known, now)
            log.warning("%s", error)
            raise faults.globus_away(str(error), error.retry_after_s) from error
        now = self._clock()
        answer = answer_at(person, now, self._lifetime_s)
        if person is not None:
            await self._database.write(partial(globus_people.keep, person=person, now=now))
            if len(self._group_names) > MAX_GROUP_NAMES:
                self._group_names.clear()
            self._group_names.update(person.group_names)
        self._answers.keep(key, answer)
        return answer

    def _ask_unless_away(self, token: str) -> Person | None:
        """Ask, in a thread of the pool, which may have had to wait for its turn."""
        away = self._away
        if away is not None and self._clock() < away[0]:
            raise GlobusAway(str(away[1]), away[1].retry_after_s)
        try:
            return self._ask(token)
        except GlobusAway as error:
            if error.is_for_all:
                self._away = (self._clock() + AWAY_S, error)
            raise
