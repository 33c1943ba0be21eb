"""The Executor: functions in, Futures out, workers somewhere else.

`pipeline` draws the way of a task; each part on it has a file of its own: `registry` (functions), `batcher`, `pacer`
and `submitter` (to the service), `streams`, `settlement`, `table` and `outcome` (back from it), `retry` and `attempts`,
`alarms` (deadlines) and `cancels`. `place` finds out where tasks go; `session` is all of this, begun. `options` is what
can be set, `work` what can be asked for, `mapping` is `map`, `threads` is the only file that starts any. `executor` is
the face of it all.
"""

from .executor import Executor
from .future import Future
from .retry import idempotent
from .stats import Stats

__all__ = ["Executor", "Future", "Stats", "idempotent"]
