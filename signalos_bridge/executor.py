"""Running commands: each intent is on disk before its call, each outcome before it is told.

What is checked, in this order, and again at the instant at which a call leaves for the terminal: taken back,
time to live, and for what increases exposure sync, gate, unknown opens and limits.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from signalos_bridge.admission import PASSING, Admission
from signalos_bridge.alerts import AlertBox
from signalos_bridge.clock import Clock
from signalos_bridge.domain.answers import PLACED_SETTLE_SECONDS, Answer, leg_after
from signalos_bridge.domain.attempts import again, lane_key, urgency
from signalos_bridge.domain.command import (
    EXPIRED,
    POSITION_GONE,
    CommandEvent,
    CommandRecord,
    Leg,
    LegEvent,
    judge,
    next_command_state,
)
from signalos_bridge.domain.difference.commands import resolved_command
from signalos_bridge.domain.expansion import OutOfTurn
from signalos_bridge.domain.facts import SyncDifference
from signalos_bridge.domain.orders import ClosePosition, ModifyLevels, OpenMarket, Order, PlacePending
from signalos_bridge.domain.outcomes import (
    Executed,
    NotDone,
    PartlyExecuted,
)
from signalos_bridge.domain.resolution import Finding, apply
from signalos_bridge.domain.values import (
    AlertSeverity,
    CloseAction,
    CloseAllAction,
    Command,
    CommandState,
    LegState,
    Receipt,
    Refusal,
)
from signalos_bridge.expander import Expander, Plan
from signalos_bridge.failpoints import reach
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.lanes import Lanes
from signalos_bridge.running import Running
from signalos_bridge.store import Batch, Store
from signalos_bridge.tasks import Tasks
from signalos_bridge.terminal.port import Clearance, Shown, Terminal, TerminalAnswer, TerminalUnavailable
from signalos_bridge.view import TerminalView

log = logging.getLogger(__name__)

_KEPT_BACK_SECONDS = 0.05
_MOST_KEPT_BACK = 5

_JOURNAL_RETRY_SECONDS = 0.25
_READ_RETRY_SECONDS = 0.25
_TURN_POLL_SECONDS = 0.05
# Two closes that were sent together may arrive in either order, and the list may show what has just gone.
_TURN_GRACE_SECONDS = 0.5
_OWN_PATIENCE_SECONDS = 10.0
_INVALID_STOPS = 10016


class Keeper(Protocol):
    """Who keeps hidden levels and ownership in the record."""

    async def commit_levels(self, batch: Batch, leg: Leg, shown: Shown | None) -> None:
        """Commit a batch together with the hidden levels that a leg has brought, and arm them."""
        ...

    async def adopt(self, identifier: int) -> None:
        """Journal that a position is managed from now on."""
        ...

    async def commit_shown(self, batch: Batch, shown: Shown) -> None:
        """Commit a batch, and in the same unit what the terminal shows of a position."""
        ...


class Executor:
    """Takes commands to the terminal, and what came of them to the journal."""

    def __init__(
        self,
        store: Store,
        terminal: Terminal,
        view: TerminalView,
        admission: Admission,
        expander: Expander,
        clock: Clock,
        alerts: AlertBox,
        tasks: Tasks,
        lanes: Lanes,
        running: dict[str, Running],
        wake: Callable[[], None],
    ) -> None:
        """`running` is shared with the admission, and changed here alone."""
        self._running = running
        self._store = store
        self._terminal = terminal
        self._view = view
        self._admission = admission
        self._expander = expander
        self._clock = clock
        self._alerts = alerts
        self._tasks = tasks
        self._lanes = lanes
        self._wake = wake
        self._risk_calls: dict[str, int] = {}
        self._resolved: list[SyncDifference] = []
        self.receipts: list[Receipt] = []
        # Set by the core, which builds all parts before any of them runs.
        self.keeper: Keeper | None = None
        self.on_ambiguous: Callable[[Running, int], None] = lambda _running, _index: None

    # -- asking ----------------------------------------------------------------------------------------

    async def deliver(self, command: Command, plan: Plan | None = None) -> Running:
        """Journal a command and run it. Raises `JournalUnavailable`: then nothing of it runs.

        One that is known is not run again. `plan` is given by what the bridge starts itself, where the action
        alone does not say what is asked of the terminal.
        """
        held = self._running.get(command.command_id)
        if held is not None:
            return held
        if (known := self._store.commands.get(command.command_id)) is not None:
            running = Running(known)
            running.ended.set()
            return running
        record = CommandRecord(
            command=command,
            number=self._store.next_number(),
            state=CommandState.DELIVERED,
            legs=None,
            received_wall_msc=self._clock.wall_msc(),
            received_at=self._clock.seconds(),
        )
        running = Running(record)
        self._running[command.command_id] = running
        batch = Batch()
        key = self._begin_at_once(running, batch, plan)
        try:
            await self._store.commit(batch)
        except JournalUnavailable:
            del self._running[command.command_id]
            if key is not None:
                self._lanes.release(key)
            raise
        reach("after_deliver")
        if not command.origin.is_bridge:
            self.receipts.append(Receipt(command.command_id, CommandState.DELIVERED, record.received_at))
            self._wake()
        self._tasks.spawn(self._run(running, key), f"command {command.command_id}")
        return running

    async def perform(self, command: Command, plan: Plan | None = None) -> CommandRecord:
        """Deliver a command, and return its record once it has ended or nobody knows its outcome."""
        running = await self.deliver(command, plan)
        await running.ended.wait()
        return running.record

    def take_back(self, command_id: str) -> bool:
        """Keep what has not been called from being called; return whether the command still ran."""
        running = self._running.get(command_id)
        if running is None:
            return False
        running.cancelled = True
        return True

    def running(self, command_id: str) -> Running | None:
        """Return a command that has not ended."""
        return self._running.get(command_id)

    @property
    def risk_calls(self) -> tuple[str, ...]:
        """Return the commands that have a call increasing exposure in the terminal now."""
        return tuple(self._risk_calls)

    @property
    def unseen_opens(self) -> int:
        """Return how many opens were called and are neither refused nor shown by the terminal yet."""
        return len(self._admission.reserved)

    def seen(self, magic: int) -> None:
        """Note that the terminal shows what a leg opened: it is counted there from now on."""
        self._admission.reserved.discard(magic)

    # -- after a restart -------------------------------------------------------------------------------

    async def resume(self) -> None:
        """Go on with what the journal holds open; what may have been called is never simply sent again."""
        now = self._clock.seconds()
        for record in self._store.open_commands():
            running = Running(record)
            self._running[record.command.command_id] = running
            called = [leg.index for leg in record.legs or () if leg.open]
            for index in called:
                leg = running.leg(index)
                if leg.state.value == "CALLING":
                    leg = replace(
                        leg.apply(LegEvent.AMBIGUOUS),
                        called=True,
                        settle_seconds=2 * PLACED_SETTLE_SECONDS,
                        message="the bridge ended while the call was under way",
                    )
                    running.put(leg)
            if called and record.state is CommandState.DELIVERED:
                running.record = replace(running.record, state=CommandState.RUNNING)
            planned = record.legs is None or any(leg.state.value == "PLANNED" for leg in record.legs)
            if planned and not self._may_resume(record, now):
                self._give_up(running, "the bridge was restarted before its call began")
            batch = Batch()
            self._write(batch, running)
            self._settle(batch, running, tell_unknown=False)
            await self._store.commit(batch)
            if running.record.state.is_final:
                self._end(running)
                continue
            for index in called:
                self.on_ambiguous(running, index)
            if planned and self._may_resume(record, now):
                self._tasks.spawn(self._run(running, None), f"command {running.command_id}")

    def _may_resume(self, record: CommandRecord, now: float) -> bool:
        """What was never called goes on within its time, on the clock that it was given on."""
        command = record.command
        if command.origin.is_bridge or command.deadline is None:
            return False
        return self._store.age_seconds(record) is not None and now < command.deadline

    @staticmethod
    def _give_up(running: Running, words: str) -> None:
        record = running.record
        if record.legs is None:
            running.record = replace(record, refusal_code=EXPIRED, refusal_message=words)
            return
        for leg in record.legs:
            if leg.state.value == "PLANNED":
                running.put(replace(leg.apply(LegEvent.REFUSED), code=EXPIRED, message=words))

    # -- running ---------------------------------------------------------------------------------------

    def _begin_at_once(self, running: Running, batch: Batch, plan: Plan | None) -> str | None:
        """Write a close's first intent with the command itself, where nothing has to be read or waited for.

        Returns the lane that was taken.
        """
        key = None
        given = plan is not None
        plan = plan or self._expander.expand_now(running.record.command)
        if plan is not None and given:
            running.record = replace(running.record, legs=plan.expansion.legs, note=plan.expansion.note)
        if plan is not None and len(plan.expansion.legs) == 1:
            leg = plan.expansion.legs[0]
            assert leg.order is not None
            if not leg.order.increases_risk and self._lanes.try_take(lane_key(leg.order)):
                key = lane_key(leg.order)
                leg = self._intent(leg)
                running.record = replace(running.record, legs=(leg,))
                running.legs_written = True
                self._store.put_leg(batch, running.record, leg)
                self._store.put_attempt(batch, running.command_id, leg, "intent")
        self._store.put_command(batch, running.record)
        return key

    async def _run(self, running: Running, key: str | None) -> None:
        if key is not None:
            try:
                await self._attempts(running, 0, intent_written=True)
            finally:
                self._lanes.release(key)
        else:
            if running.record.legs is None:
                await self._expand(running)
            if not running.record.refusal_code:
                await self._legs(running)
        if running.record.state.is_final:
            self._end(running)

    async def _expand(self, running: Running) -> None:
        command = running.record.command
        started = self._clock.seconds()
        patience = started + _TURN_GRACE_SECONDS
        while True:
            refusal = await self._admission.settled_refusal(running, None)
            if refusal is None:
                try:
                    result = await self._expander.expand(command)
                except TerminalUnavailable as error:
                    waited = self._clock.seconds() - started
                    if command.deadline is None and waited > _OWN_PATIENCE_SECONDS:
                        refusal = Refusal("TERMINAL_UNAVAILABLE", error.why)
                    else:
                        await asyncio.sleep(_READ_RETRY_SECONDS)
                        continue
                else:
                    if isinstance(result, OutOfTurn):
                        now = self._clock.seconds()
                        if self._goes_first(running, result.first):
                            patience = now + _TURN_GRACE_SECONDS
                        if now < patience:
                            await asyncio.sleep(_TURN_POLL_SECONDS)
                            continue
                    refusal = await self._take_plan(running, result)
            if refusal is not None:
                running.record = replace(
                    running.record, refusal_code=refusal.code, refusal_message=refusal.message
                )
            if refusal is not None or not running.record.legs:
                await self._persist(running)
            return

    def _goes_first(self, running: Running, identifier: int) -> bool:
        """Return whether another command is closing a position: of several closes each waits for its turn."""
        for other in self._running.values():
            if other is running or other.ended.is_set():
                continue
            action = other.record.command.action
            if isinstance(action, CloseAllAction):
                return True
            if isinstance(action, CloseAction) and action.position_identifier == identifier:
                return True
        return False

    async def _take_plan(self, running: Running, result: Plan | Refusal) -> Refusal | None:
        if isinstance(result, Refusal):
            return result
        expansion = result.expansion
        assert self.keeper is not None
        try:
            if any(leg.level_change is not None and leg.level_change.loosening for leg in expansion.legs):
                refusal = self._admission.risk_refusal(running)
                if refusal is not None:
                    return refusal
            if result.adopt:
                await self.keeper.adopt(result.adopt)
        except JournalUnavailable as error:
            return Refusal("JOURNAL_UNAVAILABLE", str(error))
        running.record = replace(running.record, legs=expansion.legs, note=expansion.note)
        return None

    async def _legs(self, running: Running) -> None:
        indices = [leg.index for leg in running.record.legs or () if leg.state.value == "PLANNED"]
        account = self._view.account
        in_turn = account is not None and account.fifo_close
        if isinstance(running.record.command.action, CloseAllAction) and not in_turn:
            async with asyncio.TaskGroup() as group:
                for index in indices:
                    group.create_task(self._leg(running, index))
            return
        for index in indices:
            await self._leg(running, index)

    async def _leg(self, running: Running, index: int) -> None:
        leg = running.leg(index)
        if leg.order is None:
            running.put(leg.apply(LegEvent.INTENT).apply(LegEvent.FILLED))
            await self._persist(running, index)
            return
        urgent = urgency(leg.order, running.record.command.origin)
        async with self._lanes.hold(lane_key(leg.order), urgent):
            await self._attempts(running, index, intent_written=False)

    async def _attempts(self, running: Running, index: int, *, intent_written: bool) -> None:
        """Call the terminal until the leg's fate is known, or nobody knows it."""
        while True:
            if not intent_written:
                refusal = await self._prepare(running, index)
                if refusal is not None:
                    await self._refuse(running, index, refusal)
                    return
            intent_written = False
            reach("after_intent")
            answer = await self._call(running, index)
            reach("after_call")
            leg = leg_after(running.leg(index), self._answer(running, index, answer))
            running.put(leg)
            outcome = answer.outcome
            if not isinstance(outcome, NotDone):
                self._store_result(running, leg)
                await self._persist(running, index, shown=answer.shown)
                if leg.open:
                    self.on_ambiguous(running, index)
                reach("after_outcome")
                return
            self._admission.reserved.discard(leg.magic)
            assert leg.order is not None
            if self._kept_back(running, leg, outcome):
                await asyncio.sleep(_KEPT_BACK_SECONDS)
                continue
            if outcome.retcode == _INVALID_STOPS:
                await self._learn_distance(leg)
            further = again(leg.order, outcome, leg.attempt_count)
            if further is None or not self._admission.time_for(running, further.wait_seconds):
                if outcome.alert:
                    self._alert_refused(running, outcome)
                await self._refuse(running, index, Refusal(outcome.code, outcome.words))
                return
            await asyncio.sleep(further.wait_seconds)
            if further.reread and not await self._reread(running, index):
                await self._refuse(
                    running, index, Refusal(POSITION_GONE, f"position {leg.ticket} is not there any more")
                )
                return

    def _kept_back(self, running: Running, leg: Leg, outcome: NotDone) -> bool:
        """Return whether what passes by itself kept a call back at its very instant: it waits for that."""
        return (
            outcome.code in PASSING
            and leg.attempt_count < _MOST_KEPT_BACK
            and self._admission.time_for(running, _KEPT_BACK_SECONDS)
        )

    async def _learn_distance(self, leg: Leg) -> None:
        """Learn how far levels have to be from the market, from some that the broker did not take."""
        order = leg.order
        if isinstance(order, OpenMarket):
            side = order.side
        elif isinstance(order, ModifyLevels) and leg.position_identifier in self._view.positions:
            side = self._view.positions[leg.position_identifier].side
        else:
            return
        spec = self._view.last_spec(order.symbol)
        try:
            tick = await self._terminal.tick(order.symbol)
        except TerminalUnavailable:
            return
        if spec is None or tick is None:
            return
        learnt = self._view.learn_distance(spec, tick, side, order.stop_loss, order.take_profit)
        if learnt:
            log.info("levels of %s keep %d points from the market from now on", order.symbol, learnt)

    async def _prepare(self, running: Running, index: int) -> Refusal | None:
        """Check, and put the intent of the next attempt on disk. Returns why not."""
        leg = running.leg(index)
        assert leg.order is not None
        if isinstance(leg.order, OpenMarket) and self._admission.limits().maximum_spread_points is not None:
            try:
                tick = await self._terminal.tick(leg.order.symbol)
            except TerminalUnavailable as error:
                return Refusal("TERMINAL_UNAVAILABLE", error.why)
            if tick is not None:
                self._view.ticks[tick.symbol] = tick
        refusal = await self._admission.settled_refusal(running, leg.order)
        if refusal is not None:
            return refusal
        intended = self._intent(leg)
        running.put(intended)
        batch = Batch()
        if running.legs_written:
            self._store.put_leg(batch, running.record, intended)
        else:
            # All legs are on disk before the first of them is called.
            running.legs_written = True
            self._store.put_command(batch, running.record)
            for planned in running.record.legs or ():
                self._store.put_leg(batch, running.record, planned)
        self._store.put_attempt(batch, running.command_id, intended, "intent")
        try:
            await self._store.commit(batch)
        except JournalUnavailable as error:
            running.put(leg)
            running.legs_written = False
            return Refusal("JOURNAL_UNAVAILABLE", str(error))
        return None

    def _intent(self, leg: Leg) -> Leg:
        return replace(
            leg.apply(LegEvent.INTENT),
            attempt_count=leg.attempt_count + 1,
            since_msc=leg.since_msc or self._view.search_from_msc(),
        )

    async def _call(self, running: Running, index: int) -> TerminalAnswer:
        leg = running.leg(index)
        order = leg.order
        assert order is not None
        command_id = running.command_id

        def clearance() -> Clearance:
            refusal = self._admission.refusal(running, order)
            # The latch is on disk, and keeps back nothing else.
            latched = not order.increases_risk or self._admission.latched
            if refusal is not None:
                return Clearance(latched, refusal.code, refusal.message)
            self._cleared(running, order, leg.magic)
            return Clearance(latched)

        try:
            return await self._terminal.submit(
                order, gate=clearance, priority=urgency(order, running.record.command.origin)
            )
        finally:
            self._risk_calls.pop(command_id, None)

    def _cleared(self, running: Running, order: Order, magic: int) -> None:
        """The terminal call begins now."""
        record = running.record
        if record.first_call_at is None:
            running.record = replace(
                record,
                state=next_command_state(record.state, CommandEvent.BEGUN)
                if record.state is CommandState.DELIVERED
                else record.state,
                first_call_at=self._clock.seconds(),
            )
            if not record.command.origin.is_bridge:
                now = self._clock.seconds()
                self.receipts.append(Receipt(running.command_id, CommandState.RUNNING, now))
                self._wake()
        if order.increases_risk:
            self._risk_calls[running.command_id] = 1
        if isinstance(order, OpenMarket | PlacePending):
            self._admission.reserved.add(magic)

    # -- answers ---------------------------------------------------------------------------------------

    def _answer(self, running: Running, index: int, answer: TerminalAnswer) -> Answer:
        request, raw = answer.request, answer.raw
        return Answer(
            outcome=answer.outcome,
            retcode=raw.retcode if raw is not None else None,
            sent=request is not None,
            sent_lots=request.volume if request is not None else None,
            call_seconds=answer.call_seconds,
            whole=_closes_all(running.record.command),
            opened_identifier=self._opened(running.leg(index), answer),
        )

    def _opened(self, leg: Leg, answer: TerminalAnswer) -> int:
        """Return the position that an open made or joined: on hedging its order's ticket names it."""
        outcome = answer.outcome
        if not isinstance(leg.order, OpenMarket) or not isinstance(outcome, Executed | PartlyExecuted):
            return 0
        if not self._view.hedging:
            for position in self._view.positions.values():
                if position.symbol == leg.order.symbol:
                    return position.identifier
        return outcome.order or 0

    def _store_result(self, running: Running, leg: Leg) -> None:
        log.info(
            "command %s leg %d: %s %s", running.command_id, leg.index, leg.state.value.lower(), leg.message
        )

    async def _reread(self, running: Running, index: int) -> bool:
        """Look at the position again and clamp the volume; return whether there is anything to close."""
        leg = running.leg(index)
        if not isinstance(leg.order, ClosePosition):
            return True
        try:
            position = await self._terminal.position(leg.order.ticket)
        except TerminalUnavailable:
            # The child looks again before the call; it never sends more than there is.
            return True
        if position is None or position.side is not leg.order.side:
            return False
        if position.volume_lots < leg.order.volume_lots:
            order = replace(leg.order, volume_lots=position.volume_lots)
            asked = position.volume_lots if _closes_all(running.record.command) else leg.asked_volume_lots
            running.put(replace(leg, order=order, asked_volume_lots=asked))
        return True

    async def _refuse(self, running: Running, index: int, refusal: Refusal) -> None:
        leg = running.leg(index)
        running.put(replace(leg.apply(LegEvent.REFUSED), code=refusal.code, message=refusal.message))
        self._admission.reserved.discard(leg.magic)
        await self._persist(running, index)

    def _alert_refused(self, running: Running, outcome: NotDone) -> None:
        self._alerts.raise_alert(
            f"refused:{outcome.code}",
            AlertSeverity.CRITICAL,
            outcome.code,
            f"Orders are refused: {outcome.words}",
            known="The order was not executed.",
            advice="Look at the terminal: other orders will meet the same.",
            command_id=running.command_id,
        )

    # -- ends ------------------------------------------------------------------------------------------

    def _write(
        self, batch: Batch, running: Running, index: int | None = None, *, settled: bool = False
    ) -> None:
        """Add a command with its legs to a batch; `settled`: its outcome has brought the command itself."""
        if not settled:
            self._store.put_command(batch, running.record)
        for leg in running.record.legs or ():
            if index is None or leg.index == index:
                self._store.put_leg(batch, running.record, leg)
                if leg.attempt_count:
                    self._store.put_attempt(batch, running.command_id, leg, leg.state.value)

    def _settle(self, batch: Batch, running: Running, *, tell_unknown: bool) -> bool:
        """Add the outcome to a batch, if the command has come to one; return whether it has."""
        verdict = judge(running.record)
        if verdict is None or (verdict.event is CommandEvent.AMBIGUOUS and not tell_unknown):
            return False
        record = running.record
        state = next_command_state(record.state, verdict.event)
        if state is record.state and state is CommandState.UNKNOWN:
            return False
        running.record = self._store.put_outcome(batch, replace(record, state=state), verdict)
        return True

    async def _persist(
        self,
        running: Running,
        index: int | None = None,
        *,
        tell_unknown: bool = False,
        shown: Shown | None = None,
    ) -> None:
        """Write what a command has come to; again and again where the disk is full: it has happened.

        With it goes what the terminal shows of its position, so that nobody who is told of the outcome finds
        the trade as it was before.
        """
        # Legs are resolved beside each other: what one has come to is on disk before the next is judged.
        async with running.writing:
            await self._persist_alone(running, index, tell_unknown=tell_unknown, shown=shown)

    async def _persist_alone(
        self, running: Running, index: int | None, *, tell_unknown: bool, shown: Shown | None
    ) -> None:
        levels = None if index is None else _with_levels(running.leg(index))
        while True:
            before = running.record
            batch = Batch()
            # Another leg's writing may have found that it has ended.
            ended = before.state.is_final
            settled = not ended and self._settle(batch, running, tell_unknown=tell_unknown)
            self._write(batch, running, index, settled=settled)
            try:
                if levels is not None and self.keeper is not None:
                    await self.keeper.commit_levels(batch, levels, shown)
                elif shown is not None and self.keeper is not None:
                    await self.keeper.commit_shown(batch, shown)
                else:
                    await self._store.commit(batch)
            except JournalUnavailable:
                # The outcome is not told before it is on disk.
                running.record = replace(
                    running.record, state=before.state, outcome_number=before.outcome_number
                )
                index = None
                await asyncio.sleep(_JOURNAL_RETRY_SECONDS)
                continue
            break
        state = running.record.state
        if state.is_final or state is CommandState.UNKNOWN:
            running.ended.set()
            self._wake()

    def _end(self, running: Running) -> None:
        self._running.pop(running.command_id, None)
        running.ended.set()
        self._wake()

    async def tell_unknown(self, running: Running) -> None:
        """Tell that nobody knows a command's outcome yet."""
        if not _unknown(running) and not running.record.state.is_final:
            await self._persist(running, tell_unknown=True)
            if _unknown(running):
                words = "; ".join(leg.message for leg in running.record.unresolved if leg.message)
                self._alerts.raise_alert(
                    f"unknown:{running.command_id}",
                    AlertSeverity.CRITICAL,
                    "COMMAND_UNKNOWN",
                    f"Nobody knows yet whether a command was executed: {words}",
                    known="It is looked for in the terminal's records, and is not sent again.",
                    advice="Look at the terminal. Resolve the command by hand if its records stay silent.",
                    command_id=running.command_id,
                )

    async def found(self, running: Running, index: int, finding: Finding, shown: Shown | None = None) -> None:
        """Take what the terminal says of a leg whose outcome nobody knew; `shown` where it is news."""
        if shown is not None:
            record, identifier = self._store.record, shown.identifier
            known = identifier in record.positions and shown.position is not None
            if known or identifier in record.closed:
                # The watch has told it already, and perhaps what came after it.
                shown = None
        leg = apply(running.leg(index), finding)
        running.put(leg)
        self._admission.reserved.discard(leg.magic)
        log.info("command %s leg %d was resolved: %s", running.command_id, index, leg.state.value)
        await self._persist(running, index, shown=shown)
        self._alerts.forget(f"unknown:{running.command_id}")
        if running.record.state.is_final and running.command_id in self._running:
            self._resolved.append(resolved_command(running.command_id, running.record.state, leg))
            self._end(running)

    def resolved(self) -> tuple[SyncDifference, ...]:
        """Return the commands that were resolved and are in no sync's report yet."""
        return tuple(self._resolved)

    def reported(self, told: Collection[SyncDifference]) -> None:
        """Note which resolved commands a sync's report has told."""
        self._resolved = [one for one in self._resolved if one not in told]

    async def correct(self, record: CommandRecord, index: int, finding: Finding) -> None:
        """Take back a "not done": what was said not to have happened has been seen."""
        running = Running(record)
        running.put(apply(running.leg(index), finding))
        batch = Batch()
        self._settle(batch, running, tell_unknown=False)
        self._write(batch, running, index)
        await self._store.commit(batch)
        self._alerts.raise_alert(
            f"corrected:{running.command_id}:{index}",
            AlertSeverity.CRITICAL,
            "COMMAND_CORRECTED",
            f"A command that was reported as not executed was executed: {finding.filled_volume_lots} lots",
            known="The terminal shows its order or deal.",
            advice="Check the position; close it if it is not wanted.",
            command_id=running.command_id,
        )
        self._wake()


def _with_levels(leg: Leg) -> Leg | None:
    """Return the leg if it was done and brings hidden levels."""
    brings = leg.level_change is not None or leg.order_levels is not None
    return leg if brings and leg.state is LegState.DONE else None


def _unknown(running: Running) -> bool:
    return running.record.state is CommandState.UNKNOWN


def _closes_all(command: Command) -> bool:
    action = command.action
    if isinstance(action, CloseAction):
        return action.volume_lots is None and action.fraction in (None, Decimal(1))
    return True
