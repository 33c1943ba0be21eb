"""The Executor: functions in, Futures out, workers somewhere else.

`pipeline` draws the way of a task; each part on it has a file of its own: `registry` (functions), `batcher`, `pacer`
and `submitter` (to the service), `streams`, `settlement`, `table` and `outcome` (back from it), `retry` and `attempts`,
`alarms` (deadlines) and `cancels`. `place` finds out where tasks go; `session` is all of this, begun. `options` is what
can be set, `work` what can be asked for, `threads` is the only file that starts any. `executor` is the face of it all.

`maps` is the map family: `mapping` gives results, `reduce` reduces them; `calls` runs many calls in a task, `chunks`
says how many, `window` waits for tasks, and `crew` is all that these need of an executor. `progress` draws on `screen`.
"""

from .completed import as_completed
from .executor import Executor
from .future import Future
from .mapping import Results
from .retry import idempotent
from .stats import Stats
from .timings import Timings

__all__ = ["Executor", "Future", "Results", "Stats", "Timings", "as_completed", "idempotent"]
