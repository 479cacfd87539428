"""The contract's words about signals, as numbers with names."""

from __future__ import annotations

from enum import Enum, IntEnum


class SignalState(IntEnum):
    """Where a signal stands, over all accounts."""

    RECEIVED = 1
    WAITING = 2
    ACTED = 3
    NOT_TRADED = 4
    NO_ACTION = 5


class SignalOutcome(IntEnum):
    """What came of an action at an account."""

    PENDING = 1
    SENT = 2
    APPROVAL = 3
    QUESTION = 4
    HELD = 5
    SKIPPED = 6
    DENIED = 7
    REJECTED = 8
    EXPIRED = 9
    WITHDRAWN = 10

    @property
    def asks(self) -> bool:
        """Return whether a person is waited for."""
        return self in (SignalOutcome.APPROVAL, SignalOutcome.QUESTION)

    @property
    def waits(self) -> bool:
        """Return whether something may still come of it."""
        return self.asks or self in (SignalOutcome.PENDING, SignalOutcome.HELD)


class SourceKind(IntEnum):
    """How messages of a source come in."""

    API = 1
    WEBHOOK = 2
    TELEGRAM = 3


class SourceTrust(IntEnum):
    """How far a source is trusted."""

    OBSERVE = 1
    APPROVE = 2
    AUTO = 3


class OppositeRule(IntEnum):
    """What happens with a signal against a trade on its symbol."""

    DENY = 1
    CLOSE_FIRST = 2
    HEDGE = 3


class TargetSplit(IntEnum):
    """How several targets are traded."""

    LADDER = 1
    ORDERS = 2


class LadderStopPlan(IntEnum):
    """What the stop loss does after the targets of a ladder."""

    FOLLOW = 1
    BREAK_EVEN = 2
    STAY = 3


class HeldFor(Enum):
    """What a held decision waits for."""

    NOTHING = "nothing"
    # An open that is still under way, on which it acts.
    OPENING = "opening"
    # Closes or cancels of its own that come first.
    CLEARING = "clearing"
    # A terminal that is away; its commands are queued.
    TERMINAL = "terminal"
