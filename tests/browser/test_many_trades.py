"""Two hundred trades on one page, of which only those near what is in sight are drawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.chromium import runnable
from tests.browser.played_gateway import TRADES, many_trades, shown

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

PHONE = {"width": 390, "height": 844}


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    moving = asyncio.Event()
    moving.set()
    async with many_trades(browser, moving) as opened:
        await shown(opened)
        yield opened


async def scrolled_through(page: Page) -> set[str]:
    """Return each trade that came into sight from the top to the bottom."""
    seen: set[str] = set()
    await page.evaluate("() => scrollTo(0, 0)")
    while True:
        await page.evaluate(
            "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        seen |= set(
            await page.evaluate(
                """() => [...document.querySelectorAll('tr[data-trade]')]
                  .filter((row) => {
                    const box = row.getBoundingClientRect();
                    return box.bottom > 0 && box.top < innerHeight;
                  })
                  .map((row) => row.dataset.trade)"""
            )
        )
        moved = await page.evaluate(
            "() => { const before = scrollY; scrollBy(0, innerHeight / 2); return scrollY > before; }"
        )
        if not moved:
            return seen


@pytest.mark.parametrize("size", [None, PHONE], ids=["desk", "phone"])
async def test_each_trade_comes_into_sight_by_scrolling(page: Page, size: dict[str, int] | None) -> None:
    if size is not None:
        await page.set_viewport_size({"width": size["width"], "height": size["height"]})

    assert await scrolled_through(page) == {f"trd_{number}" for number in range(TRADES)}
    assert await page.locator("tr[data-trade]").count() < 100


async def test_details_that_were_opened_are_open_when_their_row_comes_back(page: Page) -> None:
    row = page.locator("tr[data-trade]").nth(1)
    trade = await row.get_attribute("data-trade")
    await row.get_by_role("button", name="Details of").click()
    other = page.locator("tr[data-trade]").nth(2)
    await other.get_by_role("button", name="Close", exact=True).focus()

    await page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    await page.locator(f'tr[data-trade="{trade}"]').wait_for(state="detached")
    await page.evaluate("() => scrollTo(0, 0)")

    await page.locator(f'tr[data-details="{trade}"]').wait_for(state="visible")


async def test_what_is_begun_in_a_row_outlives_its_going_out_of_sight(page: Page) -> None:
    row = page.locator("tr[data-trade]").first
    trade = await row.get_attribute("data-trade")
    await row.get_by_role("button", name="Close", exact=True).click()
    await page.get_by_role("dialog").wait_for()

    await page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    await page.wait_for_function("() => document.querySelectorAll('tr[data-trade]').length > 1")

    assert await page.get_by_role("dialog").is_visible()
    assert await page.locator(f'tr[data-trade="{trade}"]').count() == 1
