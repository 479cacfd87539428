"""How this bridge stands with its server, written where another process of this machine can read it.

Nothing depends on it but what a person is shown: it is not synced, and a disk that takes it not is no fault.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

FILE = "link.json"


class LinkState(StrEnum):
    """What became of the last attempt to reach the server."""

    CONNECTED = "connected"
    # It does not answer, or the connection was lost.
    AWAY = "away"
    # It answers, and takes this bridge's credential not.
    REFUSED = "refused"
    # Another bridge runs with this bridge's credential.
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Standing:
    """A state, in the server's or the network's own words, and since when (milliseconds since 1970)."""

    state: LinkState
    words: str
    since_wall_msc: int


def store(data_dir: Path, standing: Standing) -> None:
    """Write it whole. A disk that takes no file leaves the old one."""
    body = {"state": standing.state, "words": standing.words, "since_wall_msc": standing.since_wall_msc}
    beside = data_dir / f".{FILE}.new"
    with contextlib.suppress(OSError):
        beside.write_text(json.dumps(body), encoding="utf-8")
        os.replace(beside, data_dir / FILE)


def load(data_dir: Path) -> Standing | None:
    """Return what was written last; None: nothing that can be read."""
    try:
        found = json.loads((data_dir / FILE).read_text(encoding="utf-8"))
        return Standing(LinkState(found["state"]), str(found["words"]), int(found["since_wall_msc"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
