"""The tables of the store, in SQL that SQLite and PostgreSQL both understand.

What is large is in tables of its own (`payloads`, `results`), so that the row of a task stays small however often its
state changes. Times are unix times in seconds.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# SQLite makes a key its row number, the quickest there is, only where the type is spelt INTEGER.
_Sequence = BigInteger().with_variant(Integer, "sqlite")


#: Ids that not every row has.
_OPTIONAL = {"manager_id", "group_id", "container_id"}


def _id(name: str, *, primary_key: bool = False, unique: bool = False, index: bool = False) -> Column[str]:
    is_optional = name in _OPTIONAL and not primary_key
    return Column(name, String(36), primary_key=primary_key, unique=unique, index=index, nullable=is_optional)


#: Numbers that go up: `tasks` is the next `seq` of a task; `schema` is the version of these tables.
counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("next", BigInteger, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    _id("identity_id", primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("queue_prefix", Text, nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
    Column("removed_at", Float),  # nobody may ask in its name any more; what it has is kept
)

#: Bearer tokens, as SHA-256 in hexadecimal digits.
tokens = Table(
    "tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    _id("identity_id"),
    Column("label", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float),
)

#: Identities that things are shared with.
groups = Table(
    "groups",
    metadata,
    _id("group_id", primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", Float, nullable=False),
)

group_members = Table(
    "group_members",
    metadata,
    _id("group_id", primary_key=True),
    _id("identity_id", primary_key=True, index=True),
)

functions = Table(
    "functions",
    metadata,
    Column("number", _Sequence, primary_key=True, autoincrement=True),
    _id("function_id", unique=True),
    _id("owner_id", index=True),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("is_public", Boolean, nullable=False),
    _id("group_id"),  # whose members may run it
    _id("container_id"),  # what it runs in
    Column("packed_code", Text, nullable=False),  # what a task buffer begins with
    Column("registration", Text, nullable=False),  # JSON, as it was sent
    Column("created_at", Float, nullable=False),
    Column("deleted_at", Float),
)

endpoints = Table(
    "endpoints",
    metadata,
    _id("endpoint_id", primary_key=True),
    _id("owner_id", index=True),
    Column("name", Text, nullable=False),
    Column("registration", Text, nullable=False),  # JSON
    Column("is_manager", Boolean, nullable=False),
    Column("is_public", Boolean, nullable=False),
    Column("allowed_functions", Text),  # JSON list that its agent registered with, or NULL for all
    Column("listed_functions", Text),  # JSON list that its owner has set at the service, or NULL for all
    # A user endpoint: one per manager, identity and configuration.
    _id("manager_id"),
    Column("config_hash", String(64)),
    Column("user_options", Text),  # JSON
    Column("user_runtime", Text),  # JSON
    Column("reached_at", Text),  # the service's host name as the endpoint knows it
    # Whether its task queue exists: a locked endpoint has none until it registers again.
    Column("is_attached", Boolean, nullable=False),
    Column("locked_until", Float),
    Column("created_at", Float, nullable=False),
    Column("registered_at", Float, nullable=False),
    UniqueConstraint("manager_id", "owner_id", "config_hash"),
)

#: The ids of endpoints that are no more: nobody gets them again, as clients may still submit to them.
deleted_endpoints = Table(
    "deleted_endpoints",
    metadata,
    _id("endpoint_id", primary_key=True),
    _id("owner_id"),
    Column("deleted_at", Float, nullable=False),
)

#: The last report of each endpoint.
reports = Table(
    "reports",
    metadata,
    _id("endpoint_id", primary_key=True),
    Column("reported_at", Float, nullable=False),
    Column("period_s", Float, nullable=False),
    Column("is_leaving", Boolean, nullable=False),
    Column("error", Text),
    Column("facts", Text, nullable=False),  # JSON
)

task_groups = Table(
    "task_groups",
    metadata,
    _id("task_group_id", primary_key=True),
    _id("owner_id"),
    _id("group_id"),  # whose members may see its tasks
    Column("has_queue", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
)

#: Containers and other environments that functions run in.
containers = Table(
    "containers",
    metadata,
    _id("container_id", primary_key=True),
    _id("owner_id", index=True),
    Column("name", Text, nullable=False),
    Column("type", String(32), nullable=False),
    Column("location", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),  # in the order of submission
    _id("task_id", unique=True),
    _id("task_group_id"),
    _id("owner_id"),
    _id("endpoint_id"),
    _id("function_id"),
    Column("state", String(16), nullable=False),
    Column("options", Text),  # JSON: what `wire.queues.task_headers` takes besides ids
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    # Whether the task group's queue is still owed the outcome.
    Column("is_owed", Boolean, nullable=False),
)
Index("tasks_of_group", tasks.c.task_group_id)
Index(
    "tasks_open",
    tasks.c.endpoint_id,
    tasks.c.seq,
    sqlite_where=tasks.c.finished_at.is_(None),
    postgresql_where=tasks.c.finished_at.is_(None),
)
Index("tasks_owed", tasks.c.seq, sqlite_where=tasks.c.is_owed, postgresql_where=tasks.c.is_owed)

#: The packed arguments of the tasks that are not finished.
payloads = Table(
    "payloads",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("payload", Text, nullable=False),
)

#: The outcomes of the tasks that are finished: the message as the endpoint sent it.
results = Table(
    "results",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("message", LargeBinary, nullable=False),
)

#: Tasks of which their endpoint is to be told that they are no longer wanted, until it has said that it knows: one that
#: has an outcome may still be in the endpoint's queue.
cancels = Table(
    "cancels",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    _id("endpoint_id", index=True),
    Column("running", Boolean, nullable=False),  # whether it is to be stopped when it runs
    Column("asked_at", Float, nullable=False),
    Column("answered_at", Float),  # when the endpoint said that it knows
)

#: What the blob store keeps, by SHA-256 in hexadecimal digits. Sizes are in bytes.
blobs = Table(
    "blobs",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("key", Text, nullable=False),  # in the blob store: another one each time it is kept
    Column("size", BigInteger, nullable=False),
    Column("touched_at", Float, nullable=False, index=True),  # when somebody last sent it, or asked whether it is there
)

#: Who has sent all of a blob, and may use it therefore.
blob_senders = Table(
    "blob_senders",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("identity_id", String(36), primary_key=True),
)

#: Which task refers to which blob: in its arguments, or in its result.
blob_uses = Table(
    "blob_uses",
    metadata,
    Column("seq", _Sequence, primary_key=True, autoincrement=False),
    Column("digest", String(64), primary_key=True),
    Column("is_result", Boolean, primary_key=True),
)
Index("blob_uses_of", blob_uses.c.digest)
