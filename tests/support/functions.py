"""Functions for endpoints to run, sent by value: a worker has no `support` to import."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_SOURCE = """
def echo(value=None):
    return value

def fail(text):
    def inner():
        raise ValueError(text)
    inner()

def leave(code):
    import sys
    sys.exit(code)

def interrupt():
    raise KeyboardInterrupt

def exit_at_once(code):
    import os
    os._exit(code)

def kill_itself(number):
    import os
    os.kill(os.getpid(), number)

def crash():
    import ctypes
    ctypes.string_at(0)

def pid():
    import os
    return os.getpid()

def wait_for_file(path, started=None):
    import os, pathlib, time
    if started:
        pathlib.Path(started).write_text(str(os.getpid()))
    while not os.path.exists(path):
        time.sleep(0.01)
    return os.getpid()

def count_call(path):
    import os
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"x")
    os.close(descriptor)

def count_and_wait(path, gate):
    import os, time
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, b"x")
    os.close(descriptor)
    while not os.path.exists(gate):
        time.sleep(0.01)

def hold_interpreter(started):
    # A regular expression that takes ages: one C call, the interpreter lock is never let go.
    import os, pathlib, re
    pathlib.Path(started).write_text(str(os.getpid()))
    re.match("(a+)+$", "a" * 64 + "b")

def shout(text):
    import sys
    print(text)
    print(text, file=sys.stderr)

def speak(text, code=None, seconds=0):
    import os, subprocess, sys, time
    print(text)
    print(text, "to err", file=sys.stderr)
    subprocess.run(["echo", text, "of a child"])
    if code is not None:
        os._exit(code)
    time.sleep(seconds)

def close_descriptors():
    import os, time
    os.closerange(3, 256)
    time.sleep(60)

def fork_and_return():
    import os
    return os.fork()

def die_later(seconds):
    import os, threading
    threading.Timer(seconds, os._exit, (5,)).start()
    return os.getpid()

def give_lock():
    import threading
    return threading.Lock(), (x for x in "abc")

def give_generator():
    return (x for x in "abc")

def give_text(size):
    return "x" * size

def modules_found():
    import sys
    return list(sys.path)

def raise_unshowable():
    class Unshowable(Exception):
        def __str__(self):
            raise SystemExit("not even that")
    raise Unshowable

def start_and_wait(path):
    import pathlib, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    pathlib.Path(path).write_text(str(child.pid))
    time.sleep(300)

def ignored_signals():
    import subprocess, sys
    code = "import signal; print([int(n) for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN])"
    return eval(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout)

def append(path, text):
    with open(path, "a") as stream:
        stream.write(text)

def sleep(seconds):
    import time
    time.sleep(seconds)

def subprocess_text():
    import subprocess, sys
    command = [sys.executable, "-c", "print(input())"]
    return subprocess.run(command, input="hello", capture_output=True, text=True).stdout

def use_multiprocessing():
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map(abs, [-1, -2])
"""


def _functions() -> dict[str, Callable[..., Any]]:
    # As `__main__`, so that they travel by value, like what a user writes in a script.
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(_SOURCE, "<functions>", "exec"), space)
    return {name: value for name, value in space.items() if callable(value)}


FUNCTIONS = _functions()
