"""Limits in the page: set, used up at the broker's price, latched, and led out of by a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from signalos_bridge.emulator.admin import BrokerAdmin
from tests.browser.chromium import runnable
from tests.browser.cockpit import PHONE, Cockpit, cockpit
from tests.browser.test_access import AXE, serious
from tests.support.desk import BID, Desk
from tests.support.world import eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

LOGIN = 5001
MANY: dict[str, Any] = {
    "dailyLoss": {"percent": 4},
    "totalLoss": {"money": 900},
    "dailyProfit": {"percent": 3},
    "minimumEquity": 1_000,
    "consecutiveLosses": {"count": 3},
    "maximumSpreadPoints": 20,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("limits")
    environment = {"SIGNALOS_SETTLE_SCALE": "0.03"}
    async with traded_account(directory, f"{LOGIN}:USD:10000:hedging", environment) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


async def clock_known(desk: Desk) -> bool:
    """Quote, and return whether the bridge knows the broker's clock by it: else no day's loss is counted."""
    desk.quote(BID)
    (account,) = (await desk.trader.get("/api/accounts"))["accounts"]
    return account["bridge"]["terminal"]["brokerOffsetSeconds"] is not None


async def kept(desk: Desk) -> dict[str, Any]:
    return dict((await desk.trader.get("/api/limits"))["limits"])


def form(page: Cockpit) -> Locator:
    return page.page.locator(".limits-form")


def typed(page: Cockpit, label: str) -> Locator:
    return form(page).get_by_role("textbox", name=label, exact=True)


async def unfold(page: Cockpit, *titles: str) -> None:
    for title in titles:
        group = form(page).locator("details", has=page.page.locator("summary", has_text=title))
        if await group.get_attribute("open") is None:
            await group.locator("summary").click()


async def save(page: Cockpit) -> None:
    await form(page).get_by_role("button", name="Save limits").click()


def use(page: Cockpit, code: str) -> Locator:
    return page.page.locator(f'[data-limit="{code}"]')


async def test_what_is_not_known_is_called_unknown_until_it_is_given(desk: Desk, page: Cockpit) -> None:
    await page.go("Accounts")
    await unfold(page, "Losses")
    await typed(page, "Loss of the day").fill("5")
    await save(page)
    await page.told("Limits applied by the bridge")

    await page.go("Desk")
    daily = use(page, "MAX_DAILY_LOSS")
    await expect(daily).to_contain_text("unknown")
    await expect(daily).to_contain_text("is not known")
    await expect(daily).not_to_contain_text("0.00")
    await expect(daily.locator(".limit-bar")).to_have_count(0)
    await expect(page.page.locator(".limits-day")).to_contain_text("unknown (not known)")

    await page.page.get_by_role("link", name="give it").click()
    await form(page).get_by_label("Balance at the day's beginning").fill("10000")
    await save(page)
    await page.told("Limits applied by the bridge")
    await eventually(lambda: clock_known(desk))

    await expect(form(page).get_by_label("Balance at the day's beginning")).to_have_count(0)
    await page.go("Desk")
    await expect(page.page.locator(".limits-day")).to_contain_text("10,000.00 USD (given by a person)")
    await expect(daily).to_contain_text("0.00 of 500.00 USD")
    await expect(daily).to_contain_text("500.00 USD may still be lost")
    assert (await kept(desk))["dailyLoss"]["percent"] == 5


async def test_a_loss_warns_blocks_and_stops_and_a_person_leads_out_of_it(desk: Desk, page: Cockpit) -> None:
    await eventually(lambda: clock_known(desk))
    await desk.trader.client.put("/api/limits", json={"limits": {}, "dayBalance": 10_000})
    await page.go("Accounts")
    await unfold(page, "Losses")
    await form(page).get_by_label("Loss of the day in").select_option("USD")
    await typed(page, "Loss of the day").fill("1000")
    await save(page)
    await page.told("Limits applied by the bridge")
    await page.go("Desk")
    daily = use(page, "MAX_DAILY_LOSS")
    await expect(daily).to_have_attribute("data-stage", "OK")
    await desk.opened(1.0)

    desk.quote("1.09250")
    await expect(daily).to_have_attribute("data-stage", "WARNING")
    await expect(daily).to_contain_text("Near its limit since")
    desk.quote("1.09100")
    await expect(daily).to_have_attribute("data-stage", "SOFT")
    await expect(daily).to_contain_text("Nothing new is opened since")
    await expect(daily).to_contain_text("stays until you resume")
    await expect(daily.locator(".problem-text")).to_have_count(0)

    desk.quote("1.08700")
    await expect(daily).to_have_attribute("data-stage", "HARD")
    await expect(daily.locator(".problem-text")).to_contain_text("everything is closed")
    await expect(page.standing).to_have_attribute("data-standing", "stopped")
    await eventually(lambda: _flat(desk))

    # The loss stays: more may be lost from now on.
    await page.go("Accounts")
    await typed(page, "Loss of the day").fill("5000")
    await save(page)
    await page.told("Limits applied by the bridge")
    await page.go("Desk")
    await page.page.get_by_role("button", name="Resume limits").click()
    dialog = page.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("has to be re-armed separately")
    await dialog.get_by_label("Why it is right").fill("no")
    await page.press("Resume")
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Why it is right").fill("more may be lost today")
    await page.press("Resume")
    await page.told("Resumed: Loss of the day. The stop still has to be re-armed")
    await expect(page.page.get_by_role("button", name="Resume limits")).to_have_count(0)
    await expect(page.standing).to_have_attribute("data-standing", "stopped")

    await page.rearm()
    await expect(page.standing).to_have_attribute("data-standing", "trading")
    await desk.opened(0.1)


async def _flat(desk: Desk) -> bool:
    return not desk.positions()


async def test_a_save_takes_nothing_back_that_another_has_set_meanwhile(desk: Desk, page: Cockpit) -> None:
    await page.go("Accounts")
    await unfold(page, "Orders and exposure")
    await typed(page, "Leverage, times").fill("20")
    # The page hears of nothing from here on until it saves.
    await page.page.route("**/api/limits?*", lambda route: route.abort())
    await desk.limits(maximumPositions=3)
    await page.page.unroute("**/api/limits?*")
    await save(page)
    await page.told("Limits applied by the bridge")
    after = await kept(desk)
    assert (after["maximumLeverage"], after["maximumPositions"]) == (20, 3)


async def test_old_limits_say_so_and_nothing_is_sent_without_the_server(desk: Desk, page: Cockpit) -> None:
    await desk.limits(maximumPositions=3)
    await expect(use(page, "MAXIMUM_POSITIONS")).to_contain_text("0 of 3")
    await page.go("Accounts")
    await expect(form(page).get_by_text("Held by the bridge too, 1 set")).to_be_visible()
    await typed(page, "Most positions and orders").fill("5")
    await page.page.route("**/api/limits**", lambda route: route.abort())
    await save(page)
    await page.told("Limits: NOT sent")
    await page.go("Desk")
    await expect(page.page.locator(".limits.stale")).to_contain_text("0 of 3")
    await expect(page.page.get_by_text("Limits as read")).to_be_visible()
    assert (await kept(desk))["maximumPositions"] == 3

    await page.page.unroute("**/api/limits**")
    await expect(page.page.locator(".limits.stale")).to_have_count(0)
    await expect(page.page.get_by_text("Limits as read")).to_have_count(0)


async def test_a_refused_value_stands_beside_its_field_and_changes_nothing(desk: Desk, page: Cockpit) -> None:
    await desk.limits(maximumLeverage=30)
    before = await kept(desk)
    await page.go("Accounts")
    # What is set stands open.
    await expect(form(page).get_by_text("Orders and exposure, 1 set")).to_be_visible()
    await unfold(page, "Day")
    leverage = typed(page, "Leverage, times")
    await leverage.fill("10001")
    await expect(form(page).get_by_text("must be at most 10,000")).to_be_visible()
    await expect(form(page).get_by_role("button", name="Save limits")).to_be_disabled()

    await leverage.fill("20")
    # A browser takes any case; the server's list of zones does not.
    zone = form(page).get_by_label("Time zone of the day")
    await zone.fill("eUrOpE/pRaGuE")
    await save(page)
    note = form(page).locator(f'[id="{await zone.get_attribute("aria-describedby")}"]')
    await expect(note).to_contain_text("is no IANA time zone")
    assert await kept(desk) == before

    await zone.fill("Europe/Prague")
    await save(page)
    await page.told("Limits applied by the bridge")
    after = await kept(desk)
    assert after["maximumLeverage"] == 20
    assert after["day"] == {"beginsAt": "00:00", "timeZone": "Europe/Prague"}
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"maximumLeverage", "day"}


async def test_a_refusal_of_a_part_opens_its_group(desk: Desk, page: Cockpit) -> None:
    await page.go("Accounts")
    await unfold(page, "Counts")
    # By key, since what belongs to it appears with the first.
    await typed(page, "Losses in a row").press_sequentially("13")
    await expect(typed(page, "Losses in a row")).to_be_focused()
    await expect(typed(page, "Losses in a row")).to_have_value("13")
    pause = form(page).get_by_label("Then nothing opens for, minutes")
    await pause.fill("0.001")
    await save(page)
    await expect(form(page).locator(".field-problem")).to_contain_text("between 1 s and 30 days")
    assert (await kept(desk))["consecutiveLosses"] is None
    await pause.fill("30")
    await save(page)
    await page.told("Limits applied by the bridge")
    assert (await kept(desk))["consecutiveLosses"] == {"count": 13, "cooldown": "1800s"}
    # Empty is off, with what belongs to it.
    await typed(page, "Losses in a row").fill("")
    await expect(pause).to_have_count(0)
    await save(page)
    await eventually(lambda: _no_row(desk))


async def _no_row(desk: Desk) -> bool:
    return (await kept(desk))["consecutiveLosses"] is None


async def test_a_profile_is_shown_before_it_is_set(desk: Desk, page: Cockpit) -> None:
    await desk.limits(maximumLeverage=30)
    before = await kept(desk)
    await page.go("Accounts")
    await unfold(page, "Start from a profile")
    panel = form(page)
    await panel.get_by_label("Profile", exact=True).select_option("ftmo-two-phase")
    await panel.get_by_label("Phase").select_option("Funded")
    for words in ("As of 20", "hold every number against the firm's own page", "Not covered:"):
        await expect(panel.get_by_text(words)).to_be_visible()
    apply = panel.get_by_role("button", name="Apply", exact=True)
    await expect(apply).to_be_disabled()
    await panel.get_by_role("button", name="Preview").click()
    rows = panel.get_by_role("list", name="What would change")
    await expect(rows).to_contain_text("Loss of the day")
    await expect(rows).to_contain_text("off → 4.25 %")
    await expect(rows).not_to_contain_text("Leverage")
    assert await kept(desk) == before

    # What was shown holds for that choice alone.
    await panel.get_by_label("Starting balance that the firm").fill("10000")
    await expect(apply).to_be_disabled()
    await panel.get_by_role("button", name="Preview").click()
    await expect(rows).to_contain_text("off → 425.00 USD")
    await apply.click()
    await page.told("The profile's limits applied by the bridge")

    after = await kept(desk)
    assert (after["dailyLoss"]["money"], after["totalLoss"]["percent"]) == (425, 8.5)
    assert (after["maximumLeverage"], after["profileId"]) == (30, "ftmo-two-phase")
    await expect(panel.locator("summary").first).to_contain_text("now from ftmo-two-phase")
    await expect(typed(page, "Loss of the day")).to_have_value("425")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is missing: python build_hooks/dashboard.py")
@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_limits_with_everything_open_have_no_serious_fault_of_accessibility(
    desk: Desk, browser: Browser, theme: str
) -> None:
    await desk.limits(**MANY)
    found: list[str] = []
    async with cockpit(browser, desk.world.address("gateway"), color_scheme=theme) as page:
        await page.sign_in()
        await expect(use(page, "MAXIMUM_SPREAD")).to_be_visible()
        found += [f"desk: {each}" for each in await serious(page.page)]
        await page.go("Accounts")
        await expect(form(page).get_by_text("Losses, 3 set")).to_be_visible()
        await unfold(page, "Start from", "Orders and exposure", "Spreads", "Day")
        await form(page).get_by_label("Profile", exact=True).select_option("ftmo-two-phase")
        await form(page).get_by_role("button", name="Preview").click()
        await expect(form(page).get_by_role("list", name="What would change")).to_be_visible()
        await typed(page, "Leverage, times").fill("-1")
        found += [f"accounts: {each}" for each in await serious(page.page)]

    assert found == []


async def test_on_a_phone_limits_with_everything_open_do_not_run_off_the_side(
    desk: Desk, browser: Browser
) -> None:
    await desk.limits(**MANY)
    address = desk.world.address("gateway")
    async with cockpit(browser, address, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        await page.sign_in()
        await expect(use(page, "MAXIMUM_SPREAD")).to_be_attached()
        wide = "document.documentElement.scrollWidth - innerWidth"
        assert await page.page.evaluate(wide) <= 0
        await page.go("Accounts")
        await expect(form(page).get_by_text("Losses, 3 set")).to_be_visible()
        await unfold(page, "Start from", "Orders and exposure", "Spreads", "Day")
        await form(page).get_by_label("Profile", exact=True).select_option("ftmo-two-phase")
        await form(page).get_by_role("button", name="Preview").click()
        await expect(form(page).get_by_role("list", name="What would change")).to_be_visible()
        assert await page.page.evaluate(wide) <= 0
