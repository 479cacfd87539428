"""Everything that a trader can ask for, on a hedging account, with real processes and a market that is moved.

Each test begins at the same prices, with no trade open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.domain.entities import Deal
from signalos_bridge.emulator.faults import DealLater, Delay, PartialFill, Phase, Reject, TellNone
from signalos_bridge.emulator.ledger import Received
from signalos_bridge.emulator.operator_messages import PlaceByHand, SymbolChange, TerminalChange
from tests.support.desk import Desk, number
from tests.support.records import violations
from tests.support.web_socket import probe
from tests.support.world import eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5001
_DEAL, _BUY, _SELL = 1, 0, 1


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world_desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("hedging")
    environment = {"SIGNALOS_SETTLE_SCALE": "0.03"}
    async with traded_account(directory, f"{LOGIN}:USD:100000:hedging", environment) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(world_desk: Desk) -> AsyncIterator[Desk]:
    await world_desk.calm()
    await world_desk.acknowledge_all()
    yield world_desk


# -- opening and pending orders ----------------------------------------------------------------------------


async def test_a_market_order_carries_its_levels_to_the_broker_and_the_trade_knows_its_command(
    desk: Desk,
) -> None:
    command = await desk.order(0.1, stopLoss=1.095, takeProfit=1.11, comment="by plan")
    assert command["state"] == "SUCCEEDED", command
    assert (command["askedVolumeLots"], command["filledVolumeLots"]) == (0.1, 0.1)
    assert all(command[time] is not None for time in ("createTime", "deliverTime", "runTime", "endTime"))
    (leg,) = command["legs"]
    assert (leg["state"], leg["retcode"], leg["price"]) == ("DONE", 10009, 1.10004)
    trade = await desk.trade(command["tradeId"])
    assert (trade["origin"], trade["openCommandId"]) == ("MANAGED", command["commandId"])
    assert (trade["stopLoss"], trade["takeProfit"], trade["hidden"]) == (1.095, 1.11, False)
    held = desk.position(trade)
    assert (number(held.sl), number(held.tp)) == (number("1.095"), number("1.11"))
    assert str(held.magic) == leg["magic"] == trade["magic"]


async def test_pending_orders_are_listed_moved_and_cancelled(desk: Desk) -> None:
    limit = await desk.placed("LIMIT", "BUY", 1.09, stopLoss=1.085, takeProfit=1.1)
    stop = await desk.placed("STOP", "BUY", 1.11)
    assert (limit["type"], limit["state"], limit["origin"]) == ("LIMIT", "WORKING", "MANAGED")
    assert stop["type"] == "STOP"
    await desk.done("PUT", f"/api/orders/{limit['orderId']}", {"price": 1.091, "takeProfit": None})
    held = desk.orders()[int(limit["ticket"])]
    assert (number(held.price_open), number(held.sl), number(held.tp)) == (
        number("1.091"),
        number("1.085"),
        number("0"),
    )
    await eventually(lambda: _order_is(desk, limit["orderId"], price=1.091, stopLoss=1.085, takeProfit=None))
    for order in (limit, stop):
        await desk.done("DELETE", f"/api/orders/{order['orderId']}")
    assert desk.orders() == {}
    await eventually(lambda: _order_is(desk, limit["orderId"], state="CANCELLED"))
    error = await desk.refused("WRONG_STATE", "DELETE", f"/api/orders/{limit['orderId']}")
    assert error["metadata"]["state"] == "CANCELLED"
    await desk.refused("OUT_OF_RANGE", "POST", "/api/trades", _pending("LIMIT", 1.2))


async def test_a_pending_order_that_the_price_fills_becomes_a_trade_of_its_command(
    desk: Desk,
) -> None:
    async with probe(desk.world.address("gateway"), desk.trader.token) as socket:
        await socket.until(lambda frame: frame["type"] == "snapshot")
        order = await desk.placed("LIMIT", "BUY", 1.095, stopLoss=1.09, takeProfit=1.12)
        await desk.market("1.09480")
        filled = await socket.until(
            lambda frame: frame["type"] == "order_update" and frame["data"]["order"]["state"] == "FILLED"
        )
        assert filled["data"]["order"]["orderId"] == order["orderId"]
        told = await socket.until(lambda frame: frame["type"] == "trade_opened")
    trade = await desk.trade(told["data"]["trade"]["tradeId"])
    assert (trade["origin"], trade["openCommandId"]) == ("MANAGED", order["openCommandId"])
    assert (trade["stopLoss"], trade["takeProfit"]) == (1.09, 1.12)
    command = await desk.command(order["openCommandId"])
    assert command["tradeId"] in ("", trade["tradeId"])
    await desk.done("POST", f"/api/trades/{trade['tradeId']}/close")
    assert (await desk.closed(trade))["closeCause"] == "USER"


async def test_a_pending_order_expires_at_the_broker_when_its_time_is_told(desk: Desk) -> None:
    order = await desk.placed("LIMIT", "BUY", 1.09, expireAfter="3600s")
    held = desk.orders()[int(order["ticket"])]
    assert order["expireBrokerTime"] is not None
    ahead = (held.expiration_ms - held.time_setup_ms) // 1000
    assert 3590 <= ahead <= 3610


# -- closing -----------------------------------------------------------------------------------------------


async def test_a_part_is_rounded_down_and_one_that_is_too_small_is_refused_with_the_numbers(
    desk: Desk,
) -> None:
    trade = await desk.opened(0.1)
    path = f"/api/trades/{trade['tradeId']}/partial-close"
    assert (await desk.done("POST", path, {"percentage": 33}))["filledVolumeLots"] == 0.03
    assert number(desk.position(trade).volume) == number("0.07")
    now = await desk.trade_when(trade["tradeId"], lambda now: now["volumeLots"] == 0.07)
    assert now["openedVolumeLots"] == 0.1
    assert (now["closeTime"], now["closeBrokerTime"]) == (None, None)
    assert (await desk.done("POST", path, {"volumeLots": 0.05}))["filledVolumeLots"] == 0.05
    await desk.trade_when(trade["tradeId"], lambda now: now["volumeLots"] == 0.02)
    error = await desk.refused("OUT_OF_RANGE", "POST", path, {"percentage": 10})
    assert "0.01" in error["detail"], error
    more = await desk.refused("OUT_OF_RANGE", "POST", path, {"volumeLots": 0.5})
    assert "0.02" in more["detail"], more
    assert number(desk.position(trade).volume) == number("0.02")
    await desk.done("POST", f"/api/trades/{trade['tradeId']}/close")
    gone = await desk.closed(trade)
    assert (gone["volumeLots"], gone["closeCause"]) == (0.0, "USER")
    assert gone["closeBrokerTime"] is not None
    await desk.refused("WRONG_STATE", "POST", f"/api/trades/{trade['tradeId']}/close")
    deals = (await desk.trader.get(f"/api/trades/{trade['tradeId']}"))["deals"]
    assert sorted(deal["volumeLots"] for deal in deals) == [0.02, 0.03, 0.05, 0.1]


async def test_close_all_leaves_what_was_opened_outside_unless_it_is_asked_for(desk: Desk) -> None:
    mine = [await desk.opened(0.1), await desk.opened(0.2, side="SELL")]
    outside = await _opened_outside(desk)
    assert outside["origin"] == "EXTERNAL"
    command = await desk.done("POST", "/api/trades/close-all")
    assert len(command["legs"]) == 2
    assert command["message"].startswith("1 opened outside stay")
    for trade in mine:
        assert (await desk.closed(trade))["closeCause"] == "USER"
    assert list(desk.positions()) == [int(outside["ticket"])]
    await desk.done("POST", "/api/trades/close-all", {"external": True})
    assert desk.positions() == {}
    assert (await desk.closed(outside))["closeCause"] == "USER"
    again = await desk.act("POST", "/api/trades/close-all")
    assert again["state"] == "SUCCEEDED"
    assert again["message"] == "there was nothing to close"


async def test_close_all_of_a_symbol_that_nobody_trades_is_refused_and_closes_nothing(desk: Desk) -> None:
    await desk.opened(0.1)
    await desk.refused("UNKNOWN_SYMBOL", "POST", "/api/trades/close-all", {"symbol": "eurusd"})
    assert len(desk.positions()) == 1
    command = await desk.done("POST", "/api/trades/close-all", {"symbol": "EURUSD"})
    assert len(command["legs"]) == 1
    assert desk.positions() == {}


async def test_what_closes_at_the_broker_is_recorded_with_its_cause(desk: Desk) -> None:
    stopped = await desk.opened(0.1, stopLoss=1.099)
    won = await desk.opened(0.1, side="SELL", takeProfit=1.0985)
    by_hand = await desk.opened(0.1, stopLoss=1.05)
    desk.broker.close_by_hand(desk.login, int(by_hand["ticket"]), "0.04")
    desk.broker.close_by_hand(desk.login, int(by_hand["ticket"]))
    await desk.market("1.09800")
    assert (await desk.closed(stopped))["closeCause"] == "STOP_LOSS"
    assert (await desk.closed(won))["closeCause"] == "TAKE_PROFIT"
    assert (await desk.closed(by_hand))["closeCause"] == "BY_HAND"


# -- levels ------------------------------------------------------------------------------------------------


async def test_a_modify_sets_keeps_and_removes_levels_by_presence(desk: Desk) -> None:
    trade = await desk.opened(0.1)
    path = f"/api/trades/{trade['tradeId']}/modify"
    for body, levels in (
        ({"stopLoss": 1.09, "takeProfit": 1.12}, ("1.09", "1.12")),
        ({"stopLoss": 1.091}, ("1.091", "1.12")),
        ({"takeProfit": None}, ("1.091", "0")),
        ({"takeProfit": 1.13, "stopLoss": None}, ("0", "1.13")),
    ):
        await desk.done("PUT", path, body)
        held = desk.position(trade)
        assert (number(held.sl), number(held.tp)) == (number(levels[0]), number(levels[1])), body
    same = await desk.done("PUT", path, {"takeProfit": 1.13})
    assert same["message"], "that nothing had to be done is said"
    error = await desk.refused("OUT_OF_RANGE", "PUT", path, {"stopLoss": 1.2})
    assert "1.1" in error["detail"]
    await desk.refused("INVALID_FIELD", "PUT", path, {})
    assert number(desk.position(trade).tp) == number("1.13")


async def test_break_even_covers_what_leaving_costs_and_is_refused_in_a_loss(
    desk: Desk,
) -> None:
    trade = await desk.opened(1.0)
    path = f"/api/trades/{trade['tradeId']}/break-even"
    answer = await desk.send("POST", path)
    early = answer.json().get("command") or {"state": "REJECTED", "message": answer.json()["detail"]}
    assert early["state"] == "REJECTED", early
    assert "1.1" in early["message"], early
    await desk.market("1.10300")
    await desk.done("POST", path)
    stop = desk.position(trade).sl
    # Entry 1.10004, the spread of 4 points, and 7 dollars of commission on a lot: 7 points.
    assert number(stop) == number("1.10015")
    before = desk.broker.account(desk.login).balance
    await desk.market("1.10015")
    assert (await desk.closed(trade))["closeCause"] == "STOP_LOSS"
    assert desk.broker.account(desk.login).balance - before >= Decimal("-0.01") - 7


# -- several targets, and sizes from risk ------------------------------------------------------------------


async def test_several_targets_become_legs_with_the_remainder_on_the_nearest(desk: Desk) -> None:
    command = await desk.order(0.1, stopLoss=1.09, takeProfits=[1.13, 1.11, 1.12])
    assert command["state"] == "SUCCEEDED", command
    assert [leg["askedVolumeLots"] for leg in command["legs"]] == [0.04, 0.03, 0.03]
    held = {number(position.tp): number(position.volume) for position in desk.positions().values()}
    assert held == {
        number("1.11"): number("0.04"),
        number("1.12"): number("0.03"),
        number("1.13"): number("0.03"),
    }
    few = await desk.order(0.02, takeProfits=[1.11, 1.12, 1.13])
    assert (few["state"], len(few["legs"])) == ("SUCCEEDED", 2), few
    assert "3 take profits" in few["message"], few
    assert "0.02" in few["message"], few


@pytest.mark.parametrize(
    ("risk", "money"),
    [({"equityPercent": 0.5}, 500.0), ({"money": 250}, 250.0), ({"balancePercent": 1}, 1000.0)],
)
async def test_a_size_from_risk_loses_what_was_allowed_at_the_stop(
    desk: Desk, risk: dict[str, float], money: float
) -> None:
    body = {"symbol": "EURUSD", "side": "BUY", "risk": risk, "stopLoss": 1.095}
    preview = (await desk.send("POST", "/api/trades", {**body, "validateOnly": True})).json()["preview"]
    assert preview["acceptable"] is True, preview
    before = float(desk.broker.account(desk.login).balance)
    share = before / 100_000 if "money" not in risk else 1.0
    command = await desk.order(None, risk=risk, stopLoss=1.095)  # type: ignore[arg-type]
    assert command["state"] == "SUCCEEDED", command
    assert command["askedVolumeLots"] == preview["volumeLots"]
    await desk.market("1.09500")
    await desk.closed(await desk.trade(command["tradeId"]))
    lost = before - float(desk.broker.account(desk.login).balance)
    one_step = 5.11 * 1.02
    assert money * share - one_step <= lost <= money * share, (lost, command["askedVolumeLots"])
    assert abs(preview["riskMoney"] - lost) < 0.02, preview


async def test_a_preview_counts_with_live_numbers_and_changes_nothing(desk: Desk) -> None:
    body = {"symbol": "EURUSD", "side": "SELL", "volumeLots": 0.5, "stopLoss": 1.105, "takeProfit": 1.09}
    answer = await desk.send("POST", "/api/trades", {**body, "validateOnly": True})
    preview = answer.json()["preview"]
    assert answer.json()["command"] is None
    assert (preview["acceptable"], preview["problems"], preview["price"]) == (True, [], 1.1)
    assert abs(preview["rewardMoney"] - (500 - 3.5)) < 3.6
    assert abs(preview["riskMoney"] - (250 + 3.5)) < 0.02
    assert (preview["spreadPoints"], preview["currency"]) == (4.0, "USD")
    assert preview["margin"] > 0
    assert desk.positions() == {}
    large = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 99, "validateOnly": True}
    preview = (await desk.send("POST", "/api/trades", large)).json()["preview"]
    assert preview["acceptable"] is False, preview
    assert preview["problems"], preview


# -- trailing stops ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "unit"),
    [((0.002, 0.0005, 0.001), "PRICE"), ((200, 50, 100), "POINTS"), ((20, 5, 10), "PIPS")],
)
async def test_a_trailing_stop_follows_by_its_step_once_activated_and_never_loosens(
    desk: Desk, plan: tuple[float, float, float], unit: str
) -> None:
    trade = await desk.opened(0.1)
    distance, step, activation = plan
    body = {"distance": distance, "step": step, "activation": activation, "unit": unit}
    answer = await desk.send("POST", f"/api/trades/{trade['tradeId']}/trailing-stop", body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["applied"] is True, answer.text
    await desk.market("1.10090")
    assert desk.position(trade).sl == 0, "8 pips in profit are not 10"
    await desk.market("1.10200")
    await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.1)
    await desk.market("1.10240")
    await desk.market("1.10150")
    assert number(desk.position(trade).sl) == number("1.1"), "below the step, and never back"
    await desk.market("1.10300")
    moved = await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.101)
    assert moved["trailingStop"]["activated"] is True
    assert moved["trailingStop"]["highWaterPrice"] == 1.103
    trails = [c for c in await desk.commands_of(trade) if c["origin"] == "TRAILING"]
    assert [c["state"] for c in trails] == ["SUCCEEDED", "SUCCEEDED"]


async def test_a_trailing_stop_survives_a_killed_bridge_and_is_taken_away_on_word(desk: Desk) -> None:
    trade = await desk.opened(0.1, side="SELL")
    path = f"/api/trades/{trade['tradeId']}/trailing-stop"
    assert (await desk.send("POST", path, {"distance": 0.001})).json()["applied"] is True
    await desk.market("1.09800")
    await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.09904)
    await desk.bridge_killed()
    desk.quote("1.09850")
    await desk.bridge_back()
    assert number(desk.position(trade).sl) == number("1.09904"), "the mark outlived the bridge"
    await desk.market("1.09700")
    await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.09804)
    answer = await desk.send("POST", path, {"enabled": False})
    assert answer.json()["applied"] is True, answer.text
    assert answer.json()["wanted"] is None, answer.text
    await desk.market("1.09500")
    await asyncio.sleep(1.2)
    assert number(desk.position(trade).sl) == number("1.09804")
    assert (await desk.trade(trade["tradeId"]))["trailingStop"] is None


async def test_a_persons_own_stop_wins_over_the_trailing_one(desk: Desk) -> None:
    trade = await desk.opened(0.1)
    await desk.send("POST", f"/api/trades/{trade['tradeId']}/trailing-stop", {"distance": 0.003})
    await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.097)
    await desk.done("PUT", f"/api/trades/{trade['tradeId']}/modify", {"stopLoss": 1.098})
    await desk.market("1.10050")
    await asyncio.sleep(1.0)
    tighter = await desk.trade(trade["tradeId"])
    assert (tighter["stopLoss"], tighter["trailingStop"]["suspended"]) == (1.098, False)
    await desk.market("1.10200")
    await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.099)
    desk.broker.modify_by_hand(desk.login, int(trade["ticket"]), "1.09000", "0")
    looser = await desk.trade_when(trade["tradeId"], lambda now: now["trailingStop"]["suspended"])
    assert looser["stopLoss"] == 1.09
    await desk.market("1.10400")
    await asyncio.sleep(1.0)
    assert number(desk.position(trade).sl) == number("1.09")


async def test_a_stop_that_a_person_loosens_here_suspends_the_trailing_one_until_it_is_set_anew(
    desk: Desk,
) -> None:
    trade = await desk.opened(0.1)
    path = f"/api/trades/{trade['tradeId']}"
    await desk.send("POST", f"{path}/trailing-stop", {"distance": 0.001})
    await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.099)
    await desk.done("PUT", f"{path}/modify", {"stopLoss": 1.09})
    await desk.trade_when(trade["tradeId"], lambda now: now["trailingStop"]["suspended"])
    await desk.send("POST", f"{path}/trailing-stop", {"distance": 0.002})
    again = await desk.trade_when(trade["tradeId"], lambda now: now["stopLoss"] == 1.098)
    assert again["trailingStop"]["suspended"] is False


async def test_a_trailing_distance_out_of_range_is_refused_with_the_numbers(desk: Desk) -> None:
    trade = await desk.opened(0.1)
    path = f"/api/trades/{trade['tradeId']}/trailing-stop"
    error = await desk.refused("OUT_OF_RANGE", "POST", path, {"distance": 0.5})
    assert "0.22" in error["detail"], error


# -- stealth -----------------------------------------------------------------------------------------------


async def test_stealth_hides_levels_behind_a_disaster_stop_and_off_writes_them_back(desk: Desk) -> None:
    open_before = await desk.opened(0.1, stopLoss=1.095, takeProfit=1.11)
    await desk.stealth(True)
    try:
        hidden = await desk.trade_when(
            open_before["tradeId"], lambda now: now["hidden"] and now["brokerTakeProfit"] is None
        )
        assert (hidden["stopLoss"], hidden["takeProfit"]) == (1.095, 1.11)
        assert hidden["guardState"] == "ARMED"
        assert hidden["brokerStopLoss"] == 1.09, "twice as far from the bid"
        new = await desk.opened(0.1, stopLoss=1.097, takeProfit=1.12)
        assert (new["hidden"], new["stopLoss"], new["takeProfit"]) == (True, 1.097, 1.12)
        held = desk.position(new)
        assert (number(held.sl), number(held.tp)) == (number("1.094"), number("0"))
        assert len(_requests_for(desk, new)) == 1, "the disaster stop came with the order itself"
        await desk.done("PUT", f"/api/trades/{new['tradeId']}/modify", {"stopLoss": 1.098})
        tighter = await desk.trade_when(new["tradeId"], lambda now: now["stopLoss"] == 1.098)
        assert tighter["hidden"] is True
    finally:
        await desk.stealth(False)
    for trade, levels in ((open_before, (1.095, 1.11)), (new, (1.098, 1.12))):
        shown = await desk.trade_when(trade["tradeId"], lambda now: not now["hidden"])
        assert (shown["stopLoss"], shown["takeProfit"]) == levels
        held = desk.position(trade)
        assert (number(held.sl), number(held.tp)) == (number(levels[0]), number(levels[1]))


async def test_a_hidden_stop_that_is_crossed_closes_once_and_says_why(desk: Desk) -> None:
    await desk.stealth(True)
    try:
        stopped = await desk.opened(0.1, stopLoss=1.098)
        won = await desk.opened(0.1, side="SELL", stopLoss=1.12, takeProfit=1.0975)
        await desk.market("1.09790")
        assert (await desk.closed(stopped))["closeCause"] == "VIRTUAL_STOP_LOSS"
        assert (await desk.trade(won["tradeId"]))["state"] == "OPEN"
        await desk.market("1.09730")
        assert (await desk.closed(won))["closeCause"] == "VIRTUAL_TAKE_PROFIT"
        guards = [c for c in await desk.commands_of(stopped) if c["origin"] == "GUARD"]
        assert [c["state"] for c in guards] == ["SUCCEEDED"]
        closing = [
            d for d in desk.broker.deals(desk.login) if d.position_id == int(stopped["positionIdentifier"])
        ]
        assert len(closing) == 2
    finally:
        await desk.stealth(False)


async def test_several_hidden_targets_close_one_after_the_other(desk: Desk) -> None:
    await desk.stealth(True)
    try:
        command = await desk.order(0.2, stopLoss=1.09, takeProfits=[1.101, 1.102])
        assert (command["state"], len(command["legs"])) == ("SUCCEEDED", 2), command
        assert [position.tp for position in desk.positions().values()] == [0, 0]
        assert all(position.sl > 0 for position in desk.positions().values())
        near, far = sorted(
            [active["trade"] for active in await desk.trader.live_trades()],
            key=lambda trade: float(trade["takeProfit"]),
        )
        assert (near["takeProfit"], far["takeProfit"]) == (1.101, 1.102)
        await desk.market("1.10110")
        assert (await desk.closed(near))["closeCause"] == "VIRTUAL_TAKE_PROFIT"
        assert list(desk.positions()) == [int(far["ticket"])]
        await desk.done("POST", f"/api/trades/{far['tradeId']}/break-even")
        even = await desk.trade_when(far["tradeId"], lambda now: now["stopLoss"] > 1.1)
        assert even["hidden"] is True
        assert even["brokerStopLoss"] < even["stopLoss"]
        await desk.market("1.10000")
        assert (await desk.closed(far))["closeCause"] == "VIRTUAL_STOP_LOSS"
    finally:
        await desk.stealth(False)


async def test_a_hidden_stop_crossed_while_the_bridge_was_dead_closes_at_once_and_says_so(desk: Desk) -> None:
    await desk.stealth(True)
    try:
        trade = await desk.opened(0.1, stopLoss=1.098)
        await desk.bridge_killed()
        desk.quote("1.09700")
        await desk.bridge_back()
        assert (await desk.closed(trade))["closeCause"] == "VIRTUAL_STOP_LOSS"
        alert = await desk.alert("CROSSED_WHILE_BLIND")
        assert (alert["severity"], alert["tradeId"]) == ("CRITICAL", trade["tradeId"])
        assert "1.098" in alert["message"]
    finally:
        await desk.stealth(False)


# -- pause and limits --------------------------------------------------------------------------------------


async def test_a_pause_holds_back_tokens_and_lets_a_person_and_every_close_through(desk: Desk) -> None:
    made = await desk.trader.post("/api/tokens", {"name": "script", "scopes": ["TRADE"]})
    assert made.status_code == 200, made.text
    script = {"Authorization": f"Bearer {made.json()['secret']}", "Idempotency-Key": "paused-1"}
    body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}
    paused = await desk.trader.post("/api/trading/pause")
    assert paused.json()["states"][0]["applied"]["paused"] is True, paused.text
    try:
        refused = await desk.trader.client.post("/api/trades", json=body, headers=script)
        assert (refused.status_code, refused.json()["reason"]) == (409, "TRADING_PAUSED"), refused.text
        trade = await desk.opened(0.1)
        closed = await desk.trader.client.post(
            f"/api/trades/{trade['tradeId']}/close", headers={**script, "Idempotency-Key": "paused-2"}
        )
        assert closed.json()["command"]["state"] == "SUCCEEDED", closed.text
    finally:
        resumed = await desk.trader.post("/api/trading/resume")
    assert resumed.json()["states"][0]["applied"]["paused"] is False
    opened = await desk.trader.client.post("/api/trades", json=body, headers=script)
    assert opened.json()["command"]["state"] == "SUCCEEDED", opened.text


async def test_limits_refuse_an_open_with_their_numbers_and_never_block_a_close(desk: Desk) -> None:
    trade = await desk.opened(0.1)
    for limits, code, numbers in (
        ({"maximumOrderLots": 0.05}, "MAXIMUM_ORDER_LOTS", ("0.05", "0.1")),
        ({"maximumPositions": 1}, "MAXIMUM_POSITIONS", ("limit=1", "current=1")),
        ({"maximumSpreadPoints": 2}, "MAXIMUM_SPREAD", ("limit=2", "current=4")),
        ({"minimumEquity": 200_000}, "MINIMUM_EQUITY", ("limit=200000",)),
    ):
        await desk.limits(**limits)
        refused = await desk.trader.open("EURUSD", "BUY", 0.1)
        assert (refused.status_code, refused.json()["reason"]) == (409, "LIMIT"), refused.text
        assert refused.json()["metadata"]["code"] == code, refused.text
        assert all(number in refused.json()["detail"] for number in numbers), refused.text
        preview = (
            await desk.send(
                "POST",
                "/api/trades",
                {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1, "validateOnly": True},
            )
        ).json()["preview"]
        assert preview["acceptable"] is False, preview
        assert code in preview["problems"][0], preview
    assert list(desk.positions()) == [int(trade["ticket"])]
    await desk.limits(maximumPositions=3, minimumEquity=50_000)
    desk.quote("1.10000")
    equity = float(desk.broker.account(desk.login).equity)

    async def counted() -> dict[str, Any] | None:
        told = await desk.trader.get("/api/limits")
        uses = {use["code"]: use for use in told["uses"]}
        # The account is told a moment after the price has moved it.
        return uses if abs(uses["MINIMUM_EQUITY"]["current"] - equity) < 0.01 else None

    uses = await eventually(counted)
    assert (uses["MAXIMUM_POSITIONS"]["current"], uses["MAXIMUM_POSITIONS"]["headroom"]) == (1, 2)
    assert abs(uses["MINIMUM_EQUITY"]["headroom"] - (equity - 50_000)) < 0.01
    await desk.limits(maximumPositions=1)
    await desk.done("POST", f"/api/trades/{trade['tradeId']}/close")


# -- sync and adoption -------------------------------------------------------------------------------------


async def test_a_sync_explains_what_was_done_by_hand_while_the_bridge_was_dead(desk: Desk) -> None:
    closed, part, moved = [await desk.opened(0.1, stopLoss=1.09) for _ in range(3)]
    filled = await desk.placed("LIMIT", "BUY", 1.095)
    gone = await desk.placed("LIMIT", "BUY", 1.05)
    await desk.bridge_killed()
    desk.broker.close_by_hand(desk.login, int(closed["ticket"]))
    desk.broker.close_by_hand(desk.login, int(part["ticket"]), "0.04")
    desk.broker.modify_by_hand(desk.login, int(moved["ticket"]), "1.09200", "1.20000")
    desk.broker.cancel_by_hand(desk.login, int(gone["ticket"]))
    desk.quote("1.09480")
    _by_hand(desk)
    await desk.bridge_back()
    assert (await desk.closed(closed))["closeCause"] == "BY_HAND"
    assert (await desk.trade_when(part["tradeId"], lambda now: now["volumeLots"] == 0.06))["state"] == "OPEN"
    now = await desk.trade(moved["tradeId"])
    assert (now["stopLoss"], now["takeProfit"]) == (1.092, 1.2)
    await eventually(lambda: _order_is(desk, filled["orderId"], state="FILLED"))
    await eventually(lambda: _order_is(desk, gone["orderId"], state="CANCELLED"))
    live = [active["trade"] for active in await desk.trader.live_trades()]
    assert sorted(trade["origin"] for trade in live) == ["EXTERNAL", "MANAGED", "MANAGED", "MANAGED"]
    report = next(
        one
        for one in (await desk.trader.get("/api/sync-reports"))["reports"]
        if one["trigger"] == "START" and one["differences"]
    )
    kinds = {difference["kind"]: difference for difference in report["differences"]}
    assert kinds.keys() == {
        "CLOSED",
        "PARTIALLY_CLOSED",
        "LEVEL_MOVED",
        "ORDER_FILLED",
        "ORDER_CANCELLED",
        "OPENED_OUTSIDE",
    } or kinds.keys() >= {"CLOSED", "PARTIALLY_CLOSED", "LEVEL_MOVED", "ORDER_CANCELLED", "OPENED_OUTSIDE"}, (
        kinds
    )
    assert kinds["CLOSED"]["cause"]["dealReason"] == "CLIENT"
    assert all(difference["message"] for difference in report["differences"])


async def test_a_sync_on_word_tells_shows_and_finds_nothing_twice(desk: Desk) -> None:
    await desk.opened(0.1)
    async with probe(desk.world.address("gateway"), desk.trader.token) as socket:
        await socket.until(lambda frame: frame["type"] == "snapshot")
        rehearsed = await desk.send("POST", "/api/firebridge/force-sync", {"dryRun": True})
        (report,) = rehearsed.json()["reports"]
        assert (report["dryRun"], report["succeeded"], report["differences"]) == (True, True, [])
        answer = await desk.send("POST", "/api/firebridge/force-sync")
        (report,) = answer.json()["reports"]
        assert (report["succeeded"], report["differences"], report["positionCount"]) == (True, [], 1)
        told = await socket.until(
            lambda frame: (
                frame["type"] == "desktop_sync_complete"
                and frame["data"]["report"]["syncId"] == report["syncId"]
            )
        )
        assert told["data"]["report"]["trigger"] == "REQUEST"
    stored = (await desk.trader.get("/api/sync-reports"))["reports"]
    assert report["syncId"] in [one["syncId"] for one in stored]


async def test_an_external_position_is_shown_counted_and_managed_once_adopted(desk: Desk) -> None:
    trade = await _opened_outside(desk)
    path = f"/api/trades/{trade['tradeId']}"
    await desk.refused("WRONG_STATE", "PUT", f"{path}/modify", {"stopLoss": 1.09})
    await desk.done("POST", f"{path}/adopt")
    adopted = await desk.trade_when(trade["tradeId"], lambda now: now["origin"] == "ADOPTED")
    assert adopted["openCommandId"] == ""
    await desk.done("PUT", f"{path}/modify", {"stopLoss": 1.09})
    await desk.refused("WRONG_STATE", "POST", f"{path}/adopt")
    assert (await desk.done("POST", "/api/trades/close-all"))["legs"]
    assert desk.positions() == {}


# -- what the broker may answer ----------------------------------------------------------------------------


async def test_a_requote_is_tried_again_within_the_time_to_live(desk: Desk) -> None:
    for retcode in (10004, 10020, 10021):
        desk.broker.add_fault(Reject(function="order_send", retcode=retcode, count=1))
        command = await desk.order(0.1)
        assert command["state"] == "SUCCEEDED", command
        assert command["legs"][0]["attemptCount"] == 2, command
    assert len(desk.positions()) == 3


async def test_a_deal_that_follows_its_acceptance_is_awaited(desk: Desk) -> None:
    desk.broker.add_fault(DealLater(milliseconds=700, count=1))
    command = await desk.order(0.1)
    assert (command["state"], command["filledVolumeLots"]) == ("SUCCEEDED", 0.1), command
    assert (await desk.trade(command["tradeId"]))["openCommandId"] == command["commandId"]
    assert len(desk.positions()) == 1


async def test_a_partial_fill_is_partial_with_its_volumes(desk: Desk) -> None:
    desk.broker.add_fault(PartialFill(volume=Decimal("0.03"), count=1))
    command = await desk.order(0.1)
    assert (command["state"], command["askedVolumeLots"], command["filledVolumeLots"]) == (
        "PARTIAL",
        0.1,
        0.03,
    )
    trade = await desk.trade(command["tradeId"])
    assert (trade["volumeLots"], number(desk.position(trade).volume)) == (0.03, number("0.03"))


async def test_what_the_broker_refuses_is_told_in_words(desk: Desk) -> None:
    desk.broker.set_symbol("EURUSD", SymbolChange(closed=True))
    command = await desk.order(0.1)
    assert command["state"] == "REJECTED", command
    assert "closed" in command["message"].lower(), command
    desk.broker.set_symbol("EURUSD", SymbolChange(closed=False))
    command = await desk.order(99.0)
    assert command["state"] == "REJECTED", command
    assert "margin" in command["message"].lower(), command
    desk.broker.set_terminal(str(LOGIN), TerminalChange(trade_allowed=False))
    try:
        await eventually(lambda: _terminal_is(desk, "TRADING_OFF"))
        command = await desk.order(0.1)
        assert command["state"] == "REJECTED", command
        assert "autotrading" in command["message"].lower().replace(" ", "").replace("algo", "auto"), command
    finally:
        desk.broker.set_terminal(str(LOGIN), TerminalChange(trade_allowed=True))
    await eventually(lambda: _terminal_is(desk, "READY"))
    assert desk.positions() == {}


# -- what nobody knows -------------------------------------------------------------------------------------


async def test_an_answer_that_was_lost_is_found_in_the_terminals_records(desk: Desk) -> None:
    desk.broker.add_fault(TellNone(function="order_send", executed=True, count=1))
    command = await desk.order(0.1)
    command = await desk.command_when(command["commandId"], "SUCCEEDED")
    assert len(desk.positions()) == 1
    trade = await desk.trade(command["tradeId"])
    desk.broker.add_fault(TellNone(function="order_send", executed=True, count=1))
    command = await desk.act("PUT", f"/api/trades/{trade['tradeId']}/modify", {"stopLoss": 1.09})
    await desk.command_when(command["commandId"], "SUCCEEDED")
    desk.broker.add_fault(TellNone(function="order_send", executed=True, count=1))
    command = await desk.act("POST", f"/api/trades/{trade['tradeId']}/close")
    await desk.command_when(command["commandId"], "SUCCEEDED")
    assert desk.positions() == {}


async def test_what_was_not_executed_is_unknown_until_the_records_settle(
    desk: Desk,
) -> None:
    desk.broker.add_fault(TellNone(function="order_send", executed=False, count=1))
    command = await desk.order(0.1)
    command = await desk.command_when(command["commandId"], "UNKNOWN")
    alert = await desk.alert("COMMAND_UNKNOWN")
    assert alert["commandId"] == command["commandId"]
    await desk.refused(
        "WRONG_STATE", "POST", "/api/trades", {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}
    )
    other = await desk.order(0.1, symbol="GBPUSD")
    assert other["state"] == "SUCCEEDED", other
    ended = await desk.command_when(command["commandId"], "REJECTED")
    assert ended["filledVolumeLots"] == 0, ended
    assert ended["message"], ended
    assert (await desk.order(0.1))["state"] == "SUCCEEDED"


async def test_a_killed_terminal_child_leaves_an_open_unknown_until_it_is_found(desk: Desk) -> None:
    desk.broker.add_fault(Delay(function="order_send", milliseconds=1500, phase=Phase.AFTER, count=1))
    asking = asyncio.create_task(desk.order(0.1, wait="0s"))
    await asyncio.sleep(0.5)
    await desk.world.kill_terminal_child("bridge")
    command = await asking
    command = await desk.command_when(command["commandId"], "SUCCEEDED")
    assert len(desk.positions()) == 1
    await eventually(desk.trader.bridge_connected)


async def test_a_person_resolves_what_is_unknown_and_the_audit_has_it(desk: Desk) -> None:
    desk.broker.add_fault(TellNone(function="order_send", executed=False, count=1))
    command = await desk.order(0.1)
    command = await desk.command_when(command["commandId"], "UNKNOWN")
    answer = await desk.send(
        "POST",
        f"/api/commands/{command['commandId']}/resolve",
        {"notExecuted": True, "reason": "the broker's desk says so"},
    )
    assert answer.status_code == 200, answer.text
    resolved = await desk.command_when(command["commandId"], "REJECTED")
    assert resolved["resolvedByPerson"] is True
    # The bridge was told, and lets others open although it goes on looking.
    assert (await desk.order(0.1))["state"] == "SUCCEEDED"
    assert (await desk.command(command["commandId"]))["resolvedByPerson"] is True
    audit = (await desk.trader.get("/api/audit", chain=desk.trader.account_id))["entries"]
    assert any("resolve" in entry["action"] and command["commandId"] in entry["detail"] for entry in audit)


# -- another account in the terminal -----------------------------------------------------------------------


async def test_nothing_is_traded_while_the_terminal_is_in_another_account(desk: Desk) -> None:
    trade = await desk.opened(0.1)
    terms = desk.broker.account(LOGIN).terms
    desk.broker.create_account(replace(terms, login=7777), 50_000)
    desk.broker.set_terminal(str(LOGIN), TerminalChange(login=7777))
    try:
        await desk.alert("ACCOUNT_MISMATCH")
        await eventually(lambda: _terminal_is(desk, "ACCOUNT_MISMATCH"))
        for command in (
            await desk.order(0.1),
            await desk.act("POST", f"/api/trades/{trade['tradeId']}/close"),
        ):
            assert (command["state"], command["reason"]) == ("REJECTED", "ACCOUNT_MISMATCH"), command
            assert "7777" in command["message"]
        assert desk.broker.positions(7777) == []
        assert (await desk.trade(trade["tradeId"]))["state"] == "OPEN"
    finally:
        desk.broker.set_terminal(str(LOGIN), TerminalChange(login=LOGIN))
    await eventually(desk.trader.may_open)
    await eventually(lambda: _opens(desk))


# -- the whole record --------------------------------------------------------------------------------------


async def test_figures_history_and_commands_agree_with_the_broker(desk: Desk) -> None:
    trade = await desk.opened(0.3)
    await desk.market("1.10100")
    figures = desk.broker.account(desk.login)

    async def same() -> bool:
        state = (await desk.trader.get("/api/mt5-status"))["accounts"][0]["state"]
        return all(
            abs(state[name] - float(value)) < 0.005
            for name, value in (
                ("balance", figures.balance),
                ("equity", figures.equity),
                ("margin", figures.margin),
                ("freeMargin", figures.free),
            )
        )

    await eventually(same)
    await desk.done("POST", f"/api/trades/{trade['tradeId']}/close")
    gone = await desk.closed(trade)
    realised = sum(deal.profit + deal.commission + deal.swap for deal in _deals_of(desk, trade))
    assert number(gone["realisedProfit"]) == number(realised), gone
    listed = (await desk.trader.get("/api/trades", state="CLOSED", pageSize="5"))["trades"]
    assert listed[0]["tradeId"] == trade["tradeId"]
    commands = await desk.all_commands()
    assert len(commands) > 80
    assert len(await desk.pages("/api/sync-reports", "reports", 3)) > 3
    assert len(await desk.pages("/api/trades", "trades", 20)) > 40
    assert len(await desk.pages("/api/deals", "deals", 30)) > 80
    wrong = violations(commands, desk.world.directory)
    assert wrong == []
    alert = (await desk.trader.get("/api/alerts", includeAcknowledged="true"))["alerts"][0]
    assert alert["acknowledgeTime"] is not None


# -- helpers -----------------------------------------------------------------------------------------------


def _pending(kind: str, price: float) -> dict[str, Any]:
    return {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1, "orderType": kind, "price": price}


async def _order_is(desk: Desk, order_id: str, **wanted: object) -> bool:
    order = (await desk.trader.get(f"/api/orders/{order_id}"))["order"]
    return all(order[name] == value for name, value in wanted.items())


def _deals_of(desk: Desk, trade: dict[str, Any]) -> list[Deal]:
    return [
        deal for deal in desk.broker.deals(desk.login) if str(deal.position_id) == trade["positionIdentifier"]
    ]


def _by_hand(desk: Desk) -> int:
    result = desk.broker.place_by_hand(
        desk.login, PlaceByHand(action=_DEAL, symbol="EURUSD", volume=0.1, type=_BUY)
    )
    assert result.retcode == 10009, result
    return result.order


async def _opened_outside(desk: Desk) -> dict[str, Any]:
    ticket = str(_by_hand(desk))

    async def seen() -> dict[str, Any] | None:
        live = [active["trade"] for active in await desk.trader.live_trades()]
        return next((trade for trade in live if trade["ticket"] == ticket), None)

    return dict(await eventually(seen))


def _requests_for(desk: Desk, trade: dict[str, Any]) -> list[object]:
    magic, ticket = int(str(trade["magic"])), int(str(trade["ticket"]))
    return [
        record
        for record in desk.broker.ledger()
        if isinstance(record, Received)
        and (record.request.get("magic") == magic or record.request.get("position") == ticket)
    ]


async def _status(desk: Desk) -> dict[str, Any]:
    return dict((await desk.trader.get("/api/mt5-status"))["accounts"][0])


async def _terminal_is(desk: Desk, state: str) -> bool:
    status = await _status(desk)
    return bool(status["account"]["bridge"]["terminal"]["state"] == state)


async def _opens(desk: Desk) -> bool:
    return bool((await desk.order(0.01))["state"] == "SUCCEEDED")
