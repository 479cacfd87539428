"""The page while what is behind it goes away and comes back."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import runnable
from tests.browser.cockpit import Cockpit, cockpit
from tests.support.desk import Desk
from tests.support.world import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

# Every phase that the page went through, from the page's own point of view.
WATCH = """
() => {
  window.phases = [];
  const header = document.querySelector('.connection');
  const note = () => {
    const { phase } = header.dataset;
    if (window.phases.at(-1) !== phase) window.phases.push(phase);
  };
  note();
  new MutationObserver(note).observe(header, { attributeFilter: ['data-phase'] });
  window.loaded = true;
}
"""


async def test_a_killed_gateway_is_seen_state_by_state_and_nothing_is_missed_without_a_reload(
    desk: Desk, page: Cockpit
) -> None:
    world = desk.world
    before = await desk.opened(0.1)
    await expect(page.trade(before["ticket"])).to_be_visible()
    await page.page.evaluate(WATCH)

    world.kill("gateway")
    await world.gone("gateway")
    await page.phase("disconnected")
    row = page.trade(before["ticket"])
    await row.get_by_role("button", name="Close", exact=True).click()
    await page.press("Close trade")
    await page.told("NOT sent")
    # What happens meanwhile is not missed.
    desk.broker.close_by_hand(desk.login, int(before["ticket"]))
    await world.start_gateway()
    await page.connected(within=45)

    await expect(row).to_have_count(0)
    after = await desk.opened(0.2)
    await expect(page.trade(after["ticket"])).to_be_visible()
    phases = await page.page.evaluate("() => window.phases")
    assert phases[0] == phases[-1] == "connected"
    assert {"connecting", "disconnected"} <= set(phases)
    assert "error" not in phases
    assert await page.page.evaluate("() => window.loaded"), "the page was loaded anew"


async def test_a_killed_server_is_seen_and_its_return_too(desk: Desk, page: Cockpit) -> None:
    world = desk.world
    trade = await desk.opened(0.1)
    server = page.page.locator('[data-link="server"]')
    await expect(server).to_have_attribute("data-lamp", "on", timeout=15_000)

    world.kill("server")
    await world.gone("server")
    await expect(server).to_have_attribute("data-lamp", "off", timeout=30_000)
    profit = page.cell(page.trade(trade["ticket"]), "Profit").locator(".profit")
    await expect(profit).to_have_class("profit loss stale", timeout=30_000)
    await expect(page.cell(page.trade(trade["ticket"]), "Age").locator(".age")).to_have_class(
        "age gone", timeout=30_000
    )
    pages = page.page.get_by_role("navigation")
    await pages.get_by_role("link", name="Alerts").click()
    unread = page.page.get_by_text("Alerts could not be read")
    await expect(unread).to_be_visible(timeout=30_000)

    await world.start_server()
    await page.connected(within=60)
    await expect(server).to_have_attribute("data-lamp", "on", timeout=60_000)
    # What could not be read meanwhile is read by itself.
    await expect(unread).to_have_count(0, timeout=15_000)
    await pages.get_by_role("link", name="Desk").click()
    await eventually(desk.trader.bridge_connected, within=60)
    await expect(profit).not_to_have_class("profit loss stale", timeout=60_000)
    await eventually(desk.trader.may_open, within=30)


async def test_a_bridge_that_goes_away_is_said_to_be_away(desk: Desk, page: Cockpit) -> None:
    bridge = page.page.locator('[data-link="bridge"]')
    await expect(bridge).to_have_attribute("data-lamp", "on", timeout=15_000)
    await desk.world.end("bridge")

    await expect(bridge).to_have_attribute("data-lamp", "off", timeout=30_000)
    await expect(bridge).to_contain_text("away")

    await desk.world.start_bridge(desk.login)
    await expect(bridge).to_have_attribute("data-lamp", "on", timeout=30_000)
    await eventually(desk.trader.may_open, within=30)


async def test_two_tabs_agree(desk: Desk, page: Cockpit, browser: Browser) -> None:
    other = Cockpit(await page.page.context.new_page(), page.address)
    await other.open()
    await other.connected()
    trade = await desk.opened(0.1)
    for tab in (page, other):
        await expect(tab.trade(trade["ticket"])).to_be_visible()

    row = page.trade(trade["ticket"])
    await row.get_by_role("button", name="50 %").click()
    await page.press("Close 50 %")
    for tab in (page, other):
        await expect(tab.cell(tab.trade(trade["ticket"]), "Lots")).to_have_text("0.05")

    await page.page.get_by_role("button", name="Pause").click()
    await expect(other.standing).to_have_attribute("data-standing", "paused")
    await other.page.get_by_role("button", name="Resume").click()
    await expect(page.standing).to_have_attribute("data-standing", "trading")


async def test_frames_of_ours_wait_for_the_connection_and_are_sent_once_it_is_back(
    desk: Desk, page: Cockpit
) -> None:
    await page.go("Tester")
    await expect(page.page.get_by_test_id("tester-phase")).to_have_text("connected")
    desk.world.kill("gateway")
    await desk.world.gone("gateway")
    await page.phase("disconnected")
    for _ in range(3):
        await page.page.get_by_role("button", name="Trade Update").click()
    await expect(page.page.get_by_test_id("tester-queued")).to_have_text("3")
    await expect(page.page.locator(".connection")).to_contain_text("3 queued")

    await desk.world.start_gateway()
    await page.connected(within=45)
    frames = page.page.locator(".frames")
    await expect(frames.locator('[data-direction="in"][data-type="test"]')).to_have_count(3)
    await expect(page.page.get_by_test_id("tester-queued")).to_have_text("0")


async def test_the_tester_shows_echoes_to_this_page_alone_and_a_gap_is_filled_by_a_snapshot(
    desk: Desk, page: Cockpit
) -> None:
    trade = await desk.opened(0.1)
    await page.go("Tester")
    other = Cockpit(await page.page.context.new_page(), page.address)
    await other.open()
    await other.connected()
    await other.go("Tester")

    await page.page.get_by_role("button", name="Emergency Stop", exact=True).click()
    await expect(page.page.locator('.frames [data-direction="in"][data-type="test"]')).to_have_count(1)
    await asyncio.sleep(1)
    await expect(other.page.locator('.frames [data-type="test"]')).to_have_count(0)
    await expect(page.standing).to_have_attribute("data-standing", "trading")

    await page.page.get_by_role("button", name="Inject a gap").click()
    frames = page.page.locator('.frames [data-direction="in"]')
    await expect(frames.and_(page.page.locator('[data-type="gap"]'))).to_have_count(1)
    await expect(frames.and_(page.page.locator('[data-type="snapshot"]'))).to_have_count(1)
    await page.go("Desk")
    await expect(page.trade(trade["ticket"])).to_be_visible()


async def test_a_session_that_ended_leads_to_the_entrance_and_says_so(desk: Desk, browser: Browser) -> None:
    async with cockpit(browser, desk.world.address("gateway")) as ended:
        await ended.sign_in()
        sessions = (await desk.trader.get("/api/sessions"))["sessions"]
        newest = max(
            (each for each in sessions if not each["current"]), key=lambda each: str(each["createTime"])
        )
        await desk.trader.client.delete(f"/api/sessions/{newest['sessionId']}")

        await expect(ended.page.get_by_text("Your session has ended.")).to_be_visible(timeout=15_000)
        await ended.enter("trader")
        await ended.connected()
