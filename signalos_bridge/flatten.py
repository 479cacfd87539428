"""Carrying out a stop: quiet, orders cancelled, positions closed, and looked at again until there are none.

Refused calls are tried again, visibly; a closed market is waited for. Everything is in the journal, so that a
restart goes on.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from signalos_bridge.clock import Clock
from signalos_bridge.domain.command import POSITION_GONE, CommandRecord
from signalos_bridge.domain.facts import StopProgress, StopTicket, StopTicketState
from signalos_bridge.domain.market import Position, WorkingOrder
from signalos_bridge.domain.orders import OpenMarket, PlacePending
from signalos_bridge.domain.record import is_ours
from signalos_bridge.domain.stop_task import StopTask
from signalos_bridge.domain.tags import bridge_command_id
from signalos_bridge.domain.values import (
    Action,
    CancelOrderAction,
    CloseAction,
    Command,
    CommandOrigin,
    CommandState,
    LapsePolicy,
)
from signalos_bridge.executor import Executor
from signalos_bridge.failpoints import reach
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.store import Batch, Store
from signalos_bridge.terminal.port import Terminal, TerminalUnavailable
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

_SETTLE_SECONDS = 5.0
_POLL_SECONDS = 0.1
# A refused call is tried again after one, two, four, then every five times `retry_seconds`.
_LONGEST_BACK_OFF = 5.0
# What was cancelled or closed may have filled meanwhile: flat is what two readings so far apart show.
_CONFIRM_SECONDS = 0.5
_GONE_CODES = (POSITION_GONE, "ORDER_GONE", "ORDER_CANCELED", "ORDER_FILLED", "POSITION_CLOSED")


@dataclass(frozen=True, slots=True)
class _Target:
    ticket: int
    is_order: bool
    symbol: str
    external: bool
    action: Action

    @property
    def key(self) -> tuple[bool, int]:
        """Return what tells it from others."""
        return self.is_order, self.ticket


class _Work:
    """One stop's work in memory."""

    def __init__(self, task: StopTask) -> None:
        self.task = task
        self.tickets = {(ticket.is_order, ticket.ticket): ticket for ticket in task.tickets}
        self.next_try: dict[tuple[bool, int], float] = {}
        self.pending: dict[tuple[bool, int], str] = {}
        self.problem = ""
        self.said: object = None
        # Since when readings show nothing that is left to do; on the awake clock.
        self.empty_since: float | None = None


class Flattener:
    """Cancels and closes for stops and lapsed leases."""

    def __init__(
        self,
        store: Store,
        terminal: Terminal,
        view: TerminalView,
        executor: Executor,
        clock: Clock,
        *,
        retry_seconds: float,
        market_closed_seconds: float,
    ) -> None:
        self._store = store
        self._terminal = terminal
        self._view = view
        self._executor = executor
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._market_closed_seconds = market_closed_seconds

    async def stop(
        self, stop_id: str, close_positions: bool, progress: Callable[[StopProgress], None]
    ) -> StopProgress:
        """See `Core.stop`."""
        task = self._store.stop_tasks.get(stop_id) or StopTask(stop_id, close_positions)
        work = _Work(task)
        if task.complete:
            return self._progress(work)
        unrecalled = tuple(dict.fromkeys((*task.unrecalled_command_ids, *self._executor.risk_calls)))
        work.task = replace(task, unrecalled_command_ids=unrecalled)
        await self._save(work, progress)
        if work.task.quiet_wall_msc is None:
            self._terminal.expedite()
            await self._terminal.until_quiet()
            work.task = replace(work.task, quiet_wall_msc=self._clock.wall_msc())
            await self._save(work, progress)
        while not work.task.complete:
            await self._round(work, progress, all_orders=close_positions, positions=close_positions)
            if not work.task.complete:
                await asyncio.sleep(self._wait(work))
        return self._progress(work)

    async def lapse(self, policy: LapsePolicy) -> str:
        """See `Core.lapse`."""
        if policy is LapsePolicy.HOLD:
            count = sum(1 for order in self._view.orders.values() if self._ours(order.magic))
            return f"{count} orders can still fill"
        work = _Work(StopTask(f"lapse:{uuid.uuid4()}", policy is LapsePolicy.FLATTEN))
        while not work.task.complete:
            await self._round(
                work,
                lambda _progress: None,
                all_orders=False,
                positions=policy is LapsePolicy.FLATTEN,
                managed_only=True,
            )
            if not work.task.complete:
                await asyncio.sleep(self._wait(work))
        done = [ticket for ticket in work.tickets.values() if ticket.state is StopTicketState.DONE]
        orders = sum(ticket.is_order for ticket in done)
        return f"{orders} orders were cancelled, {len(done) - orders} positions were closed"

    # -- rounds ----------------------------------------------------------------------------------------

    async def _round(
        self,
        work: _Work,
        progress: Callable[[StopProgress], None],
        *,
        all_orders: bool,
        positions: bool,
        managed_only: bool = False,
    ) -> None:
        """Look at what is there, act on what is due, and note how far it is."""
        try:
            orders = [order for order in await self._terminal.orders() if order.type.is_pending]
            held = await self._terminal.positions()
        except TerminalUnavailable as error:
            work.problem = f"the terminal does not answer: {error.why}"
            await self._save(work, progress)
            return
        targets = [self._of_order(order) for order in orders if all_orders or self._ours(order.magic)]
        left = [order for order in orders if not (all_orders or self._ours(order.magic))]
        if positions:
            targets += [
                target
                for position in held
                if not (target := self._of_position(position)).external or not managed_only
            ]
        for order in left:
            target = self._of_order(order)
            self._set(work, target, StopTicketState.LEFT, "not ours, left as it is")
        self._note_gone(work, targets)
        now = self._clock.awake_seconds()
        due = [target for target in targets if work.next_try.get(target.key, 0.0) <= now]
        work.task = replace(work.task, external_order_count=len(left))
        for target in due:
            if target.key not in work.tickets:
                self._set(work, target, StopTicketState.PENDING, "")
        if due:
            await self._save(work, progress)
            account = self._view.account
            if account is not None and account.fifo_close:
                # The broker takes the oldest first, and nothing beside it.
                for target in due:
                    await self._act(work, target)
            else:
                async with asyncio.TaskGroup() as group:
                    for target in due:
                        group.create_task(self._act(work, target))
        self._judge(work, targets, due, positions)
        await self._save(work, progress)

    def _judge(self, work: _Work, targets: list[_Target], due: list[_Target], positions: bool) -> None:
        """Note the stages: nothing left in a reading that came after everything was done."""
        wall = self._clock.wall_msc()
        task = work.task
        uncertain = self._uncertain()
        if task.cancelled_wall_msc is None and not any(target.is_order for target in targets):
            task = replace(task, cancelled_wall_msc=wall)
        work.problem = uncertain
        if targets or due or uncertain:
            work.empty_since = None
        if targets:
            waiting = [ticket for ticket in work.tickets.values() if ticket.state in _WAITING]
            work.problem = "; ".join(_words(ticket) for ticket in waiting[:5]) or uncertain
        elif not due and not uncertain and self._confirmed(work):
            flat = wall if positions else None
            task = replace(task, flat_wall_msc=flat, complete=task.cancelled_wall_msc is not None)
        work.task = task

    def _confirmed(self, work: _Work) -> bool:
        """Return whether a second reading, long enough after the first, shows that nothing is left either."""
        if not any(ticket.attempt_count for ticket in work.tickets.values()):
            # Nothing was called, so that nothing can have filled on the way.
            return True
        now = self._clock.awake_seconds()
        if work.empty_since is None:
            work.empty_since = now
        return now - work.empty_since >= _CONFIRM_SECONDS

    def _back_off(self, attempts: int) -> float:
        """Return how long to wait after so many attempts at a ticket."""
        return self._retry_seconds * min(2.0 ** max(0, attempts - 1), _LONGEST_BACK_OFF)

    def _uncertain(self) -> str:
        """Return what may still bring a position to light; empty: nothing."""
        for record in self._store.open_commands():
            running = self._executor.running(record.command.command_id)
            for leg in (running.record if running else record).unresolved:
                if isinstance(leg.order, OpenMarket | PlacePending):
                    return f"the outcome of command {record.command.command_id} is not known yet"
        if self._executor.unseen_opens:
            return "an order that was executed is not shown by the terminal yet"
        return ""

    async def _act(self, work: _Work, target: _Target) -> None:
        """Make one attempt at a ticket."""
        waiting = work.pending.get(target.key)
        if waiting is not None:
            record = self._store.commands.get(waiting)
            if record is not None and not record.state.is_final:
                work.next_try[target.key] = self._clock.awake_seconds() + self._retry_seconds
                return
            del work.pending[target.key]
        held = work.tickets[target.key]
        attempt = held.attempt_count + 1
        command = Command(
            command_id=bridge_command_id(self._store.account_id, work.task.stop_id, target.ticket, attempt),
            origin=CommandOrigin.STOP,
            action=target.action,
            stop_generation=0,
            automated=False,
            deadline=None,
            cause="emergency stop" if not work.task.stop_id.startswith("lapse:") else "the lease lapsed",
            stop_id="" if work.task.stop_id.startswith("lapse:") else work.task.stop_id,
        )
        work.tickets[target.key] = replace(held, attempt_count=attempt)
        try:
            record = await self._executor.perform(command)
        except JournalUnavailable as error:
            work.tickets[target.key] = held
            self._set(work, target, StopTicketState.RETRYING, str(error))
            work.next_try[target.key] = self._clock.awake_seconds() + self._retry_seconds
            return
        self._take_result(work, target, record)

    def _take_result(self, work: _Work, target: _Target, record: CommandRecord) -> None:
        now = self._clock.awake_seconds()
        legs = record.legs or ()
        why = next((leg.message for leg in legs if leg.message), record.refusal_message)
        codes = {leg.code for leg in legs} | {record.refusal_code}
        if record.state is CommandState.SUCCEEDED:
            # Done when a reading does not show it any more; it may lag a little.
            self._set(work, target, StopTicketState.PENDING, "done, waiting to see it gone")
            work.next_try[target.key] = now + _SETTLE_SECONDS
        elif codes & set(_GONE_CODES):
            self._set(work, target, StopTicketState.PENDING, why)
            work.next_try[target.key] = now + self._retry_seconds
        elif record.state is CommandState.UNKNOWN:
            self._set(work, target, StopTicketState.UNKNOWN, why)
            work.pending[target.key] = record.command.command_id
            work.next_try[target.key] = now + self._retry_seconds
        elif "MARKET_CLOSED" in codes:
            # The terminal tells no trading hours, so that it has to be asked now and then.
            self._set(
                work,
                target,
                StopTicketState.MARKET_CLOSED,
                f"the market is closed; tried every {self._market_closed_seconds:g} s until it opens",
            )
            work.next_try[target.key] = now + self._market_closed_seconds
        else:
            self._set(work, target, StopTicketState.RETRYING, why)
            work.next_try[target.key] = now + self._back_off(work.tickets[target.key].attempt_count)

    def _note_gone(self, work: _Work, targets: list[_Target]) -> None:
        there = {target.key for target in targets}
        for key, ticket in work.tickets.items():
            if key not in there and ticket.state is not StopTicketState.LEFT:
                if ticket.state is not StopTicketState.DONE:
                    work.tickets[key] = replace(ticket, state=StopTicketState.DONE, message="")
                work.pending.pop(key, None)

    def _wait(self, work: _Work) -> float:
        now = self._clock.awake_seconds()
        times = [
            at - now
            for key, at in work.next_try.items()
            if work.tickets[key].state is not StopTicketState.DONE
        ]
        # A ticket that is done is looked for soon; a closed market is looked at seldom.
        settling = (
            any(ticket.state is StopTicketState.PENDING for ticket in work.tickets.values()) or not times
        )
        if settling:
            return _POLL_SECONDS
        return min(max(_POLL_SECONDS, min(times)), self._retry_seconds)

    # -- telling ---------------------------------------------------------------------------------------

    async def _save(self, work: _Work, progress: Callable[[StopProgress], None]) -> None:
        task = replace(work.task, tickets=tuple(work.tickets.values()))
        changed = task != self._store.stop_tasks.get(task.stop_id)
        work.task = task
        if changed and not task.stop_id.startswith("lapse:"):
            batch = Batch()
            self._store.put_stop_task(batch, task)
            try:
                await self._store.commit(batch)
            except JournalUnavailable as error:
                # The work goes on as far as it can, and is found again from the terminal.
                work.problem = str(error)
                work.task = replace(task, complete=False)
            else:
                reach("stop_task_saved")
        # Said once: each word is a write at the server.
        said = (work.task, work.problem, dict(work.next_try))
        if said != work.said:
            work.said = said
            progress(self._progress(work))

    def _progress(self, work: _Work) -> StopProgress:
        task = work.task
        now, wall = self._clock.seconds(), self._clock.wall_msc()
        awake = self._clock.awake_seconds()

        def instant(at: int | None) -> float | None:
            return None if at is None else now - max(0, wall - at) / 1000

        return StopProgress(
            stop_id=task.stop_id,
            quiet_at=instant(task.quiet_wall_msc),
            cancelled_at=instant(task.cancelled_wall_msc),
            flat_at=instant(task.flat_wall_msc),
            tickets=tuple(work.tickets.values()),
            external_order_count=task.external_order_count,
            problem="" if task.complete else work.problem,
            unrecalled_command_ids=task.unrecalled_command_ids,
            complete=task.complete,
            next_attempts={
                key: now + max(0.0, work.next_try[key] - awake)
                for key, ticket in work.tickets.items()
                if ticket.state in _REFUSED and key in work.next_try
            },
        )

    def _set(self, work: _Work, target: _Target, state: StopTicketState, message: str) -> None:
        held = work.tickets.get(target.key)
        work.tickets[target.key] = StopTicket(
            ticket=target.ticket,
            is_order=target.is_order,
            symbol=target.symbol,
            external=target.external,
            state=state,
            message=message,
            attempt_count=held.attempt_count if held is not None else 0,
        )

    def _ours(self, magic: int) -> bool:
        return is_ours(magic, self._store.owners.get(magic), self._store.prefixes)

    def _of_order(self, order: WorkingOrder) -> _Target:
        return _Target(
            order.ticket, True, order.symbol, not self._ours(order.magic), CancelOrderAction(order.ticket)
        )

    def _of_position(self, position: Position) -> _Target:
        known = self._store.record.positions.get(position.identifier)
        managed = known.managed if known is not None else self._ours(position.magic)
        return _Target(position.ticket, False, position.symbol, not managed, CloseAction(position.identifier))


_REFUSED = (StopTicketState.RETRYING, StopTicketState.MARKET_CLOSED)
_WAITING = (StopTicketState.RETRYING, StopTicketState.MARKET_CLOSED, StopTicketState.UNKNOWN)


def _words(ticket: StopTicket) -> str:
    what = "order" if ticket.is_order else "position"
    return f"{what} #{ticket.ticket} {ticket.symbol}: {ticket.message}"
