"""What is known of an account when one of its signals is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from signalos_server.domain.actions import Open
from signalos_server.domain.bridge_session import LinkState
from signalos_server.domain.command import Command
from signalos_server.domain.dealing.decide import AccountFacts
from signalos_server.domain.dealing.sizing import Funds
from signalos_server.domain.order_rules import Market
from signalos_server.domain.pipeline.source import Source, Subscription, in_session
from signalos_server.domain.records import Order, SymbolSpec, Trade
from signalos_server.domain.signals.machine_build import symbol_of
from signalos_server.domain.words import MarginMode, OrderState, Side, TradeOrigin
from signalos_server.service.records import AccountRef, Records
from signalos_server.service.signals.ground import Ground

# The account's money is believed while the terminal was read this lately: it tells only what changes.
_READ_WITHIN_SECONDS = 15.0
# The outcome comes from the terminal's answer, the trade from its list a moment later.
_SHOWN_WITHIN = timedelta(seconds=30)
# So many of an account's newest commands are looked at for that.
_LATELY = 20


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account has open, and what is under way."""

    trades: tuple[Trade, ...]
    orders: tuple[Order, ...]
    opening: tuple[Command, ...]

    def opposite(self, symbol: str, side: Side) -> tuple[list[Trade], list[Order]]:
        """Return what is held of a symbol the other way."""
        return (
            [t for t in self.trades if t.position.symbol == symbol and t.position.side is not side],
            [o for o in self.orders if o.pending.symbol == symbol and o.pending.side is not side],
        )


def holdings_of(records: Records, account_id: str, now: datetime) -> Holdings:
    """Read what an account has open. An open whose trade or order is not on record yet is under way."""
    opening = [one for one in records.commands.open_of(account_id) if isinstance(one.action, Open)]
    lately = records.commands.newest(account_id, _LATELY)
    opening += [one for one in lately if isinstance(one.action, Open) and not_shown_yet(records, one, now)]
    return Holdings(
        # Oldest first: what is closed is closed in this order, and some accounts take no other.
        tuple(reversed(records.book.open_trades([account_id]))),
        tuple(records.book.orders([account_id], None, OrderState.WORKING)),
        tuple(opening),
    )


def not_shown_yet(records: Records, command: Command, now: datetime) -> bool:
    """Return whether an open was done just now, and what came of it is not on record yet."""
    if not command.state.executed or command.end_time is None or now - command.end_time > _SHOWN_WITHIN:
        return False
    trade_missing = bool(command.trade_id) and records.book.trade(command.trade_id) is None
    order_missing = bool(command.order_id) and records.book.order(command.order_id) is None
    return trade_missing or order_missing


def specs_of(records: Records, account_id: str, symbol: str, mapped: str | None) -> list[SymbolSpec]:
    """Return the rules of the symbols that a canonical one may be at an account's broker."""
    names = [
        name
        for name in records.book.symbol_names(account_id)
        if name == mapped or name.upper() == symbol or _canonical(name) == symbol
    ]
    return records.book.symbols_named(account_id, names)


@lru_cache(maxsize=65_536)
def _canonical(name: str) -> str | None:
    return symbol_of(name)


def facts_of(
    ground: Ground,
    records: Records,
    account: AccountRef,
    source: Source,
    subscription: Subscription,
    specs: Sequence[SymbolSpec],
) -> tuple[AccountFacts, Holdings]:
    """Return what a signal is decided by at one account, with what it holds."""
    account_id = account.account_id
    document = records.control.get(account_id).document
    held = holdings_of(records, account_id, ground.now())
    hedging = account.margin_mode is MarginMode.HEDGING
    sides = _sides(held)
    markets: dict[str, Market] = {}
    for spec in specs:
        market = ground.quotes.market(account_id, spec)
        if market is not None:
            markets[spec.symbol] = market
    facts = AccountFacts(
        stopped=document.stopped or _stopping(ground, account_id),
        paused=document.paused,
        specs=specs,
        markets=markets,
        funds=funds_of(ground, account_id),
        open_positions=len(held.trades) + len(held.orders) + _under_way(held),
        commission_per_lot=subscription.commission_per_lot,
        busy_symbols=frozenset() if hedging else frozenset(sides),
        held_sides=sides,
        foreign_sides=_foreign(held),
        at_stake=_at_stake(records, held, {spec.symbol: spec for spec in specs}),
        hedging=hedging,
        stealth=document.stealth,
        in_session=in_session(source.rules, ground.now()),
    )
    return facts, held


def _at_stake(
    records: Records, held: Holdings, specs: Mapping[str, SymbolSpec]
) -> dict[tuple[str, Side], Decimal]:
    """Return what the trades and orders of signals lose at their stops; a stop in profit loses nothing."""
    found: dict[tuple[str, Side], Decimal] = {}

    def add(symbol: str, side: Side, lots: Decimal, price: Decimal, stop: Decimal | None) -> None:
        spec = specs.get(symbol)
        if spec is None or stop is None or spec.tick_size <= 0:
            return
        lost = (price - stop) * side.sign / spec.tick_size * spec.tick_value * lots
        found[symbol, side] = found.get((symbol, side), Decimal(0)) + max(lost, Decimal(0))

    for trade in held.trades:
        position = trade.position
        if trade.signal_id:
            add(position.symbol, position.side, position.volume_lots, position.open_price, trade.stop_loss)
    for order in held.orders:
        pending = order.pending
        command = records.commands.get(pending.open_command_id) if pending.open_command_id else None
        if command is not None and command.signal_id:
            lots = pending.remaining_volume_lots
            add(pending.symbol, pending.side, lots, pending.price, pending.stop_loss)
    return found


def _stopping(ground: Ground, account_id: str) -> bool:
    session = ground.hub.session(account_id)
    return session is not None and bool(session.machine.stopping)


def funds_of(ground: Ground, account_id: str) -> Funds | None:
    """Return an account's money, None where it is not known to be that of now."""
    live = ground.hub.live
    money, ages = live.money(account_id), live.ages(account_id)
    if money is None or live.link(account_id) is LinkState.ENDED or ages.broker_connected is False:
        return None
    if ages.terminal is None or ages.terminal > _READ_WITHIN_SECONDS:
        return None
    balance, equity = money.money.balance, money.money.equity
    return None if balance is None or equity is None else Funds(_decimal(balance), _decimal(equity))


def _under_way(held: Holdings) -> int:
    count = 0
    for command in held.opening:
        action = command.action
        assert isinstance(action, Open)
        count += max(1, len(action.take_profits))
    return count


def _sides(held: Holdings) -> dict[str, frozenset[Side]]:
    found: dict[str, set[Side]] = {}
    for trade in held.trades:
        found.setdefault(trade.position.symbol, set()).add(trade.position.side)
    for order in held.orders:
        found.setdefault(order.pending.symbol, set()).add(order.pending.side)
    for symbol, side in _opening_sides(held):
        found.setdefault(symbol, set()).add(side)
    return {symbol: frozenset(sides) for symbol, sides in found.items()}


def _foreign(held: Holdings) -> dict[str, frozenset[Side]]:
    found: dict[str, set[Side]] = {}
    for trade in held.trades:
        if trade.position.origin is TradeOrigin.EXTERNAL:
            found.setdefault(trade.position.symbol, set()).add(trade.position.side)
    for order in held.orders:
        if order.pending.origin is TradeOrigin.EXTERNAL:
            found.setdefault(order.pending.symbol, set()).add(order.pending.side)
    for symbol, side in _opening_sides(held):
        found.setdefault(symbol, set()).add(side)
    return {symbol: frozenset(sides) for symbol, sides in found.items()}


def _opening_sides(held: Holdings) -> list[tuple[str, Side]]:
    return [
        (command.action.symbol, command.action.side)
        for command in held.opening
        if isinstance(command.action, Open)
    ]


def _decimal(value: float) -> Decimal:
    return Decimal(repr(value))
