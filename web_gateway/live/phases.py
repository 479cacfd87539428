"""The life of a socket, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final


class Phase(Enum):
    """Where a socket stands."""

    CONNECTED = auto()  # accepted; nobody knows whose it is
    CHECKING = auto()  # its token is being checked
    AUTHENTICATED = auto()  # it may say from where it wants the stream
    JOINING = auto()  # it is being brought up to the live stream
    LIVE = auto()
    CLOSED = auto()


class Step(Enum):
    """What happens to a socket."""

    TOKEN_GIVEN = auto()
    TOKEN_GOOD = auto()
    SUBSCRIBED = auto()
    CAUGHT_UP = auto()
    CLOSED = auto()


TRANSITIONS: Final[Mapping[tuple[Phase, Step], Phase]] = {
    (Phase.CONNECTED, Step.TOKEN_GIVEN): Phase.CHECKING,
    (Phase.CHECKING, Step.TOKEN_GOOD): Phase.AUTHENTICATED,
    (Phase.AUTHENTICATED, Step.SUBSCRIBED): Phase.JOINING,
    # The stream lost its place: from the beginning, with a snapshot.
    (Phase.JOINING, Step.SUBSCRIBED): Phase.JOINING,
    (Phase.JOINING, Step.CAUGHT_UP): Phase.LIVE,
    # A client that lost its own state asks again.
    (Phase.LIVE, Step.SUBSCRIBED): Phase.JOINING,
    **{(phase, Step.CLOSED): Phase.CLOSED for phase in Phase},
}


class TransitionError(Exception):
    """The step does not lead anywhere from the phase."""


def advance(phase: Phase, step: Step) -> Phase:
    """The next phase. Raises `TransitionError` for a step that the phase does not allow."""
    try:
        return TRANSITIONS[phase, step]
    except KeyError:
        raise TransitionError(f"{step.name} while {phase.name}") from None
