"""What the trading services need of storage: records of one unit of work, and units run as wholes.

A unit is a plain function of `Records`; it may be run again, so that its only effects are on the records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from signalos_server.domain.command import Command
from signalos_server.domain.control import Applied, ControlDocument
from signalos_server.domain.frames import Identity, Recorded, SyncReport
from signalos_server.domain.happenings import AccountView, Happening, NewAlert
from signalos_server.domain.records import Deal, Order, SymbolSpec, Trade
from signalos_server.domain.risk_limits.ledger import DayRecord, Ledger
from signalos_server.domain.stop import AccountStop, Drill, Stop
from signalos_server.domain.words import CommandState, MarginMode, OrderState, TradeState
from signalos_server.service.ports import Units
from signalos_server.service.signal_records import Signals, Sources


@dataclass(frozen=True, slots=True)
class AccountRef:
    """What deciding on an account's trades needs to know of it."""

    account_id: str
    owner_user_id: str
    name: str
    magic_prefix: int
    margin_mode: MarginMode
    login: int | None
    broker_server: str
    currency: str


@dataclass(frozen=True, slots=True)
class BridgeRef:
    """A bridge that is not revoked, and the session that owns its account."""

    bridge_id: str
    account_id: str
    name: str
    session_epoch: int
    session_node: str
    journal_id: str
    committed_event_seq: int


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller's key was used for."""

    user_id: str
    request_id: str
    body_hash: str
    command_id: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """An account's control document, and what its bridge keeps to."""

    document: ControlDocument
    applied: Applied | None
    apply_time: datetime | None
    problem: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What a new command of an account is judged by."""

    # None: none is paired.
    bridge: BridgeRef | None
    document: ControlDocument
    open_command_count: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What the database says of an account's session and its control document; epoch 0: no bridge."""

    bridge_id: str
    session_epoch: int
    revision: int
    stop_generation: int
    stopped: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list, newest first: `before` is the key of the last one already shown."""

    size: int
    before: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class JournalTaken:
    """How a bridge's journal stands when a session begins with it.

    `changed`: the account's last session had another one. `outdated`: another one has spoken for the account
    since this one did, so that what it keeps of positions is not how they stand.
    """

    committed_event_seq: int
    changed: bool
    outdated: bool


class Bridges(Protocol):
    """Bridges and the owners of their sessions."""

    def of_account(self, account_id: str) -> BridgeRef | None:
        """Return the account's bridge; None: none is paired."""

    def get(self, bridge_id: str) -> BridgeRef | None:
        """Return the bridge; None: unknown or revoked."""

    def own(self, bridge_id: str, epoch: int, node: str, version: str, now: datetime) -> None:
        """Make a session the owner."""

    def bind(self, account_id: str, identity: Identity) -> None:
        """Keep what the terminal says of an account."""

    def if_owner(self, bridge_id: str, epoch: int) -> BridgeRef | None:
        """Return the bridge where a session still owns it, and keep it so until this unit has committed."""

    def take_journal(self, bridge_id: str, journal_id: str) -> JournalTaken:
        """Make `journal_id` the present one; return how it stands. One that was outdated once stays so."""

    def commit_events(self, bridge_id: str, seq: int, event_id: str) -> None:
        """Note the last committed event of the present journal."""

    def committed_event_id(self, bridge_id: str) -> str:
        """Return the id of the last committed event of the present journal; empty: not known."""

    def readings(self, account_ids: Sequence[str]) -> dict[str, Reading]:
        """Return who owns these accounts' sessions and what is wanted of them, by account."""

    def ended(self, bridge_id: str, epoch: int, now: datetime) -> bool:
        """Note when a session ended; return whether it was still the owner."""


class Commands(Protocol):
    """Commands and callers' keys."""

    def claim(self, request: Request, now: datetime) -> Request | None:
        """Take a key; return None, or what it was used for before."""

    def insert(self, command: Command) -> None:
        """Add a command."""

    def get(self, command_id: str) -> Command | None:
        """Return a command."""

    def lock(self, command_id: str) -> Command | None:
        """Return a command, and keep others from changing it until this unit has committed."""

    def save(self, command: Command) -> int:
        """Store what has changed; return the record's new version."""

    def open_of(self, account_id: str, *, lock: bool = False) -> list[Command]:
        """Return the account's commands that have not ended, oldest first."""

    def pending(self, account_id: str, *, lock: bool = True) -> list[Command]:
        """Return PENDING commands, oldest first: those that no bridge was handed, or has said to have."""

    def accounts_with_pending(self) -> list[str]:
        """Return accounts that have such."""

    def resolved_by_person(self, account_id: str, since: datetime) -> list[Command]:
        """Return commands made since then of which a person has said what became of them."""

    def of_signal(self, signal_id: str) -> list[Command]:
        """Return the commands that a signal caused, oldest first."""

    def newest(self, account_id: str, count: int) -> list[Command]:
        """Return so many of an account's newest commands, newest first."""

    def unknown_open(self, account_id: str, symbol: str) -> Command | None:
        """Return an open of this symbol whose outcome is not known."""

    def opens_under_way(self, account_id: str, since: datetime) -> list[Command]:
        """Return opens that have not ended, are UNKNOWN, or were done since then, oldest first."""

    def count_since(self, account_id: str, since: datetime) -> int:
        """Return how many commands of the account were made since then, the bridge's own included."""

    def page(
        self, account_ids: Sequence[str], page: Page, state: CommandState | None, trade_id: str
    ) -> list[Command]:
        """Return commands, newest first."""


class Control(Protocol):
    """Control documents, stops and sync reports."""

    def get(self, account_id: str) -> Wanted:
        """Return an account's document; a fresh one where none was stored."""

    def lock(self, account_id: str) -> Wanted:
        """Return it, and keep others from changing it until this unit has committed."""

    def save(self, document: ControlDocument) -> None:
        """Store a document."""

    def save_applied(self, account_id: str, applied: Applied | None, problem: str, now: datetime) -> None:
        """Store what the bridge keeps to (None: as before) and why not."""

    def insert_stop(self, stop: Stop) -> None:
        """Add a stop with its accounts, or the accounts that it has not yet."""

    def stop(self, stop_id: str) -> Stop | None:
        """Return a stop with all of its accounts."""

    def stop_at(self, stop_id: str, account_id: str) -> Stop | None:
        """Return a stop with one account, or with none where it does not cover that; None: no such stop."""

    def closing_at(self, account_id: str) -> list[tuple[str, AccountStop]]:
        """Return the stops in force that ask for closing, with how far each has come at the account."""

    def covers_any(self, stop_id: str) -> bool:
        """Return whether a stop covers any account."""

    def save_progress(self, stop_id: str, account: AccountStop) -> int:
        """Store how far a stop has come; return the record's new version."""

    def mark_rearmed(self, stop_ids: Sequence[str], account_id: str, now: datetime) -> None:
        """Note that a re-arm named these stops."""

    def reinstate(self, stop_id: str, account_id: str) -> None:
        """Note that a stop which was re-armed is in force again."""

    def stops_of(self, account_ids: Sequence[str], page: Page | None, *, active_only: bool) -> list[Stop]:
        """Return stops that cover any of the accounts, newest first, with those accounts only."""

    def add_drills(self, drills: Sequence[Drill]) -> None:
        """Store what drills measured."""

    def drills(self, account_ids: Sequence[str], page: Page) -> list[Drill]:
        """Return what drills measured, newest first."""

    def save_sync(self, account_id: str, report: SyncReport) -> None:
        """Store a sync report."""

    def syncs(self, account_ids: Sequence[str], page: Page) -> list[tuple[str, SyncReport]]:
        """Return sync reports with their accounts, newest first."""


class Book(Protocol):
    """Trades, orders, deals and symbols."""

    def trade(self, trade_id: str) -> Trade | None:
        """Return a trade."""

    def save_trade(self, trade: Trade) -> None:
        """Store a trade, new or not."""

    def open_trades(self, account_ids: Sequence[str]) -> list[Trade]:
        """Return trades that are not over, newest first."""

    def trades(
        self,
        account_ids: Sequence[str],
        page: Page,
        *,
        state: TradeState | None,
        symbol: str,
        start: int | None,
        end: int | None,
    ) -> list[Trade]:
        """Return trades, newest first; bounds are in the broker's milliseconds."""

    def order(self, order_id: str) -> Order | None:
        """Return a pending order."""

    def save_order(self, order: Order) -> None:
        """Store a pending order, new or not."""

    def orders(self, account_ids: Sequence[str], page: Page | None, state: OrderState) -> list[Order]:
        """Return pending orders in a state, newest first."""

    def add_deals(self, account_id: str, deals: Sequence[Deal]) -> None:
        """Store the deals that are not stored yet."""

    def deals_of(self, account_id: str, position_identifier: int) -> list[Deal]:
        """Return a position's deals, oldest first."""

    def deals(
        self, account_ids: Sequence[str], page: Page, *, start: int | None, end: int | None
    ) -> list[tuple[str, Deal]]:
        """Return deals with their accounts, newest first; bounds are in the broker's milliseconds."""

    def deals_since(
        self,
        account_id: str,
        since: datetime,
        types: Sequence[str] = (),
        *,
        offset_seconds: int | None = None,
    ) -> list[Deal] | None:
        """Return deals since a moment, of these types or of all, oldest first.

        A deal that was told before the broker's offset was known is placed by the offset of now, where that
        is given, and by those of other deals, with an hour's room for a change of summer time. None: even so
        it could be of before or after.
        """

    def opened_since(self, account_id: str, since: datetime) -> int:
        """Return how many trades were opened since then; a broker of unknown offset is taken at its word."""

    def closed_last(self, account_id: str, size: int) -> list[tuple[Trade, ...]]:
        """Return the signals that closed last, newest first, each as all its trades, newest first.

        Trades of no signal belong together where one order opened them. What has a trade that is not over is
        not among them.
        """

    def open_at(self, account_id: str, moment: datetime) -> bool | None:
        """Return whether any trade was open at a moment; None: the broker's offset was not known."""

    def last_deal_milliseconds(self, account_id: str) -> int:
        """Return the broker's time of the last deal; 0: none."""

    def symbol(self, account_id: str, symbol: str) -> SymbolSpec | None:
        """Return a symbol's rules."""

    def symbols(self, account_id: str) -> list[SymbolSpec]:
        """Return all rules, by name."""

    def symbol_names(self, account_id: str) -> list[str]:
        """Return the names of all symbols."""

    def symbols_named(self, account_id: str, names: Sequence[str]) -> list[SymbolSpec]:
        """Return the rules of these symbols, by name."""

    def save_symbols(self, account_id: str, symbols: Sequence[SymbolSpec], *, first: bool) -> None:
        """Store rules; `first` forgets those before."""

    def recorded(self, account_id: str) -> Recorded:
        """Return what is open on record, for a bridge without memory."""


class LimitBook(Protocol):
    """What is remembered of accounts for their limits."""

    def ledger(self, account_id: str) -> Ledger:
        """Return an account's ledger; a fresh one where none was stored."""

    def lock(self, account_id: str) -> Ledger:
        """Return it, and keep others from changing it until this unit has committed."""

    def save(self, ledger: Ledger) -> int:
        """Store a ledger; return the record's new version."""

    def day(self, account_id: str, start_time: datetime) -> DayRecord | None:
        """Return how a trading day began."""

    def add_day(self, account_id: str, day: DayRecord) -> None:
        """Store how a trading day began; what is stored already stays."""

    def last_day_before(self, account_id: str, start_time: datetime) -> DayRecord | None:
        """Return the newest trading day on record that began before a moment."""


class Records(Protocol):
    """The records of one unit of work."""

    @property
    def bridges(self) -> Bridges:
        """Bridges."""

    @property
    def commands(self) -> Commands:
        """Commands."""

    @property
    def control(self) -> Control:
        """Control documents and stops."""

    @property
    def book(self) -> Book:
        """Trades, orders and deals."""

    @property
    def sources(self) -> Sources:
        """Sources of signals."""

    @property
    def signals(self) -> Signals:
        """Signals and decisions."""

    @property
    def limits(self) -> LimitBook:
        """Days, peaks and latched limits."""

    def account(self, account_id: str) -> AccountRef | None:
        """Return an account."""

    def standing(self, account_id: str) -> Standing:
        """Return bridge, document and number of open commands of an account, read together."""

    def account_view(self, account_id: str) -> AccountView | None:
        """Return an account with its bridge, as stored: without what only memory knows."""

    def lock_account(self, account_id: str) -> AccountRef | None:
        """Return an account, and keep other units off it until this one has committed."""

    def accounts_of(self, user_id: str | None) -> list[AccountRef]:
        """Return a user's accounts, or everybody's."""

    def owners(self) -> dict[str, str]:
        """Return the owner of every account, oldest account first."""

    def audit_hash(self, chain: str, number: int) -> str | None:
        """Return the hash of an entry of the audit; None: there is no such entry."""

    def audit_heads(self, chains: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Return number and hash of the last entry of each of these chains that has one."""

    def incarnation(self) -> int:
        """Return the number that a restore raises."""

    def happened(self, account_id: str, *happenings: Happening) -> None:
        """Tell the account's owner, in the same commit."""

    def tell(self, user_id: str, *happenings: Happening) -> None:
        """Tell one user, in the same commit."""

    def alert(self, alert: NewAlert) -> None:
        """Raise an alert, or count it up."""

    def alert_ended(self, account_id: str, code: str, key: str, reason: str) -> None:
        """Note that what an alert tells of has ended; it stays until somebody acknowledges it."""

    def audit(self, chain: str, user_id: str, action: str, detail: Mapping[str, object]) -> None:
        """Append to the audit."""


Storage = Units[Records]
