"""A message from its source to the broker's ledger, and why it was not traded where it was not."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from tests.browser.chromium import runnable
from tests.browser.cockpit import Cockpit
from tests.support.desk import Desk
from tests.support.records import violations
from tests.support.world import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

BUY = "BUY EURUSD NOW SL 1.09500 TP 1.11000"


@pytest_asyncio.fixture(loop_scope="module")
async def source(desk: Desk) -> AsyncIterator[dict[str, Any]]:
    """A source that asks a person before each order."""
    yield await made(desk, "APPROVE")
    for each in (await desk.trader.get("/api/sources"))["sources"]:
        await desk.trader.client.delete(f"/api/sources/{each['sourceId']}")


async def made(desk: Desk, trust: str, **policy: Any) -> dict[str, Any]:
    body = {
        "name": f"Room {uuid.uuid4().hex[:6]}",
        "kind": "API",
        "policy": {"trust": trust, "duplicateWindow": "0s", **policy},
        "subscriptions": [{"accountId": desk.trader.account_id, "sizing": {"fixedLots": 0.1}}],
    }
    answer = await desk.trader.client.post("/api/sources", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["source"])


async def said(desk: Desk, source: dict[str, Any], text: str, **more: str) -> str:
    """Submits a message by REST, as a program does; returns its signal's id."""
    body = {"sourceId": source["sourceId"], "text": text, **more}
    answer = await desk.send("POST", "/api/signals", body)
    assert answer.status_code in (200, 202), answer.text
    return str(answer.json()["signal"]["signalId"])


def row(page: Cockpit, signal_id: str) -> Locator:
    return page.page.locator(f'[data-signal="{signal_id}"]')


async def test_a_message_appears_waits_and_is_sent_to_the_broker_once_it_is_approved(
    desk: Desk, page: Cockpit, source: dict[str, Any]
) -> None:
    await page.go("Signals")
    signal_id = await said(desk, source, BUY, sender="ann")
    waiting = row(page, signal_id)

    await expect(waiting).to_contain_text(BUY)
    await expect(waiting).to_contain_text(source["name"])
    await expect(waiting).to_contain_text("ann")
    await expect(waiting).to_contain_text("buy EURUSD at the market, stop 1.095, target 1.11")
    await expect(waiting).to_contain_text("waits for your word")
    await expect(waiting.get_by_role("timer")).to_contain_text("left")
    assert desk.positions() == {}, "nothing is sent before a person says so"

    await waiting.get_by_role("button", name="Approve…").click()
    await page.press("Approve")
    await page.told("Approved, and sent")
    await expect(waiting.locator("[data-outcome]")).to_have_attribute("data-outcome", "SENT")
    await eventually(lambda: _positions(desk, 1))
    (position,) = desk.positions().values()
    assert (position.volume, position.sl) == (Decimal("0.1"), Decimal("1.095"))

    await waiting.get_by_role("button", name="Why:").click()
    why = page.page.locator(f"#signal-{signal_id}")
    await expect(why.locator("[data-result]")).to_have_attribute("data-result", "SUCCEEDED")
    await expect(why).to_contain_text(f"Trade {position.ticket}")
    await expect(why.locator(".signal-steps li").first).to_be_visible()


async def _positions(desk: Desk, many: int) -> bool:
    return len(desk.positions()) == many


async def test_what_a_person_rejects_is_not_sent(desk: Desk, page: Cockpit, source: dict[str, Any]) -> None:
    signal_id = await said(desk, source, BUY)
    await page.go("Signals")
    waiting = row(page, signal_id)

    await waiting.get_by_role("button", name="Reject").click()

    await page.told("Rejected: nothing is sent")
    await expect(waiting).to_contain_text("rejected by a person")
    await expect(waiting.get_by_role("button", name="Approve…")).to_have_count(0)
    assert desk.positions() == {}


async def test_a_denied_one_says_why_in_one_look(desk: Desk, page: Cockpit, source: dict[str, Any]) -> None:
    trusted = await made(desk, "AUTO")
    signal_id = await said(desk, trusted, "BUY EURUSD NOW SL 1.20000 TP 1.30000")
    await page.go("Signals")
    denied = row(page, signal_id)

    await expect(denied.locator('[data-outcome="DENIED"]')).to_be_visible()
    code = await denied.locator("[data-outcome]").get_attribute("data-code")
    assert code
    await expect(denied).to_contain_text(code)
    await denied.get_by_role("button", name="Why:").click()
    why = page.page.locator(f"#signal-{signal_id}")
    await expect(why.locator('.signal-steps [data-passed="false"]')).to_contain_text(code)
    assert desk.positions() == {}

    await page.page.get_by_label("Reason").fill(code.lower())
    await expect(denied).to_be_visible()
    await page.page.get_by_label("Reason").fill("MAX_NOTHING")
    await expect(page.page.get_by_text("No signal is like that.")).to_be_visible()


async def test_a_missed_one_is_replayed_only_where_a_person_asks_for_it(
    desk: Desk, page: Cockpit, source: dict[str, Any]
) -> None:
    observed = await made(desk, "OBSERVE")
    signal_id = await said(desk, observed, BUY)
    await page.go("Signals")
    missed = row(page, signal_id)
    await expect(missed).to_contain_text("not traded")
    await expect(missed).to_contain_text("OBSERVED")
    assert desk.positions() == {}

    await missed.get_by_role("button", name="Replay…").click()
    await page.press("Replay now")

    await page.told("Decided anew")
    await eventually(lambda: _positions(desk, 1))
    await expect(missed.locator("[data-outcome]")).to_have_attribute("data-outcome", "SENT")


async def test_a_simulation_tells_what_would_be_sent_and_sends_nothing(
    desk: Desk, page: Cockpit, source: dict[str, Any]
) -> None:
    await page.go("Signals")
    await page.page.get_by_role("button", name="Try a message…").click()
    dialog = page.page.get_by_role("dialog", name="Try a message")
    await dialog.get_by_label("Message").fill(BUY)
    await dialog.get_by_label("As of the source").select_option(source["name"])
    await dialog.get_by_role("button", name="Simulate").click()

    await expect(dialog).to_contain_text("Order that would be sent: buy EURUSD 0.10 lots at the market")
    assert desk.positions() == {}
    assert (await desk.trader.get("/api/signals", sourceId=source["sourceId"]))["signals"] == []

    await dialog.get_by_role("button", name=f"Submit it to {source['name']}").click()
    await page.told("The message is recorded")
    await expect(page.page.locator("[data-signal]").first).to_contain_text(BUY)
    (signal,) = (await desk.trader.get("/api/signals", sourceId=source["sourceId"]))["signals"]
    assert signal["text"] == BUY


async def test_a_webhook_is_made_its_address_told_once_and_what_is_posted_there_is_decided(
    desk: Desk, page: Cockpit, source: dict[str, Any]
) -> None:
    await page.go("Signals")
    await page.page.get_by_role("button", name="New source").click()
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("Chart alerts")
    await page.press("Make the source")
    address = (await dialog.locator(".code-line").first.inner_text()).strip()
    assert "/api/hooks/" in address
    await page.press("I have kept it")

    # Its settings follow at once.
    await expect(dialog).to_contain_text("What its messages may do")
    await dialog.get_by_role("button", name="Ask me").click()
    await dialog.locator(".follower").get_by_role("switch").first.click()
    await dialog.get_by_label("Size").select_option("lots, always")
    await expect(dialog.get_by_text("needed")).to_be_visible()
    await dialog.get_by_label("How much").fill("0.2")
    await dialog.get_by_text("Who may speak").click()
    await dialog.get_by_label("Symbol map").fill("EUR = EURUSD")
    await page.press("Save")
    await page.told("Chart alerts is changed")
    made_source = next(
        each for each in (await desk.trader.get("/api/sources"))["sources"] if each["name"] == "Chart alerts"
    )
    assert made_source["policy"]["trust"] == "APPROVE"
    assert made_source["policy"]["symbolMap"] == [{"symbol": "EUR", "brokerSymbol": "EURUSD"}]
    assert made_source["subscriptions"][0]["sizing"] == {"fixedLots": 0.2}

    async with httpx.AsyncClient() as outside:
        answer = await outside.post(address, content=BUY.encode(), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 202, answer.text
    posted = page.page.locator("[data-signal]", has_text="Chart alerts")
    await expect(posted).to_contain_text("waits for your word")
    await posted.get_by_role("button", name="Approve…").click()
    await page.press("Approve")
    await eventually(lambda: _positions(desk, 1))
    assert next(iter(desk.positions().values())).volume == Decimal("0.2")

    listed = page.page.locator(f'[data-source="{made_source["sourceId"]}"]')
    await expect(listed).to_contain_text("asks before each order")
    await listed.get_by_role("button", name="Remove…").click()
    await page.press("Remove")
    await expect(listed).to_have_count(0)
    async with httpx.AsyncClient() as outside:
        answer = await outside.post(address, content=BUY.encode(), headers={"Content-Type": "text/plain"})
    assert answer.status_code in (401, 403, 404), answer.status_code


async def test_every_deal_is_explained_by_a_command(desk: Desk) -> None:
    assert violations(await desk.all_commands(), desk.world.directory) == []
