"""What subscribers are told, before it is an event of a stream.

`event_id` is deterministic: the same fact has the same id, however often and by whomever it was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from signalos_server.domain.command import Command
from signalos_server.domain.control import Applied, ControlDocument
from signalos_server.domain.frames import SyncReport, Terminal
from signalos_server.domain.pipeline.record import SignalView
from signalos_server.domain.records import Order, Trade, TrailingStop
from signalos_server.domain.risk_limits.uses import Use
from signalos_server.domain.stop import Stop
from signalos_server.domain.words import BridgeState, MarginMode, Severity, TradeMode


@dataclass(frozen=True, slots=True)
class TradingStanding:
    """Whether an account may trade, wanted and applied, at one moment."""

    document: ControlDocument
    applied: Applied | None = None
    apply_time: datetime | None = None
    problem: str = ""
    lease_held: bool = False
    lease_expire_time: datetime | None = None
    flatten_running: bool = False


@dataclass(frozen=True, slots=True)
class TradeOpened:
    """A trade was opened or first seen."""

    event_id: str
    trade: Trade


@dataclass(frozen=True, slots=True)
class TradeChanged:
    """A trade changed; `change` in a trader's words."""

    event_id: str
    trade: Trade
    change: str


@dataclass(frozen=True, slots=True)
class TradeClosed:
    """A trade was closed."""

    event_id: str
    trade: Trade


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """A pending order was placed, moved, filled or ended."""

    event_id: str
    order: Order
    change: str


@dataclass(frozen=True, slots=True)
class CommandChanged:
    """A command is in another state."""

    event_id: str
    command: Command


@dataclass(frozen=True, slots=True)
class BridgeView:
    """A bridge and what is known of the chain behind it; `terminal` is how it was last said."""

    bridge_id: str
    account_id: str
    name: str
    state: BridgeState
    state_time: datetime | None
    pair_time: datetime
    version: str
    session_epoch: int
    terminal: Terminal | None = None
    terminal_read_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as its people see it; `login` None: no bridge was paired yet."""

    account_id: str
    name: str
    owner_user_id: str
    create_time: datetime
    login: int | None
    broker_server: str
    company: str
    currency: str
    trade_mode: TradeMode
    margin_mode: MarginMode
    bridge: BridgeView | None


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """A bridge or terminal came, went or changed."""

    event_id: str
    account: AccountView
    change: str


@dataclass(frozen=True, slots=True)
class StopCalled:
    """An emergency stop is on record; with the accounts of one owner only."""

    event_id: str
    stop: Stop
    standing: TradingStanding


@dataclass(frozen=True, slots=True)
class StopMoved:
    """An emergency stop came further."""

    event_id: str
    stop: Stop


@dataclass(frozen=True, slots=True)
class Paused:
    """Automated opens are held back, or pass again."""

    event_id: str
    standing: TradingStanding
    paused: bool


@dataclass(frozen=True, slots=True)
class Rearmed:
    """Stops were cleared by a person."""

    event_id: str
    standing: TradingStanding
    stop_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class StealthChanged:
    """Stealth was switched, or its bridge has applied it."""

    event_id: str
    standing: TradingStanding


@dataclass(frozen=True, slots=True)
class TrailingChanged:
    """A trailing stop was set, removed, activated, moved or suspended."""

    event_id: str
    trade: Trade
    wanted: TrailingStop | None
    applied: bool
    change: str


@dataclass(frozen=True, slots=True)
class SyncDone:
    """A sync ended."""

    event_id: str
    account_id: str
    report: SyncReport


class SignalChange(Enum):
    """What is told of a signal."""

    CREATED = "created"
    UPDATED = "updated"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class SignalTold:
    """A signal was committed, or what is decided about it changed."""

    event_id: str
    view: SignalView
    change: SignalChange


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """Limits reached another stage, were resumed, or were changed themselves (no `uses`)."""

    event_id: str
    uses: tuple[Use, ...]
    change: str


Happening = (
    TradeOpened
    | TradeChanged
    | TradeClosed
    | OrderChanged
    | CommandChanged
    | LinkChanged
    | StopCalled
    | StopMoved
    | Paused
    | Rearmed
    | StealthChanged
    | TrailingChanged
    | SyncDone
    | SignalTold
    | LimitsChanged
)


@dataclass(frozen=True, slots=True)
class NewAlert:
    """Something that a person has to know; the same `key` again counts up."""

    account_id: str
    severity: Severity
    code: str
    key: str
    message: str
    known: str = ""
    advice: str = ""
    command_id: str = ""
    trade_id: str = ""
    # Repeats of one telling of a bridge have the same; empty: each call is one.
    telling_id: str = ""
