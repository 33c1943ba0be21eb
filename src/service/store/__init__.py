"""The store: what the service remembers, in SQL.

    Database            opens it, runs functions on it: `write` one transaction, `read` by key, `scan` off the loop
    schema              the tables
    migrations          bring the tables of an older farpool up to date
    identities, tokens, groups, functions, function_search, containers, endpoints, reports, task_groups, tasks,
    outcomes, cancels, blobs
                        one module per noun: plain functions of a connection, in and out come frozen values

Nothing here knows HTTP, AMQP or what a state means.
"""

from .database import Database

__all__ = ["Database"]
