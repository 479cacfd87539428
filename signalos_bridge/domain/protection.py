"""What the bridge does with a trade by itself: targets that are closed in parts, and a move to break-even.

Plans are what is wanted; `Protection` is how far the bridge is with them. Prices are the symbol's.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from signalos_bridge.domain.market import Position, Side, SymbolSpec


class StartKind(Enum):
    """In which words it is said when a plan begins."""

    PRICE = "PRICE"
    DISTANCE = "DISTANCE"
    POINTS = "POINTS"
    PIPS = "PIPS"
    RISK = "RISK"
    MONEY = "MONEY"
    TARGET = "TARGET"


@dataclass(frozen=True, slots=True)
class PlanStart:
    """When a plan begins: at a price, or once the profit is so large, or after so many targets.

    `value`: a price, a difference of prices, points, pips, a multiple of the first risk, money in the
    account's currency, or a count.
    """

    kind: StartKind
    value: Decimal


class StopMove(Enum):
    """What the stop does after a target."""

    STAY = "STAY"
    BREAK_EVEN = "BREAK_EVEN"
    PREVIOUS_TARGET = "PREVIOUS_TARGET"


@dataclass(frozen=True, slots=True)
class LadderTarget:
    """A price, and the share that is closed there: of the volume when the first target was reached."""

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

    @property
    def closes_all(self) -> bool:
        """Return whether nothing is left open after the last target."""
        return bool(self.targets) and sum(target.share for target in self.targets) == 1


class StepState(Enum):
    """How far a target is."""

    WAITING = "WAITING"
    TRIGGERED = "TRIGGERED"
    DONE = "DONE"
    SKIPPED = "SKIPPED"


class StepEvent(Enum):
    """What can happen to a target."""

    REACHED = "reached"
    TOO_SMALL = "too small"
    CLOSED = "closed"


STEP_TRANSITIONS: dict[tuple[StepState, StepEvent], StepState] = {
    (StepState.WAITING, StepEvent.REACHED): StepState.TRIGGERED,
    (StepState.WAITING, StepEvent.TOO_SMALL): StepState.SKIPPED,
    (StepState.TRIGGERED, StepEvent.CLOSED): StepState.DONE,
}


@dataclass(frozen=True, slots=True)
class LadderStep:
    """A target as it is kept. `volume_lots` None: not counted before the first target is reached."""

    target: LadderTarget
    state: StepState = StepState.WAITING
    volume_lots: Decimal | None = None
    closed_lots: Decimal = Decimal(0)
    stop_moved: bool = False

    def __post_init__(self) -> None:
        if self.state is StepState.WAITING and self.closed_lots:
            raise ValueError("a target that was not reached has closed nothing")


@dataclass(frozen=True, slots=True)
class BreakEven:
    """A move to break-even as it is kept."""

    plan: BreakEvenPlan
    done: bool = False


@dataclass(frozen=True, slots=True)
class Protection:
    """What the bridge keeps for one trade."""

    steps: tuple[LadderStep, ...] = ()
    break_even: BreakEven | None = None

    @property
    def plan(self) -> ProtectionPlan:
        """Return what was wanted."""
        return ProtectionPlan(
            tuple(step.target for step in self.steps),
            None if self.break_even is None else self.break_even.plan,
        )

    @property
    def targets_done(self) -> int:
        """Return how many targets have been closed."""
        return sum(step.state is StepState.DONE for step in self.steps)

    @property
    def active(self) -> bool:
        """Return whether anything is left to be done."""
        return (
            (self.break_even is not None and not self.break_even.done)
            or any(step.state in (StepState.WAITING, StepState.TRIGGERED) for step in self.steps)
            or any(_owes_move(step) for step in self.steps)
        )


def _owes_move(step: LadderStep) -> bool:
    return step.state is StepState.DONE and step.target.stop_move is not StopMove.STAY and not step.stop_moved


def kept(plan: ProtectionPlan | None) -> Protection | None:
    """Return a plan as it is kept from its beginning; None where nothing is wanted."""
    if plan is None or plan.empty:
        return None
    return Protection(
        tuple(LadderStep(target) for target in plan.targets),
        None if plan.break_even is None else BreakEven(plan.break_even),
    )


def pips_as_price(pips: Decimal, spec: SymbolSpec) -> Decimal:
    """Return pips as a difference of prices: ten points where the price has a fractional digit."""
    return pips * spec.point * (10 if spec.digits in (3, 5) else 1)


def has_begun(
    start: PlanStart,
    position: Position,
    price: Decimal,
    initial_stop: Decimal | None,
    spec: SymbolSpec,
    targets_done: int,
) -> bool:
    """Return whether a plan begins at this closing price. What cannot be counted has not begun.

    Signed: a trade that loses never begins anything, whatever the sizes say.
    """
    if start.kind is StartKind.TARGET:
        return targets_done >= start.value
    side = position.side.value
    gain = (price - position.open_price) * side
    if start.kind is StartKind.PRICE:
        return (price - start.value) * side >= 0
    if start.kind is StartKind.MONEY:
        money = floating_profit(position, gain, spec)
        return money is not None and money >= start.value
    if start.kind is StartKind.RISK:
        risk = None if initial_stop is None else (position.open_price - initial_stop) * side
        return risk is not None and risk > 0 and gain >= risk * start.value
    needed = start.value
    if start.kind is StartKind.POINTS:
        needed = start.value * spec.point
    elif start.kind is StartKind.PIPS:
        needed = pips_as_price(start.value, spec)
    return gain >= needed


def floating_profit(position: Position, gain: Decimal, spec: SymbolSpec) -> Decimal | None:
    """Return what a position has gained, with swap, in the account's currency; None: it cannot be counted."""
    tick_value = spec.tick_value_profit if gain >= 0 else spec.tick_value_loss
    tick_value = tick_value or spec.tick_value
    if not spec.tick_size or tick_value <= 0:
        return None
    return gain / spec.tick_size * tick_value * position.volume_lots + position.swap


def is_reached(side: Side, target: LadderTarget, price: Decimal) -> bool:
    """Return whether a closing price is at or beyond a target."""
    return (price - target.price) * side.value >= 0
