"""Whether a call may be made now: not taken back, in time, and allowed to increase exposure where it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from signalos_bridge.clock import Clock
from signalos_bridge.domain import limits as limit_rules
from signalos_bridge.domain.command import EXPIRED, TAKEN_BACK
from signalos_bridge.domain.normalise import points
from signalos_bridge.domain.orders import OpenMarket, Order, PlacePending
from signalos_bridge.domain.values import (
    Command,
    CommandOrigin,
    LegState,
    Limits,
    OpenAction,
    Refusal,
)
from signalos_bridge.running import Running
from signalos_bridge.store import Store
from signalos_bridge.terminal.port import Terminal
from signalos_bridge.view import TerminalView

_STALE_SECONDS = 10.0
# Refusals that end by themselves within moments after a start or reconnect.
PASSING = frozenset({"SYNC_IN_PROGRESS", "CONTROL_LOST", "NO_LEASE"})
_PASSING_SECONDS = 15.0
_PASSING_POLL = 0.05
# A generation that no stop has reached.
_NEWEST = 2**62


class ExposureGate(Protocol):
    """The part of control that is asked."""

    @property
    def latched(self) -> bool:
        """Whether any stop is held."""
        ...

    def refusal(self, stop_generation: int, automated: bool, origin: CommandOrigin) -> Refusal | None:
        """Return why exposure may not be increased now."""
        ...


class Admission:
    """Judges before the intent is written, and again at the instant at which a call leaves for the terminal.

    `running` are the commands that have not ended. `reserved` are the magic numbers of opens that were called
    and are not shown by the terminal yet, so that limits count them.
    """

    def __init__(
        self,
        store: Store,
        terminal: Terminal,
        gate: ExposureGate,
        view: TerminalView,
        clock: Clock,
        running: Mapping[str, Running],
    ) -> None:
        self._store = store
        self._terminal = terminal
        self._gate = gate
        self._view = view
        self._clock = clock
        self._running = running
        self.reserved: set[int] = set()
        # The symbols of reserved opens, and of the one that was judged last.
        self._symbols: dict[int, str] = {}
        # Set by the core.
        self.sync_refusal: Callable[[], Refusal | None] = lambda: None

    @property
    def latched(self) -> bool:
        """Return whether any stop is held."""
        return self._gate.latched

    def refusal(self, running: Running, order: Order | None) -> Refusal | None:
        """Return why a call must not be made now; `order` None: before the command is expanded."""
        command = running.record.command
        if running.cancelled:
            return Refusal(TAKEN_BACK, "the command was taken back before its call began")
        if command.deadline is not None and self._clock.seconds() >= command.deadline:
            late = self._clock.seconds() - command.deadline
            return Refusal(EXPIRED, f"its time to live was over {late:.1f} s ago")
        if elsewhere := self._elsewhere():
            return elsewhere
        opens = isinstance(command.action, OpenAction) if order is None else order.increases_risk
        if not opens:
            return None
        refusal = self.risk_refusal(running)
        if refusal is None and isinstance(order, OpenMarket | PlacePending):
            refusal = self._unknown_open(command, order) or self.order_refusal(order)
        return refusal

    def account_refusal(self) -> Refusal | None:
        """Return why nobody may open now, whatever the order: a stop, no lease, a sync, the journal."""
        if self._store.journal.problem:
            return Refusal("JOURNAL_UNAVAILABLE", self._store.journal.problem)
        return (
            self._elsewhere() or self._gate.refusal(_NEWEST, False, CommandOrigin.USER) or self.sync_refusal()
        )

    def order_refusal(self, order: OpenMarket | PlacePending) -> Refusal | None:
        """Return why the account does not take this order: another of its symbol on netting, or a limit."""
        return self._netting_busy(order) or self._limit(order)

    def _elsewhere(self) -> Refusal | None:
        """Refuse everything while the terminal is in another account: what it shows is not ours."""
        status = self._view.status
        if status.account_matches is not False:
            return None
        return Refusal(
            "ACCOUNT_MISMATCH",
            f"the terminal is logged in to account {status.login}, not to the one that this bridge trades",
        )

    async def settled_refusal(self, running: Running, order: Order | None) -> Refusal | None:
        """Return why a call must not be made, once what passes by itself has had its time.

        A sync or a lease that is just being got ends within moments after a reconnect; a command with time to
        live left waits for it. It is judged again at the instant of the call all the same.
        """
        started = self._clock.seconds()
        while True:
            refusal = self.refusal(running, order)
            if refusal is None or refusal.code not in PASSING:
                return refusal
            deadline = running.record.command.deadline
            now = self._clock.seconds()
            if now - started >= _PASSING_SECONDS or (
                deadline is not None and now + _PASSING_POLL >= deadline
            ):
                return refusal
            await asyncio.sleep(_PASSING_POLL)

    def risk_refusal(self, running: Running) -> Refusal | None:
        """Return why exposure may not be increased now, limits aside."""
        command = running.record.command
        if self._store.journal.problem:
            return Refusal("JOURNAL_UNAVAILABLE", self._store.journal.problem)
        # A stop outranks a sync in what is said.
        return (
            self._gate.refusal(command.stop_generation, command.automated, command.origin)
            or self.sync_refusal()
        )

    def _unknown_open(self, command: Command, order: OpenMarket | PlacePending) -> Refusal | None:
        source = (command.origin, command.automated)
        for running in self._running.values():
            other = running.record.command
            # A person has looked: what is still searched for keeps nothing from opening.
            if (other.origin, other.automated) != source or other.command_id in self._store.resolved:
                continue
            for leg in running.record.unresolved:
                if (
                    leg.state is LegState.UNKNOWN
                    and isinstance(leg.order, OpenMarket | PlacePending)
                    and leg.order.symbol == order.symbol
                ):
                    return Refusal(
                        "UNKNOWN_OPEN",
                        f"whether command {other.command_id} opened {order.symbol} is not known yet",
                    )
        return None

    def _netting_busy(self, order: OpenMarket | PlacePending) -> Refusal | None:
        """Refuse a second entry in a symbol where all entries are one position.

        Its levels would replace those of the first, and an opposite one would close or turn it.
        """
        if self._view.account is None or self._view.hedging:
            return None
        self._symbols = {magic: name for magic, name in self._symbols.items() if magic in self.reserved}
        under_way = order.symbol in self._symbols.values() and self._symbols.get(order.magic) != order.symbol
        self._symbols[order.magic] = order.symbol
        for position in self._view.positions.values():
            if position.symbol == order.symbol:
                return Refusal(
                    "NETTING_SYMBOL_BUSY",
                    f"NETTING_SYMBOL_BUSY: the account keeps one position for each symbol, and "
                    f"{position.side.name} {position.volume_lots} lots of {order.symbol} are open "
                    f"(#{position.ticket}); close it or change its volume first",
                )
        for working in self._view.orders.values():
            if working.symbol == order.symbol and working.magic != order.magic:
                return Refusal(
                    "NETTING_SYMBOL_BUSY",
                    f"NETTING_SYMBOL_BUSY: the account keeps one position for each symbol, and order "
                    f"#{working.ticket} of {order.symbol} is working; cancel it first",
                )
        if under_way:
            return Refusal(
                "NETTING_SYMBOL_BUSY",
                f"NETTING_SYMBOL_BUSY: the account keeps one position for each symbol, and another order of "
                f"{order.symbol} is under way",
            )
        return None

    def limits(self) -> Limits:
        """Return the account's limits."""
        policies = self._store.policies
        return policies.limits if policies is not None else Limits()

    def _limit(self, order: OpenMarket | PlacePending) -> Refusal | None:
        limits = self.limits()
        if limits == Limits():
            return None
        shown = {position.magic for position in self._view.positions.values()}
        shown |= {working.magic for working in self._view.orders.values()}
        under_way = len([magic for magic in self.reserved if magic not in shown and magic != order.magic])
        tick, spec = self._view.ticks.get(order.symbol), self._view.last_spec(order.symbol)
        spread = None
        if tick is not None and spec is not None and tick.spread is not None:
            spread = points(tick.spread, spec)
        read_at = self._terminal.last_read_at
        fresh = read_at is not None and self._clock.awake_seconds() - read_at <= _STALE_SECONDS
        account = self._view.account
        return limit_rules.breach(
            limits,
            limit_rules.Exposure(
                order_lots=order.volume_lots,
                position_count=len(self._view.positions) + len(self._view.orders) + under_way,
                spread_points=spread,
                equity=account.equity if account is not None and fresh else None,
                market_order=isinstance(order, OpenMarket),
            ),
        )

    def time_for(self, running: Running, wait_seconds: float) -> bool:
        """Return whether a command still lives after waiting so long."""
        deadline = running.record.command.deadline
        return deadline is None or self._clock.seconds() + wait_seconds < deadline
