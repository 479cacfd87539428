"""An emergency stop's way through its stages, at one account and over all.

A stage that was reached stays reached; repeats and late words change nothing but details.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from signalos_server.domain.control import HeldStop
from signalos_server.domain.words import StopTicketState


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

    @property
    def complete(self) -> bool:
        """Return whether every account reached its last stage."""
        return all(account.complete for account in self.accounts)


def on_stage(account: AccountStop, stage: Stage, now: datetime) -> AccountStop:
    """Return the account after its bridge's word. Reached stages keep the time that was first told."""
    return replace(
        account,
        reached=True,
        latch_time=account.latch_time or _ago(stage.latched_seconds_ago, now),
        quiet_time=account.quiet_time or _ago(stage.quiet_seconds_ago, now),
        cancel_time=account.cancel_time or _ago(stage.cancelled_seconds_ago, now),
        flat_time=account.flat_time or _ago(stage.flat_seconds_ago, now),
        tickets=stage.tickets or account.tickets,
        external_order_count=stage.external_order_count,
        problem=stage.problem,
        unrecalled_command_ids=tuple(
            dict.fromkeys((*account.unrecalled_command_ids, *stage.unrecalled_command_ids))
        ),
        complete=account.complete or stage.complete,
    )


def _ago(seconds: float | None, now: datetime) -> datetime | None:
    return None if seconds is None else now - timedelta(seconds=max(seconds, 0.0))


def flattening(close_positions: bool, account: AccountStop) -> bool:
    """Return whether a stop is still closing positions at this account."""
    # Before the latch nothing closes yet, but it will: a re-arm must not slip in between.
    return close_positions and not account.complete and account.flat_time is None
