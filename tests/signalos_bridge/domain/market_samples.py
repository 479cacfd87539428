"""Symbols, quotes and positions that tests trade."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from signalos_bridge.domain.market import (
    ExecutionMode,
    ExpirationModes,
    FillingMask,
    OrderModes,
    SymbolSpec,
    SymbolTradeMode,
    Tick,
)

EURUSD = SymbolSpec(
    name="EURUSD",
    description="Euro vs US Dollar",
    path="Forex\\EURUSD",
    digits=5,
    point=Decimal("0.00001"),
    tick_size=Decimal("0.00001"),
    tick_value=Decimal("1"),
    tick_value_profit=Decimal("1"),
    tick_value_loss=Decimal("1"),
    contract_size=Decimal("100000"),
    volume_min_lots=Decimal("0.01"),
    volume_max_lots=Decimal("100"),
    volume_step_lots=Decimal("0.01"),
    volume_limit_lots=None,
    stops_level_points=10,
    freeze_level_points=5,
    filling_mask=FillingMask.FOK | FillingMask.IOC,
    execution_mode=ExecutionMode.MARKET,
    trade_mode=SymbolTradeMode.FULL,
    order_modes=OrderModes(127),
    expiration_modes=ExpirationModes(15),
    calc_mode=0,
    currency_base="EUR",
    currency_profit="USD",
    currency_margin="EUR",
    visible=True,
)

# Quoted in cents, traded in quarters: the grid is not a power of ten.
INDEX = replace(
    EURUSD,
    name="NAS100",
    digits=2,
    point=Decimal("0.01"),
    tick_size=Decimal("0.25"),
    volume_min_lots=Decimal("0.1"),
    volume_step_lots=Decimal("0.1"),
    stops_level_points=0,
    freeze_level_points=0,
)


def a_tick(bid: str = "1.08515", ask: str = "1.08525", symbol: str = "EURUSD") -> Tick:
    return Tick(symbol, Decimal(bid), Decimal(ask), 1_700_000_000_000)
