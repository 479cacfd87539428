"""Ladders and moves to break-even: what is wanted of a trade, and what its bridge keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum


class StartKind(IntEnum):
    """In which words it is said when a plan begins. The numbers are the contract's field numbers."""

    PRICE = 1
    DISTANCE = 2
    POINTS = 3
    PIPS = 4
    RISK = 5
    MONEY = 6
    TARGET = 7


class StopMove(IntEnum):
    """What the stop does after a target."""

    STAY = 0
    BREAK_EVEN = 1
    PREVIOUS_TARGET = 2


class StepState(IntEnum):
    """How far a target is."""

    UNSPECIFIED = 0
    WAITING = 1
    TRIGGERED = 2
    DONE = 3
    SKIPPED = 4


@dataclass(frozen=True, slots=True)
class PlanStart:
    """When a plan begins; `value` is a price, a difference of prices, points, pips, a multiple of the first
    risk, money in the account's currency, or a count of targets."""

    kind: StartKind
    value: Decimal


@dataclass(frozen=True, slots=True)
class LadderTarget:
    """A price, and the share that is closed there."""

    price: Decimal
    share: Decimal
    stop_move: StopMove = StopMove.STAY


@dataclass(frozen=True, slots=True)
class BreakEvenPlan:
    """Moves the stop once to where leaving costs nothing, and `offset` (a difference of prices) beyond."""

    start: PlanStart
    offset: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class ProtectionPlan:
    """What is wanted; targets from the nearest on."""

    targets: tuple[LadderTarget, ...] = ()
    break_even: BreakEvenPlan | None = None

    @property
    def empty(self) -> bool:
        """Return whether nothing is wanted."""
        return not self.targets and self.break_even is None


@dataclass(frozen=True, slots=True)
class LadderStep:
    """A target as the bridge keeps it. `volume_lots` None: not counted before the first target is reached."""

    target: LadderTarget
    state: StepState
    volume_lots: Decimal | None = None
    closed_lots: Decimal = Decimal(0)
    stop_moved: bool = False


@dataclass(frozen=True, slots=True)
class BreakEvenKept:
    """A move to break-even as the bridge keeps it."""

    plan: BreakEvenPlan
    done: bool = False


@dataclass(frozen=True, slots=True)
class Protection:
    """What a bridge keeps for one trade; `revision` is the policy's that it keeps to, 0 the opening's."""

    steps: tuple[LadderStep, ...] = ()
    break_even: BreakEvenKept | None = None
    revision: int = 0
