"""Second and opposite signals where an account keeps one position of a symbol: nothing joins or turns it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.operator_messages import PlaceByHand
from tests.integration.test_signals import a_source, decided, price, say
from tests.support.desk import Desk
from tests.support.world import eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5002
_BUSY = "NETTING_SYMBOL_BUSY"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world_desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("signals-netting")
    async with traded_account(directory, f"{LOGIN}:USD:100000:netting") as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world_desk: Desk) -> AsyncIterator[Desk]:
    await world_desk.calm()
    yield world_desk


async def _signal(desk: Desk, source_id: str, side: str, distance: float = 0.005) -> dict[str, Any]:
    """An order of a source at the market, as it was decided."""
    ask = await price(desk.trader, "EURUSD")
    sign = 1 if side == "BUY" else -1
    text = f"EURUSD {side} NOW\nSL {ask - sign * distance:.5f}\nTP {ask + sign * distance:.5f}"
    signal = await decided(desk.trader, (await say(desk.trader, source_id, text))["signalId"])
    (decision,) = signal["decisions"]
    return dict(decision)


async def _held(desk: Desk) -> tuple[str, Any]:
    """The one position's side and volume at the broker."""

    async def one() -> tuple[str, Any] | None:
        positions = list(desk.positions().values())
        return (positions[0].side.name, positions[0].volume) if len(positions) == 1 else None

    found: tuple[str, Any] = await eventually(one)
    return found


@pytest.mark.parametrize("opposite", ["DENY", "CLOSE_FIRST", "HEDGE"])
async def test_a_second_signal_of_a_symbol_leaves_the_first_as_it_is(desk: Desk, opposite: str) -> None:
    source_id = await a_source(desk.trader, subscription={"opposite": opposite})
    first = await _signal(desk, source_id, "BUY")
    assert first["outcome"] == "SENT", first
    held = await _held(desk)

    second = await _signal(desk, source_id, "BUY", 0.007)

    assert (second["outcome"], second["code"], second["commandIds"]) == ("DENIED", _BUSY, []), second
    assert await _held(desk) == held


@pytest.mark.parametrize(("opposite", "code"), [("DENY", "OPPOSITE_HELD"), ("HEDGE", _BUSY)])
async def test_an_opposite_signal_neither_closes_nor_turns_what_is_held(
    desk: Desk, opposite: str, code: str
) -> None:
    source_id = await a_source(desk.trader, subscription={"opposite": opposite})
    assert (await _signal(desk, source_id, "BUY"))["outcome"] == "SENT"
    held = await _held(desk)

    against = await _signal(desk, source_id, "SELL")

    assert (against["outcome"], against["code"], against["commandIds"]) == ("DENIED", code, []), against
    assert await _held(desk) == held


async def test_an_opposite_signal_that_closes_first_opens_a_position_of_its_own(desk: Desk) -> None:
    source_id = await a_source(desk.trader, subscription={"opposite": "CLOSE_FIRST"})
    assert (await _signal(desk, source_id, "BUY"))["outcome"] == "SENT"
    (live,) = await eventually(desk.trader.live_trades)

    against = await _signal(desk, source_id, "SELL")

    assert against["outcome"] == "SENT", against
    closing, opening = [await desk.command_when(one, "SUCCEEDED") for one in against["commandIds"]]
    assert [closing["state"], opening["state"]] == ["SUCCEEDED", "SUCCEEDED"], (closing, opening)
    assert closing["endTime"] <= opening["createTime"]
    assert (await _held(desk))[0] == "SELL"
    old = await desk.closed(live["trade"])
    assert old["tradeId"] != opening["tradeId"]
    # A close and an open, never one deal that turns it.
    assert [deal["entry"] for deal in (await desk.trader.get(f"/api/trades/{old['tradeId']}"))["deals"]] == [
        "IN",
        "OUT",
    ]


async def test_what_somebody_holds_by_hand_is_not_closed_for_a_signal(desk: Desk) -> None:
    source_id = await a_source(desk.trader, subscription={"opposite": "CLOSE_FIRST"})
    _by_hand(desk, 0.1)
    await eventually(desk.trader.live_trades)

    against = await _signal(desk, source_id, "SELL")
    beside = await _signal(desk, source_id, "BUY")

    assert (against["outcome"], against["code"]) == ("DENIED", "OPPOSITE_HELD"), against
    assert (beside["outcome"], beside["code"]) == ("DENIED", _BUSY), beside
    assert (await _held(desk))[0] == "BUY"


def _by_hand(desk: Desk, lots: float) -> None:
    order = PlaceByHand(action=1, symbol="EURUSD", volume=lots, type=0)
    assert desk.broker.place_by_hand(desk.login, order).retcode == 10009
