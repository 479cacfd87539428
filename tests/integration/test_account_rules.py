"""What some brokers insist on: the oldest position first, frozen levels, swap, expiries, on both modes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.domain.codes import MarginMode
from signalos_bridge.emulator.operator_messages import PlaceByHand, SymbolChange, TermsChange
from tests.integration.test_signals import a_source, decided, price, say
from tests.support.desk import Desk, number
from tests.support.world import World, eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5006
PENDING, BUY_LIMIT, SPECIFIED = 5, 2, 2
# A symbol whose broker freezes levels near the market.
FROZEN = "AUDUSD"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["hedging", "netting"])
async def world_desk(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp(f"rules-{request.param}")
    environment = {"SIGNALOS_SETTLE_SCALE": "0.03"}
    account = f"{LOGIN}:USD:100000:{request.param}"
    async with traded_account(directory, account, environment, _with_rules) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


async def _with_rules(world: World) -> None:
    with BrokerAdmin.of(world.directory / "emulator") as broker:
        broker.set_account(LOGIN, TermsChange(fifo_close=True))
        broker.set_symbol(
            FROZEN, SymbolChange(closed=False, swing_points=0, spread_points=4, freeze_level_points=20)
        )
        broker.set_price(FROZEN, "0.70000", "0.70004")


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world_desk: Desk) -> AsyncIterator[Desk]:
    await world_desk.calm()
    await world_desk.acknowledge_all()
    yield world_desk


def only_hedging(desk: Desk) -> None:
    if desk.broker.account(LOGIN).terms.margin_mode is not MarginMode.HEDGING:
        pytest.skip("a netting account has one position of a symbol")


async def test_an_account_that_closes_the_oldest_first_is_told_which_before_the_broker_is_asked(
    desk: Desk,
) -> None:
    only_hedging(desk)
    old, young = await desk.opened(0.1), await desk.opened(0.2)
    other = await desk.opened(0.1, side="SELL")
    asked = len(desk.broker.ledger())
    command = await desk.act("POST", f"/api/trades/{young['tradeId']}/close")
    assert (command["state"], command["reason"]) == ("REJECTED", "FIFO_CLOSE"), command
    assert f"close #{old['ticket']} (BUY 0.1 EURUSD) before #{young['ticket']}" in command["message"]
    requests = [one for one in desk.broker.ledger()[asked:] if type(one).__name__ == "Received"]
    assert requests == []

    await desk.done("POST", f"/api/trades/{other['tradeId']}/close")
    await desk.done("POST", f"/api/trades/{old['tradeId']}/close")
    await desk.done("POST", f"/api/trades/{young['tradeId']}/close")


async def test_an_open_is_told_what_has_to_be_closed_before_it(desk: Desk) -> None:
    only_hedging(desk)
    old = await desk.opened(0.1)
    young = await desk.order(0.2)
    words = f"#{old['ticket']} (BUY 0.1 EURUSD) has to be closed before this one"
    assert (young["state"], words in young["message"]) == ("SUCCEEDED", True), young
    other = await desk.order(0.1, side="SELL")
    assert (other["state"], other["message"]) == ("SUCCEEDED", ""), other


async def test_closes_that_are_asked_for_together_are_done_in_turn(desk: Desk) -> None:
    only_hedging(desk)
    trades = [await desk.opened(0.1) for _ in range(4)]
    closes = (desk.act("POST", f"/api/trades/{trade['tradeId']}/close") for trade in reversed(trades))
    answers = await asyncio.gather(*closes)
    assert [one["state"] for one in answers] == ["SUCCEEDED"] * 4, [one["message"] for one in answers]
    assert desk.positions() == {}


async def test_a_close_whose_turn_does_not_come_is_refused_with_what_stayed_open(desk: Desk) -> None:
    only_hedging(desk)
    old, middle, young = [await desk.opened(0.1) for _ in range(3)]
    first, last = await asyncio.gather(
        *(desk.act("POST", f"/api/trades/{trade['tradeId']}/close") for trade in (old, young))
    )
    assert first["state"] == "SUCCEEDED", first
    assert (last["state"], last["reason"]) == ("REJECTED", "FIFO_CLOSE"), last
    assert f"close #{middle['ticket']} (BUY 0.1 EURUSD) before #{young['ticket']}" in last["message"]


async def test_a_signal_of_an_order_for_each_target_is_closed_oldest_first(desk: Desk) -> None:
    only_hedging(desk)
    trader = desk.trader
    source_id = await a_source(trader, subscription={"split": "ORDERS"})
    ask = await price(trader, "EURUSD")
    targets = "\n".join(f"TP{n} {ask + 0.004 * n:.5f}" for n in (1, 2, 3))
    text = f"EURUSD BUY NOW\nSL {ask - 0.005:.5f}\n{targets}"
    opened = await decided(trader, (await say(trader, source_id, text, externalId="1"))["signalId"])
    assert opened["decisions"][0]["outcome"] == "SENT", opened
    await eventually(lambda: _live(desk, 3))

    said = await say(trader, source_id, "close now", replyToExternalId="1")
    closed = await decided(trader, said["signalId"])
    (decision,) = closed["decisions"]
    ends = [await desk.command_when(one, "SUCCEEDED", "REJECTED") for one in decision["commandIds"]]
    assert [one["state"] for one in ends] == ["SUCCEEDED"] * 3, [one["message"] for one in ends]
    assert desk.positions() == {}


async def _live(desk: Desk, count: int) -> bool:
    return len(await desk.trader.live_trades()) == count


async def test_everything_is_closed_one_after_the_other_where_the_oldest_goes_first(desk: Desk) -> None:
    only_hedging(desk)
    for _ in range(4):
        await desk.opened(0.1)
    command = await desk.done("POST", "/api/trades/close-all")
    assert len(command["legs"]) == 4
    assert desk.positions() == {}


async def test_a_frozen_position_keeps_its_levels_and_is_closed_once_it_thaws(desk: Desk) -> None:
    trade = await desk.opened(0.1, FROZEN, stopLoss=0.698)
    path = f"/api/trades/{trade['tradeId']}"
    desk.broker.set_price(FROZEN, "0.69810", "0.69814")
    for body in ({"stopLoss": 0.695}, {"takeProfit": 0.71}):
        moved = await desk.act("PUT", f"{path}/modify", {**body, "timeToLive": "2s", "wait": "5s"})
        assert moved["state"] == "REJECTED", moved
        assert (
            "10 points from the market at 0.69810; inside 20 points the broker freezes it" in moved["message"]
        )
    assert (await desk.trade(trade["tradeId"]))["stopLoss"] == 0.698
    closing = await desk.act("POST", f"{path}/close", {"timeToLive": "2s", "wait": "5s"})
    assert (closing["state"], closing["reason"]) == ("REJECTED", "FROZEN"), closing
    desk.broker.set_price(FROZEN, "0.70000", "0.70004")
    await desk.done("PUT", f"{path}/modify", {"stopLoss": 0.695})
    await desk.done("POST", f"{path}/close")


async def test_an_order_whose_time_runs_out_is_shown_as_expired(desk: Desk) -> None:
    soon = desk.broker.clock().broker_ms // 1000 + 2
    order = PlaceByHand(
        action=PENDING,
        symbol="EURUSD",
        volume=0.1,
        type=BUY_LIMIT,
        price=1.05,
        type_time=SPECIFIED,
        expiration=soon,
    )
    ticket = desk.broker.place_by_hand(LOGIN, order).order

    async def ended() -> dict[str, Any] | None:
        orders = (await desk.trader.get("/api/orders", state="EXPIRED"))["orders"]
        return next((dict(one) for one in orders if one["ticket"] == str(ticket)), None)

    assert (await eventually(ended))["state"] == "EXPIRED"
    assert desk.orders() == {}


async def test_break_even_pays_the_swap_too(desk: Desk) -> None:
    trade = await desk.opened(1.0)
    # Twenty dollars on a lot are 20 points.
    desk.broker.charge_swap(LOGIN, int(trade["ticket"]), Decimal(-20))
    await desk.market("1.10300")
    before = desk.broker.account(LOGIN).balance
    await desk.done("POST", f"/api/trades/{trade['tradeId']}/break-even")
    # Entry 1.10004, 4 points of spread, 7 dollars of commission, 20 of swap.
    assert number(desk.position(trade).sl) == number("1.10035")
    await desk.market("1.10035")
    await desk.closed(trade)
    # What is left is what the spread was believed to cost: nothing is lost.
    assert desk.broker.account(LOGIN).balance - before + Decimal("3.5") >= 0
