"""The journal: what a program has submitted and what came of it, kept so that another program can take it up.

    put, sending, accepted, result           resume, farpool tasks
                |                                      |
             Journal  (a thread, one batch per write)  |
                |                                      |
             Writing  --- records --->  Shelf  <--- campaigns, entries
                                          |
                                     JournalFile  (SQLite: <home>/journal.db, and <home>/journal.lock)

A *campaign* is what one executor submits, from its first task to its end, also over several programs: `resume` goes on
with it. *Records* are appended to it: tasks, a request that is about to be sent, its answer, results. Read in their
order they make the *entries*: one per task, as it stands. `Journal` is used by the pipeline; nothing it does depends on
the journal, and what is wrong with the file is said once in the log.
"""

from .file import JournalFile, journal_file
from .journal import NO_JOURNAL, Journal, NoJournal
from .records import Entry, State
from .shelf import Campaign, Shelf, meant
from .taking import TakenUp, cancel_unsent, take_up

__all__ = [
    "NO_JOURNAL",
    "Campaign",
    "Entry",
    "Journal",
    "JournalFile",
    "NoJournal",
    "Shelf",
    "State",
    "TakenUp",
    "cancel_unsent",
    "journal_file",
    "meant",
    "take_up",
]
