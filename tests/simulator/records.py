"""The server's database as dictionaries: units of work that commit whole or not at all.

It keeps to `signalos_server.service.records`, as the adapter on SQLAlchemy does; a unit that raises changes
nothing, and what was committed outlives every process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, TypeVar

from signalos_server.domain.actions import Open
from signalos_server.domain.command import Command
from signalos_server.domain.control import Applied, ControlDocument
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.domain.frames import Identity, Recorded, SyncReport
from signalos_server.domain.happenings import AccountView, CommandChanged, Happening, NewAlert
from signalos_server.domain.records import Deal, Order, SymbolSpec, Trade
from signalos_server.domain.risk_limits.ledger import DayRecord, Ledger
from signalos_server.domain.stop import AccountStop, Drill, Stop
from signalos_server.domain.words import CommandState, MarginMode, OrderState, TradeMode, TradeState
from signalos_server.service.records import (
    AccountRef,
    BridgeRef,
    JournalTaken,
    Page,
    Reading,
    Records,
    Request,
    Standing,
    Wanted,
)
from signalos_server.service.signal_records import Signals, Sources

T = TypeVar("T")
_LIVE = (TradeState.OPEN, TradeState.UNKNOWN_MISSING)
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_OPEN = (CommandState.PENDING, CommandState.DELIVERED, CommandState.RUNNING, CommandState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class StopRecord:
    """A stop with its accounts, each with when it was re-armed."""

    stop: Stop
    accounts: Mapping[str, tuple[AccountStop, datetime | None, int]]


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the user's stream."""

    seq: int
    happening: Happening


class Tables:
    """What is committed. A unit's changes are taken back from `undo` when it raises."""

    def __init__(self) -> None:
        self.accounts: dict[str, AccountRef] = {}
        self.bridges: dict[str, BridgeRef] = {}
        self.journals: dict[str, int] = {}
        # The last event of the present journal, by bridge.
        self.last_events: dict[str, str] = {}
        self.commands: dict[str, tuple[Command, int]] = {}
        self.open_commands: dict[str, None] = {}
        self.requests: dict[tuple[str, str], Request] = {}
        self.control: dict[str, Wanted] = {}
        self.stops: dict[str, StopRecord] = {}
        self.syncs: dict[str, SyncReport] = {}
        self.trades: dict[str, Trade] = {}
        self.orders: dict[str, Order] = {}
        self.deals: dict[tuple[str, int], Deal] = {}
        self.symbols: dict[tuple[str, str], SymbolSpec] = {}
        self.stream: list[Told] = []
        self.alerts: list[NewAlert] = []
        self.drills: list[Drill] = []
        self.audit: list[tuple[str, str, Mapping[str, object]]] = []
        self.incarnation = 1
        self.commits = 0
        self._undo: list[Callable[[], None]] | None = None

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Set a row; taken back if the unit fails."""
        assert self._undo is not None, "a unit that only reads has written"
        if key in table:
            before = table[key]
            self._undo.append(lambda: table.__setitem__(key, before))
        else:
            self._undo.append(lambda: table.__delitem__(key))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        """Delete a row; taken back if the unit fails."""
        assert self._undo is not None, "a unit that only reads has written"
        if key in table:
            before = table.pop(key)
            self._undo.append(lambda: table.__setitem__(key, before))

    def add(self, rows: list[Any], row: Any) -> None:
        """Append a row; taken back if the unit fails."""
        assert self._undo is not None, "a unit that only reads has written"
        self._undo.append(rows.pop)
        rows.append(row)

    @property
    def wrote(self) -> bool:
        """Return whether the unit that runs has written anything."""
        return bool(self._undo)

    def run(self, unit: Callable[[SimRecords], T]) -> T:
        """Run a unit and commit, or change nothing."""
        assert self._undo is None
        self._undo = []
        try:
            records = SimRecords(self)
            result = unit(records)
            records.finish()
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise
        else:
            self.commits += bool(self._undo)
        finally:
            self._undo = None
        return result

    def read(self, unit: Callable[[SimRecords], T]) -> T:
        """Run a unit that only reads."""
        return unit(SimRecords(self))


class SimBridges:
    """See `service.records.Bridges`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def of_account(self, account_id: str) -> BridgeRef | None:
        return next((one for one in self._tables.bridges.values() if one.account_id == account_id), None)

    def get(self, bridge_id: str) -> BridgeRef | None:
        return self._tables.bridges.get(bridge_id)

    def own(self, bridge_id: str, epoch: int, node: str, version: str, now: datetime) -> None:
        bridge = self._tables.bridges[bridge_id]
        self._tables.put(
            self._tables.bridges, bridge_id, replace(bridge, session_epoch=epoch, session_node=node)
        )

    def bind(self, account_id: str, identity: Identity) -> None:
        account = self._tables.accounts[account_id]
        bound = replace(
            account,
            login=identity.login,
            broker_server=identity.broker_server,
            margin_mode=identity.margin_mode,
            currency=identity.currency,
        )
        self._tables.put(self._tables.accounts, account_id, bound)

    def if_owner(self, bridge_id: str, epoch: int) -> BridgeRef | None:
        bridge = self._tables.bridges.get(bridge_id)
        return bridge if bridge is not None and bridge.session_epoch == epoch else None

    def take_journal(self, bridge_id: str, journal_id: str) -> JournalTaken:
        bridge = self._tables.bridges[bridge_id]
        if bridge.journal_id == journal_id:
            outdated = journal_id in self._tables.journals
            return JournalTaken(bridge.committed_event_seq, changed=False, outdated=outdated)
        if bridge.journal_id:
            self._tables.put(self._tables.journals, bridge.journal_id, bridge.committed_event_seq)
        outdated = journal_id in self._tables.journals
        committed = self._tables.journals.get(journal_id, 0)
        changed = replace(bridge, journal_id=journal_id, committed_event_seq=committed)
        self._tables.drop(self._tables.last_events, bridge_id)
        self._tables.put(self._tables.bridges, bridge_id, changed)
        return JournalTaken(committed, changed=True, outdated=outdated)

    def committed_event_id(self, bridge_id: str) -> str:
        return self._tables.last_events.get(bridge_id, "")

    def commit_events(self, bridge_id: str, seq: int, event_id: str) -> None:
        bridge = self._tables.bridges[bridge_id]
        if seq > bridge.committed_event_seq:
            self._tables.put(self._tables.last_events, bridge_id, event_id)
            self._tables.put(self._tables.bridges, bridge_id, replace(bridge, committed_event_seq=seq))

    def readings(self, account_ids: Sequence[str]) -> dict[str, Reading]:
        found = {}
        for bridge in self._tables.bridges.values():
            if bridge.account_id in account_ids:
                document = SimControl(self._tables).get(bridge.account_id).document
                found[bridge.account_id] = Reading(
                    bridge.bridge_id,
                    bridge.session_epoch,
                    document.revision,
                    document.stop_generation,
                    document.stopped,
                )
        return found

    def ended(self, bridge_id: str, epoch: int, now: datetime) -> bool:
        bridge = self._tables.bridges.get(bridge_id)
        return bridge is not None and bridge.session_epoch == epoch


class SimCommands:
    """See `service.records.Commands`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def claim(self, request: Request, now: datetime) -> Request | None:
        key = (request.user_id, request.request_id)
        if key in self._tables.requests:
            return self._tables.requests[key]
        self._tables.put(self._tables.requests, key, request)
        return None

    def insert(self, command: Command) -> None:
        assert command.command_id not in self._tables.commands
        self._put(command, 1)

    def _put(self, command: Command, version: int) -> None:
        tables = self._tables
        tables.put(tables.commands, command.command_id, (command, version))
        if command.state in _OPEN:
            if command.command_id not in tables.open_commands:
                tables.put(tables.open_commands, command.command_id, None)
        else:
            tables.drop(tables.open_commands, command.command_id)

    def get(self, command_id: str) -> Command | None:
        found = self._tables.commands.get(command_id)
        return None if found is None else found[0]

    def lock(self, command_id: str) -> Command | None:
        return self.get(command_id)

    def save(self, command: Command) -> int:
        version = self._tables.commands[command.command_id][1] + 1
        self._put(command, version)
        return version

    def _all(self) -> list[Command]:
        found = [self._tables.commands[command_id][0] for command_id in self._tables.open_commands]
        return sorted(found, key=lambda one: (one.create_time, one.command_id))

    def open_of(self, account_id: str, *, lock: bool = False) -> list[Command]:
        return [one for one in self._all() if one.account_id == account_id]

    def pending(self, account_id: str, *, lock: bool = True) -> list[Command]:
        return [one for one in self.open_of(account_id) if one.state is CommandState.PENDING]

    def accounts_with_pending(self) -> list[str]:
        waiting = (one for one in self._all() if one.state is CommandState.PENDING)
        return list(dict.fromkeys(one.account_id for one in waiting))

    def count_open(self, account_id: str) -> int:
        return len(self.open_of(account_id))

    def resolved_by_person(self, account_id: str, since: datetime) -> list[Command]:
        found = [one for one, _ in self._tables.commands.values() if one.account_id == account_id]
        found = [one for one in found if one.create_time >= since and one.resolved_by_person]
        return sorted(found, key=lambda one: (one.create_time, one.command_id))

    def of_signal(self, signal_id: str) -> list[Command]:
        raise NotImplementedError

    def newest(self, account_id: str, count: int) -> list[Command]:
        raise NotImplementedError

    def unknown_open(self, account_id: str, symbol: str) -> Command | None:
        for one in self.open_of(account_id):
            if (
                one.state is CommandState.UNKNOWN
                and isinstance(one.action, Open)
                and one.action.symbol == symbol
            ):
                return one
        return None

    def opens_under_way(self, account_id: str, since: datetime) -> list[Command]:
        raise NotImplementedError

    def count_since(self, account_id: str, since: datetime) -> int:
        raise NotImplementedError

    def page(
        self, account_ids: Sequence[str], page: Page, state: CommandState | None, trade_id: str
    ) -> list[Command]:
        raise NotImplementedError


class SimControl:
    """See `service.records.Control`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, account_id: str) -> Wanted:
        found = self._tables.control.get(account_id)
        return found or Wanted(ControlDocument(account_id), None, None, "")

    def lock(self, account_id: str) -> Wanted:
        return self.get(account_id)

    def save(self, document: ControlDocument) -> None:
        wanted = replace(self.get(document.account_id), document=document)
        self._tables.put(self._tables.control, document.account_id, wanted)

    def save_applied(self, account_id: str, applied: Applied | None, problem: str, now: datetime) -> None:
        wanted = replace(self.get(account_id), problem=problem)
        if applied is not None:
            wanted = replace(wanted, applied=applied, apply_time=now)
        self._tables.put(self._tables.control, account_id, wanted)

    def insert_stop(self, stop: Stop) -> None:
        known = self._tables.stops.get(stop.stop_id)
        base = known or StopRecord(replace(stop, accounts=()), {})
        new = {one.account_id: (one, None, 1) for one in stop.accounts if one.account_id not in base.accounts}
        if new or known is None:
            record = replace(base, accounts={**base.accounts, **new})
            self._tables.put(self._tables.stops, stop.stop_id, record)

    def stop(self, stop_id: str) -> Stop | None:
        known = self._tables.stops.get(stop_id)
        return None if known is None else _shown(known, None)

    def _account(self, stop_id: str, account_id: str, changed: tuple[AccountStop, Any, int]) -> None:
        known = self._tables.stops[stop_id]
        record = replace(known, accounts={**known.accounts, account_id: changed})
        self._tables.put(self._tables.stops, stop_id, record)

    def save_progress(self, stop_id: str, account: AccountStop) -> int:
        _, rearmed, version = self._tables.stops[stop_id].accounts[account.account_id]
        self._account(stop_id, account.account_id, (account, rearmed, version + 1))
        return version + 1

    def stop_at(self, stop_id: str, account_id: str) -> Stop | None:
        known = self._tables.stops.get(stop_id)
        return None if known is None else _shown(known, [account_id])

    def closing_at(self, account_id: str) -> list[tuple[str, AccountStop]]:
        return [
            (record.stop.stop_id, record.accounts[account_id][0])
            for record in self._tables.stops.values()
            if record.stop.close_positions
            and account_id in record.accounts
            and record.accounts[account_id][1] is None
        ]

    def covers_any(self, stop_id: str) -> bool:
        known = self._tables.stops.get(stop_id)
        return known is not None and bool(known.accounts)

    def add_drills(self, drills: Sequence[Drill]) -> None:
        for drill in drills:
            self._tables.add(self._tables.drills, drill)

    def drills(self, account_ids: Sequence[str], page: Page) -> list[Drill]:
        raise NotImplementedError

    def mark_rearmed(self, stop_ids: Sequence[str], account_id: str, now: datetime) -> None:
        self._mark(stop_ids, account_id, lambda before: before or now)

    def reinstate(self, stop_id: str, account_id: str) -> None:
        self._mark((stop_id,), account_id, lambda _: None)

    def _mark(self, stop_ids: Sequence[str], account_id: str, change: Callable[[Any], Any]) -> None:
        for stop_id in stop_ids:
            known = self._tables.stops.get(stop_id)
            if known is not None and account_id in known.accounts:
                account, rearmed, version = known.accounts[account_id]
                self._account(stop_id, account_id, (account, change(rearmed), version))

    def stops_of(self, account_ids: Sequence[str], page: Page | None, *, active_only: bool) -> list[Stop]:
        found = [
            _shown(record, account_ids)
            for record in self._tables.stops.values()
            if any(
                account_id in account_ids and not (active_only and rearmed is not None)
                for account_id, (_, rearmed, _) in record.accounts.items()
            )
        ]
        return sorted(found, key=lambda one: (one.create_time, one.stop_id), reverse=True)

    def save_sync(self, account_id: str, report: SyncReport) -> None:
        self._tables.put(self._tables.syncs, report.sync_id, report)

    def syncs(self, account_ids: Sequence[str], page: Page) -> list[tuple[str, SyncReport]]:
        raise NotImplementedError


def _shown(record: StopRecord, account_ids: Sequence[str] | None) -> Stop:
    accounts = [
        each
        for account_id, each in sorted(record.accounts.items())
        if account_ids is None or account_id in account_ids
    ]
    times = [rearmed for _, rearmed, _ in accounts if rearmed is not None]
    return replace(
        record.stop,
        accounts=tuple(account for account, _, _ in accounts),
        rearm_time=max(times) if times and len(times) == len(accounts) else None,
    )


class SimBook:
    """See `service.records.Book`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def trade(self, trade_id: str) -> Trade | None:
        return self._tables.trades.get(trade_id)

    def save_trade(self, trade: Trade) -> None:
        self._tables.put(self._tables.trades, trade.trade_id, trade)

    def open_trades(self, account_ids: Sequence[str]) -> list[Trade]:
        return [
            one
            for one in reversed(self._tables.trades.values())
            if one.account_id in account_ids and one.state in _LIVE
        ]

    def trades(self, *args: Any, **names: Any) -> list[Trade]:
        raise NotImplementedError

    def order(self, order_id: str) -> Order | None:
        return self._tables.orders.get(order_id)

    def save_order(self, order: Order) -> None:
        self._tables.put(self._tables.orders, order.order_id, order)

    def orders(self, account_ids: Sequence[str], page: Page | None, state: OrderState) -> list[Order]:
        return [
            one
            for one in reversed(self._tables.orders.values())
            if one.account_id in account_ids and one.pending.state is state
        ]

    def add_deals(self, account_id: str, deals: Sequence[Deal]) -> None:
        for deal in deals:
            if (account_id, deal.ticket) not in self._tables.deals:
                self._tables.put(self._tables.deals, (account_id, deal.ticket), deal)

    def deals_of(self, account_id: str, position_identifier: int) -> list[Deal]:
        found = [
            deal
            for (owner, _), deal in self._tables.deals.items()
            if owner == account_id and deal.position_identifier == position_identifier
        ]
        return sorted(found, key=lambda one: (one.broker_milliseconds, one.ticket))

    def deals(self, *args: Any, **names: Any) -> list[tuple[str, Deal]]:
        raise NotImplementedError

    def deals_since(self, *args: Any, **names: Any) -> list[Deal] | None:
        raise NotImplementedError

    def opened_since(self, account_id: str, since: datetime) -> int:
        raise NotImplementedError

    def closed_last(self, account_id: str, size: int) -> list[tuple[Trade, ...]]:
        raise NotImplementedError

    def open_at(self, account_id: str, moment: datetime) -> bool | None:
        raise NotImplementedError

    def last_deal_milliseconds(self, account_id: str) -> int:
        times = [d.broker_milliseconds for (owner, _), d in self._tables.deals.items() if owner == account_id]
        return max(times, default=0)

    def symbol(self, account_id: str, symbol: str) -> SymbolSpec | None:
        return self._tables.symbols.get((account_id, symbol))

    def symbols(self, account_id: str) -> list[SymbolSpec]:
        return [spec for (owner, _), spec in sorted(self._tables.symbols.items()) if owner == account_id]

    def symbol_names(self, account_id: str) -> list[str]:
        raise NotImplementedError

    def symbols_named(self, account_id: str, names: Sequence[str]) -> list[SymbolSpec]:
        raise NotImplementedError

    def save_symbols(self, account_id: str, symbols: Sequence[SymbolSpec], *, first: bool) -> None:
        if first:
            for key in [key for key in self._tables.symbols if key[0] == account_id]:
                self._tables.drop(self._tables.symbols, key)
        for spec in symbols:
            self._tables.put(self._tables.symbols, (account_id, spec.symbol), spec)

    def recorded(self, account_id: str) -> Recorded:
        last = self.last_deal_milliseconds(account_id)
        since = max(0, last - 3_600_000)
        positions = tuple(trade.position for trade in self.open_trades([account_id]))
        held = {position.identifier for position in positions}
        return Recorded(
            positions=positions,
            orders=tuple(order.pending for order in self.orders([account_id], None, OrderState.WORKING)),
            last_deal_broker_milliseconds=last,
            known_deals_from_broker_milliseconds=since,
            known_deal_tickets=tuple(
                ticket
                for (owner, ticket), deal in sorted(self._tables.deals.items())
                if owner == account_id
                and (deal.broker_milliseconds >= since or deal.position_identifier in held)
            ),
        )


class SimLimits:
    """See `service.records.LimitBook`: no account of the simulation has limits of the server's."""

    def ledger(self, account_id: str) -> Ledger:
        return Ledger(account_id)

    def lock(self, account_id: str) -> Ledger:
        raise NotImplementedError

    def save(self, ledger: Ledger) -> int:
        raise NotImplementedError

    def day(self, account_id: str, start_time: datetime) -> DayRecord | None:
        raise NotImplementedError

    def add_day(self, account_id: str, day: DayRecord) -> None:
        raise NotImplementedError

    def last_day_before(self, account_id: str, start_time: datetime) -> DayRecord | None:
        raise NotImplementedError


class SimRecords:
    """See `service.records.Records`. Signals are not part of it."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self._told: list[Happening] = []
        self.bridges = SimBridges(tables)
        self.commands = SimCommands(tables)
        self.control = SimControl(tables)
        self.book = SimBook(tables)
        self.limits = SimLimits()

    @property
    def sources(self) -> Sources:
        raise NotImplementedError

    @property
    def signals(self) -> Signals:
        raise NotImplementedError

    def tell(self, user_id: str, *happenings: Happening) -> None:
        raise NotImplementedError

    def account(self, account_id: str) -> AccountRef | None:
        return self.tables.accounts.get(account_id)

    def standing(self, account_id: str) -> Standing:
        return Standing(
            self.bridges.of_account(account_id),
            self.control.get(account_id).document,
            self.commands.count_open(account_id),
        )

    def lock_account(self, account_id: str) -> AccountRef | None:
        return self.tables.accounts.get(account_id)

    def accounts_of(self, user_id: str | None) -> list[AccountRef]:
        accounts = self.tables.accounts.values()
        return [one for one in accounts if user_id is None or one.owner_user_id == user_id]

    def account_view(self, account_id: str) -> AccountView | None:
        account = self.tables.accounts[account_id]
        return AccountView(
            account_id=account_id,
            name=account.name,
            owner_user_id=account.owner_user_id,
            create_time=_BEGAN,
            login=account.login,
            broker_server=account.broker_server,
            company="",
            currency=account.currency,
            trade_mode=TradeMode.UNSPECIFIED,
            margin_mode=account.margin_mode,
            bridge=None,
        )

    def incarnation(self) -> int:
        return self.tables.incarnation

    def happened(self, account_id: str, *happenings: Happening) -> None:
        self._told.extend(happenings)

    def finish(self) -> None:
        """Number what happened: states that a command passed within the unit were never on record."""
        last = {one.command.command_id: one for one in self._told if isinstance(one, CommandChanged)}
        for one in self._told:
            if isinstance(one, CommandChanged) and last[one.command.command_id] is not one:
                continue
            self.tables.add(self.tables.stream, Told(len(self.tables.stream) + 1, one))

    def alert(self, alert: NewAlert) -> None:
        self.tables.add(self.tables.alerts, alert)

    def alert_ended(self, account_id: str, code: str, key: str, reason: str) -> None:
        pass

    def owners(self) -> dict[str, str]:
        return {one.account_id: one.owner_user_id for one in self.tables.accounts.values()}

    def audit_hash(self, chain: str, number: int) -> str | None:
        mine = [one for one in self.tables.audit if one[0] == chain]
        return f"{chain}:{number}" if 0 < number <= len(mine) else None

    def audit_heads(self, chains: Sequence[str]) -> dict[str, tuple[int, str]]:
        heads = {}
        for chain in chains:
            count = sum(one[0] == chain for one in self.tables.audit)
            if count:
                heads[chain] = (count, f"{chain}:{count}")
        return heads

    def audit(self, chain: str, user_id: str, action: str, detail: Mapping[str, object]) -> None:
        self.tables.add(self.tables.audit, (chain, action, detail))


def as_records(records: SimRecords) -> Records:
    """Return the records: what is missing of them is found by the type checker."""
    return records


class SimStorage:
    """See `service.records.Storage`. One unit at a time, each somewhat later than it was asked for."""

    def __init__(self, tables: Tables, random: Random) -> None:
        self.tables = tables
        self._random = random
        self.away = False
        # How often a commit that may or may not have happened is answered with neither.
        self.unknown = 0.0

    def _delay(self) -> float:
        return self._random.choice((0.0005, 0.001, 0.004, 0.015))

    async def run(self, unit: Callable[[Any], T]) -> T:
        await asyncio.sleep(self._delay())
        if self.away:
            raise StorageUnavailable("the database is away")
        if self.unknown and self._random.random() < self.unknown:
            if self._random.random() < 0.5:
                self.tables.run(unit)
            raise CommitUnknown("the connection broke while it was committed")
        result = self.tables.run(unit)
        # From here on it is durable; who asked may not live to hear it.
        await asyncio.sleep(self._delay())
        return result

    async def read(self, unit: Callable[[Any], T]) -> T:
        await asyncio.sleep(self._delay())
        if self.away:
            raise StorageUnavailable("the database is away")
        return self.tables.read(unit)


def an_account(account_id: str, user_id: str, prefix: int) -> AccountRef:
    """Return an account as it is stored before a bridge has told of its terminal."""
    return AccountRef(account_id, user_id, "account", prefix, MarginMode.HEDGING, None, "", "USD")
