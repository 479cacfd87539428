"""What holds for an account: set in the page, kept by its bridge, and said to be applied only once it is."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, expect

from tests.browser.chromium import runnable
from tests.browser.cockpit import Cockpit
from tests.support.desk import Desk

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]


def panel(page: Cockpit, title: str) -> Locator:
    heading = page.page.get_by_role("heading", name=title)
    return page.page.locator("section.panel").filter(has=heading)


async def test_a_limit_is_applied_by_the_bridge_and_holds_an_order_back(desk: Desk, page: Cockpit) -> None:
    await page.go("Accounts")
    limits = panel(page, "Limits of")
    await limits.locator("summary", has_text="Held by the bridge too").click()
    await limits.get_by_label("Largest order").fill("-1")
    await expect(limits.get_by_text("must be above zero")).to_be_visible()
    await expect(limits.get_by_role("button", name="Save limits")).to_be_disabled()
    await limits.get_by_label("Largest order").fill("0.2")
    await limits.get_by_role("button", name="Save limits").click()
    await page.told("Limits applied by the bridge")

    await page.go("Desk")
    form = page.page.get_by_role("complementary", name="New order")
    await form.get_by_label("Symbol").select_option("EURUSD")
    await form.get_by_label("Size").fill("0.3")
    await expect(form.locator(".preview .problem-text").first).to_contain_text("MAXIMUM_ORDER_LOTS")
    await expect(form.get_by_role("button", name="Buy 0.3 lots EURUSD")).to_be_disabled()
    assert desk.positions() == {}


async def test_how_levels_are_hidden_is_set_and_applied(desk: Desk, page: Cockpit) -> None:
    await page.go("Accounts")
    stealth = panel(page, "Hidden levels of")
    try:
        await stealth.get_by_label("A stop has to be shown").click()
        await stealth.get_by_label("has to be reached for").fill("61")
        await expect(stealth.get_by_text("must be from 0 to 60 s")).to_be_visible()
        await stealth.get_by_label("has to be reached for").fill("1.5")
        await stealth.get_by_label("losses of the broker's link").fill("0")
        await stealth.get_by_role("button", name="Save how levels are hidden").click()
        await page.told("How levels are hidden is applied by the bridge")

        kept = (await desk.trader.get("/api/trading/stealth-settings"))["settings"]
        assert (kept["mandatoryStop"], kept["takeProfitDelay"], kept["linkLosses"]) == (True, "1.500s", 0)
        await page.page.reload()
        await expect(stealth.get_by_label("has to be reached for")).to_have_value("1.5")
        await expect(stealth.get_by_text("Applied by the bridge.")).to_be_visible()
    finally:
        await desk.trader.client.put("/api/trading/stealth-settings", json={"settings": {}})


async def test_what_stops_by_itself_is_set_and_a_refusal_stands_beside_its_field(
    desk: Desk, page: Cockpit
) -> None:
    shipped = (await desk.trader.get("/api/trading/stop-settings"))["settings"]["triggers"]
    await page.go("Accounts")
    stop = panel(page, "What stops")
    rule = stop.locator('[data-rule="IDENTICAL_OPENS"]')
    try:
        await rule.get_by_label("so many").fill("1")
        await stop.get_by_role("button", name="Save stop settings").click()
        await expect(rule.get_by_text("lies between 2 and 1000")).to_be_visible()
        await rule.get_by_label("so many").fill("7")
        await stop.locator('[data-rule="CLOCK_JUMP"]').get_by_role("switch").click()
        await stop.get_by_label("the lease lapses").select_option("leave them; they can still fill")
        await stop.get_by_role("button", name="Save stop settings").click()
        await page.told("Stop settings are in force")

        kept = (await desk.trader.get("/api/trading/stop-settings"))["settings"]
        rules = {each["kind"]: each for each in kept["triggers"]}
        assert rules["IDENTICAL_OPENS"]["threshold"] == 7
        assert rules["CLOCK_JUMP"]["enabled"] is False
        assert kept["lapsePolicy"] == "HOLD"
        assert rules["OPEN_RATE"] == next(each for each in shipped if each["kind"] == "OPEN_RATE")
    finally:
        body = {"lapsePolicy": "CANCEL_PENDINGS", "triggers": shipped}
        answer = await desk.trader.client.put("/api/trading/stop-settings", json=body)
        assert answer.status_code == 200, answer.text


async def test_a_drill_tells_how_fast_a_stop_latches_and_stops_nothing(desk: Desk, page: Cockpit) -> None:
    await page.go("Accounts")
    drills = panel(page, "Drills of")
    await drills.get_by_role("button", name="Run a drill").click()

    await expect(drills.locator("[data-drill]").first).to_contain_text("latched within")
    await expect(page.standing).to_have_attribute("data-standing", "trading")
    measured = (await desk.trader.get("/api/trading/drills"))["drills"][0]
    shown = await drills.locator("[data-drill]").first.inner_text()
    assert f"{measured['latchedMilliseconds']:.1f} ms" in shown


async def test_a_drill_without_a_bridge_says_that_it_was_not_reached(desk: Desk, page: Cockpit) -> None:
    await page.go("Accounts")
    await desk.bridge_killed()
    try:
        drills = panel(page, "Drills of")
        await drills.get_by_role("button", name="Run a drill").click()
        await expect(drills.locator("[data-drill]").first).to_contain_text("no word")
        await expect(drills.locator("[data-drill]").first).to_contain_text("was not connected")
    finally:
        await desk.bridge_back()
