"""Limits of an account from end to end: an equity that falls at the broker, and who may trade then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.operator_messages import SymbolChange
from signalos_bridge.emulator.server import read_address
from tests.support.desk import Desk
from tests.support.world import PASSWORD, eventually, traded_account

pytestmark = pytest.mark.integration

LOGIN = 5001


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with traded_account(tmp_path, f"{LOGIN}:USD:10000:hedging") as (world, trader):
        broker = BrokerAdmin(read_address(tmp_path / "emulator"))
        broker.set_symbol("EURUSD", SymbolChange(closed=False, swing_points=0, spread_points=4))
        desk = Desk(world, trader, broker, LOGIN)
        desk.quote("1.10000")
        await eventually(lambda: clock_known(desk))
        yield desk
        broker.close()


async def clock_known(desk: Desk) -> bool:
    """Quote, and return whether the bridge knows the broker's clock by it."""
    desk.quote("1.10000")
    (account,) = (await desk.trader.get("/api/accounts"))["accounts"]
    return account["bridge"]["terminal"]["brokerOffsetSeconds"] is not None


async def use_of(desk: Desk, code: str) -> dict[str, Any]:
    uses = (await desk.trader.get("/api/limits"))["uses"]
    return dict(next(use for use in uses if use["code"] == code))


async def staged(desk: Desk, stage: str) -> dict[str, Any]:
    """Wait until the day's loss is at a stage."""

    async def look() -> dict[str, Any] | None:
        use = await use_of(desk, "MAX_DAILY_LOSS")
        return use if use["stage"] == stage and use["latched"] is (stage in ("SOFT", "HARD")) else None

    return dict(await eventually(look, within=20.0))


async def limited(desk: Desk, **limits: Any) -> None:
    answer = await desk.trader.client.put("/api/limits", json={"limits": limits, "dayBalance": 10_000})
    assert answer.status_code == 200, answer.text


async def refused(desk: Desk) -> dict[str, Any]:
    error = await desk.refused(
        "LIMIT", "POST", "/api/trades", {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}
    )
    return dict(error["metadata"])


async def test_a_falling_equity_warns_blocks_and_closes_and_stays_latched_until_a_person_resumes(
    desk: Desk,
) -> None:
    world, trader = desk.world, desk.trader
    await limited(desk, dailyLoss={"money": 1_000})
    # One lot gains or loses 10 a pip.
    trade = await desk.opened(1.0)

    desk.quote("1.09250")
    use = await staged(desk, "WARNING")
    assert 700 <= use["current"] < 850
    assert use["headroomMoney"] == pytest.approx(1_000 - use["current"])
    await desk.opened(0.01)

    desk.quote("1.09120")
    await staged(desk, "SOFT")
    assert (await refused(desk))["code"] == "MAX_DAILY_LOSS"

    # Nothing that reduces is held back.
    half = await desk.send("POST", f"/api/trades/{trade['tradeId']}/partial-close", {"volumeLots": 0.2})
    assert half.status_code == 200, half.text

    desk.quote("1.08600")
    use = await staged(desk, "HARD")
    await eventually(lambda: _flat(desk), within=20.0)
    stops = (await trader.get("/api/trading/stops", activeOnly="true"))["stops"]
    assert [(stop["trigger"], stop["closePositions"], stop["source"]) for stop in stops] == [
        ("LIMIT", True, "automatic")
    ]

    world.kill("server")
    await world.gone("server")
    await world.start_server()
    await eventually(trader.bridge_connected, within=30.0)

    assert (await use_of(desk, "MAX_DAILY_LOSS"))["latched"] is True
    await desk.refused(
        "TRADING_STOPPED", "POST", "/api/trades", {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}
    )
    rearmed = await trader.post(
        "/api/trading/rearm",
        {"stopIds": [stops[0]["stopId"]], "reason": "looked at it", "password": PASSWORD},
    )
    assert rearmed.status_code == 200, rearmed.text
    numbers = await refused(desk)
    assert (numbers["code"], numbers["stage"]) == ("MAX_DAILY_LOSS", "HARD")

    # A new day would do the same: the loss is within the limit again.
    await limited(desk, dailyLoss={"money": 5_000})
    resumed = await trader.post("/api/limits/resume", {"reason": "more may be lost"})
    assert resumed.json()["resumedCodes"] == ["MAX_DAILY_LOSS"], resumed.text
    await eventually(trader.may_open)
    await desk.opened(0.1)


async def _flat(desk: Desk) -> bool:
    return not desk.positions()


async def test_a_withdrawal_is_no_loss(desk: Desk) -> None:
    await limited(desk, dailyLoss={"money": 500}, maximumAccountAge="20s")
    # Who changes one of them sends all that were read.
    read = (await desk.trader.get("/api/limits"))["limits"]
    await limited(desk, **read)
    assert (await desk.trader.get("/api/limits"))["limits"] == read
    await desk.opened(0.1)

    desk.broker.deposit(LOGIN, -4_000, comment="Withdrawal")

    async def taken_out() -> dict[str, Any] | None:
        told = await desk.trader.get("/api/limits")
        return told if told["day"].get("transfers") == -4_000 else None

    told = await eventually(taken_out, within=20.0)
    use = next(one for one in told["uses"] if one["code"] == "MAX_DAILY_LOSS")
    assert use["stage"] == "OK"
    assert abs(use["current"]) < 50
    assert not (await desk.trader.get("/api/trading/stops", activeOnly="true"))["stops"]
    await desk.opened(0.1)


async def test_the_bridge_holds_the_least_equity_without_the_server(desk: Desk) -> None:
    answer = await desk.trader.client.put(
        "/api/limits", json={"limits": {"minimumEquity": 9_000, "minimumEquityAction": "FLATTEN"}}
    )
    assert answer.json()["applied"] is True, answer.text
    await desk.opened(1.0)
    desk.world.kill("server")
    await desk.world.gone("server")

    desk.quote("1.08900")
    await eventually(lambda: _flat(desk), within=20.0)

    await desk.world.start_server()

    async def told() -> list[dict[str, Any]]:
        stops = (await desk.trader.get("/api/trading/stops", activeOnly="true"))["stops"]
        return [stop for stop in stops if stop["source"] == "bridge"]

    (stop,) = await eventually(told, within=30.0)
    assert stop["closePositions"] is True
    assert stop["reason"].startswith("MINIMUM_EQUITY: limit=9000 current=")
