"""Commands as functions: `ShellFunction`, `MPIFunction`, and what they give, `ShellResult`.

    command.py   all that runs a command: a text that stands alone, and travels with each function
    checks.py    of the arguments, where a function is made
    named.py     the names under which the Globus Compute SDK sends the same, for those who have no SDK

Nothing here is imported by `import farpool`, and nothing but the standard library is needed where a command runs.
"""

from .command import MPIFunction, ShellFunction, ShellResult
from .named import stand_in_for

__all__ = ["MPIFunction", "ShellFunction", "ShellResult", "stand_in_for"]
