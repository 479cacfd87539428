"""The sessions that live on this node: one for each connected bridge, and what is done for them.

A session's frames go out from memory; what it tells is committed in batches by one task, in order, and
acknowledged after the commit. Receipts alone do not hurry a commit: they ride along with the next one.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import structlog

from signalos_server.domain.bridge_session import (
    BridgeSession,
    End,
    LeaseGranted,
    LinkChanged,
    LinkState,
    Observe,
    Output,
    Ready,
    Record,
    Send,
    Stream,
)
from signalos_server.domain.command import Command, Moment
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.domain.frames import (
    AlertAck,
    CancelDelivery,
    CheckResult,
    Delivery,
    DrillLatched,
    Heartbeat,
    LiveUpdate,
    Receipt,
    SyncReport,
    SyncRequest,
    ToControl,
    ToData,
)
from signalos_server.domain.happenings import LinkChanged as LinkTold
from signalos_server.domain.records import Trade
from signalos_server.domain.stop import Stage
from signalos_server.domain.words import SyncTrigger
from signalos_server.failpoints import reach
from signalos_server.service.bridge_facts import Fenced, Told, apply_all, offer_waiting
from signalos_server.service.live import Live
from signalos_server.service.records import Records, Storage
from signalos_server.service.unit_effects import (
    Adopted,
    AlertCommitted,
    AppliedSaved,
    CommandSaved,
    DocumentSaved,
    Effect,
    EventsCommitted,
    LeaseSeen,
    OutcomeCommitted,
    Scene,
    SyncNeeded,
    SyncSaved,
    TradeOver,
    TradeSaved,
)
from signalos_server.service.waiters import Waiters

log = structlog.get_logger(__name__)

T = TypeVar("T")

_BATCH = 200
# More than an account can have open.
_HANDED_MEMORY = 2_000
_RETRY_SECONDS = 0.5


class Clocks(Protocol):
    """The server's clocks."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""

    def moment(self) -> Moment:
        """Return one reading of wall and monotonic clock."""


class Wire(Protocol):
    """Where a session's frames go. Neither method waits or raises."""

    def write(self, stream: Stream, frame: ToData | ToControl) -> None:
        """Queue a frame."""

    def end(self, stream: Stream, reason: str, message: str) -> None:
        """Close a stream once what is queued is out, or by force soon after."""


@dataclass(slots=True)
class Board:
    """Those who wait for a commit or for a bridge's word, on this node."""

    commands: Waiters[Command] = field(default_factory=Waiters)
    applied: Waiters[AppliedSaved] = field(default_factory=Waiters)
    syncs: Waiters[SyncReport] = field(default_factory=Waiters)
    trades: Waiters[Trade] = field(default_factory=Waiters)
    checks: Waiters[CheckResult] = field(default_factory=Waiters)
    drills: Waiters[DrillLatched] = field(default_factory=Waiters)


@dataclass(frozen=True, slots=True)
class _Offer:
    """A mark in the order of what was told: offer what waits once all before it is committed."""

    opens: bool


class LiveSession:
    """One bridge's session on this node."""

    def __init__(
        self,
        scene: Scene,
        machine: BridgeSession,
        wire: Wire,
        hub: Hub,
        *,
        owner_user_id: str,
        boot_id: str,
        address: str,
        takes_resolutions: bool = False,
    ) -> None:
        self._scene = scene
        self.machine = machine
        self.wire = wire
        self.owner_user_id = owner_user_id
        self.boot_id = boot_id
        self.takes_resolutions = takes_resolutions
        self.address = address
        self._hub = hub
        self._told: deque[Told | _Offer] = deque()
        self._wake = asyncio.Event()
        self._last_receipt: float | None = None
        self._link_count = 0
        # What was sent in this session, oldest first.
        self._handed: dict[str, None] = {}
        self.sync_asked = False

    @property
    def account_id(self) -> str:
        """Return the account that the bridge trades."""
        return self._scene.account_id

    @property
    def bridge_id(self) -> str:
        """Return the bridge."""
        return self._scene.bridge_id

    @property
    def epoch(self) -> int:
        """Return the session's epoch."""
        return self._scene.epoch

    @property
    def scene(self) -> Scene:
        """Return whose facts these are, with the lease as it is now."""
        held, expire_time = self._hub.live.lease(self.account_id)
        return replace(self._scene, lease=LeaseSeen(held, expire_time))

    def perform(self, outputs: Iterable[Output]) -> None:
        """Do what the machine answered."""
        for output in outputs:
            match output:
                case Send():
                    self.wire.write(output.stream, output.frame)
                case Record():
                    if isinstance(output.item, Stage) and self._hub.staged(self.account_id, output.item):
                        continue
                    self._record(Told(output.item, self._hub.clocks.moment()))
                case Observe():
                    self._observe(output)
                case Ready():
                    self._record(_Offer(output.opens))
                case LeaseGranted():
                    self._hub.live.lease_granted(self.account_id, output.until)
                case LinkChanged():
                    self._link_changed(output)
                case End():
                    self.wire.end(output.stream, output.reason, output.message)

    def offer(self) -> None:
        """Offer what waits, after all that was told before."""
        self._record(_Offer(self.machine.may_send(increases_risk=True)))

    def _record(self, told: Told | _Offer) -> None:
        if isinstance(told, Told) and isinstance(told.item, Stage):
            self._record_stage(told, told.item)
            return
        self._told.append(told)
        if isinstance(told, Told) and isinstance(told.item, Receipt):
            # Off the callers' path: the outcome that follows takes it along, or it goes soon by itself.
            if self._last_receipt is None:
                self._last_receipt = self._hub.clocks.monotonic()
                asyncio.get_running_loop().call_later(self._hub.timings.receipt_delay, self._wake.set)
            return
        self._wake.set()

    def _record_stage(self, told: Told, stage: Stage) -> None:
        """Keep the latest word on a stop: its stages follow each other within moments, and each tells all."""
        last = self._told[-1] if self._told else None
        if isinstance(last, Told) and isinstance(last.item, Stage) and last.item.stop_id == stage.stop_id:
            self._told[-1] = told
            return
        self._told.append(told)
        asyncio.get_running_loop().call_later(self._hub.timings.receipt_delay, self._wake.set)

    def _observe(self, output: Observe) -> None:
        live = self._hub.live
        live.heard(self.account_id)
        match output.item:
            case Heartbeat():
                live.heartbeat(self.account_id, output.item)
                if output.stream is Stream.CONTROL:
                    self._hub.beat(self, output.item)
                if live.terminal_told(self.account_id, output.item.terminal):
                    self._tell_link("the terminal's state changed")
            case LiveUpdate():
                live.updated(self.account_id, output.item)
            case CheckResult():
                self._hub.board.checks.tell(f"{output.item.check_id}:{self.account_id}", output.item)
            case DrillLatched():
                self._hub.board.drills.tell(f"{output.item.drill_id}:{self.account_id}", output.item)

    def _link_changed(self, changed: LinkChanged) -> None:
        log.info("link changed", bridge_id=self.bridge_id, epoch=self.epoch, link=changed.state.value)
        self._hub.live.link_changed(self.account_id, self.epoch, changed.state)
        words = {
            LinkState.LIVE: "the bridge is connected",
            LinkState.DATA_ONLY: "the bridge's control stream is lost",
            LinkState.CONTROL_ONLY: "the bridge's data stream is lost",
            LinkState.ENDED: "the bridge is disconnected",
        }
        self._tell_link(f"{words[changed.state]}: {changed.why}")
        if changed.state is LinkState.ENDED:
            self._hub.session_ended(self)
            self._wake.set()

    def _tell_link(self, change: str) -> None:
        self._link_count += 1
        event_id = f"link:{self.bridge_id}:{self.epoch}:{self._link_count}"
        self._hub.tell_link(self.account_id, event_id, change)

    # Committing what was told.

    async def run(self) -> None:
        """Commit what the bridge tells until the session is over and all is committed or fenced."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._told:
                if not await self._commit_next():
                    return
            if self.machine.link is LinkState.ENDED and not self._told:
                return

    async def _commit_next(self) -> bool:
        """Commit a batch; return whether to go on."""
        self._last_receipt = None
        batch: list[Told] = []
        while self._told and len(batch) < _BATCH:
            head = self._told[0]
            if isinstance(head, _Offer):
                break
            batch.append(head)
            self._told.popleft()
        if not batch:
            offer = self._told.popleft()
            assert isinstance(offer, _Offer)
            return await self._offer_waiting(offer.opens)
        scene = self.scene
        reach("before_facts_record")
        effects = await self._with_retry(lambda records: apply_all(records, scene, batch))
        if effects is None:
            return False
        reach("before_facts_ack")
        self._carry_out(effects)
        return True

    async def _offer_waiting(self, opens: bool) -> bool:
        if not self.machine.may_send(increases_risk=False):
            # Over, or not begun: it is offered once the bridge has answered the welcome.
            return True
        scene = self.scene
        moment = self._hub.clocks.moment
        may_open = opens or self.machine.may_send(increases_risk=True)
        offered = await self._with_retry(
            lambda records: offer_waiting(records, scene, moment(), opens=may_open)
        )
        if offered is None:
            return False
        self._carry_out(offered.effects)
        for command in offered.sent:
            self.deliver(command)
        return True

    async def _with_retry(self, unit: Callable[[Records], T]) -> T | None:
        """Run a unit until it commits; None once the session is fenced, or over while storage is down."""
        while True:
            try:
                return await self._hub.storage.run(unit)
            except Fenced:
                log.warning("session fenced", bridge_id=self.bridge_id, epoch=self.epoch)
                self.perform(self.machine.supersede(self.epoch + 1, "another node or a revocation"))
                return None
            except (StorageUnavailable, CommitUnknown) as error:
                # All of it is idempotent, and the bridge tells again in its next session what is not
                # acknowledged.
                log.warning("commit of a bridge's facts is retried", error=str(error))
                if self.machine.link is LinkState.ENDED:
                    return None
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception:
                # What nobody foresaw would come again with each try: the session ends, and says so.
                log.exception("facts cannot be recorded", bridge_id=self.bridge_id, epoch=self.epoch)
                self.perform(self.machine.go_away("what the bridge told cannot be recorded"))
                return None

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        board = self._hub.board
        for effect in effects:
            match effect:
                case OutcomeCommitted():
                    self.perform(self.machine.outcome_committed(effect.outcome))
                case AlertCommitted():
                    self.perform(self.machine.send(AlertAck(effect.telling_id)))
                case EventsCommitted():
                    self.perform(self.machine.events_committed(effect.seq))
                case CommandSaved():
                    self._hub.command_saved(effect.command)
                case DocumentSaved():
                    self.perform(self.machine.desire(effect.document))
                case Adopted():
                    now = self._hub.clocks.monotonic()
                    self.perform(self.machine.control_adopted(effect.document, now))
                case AppliedSaved():
                    board.applied.tell(effect.account_id, effect)
                case SyncSaved():
                    board.syncs.tell(effect.report.sync_id, effect.report)
                case TradeSaved():
                    board.trades.tell(effect.trade.trade_id, effect.trade)
                case TradeOver():
                    self._hub.live.closed(self.account_id, effect.position_identifier)
                case SyncNeeded():
                    self._ask_sync(effect.problem)

    def _ask_sync(self, problem: str) -> None:
        if self.sync_asked:
            return
        # Once in a session: a difference that a sync does not explain is for people, not for a loop.
        self.sync_asked = True
        log.warning("record and terminal differ", account_id=self.account_id, problem=problem)
        request = SyncRequest(self._hub.new_uuid(), dry_run=False, trigger=SyncTrigger.BACKGROUND)
        self.perform(self.machine.send(request))

    def handed(self, command_id: str) -> bool:
        """Return whether a command was handed to the bridge in this session."""
        return command_id in self._handed

    def deliver(self, command: Command) -> None:
        """Hand a command to the bridge, once in a session."""
        if self.handed(command.command_id):
            return
        self._handed[command.command_id] = None
        if len(self._handed) > _HANDED_MEMORY:
            del self._handed[next(iter(self._handed))]
        accepted = command.accepted
        moment = self._hub.clocks.moment()
        if accepted.machine_boot == moment.machine_boot:
            expires_at = accepted.monotonic_seconds + command.time_to_live.total_seconds()
        else:
            left = command.time_to_live - (moment.wall - accepted.wall)
            expires_at = moment.monotonic_seconds + left.total_seconds()
        delivery = Delivery(
            command_id=command.command_id,
            origin=command.origin,
            action=command.action,
            stop_generation=command.stop_generation,
            automated=command.automated,
            increases_risk=command.increases_risk,
            expires_at=expires_at,
        )
        self.perform(self.machine.send(delivery))
        if command.cancel_wanted:
            self.perform(self.machine.send(CancelDelivery(command.command_id)))


@dataclass(frozen=True, slots=True)
class HubTimings:
    """Seconds."""

    receipt_delay: float = 0.05
    poll: float = 0.25
    tick: float = 0.5


class Hub:
    """The sessions of this node, by account."""

    def __init__(
        self, storage: Storage, live: Live, clocks: Clocks, board: Board, timings: HubTimings | None = None
    ) -> None:
        self.storage = storage
        self.live = live
        self.clocks = clocks
        self.board = board
        self.timings = timings or HubTimings()
        self._sessions: dict[str, LiveSession] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._link_locks: dict[str, asyncio.Lock] = {}
        self._ended: list[Callable[[LiveSession], None]] = []
        self._installed: list[Callable[[LiveSession], None]] = []
        self._stage_listeners: list[Callable[[str, Stage], bool]] = []
        self._command_listeners: list[Callable[[Command], None]] = []
        self._beat_listeners: list[Callable[[LiveSession, Heartbeat], None]] = []

    def new_uuid(self) -> str:
        """Return a random UUID."""
        return str(uuid.uuid4())

    def session(self, account_id: str) -> LiveSession | None:
        """Return the account's session, None where no stream of one lives."""
        return self._sessions.get(account_id)

    def sessions(self) -> list[LiveSession]:
        """Return all."""
        return list(self._sessions.values())

    def install(self, session: LiveSession) -> LiveSession | None:
        """Make a session the account's; return the one before it."""
        before = self._sessions.get(session.account_id)
        self._sessions[session.account_id] = session
        for listener in self._installed:
            listener(session)
        return before

    def session_ended(self, session: LiveSession) -> None:
        """A session is over."""
        if self._sessions.get(session.account_id) is session:
            del self._sessions[session.account_id]
        for listener in self._ended:
            listener(session)

    def on_ended(self, listener: Callable[[LiveSession], None]) -> None:
        """Call `listener` with each session that is over."""
        self._ended.append(listener)

    def on_installed(self, listener: Callable[[LiveSession], None]) -> None:
        """Call `listener` with each session that begins, before anything is sent in it."""
        self._installed.append(listener)

    def on_command(self, listener: Callable[[Command], None]) -> None:
        """Call `listener` with each command that is in another state than when accepted, once committed."""
        self._command_listeners.append(listener)

    def on_control_beat(self, listener: Callable[[LiveSession, Heartbeat], None]) -> None:
        """Call `listener` with each heartbeat of a control stream."""
        self._beat_listeners.append(listener)

    def command_saved(self, command: Command) -> None:
        """A command is in another state, and committed so."""
        self.board.commands.tell(command.command_id, command)
        for listener in self._command_listeners:
            listener(command)

    def beat(self, session: LiveSession, heartbeat: Heartbeat) -> None:
        """A heartbeat came on a control stream."""
        for listener in self._beat_listeners:
            listener(session, heartbeat)

    def on_stage(self, listener: Callable[[str, Stage], bool]) -> None:
        """Call `listener` with each word on a stop's progress, before it is on record.

        It answers whether it sees to the record itself.
        """
        self._stage_listeners.append(listener)

    def staged(self, account_id: str, stage: Stage) -> bool:
        """A bridge told how far a stop has come; return whether somebody sees to its record."""
        told = [listener(account_id, stage) for listener in self._stage_listeners]
        return any(told)

    def spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` beside all else; what it raises is logged."""
        task = asyncio.create_task(self._guard(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (StorageUnavailable, CommitUnknown) as error:
            log.warning("storage was not there", task=name, error=str(error))
        except Exception:
            log.exception("a task failed", task=name)

    def tell_link(self, account_id: str, event_id: str, change: str) -> None:
        """Tell subscribers how an account's chain stands, as soon as storage takes it."""
        self.spawn("tell-link", lambda: self._tell_link(account_id, event_id, change))

    async def _tell_link(self, account_id: str, event_id: str, change: str) -> None:
        def unit(records: Records) -> None:
            stored = records.account_view(account_id)
            if stored is not None:
                records.happened(account_id, LinkTold(event_id, self.live.view(stored), change))

        async with self._link_locks.setdefault(account_id, asyncio.Lock()):
            for _ in range(120):
                try:
                    await self.storage.run(unit)
                except (StorageUnavailable, CommitUnknown):
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    return

    def desire(self, document: ControlDocument) -> None:
        """A document was changed and committed here: send it, if its bridge is here."""
        session = self._sessions.get(document.account_id)
        if session is not None:
            session.perform(session.machine.desire(document))
            session.offer()

    async def spread(self, document: ControlDocument, wait_seconds: float) -> None:
        """Send a document to its bridge, if that is here, and wait for it to be kept to."""
        account_id = document.account_id
        session = self.session(account_id)
        with self.board.applied.watch(account_id) as watch:
            self.desire(document)
            if session is None or session.machine.applied_revision >= document.revision:
                return
            await watch.until(wait_seconds, lambda said: said.revision >= document.revision)

    async def close(self) -> None:
        """End the tasks beside."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
