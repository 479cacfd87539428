"""The trading lease: without one, a bridge does not increase exposure.

It runs from the moment the bridge sent the heartbeat that the grant answers. A node grants only what it
knows: a stop generation read from the database within `READ_AGE_SECONDS`, and a session that is the newest.
"""

from __future__ import annotations

from dataclasses import dataclass

READ_AGE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class OwnerReading:
    """What the database said of an account, and when: seconds on the server's monotonic clock."""

    read_at: float
    owner_epoch: int
    stop_generation: int
    stopped: bool
    revision: int


def may_grant(reading: OwnerReading | None, *, epoch: int, now: float) -> bool:
    """Return whether a heartbeat of this session may be answered with a lease."""
    if reading is None or now - reading.read_at > READ_AGE_SECONDS:
        return False
    return reading.owner_epoch == epoch and not reading.stopped


def refusal(reading: OwnerReading | None, *, epoch: int, now: float) -> str:
    """Return why no lease is granted, empty where one is."""
    if reading is None:
        return "nothing was read from the database yet"
    if now - reading.read_at > READ_AGE_SECONDS:
        return f"the database was last read {now - reading.read_at:.1f} s ago"
    if reading.owner_epoch != epoch:
        return f"session {reading.owner_epoch} has taken over"
    if reading.stopped:
        return "trading is stopped"
    return ""
