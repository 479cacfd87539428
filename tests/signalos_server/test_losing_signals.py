"""A row of losing signals: several trades of one signal are one, and what is still open is none yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from signalos.v1 import control_pb2
from signalos_server.domain.records import Position, Trade, trade_id_of
from signalos_server.domain.words import Side, TradeOrigin, TradeState
from signalos_server.service.records import Records
from tests.signalos_server.test_limits import an_open, funded, limited, refused, use_of
from tests.signalos_server.trading_world import Trader, TradingWorld, trading

pytestmark = pytest.mark.integration

THREE = control_pb2.Limits(consecutive_losses=control_pb2.ConsecutiveLosses(count=3))


@pytest.fixture
async def world(tmp_path: Path, storage_url: str) -> AsyncIterator[TradingWorld]:
    async with trading(tmp_path, storage_url) as entered:
        yield entered


class Past:
    """Puts trades on record, each closed a second after the one before."""

    def __init__(self, world: TradingWorld, trader: Trader) -> None:
        self._world = world
        self._account_id = trader.account_id
        self._number = 0
        self._start = datetime.now(UTC) - timedelta(minutes=5)

    async def trade(
        self, profit: str | None, *, signal: str = "", command: str = "", still_open: bool = False
    ) -> None:
        self._number += 1
        number, when = self._number, self._start + timedelta(seconds=self._number)
        milliseconds = round(when.timestamp() * 1000)
        position = Position(
            ticket=number,
            identifier=number,
            symbol="EURUSD",
            side=Side.BUY,
            volume_lots=Decimal("0.1") if still_open else Decimal(0),
            open_price=Decimal("1.1"),
            origin=TradeOrigin.EXTERNAL if not (signal or command) else TradeOrigin.MANAGED,
            open_broker_milliseconds=milliseconds - 500,
            broker_offset_seconds=0,
            open_command_id=command,
        )
        trade = Trade(
            trade_id=trade_id_of(self._account_id, number),
            account_id=self._account_id,
            state=TradeState.OPEN if still_open else TradeState.CLOSED,
            position=position,
            opened_volume_lots=Decimal("0.1"),
            update_time=when,
            close_broker_milliseconds=None if still_open else milliseconds,
            realised_profit=None if profit is None else Decimal(profit),
            signal_id=signal,
        )

        def unit(records: Records) -> None:
            records.book.save_trade(trade)

        await self._world.world.foundation.storage.run(unit)


async def lost(trader: Trader) -> float:
    return (await use_of(trader, "CONSECUTIVE_LOSSES")).current


async def test_the_legs_of_one_signal_are_one_loss_and_three_signals_block(world: TradingWorld) -> None:
    ann = await world.trader("ann", 1)
    await funded(ann.bridge, 10_000)
    past = Past(world, ann)
    await limited(ann, THREE)
    for _ in range(3):
        await past.trade("-10", signal="sig_1")
    assert await lost(ann) == 1
    # One order of a person with two targets, and a trade that was opened outside.
    await past.trade("-10", command="command-1")
    await past.trade("-10", command="command-1")
    assert await lost(ann) == 2
    await past.trade("-10")
    assert await lost(ann) == 3

    assert (await refused(ann, an_open()))["code"] == "CONSECUTIVE_LOSSES"


async def test_a_signal_lost_or_won_by_all_its_trades_together(world: TradingWorld) -> None:
    ann = await world.trader("ann", 1)
    past = Past(world, ann)
    await limited(ann, THREE)
    await past.trade("-5", signal="sig_1")
    await past.trade("30", signal="sig_2")
    await past.trade("-5", signal="sig_3")
    await past.trade("-10", signal="sig_2")
    # The second won, though its last trade lost; it closed after the third.
    assert await lost(ann) == 0
    await past.trade("20", signal="sig_4")
    await past.trade("-25", signal="sig_4")
    assert await lost(ann) == 1


async def test_a_signal_of_which_something_is_open_does_not_count_yet(world: TradingWorld) -> None:
    ann = await world.trader("ann", 1)
    past = Past(world, ann)
    await limited(ann, THREE)
    await past.trade("-5", signal="sig_1")
    await past.trade(None, signal="sig_2", still_open=True)
    await past.trade("-5", signal="sig_2")

    assert await lost(ann) == 1
