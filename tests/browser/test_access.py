"""Who sees what: the entrance, two users, the look, accessibility, and a phone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.chromium import ROOT, runnable
from tests.browser.cockpit import PHONE, Cockpit, cockpit
from tests.support.desk import Desk
from tests.support.world import PASSWORD, World

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

AXE = ROOT / "web_gateway" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("Desk", "Commands", "Alerts", "History", "Signals", "Accounts", "Settings", "Tester")


async def serious(page: Page) -> list[str]:
    """What axe finds, serious or worse, in words."""
    # Not as a script element: the page's policy allows none but its own.
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{each['id']}: {each['help']} {json.dumps([node['target'] for node in each['nodes']])[:400]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
    ]


async def test_a_wrong_password_is_said_and_a_right_one_opens(desk: Desk, browser: Browser) -> None:
    async with cockpit(browser, desk.world.address("gateway")) as page:
        await page.open()
        await page.enter("trader", "not the password")
        await expect(page.page.get_by_role("alert")).not_to_be_empty()
        await page.enter("trader")
        await page.connected()

        await page.page.get_by_role("button", name="Signed in as trader").click()
        await page.page.get_by_role("menuitem", name="Sign out").click()
        await expect(page.page.get_by_role("button", name="Sign in")).to_be_visible()
        await page.page.reload()
        await expect(page.page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_second_user_sees_nothing_of_the_first(desk: Desk, page: Cockpit, browser: Browser) -> None:
    await desk.world.add_user("second")
    trade = await desk.opened(0.1)
    await expect(page.trade(trade["ticket"])).to_be_visible()
    async with cockpit(browser, desk.world.address("gateway")) as second:
        await second.sign_in("second")

        await expect(second.page.get_by_text("No account yet").first).to_be_visible()
        await expect(second.page.get_by_text("No open trade.")).to_be_visible()
        await second.hold("Emergency stop")
        await expect(page.standing).to_have_attribute("data-standing", "trading")
        state = (await desk.trader.get("/api/trading/state"))["states"][0]
        assert not state["wanted"]["stopped"]


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: python build_hooks/dashboard.py")
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_no_page_has_a_serious_fault_of_accessibility(desk: Desk, browser: Browser, theme: str) -> None:
    await desk.opened(0.1, stopLoss=1.09)
    await desk.placed("LIMIT", "BUY", 1.05)
    found: list[str] = []
    async with cockpit(browser, desk.world.address("gateway"), color_scheme=theme) as page:
        await page.open()
        found += [f"entrance: {each}" for each in await serious(page.page)]
        await page.enter("trader")
        await page.connected()
        for title in PAGES:
            await page.go(title)
            await page.page.wait_for_timeout(400)
            found += [f"{title}: {each}" for each in await serious(page.page)]
        await page.go("Desk")
        await page.page.locator("tr[data-trade]").get_by_role("button", name="Close", exact=True).click()
        found += [f"dialog: {each}" for each in await serious(page.page)]

    assert found == []


async def test_everything_is_done_by_keyboard_alone(desk: Desk, page: Cockpit) -> None:
    """From the top of the page to a closed trade; a dialog never has its confirming button focused first."""
    trade = await desk.opened(0.1)
    await expect(page.trade(trade["ticket"])).to_be_visible()
    keyboard = page.page.keyboard
    close = (
        "document.activeElement?.closest('tr')?.dataset.ticket + ' ' + document.activeElement?.textContent"
    )
    for _ in range(80):
        await keyboard.press("Tab")
        if await page.page.evaluate(close) == f"{trade['ticket']} Close":
            break
    else:
        pytest.fail("the trade's Close is not reached by Tab")

    await keyboard.press("Enter")
    dialog = page.page.get_by_role("dialog")
    await expect(dialog).to_be_focused()
    await keyboard.press("Enter")
    await expect(dialog).to_be_visible()
    assert desk.positions(), "Enter on the opened dialog confirmed it"
    await keyboard.press("Tab")
    await keyboard.press("Tab")
    assert await page.page.evaluate("document.activeElement.textContent") == "Close trade"
    await keyboard.press("Enter")

    await page.told("confirmed by the terminal")
    assert desk.positions() == {}


async def test_on_a_phone_the_stop_is_under_the_thumb_and_nothing_runs_off_the_side(
    desk: Desk, browser: Browser
) -> None:
    trade = await desk.opened(0.1)
    async with cockpit(
        browser, desk.world.address("gateway"), viewport=PHONE, has_touch=True, is_mobile=True
    ) as page:
        await page.sign_in()
        await expect(page.trade(trade["ticket"])).to_be_attached()
        stop = page.page.locator(".stop-button")
        for title in PAGES:
            await page.go(title)
            await page.page.wait_for_timeout(300)
            wide = await page.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, f"{title} is {wide} pixels too wide"
            box = await stop.bounding_box()
            assert box is not None
            assert box["y"] > PHONE["height"] * 0.8
            assert box["height"] >= 44


async def test_the_look_and_the_time_zone_are_the_users_own_in_every_browser(
    desk: Desk, page: Cockpit, browser: Browser
) -> None:
    try:
        await page.go("Settings")
        await page.page.get_by_label("Theme").select_option("dark")
        await page.page.get_by_label("Gains are").select_option("red, losses green")
        await page.page.get_by_label("Time zone").select_option("Asia/Tokyo")
        root = page.page.locator("html")
        await expect(root).to_have_attribute("data-theme", "dark")
        async with cockpit(browser, desk.world.address("gateway")) as other:
            await other.sign_in()
            await expect(other.page.locator("html")).to_have_attribute("data-theme", "dark")
            await expect(other.page.locator("html")).to_have_attribute("data-polarity", "red-up")
            await other.go("Settings")
            await expect(other.page.get_by_label("Time zone")).to_have_value("Asia/Tokyo")
    finally:
        settings = {"theme": "UNSPECIFIED", "colourPolarity": "GREEN_UP", "timeZone": ""}
        await desk.trader.client.put("/api/settings", json={"settings": settings})


async def test_the_first_user_is_made_with_the_code_that_the_server_printed(
    browser: Browser, tmp_path: Path
) -> None:
    world = World(tmp_path)
    try:
        await world.start_server("--registration-open")
        await world.start_gateway()
        (code,) = re.findall(r"setup=(\S+)", re.sub(r"\x1b\[[0-9;]*m", "", world.log("server")))
        async with cockpit(browser, world.address("gateway")) as page:
            await page.open()
            await page.page.get_by_label("Set-up code").fill(code)
            await page.page.get_by_label("User name").fill("first")
            await page.page.get_by_label("Password").fill(PASSWORD)
            await page.page.get_by_role("button", name="Make the first user").click()
            await page.connected()
            await expect(page.page.get_by_text("No account yet").first).to_be_visible()
        async with cockpit(browser, world.address("gateway")) as page:
            await page.open()
            await page.page.get_by_role("button", name="Make a user").click()
            await page.page.get_by_label("User name").fill("another")
            await page.page.get_by_label("Password").fill(PASSWORD)
            await page.page.get_by_role("button", name="Make a user").click()
            await page.connected()
    finally:
        await world.close()
