"""One data stream: from its hello to its end."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

import structlog

from signalos.v1 import bridge_pb2, bridge_service_grpc, bridge_service_pb2
from signalos_bridge.clock import Clock
from signalos_bridge.convert import events, incoming, outgoing
from signalos_bridge.core import Core
from signalos_bridge.domain.facts import SyncTrigger
from signalos_bridge.domain.link_timing import Ending
from signalos_bridge.domain.market import SymbolSpec
from signalos_bridge.domain.session import (
    Acknowledged,
    Act,
    AlertDone,
    ConnectSession,
    Deliver,
    Ended,
    OutcomeDone,
    Renew,
    RepeatOutcome,
    Resume,
    SendBeat,
    SendHello,
    Welcome,
)
from signalos_bridge.domain.values import Outcome, Receipt
from signalos_bridge.failpoints import reach
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.link.channel import BridgeChannel
from signalos_bridge.link.control_link import Words
from signalos_bridge.link.deliveries import Deliveries
from signalos_bridge.link.driver import StreamDriver
from signalos_bridge.link.outbox import Outbox
from signalos_bridge.terminal.port import TerminalUnavailable

log = structlog.get_logger(__name__)

_EVENTS_AT_ONCE = 50
_LIVE_SECONDS = 0.1
# Nobody waits for a receipt, and what ends within this needs none.
_RECEIPT_SECONDS = 0.05
_RETRY_SECONDS = 2.0
_ATTACH_SECONDS = 3.0
_SYMBOLS_SECONDS = 600.0
# More alerts than this are not kept for a server that does not acknowledge them.
_ALERTS_KEPT = 500


class AlertBox:
    """Alerts until the server has them on record: each session tells what was not acknowledged."""

    def __init__(self, sources: tuple[Callable[[], list[bridge_pb2.BridgeAlert]], ...]) -> None:
        self._sources = sources
        self._own: list[bridge_pb2.BridgeAlert] = []
        self._unacknowledged: dict[str, bridge_pb2.BridgeAlert] = {}

    def add(self, alert: bridge_pb2.BridgeAlert) -> None:
        """Let an alert of the link's own wait."""
        self._own.append(alert)

    def stream_broke(self) -> None:
        """Tell again what the server has not acknowledged, before what is new."""
        self._own = [*self._unacknowledged.values(), *self._own]
        self._unacknowledged.clear()

    def acknowledge(self, telling_id: str) -> None:
        """Note that an alert is on record at the server."""
        self._unacknowledged.pop(telling_id, None)

    def take(self) -> list[bridge_pb2.BridgeAlert]:
        """Return what is to be sent now."""
        alerts, self._own = self._own, []
        for source in self._sources:
            alerts += source()
        for alert in alerts:
            alert.telling_id = alert.telling_id or uuid.uuid4().hex
            self._unacknowledged[alert.telling_id] = alert
        while len(self._unacknowledged) > _ALERTS_KEPT:
            del self._unacknowledged[next(iter(self._unacknowledged))]
        return alerts


@dataclass(frozen=True, slots=True)
class Parts:
    """What a data stream works with."""

    core: Core
    clock: Clock
    words: Words
    deliveries: Deliveries
    alerts: AlertBox
    on_welcome: Callable[[Welcome], None]
    keep_epoch: Callable[[], Awaitable[bool]]
    on_outdated: Callable[[bridge_pb2.RecordedState], None]


class ConnectLink:
    """A session's data stream."""

    def __init__(self, parts: Parts, machine: ConnectSession, *, first: bool) -> None:
        """`first`: of this process, so that its sync is that of a start."""
        self._parts = parts
        self._core = parts.core
        self._machine = machine
        self._trigger = SyncTrigger.START if first else SyncTrigger.RECONNECT
        self._outbox: Outbox[bridge_service_pb2.ConnectRequest] = Outbox()
        self._group: asyncio.TaskGroup | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._tables: deque[bridge_pb2.SymbolTable] = deque()
        self._resumed = False
        self._begun = False
        self._snapshot_due = False
        self._acknowledging: set[tuple[str, int]] = set()
        self._live_at = 0.0
        self._receipts: list[Receipt] = []
        self._driver: StreamDriver[bridge_service_pb2.ConnectRequest, bridge_service_pb2.ConnectResponse] = (
            StreamDriver(
                machine=machine,
                outbox=self._outbox,
                clock=parts.clock,
                translate=incoming.connect_frames,
                perform=self._perform,
                feed=self._feed,
            )
        )

    def wake(self) -> None:
        """Say that the core has something to send."""
        self._driver.wake()

    def supersede(self, words: str) -> None:
        """End it, because control was told that another session has begun."""
        self._driver.end(Ending.SUPERSEDED, words)

    async def run(self, channel: BridgeChannel, metadata: dict[str, str]) -> Ended:
        """Live until the stream is over; returns why."""
        stub = bridge_service_grpc.BridgeServiceStub(channel)
        async with asyncio.TaskGroup() as group:
            self._group = group
            ended = await self._driver.run(channel, stub.Connect.open(metadata=metadata))
            for task in self._tasks:
                task.cancel()
        return ended

    # -- what the machine wants ------------------------------------------------------------------------

    def _perform(self, act: Act) -> None:
        match act:
            case SendHello():
                self._send(bridge_service_pb2.ConnectRequest(hello=self._parts.words.hello()))
            case SendBeat(number):
                self._send(
                    bridge_service_pb2.ConnectRequest(heartbeat=self._parts.words.heartbeat(number)),
                    "heartbeat",
                )
            case Acknowledged(seq):
                self._parts.deliveries.acknowledge_events(seq)
            case OutcomeDone(command_id, number):
                reach("outcome_acknowledged")
                # Until the journal knows too, it would give the outcome out as one to be sent.
                self._acknowledging.add((command_id, number))
                self._parts.deliveries.acknowledge_outcome(
                    command_id, number, lambda: self._acknowledging.discard((command_id, number))
                )
            case AlertDone(telling_id):
                self._parts.alerts.acknowledge(telling_id)
            case RepeatOutcome(command_id, number):
                self._repeat(command_id, number)
            case Deliver(payload, age):
                self._parts.deliveries.take(payload, age, self._answer)
            case Renew(welcome):
                assert isinstance(welcome.payload, bridge_pb2.BridgeWelcome)
                self._parts.on_outdated(welcome.payload.full_state)
            case Resume(welcome):
                self._parts.on_welcome(welcome)
                self._start(self._resume(welcome), "resume")

    def _start(self, work: Coroutine[None, None, None], name: str) -> None:
        assert self._group is not None
        self._tasks.append(self._group.create_task(work, name=name))

    def _send(self, frame: bridge_service_pb2.ConnectRequest, kind: str | None = None) -> None:
        frame.epoch = self._machine.epoch
        self._outbox.put(frame, kind)

    def _answer(self, frame: bridge_service_pb2.ConnectRequest) -> None:
        """Send what a task made, if the stream still lives; the server asks again in the next one."""
        if self._machine.live:
            self._send(frame)

    def _repeat(self, command_id: str, number: int) -> None:
        for outcome in self._core.unacknowledged_outcomes():
            if outcome.command_id == command_id and outcome.outcome_number == number:
                self._send_outcome(outcome)

    def _send_outcome(self, outcome: Outcome) -> None:
        age_seconds = self._core.command_age_seconds(outcome.command_id)
        self._send(bridge_service_pb2.ConnectRequest(outcome=outgoing.outcome(outcome, age_seconds)))

    # -- what the session begins with ------------------------------------------------------------------

    async def _resume(self, welcome: Welcome) -> None:
        message = welcome.payload
        assert isinstance(message, bridge_pb2.BridgeWelcome)
        if message.takes_batches:
            self._driver.combine = outgoing.batch
        if message.magic_prefix > 0:
            self._core.set_magic_prefix(message.magic_prefix)
        known = await self._parts.keep_epoch()
        # It is this bridge's account again, and its journal is the last that spoke for it.
        self._core.rest("")
        while message.new_journal:
            try:
                await self._core.adopt_record(incoming.recorded_state(message.full_state))
                break
            except JournalUnavailable as error:
                log.error("the server's record is not in the journal", problem=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
        for resolution in message.resolutions:
            self._parts.deliveries.take(resolution, 0.0, self._answer)
        if known:
            self._answer_welcome(welcome)
        else:
            # All but commands goes on: what is offered now may be forgotten with the session.
            self._start(self._answer_late(welcome), "answer")
        # The server may have started since: what has not changed is news to it.
        self._core.tell_live_anew()
        self._resumed = True
        self._driver.wake()
        self._start(self._tell_symbols(), "symbols")
        self._start(self._sync(), "sync")

    def _answer_welcome(self, welcome: Welcome) -> None:
        standings = self._core.standings(welcome.open_command_ids)
        self._answer(bridge_service_pb2.ConnectRequest(command_states=outgoing.standings(standings)))

    async def _answer_late(self, welcome: Welcome) -> None:
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            if await self._parts.keep_epoch():
                self._answer_welcome(welcome)
                return

    async def _tell_symbols(self) -> None:
        told: tuple[SymbolSpec, ...] = ()
        while True:
            try:
                symbols = await self._core.symbols()
            except TerminalUnavailable:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if symbols != told:
                told = symbols
                self._tables.clear()
                self._tables.extend(outgoing.symbol_tables(symbols))
                self._driver.wake()
            await asyncio.sleep(_SYMBOLS_SECONDS)

    async def _sync(self) -> None:
        # A terminal that is only just being attached to would fail it; one that is away must not delay it.
        for _ in range(round(_ATTACH_SECONDS / _LIVE_SECONDS)):
            if self._core.status().read_age_seconds is not None:
                break
            await asyncio.sleep(_LIVE_SECONDS)
        # The hello of a program that just started said that the terminal was not reached.
        self._machine.hurry(self._parts.clock.seconds())
        self._driver.wake()
        while True:
            report = await self._core.sync(self._trigger, str(uuid.uuid4()), False)
            if report.succeeded:
                break
            log.warning("sync failed", problem=report.problem)
            self._answer(bridge_service_pb2.ConnectRequest(sync_report=events.sync_report(report)))
            await asyncio.sleep(_RETRY_SECONDS)
        self._snapshot_due = True
        self._driver.wake()

    # -- what the core has to say ----------------------------------------------------------------------

    def _feed(self) -> float | None:
        """Take from the core what there is room for."""
        if not self._machine.live or not self._resumed:
            return None
        now = self._parts.clock.seconds()
        self._receipts += self._core.take_receipts()
        if not self._begun:
            # Those of before this session go first.
            self._begun = True
            self._feed_outcomes(now)
        for alert in self._parts.alerts.take():
            self._send(bridge_service_pb2.ConnectRequest(alert=alert))
        self._machine.event_made(self._core.next_event_seq)
        while self._outbox.has_room:
            span = self._machine.events_to_send(_EVENTS_AT_ONCE, now)
            if span is None:
                break
            first, last = span
            for event in self._core.events_after(first - 1, last - first + 1):
                self._send(bridge_service_pb2.ConnectRequest(event=events.event(event)))
        # After the events: whoever is told of an outcome finds the trade as it is then.
        self._feed_outcomes(now)
        receipts_at = self._feed_receipts(now)
        if self._snapshot_due and self._machine.every_event_sent:
            # It contains events, so that it comes after them.
            self._snapshot_due = False
            record = events.snapshot(self._core.snapshot())
            self._send(bridge_service_pb2.ConnectRequest(snapshot=record), "snapshot")
        while self._tables and self._outbox.has_room:
            self._send(bridge_service_pb2.ConnectRequest(symbols=self._tables.popleft()))
        return min((at for at in (receipts_at, self._feed_live(now)) if at is not None), default=None)

    def _feed_receipts(self, now: float) -> float | None:
        """Send receipts that have waited; all of them once one has. Returns when the next is due.

        Most commands end before that, and their outcome says it all.
        """
        if not self._receipts:
            return None
        due_at = self._receipts[0].at + _RECEIPT_SECONDS
        if now < due_at:
            return due_at
        for receipt in self._receipts:
            self._send(bridge_service_pb2.ConnectRequest(receipt=outgoing.receipt(receipt, now)))
        self._receipts.clear()
        return None

    def _feed_outcomes(self, now: float) -> None:
        for outcome in self._core.unacknowledged_outcomes():
            if (outcome.command_id, outcome.outcome_number) in self._acknowledging:
                continue
            if self._machine.outcome_due(outcome.command_id, outcome.outcome_number):
                if not self._outbox.has_room:
                    break
                self._machine.outcome_sent(outcome.command_id, outcome.outcome_number, now)
                reach("outcome_sent")
                self._receipts = [held for held in self._receipts if held.command_id != outcome.command_id]
                self._send_outcome(outcome)

    def _feed_live(self, now: float) -> float | None:
        if now < self._live_at:
            return self._live_at
        if "live" in self._outbox:
            return now + _LIVE_SECONDS
        if self._outbox.has_room:
            update = self._core.take_live_update()
            if update is not None:
                self._live_at = now + _LIVE_SECONDS
                self._send(bridge_service_pb2.ConnectRequest(live=outgoing.live(update)), "live")
        return None
