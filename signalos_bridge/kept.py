"""What of the desired state outlives the process: pause and lapse policy, so that a restart keeps them.

Levels, limits, stealth and trailing plans are in the journal; stops are in the latch.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

from signalos_bridge import files
from signalos_bridge.domain.control import Kept
from signalos_bridge.domain.values import LapsePolicy

KEPT_FILE = "control.json"


class KeptDamaged(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """The file cannot be believed: count as paused until the server says what is wanted."""


def store(data_dir: Path, kept: Kept, last_epoch: tuple[int, int]) -> None:
    """Write it whole and synced. Raises `OSError`."""
    body = json.dumps(
        {
            "incarnation": kept.incarnation,
            "revision": kept.revision,
            "paused": kept.paused,
            "lapse_policy": kept.lapse_policy.value,
            "stealth": kept.stealth,
            "last_epoch": list(last_epoch),
        }
    ).encode()
    files.write_whole(data_dir / KEPT_FILE, b"%08x " % zlib.crc32(body) + body)


def load(data_dir: Path) -> tuple[Kept, tuple[int, int]] | None:
    """Return what was kept and the last (incarnation, epoch); None: nothing yet. Raises `KeptDamaged`."""
    try:
        data = (data_dir / KEPT_FILE).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeptDamaged(str(error)) from error
    checksum, _, body = data.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(body):
        raise KeptDamaged("its checksum is wrong")
    try:
        found = json.loads(body)
        incarnation, epoch = found["last_epoch"]
        return (
            Kept(
                incarnation=int(found["incarnation"]),
                revision=int(found["revision"]),
                paused=bool(found["paused"]),
                lapse_policy=LapsePolicy(found["lapse_policy"]),
                stealth=bool(found["stealth"]),
            ),
            (int(incarnation), int(epoch)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise KeptDamaged(str(error)) from error
