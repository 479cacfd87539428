"""Profit and margin."""

from decimal import Decimal

import pytest

from signalos_bridge.emulator.domain.codes import MarginMode, Side
from signalos_bridge.emulator.domain.money import figures, order_margin, position_profit, profit, tick_values
from tests.signalos_bridge.emulator.domain.world import World

D = Decimal


def a_world(currency: str, margin_mode: MarginMode = MarginMode.HEDGING) -> World:
    world = World(currency=currency, deposit=1_000_000, margin_mode=margin_mode)
    world.price("EURUSD", "1.10000", "1.10010")
    world.price("USDJPY", "150.000", "150.010")
    world.price("EURJPY", "165.000", "165.010")
    world.price("GBPUSD", "1.25000", "1.25010")
    world.price("XAUUSD", "2000.00", "2000.20")
    return world


@pytest.mark.parametrize(
    ("currency", "symbol", "gain", "loss"),
    [
        ("USD", "EURUSD", "1", "1"),
        # A profit in yen buys dollars at the ask, a loss must be bought at the bid.
        ("USD", "USDJPY", D(100) / D("150.010"), D(100) / D("150.000")),
        ("USD", "XAUUSD", "1", "1"),
        ("EUR", "EURUSD", 1 / D("1.10010"), 1 / D("1.10000")),
        ("EUR", "USDJPY", D(100) / D("165.010"), D(100) / D("165.000")),
        ("JPY", "EURUSD", "150.000", "150.010"),
        # No symbol converts pounds into yen but GBPJPY itself.
        ("USD", "EURGBP", "1.25000", "1.25010"),
    ],
)
def test_a_tick_is_worth_what_its_currency_is_sold_or_bought_for(
    currency: str, symbol: str, gain: Decimal | str, loss: Decimal | str
) -> None:
    world = a_world(currency)

    values = tick_values(world.market, world.book.spec(symbol), currency)

    assert values == (D(gain), D(loss))


@pytest.mark.parametrize(
    ("currency", "symbol", "side", "volume", "opened", "closed", "expected"),
    [
        ("USD", "EURUSD", Side.BUY, "1", "1.10000", "1.10100", "100.00"),
        ("USD", "EURUSD", Side.SELL, "0.1", "1.10000", "1.10100", "-10.00"),
        ("USD", "XAUUSD", Side.BUY, "0.05", "2000.00", "2001.50", "7.50"),
        ("EUR", "EURUSD", Side.BUY, "1", "1.10000", "1.10110", "99.99"),
        ("JPY", "EURUSD", Side.BUY, "1", "1.10000", "1.10100", "15000"),
        ("USD", "USDJPY", Side.SELL, "1", "150.000", "150.150", "-100.00"),
    ],
)
def test_profit_is_converted_at_current_prices_and_rounded_to_the_currency(
    currency: str,
    symbol: str,
    side: Side,
    volume: str,
    opened: str,
    closed: str,
    expected: str,
) -> None:
    world = a_world(currency)

    made = profit(world.market, world.book.spec(symbol), world.account, side, D(volume), D(opened), D(closed))

    assert str(made) == expected


@pytest.mark.parametrize(
    ("currency", "symbol", "volume", "price", "expected"),
    [
        ("USD", "EURUSD", "1", "1.10010", "1100.10"),
        ("USD", "USDJPY", "1", "150.010", "1000.00"),
        ("USD", "XAUUSD", "0.10", "2000.20", "200.02"),
        ("EUR", "EURUSD", "1", "1.10010", "1000.00"),
        ("EUR", "XAUUSD", "1", "2000.20", "1818.36"),
    ],
)
def test_margin_is_the_contract_over_the_leverage(
    currency: str, symbol: str, volume: str, price: str, expected: str
) -> None:
    world = a_world(currency)

    margin = order_margin(world.market, world.book.spec(symbol), world.account, Side.BUY, D(volume), D(price))

    assert str(margin) == expected


def test_the_figures_of_an_account_fit_together() -> None:
    world = a_world("USD")
    world.buy("1.00")
    world.price("EURUSD", "1.10110", "1.10120")

    now = figures(world.market, world.account)

    assert now.balance == D("999996.50")
    assert (now.profit, now.equity) == (D("100.00"), D("1000096.50"))
    assert (now.margin, now.free) == (D("1100.10"), D("998996.40"))
    assert now.level == now.equity / now.margin * 100


def test_the_margin_of_a_position_does_not_float() -> None:
    world = a_world("USD")
    world.buy("1.00")
    world.price("EURUSD", "1.20000", "1.20010")

    assert figures(world.market, world.account).margin == D("1100.10")


def test_of_a_hedged_pair_the_larger_leg_is_charged() -> None:
    world = a_world("USD")
    world.buy("1.00")
    world.sell("0.40")

    assert figures(world.market, world.account).margin == D("1100.10")


def test_a_position_is_valued_anew_when_its_price_its_rate_or_the_position_itself_moves() -> None:
    world = a_world("EUR")
    world.buy("1.00", symbol="USDJPY")
    figures(world.market, world.account)

    for symbol, bid, ask in (("USDJPY", "151.000", "151.010"), ("EURJPY", "170.000", "170.010")):
        world.price(symbol, bid, ask)
        (held,) = world.account.positions.values()
        assert figures(world.market, world.account).profit == position_profit(
            world.market, world.account, held
        )

    world.sell("0.40", symbol="USDJPY", position=held.ticket)
    (rest,) = world.account.positions.values()
    assert rest.volume == D("0.60")
    assert figures(world.market, world.account).profit == position_profit(world.market, world.account, rest)
    world.sell("0.60", symbol="USDJPY", position=held.ticket)
    now = figures(world.market, world.account)
    assert (now.profit, now.margin, now.equity) == (D(0), D(0), now.balance)
