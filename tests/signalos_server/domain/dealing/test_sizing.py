"""Lots from risk, and legs from lots."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.emulator.domain.codes import MarginMode
from signalos_bridge.emulator.domain.codes import Side as BrokerSide
from signalos_bridge.emulator.domain.money import profit, tick_values
from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.dealing.sizing import (
    Funds,
    Leg,
    Sized,
    Sizing,
    SizingMode,
    loss_per_lot,
    share,
    size,
)
from signalos_server.domain.records import SymbolSpec
from tests.signalos_bridge.emulator.domain.world import World

D = Decimal
FUNDS = Funds(balance=D(10_000), equity=D(8_000))


def a_spec(**changes: D | str) -> SymbolSpec:
    return SymbolSpec(
        **{  # type: ignore[arg-type]
            "symbol": "EURUSD",
            "digits": 5,
            "point": D("0.00001"),
            "tick_size": D("0.00001"),
            "tick_value": D(1),
            "volume_minimum_lots": D("0.01"),
            "volume_maximum_lots": D(100),
            "volume_step_lots": D("0.01"),
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("sizing", "lots"),
    [
        # 50 pips of EURUSD cost 500 a lot.
        (Sizing(SizingMode.EQUITY_PERCENT, D(1)), "0.16"),
        (Sizing(SizingMode.BALANCE_PERCENT, D(1)), "0.20"),
        (Sizing(SizingMode.MONEY, D(77)), "0.15"),
        (Sizing(SizingMode.FIXED_LOTS, D("0.33")), "0.33"),
        (Sizing(SizingMode.SIGNAL_LOTS), "0.07"),
        (Sizing(SizingMode.MONEY, D(1_000_000)), "100"),
    ],
)
def test_a_size_is_rounded_down_to_the_step(sizing: Sizing, lots: str) -> None:
    sized = size(sizing, FUNDS, a_spec(), D("1.1000"), D("1.0950"), signal_lots=D("0.079"))

    assert isinstance(sized, Sized)
    assert sized.volume_lots == D(lots)
    assert sized.risk_money == D(lots) * 500


def test_a_size_below_the_minimum_is_denied_with_the_numbers() -> None:
    denied = size(Sizing(SizingMode.MONEY, D(4)), FUNDS, a_spec(), D("1.1000"), D("1.0950"))

    assert str(denied) == "BELOW_MINIMUM_LOT: allowed_lots=0.0080 minimum_lots=0.01 minimum_risk=5.00"


def test_commission_is_part_of_what_a_lot_loses() -> None:
    assert loss_per_lot(a_spec(), D("1.1000"), D("1.0950"), D(7)) == 507


@pytest.mark.parametrize(
    ("spec", "stop", "code"),
    [
        (a_spec(tick_value=D(0)), "1.0950", "TICK_VALUE_UNKNOWN"),
        (a_spec(), "1.1000", "NO_STOP_DISTANCE"),
    ],
)
def test_what_cannot_be_counted_is_denied(spec: SymbolSpec, stop: str, code: str) -> None:
    denied = size(Sizing(), FUNDS, spec, D("1.1000"), D(stop))

    assert isinstance(denied, Denial)
    assert denied.code == code


def test_a_source_that_sizes_by_the_message_needs_lots_in_it() -> None:
    denied = size(Sizing(SizingMode.SIGNAL_LOTS), FUNDS, a_spec(), D("1.1"), D("1.09"))

    assert isinstance(denied, Denial)
    assert denied.code == "NO_LOTS_IN_SIGNAL"


@given(
    money=st.decimals("1", "100000", places=2),
    pips=st.integers(1, 500),
    step=st.sampled_from(["0.01", "0.1", "1"]),
)
def test_a_size_never_risks_more_than_was_allowed(money: D, pips: int, step: str) -> None:
    spec = a_spec(volume_step_lots=D(step), volume_minimum_lots=D(step))
    stop = D("1.1") - D(pips) / 10_000
    sized = size(Sizing(SizingMode.MONEY, money), FUNDS, spec, D("1.1"), stop)

    if isinstance(sized, Sized):
        assert sized.risk_money <= money
        assert sized.volume_lots % D(step) == 0


@pytest.mark.parametrize("currency", ["USD", "EUR", "JPY"])
@pytest.mark.parametrize(
    ("symbol", "opened", "stopped"),
    [
        ("EURUSD", "1.10000", "1.09750"),
        ("GBPUSD", "1.25000", "1.24400"),
        ("USDJPY", "150.000", "149.300"),
        ("EURJPY", "165.000", "164.100"),
        ("XAUUSD", "2000.00", "1991.50"),
    ],
)
def test_the_loss_of_a_lot_agrees_with_the_brokers_own_calculation_to_the_cent(
    currency: str, symbol: str, opened: str, stopped: str
) -> None:
    world = World(currency=currency, deposit=1_000_000, margin_mode=MarginMode.HEDGING)
    world.price("EURUSD", "1.10000", "1.10010")
    world.price("USDJPY", "150.000", "150.010")
    world.price("EURJPY", "165.000", "165.010")
    world.price("GBPUSD", "1.25000", "1.25010")
    world.price("XAUUSD", "2000.00", "2000.20")
    broker = world.book.spec(symbol)
    _, loss = tick_values(world.market, broker, currency)
    spec = a_spec(symbol=symbol, tick_size=broker.tick_size, tick_value=loss)

    counted = loss_per_lot(spec, D(opened), D(stopped))
    told = profit(world.market, broker, world.account, BrokerSide.BUY, D(1), D(opened), D(stopped))

    assert isinstance(counted, D)
    assert abs(counted + told) <= (D("0.005") if currency != "JPY" else D("0.5"))


@pytest.mark.parametrize(
    ("volume", "targets", "legs"),
    [
        ("0.10", (D(1), D(2), D(3)), (("0.04", 1), ("0.03", 2), ("0.03", 3))),
        ("0.02", (D(1), D(2), D(3)), (("0.01", 1), ("0.01", 2))),
        ("0.01", (D(1), D(2)), (("0.01", 1),)),
        ("0.05", (D(1), None), (("0.03", 1), ("0.02", None))),
        ("0.05", (), (("0.05", None),)),
    ],
)
def test_legs_go_to_the_nearest_targets_with_the_remainder_on_the_first(
    volume: str, targets: tuple[D | None, ...], legs: tuple[tuple[str, int | None], ...]
) -> None:
    wanted = tuple(Leg(D(lots), None if target is None else D(target)) for lots, target in legs)

    assert share(D(volume), targets, a_spec()) == wanted


@given(st.integers(1, 500), st.integers(1, 8))
def test_legs_add_up_to_the_volume_and_each_can_be_traded(hundredths: int, count: int) -> None:
    volume = D(hundredths) / 100
    legs = share(volume, tuple(D(n) for n in range(count)), a_spec())

    assert sum(leg.volume_lots for leg in legs) == volume
    assert all(leg.volume_lots >= D("0.01") for leg in legs)
