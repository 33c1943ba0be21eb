"""The Executor: functions in, Futures out, workers somewhere else.

`pipeline.py` draws the way of a task; each part on it has a file of its own: `registry` (functions), `batcher`, `pacer`
and `submitter` (to the service), `streams`, `table` and `outcome` (back from it). `place` finds out where tasks go,
`mapping` is `map`, `threads` is the only file that starts any. `executor` is the face of it all.
"""

from .executor import Executor
from .future import Future

__all__ = ["Executor", "Future"]
