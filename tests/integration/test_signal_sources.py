"""Sources of signals end to end: a webhook's alert and a Telegram message become deals, once."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.ledger import DealRecord
from signalos_telegram.domain.messages import Action, Message
from signalos_telegram.forwarder import Forwarder
from signalos_telegram.journal import Journal
from signalos_telegram.server import GrpcServer, TelegramSource
from tests.support.world import PASSWORD, Caller, World, eventually, traded_account

pytestmark = pytest.mark.integration

ALERT_HEADERS = {"content-type": "text/plain; charset=utf-8", "user-agent": "Go-http-client/1.1"}


async def a_source(trader: Caller, kind: str, **policy: Any) -> dict[str, Any]:
    answer = await trader.post(
        "/api/sources",
        {
            "name": f"source {uuid.uuid4().hex[:8]}",
            "kind": kind,
            "policy": {"trust": "AUTO", **policy},
            "subscriptions": [{"accountId": trader.account_id}],
        },
    )
    assert answer.status_code == 200, answer.text
    created: dict[str, Any] = answer.json()
    return created


def quote(world: World, symbol: str) -> tuple[float, float]:
    with BrokerAdmin.of(world.directory / "emulator") as broker:
        bid, ask = broker.quote(symbol)
        return float(bid), float(ask)


def entries(world: World) -> list[DealRecord]:
    """Executions of orders in the broker's own ledger, without money that was booked."""
    with BrokerAdmin.of(world.directory / "emulator") as broker:
        return [each for each in broker.ledger() if isinstance(each, DealRecord) and each.deal.symbol]


async def decided(trader: Caller, signal_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        signal: dict[str, Any] = (await trader.get(f"/api/signals/{signal_id}"))["signal"]
        return signal if signal["state"] != "RECEIVED" else None

    found: dict[str, Any] = await eventually(look)
    return found


async def test_an_alert_of_tradingview_becomes_one_deal_however_often_it_is_sent(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (world, trader):
        created = await a_source(trader, "WEBHOOK")
        path, token = created["hookPath"], created["token"]
        _, ask = quote(world, "XAUUSD")
        body = json.dumps(
            {"ticker": "XAUUSD", "action": "buy", "sl": round(ask - 10, 2), "tp": round(ask + 20, 2)}
        )
        async with httpx.AsyncClient(base_url=f"http://{world.address('gateway')}", timeout=30) as outside:
            first = await outside.post(path, content=body, headers=ALERT_HEADERS)
            again = await outside.post(path, content=body, headers=ALERT_HEADERS)
            in_header = await outside.post(
                "/api/hooks", content=body, headers={**ALERT_HEADERS, "x-signalos-token": token}
            )
            wrong = await outside.post(f"/api/hooks/{token}x", content=body, headers=ALERT_HEADERS)

            assert [each.status_code for each in (first, again, in_header)] == [202, 202, 202]
            assert wrong.status_code == 401
            signal = await decided(trader, first.json()["signalId"])
            assert signal["state"] == "ACTED", signal

            async def dealt() -> bool:
                return len(entries(world)) >= 1

            await eventually(dealt)
            for repeat in (again, in_header):
                told = await decided(trader, repeat.json()["signalId"])
                assert told["signalId"] == signal["signalId"] or told["state"] != "ACTED"
            assert [each.deal.symbol for each in entries(world)] == ["XAUUSD"]

            rotated = await trader.post(f"/api/sources/{created['source']['sourceId']}/token", {})
            assert rotated.status_code == 200, rotated.text
            ended = await outside.post(path, content=body, headers=ALERT_HEADERS)
            fresh = await outside.post(rotated.json()["hookPath"], content="just talk", headers=ALERT_HEADERS)
            assert (ended.status_code, fresh.status_code) == (401, 202)
        for program in ("server", "gateway"):
            assert token not in world.log(program)
            assert rotated.json()["token"] not in world.log(program)


async def test_what_telegram_says_is_traded_once_though_it_is_handed_on_again(tmp_path: Path) -> None:
    world_directory = tmp_path / "world"
    world_directory.mkdir()
    async with traded_account(world_directory) as (world, trader):
        created = await a_source(trader, "TELEGRAM", chats=["@gold"])
        source = TelegramSource(created["source"]["sourceId"], "Gold", ("@gold",))
        made = await trader.post("/api/tokens", {"name": "telegram", "scopes": ["TRADE"]})
        assert made.status_code == 200, made.text
        _, ask = quote(world, "XAUUSD")
        now = datetime.now(UTC)
        first = Message(-1_001_234, 7, "GOLD BUY NOW", "ann", now)
        rest = Message(-1_001_234, 8, f"SL {ask - 10:.2f}\nTP {ask + 20:.2f}", "ann", now)
        server = GrpcServer(world.address("server"), made.json()["secret"], None)
        try:
            assert [each.source_id for each in await server.sources()] == [source.source_id]
            # A journal that is lost between the two: the server alone knows what it has.
            for name in ("one", "two"):
                directory = tmp_path / name
                directory.mkdir()
                journal = Journal(directory)
                forwarder = Forwarder(journal, server)
                running = asyncio.create_task(forwarder.run())
                forwarder.feed({first.chat: [source]})
                for message in (first, rest):
                    journal.record(message, Action.NEW, now)
                    forwarder.wake()

                async def done(journal: Journal = journal) -> bool:
                    return journal.queue_length() == 0

                await eventually(done)
                assert journal.counters()["assembled"] == 1
                if name == "two":
                    changed = f"SL {ask - 10:.2f}\nTP {ask + 25:.2f}"
                    journal.record(replace(rest, text=changed), Action.EDITED, datetime.now(UTC))
                    forwarder.wake()
                    await eventually(done)
                    journal.delete(first.chat, [first.message_id], datetime.now(UTC))
                    forwarder.wake()
                    await eventually(done)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                journal.close()
        finally:
            await server.close()
        deleted, edited, original = (await trader.get("/api/signals"))["signals"]
        assert {each["externalId"] for each in (deleted, edited, original)} == {"-1001234:7"}
        assert (edited["edited"], edited["revisesSignalId"]) == (True, original["signalId"])
        assert deleted["deleted"]
        signal = await decided(trader, original["signalId"])
        assert signal["state"] == "ACTED", signal
        assert signal["sender"] == "ann"

        async def dealt() -> bool:
            return len(entries(world)) >= 1

        await eventually(dealt)
        assert [each.deal.symbol for each in entries(world)] == ["XAUUSD"]
        # A deletion closes nothing, and an edit opens nothing a second time.
        await decided(trader, edited["signalId"])
        await decided(trader, deleted["signalId"])
        assert len(await trader.live_trades()) == 1
        assert len(entries(world)) == 1


async def test_a_person_at_a_terminal_makes_a_source_and_sees_what_it_does(tmp_path: Path) -> None:
    async with traded_account(tmp_path) as (world, trader):
        who = ("--user", "trader")
        password = {"SIGNALOS_PASSWORD": PASSWORD, "COLUMNS": "250"}

        async def signalos(*arguments: str) -> str:
            return await world.run(*arguments, *who, environment=password)

        made = await signalos("sources", "add", "TradingView", "--risk-percent", "0.25")
        url = next(line for line in made.splitlines() if line.startswith("http://"))
        bid, ask = quote(world, "EURUSD")
        text = f"EURUSD BUY NOW SL {ask - 0.005:.5f} TP {ask + 0.005:.5f}"
        simulated = await signalos("signals", "simulate", text, "--source", "TradingView")
        assert "WOULD BE SENT" in simulated, simulated
        assert trader.account_id in simulated

        async with httpx.AsyncClient(timeout=30) as outside:
            answer = await outside.post(url, content=text, headers=ALERT_HEADERS)
        assert answer.status_code == 202, answer.text
        signal_id = answer.json()["signalId"]
        observed = await decided(trader, signal_id)
        assert [each["code"] for each in observed["decisions"]] == ["OBSERVED"]
        assert "OBSERVED" in await signalos("signals", "list")
        assert "OBSERVED" in await signalos("signals", "show", signal_id)
        assert entries(world) == []

        await signalos("sources", "trust", "TradingView", "approve")
        other = f"EURUSD SELL NOW SL {bid + 0.005:.5f} TP {bid - 0.005:.5f}"
        async with httpx.AsyncClient(timeout=30) as outside:
            waiting = (await outside.post(url, content=other, headers=ALERT_HEADERS)).json()["signalId"]
        assert (await decided(trader, waiting))["state"] == "WAITING"
        await signalos("signals", "approve", waiting)

        async def dealt() -> bool:
            return len(entries(world)) == 1

        await eventually(dealt)
        assert "APPROVE" in await signalos("sources", "list")
