"""Protection with nobody to help: the server is gone for long, or somebody trades by hand meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import AdminRefused, BrokerAdmin
from signalos_bridge.emulator.domain.codes import Entry
from signalos_bridge.emulator.operator_messages import SymbolChange
from tests.support.desk import Desk, number
from tests.support.world import eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5007
# An hour is six minutes, a lease three seconds: the server is gone for several leases.
TIME_SCALE = "0.1"
AWAY_SECONDS = 10.0
QUOTES = {
    "EURUSD": ("1.10000", "1.10004"),
    "GBPUSD": ("1.25000", "1.25004"),
    "XAUUSD": ("2000.00", "2000.04"),
}
SPREADS = {symbol: Decimal(ask) - Decimal(bid) for symbol, (bid, ask) in QUOTES.items()}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["hedging", "netting"])
async def world_desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp(request.param)
    environment = {"SIGNALOS_SETTLE_SCALE": "0.03", "SIGNALOS_TIME_SCALE": TIME_SCALE}
    account = f"{LOGIN}:USD:100000:{request.param}"
    async with traded_account(directory, account, environment) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            broker.set_symbol("AUDUSD", SymbolChange(closed=False, swing_points=0))
            yield Desk(world, trader, broker, LOGIN)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world_desk: Desk) -> AsyncIterator[Desk]:
    await world_desk.calm()
    for symbol, (bid, ask) in QUOTES.items():
        world_desk.broker.set_price(symbol, bid, ask)
    yield world_desk


def market(desk: Desk, symbol: str, bid: str) -> None:
    desk.broker.set_price(symbol, bid, Decimal(bid) + SPREADS[symbol])


def closed_lots(desk: Desk, trade: dict[str, Any]) -> list[Decimal]:
    return [
        number(deal.volume)
        for deal in desk.broker.deals(LOGIN)
        if deal.position_id == int(trade["positionIdentifier"]) and deal.entry is not Entry.IN
    ]


def gained(desk: Desk, trade: dict[str, Any]) -> Decimal:
    """What the broker booked for it, from its opening on."""
    return sum(
        (
            deal.profit + deal.commission + deal.swap + deal.fee
            for deal in desk.broker.deals(LOGIN)
            if deal.position_id == int(trade["positionIdentifier"])
        ),
        Decimal(0),
    )


async def nothing_differs(desk: Desk) -> None:
    """A sync finds nothing, and the checker no broken promise."""
    answer = await desk.send("POST", "/api/firebridge/force-sync", {"wait": "10s"})
    (report,) = answer.json()["reports"]
    odd = [one for one in report["differences"] if one["kind"] != "COMMAND_RESOLVED"]
    assert report["succeeded"], report
    assert odd == [], report
    await desk.world.run("verify")


async def test_a_server_that_is_gone_for_long_is_not_missed_and_its_record_matches_afterwards(
    desk: Desk,
) -> None:
    targets = [{"price": 1.101, "share": 0.5, "stopMove": "BREAK_EVEN"}, {"price": 1.102, "share": 0.5}]
    ladder = await desk.opened(0.1, stopLoss=1.095, protection={"targets": targets})
    trailed = await desk.opened(0.1, "GBPUSD", stopLoss=1.245)
    path = f"/api/trades/{trailed['tradeId']}/trailing-stop"
    assert (await desk.send("POST", path, {"distance": 0.001})).json()["applied"] is True
    hidden = await desk.opened(0.1, "XAUUSD", stopLoss=1995)
    path = f"/api/trades/{hidden['tradeId']}/stealth"
    assert (await desk.send("POST", path, {"stealthMode": True})).json()["applied"] is True
    await desk.trade_when(hidden["tradeId"], lambda now: now["hidden"] and now["brokerStopLoss"] < 1995)
    order = await desk.placed("LIMIT", "BUY", 0.55, symbol="AUDUSD")

    desk.world.kill("server")
    await desk.world.gone("server")
    began = asyncio.get_running_loop().time()

    async def at_broker(trade: dict[str, Any], **values: str) -> None:
        async def look() -> bool:
            held = desk.positions().get(int(trade["ticket"]))
            return held is not None and all(
                number(getattr(held, name)) == number(value) for name, value in values.items()
            )

        await eventually(look)

    market(desk, "EURUSD", "1.10100")
    await at_broker(ladder, volume="0.05")
    for bid, stop in (("1.25200", "1.25100"), ("1.25400", "1.25300")):
        market(desk, "GBPUSD", bid)
        await at_broker(trailed, sl=stop)
    # The bridge is killed too, and goes on alone with what is on its disk.
    await desk.bridge_killed()
    await desk.world.start_bridge(LOGIN)
    market(desk, "XAUUSD", "1994.90")
    await eventually(lambda: gone(desk, hidden))
    market(desk, "EURUSD", "1.10210")
    await eventually(lambda: gone(desk, ladder))
    market(desk, "GBPUSD", "1.25500")
    await at_broker(trailed, sl="1.25400")
    market(desk, "GBPUSD", "1.25390")
    assert await gone(desk, trailed)
    await asyncio.sleep(max(0.0, began + AWAY_SECONDS - asyncio.get_running_loop().time()))
    # The lease is over, and what could still fill was cancelled, as the account wants it.
    await eventually(lambda: nothing_waits(desk))

    await desk.world.start_server()
    for trade, cause in ((ladder, "SIGNALOS"), (trailed, "STOP_LOSS"), (hidden, "VIRTUAL_STOP_LOSS")):
        now = await desk.closed(trade, within=30)
        assert now["closeCause"] == cause
        assert number(now["realisedProfit"]) == number(gained(desk, trade))
    assert closed_lots(desk, ladder) == [number("0.05"), number("0.05")]
    assert closed_lots(desk, hidden) == [number("0.1")]
    await eventually(lambda: order_is_cancelled(desk, order))
    await eventually(desk.trader.may_open, within=30)
    await nothing_differs(desk)


async def gone(desk: Desk, trade: dict[str, Any]) -> bool:
    return int(trade["ticket"]) not in desk.positions()


async def nothing_waits(desk: Desk) -> bool:
    return desk.orders() == {}


async def order_is_cancelled(desk: Desk, order: dict[str, Any]) -> bool:
    found = (await desk.trader.get("/api/orders", state="CANCELLED"))["orders"]
    return order["orderId"] in [one["orderId"] for one in found]


@pytest.mark.parametrize("seed", range(8))
async def test_a_hand_at_any_instant_is_seen_explained_and_nothing_is_done_twice(
    desk: Desk, seed: int
) -> None:
    dice = random.Random(seed)
    market(desk, "EURUSD", "1.10000")
    targets = [
        {"price": 1.101, "share": 0.4, "stopMove": "BREAK_EVEN"},
        {"price": 1.102, "share": 0.3, "stopMove": "PREVIOUS_TARGET"},
        {"price": 1.103, "share": 0.3},
    ]
    trade = await desk.opened(0.1, stopLoss=1.098, protection={"targets": targets})
    ticket = int(trade["ticket"])
    if seed % 2:
        answer = await desk.send("POST", f"/api/trades/{trade['tradeId']}/stealth", {"stealthMode": True})
        assert answer.json()["applied"] is True, answer.text
    what = ("close", "halve", "loosen", "tighten")[seed % 4]

    # The quote that sets the bridge to work, and the hand, within milliseconds of each other, either first.
    async def hand() -> None:
        await asyncio.sleep(dice.uniform(0, 0.12))
        by_hand(desk, ticket, what)

    async def quotes() -> None:
        for bid in dice.choice((("1.10100", "1.10200"), ("1.10300",), ("1.10100", "1.09790"))):
            await asyncio.sleep(dice.uniform(0, 0.06))
            market(desk, "EURUSD", bid)

    await asyncio.gather(hand(), quotes())

    async def agrees() -> bool:
        now = await desk.trade(trade["tradeId"])
        held = desk.positions().get(ticket)
        if held is None:
            return bool(now["state"] == "CLOSED")
        levels = now["brokerStopLoss"] or 0, now["brokerTakeProfit"] or 0
        return (
            number(now["volumeLots"]) == number(held.volume)
            and (number(levels[0]), number(levels[1])) == (number(held.sl), number(held.tp))
            and "TRIGGERED" not in [step["state"] for step in now["protection"]["steps"]]
        )

    await eventually(agrees)
    held = desk.positions().get(ticket)
    assert sum(closed_lots(desk, trade)) == number("0.1") - (held.volume if held is not None else 0)
    assert [one.symbol for one in desk.positions().values() if one.ticket != ticket] == []
    for command in await desk.commands_of(trade):
        assert command["state"] not in ("UNKNOWN", "RUNNING"), command
    if held is not None:
        desk.broker.close_by_hand(LOGIN, ticket)
        assert (await desk.closed(trade))["closeCause"] == "BY_HAND"
    await nothing_differs(desk)


def by_hand(desk: Desk, ticket: int, what: str) -> None:
    try:
        if what == "close":
            desk.broker.close_by_hand(LOGIN, ticket)
        elif what == "halve":
            desk.broker.close_by_hand(LOGIN, ticket, "0.05")
        else:
            desk.broker.modify_by_hand(LOGIN, ticket, "1.09500" if what == "loosen" else "1.09850", "0")
    except AdminRefused:
        # The bridge was faster, and closed it or more than half of it.
        return
