"""A core without terminal or journal, for what stands between it and the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

from signalos_bridge.core import Core, Gate
from signalos_bridge.domain.facts import (
    BridgeEvent,
    CoreStatus,
    LiveUpdate,
    RecordedState,
    RecordSnapshot,
    StopProgress,
    SyncReport,
    SyncTrigger,
)
from signalos_bridge.domain.market import SymbolSpec, TerminalState, TerminalStatus
from signalos_bridge.domain.values import (
    Alert,
    Command,
    CommandState,
    LapsePolicy,
    Limits,
    OpenAction,
    OpenCheck,
    Outcome,
    Policies,
    Receipt,
    Standing,
)

TERMINAL = TerminalStatus(
    state=TerminalState.READY,
    blocks=(),
    connected=True,
    trade_allowed=True,
    tradeapi_disabled=False,
    ping_microseconds=1500,
    build=5000,
    company="Broker",
    login=5001,
    account_matches=True,
    utc_offset_seconds=None,
    broker_time_msc=None,
    error_code=None,
    error_text="",
)


def _written() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


def outcome(command_id: str, state: CommandState, reason: str = "", number: int = 1) -> Outcome:
    zero = Decimal(0)
    return Outcome(command_id, number, state, reason, "", (), zero, zero, None, None)


class ScriptedCore(Core):
    """Executes every command at once, unless its time is over or the gate refuses."""

    def __init__(self, gate: Gate, now: Callable[[], float], on_outgoing: Callable[[], None]) -> None:
        self.gate = gate
        self.now = now
        self.on_outgoing = on_outgoing
        self.events: list[BridgeEvent] = []
        self.acked_seq = 0
        self.delivered: list[Command] = []
        self.outcomes: dict[str, Outcome] = {}
        self.unacked: dict[str, Outcome] = {}
        self.receipts: list[Receipt] = []
        self.alerts: list[Alert] = []
        self.resolved: list[tuple[str, bool]] = []
        self.syncs: list[SyncTrigger] = []
        self.stops: list[str] = []
        self.rests: list[str] = []
        self.released: list[str] = []
        self.lapses: list[LapsePolicy] = []
        self.policies: list[Policies] = []
        self.problems: list[str] = []
        self.policies_fail: Exception | None = None
        self.prefix = 0
        self.adopted: list[RecordedState] = []
        self.live: LiveUpdate | None = None
        # While clear, stops wait for the terminal's running call.
        self.quiet = asyncio.Event()
        self.quiet.set()

    @property
    def journal_id(self) -> str:
        return "journal-1"

    def rest(self, why: str) -> None:
        self.rests.append(why)

    def set_magic_prefix(self, prefix: int) -> None:
        self.prefix = prefix

    async def deliver(self, command: Command) -> None:
        if command.command_id in self.outcomes:
            self.unacked[command.command_id] = self.outcomes[command.command_id]
            self.on_outgoing()
            return
        self.delivered.append(command)
        self.receipts.append(Receipt(command.command_id, CommandState.DELIVERED, self.now()))
        state, reason = CommandState.SUCCEEDED, ""
        if command.deadline is not None and self.now() >= command.deadline:
            state, reason = CommandState.EXPIRED, "EXPIRED_IN_QUEUE"
        elif isinstance(command.action, OpenAction):
            refusal = self.gate.refusal(command.stop_generation, command.automated, command.origin)
            if refusal is not None:
                state = CommandState.FENCED if refusal.code == "FENCED" else CommandState.REJECTED
                reason = refusal.code
        done = outcome(command.command_id, state, reason)
        self.outcomes[command.command_id] = self.unacked[command.command_id] = done
        self.on_outgoing()

    async def cancel(self, command_id: str) -> None:
        self.on_outgoing()

    def standings(self, command_ids: Sequence[str]) -> list[Standing]:
        return [
            Standing(each, self.outcomes[each].state if each in self.outcomes else None)
            for each in command_ids
        ]

    def take_receipts(self) -> list[Receipt]:
        receipts, self.receipts = self.receipts, []
        return receipts

    def unacknowledged_outcomes(self) -> list[Outcome]:
        return list(self.unacked.values())

    def acknowledge_outcome(self, command_id: str, outcome_number: int) -> asyncio.Future[None]:
        self.unacked.pop(command_id, None)
        return _written()

    def command_age_seconds(self, command_id: str) -> float | None:
        return 0.0

    @property
    def next_event_seq(self) -> int:
        return len(self.events) + 1

    def events_after(self, seq: int, limit: int) -> list[BridgeEvent]:
        return self.events[seq : seq + limit]

    def acknowledge_events(self, seq: int) -> asyncio.Future[None]:
        self.acked_seq = seq
        return _written()

    def event_id(self, seq: int) -> str:
        return next((event.event_id for event in self.events if event.seq == seq), "")

    async def resolve(self, command_id: str, executed: bool, reason: str) -> None:
        self.resolved.append((command_id, executed))

    def take_alerts(self) -> list[Alert]:
        alerts, self.alerts = self.alerts, []
        return alerts

    async def sync(self, trigger: SyncTrigger, sync_id: str, dry_run: bool) -> SyncReport:
        self.syncs.append(trigger)
        return SyncReport(sync_id, trigger, dry_run, True, "", 0, 0, 0, 0, (), 0.01, 1000)

    async def check(self, action: OpenAction) -> OpenCheck:
        return OpenCheck(False, False, 0, (), action.volume_lots, None, None, None, None, "USD", None)

    async def adopt_record(self, state: RecordedState) -> None:
        self.adopted.append(state)

    async def apply_policies(self, policies: Policies) -> list[str]:
        if self.policies_fail is not None:
            raise self.policies_fail
        self.policies.append(policies)
        return self.problems

    def take_live_update(self) -> LiveUpdate | None:
        live, self.live = self.live, None
        return live

    def tell_live_anew(self) -> None:
        return None

    async def symbols(self) -> tuple[SymbolSpec, ...]:
        return ()

    def status(self) -> CoreStatus:
        return CoreStatus(TERMINAL, None, 0.1, 0.1, None, None, 0, True, False, "", 0)

    def snapshot(self) -> RecordSnapshot:
        return RecordSnapshot(len(self.events), (), ())

    def state_hash(self) -> str:
        return "00"

    async def stop(
        self, stop_id: str, close_positions: bool, progress: Callable[[StopProgress], None]
    ) -> StopProgress:
        self.stops.append(stop_id)
        progress(StopProgress(stop_id))
        await self.quiet.wait()
        now = self.now()
        return StopProgress(stop_id, now, now, now if close_positions else None, complete=True)

    async def release_stops(self, stop_ids: Sequence[str]) -> None:
        self.released.extend(stop_ids)

    async def lapse(self, policy: LapsePolicy) -> str:
        self.lapses.append(policy)
        return "1 order cancelled"

    async def unhide_all(self, why: str) -> list[str]:
        return []


NO_LIMITS = Limits()
