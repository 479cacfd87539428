"""What differs where an account keeps one position for each symbol: nothing joins or turns it by accident."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.operator_messages import PlaceByHand
from tests.support.desk import Desk, number
from tests.support.records import violations
from tests.support.world import traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5002
_DEAL, _BUY, _SELL = 1, 0, 1
_BUSY = "NETTING_SYMBOL_BUSY"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world_desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("netting")
    async with traded_account(directory, f"{LOGIN}:USD:100000:netting") as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world_desk: Desk) -> AsyncIterator[Desk]:
    await world_desk.calm()
    yield world_desk


async def test_a_second_order_of_a_symbol_is_refused_and_leaves_the_first_as_it_is(desk: Desk) -> None:
    trade = await desk.opened(0.2, stopLoss=1.09)
    for more in (
        {"side": "BUY"},
        {"side": "SELL"},
        {"side": "SELL", "lots": 0.4},
        {"side": "SELL", "orderType": "LIMIT", "price": 1.12},
    ):
        command = await desk.order(**more)
        assert (command["state"], command["reason"]) == ("REJECTED", _BUSY), command
        assert "0.2 lots of EURUSD" in command["message"], command
    body = {"symbol": "EURUSD", "side": "SELL", "volumeLots": 0.1, "validateOnly": True}
    preview = (await desk.send("POST", "/api/trades", body)).json()["preview"]
    assert (preview["acceptable"], preview["problems"][0].split(":")[0]) == (False, _BUSY), preview
    held = desk.position(trade)
    assert (held.side.name, number(held.volume), number(held.sl)) == ("BUY", number("0.2"), number("1.09"))
    other = await desk.order(0.1, symbol="GBPUSD", side="SELL")
    assert other["state"] == "SUCCEEDED", other


async def test_of_orders_that_come_together_one_is_executed(desk: Desk) -> None:
    commands = await asyncio.gather(*(desk.order(0.1, side=side) for side in ("BUY", "SELL", "BUY", "SELL")))
    assert sorted(command["state"] for command in commands) == ["REJECTED"] * 3 + ["SUCCEEDED"]
    assert {command["reason"] for command in commands} == {"", _BUSY}
    (position,) = desk.positions().values()
    assert number(position.volume) == number("0.1")


async def test_a_working_order_keeps_its_symbol_for_itself_until_it_is_cancelled(desk: Desk) -> None:
    order = await desk.placed("LIMIT", "BUY", 1.09)
    command = await desk.order(0.1, side="SELL")
    assert (command["state"], command["reason"]) == ("REJECTED", _BUSY), command
    await desk.done("PUT", f"/api/orders/{order['orderId']}", {"price": 1.095})
    await desk.market("1.09480")
    live = [active["trade"] for active in await desk.trader.live_trades()]
    assert [(trade["origin"], trade["openCommandId"]) for trade in live] == [
        ("MANAGED", order["openCommandId"])
    ]


async def test_closing_in_parts_takes_no_more_than_there_is(desk: Desk) -> None:
    trade = await desk.opened(0.1, side="SELL")
    path = f"/api/trades/{trade['tradeId']}"
    assert (await desk.done("POST", f"{path}/partial-close", {"percentage": 55}))["filledVolumeLots"] == 0.05
    await desk.trade_when(trade["tradeId"], lambda now: now["volumeLots"] == 0.05)
    await desk.refused("OUT_OF_RANGE", "POST", f"{path}/partial-close", {"volumeLots": 0.2})
    answers = await asyncio.gather(*(desk.send("POST", f"{path}/close") for _ in range(3)))
    taken = [answer.json()["command"] for answer in answers if answer.status_code in (200, 202)]
    # One that comes after the first was done is told so.
    assert all(answer.json()["reason"] == "WRONG_STATE" for answer in answers if answer.status_code >= 400)
    assert sum(command["filledVolumeLots"] for command in taken) == 0.05, taken
    assert desk.positions() == {}
    assert (await desk.closed(trade))["closeCause"] == "USER"
    deals = (await desk.trader.get(f"/api/trades/{trade['tradeId']}"))["deals"]
    assert sorted((deal["entry"], deal["volumeLots"]) for deal in deals) == [
        ("IN", 0.1),
        ("OUT", 0.05),
        ("OUT", 0.05),
    ]


async def test_several_targets_are_refused(desk: Desk) -> None:
    body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.3, "takeProfits": [1.11, 1.12]}
    await desk.refused("OUT_OF_RANGE", "POST", "/api/trades", body)


async def test_what_is_added_or_turned_by_hand_is_shown_as_it_is(desk: Desk) -> None:
    trade = await desk.opened(0.1)
    _by_hand(desk, _BUY, 0.2)
    joined = await desk.trade_when(trade["tradeId"], lambda now: now["volumeLots"] == 0.3)
    assert joined["state"] == "OPEN"
    _by_hand(desk, _SELL, 0.5)
    await desk.trade_when(trade["tradeId"], lambda now: now["side"] == "SELL" and now["volumeLots"] == 0.2)
    (position,) = desk.positions().values()
    assert (position.side.name, number(position.volume)) == ("SELL", number("0.2"))
    command = await desk.act("POST", "/api/trades/close-all", {"external": True})
    assert command["state"] == "SUCCEEDED", command
    assert desk.positions() == {}


async def test_levels_trailing_and_stealth_work_on_the_one_position(desk: Desk) -> None:
    trade = await desk.opened(0.1, stopLoss=1.09, takeProfit=1.12)
    await desk.done("PUT", f"/api/trades/{trade['tradeId']}/modify", {"takeProfit": None, "stopLoss": 1.095})
    held = desk.position(trade)
    assert (number(held.sl), number(held.tp)) == (number("1.095"), number("0"))
    await desk.send("POST", f"/api/trades/{trade['tradeId']}/trailing-stop", {"distance": 0.001})
    await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.099)
    await desk.stealth(True)
    try:
        await desk.trade_when(trade["tradeId"], lambda now: now["hidden"] and now["brokerStopLoss"] < 1.099)
        await desk.market("1.09890")
        assert (await desk.closed(trade))["closeCause"] == "VIRTUAL_STOP_LOSS"
    finally:
        await desk.stealth(False)
    assert desk.positions() == {}


async def test_the_record_agrees_with_the_broker(desk: Desk) -> None:
    commands = await desk.all_commands()
    assert len(commands) > 20
    assert violations(commands, desk.world.directory) == []


def _by_hand(desk: Desk, side: int, lots: float) -> None:
    result = desk.broker.place_by_hand(
        desk.login, PlaceByHand(action=_DEAL, symbol="EURUSD", volume=lots, type=side)
    )
    assert result.retcode == 10009, result
