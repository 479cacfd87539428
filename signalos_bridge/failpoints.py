"""Named instants at which a test may end this process. Never active unless `SIGNALOS_FAILPOINTS` is set.

`SIGNALOS_FAILPOINTS="after_intent:3,before_outcome"` kills the process with SIGKILL the third time that it
passes `after_intent`, or the first time that it passes `before_outcome`.
"""

from __future__ import annotations

import os
import signal


def _parse(text: str) -> dict[str, int]:
    points: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, count = part.partition(":")
        points[name] = int(count or 1)
    return points


_remaining = _parse(os.environ.get("SIGNALOS_FAILPOINTS", ""))


def reach(name: str) -> None:
    """Die here if the environment asked for it; else do nothing."""
    if not _remaining or name not in _remaining:
        return
    _remaining[name] -= 1
    if _remaining[name] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
