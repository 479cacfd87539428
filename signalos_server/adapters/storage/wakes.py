"""Word that a unit has changed something, given on the bus once its commit holds."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

_KEY = "wakes"

# Given the subjects of a committed unit, on the event loop; never raises.
Wake = Callable[[frozenset[str]], None]


def stream_subject(user_id: str) -> str:
    """Return the subject on which readers of a user's stream listen."""
    return f"stream.{user_id}"


def credential_subject(user_id: str) -> str:
    """Return the subject on which those who remember a user's sessions and tokens listen."""
    return f"credentials.{user_id}"


def bridge_subject(bridge_id: str) -> str:
    """Return the subject on which the holder of a bridge's session hears that it was revoked."""
    return f"bridge.{bridge_id}"


def wake(session: Session, *subjects: str) -> None:
    """Publish an empty message on `subjects` after the commit of this unit, if it commits."""
    session.info.setdefault(_KEY, set()).update(subjects)


def wakes_of(session: Session) -> frozenset[str]:
    """Return the subjects that the unit on `session` has named."""
    return frozenset(session.info.get(_KEY, ()))


def no_wake(_subjects: frozenset[str]) -> None:
    """Tell nobody: for programs without subscribers."""
