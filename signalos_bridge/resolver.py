"""Finding out what became of a call whose answer nobody knows, in the terminal's own records."""

from __future__ import annotations

import asyncio
import logging

from signalos_bridge.clock import Clock
from signalos_bridge.domain.command import Leg, LegEvent
from signalos_bridge.domain.market import balanced
from signalos_bridge.domain.orders import (
    CancelPending,
    ModifyLevels,
    ModifyPending,
)
from signalos_bridge.domain.resolution import Evidence, Finding, Patience, find
from signalos_bridge.executor import Executor
from signalos_bridge.running import Running
from signalos_bridge.tasks import Tasks
from signalos_bridge.terminal.port import Shown, Terminal, TerminalUnavailable
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

# How long an answer may take to show in the records before its command is told as UNKNOWN.
_GRACE_SECONDS = 1.5
_QUICK_SECONDS = 0.1
_QUICK_READS = 20


class Resolver:
    """One task for each leg that nobody knows about, until its fate is found."""

    def __init__(
        self,
        terminal: Terminal,
        view: TerminalView,
        executor: Executor,
        clock: Clock,
        tasks: Tasks,
        *,
        settle_scale: float,
        interval_seconds: float,
    ) -> None:
        self._terminal = terminal
        self._view = view
        self._executor = executor
        self._clock = clock
        self._tasks = tasks
        self._settle_scale = settle_scale
        self._interval_seconds = interval_seconds
        self._resolving: set[tuple[str, int]] = set()
        # How often each was looked for, and an event for the next look of any.
        self._looks: dict[tuple[str, int], int] = {}
        self._looked = asyncio.Event()
        self._at_once = asyncio.Event()

    def take(self, running: Running, index: int) -> None:
        """Begin to look for a leg's fate."""
        key = (running.command_id, index)
        if key not in self._resolving:
            self._resolving.add(key)
            self._tasks.spawn(self._resolve(running, index), f"resolve {running.command_id}")

    async def look_now(self, within_seconds: float) -> None:
        """Look for every leg's fate once more, now, and wait until that is done or the time is over."""
        before = {key: self._looks.get(key, 0) for key in self._resolving}
        if not before:
            return
        self._at_once.set()
        self._at_once = asyncio.Event()
        try:
            async with asyncio.timeout(within_seconds):
                while any(
                    key in self._resolving and self._looks.get(key, 0) <= count
                    for key, count in before.items()
                ):
                    await self._looked.wait()
        except TimeoutError:
            log.info("some commands were not looked for within %s s", within_seconds)

    def _note_look(self, key: tuple[str, int]) -> None:
        self._looks[key] = self._looks.get(key, 0) + 1
        self._tell_looked()

    def _tell_looked(self) -> None:
        self._looked.set()
        self._looked = asyncio.Event()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._at_once.wait()
        except TimeoutError:
            return

    async def _resolve(self, running: Running, index: int) -> None:
        key = (running.command_id, index)
        now = self._clock.awake_seconds()
        grace_until = now + _GRACE_SECONDS
        leg = running.leg(index)
        patience = Patience(since=now, settle_seconds=leg.settle_seconds * self._settle_scale)
        reads = 0
        try:
            while True:
                evidence = await self._look(leg)
                now = self._clock.awake_seconds()
                if evidence is None:
                    patience = patience.interrupted(now)
                else:
                    lost = self._view.unlinked_at
                    if lost is not None and lost > patience.since:
                        patience = patience.interrupted(now)
                    patience = patience.read(evidence, now)
                    finding = find(leg, evidence, patience_over=patience.over(now))
                    if finding is not None:
                        shown = self._shown(leg, finding, evidence)
                        await self._executor.found(running, index, finding, shown)
                        return
                if now >= grace_until:
                    await self._executor.tell_unknown(running)
                reads += 1
                self._note_look(key)
                await self._pause(_QUICK_SECONDS if reads < _QUICK_READS else self._interval_seconds)
        finally:
            self._resolving.discard(key)
            self._looks.pop(key, None)
            self._tell_looked()

    def _shown(self, leg: Leg, finding: Finding, evidence: Evidence) -> Shown | None:
        """Return what the records show of the position, so that it is told with the outcome.

        None: they do not show it whole, or not anew; the watch tells it.
        """
        identifier = finding.position_identifier
        if not identifier or finding.event not in (LegEvent.FILLED, LegEvent.FILLED_IN_PART):
            return None
        deals = tuple(deal for deal in evidence.deals if deal.position_id == identifier)
        position = next((held for held in evidence.positions if held.identifier == identifier), None)
        if position is None and not balanced(deals):
            return None
        ticket = position.ticket if position is not None else leg.ticket or identifier
        return Shown(identifier, ticket, position, deals, self._clock.awake_seconds())

    async def _look(self, leg: Leg) -> Evidence | None:
        """Return what the terminal shows of a leg, None while it does not answer."""
        try:
            order = leg.order
            linked = self._terminal.status.connected
            if isinstance(order, ModifyLevels):
                positions = await self._terminal.positions()
                mine = tuple(position for position in positions if position.ticket == order.ticket)
                return Evidence(linked and self._terminal.status.connected, positions=mine)
            if isinstance(order, ModifyPending | CancelPending):
                orders = await self._terminal.orders()
                working = tuple(held for held in orders if held.ticket == order.ticket)
                finished = await self._terminal.history_order(order.ticket)
                return Evidence(
                    linked and self._terminal.status.connected,
                    orders=working,
                    history_orders=() if finished is None else (finished,),
                )
            trace = await self._terminal.find_by_magic(leg.magic, from_msc=leg.since_msc)
        except TerminalUnavailable as error:
            log.info("looking for a leg's fate: %s", error.why)
            return None
        return Evidence(trace.connected, trace.positions, trace.orders, trace.history_orders, trace.deals)
