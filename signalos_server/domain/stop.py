"""An emergency stop's way through its stages, at one account and over all.

A stage that was reached stays reached; repeats and late words change nothing but details.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from signalos_server.domain.control import HeldStop
from signalos_server.domain.words import StopTicketState, StopTriggerKind


@dataclass(frozen=True, slots=True)
class StopTicket:
    """What a stop did to one position or order."""

    ticket: int
    order: bool
    symbol: str
    external: bool
    state: StopTicketState
    message: str = ""
    attempt_count: int = 0
    # As a bridge tells it: seconds until the next call. On record: when that is, on the server's clock.
    next_attempt_seconds: float | None = None
    next_attempt_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A bridge's word on how far a stop has come; ages in seconds when the frame was sent."""

    stop_id: str
    latched_seconds_ago: float | None = None
    quiet_seconds_ago: float | None = None
    cancelled_seconds_ago: float | None = None
    flat_seconds_ago: float | None = None
    tickets: tuple[StopTicket, ...] = ()
    external_order_count: int = 0
    problem: str = ""
    unrecalled_command_ids: tuple[str, ...] = ()
    held: HeldStop | None = None
    complete: bool = False


@dataclass(frozen=True, slots=True)
class AccountStop:
    """How far a stop has come at one account, in times of the server's clock."""

    account_id: str
    reached: bool = False
    latch_time: datetime | None = None
    quiet_time: datetime | None = None
    cancel_time: datetime | None = None
    flat_time: datetime | None = None
    lease_expire_time: datetime | None = None
    tickets: tuple[StopTicket, ...] = ()
    external_order_count: int = 0
    problem: str = ""
    unrecalled_command_ids: tuple[str, ...] = ()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """One emergency stop."""

    stop_id: str
    create_time: datetime
    user_id: str
    reason: str
    close_positions: bool
    source: str
    accounts: tuple[AccountStop, ...] = ()
    rearm_time: datetime | None = None
    trigger: StopTriggerKind = StopTriggerKind.UNSPECIFIED

    @property
    def complete(self) -> bool:
        """Return whether every account reached its last stage."""
        return all(account.complete for account in self.accounts)


@dataclass(frozen=True, slots=True)
class Drill:
    """What one drill measured at one account; None: no word came in time."""

    drill_id: str
    account_id: str
    create_time: datetime
    user_id: str
    reached: bool
    latched_milliseconds: float | None
    terminal_busy: bool


def on_stage(account: AccountStop, stage: Stage, now: datetime) -> AccountStop:
    """Return the account after its bridge's word. Reached stages keep the time that was first told."""
    return replace(
        account,
        reached=True,
        latch_time=account.latch_time or _ago(stage.latched_seconds_ago, now),
        quiet_time=account.quiet_time or _ago(stage.quiet_seconds_ago, now),
        cancel_time=account.cancel_time or _ago(stage.cancelled_seconds_ago, now),
        flat_time=account.flat_time or _ago(stage.flat_seconds_ago, now),
        tickets=_timed(account.tickets, stage.tickets, now) or account.tickets,
        external_order_count=stage.external_order_count,
        problem=stage.problem,
        unrecalled_command_ids=tuple(
            dict.fromkeys((*account.unrecalled_command_ids, *stage.unrecalled_command_ids))
        ),
        complete=account.complete or stage.complete,
    )


def merge(account: AccountStop, other: AccountStop) -> AccountStop:
    """Return what two words on one account say together; `other` is the later one."""
    return replace(
        other,
        reached=account.reached or other.reached,
        latch_time=account.latch_time or other.latch_time,
        quiet_time=account.quiet_time or other.quiet_time,
        cancel_time=account.cancel_time or other.cancel_time,
        flat_time=account.flat_time or other.flat_time,
        lease_expire_time=account.lease_expire_time or other.lease_expire_time,
        tickets=other.tickets or account.tickets,
        unrecalled_command_ids=tuple(
            dict.fromkeys((*account.unrecalled_command_ids, *other.unrecalled_command_ids))
        ),
        complete=account.complete or other.complete,
    )


def _timed(
    before: tuple[StopTicket, ...], told: tuple[StopTicket, ...], now: datetime
) -> tuple[StopTicket, ...]:
    """Return tickets with the instants of their next calls.

    The same attempt keeps the instant that was told first, so that a repeated word changes nothing.
    """
    known = {(ticket.order, ticket.ticket): ticket for ticket in before}
    return tuple(_with_time(known.get((ticket.order, ticket.ticket)), ticket, now) for ticket in told)


def _with_time(before: StopTicket | None, told: StopTicket, now: datetime) -> StopTicket:
    if told.next_attempt_seconds is None:
        return told
    at = now + timedelta(seconds=max(told.next_attempt_seconds, 0.0))
    kept = before.next_attempt_time if before is not None and _same_attempt(before, told) else None
    return replace(told, next_attempt_seconds=None, next_attempt_time=kept or at)


def _same_attempt(before: StopTicket, told: StopTicket) -> bool:
    return (before.attempt_count, before.state) == (told.attempt_count, told.state)


def _ago(seconds: float | None, now: datetime) -> datetime | None:
    return None if seconds is None else now - timedelta(seconds=max(seconds, 0.0))


def flattening(close_positions: bool, account: AccountStop) -> bool:
    """Return whether a stop is still closing positions at this account."""
    # Before the latch nothing closes yet, but it will: a re-arm must not slip in between.
    return close_positions and not account.complete and account.flat_time is None
