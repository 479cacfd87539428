"""Signals and decisions as they are kept, and how the one follows from the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from signalos_server.domain.dealing.decide import Plan, Step
from signalos_server.domain.identifiers import derived_identifier
from signalos_server.domain.pipeline.words import HeldFor, SignalOutcome, SignalState
from signalos_server.domain.signals.model import Gate, Kind, Parse
from signalos_server.domain.words import OrderType, Side

_O = SignalOutcome


@dataclass(frozen=True, slots=True)
class PlannedLeg:
    """A share of a planned order; no target: it runs open."""

    volume_lots: Decimal
    take_profit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class SignalPlan:
    """The order that a signal makes at an account. Money is in the account's currency."""

    symbol: str
    side: Side
    order_type: OrderType
    volume_lots: Decimal
    risk_money: Decimal
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    # None: the same as `risk_money`.
    worst_case_money: Decimal | None = None
    legs: tuple[PlannedLeg, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalDecision:
    """What one account does with one action of a signal.

    `approve_time`: a person said yes to it then, or had it replayed. `round` counts the times that commands
    came of it, so that each has a key of its own. `alerted`: people were told that it waits for a terminal.
    """

    decision_id: str
    signal_id: str
    source_id: str
    account_id: str
    action_index: int
    attempt: int
    kind: Kind
    outcome: SignalOutcome = SignalOutcome.PENDING
    code: str = ""
    message: str = ""
    steps: tuple[Step, ...] = ()
    plan: SignalPlan | None = None
    command_ids: tuple[str, ...] = ()
    trade_ids: tuple[str, ...] = ()
    candidate_trade_ids: tuple[str, ...] = ()
    chosen_trade_ids: tuple[str, ...] = ()
    decide_time: datetime | None = None
    expire_time: datetime | None = None
    user_id: str = ""
    approve_time: datetime | None = None
    held_for: HeldFor = HeldFor.NOTHING
    held_since: datetime | None = None
    alerted: bool = False
    round: int = 0

    @property
    def opens(self) -> bool:
        """Return whether it is of an order."""
        return self.kind is Kind.OPEN


@dataclass(frozen=True, slots=True)
class Signal:
    """One message of a source. `parsed` None: not read yet.

    `edited` and `deleted` as the source says, or as its name of the message shows. `version` rises with each
    change.
    """

    signal_id: str
    user_id: str
    source_id: str
    source_name: str
    text: str
    create_time: datetime
    say_time: datetime
    update_time: datetime
    external_id: str = ""
    sender: str = ""
    reply_to_external_id: str = ""
    reply_to_signal_id: str = ""
    revises_signal_id: str = ""
    edited: bool = False
    deleted: bool = False
    parsed: Parse | None = None
    state: SignalState = SignalState.RECEIVED
    steps: tuple[Step, ...] = ()
    version: int = 1

    @property
    def actions(self) -> tuple[Parse, ...]:
        """Return what is to be done, each under the gate of the whole message."""
        if self.parsed is None:
            return ()
        return tuple(
            replace(action, gate=self.parsed.gate)
            for action in (self.parsed, *self.parsed.also)
            if action.kind is not Kind.NONE
        )


@dataclass(frozen=True, slots=True)
class SignalView:
    """A signal with its decisions, as its people see it."""

    signal: Signal
    decisions: tuple[SignalDecision, ...]


OUTCOMES: dict[SignalOutcome, frozenset[SignalOutcome]] = {
    _O.PENDING: frozenset((_O.SENT, _O.APPROVAL, _O.QUESTION, _O.HELD, _O.SKIPPED, _O.DENIED, _O.WITHDRAWN)),
    # A person's yes makes it pending again.
    _O.APPROVAL: frozenset((_O.PENDING, _O.REJECTED, _O.EXPIRED, _O.WITHDRAWN)),
    _O.QUESTION: frozenset((_O.PENDING, _O.REJECTED, _O.EXPIRED, _O.WITHDRAWN)),
    _O.HELD: frozenset(
        (
            *(_O.PENDING, _O.SENT, _O.APPROVAL, _O.QUESTION, _O.HELD, _O.SKIPPED, _O.DENIED, _O.REJECTED),
            *(_O.EXPIRED, _O.WITHDRAWN),
        )
    ),
    # What was sent to reduce a risk, and was not done, is asked about.
    _O.SENT: frozenset((_O.QUESTION,)),
    **{over: frozenset() for over in (_O.SKIPPED, _O.DENIED, _O.REJECTED, _O.EXPIRED, _O.WITHDRAWN)},
}


class InvalidOutcome(Exception):  # noqa: N818 - named for what is wrong
    """A decision does not lead there."""


def moved(decision: SignalDecision, outcome: SignalOutcome, now: datetime) -> SignalDecision:
    """Return the decision with another outcome, waiting for nothing. Raises `InvalidOutcome`."""
    if outcome not in OUTCOMES[decision.outcome]:
        raise InvalidOutcome(f"{decision.outcome.name} does not become {outcome.name}")
    return replace(
        decision,
        outcome=outcome,
        decide_time=now,
        expire_time=None,
        held_for=HeldFor.NOTHING,
        held_since=None,
    )


def ended(
    decision: SignalDecision, outcome: SignalOutcome, code: str, message: str, now: datetime
) -> SignalDecision:
    """Return the decision as it ends, with a last step that says why."""
    step = Step(outcome.name.lower(), False, code, message, time=now)
    return replace(moved(decision, outcome, now), code=code, message=message, steps=(*decision.steps, step))


def state_of(signal: Signal, decisions: Iterable[SignalDecision]) -> SignalState:
    """Return where a signal stands: a person's wait first, then what is undecided, then what was sent."""
    if signal.parsed is None and not signal.steps:
        return SignalState.RECEIVED
    outcomes = {decision.outcome for decision in decisions}
    if any(outcome.asks for outcome in outcomes):
        return SignalState.WAITING
    if outcomes & {_O.PENDING, _O.HELD}:
        return SignalState.RECEIVED
    if _O.SENT in outcomes:
        return SignalState.ACTED
    if not outcomes and signal.parsed is not None and signal.parsed.gate is Gate.NONE:
        return SignalState.NO_ACTION
    return SignalState.NOT_TRADED


def only_observed(decisions: Iterable[SignalDecision]) -> bool:
    """Return whether an order was decided for show alone: nothing was sent for it, and nothing waits.

    Such a one does not make a later order a repetition. What is undecided, or that anybody was asked about,
    is not only observed.
    """
    found = list(decisions)
    return any(one.code == "OBSERVED" for one in found) and all(
        one.outcome in (_O.SKIPPED, _O.DENIED) and not one.command_ids for one in found
    )


def decision_id_of(signal_id: str, attempt: int, action_index: int, account_id: str) -> str:
    """Return the id of a decision: the same whenever it is made."""
    return derived_identifier("dec", signal_id, attempt, action_index, account_id)


def request_id_of(decision: SignalDecision, number: int) -> str:
    """Return the key of the command `number` that comes of a decision in its present round."""
    return derived_identifier("req", decision.decision_id, decision.round, number)


def plan_of(plan: Plan) -> SignalPlan:
    """Return a decided plan as it is kept."""
    action = plan.action
    return SignalPlan(
        symbol=action.symbol,
        side=action.side,
        order_type=action.order_type,
        volume_lots=plan.sized.volume_lots,
        risk_money=plan.sized.risk_money,
        price=action.price,
        stop_loss=action.stop_loss,
        worst_case_money=plan.worst_case_money,
        legs=tuple(PlannedLeg(leg.volume_lots, leg.take_profit) for leg in plan.legs),
    )
