"""Nonsense at the REST door gets a typed, readable answer with the field, and changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.records import broker_legs
from tests.support.world import Caller, traded_account

pytestmark = pytest.mark.integration

OPEN = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}

BAD_OPENS: list[tuple[str, Any, str]] = [
    ("a number written as true", {**OPEN, "volumeLots": True}, "volumeLots"),
    ("a number written as text", {**OPEN, "volumeLots": "1_0"}, "volumeLots"),
    ("a volume of nothing", {**OPEN, "volumeLots": 0}, "volumeLots"),
    ("a negative volume", {**OPEN, "volumeLots": -0.1}, "volumeLots"),
    ("a volume off the step", {**OPEN, "volumeLots": 0.015}, "volumeLots"),
    ("a volume below the minimum", {**OPEN, "volumeLots": 0.001}, "volumeLots"),
    ("an unknown side", {**OPEN, "side": "LONG"}, "side"),
    ("a side by number", {**OPEN, "side": 1}, "side"),
    ("an unknown field", {**OPEN, "stopLos": 1.0}, "stopLos"),
    ("an unknown symbol", {**OPEN, "symbol": "NOPE"}, "symbol"),
    ("a stop on the wrong side", {**OPEN, "stopLoss": 9.0}, "stopLoss"),
    ("a profit below the price", {**OPEN, "symbol": "GBPUSD", "takeProfit": 0.5}, "takeProfit"),
    ("a buy limit above the market", {**OPEN, "orderType": "LIMIT", "price": 9.0}, "price"),
    ("a limit without a price", {**OPEN, "orderType": "LIMIT"}, "price"),
    ("a list for a body", [OPEN], ""),
]

BAD_BODIES: list[tuple[str, bytes, str, int]] = [
    ("not a number", b'{"symbol":"EURUSD","side":"BUY","volumeLots":NaN}', "application/json", 400),
    ("an infinite number", b'{"symbol":"EURUSD","side":"BUY","volumeLots":1e999}', "application/json", 400),
    (
        "a key twice",
        b'{"symbol":"EURUSD","symbol":"GBPUSD","side":"BUY","volumeLots":0.1}',
        "application/json",
        400,
    ),
    ("a torn body", b'{"symbol":"EURUSD"', "application/json", 400),
    ("another content type", json.dumps(OPEN).encode(), "text/plain", 415),
    ("two megabytes", b'{"symbol":"' + b"x" * 2_000_000 + b'"}', "application/json", 413),
]


async def test_nonsense_is_refused_in_words_and_changes_nothing(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (_, trader):
        for name, body, field in BAD_OPENS:
            answer = await trader.client.post(
                "/api/trades", json=body, headers={"Idempotency-Key": name.replace(" ", "-")}
            )
            assert answer.status_code == 400, f"{name}: {answer.status_code} {answer.text}"
            _assert_problem(answer.json(), name, field)
        for name, content, kind, status in BAD_BODIES:
            answer = await trader.client.post(
                "/api/trades",
                content=content,
                headers={"Idempotency-Key": name.replace(" ", "-"), "Content-Type": kind},
            )
            assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
            assert answer.headers["content-type"].startswith("application/problem+json"), name
        await _a_stop_inside_the_stops_level(trader)
        without_key = await trader.client.post("/api/trades", json=OPEN)
        assert without_key.status_code == 400
        assert without_key.json()["reason"] == "REQUEST_ID_REQUIRED"
        assert (await trader.get("/api/commands"))["commands"] == []
        assert broker_legs(tmp_path / "emulator") == {}

        await _nonsense_about_a_trade(trader)
        await _forged_tokens(trader)


async def _a_stop_inside_the_stops_level(trader: Caller) -> None:
    """BTCUSD keeps levels 500 points away. Nothing streams its price: it is asked for."""
    body = {"symbol": "BTCUSD", "side": "SELL", "volumeLots": 0.01}
    counted = await trader.post("/api/trades", {**body, "side": "BUY", "validateOnly": True})
    assert counted.status_code == 200, counted.text
    near = round(counted.json()["preview"]["price"] + 0.5, 2)
    answer = await trader.open(**{**body, "lots": 0.01, "stopLoss": near})
    assert answer.status_code == 400, answer.text
    problem = answer.json()
    _assert_problem(problem, "inside the stops level", "stopLoss")
    assert problem["reason"] == "OUT_OF_RANGE"
    assert float(problem["metadata"]["minimum"]) > near
    assert "stops level" in problem["detail"] or "above" in problem["detail"]


async def _nonsense_about_a_trade(trader: Caller) -> None:
    opened = await trader.open("EURUSD", "BUY", 0.1)
    assert opened.status_code == 200, opened.text
    trade_id = opened.json()["command"]["tradeId"]
    before = (await trader.get(f"/api/trades/{trade_id}"))["trade"]
    for percentage in (0, 100, -5, 0.5, 99.5, "abc", "50", True, [50]):
        answer = await trader.post(f"/api/trades/{trade_id}/partial-close", {"percentage": percentage})
        assert answer.status_code == 400, f"{percentage}: {answer.status_code} {answer.text}"
        _assert_problem(answer.json(), str(percentage), "percentage")
    tiny = await trader.post(f"/api/trades/{trade_id}/partial-close", {"percentage": 1})
    assert tiny.status_code == 400, tiny.text
    assert "0.01" in tiny.json()["detail"], "the numbers are told"
    for body, field in (
        ({"stopLoss": 9.9}, "stopLoss"),
        ({"takeProfit": 0.1}, "takeProfit"),
        ({}, "updateMask"),
    ):
        answer = await trader.client.put(f"/api/trades/{trade_id}/modify", json=body)
        assert answer.status_code == 400, f"{body}: {answer.status_code} {answer.text}"
        _assert_problem(answer.json(), str(body), field if body else "")
    for distance in (0, -1, 1e-9, 5.0):
        answer = await trader.post(f"/api/trades/{trade_id}/trailing-stop", {"distance": distance})
        assert answer.status_code == 400, f"{distance}: {answer.status_code} {answer.text}"
    for unknown in ("trd_nothing", "..%2f..%2fetc", "x" * 65):
        assert (await trader.post(f"/api/trades/{unknown}/close")).status_code in (400, 404), unknown
    after = (await trader.get(f"/api/trades/{trade_id}"))["trade"]
    assert after == before

    # Null removes, absent leaves.
    set_both = await trader.client.put(
        f"/api/trades/{trade_id}/modify",
        json={"stopLoss": before["openPrice"] - 0.01, "takeProfit": before["openPrice"] + 0.01},
    )
    assert set_both.status_code == 200, set_both.text
    assert set_both.json()["command"]["state"] == "SUCCEEDED", set_both.text
    removed = await trader.client.put(f"/api/trades/{trade_id}/modify", json={"takeProfit": None})
    assert removed.json()["command"]["state"] == "SUCCEEDED", removed.text
    trade = (await trader.get(f"/api/trades/{trade_id}"))["trade"]
    assert trade["takeProfit"] is None
    assert trade["stopLoss"] is not None


async def _forged_tokens(trader: Caller) -> None:
    for token in ("", "nonsense", trader.token[:-2] + "zz", "Bearer", "a" * 5000):
        answer = await trader.client.get("/api/trades", headers={"Authorization": f"Bearer {token}".strip()})
        assert answer.status_code in (401, 431, 400), f"{token[:20]}: {answer.status_code}"
    foreign = await trader.client.post(
        "/api/trading/pause", json={}, headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403, foreign.text


def _assert_problem(problem: dict[str, Any], name: str, field: str) -> None:
    assert problem["detail"], name
    assert problem["reason"], name
    told = json.dumps(problem)
    assert not field or field in told, f"{name}: {told}"
