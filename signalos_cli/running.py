"""How each program is run in this process: alone in its directory, ending with its supervisor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from signalos_cli.datadir import make_private, single_instance
from signalos_cli.parent import GRACE_SECONDS, end_with_parent, supervised

# A predecessor whose supervisor was killed ends by itself within its grace.
_WAIT_SECONDS = GRACE_SECONDS + 5.0
# `is_owned` takes the lock for a moment.
_LOOK_SECONDS = 0.3


def run_alone(directory: Path, what: str, run: Callable[[], None]) -> None:
    """Call `run` as the only `what` of `directory`. Raises `UserError` when there is one already."""
    wait_seconds = _WAIT_SECONDS if supervised() else _LOOK_SECONDS
    end_with_parent()
    make_private(directory)
    with single_instance(directory, what, wait_seconds=wait_seconds):
        run()
