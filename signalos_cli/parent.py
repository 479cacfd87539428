"""Ends a supervised program when its supervisor is gone, however that went.

The supervisor holds the write end of a pipe that is the program's standard input. Whatever happens to the
supervisor, kill -9 included, the system closes that end; the program reads end-of-file and ends. This
holds on every system, unlike a parent-death signal.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time

PARENT_PIPE = "SIGNALOS_PARENT_PIPE"
"""`stdin` in the environment of a supervised program."""

GRACE_SECONDS = 15.0
"""A bridge that ends shows hidden levels to the broker first, and lets a running call come back."""


def supervised() -> bool:
    return os.environ.get(PARENT_PIPE) == "stdin"


def end_with_parent(grace_seconds: float = GRACE_SECONDS) -> None:
    """From now on, end once standard input closes: cleanly, or at once after `grace_seconds`.

    Does nothing in a program that is not supervised. Takes standard input away, so that programs which
    this one starts do not inherit it.
    """
    if os.environ.pop(PARENT_PIPE, None) != "stdin":
        return
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_wait, args=(pipe, grace_seconds), name="parent", daemon=True).start()


def _wait(pipe: int, grace_seconds: float) -> None:
    try:
        while os.read(pipe, 1024):
            pass
    except OSError:
        pass  # a broken pipe says the same as its end
    if sys.platform == "win32":
        # SIGTERM cannot be handled there; this wakes the main thread as Ctrl-C does.
        _thread.interrupt_main(signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace_seconds)
    os._exit(1)
