"""The `farpool` command: one module per subcommand, tables for people, `--json` for programs.

    app.py           the root: options of all commands, errors as one line on standard error
    serve.py         farpool serve
    endpoint*.py     farpool endpoint start | stop | list | status | delete
    functions.py     farpool functions list | show | delete
    tasks.py         farpool tasks list | show | results
    doctor.py        farpool doctor, with its checks in checks.py
    connection.py    which service a command talks to
    output.py        tables, JSON, times
    lifetime.py      ends with the program that started it

Exit codes: 0 it worked; 1 it did not, and standard error says why; 2 it was called wrongly; 130 Ctrl-C.
What a command needs it imports when it runs: `farpool --help` stays quick.
"""

from .app import main

__all__ = ["main"]
