"""Ladders and moves to break-even from a REST call to the broker's deals, on both kinds of account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.domain.entities import Position
from tests.support.desk import Desk, number
from tests.support.world import eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5001
# The market stands at 1.10000 / 1.10004.
TARGETS = [
    {"price": 1.101, "share": 0.5, "stopMove": "BREAK_EVEN"},
    {"price": 1.102, "share": 0.3, "stopMove": "PREVIOUS_TARGET"},
    {"price": 1.103, "share": 0.2},
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["hedging", "netting"])
async def world_desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp(request.param)
    environment = {"SIGNALOS_SETTLE_SCALE": "0.03"}
    account = f"{LOGIN}:USD:100000:{request.param}"
    async with traded_account(directory, account, environment) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world_desk: Desk) -> AsyncIterator[Desk]:
    await world_desk.calm()
    await world_desk.acknowledge_all()
    yield world_desk


async def at_broker(desk: Desk, trade: dict[str, Any], wanted: Callable[[Position], bool]) -> None:
    """Waits until the broker holds the position as it is wanted."""

    async def look() -> bool:
        return wanted(desk.position(trade))

    await eventually(look)


def closing_lots(desk: Desk, trade: dict[str, Any]) -> list[str]:
    deals = [
        deal
        for deal in desk.broker.deals(desk.login)
        if deal.position_id == int(trade["positionIdentifier"]) and deal.entry == 1
    ]
    return [str(number(deal.volume)) for deal in deals]


async def test_a_ladder_given_with_the_order_closes_its_shares_while_the_server_is_away(desk: Desk) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095, protection={"targets": TARGETS})
    assert [step["state"] for step in trade["protection"]["steps"]] == ["WAITING"] * 3
    assert trade["initialStopLoss"] == 1.095
    desk.world.kill("server")
    desk.quote("1.10100")
    await at_broker(desk, trade, lambda held: held.volume == number("0.05"))
    await at_broker(desk, trade, lambda held: held.sl > number("1.1"))
    desk.quote("1.10050")
    desk.quote("1.10200")
    await at_broker(desk, trade, lambda held: held.volume == number("0.02"))
    await desk.world.start_server()

    async def told() -> bool:
        steps = (await desk.trade(trade["tradeId"]))["protection"]["steps"]
        return [step["state"] for step in steps] == ["DONE", "DONE", "WAITING"]

    await eventually(told)
    now = await desk.trade(trade["tradeId"])
    assert (now["volumeLots"], now["stopLoss"]) == (0.02, 1.101)
    assert [step["closedVolumeLots"] for step in now["protection"]["steps"]] == [0.05, 0.03, 0.0]
    desk.quote("1.10300")
    closed = await desk.closed(trade)
    assert closed["closeCause"] == "SIGNALOS"
    assert closing_lots(desk, trade) == ["0.05", "0.03", "0.02"]


async def test_a_bridge_killed_between_targets_closes_each_share_once(desk: Desk) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095, protection={"targets": TARGETS})
    desk.quote("1.10100")
    await at_broker(desk, trade, lambda held: held.volume == number("0.05"))
    await desk.bridge_killed()
    await desk.bridge_back()
    desk.quote("1.10110")
    desk.quote("1.10200")
    await at_broker(desk, trade, lambda held: held.volume == number("0.02"))
    assert closing_lots(desk, trade) == ["0.05", "0.03"]


async def test_a_plan_is_set_shown_and_taken_away_only_by_an_empty_one(desk: Desk) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095)
    path = f"/api/trades/{trade['tradeId']}/protection"
    plan = {"targets": TARGETS, "breakEven": {"start": {"riskMultiple": 0.2}, "offset": 0.0001}}
    answer = (await desk.send("POST", path, {"plan": plan})).json()
    assert answer["applied"] is True, answer
    assert [target["share"] for target in answer["wanted"]["targets"]] == [0.5, 0.3, 0.2]
    assert answer["trade"]["protection"]["breakEven"]["done"] is False
    # The first risk is 50.4 pips, so that a fifth of it is just beyond the first target.
    desk.quote("1.10106")
    moved = await desk.trade_when(trade["tradeId"], lambda one: one["protection"]["breakEven"]["done"])
    assert 1.1001 < moved["stopLoss"] < 1.1005
    error = await desk.refused("INVALID_FIELD", "POST", path, {})
    assert error["errors"][0]["field"] == "plan"
    assert "{} to take ladder and break-even away" in error["detail"]
    assert (await desk.trade(trade["tradeId"]))["protection"] == moved["protection"]
    answer = (await desk.send("POST", path, {"plan": {}})).json()
    assert answer["applied"] is True
    assert answer["wanted"] is None
    assert answer["trade"]["protection"] is None


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"targets": [{"price": 1.09, "share": 1}]}, "plan.targets[0].price"),
        ({"targets": [{"price": 1.2, "share": 0.6}, {"price": 1.3, "share": 0.6}]}, "plan.targets"),
        ({"targets": [{"price": 1.3, "share": 0.5}, {"price": 1.2, "share": 0.5}]}, "plan.targets[1].price"),
        ({"breakEven": {"start": {"target": 1}}}, "plan.breakEven.start.target"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused_with_its_field(
    desk: Desk, plan: dict[str, Any], field: str
) -> None:
    trade = await desk.opened(0.1)
    path = f"/api/trades/{trade['tradeId']}/protection"
    error = await desk.refused("OUT_OF_RANGE", "POST", path, {"plan": plan})
    assert error["metadata"]["field"] == field
    assert (await desk.trade(trade["tradeId"]))["protection"] is None


async def test_a_multiple_of_the_risk_needs_a_stop(desk: Desk) -> None:
    trade = await desk.opened(0.1)
    path = f"/api/trades/{trade['tradeId']}/trailing-stop"
    body = {"distance": 0.002, "start": {"riskMultiple": 1}}
    error = await desk.refused("OUT_OF_RANGE", "POST", path, body)
    assert error["metadata"]["field"] == "start.riskMultiple"


async def test_a_trailing_stop_starts_once_a_target_was_closed(desk: Desk) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095, protection={"targets": [{"price": 1.101, "share": 0.5}]})
    path = f"/api/trades/{trade['tradeId']}/trailing-stop"
    answer = await desk.send("POST", path, {"distance": 0.0005, "start": {"target": 1}, "minInterval": "1s"})
    assert answer.json()["applied"] is True, answer.text
    desk.quote("1.10080")
    desk.quote("1.10100")
    await at_broker(desk, trade, lambda held: held.volume == number("0.05"))
    desk.quote("1.10120")
    await at_broker(desk, trade, lambda held: number(held.sl) == number("1.1007"))
