"""Hidden levels through REST, on both margin modes, with the bridge killed while it guards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.faults import Reject
from signalos_bridge.emulator.operator_messages import SymbolChange
from tests.support.desk import Desk, number
from tests.support.world import eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5003


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["hedging", "netting"])
async def world_desk(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp(f"stealth-{request.param}")
    async with traded_account(directory, f"{LOGIN}:USD:100000:{request.param}") as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world_desk: Desk) -> AsyncIterator[Desk]:
    await world_desk.calm()
    yield world_desk


def held(desk: Desk, trade: dict[str, object]) -> tuple[object, object]:
    position = desk.position(trade)
    return number(position.sl), number(position.tp)


async def test_one_trade_is_hidden_and_shown_while_its_account_is_not(desk: Desk) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095, takeProfit=1.11)
    path = f"/api/trades/{trade['tradeId']}/stealth"

    answer = (await desk.send("POST", path, {"stealthMode": True})).json()
    assert (answer["wanted"], answer["applied"]) == (True, True), answer
    hidden = await desk.trade_when(
        trade["tradeId"], lambda now: now["hidden"] and now["brokerTakeProfit"] is None
    )
    assert (hidden["stopLoss"], hidden["takeProfit"]) == (1.095, 1.11)
    assert held(desk, trade) == (number("1.09"), number("0"))

    # The bridge is killed while it guards: what was wanted of this trade is on its disk.
    await desk.bridge_killed()
    await desk.bridge_back()
    again = await desk.trade(trade["tradeId"])
    assert (again["hidden"], again["guardState"]) == (True, "ARMED")

    answer = (await desk.send("POST", path, {})).json()
    assert answer.get("wanted") is None, answer
    await desk.trade_when(trade["tradeId"], lambda now: not now["hidden"])
    assert held(desk, trade) == (number("1.095"), number("1.11"))


async def test_an_account_that_has_to_show_a_stop_hides_take_profits_only(desk: Desk) -> None:
    url = "/api/trading/stealth-settings"
    answer = await desk.trader.client.get(url)
    assert answer.status_code == 200, answer.text
    shipped = answer.json()["settings"]
    assert (shipped["mandatoryStop"], shipped["linkLosses"]) == (False, 3), shipped
    changed = (await desk.send("PUT", url, {"settings": {"mandatoryStop": True}})).json()
    assert (changed["settings"]["mandatoryStop"], changed["applied"]) == (True, True), changed
    await desk.stealth(True)
    try:
        trade = await desk.opened(0.1, stopLoss=1.095, takeProfit=1.11)
        assert (trade["hidden"], trade["stopLoss"], trade["takeProfit"]) == (True, 1.095, 1.11)
        assert held(desk, trade) == (number("1.095"), number("0"))
    finally:
        await desk.stealth(False)
        await desk.send("PUT", url, {"settings": {}})
    await desk.trade_when(trade["tradeId"], lambda now: not now["hidden"])
    assert held(desk, trade) == (number("1.095"), number("1.11"))


async def test_a_hidden_stop_that_is_crossed_while_the_bridge_is_dead_is_closed_and_said(
    desk: Desk,
) -> None:
    await desk.stealth(True)
    try:
        trade = await desk.opened(0.1, stopLoss=1.098)
        await desk.bridge_killed()
        await desk.market("1.09790")
        await desk.bridge_back()
        assert (await desk.closed(trade))["closeCause"] == "VIRTUAL_STOP_LOSS"
        guards = [c for c in await desk.commands_of(trade) if c["origin"] == "GUARD"]
        assert [c["state"] for c in guards] == ["SUCCEEDED"]
    finally:
        await desk.stealth(False)


async def test_a_hidden_order_shows_its_levels_and_what_the_broker_holds(desk: Desk) -> None:
    await desk.stealth(True)
    try:
        order = await desk.placed("LIMIT", "BUY", 1.09, stopLoss=1.088, takeProfit=1.12)
        assert (order["hidden"], order["stopLoss"], order["takeProfit"]) == (True, 1.088, 1.12)
        assert (order["brokerStopLoss"], order["brokerTakeProfit"]) == (1.086, None)
        path = f"/api/orders/{order['orderId']}"
        # One point beyond its price: the broker, who sees none of it, may want more.
        desk.broker.set_symbol("EURUSD", SymbolChange(stops_level_points=30))
        await desk.done("PUT", path, {"takeProfit": 1.09001})
        moved = dict(await eventually(lambda: listed(desk, order, takeProfit=1.09001)))
        assert (moved["stopLoss"], moved["brokerStopLoss"]) == (1.088, 1.086)

        # What the broker refuses changes nothing of what is hidden.
        desk.broker.add_fault(Reject(function="order_send", retcode=10016))
        command = await desk.act("PUT", path, {"stopLoss": 1.085})
        assert command["state"] == "REJECTED", command
        desk.broker.clear_faults()
        assert await listed(desk, order, stopLoss=1.088)

        desk.quote("1.08990")
        trade = await eventually(lambda: only_trade(desk))
        assert (trade["hidden"], trade["stopLoss"], trade["takeProfit"]) == (True, 1.088, 1.09001)
        assert trade["brokerStopLoss"] == 1.086
    finally:
        await desk.stealth(False)


async def listed(desk: Desk, order: dict[str, Any], **values: object) -> dict[str, Any] | None:
    orders = (await desk.trader.get("/api/orders", state="WORKING"))["orders"]
    held = next((dict(one) for one in orders if one["orderId"] == order["orderId"]), None)
    return held if held is not None and values.items() <= held.items() else None


async def only_trade(desk: Desk) -> dict[str, Any] | None:
    trades = await desk.trader.live_trades()
    return dict(trades[0]["trade"]) if trades else None
