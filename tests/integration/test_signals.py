"""From a message to a deal and back, with real processes, the emulator and its ledger."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

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
