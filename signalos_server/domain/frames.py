"""What goes over a bridge's two streams, free of protobuf; `bridge.proto` says what each means."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from signalos_server.domain.actions import Action, Open
from signalos_server.domain.audit import AuditHead
from signalos_server.domain.command import Outcome
from signalos_server.domain.control import Applied, ControlDocument, HeldStop
from signalos_server.domain.records import Deal, PendingOrder, Position, SymbolSpec
from signalos_server.domain.stop import Stage
from signalos_server.domain.words import (
    CloseCause,
    CommandOrigin,
    CommandState,
    MarginMode,
    Severity,
    SyncDifferenceKind,
    SyncTrigger,
    TerminalState,
    TradeMode,
)

# From the bridge.


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a terminal says it is."""

    login: int
    broker_server: str
    trade_mode: TradeMode = TradeMode.UNSPECIFIED
    margin_mode: MarginMode = MarginMode.UNSPECIFIED
    currency: str = ""
    company: str = ""


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal behind a bridge, as last said; None is not known."""

    state: TerminalState = TerminalState.UNSPECIFIED
    broker_connected: bool | None = None
    trade_allowed: bool | None = None
    trade_api_disabled: bool | None = None
    ping_milliseconds: float | None = None
    build: int | None = None
    error_code: int | None = None
    error_text: str = ""
    guard_age_seconds: float | None = None
    blind_seconds: float | None = None
    broker_offset_seconds: int | None = None
    broker_offset_source: str = ""
    guarded_count: int = 0


@dataclass(frozen=True, slots=True)
class Hello:
    """Who a bridge is and what it already has."""

    bridge_id: str
    boot_id: str
    journal_id: str
    version: str
    protocol_versions: tuple[int, ...]
    identity: Identity | None
    next_event_seq: int
    last_epoch: int = 0
    revision: int = 0
    held_stops: tuple[HeldStop, ...] = ()
    stop_generation: int = 0
    state_hash: str = ""
    terminal: Terminal = field(default_factory=Terminal)
    bridge_time: datetime | None = None
    takes_batches: bool = False
    takes_resolutions: bool = False
    audit_heads: tuple[AuditHead, ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Regular word, from the loop that does the work."""

    number: int
    loop_lag_seconds: float = 0.0
    terminal: Terminal = field(default_factory=Terminal)
    next_event_seq: int = 0
    state_hash: str = ""
    tick_age_seconds: float | None = None
    read_age_seconds: float | None = None
    wall_jump_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A command is journalled (DELIVERED), or its first terminal call begins (RUNNING).

    `age_seconds`: how long ago that was when the bridge told it.
    """

    command_id: str
    state: CommandState
    age_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LocalCommand:
    """What a command was that the bridge started itself."""

    origin: CommandOrigin
    action: Action
    cause: str
    stop_id: str = ""
    start_bridge_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutcomeTold:
    """What became of a command; `local` for one that the bridge started itself."""

    outcome: Outcome
    local: LocalCommand | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a command stands at the bridge; `state` None: its journal has never seen it."""

    command_id: str
    state: CommandState | None


@dataclass(frozen=True, slots=True)
class Standings:
    """The answers to the open commands of the welcome."""

    standings: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class PositionOpened:
    """A position is there that was not."""

    position: Position
    deals: tuple[Deal, ...] = ()


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A position changed."""

    position: Position
    deals: tuple[Deal, ...] = ()
    change: str = ""


@dataclass(frozen=True, slots=True)
class PositionClosed:
    """A position closed, with its deals."""

    position: Position
    deals: tuple[Deal, ...] = ()
    cause: CloseCause = CloseCause.UNSPECIFIED


@dataclass(frozen=True, slots=True)
class PositionMissing:
    """A position is gone, and no closing deal tells why."""

    position: Position


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """A pending order was placed, moved, filled or ended."""

    order: PendingOrder
    change: str = ""


@dataclass(frozen=True, slots=True)
class DealSeen:
    """A deal that belongs to no position."""

    deal: Deal


@dataclass(frozen=True, slots=True)
class TrailingChanged:
    """A trailing stop was activated, moved or suspended."""

    position: Position
    change: str = ""


@dataclass(frozen=True, slots=True)
class SyncDifference:
    """One difference between our record and the terminal."""

    kind: SyncDifferenceKind
    position_identifier: int = 0
    order_ticket: int = 0
    symbol: str = ""
    deal_reason: str = ""
    deal_ticket: int = 0
    message: str = ""
    cause: CloseCause = CloseCause.UNSPECIFIED
    command_id: str = ""
    suggestion: str = ""
    likely_command_id: str = ""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync found."""

    sync_id: str
    trigger: SyncTrigger
    dry_run: bool
    succeeded: bool
    problem: str = ""
    start_time: datetime | None = None
    end_time: datetime | None = None
    position_count: int = 0
    order_count: int = 0
    deal_count: int = 0
    external_count: int = 0
    differences: tuple[SyncDifference, ...] = ()
    unknown_command_count: int = 0


Fact = (
    PositionOpened
    | PositionChanged
    | PositionClosed
    | PositionMissing
    | OrderChanged
    | DealSeen
    | TrailingChanged
    | SyncReport
)


@dataclass(frozen=True, slots=True)
class BridgeEvent:
    """Something that happened at the terminal: lossless, numbered without a hole within a journal."""

    seq: int
    event_id: str
    fact: Fact
    command_id: str = ""
    bridge_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TerminalSnapshot:
    """All that is open as of an event."""

    event_seq: int
    positions: tuple[Position, ...] = ()
    orders: tuple[PendingOrder, ...] = ()


@dataclass(frozen=True, slots=True)
class LivePosition:
    """What changes of a position at every tick. Floats: shown, never counted with."""

    identifier: int
    current_price: float
    profit: float
    swap: float


@dataclass(frozen=True, slots=True)
class Money:
    """An account's money as last read; None is not known."""

    balance: float | None = None
    equity: float | None = None
    margin: float | None = None
    free_margin: float | None = None
    margin_level_percent: float | None = None
    profit: float | None = None
    credit: float | None = None
    leverage: int | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote."""

    symbol: str
    bid: float
    ask: float
    broker_milliseconds: int


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """Prices, profits and money: only the latest matters."""

    positions: tuple[LivePosition, ...] = ()
    account: Money | None = None
    read_age_seconds: float = 0.0
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """The account's symbols, or a part of them; `first` starts a new table."""

    symbols: tuple[SymbolSpec, ...]
    first: bool


@dataclass(frozen=True, slots=True)
class BridgeAlert:
    """Something that a person has to know, or word that it has ended."""

    alert_key: str
    severity: Severity
    code: str
    message: str
    known: str = ""
    advice: str = ""
    command_id: str = ""
    position_identifier: int = 0
    telling_id: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a bridge counted for an order that is not sent."""

    check_id: str
    unknown_symbol: bool = False
    unavailable: bool = False
    retcode: int = 0
    problems: tuple[str, ...] = ()
    volume_lots: float | None = None
    price: float | None = None
    risk_money: float | None = None
    reward_money: float | None = None
    margin: float | None = None
    currency: str = ""
    spread_points: float | None = None


@dataclass(frozen=True, slots=True)
class Nack:
    """The bridge could not keep to a revision."""

    revision: int
    held_revision: int
    problem: str


@dataclass(frozen=True, slots=True)
class RearmResult:
    """What the bridge did about a re-arm; `problem` empty: it was done."""

    rearm_id: str
    held_stops: tuple[HeldStop, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DrillLatched:
    """A drill latch is on disk."""

    drill_id: str
    terminal_busy: bool = False


DataFrame = (
    Hello
    | Heartbeat
    | Receipt
    | OutcomeTold
    | Standings
    | BridgeEvent
    | TerminalSnapshot
    | LiveUpdate
    | BridgeAlert
    | SymbolTable
    | CheckResult
    | SyncReport
)
ControlFrame = Hello | Heartbeat | Applied | Nack | Stage | RearmResult | DrillLatched

# To the bridge.


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the server has on record of an account, for a bridge with a new journal.

    `known_deal_tickets`: all deals on record since `known_deals_from_broker_milliseconds`, and those of the
    positions. Deals are not told in the order of their times, so that the last one does not tell which
    earlier ones are on record.
    """

    positions: tuple[Position, ...] = ()
    orders: tuple[PendingOrder, ...] = ()
    last_deal_broker_milliseconds: int = 0
    known_deals_from_broker_milliseconds: int = 0
    known_deal_tickets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person said what became of a command that nobody knew."""

    command_id: str
    executed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to a hello."""

    epoch: int
    account_id: str
    committed_event_seq: int
    magic_prefix: int
    incarnation: int
    heartbeat_seconds: float
    dead_after_seconds: float
    lease_seconds: float
    event_credit: int
    server_time: datetime
    bound_identity: Identity | None = None
    recorded: Recorded | None = None
    """Set for a bridge whose journal is new to the server, or outdated."""
    open_command_ids: tuple[str, ...] = ()
    resolutions: tuple[Resolution, ...] = ()
    # The id of the event `committed_event_seq`; empty: not known.
    committed_event_id: str = ""
    # Another journal has spoken for the account since this one did.
    journal_outdated: bool = False


@dataclass(frozen=True, slots=True)
class HeartbeatAnswer:
    """The server lives; on Control: without a lease, and with heads of the audit for the bridge to keep."""

    number: int
    audit_heads: tuple[AuditHead, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A command on its way; the time left is counted to `expires_at` when the frame is written.

    `expires_at` is in seconds of the server's monotonic clock.
    """

    command_id: str
    origin: CommandOrigin
    action: Action
    stop_generation: int
    automated: bool
    increases_risk: bool
    expires_at: float


@dataclass(frozen=True, slots=True)
class CancelDelivery:
    """Takes a command back."""

    command_id: str


@dataclass(frozen=True, slots=True)
class EventAck:
    """Events up to here are committed."""

    seq: int


@dataclass(frozen=True, slots=True)
class OutcomeAck:
    """An outcome is committed."""

    command_id: str
    outcome_number: int


@dataclass(frozen=True, slots=True)
class AlertAck:
    """A bridge's alert is committed."""

    telling_id: str


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Asks for a sync."""

    sync_id: str
    dry_run: bool
    trigger: SyncTrigger = SyncTrigger.REQUEST


@dataclass(frozen=True, slots=True)
class Check:
    """Asks to count an order."""

    check_id: str
    open: Open


@dataclass(frozen=True, slots=True)
class Drain:
    """The server goes down."""

    reconnect_window_seconds: float


@dataclass(frozen=True, slots=True)
class Superseded:
    """Another session of this bridge has begun."""

    epoch: int
    address: str


@dataclass(frozen=True, slots=True)
class Desired:
    """What to keep to."""

    document: ControlDocument


@dataclass(frozen=True, slots=True)
class StopOrder:
    """Stop, now."""

    stop_id: str
    close_positions: bool
    stop_generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class RearmOrder:
    """Leads out of stops."""

    rearm_id: str
    stop_ids: tuple[str, ...]
    stop_generation: int


@dataclass(frozen=True, slots=True)
class LeaseGrant:
    """The bridge may open for a while, counted from when it sent this heartbeat."""

    heartbeat_number: int
    audit_heads: tuple[AuditHead, ...] = ()


@dataclass(frozen=True, slots=True)
class DrillOrder:
    """Rehearse a latch."""

    drill_id: str


ToData = (
    Welcome
    | HeartbeatAnswer
    | Delivery
    | CancelDelivery
    | EventAck
    | OutcomeAck
    | AlertAck
    | Resolution
    | SyncRequest
    | Check
    | Drain
    | Superseded
)
ToControl = Desired | StopOrder | RearmOrder | LeaseGrant | HeartbeatAnswer | DrillOrder | Superseded
