"""The client's calls about what became of tasks: their state, their results.

get_task, get_result, get_batch_result ---> Session ---> found: read the text again, ask nobody
                                               |
                                               +-------> not there: ask the service, remember what is finished
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..errors import NotFound, WireError
from ..serialize import Serializer
from ..wire.ids import as_id
from ..wire.rest import TaskDocument
from .bodies import json_body
from .checks import id_list
from .checks import text as checked_text
from .lost import dropped
from .results import details_of, failure_in, value_in
from .session import Session
from .versions import VersionWatch

if TYPE_CHECKING:
    from .transport import Transport

#: Tasks that one status request asks for; their results come in one answer.
_STATUS_CHUNK = 1000


class ResultCalls:
    """Calls about what became of tasks. Part of `Client`.

    What the service said of a finished task is remembered for as long as the client lasts, within bounds: see
    `farpool.client.session`. A value is read anew for each who asks, so that no two share one.
    """

    _transport: Transport
    _versions: VersionWatch
    _session: Session
    serializer: Serializer
    find_blob: Callable[[str, int], bytearray]

    def get_task(self, task_id: object) -> dict[str, Any]:
        """Get what the service knows of a task. Of one that was seen finished in this session it is not asked again.

        Returns:
            ``pending`` and ``status``; with it ``result`` and ``completion_t`` when the task has succeeded, and
            ``details`` where there are any.

        Raises:
            TaskError: the task failed; the kind tells how.
            NotFound: there is no such task.
        """
        return _known(self._one(as_id(task_id, "task_id")), self.read_value)

    def get_result(self, task_id: object) -> Any:
        """Get the result of a task. Of one that was seen finished in this session the service is not asked again.

        Raises:
            TaskPending: there is none yet.
            TaskError: the task failed; the kind tells how. What the function raised is of its own type too.
            NotFound: there is no such task.
        """
        return value_in(self._one(as_id(task_id, "task_id")), self.read_value)

    def get_batch_result(self, task_id_list: Iterable[object]) -> dict[str, dict[str, Any]]:
        """Get what the service knows of several tasks. It is asked for those not seen finished in this session.

        Returns:
            By task id, in the order asked, what `get_task` gives. For a task that failed, ``exception`` holds the error
            that `get_task` would raise. Tasks that the service does not know are left out.
        """
        wanted = list(dict.fromkeys(id_list(task_id_list, "task_id_list")))
        found = {task_id: document for task_id in wanted if (document := self._session.find(task_id)) is not None}
        fresh = self.get_batch_status([task_id for task_id in wanted if task_id not in found])
        for document in fresh.values():
            self._look(document)
        found |= fresh
        return {task_id: self._told(found[task_id]) for task_id in wanted if task_id in found}

    def get_batch_status(self, task_ids: Iterable[object]) -> dict[str, TaskDocument]:
        """Get the documents of tasks, in the order asked, results still serialised; unknown tasks are left out.

        Asks the service each time, and remembers nothing.
        """
        wanted = list(dict.fromkeys(id_list(task_ids, "task_ids")))
        documents: dict[str, TaskDocument] = {}
        for start in range(0, len(wanted), _STATUS_CHUNK):
            documents |= self._documents(wanted[start : start + _STATUS_CHUNK])
        return documents

    def read_value(self, text: str) -> Any:
        """Read a serialized value, fetching what it refers to. Blocks for that.

        Raises:
            TypeError: `text` is no string.
            DeserializationError: it cannot be read here; says why and what to do.
            ServiceError: what it refers to cannot be had.
        """
        checked_text(text, "text", may_be_empty=True)
        return self.serializer.deserialize(text, self._kept_blob)

    def forget_results(self) -> None:
        """Forget the results of this session: the service is asked again."""
        self._session.forget()

    def _kept_blob(self, digest: str, size_bytes: int) -> bytearray:
        memory = self._session.find_blob(digest)
        if memory is None:
            memory = self.find_blob(digest, size_bytes)
            self._session.keep_blob(digest, memory)
        return memory

    def _told(self, document: TaskDocument) -> dict[str, Any]:
        failure = failure_in(document) if document.is_finished else None
        return _known(document, self.read_value) if failure is None else _about(document) | {"exception": failure}

    def _look(self, document: TaskDocument) -> TaskDocument:
        self._versions.look(document, document.endpoint_id)
        self._session.keep(document)
        return document

    def _one(self, task_id: str) -> TaskDocument:
        found = self._session.find(task_id)
        if found is not None:
            return found
        try:
            document = self._transport.call(
                f"get task {task_id}", lambda pair: pair.v2.get_task(task_id), lambda body: _read(task_id, body)
            )
        except NotFound as error:
            if not self._transport.is_hosted:  # a farpool service says itself for how long it keeps tasks
                raise
            raise dropped(error) from error
        return self._look(document)

    def _documents(self, task_ids: list[str]) -> dict[str, TaskDocument]:
        def read(body: Any) -> dict[str, TaskDocument]:
            results = json_body(json_body(body).get("results"))
            return {task_id: _read(task_id, results[task_id]) for task_id in task_ids if results.get(task_id)}

        return self._transport.call(
            f"ask for {len(task_ids)} tasks", lambda pair: pair.v2.get_task_batch(task_ids), read
        )


def _read(task_id: str, body: Any) -> TaskDocument:
    # A document of a task that is not finished may leave out its own id.
    document = TaskDocument.from_json({"task_id": task_id, **json_body(body)})
    if document.task_id != task_id:
        raise WireError(f"it is about task {document.task_id}, not {task_id}")
    return document


def _about(document: TaskDocument) -> dict[str, Any]:
    about: dict[str, Any] = {"pending": not document.is_finished, "status": document.status.lower()}
    if document.details is not None:
        about["details"] = copy.deepcopy(details_of(document))  # the document is asked for again
    if document.completion_t is not None:
        about["completion_t"] = document.completion_t
    return about


def _known(document: TaskDocument, read: Callable[[str], Any]) -> dict[str, Any]:
    about = _about(document)
    if document.is_finished:
        about["result"] = value_in(document, read)
    return about
