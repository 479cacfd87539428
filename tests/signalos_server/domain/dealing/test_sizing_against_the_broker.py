"""What the server counts for a stop is what the broker's own calculator says, to the smallest coin."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_bridge.convert import outgoing
from signalos_bridge.emulator.domain import money
from signalos_bridge.emulator.domain.codes import Side as BrokerSide
from signalos_bridge.emulator.domain.symbols import SymbolSpec as BrokerSymbol
from signalos_bridge.emulator.rows import symbol_row
from signalos_bridge.emulator.structures import SymbolInfo
from signalos_bridge.terminal import translate
from signalos_server.domain.dealing.sizing import Funds, Sized, Sizing, SizingMode, size
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.risk_limits.exposure import Holding, loss_at_stop
from signalos_server.domain.words import Side
from signalos_server.rpc.convert_records import symbol_of
from tests.signalos_bridge.emulator.domain.world import World

D = Decimal
SYMBOLS = (
    "EURUSD",
    "GBPUSD",
    "USDJPY",
    "USDCHF",
    "AUDUSD",
    "USDCAD",
    "EURJPY",
    "GBPJPY",
    "EURGBP",
    "XAUUSD",
    "XAGUSD",
    "US30",
    "SPX500",
    "GER40",
    "BTCUSD",
    "ETHUSD",
)
WORLDS = {currency: World(currency=currency, deposit=1_000_000_000) for currency in ("USD", "EUR", "JPY")}


def as_told(world: World, name: str) -> SymbolSpec:
    """Return a symbol as it comes to the server: over the terminal's row and the wire."""
    symbol = world.market.symbols[name]
    row = symbol_row(world.market, world.account, symbol, selected=True)
    (table,) = outgoing.symbol_tables([translate.symbol(SymbolInfo(row))])
    return symbol_of(table.symbols[0])


def broker_loss(
    world: World, spec: BrokerSymbol, side: Side, lots: Decimal, entry: Decimal, stop: Decimal
) -> D:
    broker_side = BrokerSide.BUY if side is Side.BUY else BrokerSide.SELL
    return -money.profit(world.market, spec, world.account, broker_side, lots, entry, stop)


@pytest.mark.parametrize("currency", list(WORLDS))
@pytest.mark.parametrize("name", SYMBOLS)
@settings(max_examples=25, deadline=None)
@given(
    ticks=st.integers(5, 3_000),
    side=st.sampled_from(Side),
    percent=st.decimals("0.1", "3", places=2),
    drift=st.integers(-400, 400),
)
def test_the_risk_of_a_size_is_what_the_broker_would_book(
    currency: str, name: str, ticks: int, side: Side, percent: Decimal, drift: int
) -> None:
    world = WORLDS[currency]
    broker_symbol = world.market.symbols[name].spec
    bid = broker_symbol.start_price + drift * broker_symbol.tick_size
    world.market.put(name, bid, bid + broker_symbol.spread_points * broker_symbol.point, world.market.utc_ms)
    spec = as_told(world, name)
    entry = bid
    stop = entry - side.sign * ticks * broker_symbol.tick_size
    funds = Funds(D(1_000_000_000), D(1_000_000_000))

    sized = size(Sizing(SizingMode.EQUITY_PERCENT, percent), funds, spec, entry, stop)

    assert isinstance(sized, Sized)
    loss = broker_loss(world, broker_symbol, side, sized.volume_lots, entry, stop)
    coin = D(1).scaleb(-world.account.terms.currency_digits)
    # The broker rounds to a coin.
    assert abs(sized.risk_money - loss) <= coin / 2 + D("0.000001")
    assert loss <= funds.equity * percent / 100 + coin
    held = Holding(name, side, sized.volume_lots, entry, stop)
    assert loss_at_stop(held, spec) == sized.risk_money
