"""What happened at the terminal, and what is there now, as the bridge reports it.

Broker times are MetaTrader's (the trade server's wall clock written as if it were UTC), in milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from signalos_bridge.domain.command import HiddenLevels
from signalos_bridge.domain.market import (
    AccountSnapshot,
    Deal,
    OrderState,
    OrderType,
    Position,
    TerminalStatus,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.protection import Protection
from signalos_bridge.domain.values import TrailingStop


class TradeOrigin(Enum):
    """Whose a position or order is."""

    MANAGED = "MANAGED"
    EXTERNAL = "EXTERNAL"
    ADOPTED = "ADOPTED"


class CloseCause(Enum):
    """Why a deal happened or a position closed; None in its place is "not known"."""

    USER = "USER"
    STOP_LOSS = "STOP_LOSS"
    TAKE_PROFIT = "TAKE_PROFIT"
    STOP_OUT = "STOP_OUT"
    BY_HAND = "BY_HAND"
    EXPERT = "EXPERT"
    VIRTUAL_STOP_LOSS = "VIRTUAL_STOP_LOSS"
    VIRTUAL_TAKE_PROFIT = "VIRTUAL_TAKE_PROFIT"
    EMERGENCY_STOP = "EMERGENCY_STOP"
    BROKER = "BROKER"
    SIGNALOS = "SIGNALOS"


class GuardState(Enum):
    """What the bridge does about a position's virtual levels; None in its place: there are none."""

    ARMED = "ARMED"
    TRIGGERED = "TRIGGERED"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"
    CLOSE_FAILED = "CLOSE_FAILED"


class OrderStanding(Enum):
    """Where a pending order stands (`OrderState` of the contract)."""

    WORKING = "WORKING"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"
    UNKNOWN_MISSING = "UNKNOWN_MISSING"


@dataclass(frozen=True, slots=True)
class PositionRecord:
    """A position as the terminal shows it, with what the bridge keeps for it.

    `position.volume_lots` is 0 once it is closed. `protection_revision` is the policy's that `protection`
    keeps to; 0: it came with the opening command. `initial_stop` is the first stop that it had.
    `target_only`: only the take profit is hidden, and the broker's stop is the real one.
    """

    position: Position
    origin: TradeOrigin
    open_command_id: str = ""
    virtual_stop_loss: Decimal | None = None
    virtual_take_profit: Decimal | None = None
    hidden: bool = False
    guard_state: GuardState | None = None
    trailing: TrailingStop | None = None
    broker_offset_seconds: int | None = None
    protection: Protection | None = None
    protection_revision: int = 0
    initial_stop: Decimal | None = None
    target_only: bool = False

    @property
    def stop_hidden(self) -> bool:
        """Return whether the broker's stop is a disaster stop, and not the real one."""
        return self.hidden and not self.target_only

    @property
    def own_stop(self) -> Decimal | None:
        """Return the stop that somebody chose: the hidden one where it is hidden, else the broker's."""
        return self.virtual_stop_loss if self.stop_hidden else self.position.stop_loss


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """A pending order as the terminal shows it. `remaining_volume_lots` is what is not filled.

    `hidden`: the levels that the bridge guards from its fill on; `stop_loss` is then the broker's disaster
    stop, unless only the take profit is hidden. None: the broker sees its levels.
    """

    ticket: int
    symbol: str
    type: OrderType
    standing: OrderStanding
    volume_lots: Decimal
    remaining_volume_lots: Decimal
    price: Decimal | None
    stop_limit_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    place_time_msc: int
    expire_time_seconds: int
    magic: int
    comment: str
    position_identifier: int
    origin: TradeOrigin
    open_command_id: str = ""
    broker_offset_seconds: int | None = None
    hidden: HiddenLevels | None = None

    @property
    def stop_hidden(self) -> bool:
        """Return whether the broker's stop is a disaster stop, and not the real one."""
        return self.hidden is not None and not self.hidden.target_only


@dataclass(frozen=True, slots=True)
class DealRecord:
    """A deal with the command that caused it, where it was ours, and its cause."""

    deal: Deal
    cause: CloseCause | None
    command_id: str = ""
    broker_offset_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class PositionOpened:
    """A position is there that was not."""

    position: PositionRecord
    deals: tuple[DealRecord, ...]


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """A position changed; `change` in a trader's words."""

    position: PositionRecord
    deals: tuple[DealRecord, ...]
    change: str


@dataclass(frozen=True, slots=True)
class PositionClosed:
    """A position closed, as its closing deals prove."""

    position: PositionRecord
    deals: tuple[DealRecord, ...]
    cause: CloseCause | None


@dataclass(frozen=True, slots=True)
class PositionMissing:
    """A position is gone, and no closing deal tells why."""

    position: PositionRecord


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """A pending order was placed, moved, filled or ended; `change` in a trader's words."""

    order: OrderRecord
    change: str


@dataclass(frozen=True, slots=True)
class DealSeen:
    """A deal that belongs to no position (balance and the like)."""

    deal: DealRecord


@dataclass(frozen=True, slots=True)
class TrailingChanged:
    """A trailing stop was set, removed, activated, moved or suspended."""

    position: PositionRecord
    change: str


class SyncTrigger(Enum):
    """What started a sync."""

    START = "START"
    RECONNECT = "RECONNECT"
    REQUEST = "REQUEST"
    BACKGROUND = "BACKGROUND"
    ACCOUNT_CHANGE = "ACCOUNT_CHANGE"

    @property
    def denies_opens(self) -> bool:
        """Return whether nothing may be opened while such a sync runs."""
        return self not in (SyncTrigger.REQUEST, SyncTrigger.BACKGROUND)


class SyncDifferenceKind(Enum):
    """What a difference between record and terminal is."""

    OPENED_OUTSIDE = "OPENED_OUTSIDE"
    CLOSED = "CLOSED"
    PARTIALLY_CLOSED = "PARTIALLY_CLOSED"
    LEVEL_MOVED = "LEVEL_MOVED"
    ORDER_FILLED = "ORDER_FILLED"
    ORDER_CANCELLED = "ORDER_CANCELLED"
    VOLUME_CHANGED = "VOLUME_CHANGED"
    COMMAND_RESOLVED = "COMMAND_RESOLVED"
    UNKNOWN_MISSING = "UNKNOWN_MISSING"
    ORDER_PLACED_OUTSIDE = "ORDER_PLACED_OUTSIDE"
    ORDER_MOVED = "ORDER_MOVED"
    OPENED_BY_COMMAND = "OPENED_BY_COMMAND"
    ORDER_EXPIRED = "ORDER_EXPIRED"
    POSITION_CHANGED = "POSITION_CHANGED"
    MONEY_MOVED = "MONEY_MOVED"
    DEAL_SEEN = "DEAL_SEEN"


@dataclass(frozen=True, slots=True)
class SyncDifference:
    """One difference, in a trader's words. `deal_reason` is MetaTrader's (`SL`, `CLIENT`), `cause` ours.

    `suggestion` says what it may be by likeness, which a person confirms; nothing follows from it.
    """

    kind: SyncDifferenceKind
    message: str
    position_identifier: int = 0
    order_ticket: int = 0
    symbol: str = ""
    deal_reason: str = ""
    deal_ticket: int = 0
    cause: CloseCause | None = None
    command_id: str = ""
    suggestion: str = ""
    likely_command_id: str = ""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync found. `duration_seconds` is from its start to its end, `end_wall_msc` UTC.

    `unknown_count`: commands whose outcome nobody knew when it ended.
    """

    sync_id: str
    trigger: SyncTrigger
    dry_run: bool
    succeeded: bool
    problem: str
    position_count: int
    order_count: int
    deal_count: int
    external_count: int
    differences: tuple[SyncDifference, ...]
    duration_seconds: float
    end_wall_msc: int
    unknown_count: int = 0


Fact = (
    PositionOpened
    | PositionChanged
    | PositionClosed
    | PositionMissing
    | OrderChanged
    | DealSeen
    | SyncReport
    | TrailingChanged
)


@dataclass(frozen=True, slots=True)
class BridgeEvent:
    """Something that happened; `seq` rises by one within a journal. `wall_msc` is UTC, for the audit only."""

    seq: int
    event_id: str
    wall_msc: int
    command_id: str
    fact: Fact


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the server has on record, for a bridge whose journal is new.

    `known_deals`: the tickets of all deals on record since `known_from_msc`, and of those of the positions;
    what else there is was not told. 0: the server does not say which.
    """

    positions: tuple[PositionRecord, ...]
    orders: tuple[OrderRecord, ...]
    last_deal_msc: int
    known_from_msc: int = 0
    known_deals: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordSnapshot:
    """All open positions and working orders as of an event."""

    event_seq: int
    positions: tuple[PositionRecord, ...]
    orders: tuple[OrderRecord, ...]


@dataclass(frozen=True, slots=True)
class LivePosition:
    """What changes of a position at every tick."""

    identifier: int
    current_price: Decimal | None
    profit: Decimal
    swap: Decimal


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """What changed since the last one was taken; only the latest of each. `account` None: unchanged."""

    positions: tuple[LivePosition, ...]
    account: AccountSnapshot | None
    quotes: tuple[Tick, ...]
    read_age_seconds: float


class StopTicketState(Enum):
    """What became of a ticket under a stop."""

    PENDING = "PENDING"
    DONE = "DONE"
    RETRYING = "RETRYING"
    MARKET_CLOSED = "MARKET_CLOSED"
    LEFT = "LEFT"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class StopTicket:
    """What a stop did to one ticket."""

    ticket: int
    is_order: bool
    symbol: str
    external: bool
    state: StopTicketState
    message: str
    attempt_count: int


@dataclass(frozen=True, slots=True)
class StopProgress:
    """How far a stop has come beyond the latch. Instants are `Clock.seconds`; None: not reached.

    `next_attempts`: by (is an order, ticket), when it is tried next, where it was refused so far.
    """

    stop_id: str
    quiet_at: float | None = None
    cancelled_at: float | None = None
    flat_at: float | None = None
    tickets: tuple[StopTicket, ...] = ()
    external_order_count: int = 0
    problem: str = ""
    unrecalled_command_ids: tuple[str, ...] = ()
    complete: bool = False
    next_attempts: Mapping[tuple[bool, int], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CoreStatus:
    """The terminal and the guard, with ages in seconds; None: never, or not known.

    `blind_seconds` None: the terminal answers. `journal_problem` empty: the journal takes writes.
    """

    terminal: TerminalStatus
    account: AccountSnapshot | None
    guard_age_seconds: float | None
    read_age_seconds: float | None
    tick_age_seconds: float | None
    blind_seconds: float | None
    guarded_count: int
    in_sync: bool
    syncing: bool
    journal_problem: str
    unknown_command_count: int


# Where a final `OrderState` of the terminal leads.
STANDING_OF_STATE: dict[OrderState, OrderStanding] = {
    OrderState.CANCELED: OrderStanding.CANCELLED,
    OrderState.FILLED: OrderStanding.FILLED,
    OrderState.REJECTED: OrderStanding.REJECTED,
    OrderState.EXPIRED: OrderStanding.EXPIRED,
}


def order_record(
    order: WorkingOrder,
    origin: TradeOrigin,
    open_command_id: str,
    broker_offset_seconds: int | None,
    hidden: HiddenLevels | None = None,
) -> OrderRecord:
    """Return the record of a working order."""
    return OrderRecord(
        ticket=order.ticket,
        symbol=order.symbol,
        type=order.type,
        standing=OrderStanding.WORKING,
        volume_lots=order.initial_volume_lots,
        remaining_volume_lots=order.current_volume_lots,
        price=order.open_price,
        stop_limit_price=order.stop_limit_price,
        stop_loss=order.stop_loss,
        take_profit=order.take_profit,
        place_time_msc=order.setup_time_msc,
        expire_time_seconds=order.expiration_time_seconds or 0,
        magic=order.magic,
        comment=order.comment,
        position_identifier=order.position_id or 0,
        origin=origin,
        open_command_id=open_command_id,
        broker_offset_seconds=broker_offset_seconds,
        hidden=hidden,
    )
