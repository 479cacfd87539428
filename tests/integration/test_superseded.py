"""An older bridge comes back to an account that another one has managed meanwhile, with the same credential.

What the older one keeps of positions is not how they stand: the newer one closed shares, moved stops and was
told other levels. Nothing is closed twice, no stop loosens, and no level goes back to what it was.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.domain.codes import Entry
from signalos_bridge.emulator.operator_messages import SymbolChange
from tests.support.desk import SPREAD, SYMBOLS, Desk, number
from tests.support.world import eventually, traded_account

pytestmark = pytest.mark.integration

LOGIN = 5008
ENVIRONMENT = {"SIGNALOS_SETTLE_SCALE": "0.03", "SIGNALOS_TIME_SCALE": "0.1"}
TARGETS = [
    {"price": 1.101, "share": 0.5, "stopMove": "BREAK_EVEN"},
    {"price": 1.102, "share": 0.3},
    {"price": 1.103, "share": 0.2},
]
QUOTES = {"EURUSD": "1.10000", "GBPUSD": "1.25000", "XAUUSD": "2000.00"}


@asynccontextmanager
async def a_desk(directory: Path) -> AsyncIterator[Desk]:
    async with traded_account(directory, f"{LOGIN}:USD:100000:hedging", ENVIRONMENT) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            desk = Desk(world, trader, broker, LOGIN)
            for symbol in SYMBOLS:
                broker.set_symbol(symbol, SymbolChange(closed=False, swing_points=0))
                quote(desk, symbol, QUOTES[symbol])
            yield desk


def quote(desk: Desk, symbol: str, bid: str) -> None:
    spread = Decimal("0.04") if symbol == "XAUUSD" else SPREAD
    desk.broker.set_price(symbol, bid, Decimal(bid) + spread)


async def moves(
    desk: Desk, symbol: str, bid: str, trade: dict[str, Any], holds: Callable[[dict[str, Any]], bool]
) -> None:
    """Lets the market stand at a price, with a quote now and then, until a trade is as wanted."""

    async def look() -> bool:
        quote(desk, symbol, bid)
        return holds(await desk.trade(trade["tradeId"]))

    await eventually(look, within=20, every=0.2)


def with_the_same_credential(desk: Desk, name: str) -> None:
    """Sets a second machine up: the credential was copied, and nothing else."""
    directory = desk.world.directory / name
    directory.mkdir(mode=0o700)
    shutil.copy2(desk.world.directory / "bridge" / "credential.json", directory / "credential.json")


def closed_lots(desk: Desk, trade: dict[str, Any]) -> list[Decimal]:
    return [
        number(deal.volume)
        for deal in desk.broker.deals(LOGIN)
        if deal.position_id == int(trade["positionIdentifier"]) and deal.entry is not Entry.IN
    ]


async def killed(desk: Desk, program: str) -> None:
    desk.world.kill(program)
    await desk.world.gone(program)


async def connected(desk: Desk) -> None:
    await eventually(desk.trader.bridge_connected, within=30)
    await eventually(desk.trader.may_open, within=30)


async def three_trades(desk: Desk) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """One with a ladder, one with a hidden trailing stop, one with a hidden stop."""
    ladder = await desk.opened(0.1, stopLoss=1.095, protection={"targets": TARGETS})
    trailed = await desk.opened(0.1, "GBPUSD", stopLoss=1.245)
    hidden = await desk.opened(0.1, "XAUUSD", stopLoss=1990)
    for trade in (trailed, hidden):
        path = f"/api/trades/{trade['tradeId']}/stealth"
        assert (await desk.send("POST", path, {"stealthMode": True})).json()["applied"] is True
        await desk.trade_when(
            trade["tradeId"], lambda now: now["hidden"] and now["brokerStopLoss"] < now["stopLoss"]
        )
    path = f"/api/trades/{trailed['tradeId']}/trailing-stop"
    assert (await desk.send("POST", path, {"distance": 0.001})).json()["applied"] is True
    return ladder, trailed, hidden


async def managed_by_the_newer(
    desk: Desk, ladder: dict[str, Any], trailed: dict[str, Any], hidden: dict[str, Any]
) -> None:
    """The newer bridge closes the first share, trails, and is told another hidden stop."""
    await moves(
        desk,
        "EURUSD",
        "1.10100",
        ladder,
        lambda now: number(now["volumeLots"]) == number("0.05") and now["brokerStopLoss"] > 1.1,
    )
    quote(desk, "EURUSD", "1.10050")
    await moves(desk, "GBPUSD", "1.25300", trailed, lambda now: now.get("stopLoss") == 1.252)
    quote(desk, "GBPUSD", "1.25250")
    await desk.done("PUT", f"/api/trades/{hidden['tradeId']}/modify", {"stopLoss": 1980})
    await desk.trade_when(hidden["tradeId"], lambda now: now.get("stopLoss") == 1980)


async def as_the_newer_left_it(
    desk: Desk, ladder: dict[str, Any], trailed: dict[str, Any], hidden: dict[str, Any]
) -> None:
    """Nothing went back, and each level does what was asked of it last."""
    assert (await desk.trade(trailed["tradeId"])).get("stopLoss") == 1.252
    assert (await desk.trade(hidden["tradeId"])).get("stopLoss") == 1980
    steps = (await desk.trade(ladder["tradeId"]))["protection"]["steps"]
    assert [step["state"] for step in steps] == ["DONE", "WAITING", "WAITING"]
    # The market comes back to the target that is done, and below the stop that is not wanted any more.
    quote(desk, "EURUSD", "1.10110")
    quote(desk, "XAUUSD", "1985.00")
    await asyncio.sleep(1.0)
    assert closed_lots(desk, ladder) == [number("0.05")]
    assert closed_lots(desk, hidden) == []
    quote(desk, "GBPUSD", "1.25190")
    assert (await desk.closed(trailed))["closeCause"] == "VIRTUAL_STOP_LOSS"
    quote(desk, "EURUSD", "1.10200")
    await desk.trade_when(ladder["tradeId"], lambda now: number(now["volumeLots"]) == number("0.02"))
    quote(desk, "EURUSD", "1.10300")
    await desk.closed(ladder)
    assert closed_lots(desk, ladder) == [number("0.05"), number("0.03"), number("0.02")]
    quote(desk, "XAUUSD", "1979.90")
    assert (await desk.closed(hidden))["closeCause"] == "VIRTUAL_STOP_LOSS"
    assert closed_lots(desk, hidden) == [number("0.1")]
    await desk.world.run("verify")


async def test_a_bridge_that_was_killed_before_another_took_over_goes_on_where_that_one_was(
    tmp_path: Path,
) -> None:
    async with a_desk(tmp_path) as desk:
        trades = await three_trades(desk)
        await killed(desk, "bridge")
        with_the_same_credential(desk, "bridge-newer")
        await desk.world.start_bridge(LOGIN, name="newer")
        await connected(desk)
        await managed_by_the_newer(desk, *trades)
        await killed(desk, "bridge-newer")

        await desk.world.start_bridge(LOGIN)
        await connected(desk)

        await as_the_newer_left_it(desk, *trades)
        alert = await desk.alert("JOURNAL_OUTDATED")
        assert "another bridge" in alert["message"]


async def test_a_superseded_bridge_rests_and_goes_on_where_the_newer_was(tmp_path: Path) -> None:
    """It runs all the while beside the newer one, at the same terminal, and is restarted without a server."""
    async with a_desk(tmp_path) as desk:
        trades = await three_trades(desk)
        with_the_same_credential(desk, "bridge-newer")
        await desk.world.start_bridge(LOGIN, name="newer")

        async def superseded() -> bool:
            return "plans rest: superseded by session" in desk.world.log("bridge")

        await eventually(superseded)
        await connected(desk)
        await managed_by_the_newer(desk, *trades)
        ladder = trades[0]
        assert closed_lots(desk, ladder) == [number("0.05")]
        await killed(desk, "bridge")
        await killed(desk, "bridge-newer")
        desk.world.kill("server")
        await desk.world.gone("server")

        await desk.world.start_bridge(LOGIN)
        quote(desk, "EURUSD", "1.10110")
        await asyncio.sleep(2.0)
        assert closed_lots(desk, ladder) == [number("0.05")]
        quote(desk, "EURUSD", "1.10050")
        await desk.world.start_server()
        await connected(desk)

        await as_the_newer_left_it(desk, *trades)
