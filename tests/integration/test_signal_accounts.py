"""One message for several accounts: hedging and netting, with a terminal that is gone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_signals import decided, price, say
from tests.support.world import Caller, World, eventually

pytestmark = pytest.mark.integration

# Logins with what they hold and how they keep positions.
ACCOUNTS = [
    (5001 + number, 10_000 * (number + 1), ("hedging", "netting")[number % 2]) for number in range(10)
]
GONE = 5010


async def test_one_message_is_sized_and_decided_for_each_account_and_a_dead_one_delays_none(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    try:
        await world.start_broker(*(f"{login}:USD:{money}:{mode}" for login, money, mode in ACCOUNTS))
        await world.start_server()
        await world.add_user("trader", "--admin")
        await world.start_gateway()
        trader = await world.sign_in("trader")
        for login, _, _ in ACCOUNTS:
            code = (await trader.post("/api/bridges/pair", {})).json()["code"]
            await world.pair(code, login, str(login))
            await world.start_bridge(login, str(login))
        await eventually(trader.bridge_connected, within=60)
        await eventually(trader.may_open, within=60)
        found = (await trader.get("/api/accounts"))["accounts"]
        accounts = {int(one["login"]): one["accountId"] for one in found}
        source_id = await _feeding(trader, list(accounts.values()))
        world.kill(f"bridge-{GONE}")
        await world.gone(f"bridge-{GONE}")
        trader.account_id = accounts[5001]
        ask = await price(trader, "EURUSD")
        text = f"EURUSD BUY NOW\nSL {ask - 0.01:.5f}\nTP1 {ask + 0.01:.5f}\nTP2 {ask + 0.02:.5f}"

        signal = await decided(trader, (await say(trader, source_id, text))["signalId"], within=30)

        decisions = {one["accountId"]: one for one in signal["decisions"]}
        assert len(decisions) == len(ACCOUNTS)
        for login, money, _ in ACCOUNTS:
            decision = decisions[accounts[login]]
            if login == GONE:
                assert decision["outcome"] == "DENIED", decision
                assert decision["code"] == "STALE_QUOTE", decision
                continue
            assert decision["outcome"] == "SENT", decision
            # Half a percent of what each has, within one step of the lots.
            assert 0.8 * money * 0.005 <= decision["plan"]["riskMoney"] <= money * 0.005, decision
        sent = [one for one in decisions.values() if one["outcome"] == "SENT"]
        ended = [await _ended(trader, one["commandIds"][0]) for one in sent]
        assert [one["state"] for one in ended] == ["SUCCEEDED"] * len(sent), [one["message"] for one in ended]
        times = [one["decideTime"] for one in sent]
        assert max(times)[:16] <= max(times), times

        again = text.replace("TP2", "TP3")
        second = await decided(trader, (await say(trader, source_id, again + " "))["signalId"], within=30)
        codes = {one["accountId"]: one["code"] for one in second["decisions"]}
        if second["decisions"]:
            for login, _, mode in ACCOUNTS:
                if mode == "netting" and login != GONE:
                    assert codes[accounts[login]] == "NETTING_SYMBOL_BUSY"
    finally:
        await world.close()


async def _feeding(trader: Caller, account_ids: list[str]) -> str:
    answer = await trader.post(
        "/api/sources",
        {
            "name": "ten",
            "kind": "API",
            "policy": {"trust": "AUTO", "duplicateWindow": "0s"},
            "subscriptions": [{"accountId": account_id} for account_id in account_ids],
        },
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["source"]["sourceId"])


async def _ended(trader: Caller, command_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        command: dict[str, Any] = (await trader.get(f"/api/commands/{command_id}"))["command"]
        return command if command["endTime"] is not None else None

    found: dict[str, Any] = await eventually(look, within=30)
    return found
