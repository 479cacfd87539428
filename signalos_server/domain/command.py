"""A command's life: what was asked, where it stands, and what each word about it changes.

The table is the lifecycle. Time is a `Moment`: within one start of the server the monotonic clock decides,
never the wall clock; across a restart the stored wall dead-line counts only when it can be believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from signalos_server.domain.actions import Action
from signalos_server.domain.words import CommandOrigin, CommandState, LegState

# An undelivered command that increases risk must have this much left to outlive a restart of the server.
MINIMUM_LEFT_AFTER_RESTART = timedelta(seconds=1)
# Wall and monotonic clock may drift apart by this much before it counts as a jump.
CLOCK_JUMP = timedelta(seconds=1)

_S = CommandState


class CommandEvent(Enum):
    """What can be said about a command."""

    JOURNALLED = "journalled"
    BEGUN = "begun"
    EXECUTED = "executed"
    EXECUTED_IN_PART = "executed in part"
    REFUSED = "refused"
    TIME_OVER = "time over"
    TAKEN_BACK = "taken back"
    FENCED = "fenced"
    AMBIGUOUS = "ambiguous"
    MEMORY_LOST = "memory lost"
    """The bridge was revoked or came with a new journal."""


_E = CommandEvent
_OPEN = (_S.PENDING, _S.DELIVERED, _S.RUNNING)
_OUTCOMES = {
    _E.EXECUTED: _S.SUCCEEDED,
    _E.EXECUTED_IN_PART: _S.PARTIAL,
    _E.REFUSED: _S.REJECTED,
    _E.TIME_OVER: _S.EXPIRED,
    _E.TAKEN_BACK: _S.CANCELLED,
    _E.FENCED: _S.FENCED,
}

TRANSITIONS: dict[tuple[CommandState, CommandEvent], CommandState] = {
    (_S.PENDING, _E.JOURNALLED): _S.DELIVERED,
    (_S.PENDING, _E.BEGUN): _S.RUNNING,
    (_S.DELIVERED, _E.JOURNALLED): _S.DELIVERED,
    (_S.DELIVERED, _E.BEGUN): _S.RUNNING,
    # Receipts are repeated and may come late; they never lead back.
    (_S.RUNNING, _E.JOURNALLED): _S.RUNNING,
    (_S.RUNNING, _E.BEGUN): _S.RUNNING,
    (_S.UNKNOWN, _E.JOURNALLED): _S.UNKNOWN,
    (_S.UNKNOWN, _E.BEGUN): _S.UNKNOWN,
    # The bridge acted though its receipt was lost: what the terminal did counts, from wherever we stand.
    # UNKNOWN leads to any final state, resolved against the terminal's records or by a person.
    **{(state, event): final for state in (*_OPEN, _S.UNKNOWN) for event, final in _OUTCOMES.items()},
    **{(state, _E.AMBIGUOUS): _S.UNKNOWN for state in (*_OPEN, _S.UNKNOWN)},
    **{(state, _E.MEMORY_LOST): _S.UNKNOWN for state in (*_OPEN, _S.UNKNOWN)},
    # What has ended stays ended under repeats and late words.
    **{
        (state, event): state
        for state in _OUTCOMES.values()
        for event in (_E.JOURNALLED, _E.BEGUN, _E.MEMORY_LOST)
    },
}

_EVENT_OF_STATE = {
    _S.DELIVERED: _E.JOURNALLED,
    _S.RUNNING: _E.BEGUN,
    _S.UNKNOWN: _E.AMBIGUOUS,
    **{state: event for event, state in _OUTCOMES.items()},
}


class InvalidTransition(Exception):  # noqa: N818 - named for what is wrong
    """The command's state does not admit this event."""

    def __init__(self, state: CommandState, event: CommandEvent) -> None:
        super().__init__(f"{event.name} in {state.name}")
        self.state = state
        self.event = event


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of the server's clocks.

    `monotonic_seconds` runs on across restarts of the server on one machine, and `machine_boot` names the
    run of that clock; `server_boot` is new at each start of the server.
    """

    wall: datetime
    monotonic_seconds: float
    server_boot: str
    machine_boot: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One order or one ticket of a command; tickets and identifiers are 0 where there is none."""

    index: int
    state: LegState
    magic: int = 0
    ticket: int = 0
    asked_volume_lots: Decimal = Decimal(0)
    filled_volume_lots: Decimal = Decimal(0)
    price: Decimal | None = None
    order_ticket: int = 0
    deal_ticket: int = 0
    retcode: int | None = None
    message: str = ""
    attempt_count: int = 0
    position_identifier: int = 0


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked of a terminal, and what became of it.

    `offered_epoch` is the last session that it was handed to, None while it was to none: only then may the
    server end it by itself. `increases_risk`: it opens, or can increase exposure, so that stops fence it.
    """

    command_id: str
    account_id: str
    origin: CommandOrigin
    state: CommandState
    action: Action
    create_time: datetime
    time_to_live: timedelta
    stop_generation: int
    increases_risk: bool
    accepted: Moment
    user_id: str = ""
    request_id: str = ""
    automated: bool = False
    offered_epoch: int | None = None
    outcome_number: int = 0
    trade_id: str = ""
    order_id: str = ""
    legs: tuple[Leg, ...] = ()
    reason: str = ""
    message: str = ""
    deliver_time: datetime | None = None
    run_time: datetime | None = None
    end_time: datetime | None = None
    asked_volume_lots: Decimal = Decimal(0)
    filled_volume_lots: Decimal = Decimal(0)
    resolved_by_person: bool = False
    cancel_wanted: bool = False
    # The signal that caused it; empty: none.
    signal_id: str = ""

    @property
    def is_final(self) -> bool:
        """Return whether it has ended, and how is known."""
        return self.state.is_final


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a bridge says became of a command. `state` is final or UNKNOWN."""

    command_id: str
    outcome_number: int
    state: CommandState
    reason: str = ""
    message: str = ""
    legs: tuple[Leg, ...] = ()
    asked_volume_lots: Decimal = Decimal(0)
    filled_volume_lots: Decimal = Decimal(0)
    queue_seconds: float | None = None
    terminal_seconds: float | None = None
    age_seconds: float | None = None
    """For how long the bridge had the command when it told this; None: it does not know."""


class Change(Enum):
    """What an outcome did to the record."""

    NOTHING = "nothing"
    """A repeat, or older than what is on record."""
    APPLIED = "applied"
    CORRECTED = "corrected"
    """It contradicts a final state that was told before: applied, and a person has to know."""


def apply(state: CommandState, event: CommandEvent) -> CommandState:
    """Return the state after `event`. Raises `InvalidTransition`."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise InvalidTransition(state, event) from None


def on_receipt(command: Command, state: CommandState, now: datetime) -> Command:
    """Return the command after the bridge said DELIVERED or RUNNING; the same one where that is no news."""
    after = apply(command.state, _EVENT_OF_STATE[state])
    if after is command.state:
        return command
    delivered = command.deliver_time or now
    run = now if after is _S.RUNNING else command.run_time
    return replace(command, state=after, deliver_time=delivered, run_time=run)


def on_outcome(command: Command, outcome: Outcome, now: datetime) -> tuple[Command, Change]:
    """Return the command after the bridge's word on what became of it.

    A higher `outcome_number` is a declared correction. UNKNOWN to final is what corrections are for; any
    other is applied too, because the terminal's records outrank ours, and is reported as CORRECTED.
    """
    if outcome.outcome_number <= command.outcome_number:
        return command, Change.NOTHING
    change = Change.APPLIED
    if command.state.is_final:
        same = outcome.state is command.state and outcome.filled_volume_lots == command.filled_volume_lots
        # A person says that it was executed, not how much of it: the records add to that, and agree.
        same = same or (command.resolved_by_person and command.state.executed and outcome.state.executed)
        change = Change.APPLIED if same else Change.CORRECTED
        state = outcome.state
    else:
        state = apply(command.state, _EVENT_OF_STATE[outcome.state])
    ran = outcome.terminal_seconds is not None or any(leg.attempt_count for leg in outcome.legs)
    # Its receipts may have been left out because the outcome came so soon, or were lost.
    delivered, run = command.deliver_time or now, now
    if outcome.age_seconds is not None:
        told = now - timedelta(seconds=outcome.age_seconds)
        delivered = command.deliver_time or max(told, command.create_time)
        run = min(now, max(delivered, told + timedelta(seconds=outcome.queue_seconds or 0.0)))
    after = replace(
        command,
        state=state,
        outcome_number=outcome.outcome_number,
        reason=outcome.reason,
        message=outcome.message,
        legs=outcome.legs,
        asked_volume_lots=outcome.asked_volume_lots,
        filled_volume_lots=outcome.filled_volume_lots,
        deliver_time=delivered,
        run_time=command.run_time or (run if ran else None),
        end_time=now if state.is_final else None,
        # A person's word is kept where the terminal's records agree with it.
        resolved_by_person=command.resolved_by_person and change is not Change.CORRECTED,
    )
    return after, change


def end_unoffered(command: Command, event: CommandEvent, reason: str, message: str, now: datetime) -> Command:
    """End a command that no bridge has ever been handed. Raises `InvalidTransition` once one was."""
    if command.offered_epoch is not None or command.state is not _S.PENDING:
        raise InvalidTransition(command.state, event)
    return _ended(command, event, reason, message, now)


def end_never_seen(
    command: Command, event: CommandEvent, reason: str, message: str, now: datetime
) -> Command:
    """End a command that was offered, but which the bridge's journal says it has never seen."""
    if command.state is not _S.PENDING:
        raise InvalidTransition(command.state, event)
    return _ended(command, event, reason, message, now)


def lose_memory(command: Command, reason: str, message: str) -> Command:
    """Return what is left to say about a command whose bridge was revoked or lost its journal.

    One that was never offered is untouched: nobody can have executed it.
    """
    if command.offered_epoch is None or command.is_final:
        return command
    state = apply(command.state, _E.MEMORY_LOST)
    if state is command.state:
        return command
    return replace(command, state=state, reason=reason, message=message)


def resolve(command: Command, *, executed_ticket: int | None, message: str, now: datetime) -> Command:
    """Return the command as a person resolved it. Raises `InvalidTransition` unless it is UNKNOWN."""
    event = _E.EXECUTED if executed_ticket else _E.REFUSED
    if command.state is not _S.UNKNOWN:
        raise InvalidTransition(command.state, event)
    reason = "RESOLVED_EXECUTED" if executed_ticket else "RESOLVED_NOT_EXECUTED"
    return replace(_ended(command, event, reason, message, now), resolved_by_person=True)


def _ended(command: Command, event: CommandEvent, reason: str, message: str, now: datetime) -> Command:
    return replace(command, state=apply(command.state, event), reason=reason, message=message, end_time=now)


def time_left(command: Command, now: Moment) -> timedelta:
    """Return how much of the time to live is left; negative once it is over.

    Counted on the monotonic clock where it ran on since the command was accepted, else on the wall clock.
    """
    accepted = command.accepted
    if accepted.machine_boot == now.machine_boot:
        age = timedelta(seconds=now.monotonic_seconds - accepted.monotonic_seconds)
    else:
        age = now.wall - accepted.wall
    return command.time_to_live - age


def outlives_restart(command: Command, now: Moment) -> bool:
    """Return whether a command that was accepted before the server's last start may still be sent.

    What reduces risk may while its time lasts. What increases risk needs a second left by both clocks, and
    clocks that agree: a machine that was booted since proves nothing.
    """
    left = time_left(command, now)
    accepted = command.accepted
    if accepted.server_boot == now.server_boot or not command.increases_risk:
        return left > timedelta(0)
    if accepted.machine_boot != now.machine_boot:
        return False
    left_by_wall = command.time_to_live - (now.wall - accepted.wall)
    jumped = abs(left_by_wall - left) > CLOCK_JUMP
    return not jumped and min(left, left_by_wall) >= MINIMUM_LEFT_AFTER_RESTART


class Fate(Enum):
    """What a server does with an open command that a bridge has not seen."""

    SEND = "send"
    EXPIRE = "expire"
    FENCE = "fence"
    TAKE_BACK = "take back"


def fate_of_unseen(command: Command, *, now: Moment, stop_generation: int, stopped: bool) -> Fate:
    """Return what to do with a command that no journal holds, before it is sent (again)."""
    if command.cancel_wanted:
        return Fate.TAKE_BACK
    if not outlives_restart(command, now):
        return Fate.EXPIRE
    if command.increases_risk and (stopped or command.stop_generation < stop_generation):
        return Fate.FENCE
    return Fate.SEND
