"""The steps between a parse and an order, and which trades an update means."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.dealing.contracts import check_prices, resolve
from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.dealing.matching import Matched, Question, SignalTrade, match
from signalos_server.domain.dealing.pips import pips_in_price
from signalos_server.domain.dealing.pricing import Placement, check_drift, check_spread, place
from signalos_server.domain.order_rules import Market
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.signals.model import EntryType, Kind, Parse, Target
from signalos_server.domain.words import OrderType, Side, SymbolTradeMode
from tests.signalos_server.domain.dealing.test_sizing import a_spec

D = Decimal
FULL, DISABLED = SymbolTradeMode.FULL, SymbolTradeMode.DISABLED


def broker(*names: str, closed: tuple[str, ...] = ()) -> list[SymbolSpec]:
    return [
        SymbolSpec(
            symbol=name,
            digits=2,
            point=D("0.01"),
            tick_size=D("0.01"),
            volume_minimum_lots=D("0.01"),
            volume_maximum_lots=D(100),
            volume_step_lots=D("0.01"),
            trade_mode=DISABLED if name in closed else FULL,
        )
        for name in names
    ]


def name_of(found: SymbolSpec | Denial) -> str:
    return found.symbol if isinstance(found, SymbolSpec) else found.code


@pytest.mark.parametrize(
    ("names", "closed", "symbol", "found"),
    [
        (("EURUSD", "XAUUSD"), (), "XAUUSD", "XAUUSD"),
        (("EURUSD.m", "XAUUSD.m"), (), "XAUUSD", "XAUUSD.m"),
        (("GOLD",), (), "XAUUSD", "GOLD"),
        (("US30.cash", "USTEC"), (), "NAS100", "USTEC"),
        (("DE40",), (), "GER40", "DE40"),
        # An exact name that is closed does not win over its tradable twin.
        (("EURUSD", "EURUSD.pro"), ("EURUSD",), "EURUSD", "EURUSD.pro"),
        (("EURUSD", "EURUSD.pro"), (), "EURUSD", "EURUSD"),
        (("EURUSD.m", "EURUSD.pro"), (), "EURUSD", "SYMBOL_AMBIGUOUS"),
        (("EURUSD",), ("EURUSD",), "EURUSD", "SYMBOL_CLOSED"),
        (("EURUSD",), (), "GBPUSD", "SYMBOL_UNKNOWN"),
    ],
)
def test_an_instrument_is_exact_and_tradable_then_unique_and_never_guessed(
    names: tuple[str, ...], closed: tuple[str, ...], symbol: str, found: str
) -> None:
    assert name_of(resolve(symbol, Side.BUY, broker(*names, closed=closed))) == found


def test_a_mapped_instrument_is_binding() -> None:
    specs = broker("XAUUSD", "GOLD.pro")

    assert name_of(resolve("XAUUSD", Side.BUY, specs, {"XAUUSD": "GOLD.pro"})) == "GOLD.pro"
    assert name_of(resolve("XAUUSD", Side.BUY, specs, {"XAUUSD": "GOLD.x"})) == "SYMBOL_MAP_UNKNOWN"


def test_a_contract_in_other_currencies_is_another_instrument() -> None:
    twin = a_spec(symbol="EURUSD", profit_currency="JPY")

    assert name_of(resolve("EURUSD", Side.BUY, [twin])) == "SYMBOL_UNKNOWN"


def test_a_price_of_another_instrument_is_denied() -> None:
    market = Market(D("2340"), D("2340.2"))

    assert check_prices("XAUUSD", [D("2330"), D("2360")], market) is None
    assert isinstance(check_prices("XAUUSD", [D("30.5")], market), Denial)


@pytest.mark.parametrize(
    ("entry_type", "side", "low", "high", "placed"),
    [
        # The market stands at 99.9 / 100.1.
        (EntryType.AUTO, Side.BUY, "100", "101", Placement(OrderType.MARKET)),
        (EntryType.AUTO, Side.BUY, "98", "99", Placement(OrderType.LIMIT, D(99))),
        (EntryType.AUTO, Side.BUY, "102", "103", Placement(OrderType.STOP, D(102))),
        (EntryType.AUTO, Side.SELL, "102", "103", Placement(OrderType.LIMIT, D(102))),
        (EntryType.AUTO, Side.SELL, "97", "98", Placement(OrderType.STOP, D(98))),
        (EntryType.AUTO, Side.BUY, "100.2", "100.2", Placement(OrderType.MARKET)),
        (EntryType.MARKET, Side.BUY, "90", "90", Placement(OrderType.MARKET)),
        (EntryType.LIMIT, Side.BUY, "98", "99", Placement(OrderType.LIMIT, D(99))),
        (EntryType.LIMIT, Side.BUY, "101", "101", "LIMIT_WOULD_FILL"),
        (EntryType.LIMIT, Side.SELL, "98", "99", "LIMIT_WOULD_FILL"),
        (EntryType.STOP, Side.BUY, "102", "103", Placement(OrderType.STOP, D(102))),
        (EntryType.STOP, Side.BUY, "99", "99", "STOP_PASSED"),
        (EntryType.STOP, Side.SELL, "101", "101", "STOP_PASSED"),
    ],
)
def test_the_quote_decides_what_an_entry_becomes(
    entry_type: EntryType, side: Side, low: str, high: str, placed: Placement | str
) -> None:
    market = Market(D("99.9"), D("100.1"))
    found = place(entry_type, side, (D(low), D(high)), market, tolerance=D("0.15"))

    assert (found.code if isinstance(found, Denial) else found) == placed


@given(
    st.sampled_from([Side.BUY, Side.SELL]),
    st.decimals("50", "150", places=1),
    st.decimals("0", "5", places=1),
)
def test_an_automatic_order_always_waits_on_its_own_side_of_the_market(side: Side, low: D, width: D) -> None:
    market = Market(D("99.9"), D("100.1"))
    found = place(EntryType.AUTO, side, (low, low + width), market)

    assert isinstance(found, Placement)
    if found.order_type is OrderType.LIMIT:
        assert found.price is not None
        assert (market.opening(side) - found.price) * side.sign > 0
    elif found.order_type is OrderType.STOP:
        assert found.price is not None
        assert (found.price - market.opening(side)) * side.sign > 0
    else:
        assert low <= market.opening(side) <= low + width


@pytest.mark.parametrize(
    ("bid", "ask", "code"),
    [
        ("99.9", "100.0", None),
        # Better than asked is no drift.
        ("95.9", "96.0", None),
        ("101.9", "102.0", None),
        ("102.4", "102.5", "MAX_DRIFT"),
        ("89.9", "90.0", "STOP_PASSED_BY_MARKET"),
    ],
)
def test_drift_counts_for_the_worse_and_against_the_stops_distance(
    bid: str, ask: str, code: str | None
) -> None:
    found = check_drift(Side.BUY, (D(100), D(100)), D(90), Market(D(bid), D(ask)), D("0.2"))

    assert (None if found is None else found.code) == code


def test_a_spread_is_held_against_the_stops_distance() -> None:
    assert check_spread(D(90), Side.BUY, Market(D("98.5"), D(100)), D("0.15")) is None
    denied = check_spread(D(90), Side.BUY, Market(D("98.4"), D(100)), D("0.15"))
    assert str(denied) == "MAX_SPREAD: limit=1.50 current=1.6"


@pytest.mark.parametrize(
    ("symbol", "digits", "point", "price"),
    [
        ("EURUSD", 5, "0.00001", "0.0020"),
        ("USDJPY", 3, "0.001", "0.20"),
        ("XAUUSD", 2, "0.01", "2.0"),
        ("XAUUSD", 3, "0.001", "2.0"),
        ("US30", 1, "0.1", "20"),
    ],
)
def test_a_pip_is_what_traders_call_one(symbol: str, digits: int, point: str, price: str) -> None:
    spec = a_spec(symbol=symbol, digits=digits, point=D(point))  # type: ignore[arg-type]

    assert pips_in_price(spec, symbol, D(20)) == D(price)


def a_trade(identity: str, signal: str, symbol: str = "XAUUSD", **changes: object) -> SignalTrade:
    facts: dict[str, object] = {"source_id": "src", "account_id": "acc", "side": Side.BUY, "pending": False}
    return SignalTrade(identity=identity, signal_id=signal, symbol=symbol, **{**facts, **changes})  # type: ignore[arg-type]


def matched(found: Matched | Question) -> list[str] | str:
    return found.code if isinstance(found, Question) else [trade.identity for trade in found.trades]


TRADES = [
    a_trade("one", "s1", leg=1),
    a_trade("two", "s1", leg=2),
    a_trade("waiting", "s1", pending=True),
    a_trade("euro", "s2", "EURUSD", side=Side.SELL),
    a_trade("theirs", "s9", source_id="other"),
]


@pytest.mark.parametrize(
    ("update", "replied", "found"),
    [
        (Parse(Kind.CLOSE, target=Target.POSITION), "s1", ["one", "two", "waiting"]),
        (Parse(Kind.CLOSE, target=Target.TP1), "s1", ["one", "waiting"]),
        (Parse(Kind.BREAKEVEN, target=Target.POSITION), "s1", ["one", "two"]),
        (Parse(Kind.CANCEL, target=Target.PENDING), "s1", ["waiting"]),
        (Parse(Kind.CLOSE, symbol="EURUSD", target=Target.POSITION), None, ["euro"]),
        (Parse(Kind.CLOSE), None, "WHICH_TRADE"),
        (Parse(Kind.CLOSE, target=Target.ALL), None, ["one", "two", "waiting", "euro"]),
        (Parse(Kind.CLOSE, symbol="XAUUSD", side=Side.SELL), None, "NOTHING_TO_ACT_ON"),
        (Parse(Kind.CLOSE, target=Target.POSITION), "s9", "NOTHING_TO_ACT_ON"),
    ],
)
def test_an_update_means_the_trades_of_its_reply_or_the_only_match(
    update: Parse, replied: str | None, found: list[str] | str
) -> None:
    assert matched(match(update, TRADES, "src", replied)) == found


def test_two_signals_on_one_instrument_are_asked_about() -> None:
    trades = [a_trade("one", "s1"), a_trade("two", "s2")]

    assert (
        matched(match(Parse(Kind.BREAKEVEN, symbol="XAUUSD", target=Target.POSITION), trades, "src"))
        == "WHICH_TRADE"
    )
