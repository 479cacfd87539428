"""A small program for the supervisor's tests: says that it serves, then waits to be ended.

`dummy_program.py DIRECTORY NAME [MODE]`; each start and each clean end is a line of DIRECTORY/diary.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from signalos_cli.parent import end_with_parent


def main() -> None:
    directory, name = Path(sys.argv[1]), sys.argv[2]
    mode = sys.argv[3] if len(sys.argv) > 3 else ""
    end_with_parent(grace_seconds=1.0)

    def note(what: str) -> None:
        with (directory / "diary").open("a") as diary:
            diary.write(f"{name} {what} {os.getpid()}\n")

    def end(number: int, frame: FrameType | None) -> None:
        if mode == "deaf":
            return
        note("ended")
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    note("started")
    if mode == "wrong":
        sys.stdout.write("the settings are wrong\n")
        sys.exit(2)
    if mode == "parent":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        note(f"has-child-{child.pid}")
    sys.stdout.write(f"{name} speaks\n")
    sys.stdout.flush()
    scratch = directory / f"{name}.scratch"
    scratch.write_text(json.dumps({"pid": os.getpid(), "address": "127.0.0.1:1234"}))
    scratch.rename(directory / f"{name}.json")
    while True:
        time.sleep(0.05)


main()
