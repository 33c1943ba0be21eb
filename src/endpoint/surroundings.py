"""What a task finds around it in a process that it has to itself: its id, its directory, its MPI launcher.

GC_TASK_UUID, GC_TASK_SANDBOX_DIR and the working directory are what `globus-compute-endpoint` gives its tasks, too.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator
from pathlib import Path

from . import failures
from .job import Job, Site
from .resources import variables_for

_TASK = "GC_TASK_UUID"
_SANDBOX = "GC_TASK_SANDBOX_DIR"


@contextlib.contextmanager
def around(job: Job, site: Site, *, is_alone: bool) -> Generator[None, None, None]:
    """Make a task's surroundings, for as long as it runs.

    Args:
        job: the task.
        site: where it runs.
        is_alone: whether no other task runs in this process: they would share directory and variables.

    Raises:
        failures.Failed: they cannot be made; says why.
    """
    if not is_alone:
        if site.sandboxes or job.resources:
            raise _cannot("its engine runs tasks in threads, which share one directory and one set of variables")
        yield
        return
    os.environ[_TASK] = job.task_id
    if not (site.sandboxes or job.resources):
        yield
        return
    try:
        given = variables_for(job.resources, site.mpi_launcher) if job.resources else {}
    except ValueError as error:
        raise failures.Failed(failures.RESOURCES_UNAVAILABLE, str(error), str(error)) from None
    with _variables(given), _directory(job, site):
        yield


@contextlib.contextmanager
def _variables(given: dict[str, str]) -> Generator[None, None, None]:
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _directory(job: Job, site: Site) -> Generator[None, None, None]:
    if not site.sandboxes:
        yield
        return
    sandbox = Path(site.sandboxes) / job.task_id
    try:
        home = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _cannot(f"its directory is gone: {error}") from None
    try:
        try:
            sandbox.mkdir(parents=True, exist_ok=True)
            os.chdir(sandbox)
        except OSError as error:
            raise _cannot(f"a directory of its own cannot be made: {error}") from None
        with _variables({_SANDBOX: str(sandbox)}):
            yield
    finally:
        os.fchdir(home)
        os.close(home)


def _cannot(why: str) -> failures.Failed:
    message = f"the endpoint cannot give this task what it asks for, or what the endpoint's configuration says: {why}"
    return failures.Failed(failures.RESOURCES_UNAVAILABLE, message, message)
