"""Looking at the terminal again and again, and telling only what is different.

`Look.poll` is a generator with a step for each call into the terminal, so that its driver can let an order
pass between any two. Nothing is told as a fact before the terminal is connected, the bound account is logged
in, and what it shows is plausible.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from signalos_bridge.domain.broker_time import BrokerClock
from signalos_bridge.domain.market import (
    AccountSnapshot,
    Position,
    TerminalStatus,
    WorkingOrder,
)
from signalos_bridge.terminal.frames import Facts, PollSettings
from signalos_bridge.terminal.history_window import HistoryWindow
from signalos_bridge.terminal.metatrader5 import PIPE_CODES, CallFailed, MetaTrader5
from signalos_bridge.terminal.port import (
    AccountChanged,
    HistoryAppeared,
    OrdersChanged,
    PositionsChanged,
    StatusChanged,
    TerminalChange,
    Watch,
    WatchStarted,
)
from signalos_bridge.terminal.quotes import Quotes
from signalos_bridge.terminal.status import same_status, status_of, status_without_terminal

log = logging.getLogger(__name__)

_ATTACH_BACKOFF_SECONDS = (0.25, 0.5, 1.0, 2.0, 5.0)
# About a minute. The package keeps state in its module, which a new process does not inherit.
_ATTACH_TRIES = 15
_NO_PIPE = -10004
_CALL_FAILED = -1
_FAILURES_UNTIL_ATTACH = 3
# After a log-in or a reconnect, zero money and no positions are not facts for a while.
_ZERO_BALANCE_SECONDS = 10.0
_EMPTY_SECONDS = 1.5
_STATUS_REPEAT_SECONDS = 5.0

Emit = Callable[[TerminalChange], None]
Announce = Callable[[float], None]


class Look:
    """The watch of one terminal. `announce` is told before a call that may take long."""

    def __init__(
        self,
        terminal: MetaTrader5,
        settings: PollSettings,
        watch: Watch,
        emit: Emit,
        announce: Announce,
        attach_seconds: float,
        utc_offset_seconds: int | None = None,
    ) -> None:
        self._terminal = terminal
        self._settings = settings
        self._emit = emit
        self._announce = announce
        self._attach_seconds = attach_seconds
        self._quotes = Quotes(terminal, emit, BrokerClock(utc_offset_seconds))
        self._quotes.watch(watch)
        self._history = HistoryWindow(terminal)
        self._attached = False
        self._attach_failures = 0
        self._attach_at = 0.0
        self._failures = 0
        self._error: tuple[int, str] | None = None
        self._status = status_without_terminal()
        self._account: AccountSnapshot | None = None
        self._status_at = 0.0
        self._told: tuple[float, TerminalStatus] | None = None
        self._linked_at: float | None = None
        self._linked_login: int | None = None
        self._why_not: str | None = "the terminal has not been reached yet"
        self._begin: str | None = "started"
        self._positions_raw: tuple[Any, ...] = ()
        self._positions: dict[int, tuple[Any, Position]] = {}
        self._orders_raw: tuple[Any, ...] = ()
        self._orders: dict[int, tuple[Any, WorkingOrder]] = {}
        self._account_raw: Any = None
        self._account_at = 0.0
        # The account as this poll has read it already; None: it has not, or an order passed since.
        self._account_read: Any = None
        self._odd_since: float | None = None
        self._orders_made = 0
        self._told_beside: set[int] = set()
        self.last_read_at: float | None = None

    @property
    def interval_seconds(self) -> float:
        """Return how long to wait between two polls now."""
        busy = self._positions_raw or self._orders_raw or self._quotes.guards
        return self._settings.busy_seconds if busy else self._settings.idle_seconds

    @property
    def attached(self) -> bool:
        """Return whether there is a terminal to call."""
        return self._attached

    def told_beside(self, ticket: int) -> None:
        """Note that a position was told by the answer to an order: it may be gone before the next reading."""
        self._told_beside.add(ticket)
        self._positions = {known: held for known, held in self._positions.items() if known != ticket}

    @property
    def begun(self) -> bool:
        """Return whether everything has been told since watching began."""
        return self._begin is None

    @property
    def hopeless(self) -> bool:
        """Return whether the terminal was out of reach so often that a new process should try."""
        return self._attach_failures >= _ATTACH_TRIES

    @property
    def error(self) -> tuple[int, str] | None:
        """Return `last_error` of the latest reading when it failed."""
        return self._error

    def watch(self, watch: Watch) -> None:
        """Replace the symbols whose quotes are told."""
        self._quotes.watch(watch)

    def begin_again(self, reason: str) -> None:
        """Tell everything anew at the next poll."""
        self._begin = reason
        self._told = None

    def order_made(self) -> None:
        """Note that an order passed: readings from before it are out of date."""
        self._orders_made += 1
        self._account_read = None

    def facts(self) -> Facts:
        """Read status and account now, and judge them."""
        self._read_status(time.monotonic())
        why_not = self._why_not or ("watching begins" if self._begin else None)
        return Facts(self._status, self._account, why_not, time.monotonic())

    def poll(self) -> Iterator[None]:
        """Look at everything that is due, pausing after each call into the terminal."""
        try:
            if not self._attached:
                if not self._attach(time.monotonic()):
                    return
                yield
            yield from self._poll_attached()
        except CallFailed as failure:
            self._failed(failure)
        except ValueError as error:
            # The terminal shows something senseless. Orders still pass; the guard is blind, and says so.
            log.exception("a reading makes no sense")
            self._failed(CallFailed("reading", 0, str(error)))

    def _poll_attached(self) -> Iterator[None]:
        now = time.monotonic()
        if now - self._status_at >= self._settings.status_seconds or self._why_not:
            self._read_status(now)
            self._tell_status(now)
            yield
        yield from self._quotes.poll_clock(now)
        if self._why_not:
            return
        made = self._orders_made
        self._account_read = None
        positions = self._terminal.positions_raw()
        yield
        orders = self._terminal.orders_raw()
        yield
        if made != self._orders_made:
            # An order passed in between: its answer is newer than this reading.
            positions, orders = self._terminal.positions_raw(), self._terminal.orders_raw()
        now = time.monotonic()
        if self._begin and not self._may_begin(positions, orders, now):
            return
        if self._begin or self._differ(positions, orders):
            believed = self._believe(positions, orders, now)
            if not believed:
                return
        self._failures = 0
        self._error = None
        self.last_read_at = now
        baseline = self._begin is not None
        if self._begin:
            self._emit(WatchStarted(self._begin, now))
            self._begin = None
            self._account_raw = None
        moved, unexplained = self._tell_positions(positions, now, baseline)
        if self._tell_orders(orders, now, baseline) or unexplained:
            self._history.expect_until(now + self._settings.settle_seconds)
        if baseline or moved or now - self._account_at >= self._settings.account_seconds:
            self._tell_account(now)
            yield
        yield from self._quotes.poll(now)
        if self._history.due(now, self._settings.history_seconds):
            yield from self._history.read(now, self._quotes.clock.newest_tick_msc, _utc_msc())
            deals, orders_done = self._history.take()
            if deals or orders_done:
                self._emit(HistoryAppeared(deals, orders_done, time.monotonic()))

    # The way to the terminal

    def _attach(self, now: float) -> bool:
        if now < self._attach_at:
            self._tell_status(now)
            return False
        # Twice the time that it is given: it bounds itself, and is watched from outside.
        self._announce(self._attach_seconds * 2)
        try:
            self._terminal.attach()
        except CallFailed as failure:
            index = min(self._attach_failures, len(_ATTACH_BACKOFF_SECONDS) - 1)
            self._attach_failures += 1
            self._attach_at = time.monotonic() + _ATTACH_BACKOFF_SECONDS[index]
            self._error = (failure.code, failure.text)
            self._status = status_without_terminal(failure.code, failure.text)
            self._why_not = str(failure)
            self._tell_status(now)
            return False
        self._attached = True
        self._announce(0.0)
        self._attach_failures = 0
        self._failures = 0
        self._linked_at = None
        self._status_at = 0.0
        self._begin = self._begin or "the terminal was reached again"
        return True

    def _failed(self, failure: CallFailed) -> None:
        if self._error is None:
            log.warning("reading the terminal failed: %s", failure)
        self._error = (failure.code, failure.text)
        self._failures += 1
        now = time.monotonic()
        lost = failure.code == _NO_PIPE or (
            failure.code in PIPE_CODES | {_CALL_FAILED} and self._failures >= _FAILURES_UNTIL_ATTACH
        )
        if lost:
            self._attached = False
            self._attach_at = now
            self._terminal.detach()
            self._status = status_without_terminal(failure.code, failure.text)
            self._why_not = str(failure)
        else:
            self._status_at = 0.0
        self._tell_status(now)

    def _read_status(self, now: float) -> None:
        self._status_at = now
        terminal = self._terminal.terminal_raw()
        try:
            account_raw = self._terminal.account_raw()
        except CallFailed as failure:
            account_raw, self._error = None, (failure.code, failure.text)
        self._account_read = account_raw
        self._account = None if account_raw is None else self._terminal.account_of(account_raw)
        self._status = status_of(
            terminal, self._account, self._terminal.bound, self._quotes.clock, self._error
        )
        self._judge(now)

    def _judge(self, now: float) -> None:
        before, login, matches = self._why_not, self._status.login, self._status.account_matches
        if not self._status.connected:
            self._why_not = "the terminal is not connected to its trade server"
        elif not login:
            self._why_not = "no account is logged in"
        elif matches is None:
            self._why_not = "no account is bound yet"
        elif not matches:
            self._why_not = "another account is logged in"
        else:
            self._why_not = None
        if self._why_not:
            self._linked_at = None
            if before is None:
                self._begin = self._begin or f"it had stopped: {self._why_not}"
            return
        if self._linked_at is None or self._linked_login != login:
            self._linked_at, self._linked_login = now, login
        fresh = now - self._linked_at < _ZERO_BALANCE_SECONDS
        if fresh and self._begin and self._account is not None and self._account.balance == 0:
            self._why_not = "the account's balance has not arrived yet"

    def _may_begin(self, positions: tuple[Any, ...], orders: tuple[Any, ...], now: float) -> bool:
        if positions or orders:
            return True
        return now - (self._linked_at or now) >= _EMPTY_SECONDS

    def _differ(self, positions: tuple[Any, ...], orders: tuple[Any, ...]) -> bool:
        """Return whether more than prices may have changed since the reading told last."""
        if self._told_beside and not self._told_beside <= {raw.ticket for raw in positions}:
            return True
        if positions is not self._positions_raw and positions != self._positions_raw:
            known = {ticket: before for ticket, (before, _) in self._positions.items()}
            if len(known) != len(positions):
                return True
            for raw in positions:
                before = known.get(raw.ticket)
                if before is None or before.volume != raw.volume or before.symbol != raw.symbol:
                    return True
        return {raw.ticket for raw in orders} != self._orders.keys()

    def _believe(self, positions: tuple[Any, ...], orders: tuple[Any, ...], now: float) -> bool:
        """Return whether this reading is of the bound account, linked, and agrees with its margin.

        The account may be switched by hand, or the link renewed, between two readings of the status; what is
        read then is another account's, or nothing yet.
        """
        self._read_status(now)
        self._tell_status(now)
        if self._why_not:
            return False
        margin = self._account is not None and self._account.margin > 0
        if positions or orders or not margin:
            self._odd_since = None
            return True
        # Nothing is open, and yet margin is held. It may be so, but not because of a list still to come.
        self._odd_since = self._odd_since or now
        return now - self._odd_since >= _ZERO_BALANCE_SECONDS

    # Telling

    def _tell_status(self, now: float) -> None:
        if self._told is not None:
            at, told = self._told
            if now - at < _STATUS_REPEAT_SECONDS and same_status(told, self._status):
                return
        self._told = (now, self._status)
        self._emit(StatusChanged(self._status, now))

    def _tell_positions(self, raws: tuple[Any, ...], now: float, baseline: bool) -> tuple[bool, bool]:
        """Tell what differs; return whether something else than prices does, and whether its deal is unknown.

        What the answer to an order has told came with its deals.
        """
        if raws == self._positions_raw and not baseline and not self._told_beside:
            return False, False
        known = self._positions
        changed: list[Position] = []
        current: dict[int, tuple[Any, Position]] = {}
        moved = unexplained = False
        for raw in raws:
            before = known.get(raw.ticket)
            if before is not None and before[0] == raw:
                current[raw.ticket] = before
                if baseline:
                    changed.append(before[1])
                continue
            position = self._terminal.position_of(raw)
            current[raw.ticket] = (raw, position)
            changed.append(position)
            if before is None or not before[1].same_facts(position):
                moved = True
                unexplained = unexplained or raw.ticket not in self._told_beside
        gone = tuple(ticket for ticket in {*known, *self._told_beside} if ticket not in current)
        unexplained = unexplained or not self._told_beside.issuperset(gone)
        self._told_beside.clear()
        self._positions_raw, self._positions = raws, current
        self._quotes.follow(frozenset(position.symbol for _, position in current.values()))
        if changed or gone or baseline:
            self._emit(PositionsChanged(tuple(changed), gone, baseline, now))
        return moved or bool(gone), unexplained

    def _tell_orders(self, raws: tuple[Any, ...], now: float, baseline: bool) -> bool:
        if raws == self._orders_raw and not baseline:
            return False
        known = self._orders
        changed: list[WorkingOrder] = []
        current: dict[int, tuple[Any, WorkingOrder]] = {}
        moved = False
        for raw in raws:
            before = known.get(raw.ticket)
            if before is not None and before[0] == raw:
                current[raw.ticket] = before
                if baseline:
                    changed.append(before[1])
                continue
            order = self._terminal.order_of(raw)
            current[raw.ticket] = (raw, order)
            changed.append(order)
            moved = moved or before is None or not before[1].same_facts(order)
        gone = tuple(ticket for ticket in known if ticket not in current)
        self._orders_raw, self._orders = raws, current
        if gone:
            self._history.look_for(gone, now)
        if changed or gone or baseline:
            self._emit(OrdersChanged(tuple(changed), gone, baseline, now))
        return moved or bool(gone)

    def _tell_account(self, now: float) -> None:
        self._account_at = now
        raw = self._account_read
        if raw is None:
            raw = self._terminal.account_raw()
        if raw == self._account_raw:
            return
        before = self._account
        account = self._terminal.account_of(raw)
        bound = self._terminal.bound
        if bound is not None and account.bound() != bound:
            # Switched by hand between two looks: nothing of the other account is told.
            self._status_at = 0.0
            return
        self._account_raw, self._account = raw, account
        if before is not None and before.balance != account.balance:
            self._history.expect_until(now + self._settings.settle_seconds)
        self._emit(AccountChanged(account, now))


def _utc_msc() -> int:
    return time.time_ns() // 1_000_000
