"""The Executor: functions in, Futures out, workers somewhere else.

`executor` is the face, `settable` what can be set on it, `work` what can be asked of it and of a view with other
`options`. `place` finds out where tasks go; `session` is all that an executor has once it has begun.

`pipeline` draws the way of a task, and holds each part of it; `functions` says what is registered for a callable,
`maps` makes tasks of many calls, and `journal` remembers what `resume` takes up.
"""

from .completed import as_completed
from .executor import Executor
from .future import Future
from .maps.mapping import Results
from .pipeline.stats import Stats
from .retry import idempotent
from .timings import Timings

__all__ = ["Executor", "Future", "Results", "Stats", "Timings", "as_completed", "idempotent"]
