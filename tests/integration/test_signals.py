"""From a message to a deal and back, with real processes, the emulator and its ledger."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.records import violations
from tests.support.web_socket import probe
from tests.support.world import Caller, eventually, traded_account

pytestmark = pytest.mark.integration


async def a_source(trader: Caller, *, trust: str = "AUTO", **policy: Any) -> str:
    """Makes a source that the trader's account follows, and returns its id."""
    subscription = policy.pop("subscription", {})
    answer = await trader.post(
        "/api/sources",
        {
            "name": f"source {uuid.uuid4().hex[:8]}",
            "kind": "API",
            "policy": {"trust": trust, **policy},
            "subscriptions": [{"accountId": trader.account_id, **subscription}],
        },
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["source"]["sourceId"])


async def say(trader: Caller, source_id: str, text: str, **more: Any) -> dict[str, Any]:
    """Gives a message to a source and returns the signal as it was committed."""
    body = {"sourceId": source_id, "text": text, **more}
    headers = {"Idempotency-Key": str(more.pop("key", uuid.uuid4()))}
    answer = await trader.client.post("/api/signals", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    signal: dict[str, Any] = answer.json()["signal"]
    return signal


async def decided(trader: Caller, signal_id: str, within: float = 15.0) -> dict[str, Any]:
    """Waits until a signal is decided everywhere and returns it."""

    async def look() -> dict[str, Any] | None:
        signal: dict[str, Any] = (await trader.get(f"/api/signals/{signal_id}"))["signal"]
        return signal if signal["state"] != "RECEIVED" else None

    found: dict[str, Any] = await eventually(look, within=within)
    return found


async def price(trader: Caller, symbol: str) -> float:
    """A price of now, from an order that is only counted."""
    answer = await trader.open(symbol, lots=0.01, accountId=trader.account_id, validateOnly=True)
    assert answer.status_code == 200, answer.text
    return float(answer.json()["preview"]["price"])


async def test_a_message_of_a_trusted_source_becomes_a_deal_of_its_signal(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (_, trader):
        source_id = await a_source(trader)
        ask = await price(trader, "EURUSD")
        text = f"EURUSD BUY NOW\nSL {ask - 0.005:.5f}\nTP {ask + 0.005:.5f}"
        signal = await say(trader, source_id, text)
        signal = await decided(trader, signal["signalId"])
        assert signal["state"] == "ACTED", signal
        (decision,) = signal["decisions"]
        assert decision["outcome"] == "SENT", decision
        command = (await trader.get(f"/api/commands/{decision['commandIds'][0]}"))["command"]
        assert command["signalId"] == signal["signalId"]
        assert command["origin"] == "SIGNAL"
        (trade,) = await eventually(trader.live_trades)
        assert trade["trade"]["signalId"] == signal["signalId"]
        # Half a percent of 100,000 is lost 50 pips away.
        assert decision["plan"]["riskMoney"] <= 500
        assert 0.9 <= trade["trade"]["volumeLots"] <= 1.1


async def test_a_ladder_a_part_and_a_close_by_reply_leave_nothing_at_the_broker(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (_, trader):
        source_id = await a_source(trader)
        ask = await price(trader, "EURUSD")
        targets = "\n".join(f"TP{n} {ask + 0.004 * n:.5f}" for n in (1, 2, 3))
        opened = await say(
            trader, source_id, f"EURUSD BUY NOW\nSL {ask - 0.005:.5f}\n{targets}", externalId="1"
        )
        await decided(trader, opened["signalId"])
        (live,) = await eventually(trader.live_trades)
        steps = live["trade"]["protection"]["steps"]
        assert [step["target"]["stopMove"] for step in steps] == [
            *("BREAK_EVEN", "PREVIOUS_TARGET", "PREVIOUS_TARGET")
        ]
        assert sum(step["target"]["share"] for step in steps) == pytest.approx(1)
        lots = live["trade"]["volumeLots"]

        part = await say(trader, source_id, "close half", replyToExternalId="1")
        assert (await decided(trader, part["signalId"]))["decisions"][0]["outcome"] == "SENT"

        async def halved() -> bool:
            (now,) = await trader.live_trades()
            return bool(abs(now["trade"]["volumeLots"] - lots / 2) <= 0.011)

        await eventually(halved)
        close = await say(trader, source_id, "close now", replyToExternalId="1")
        assert (await decided(trader, close["signalId"]))["decisions"][0]["outcome"] == "SENT"

        async def gone() -> bool:
            return not await trader.live_trades()

        await eventually(gone)


async def test_a_close_outlives_ten_minutes_without_its_terminal(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    (tmp_path / "world").mkdir()
    environment = {"SIGNALOS_TEST_CLOCK": str(clock)}
    async with traded_account(tmp_path / "world", environment=environment) as (world, trader):
        source_id = await a_source(trader)
        ask = await price(trader, "EURUSD")
        text = f"EURUSD BUY NOW\nSL {ask - 0.005:.5f}\nTP {ask + 0.005:.5f}"
        opened = await say(trader, source_id, text, externalId="1")
        await decided(trader, opened["signalId"])
        await eventually(trader.live_trades)
        world.kill("bridge")
        await world.gone("bridge")

        close = await say(trader, source_id, "close now", replyToExternalId="1")

        async def outcome_is(name: str) -> dict[str, Any] | None:
            signal = (await trader.get(f"/api/signals/{close['signalId']}"))["signal"]
            waits = signal["decisions"] and signal["decisions"][0]["outcome"] == name
            return signal if waits else None

        await eventually(lambda: outcome_is("HELD"))
        # Ten minutes later, on both clocks; the server was killed in between as well.
        world.kill("server")
        await world.gone("server")
        clock.write_text("600 600")
        await world.start_server()

        async def alerted() -> bool:
            alerts = (await trader.get("/api/alerts"))["alerts"]
            return any(alert["code"] == "SIGNAL_WAITS" for alert in alerts)

        await eventually(alerted)
        await world.start_bridge(5001)

        async def gone() -> bool:
            return not await trader.live_trades()

        await eventually(gone, within=30)
        await eventually(lambda: outcome_is("SENT"))


async def test_the_seven_steps_with_the_third_begun_by_a_signal(
    tmp_path: Path, storage_environment: dict[str, str]
) -> None:
    async with traded_account(tmp_path, environment=storage_environment) as (world, trader):
        status = (await trader.get("/api/mt5-status"))["accounts"][0]
        assert status["connected"] is True
        source_id = await a_source(trader)
        ask = await price(trader, "EURUSD")
        text = f"EURUSD BUY NOW\nSL {ask - 0.005:.5f}\nTP {ask + 0.005:.5f}"

        async with probe(world.address("gateway"), trader.token) as socket:
            await socket.until(lambda frame: frame["type"] == "snapshot")
            signal_id = (await say(trader, source_id, text, externalId="1"))["signalId"]
            created = await socket.until(lambda frame: frame["type"] == "signal_created")
            assert created["data"]["signal"]["signalId"] == signal_id
            shown = await socket.until(lambda frame: frame["type"] == "trade_opened")
            trade = shown["data"]["trade"]
            assert (trade["symbol"], trade["side"], trade["signalId"]) == ("EURUSD", "BUY", signal_id)
            await socket.until(
                lambda frame: (
                    frame["type"] == "signal_updated"
                    and frame["data"]["signal"]["state"] == "ACTED"
                    and trade["tradeId"] in frame["data"]["signal"]["decisions"][0]["tradeIds"]
                )
            )

            await say(trader, source_id, "close now", replyToExternalId="1")
            gone = await socket.until(lambda frame: frame["type"] == "trade_closed")
            assert gone["data"]["trade"]["tradeId"] == trade["tradeId"]
            assert socket.holes == []

        async def all_ended() -> bool:
            return all(one["endTime"] for one in (await trader.get("/api/commands"))["commands"])

        await eventually(all_ended)
        commands = (await trader.get("/api/commands"))["commands"]
        assert len(commands) == 2
        assert violations(commands, tmp_path, storage_environment.get("SIGNALOS_DATABASE_URL")) == []

        stopped = await trader.post("/api/trading/emergency-stop", {"reason": "the fifth step"})
        assert stopped.status_code in (200, 202), stopped.text
        await _nothing_opens(trader, source_id, ask, 1)
        for name in ("bridge", "server", "gateway", "broker"):
            world.kill(name)
            await world.gone(name)
        await world.start_broker("5001:USD:100000:hedging")
        await world.start_server()
        await world.start_gateway()
        await world.start_bridge(5001)
        await eventually(trader.bridge_connected)
        await _nothing_opens(trader, source_id, ask, 2)


async def _nothing_opens(trader: Caller, source_id: str, ask: float, number: int) -> None:
    text = f"EURUSD SELL NOW\nSL {ask + 0.005 + number / 10_000:.5f}\nTP {ask - 0.005:.5f}"
    signal = await decided(trader, (await say(trader, source_id, text))["signalId"])
    assert (signal["decisions"][0]["outcome"], signal["decisions"][0]["code"]) == ("DENIED", "STOPPED")
    assert await trader.live_trades() == []
