"""The lifecycle of a command at the bridge, its legs and their attempts, as tables.

A leg is one order or one ticket. What becomes of a command follows from its legs; `judge` says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from signalos_bridge.domain.orders import Order
from signalos_bridge.domain.values import (
    CloseAllAction,
    Command,
    CommandState,
    LegReport,
    LegState,
    LocalStart,
    Outcome,
)


class CommandEvent(Enum):
    """What can happen to a command."""

    BEGUN = "begun"
    EXECUTED = "executed"
    EXECUTED_IN_PART = "executed in part"
    REFUSED = "refused"
    TIME_OVER = "time over"
    TAKEN_BACK = "taken back"
    FENCED = "fenced"
    AMBIGUOUS = "ambiguous"


class LegEvent(Enum):
    """What can happen to a leg."""

    INTENT = "intent"
    ACCEPTED = "accepted"
    FILLED = "filled"
    FILLED_IN_PART = "filled in part"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"


class InvalidTransition(Exception):  # noqa: N818 (it names what happened)
    """The machine was told something that cannot happen in its state."""


_ENDS: dict[CommandEvent, CommandState] = {
    CommandEvent.EXECUTED: CommandState.SUCCEEDED,
    CommandEvent.EXECUTED_IN_PART: CommandState.PARTIAL,
    CommandEvent.REFUSED: CommandState.REJECTED,
    CommandEvent.TIME_OVER: CommandState.EXPIRED,
    CommandEvent.TAKEN_BACK: CommandState.CANCELLED,
    CommandEvent.FENCED: CommandState.FENCED,
    CommandEvent.AMBIGUOUS: CommandState.UNKNOWN,
}

COMMAND_TRANSITIONS: dict[tuple[CommandState, CommandEvent], CommandState] = {
    (CommandState.DELIVERED, CommandEvent.BEGUN): CommandState.RUNNING,
    **{(CommandState.DELIVERED, event): state for event, state in _ENDS.items()},
    (CommandState.RUNNING, CommandEvent.BEGUN): CommandState.RUNNING,
    (CommandState.RUNNING, CommandEvent.EXECUTED): CommandState.SUCCEEDED,
    (CommandState.RUNNING, CommandEvent.EXECUTED_IN_PART): CommandState.PARTIAL,
    (CommandState.RUNNING, CommandEvent.REFUSED): CommandState.REJECTED,
    # The terminal was asked and refused before the time, the fence or the caller ended it: it was refused.
    (CommandState.RUNNING, CommandEvent.TIME_OVER): CommandState.REJECTED,
    (CommandState.RUNNING, CommandEvent.TAKEN_BACK): CommandState.REJECTED,
    (CommandState.RUNNING, CommandEvent.FENCED): CommandState.REJECTED,
    (CommandState.RUNNING, CommandEvent.AMBIGUOUS): CommandState.UNKNOWN,
    (CommandState.UNKNOWN, CommandEvent.AMBIGUOUS): CommandState.UNKNOWN,
    (CommandState.UNKNOWN, CommandEvent.EXECUTED): CommandState.SUCCEEDED,
    (CommandState.UNKNOWN, CommandEvent.EXECUTED_IN_PART): CommandState.PARTIAL,
    (CommandState.UNKNOWN, CommandEvent.REFUSED): CommandState.REJECTED,
    (CommandState.UNKNOWN, CommandEvent.TIME_OVER): CommandState.REJECTED,
    (CommandState.UNKNOWN, CommandEvent.TAKEN_BACK): CommandState.REJECTED,
    (CommandState.UNKNOWN, CommandEvent.FENCED): CommandState.REJECTED,
    # It was said not to have happened, and then it was seen: a correction, which a person is told of.
    (CommandState.REJECTED, CommandEvent.EXECUTED): CommandState.SUCCEEDED,
    (CommandState.REJECTED, CommandEvent.EXECUTED_IN_PART): CommandState.PARTIAL,
    (CommandState.PARTIAL, CommandEvent.EXECUTED): CommandState.SUCCEEDED,
    (CommandState.PARTIAL, CommandEvent.EXECUTED_IN_PART): CommandState.PARTIAL,
}

LEG_TRANSITIONS: dict[tuple[LegState, LegEvent], LegState] = {
    (LegState.PLANNED, LegEvent.INTENT): LegState.CALLING,
    (LegState.PLANNED, LegEvent.REFUSED): LegState.NOT_DONE,
    # A further attempt, after a definite "not done".
    (LegState.CALLING, LegEvent.INTENT): LegState.CALLING,
    (LegState.CALLING, LegEvent.ACCEPTED): LegState.PLACED,
    (LegState.CALLING, LegEvent.FILLED): LegState.DONE,
    (LegState.CALLING, LegEvent.FILLED_IN_PART): LegState.PARTIAL,
    (LegState.CALLING, LegEvent.REFUSED): LegState.NOT_DONE,
    (LegState.CALLING, LegEvent.AMBIGUOUS): LegState.UNKNOWN,
    (LegState.PLACED, LegEvent.FILLED): LegState.DONE,
    (LegState.PLACED, LegEvent.FILLED_IN_PART): LegState.PARTIAL,
    (LegState.PLACED, LegEvent.REFUSED): LegState.NOT_DONE,
    (LegState.PLACED, LegEvent.AMBIGUOUS): LegState.UNKNOWN,
    (LegState.UNKNOWN, LegEvent.FILLED): LegState.DONE,
    (LegState.UNKNOWN, LegEvent.FILLED_IN_PART): LegState.PARTIAL,
    (LegState.UNKNOWN, LegEvent.REFUSED): LegState.NOT_DONE,
    (LegState.UNKNOWN, LegEvent.AMBIGUOUS): LegState.UNKNOWN,
    (LegState.UNKNOWN, LegEvent.ACCEPTED): LegState.PLACED,
    # Corrections.
    (LegState.NOT_DONE, LegEvent.FILLED): LegState.DONE,
    (LegState.NOT_DONE, LegEvent.FILLED_IN_PART): LegState.PARTIAL,
    (LegState.PARTIAL, LegEvent.FILLED): LegState.DONE,
    (LegState.PARTIAL, LegEvent.FILLED_IN_PART): LegState.PARTIAL,
}


def next_command_state(state: CommandState, event: CommandEvent) -> CommandState:
    """Return the state after an event; raises `InvalidTransition`."""
    try:
        return COMMAND_TRANSITIONS[state, event]
    except KeyError:
        raise InvalidTransition(f"a command that is {state.value} cannot be {event.value}") from None


def next_leg_state(state: LegState, event: LegEvent) -> LegState:
    """Return the state after an event; raises `InvalidTransition`."""
    try:
        return LEG_TRANSITIONS[state, event]
    except KeyError:
        raise InvalidTransition(f"a leg that is {state.value} cannot be {event.value}") from None


@dataclass(frozen=True, slots=True)
class HiddenLevels:
    """Levels that the bridge guards from the fill on, in place of the broker.

    `target_only`: the broker holds the real stop, and `stop_loss` is None.
    """

    stop_loss: Decimal | None
    take_profit: Decimal | None
    target_only: bool = False


@dataclass(frozen=True, slots=True)
class LevelChange:
    """Hidden levels that a command gives a position.

    `only_tighter`: a stop that is tighter by then stays, and so does the take profit.
    """

    identifier: int
    levels: HiddenLevels
    loosening: bool
    words: str
    only_tighter: bool = False


@dataclass(frozen=True, slots=True)
class OrderLevels:
    """Hidden levels that a command gives a working order, to be guarded from its fill on."""

    ticket: int
    magic: int
    levels: HiddenLevels


@dataclass(frozen=True, slots=True)
class Leg:
    """One order or one ticket of a command.

    `order` None: nothing is asked of the terminal (adopting, hidden levels); the leg is then DONE at once.
    `since_msc` is a broker time that certainly lies before the first call, from which records are searched.
    `settle_seconds` is how long an ambiguity must have rested before "not done" is believed. `level_change`
    and `order_levels` are journalled with the leg's success, and not without it.
    """

    index: int
    magic: int
    order: Order | None
    asked_volume_lots: Decimal
    ticket: int = 0
    position_identifier: int = 0
    state: LegState = LegState.PLANNED
    filled_volume_lots: Decimal = Decimal(0)
    price: Decimal | None = None
    order_ticket: int = 0
    deal_ticket: int = 0
    retcode: int | None = None
    code: str = ""
    message: str = ""
    attempt_count: int = 0
    called: bool = False
    since_msc: int = 0
    settle_seconds: int = 0
    terminal_seconds: float = 0.0
    hidden: HiddenLevels | None = None
    level_change: LevelChange | None = None
    order_levels: OrderLevels | None = None

    def apply(self, event: LegEvent) -> Leg:
        """Return the leg in its next state; raises `InvalidTransition`."""
        return replace(self, state=next_leg_state(self.state, event))

    @property
    def open(self) -> bool:
        """Return whether the terminal may still do something for this leg."""
        return self.state in (LegState.CALLING, LegState.PLACED, LegState.UNKNOWN)

    def report(self) -> LegReport:
        """Return what the server is told."""
        return LegReport(
            index=self.index,
            state=self.state,
            magic=self.magic,
            ticket=self.ticket,
            asked_volume_lots=self.asked_volume_lots,
            filled_volume_lots=self.filled_volume_lots,
            price=self.price,
            order_ticket=self.order_ticket,
            deal_ticket=self.deal_ticket,
            retcode=self.retcode,
            message=self.message,
            attempt_count=self.attempt_count,
            position_identifier=self.position_identifier,
        )


# Codes of refusals that end a command otherwise than REJECTED, while nothing of it was called.
EXPIRED = "EXPIRED_IN_QUEUE"
TAKEN_BACK = "CANCELLED"
FENCED = "FENCED"
# The terminal's own record says that it did not happen.
NOT_EXECUTED = "NOT_EXECUTED"
POSITION_GONE = "POSITION_GONE"
AMBIGUOUS = "OUTCOME_UNKNOWN"

_ENDING_OF_CODE: dict[str, CommandEvent] = {
    EXPIRED: CommandEvent.TIME_OVER,
    TAKEN_BACK: CommandEvent.TAKEN_BACK,
    FENCED: CommandEvent.FENCED,
}
_EXECUTED = (LegState.DONE, LegState.PARTIAL)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a command's legs amount to."""

    event: CommandEvent
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command with everything that the journal keeps of it. `legs` None: it is not expanded yet.

    Instants are `Clock.seconds` and mean nothing after a restart. `note` says what was done otherwise than
    asked (fewer legs, for instance).
    """

    command: Command
    number: int
    state: CommandState
    legs: tuple[Leg, ...] | None
    received_wall_msc: int
    received_at: float
    first_call_at: float | None = None
    outcome_number: int = 0
    note: str = ""
    refusal_code: str = ""
    refusal_message: str = ""

    def with_leg(self, leg: Leg) -> CommandRecord:
        """Return the standing with one leg replaced."""
        assert self.legs is not None
        return replace(self, legs=tuple(leg if old.index == leg.index else old for old in self.legs))

    @property
    def unresolved(self) -> tuple[Leg, ...]:
        """Return the legs of which the terminal may have done something that nobody knows yet."""
        return tuple(leg for leg in self.legs or () if leg.open)


def judge(standing: CommandRecord) -> Verdict | None:
    """Return what a command has come to, None while a leg is still planned or being called.

    Legs whose outcome nobody knows make it UNKNOWN; it is judged again once they are resolved.
    """
    legs = standing.legs
    if standing.refusal_code:
        event = _ENDING_OF_CODE.get(standing.refusal_code, CommandEvent.REFUSED)
        return Verdict(event, standing.refusal_code, standing.refusal_message)
    if legs is None or any(leg.state in (LegState.PLANNED, LegState.CALLING) for leg in legs):
        return None
    open_legs = [leg for leg in legs if leg.state in (LegState.PLACED, LegState.UNKNOWN)]
    if open_legs:
        words = "; ".join(leg.message for leg in open_legs if leg.message)
        return Verdict(CommandEvent.AMBIGUOUS, AMBIGUOUS, words or "the outcome is not known yet")
    counted = legs
    if isinstance(standing.command.action, CloseAllAction):
        # What was gone before its turn needed no closing.
        counted = tuple(leg for leg in legs if leg.code != POSITION_GONE)
    missed = [leg for leg in counted if leg.state is LegState.NOT_DONE]
    if not missed and all(leg.state is LegState.DONE for leg in counted):
        return Verdict(CommandEvent.EXECUTED, "", standing.note)
    if any(leg.state in _EXECUTED for leg in counted):
        return Verdict(
            CommandEvent.EXECUTED_IN_PART, _code_of_part(counted), _words_of_part(standing, counted)
        )
    first = missed[0]
    event = _ENDING_OF_CODE.get(first.code, CommandEvent.REFUSED)
    return Verdict(event, first.code, first.message)


def _code_of_part(legs: Sequence[Leg]) -> str:
    refused = next((leg.code for leg in legs if leg.state is LegState.NOT_DONE and leg.code), "")
    return refused or "PARTLY_FILLED"


def _words_of_part(standing: CommandRecord, legs: Sequence[Leg]) -> str:
    asked = sum((leg.asked_volume_lots for leg in legs), Decimal(0))
    filled = sum((leg.filled_volume_lots for leg in legs), Decimal(0))
    done = sum(leg.state is LegState.DONE for leg in legs)
    words = [f"{filled} of {asked} lots were executed" if asked else f"{done} of {len(legs)} were done"]
    words += [leg.message for leg in legs if leg.state is not LegState.DONE and leg.message][:3]
    if standing.note:
        words.append(standing.note)
    return "; ".join(words)


def outcome_of(standing: CommandRecord, verdict: Verdict) -> Outcome:
    """Return what the server is told of a standing whose state and outcome number are set already."""
    legs = standing.legs or ()
    command = standing.command
    local = None
    if command.origin.is_bridge:
        local = LocalStart(
            command.origin, command.action, command.cause, standing.received_wall_msc, command.stop_id
        )
    began = standing.first_call_at
    return Outcome(
        command_id=command.command_id,
        outcome_number=standing.outcome_number,
        state=standing.state,
        reason=verdict.reason,
        message=verdict.message,
        legs=tuple(leg.report() for leg in legs),
        asked_volume_lots=sum((leg.asked_volume_lots for leg in legs), Decimal(0)),
        filled_volume_lots=sum((leg.filled_volume_lots for leg in legs), Decimal(0)),
        queue_seconds=None if began is None else max(0.0, began - standing.received_at),
        terminal_seconds=sum(leg.terminal_seconds for leg in legs) if began is not None else None,
        local=local,
    )
