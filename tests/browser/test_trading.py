"""Each action of the desk, from the press to the broker's own record."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from playwright.async_api import expect

from tests.browser.chromium import runnable
from tests.browser.cockpit import Cockpit
from tests.support.desk import Desk
from tests.support.records import violations
from tests.support.world import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]


async def test_profit_moves_with_the_market_and_says_how_old_it_is(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(1.0)
    row = page.trade(trade["ticket"])
    await expect(page.cell(row, "Profit")).to_contain_text("−4.00")

    await desk.market("1.10104")

    await expect(page.cell(row, "Profit")).to_contain_text("+100.00")
    await expect(page.cell(row, "Now")).to_have_text("1.10104")
    assert (await page.cell(row, "Age").inner_text()).endswith(" s")


async def test_an_order_is_previewed_at_the_bridge_asked_about_and_opened_once(
    desk: Desk, page: Cockpit
) -> None:
    form = page.page.get_by_role("complementary", name="New order")
    await form.get_by_label("Symbol").select_option("EURUSD")
    await form.get_by_label("Size").fill("0.3")
    await form.get_by_label("Stop loss").fill("1.095")
    # With the commission, once a deal of this broker has told it.
    await expect(form.locator(".preview")).to_contain_text(re.compile(r"stop15(1\.20|3\.30) USD"))

    await form.get_by_role("button", name="Buy 0.3 lots EURUSD").click()
    await page.press("Buy now")

    await page.told("Buy 0.3 lots EURUSD: confirmed by the terminal")
    (position,) = desk.positions().values()
    assert (position.volume, position.sl) == (Decimal("0.3"), Decimal("1.095"))
    await expect(page.trade(position.ticket)).to_be_visible()


async def test_an_order_that_cannot_be_is_refused_in_words_before_it_is_sent(
    desk: Desk, page: Cockpit
) -> None:
    form = page.page.get_by_role("complementary", name="New order")
    await form.get_by_label("Symbol").select_option("EURUSD")
    await form.get_by_label("Size").fill("0.1")
    await form.get_by_label("Stop loss").fill("1.2")

    await expect(form.locator(".preview .problem-text").first).to_be_visible()
    await expect(form.get_by_role("button", name="Buy 0.1 lots EURUSD")).to_be_disabled()
    assert desk.positions() == {}


async def test_a_close_is_shown_once_the_broker_has_closed(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.2)
    row = page.trade(trade["ticket"])

    await row.get_by_role("button", name="Close", exact=True).click()
    assert desk.positions(), "nothing is closed before it was confirmed"
    await page.press("Close trade")

    await page.told("Close EURUSD 0.20: confirmed by the terminal")
    await expect(row).to_have_count(0)
    assert desk.positions() == {}


async def test_half_is_closed_and_the_rest_stays(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.2)
    row = page.trade(trade["ticket"])

    await row.get_by_role("button", name="50 %").click()
    await page.press("Close 50 %")

    await expect(page.cell(row, "Lots")).to_have_text("0.10")
    assert desk.position(trade).volume == Decimal("0.1")


async def test_the_smallest_lot_cannot_be_split_and_the_button_says_why(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.01)
    half = page.trade(trade["ticket"]).get_by_role("button", name="50 %")

    await expect(half).to_be_disabled()
    assert "minimum of 0.01" in (await half.get_attribute("title") or "")


async def test_levels_are_set_and_removed_at_the_broker(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1, stopLoss=1.09)
    row = page.trade(trade["ticket"])

    await page.choose(row, "Modify levels…")
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_label("Stop loss").fill("1.2")
    await expect(dialog.get_by_text("must be below the market")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Modify")).to_be_disabled()
    await dialog.get_by_label("Stop loss").fill("1.095")
    await expect(dialog.get_by_text("About −50.40 USD")).to_be_visible()
    await dialog.get_by_label("Take profit").fill("1.12")
    await page.press("Modify")

    await expect(page.cell(row, "Stop loss")).to_have_text("1.09500")
    await expect(page.cell(row, "Take profit")).to_have_text("1.12000")
    position = desk.position(trade)
    assert (position.sl, position.tp) == (Decimal("1.095"), Decimal("1.12"))

    await page.choose(row, "Modify levels…")
    await dialog.get_by_label("Take profit").fill("")
    await page.press("Modify")

    await expect(page.cell(row, "Take profit")).to_have_text("none")
    assert desk.position(trade).sl == Decimal("1.095"), "what was not changed stays"


async def test_break_even_moves_the_stop_of_a_winner(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1, stopLoss=1.09)
    await desk.market("1.10500")
    row = page.trade(trade["ticket"])

    await page.choose(row, "Break-even now")
    await page.press("Move the stop")

    await page.told("Break-even for EURUSD 0.10: confirmed by the terminal")
    stop = desk.position(trade).sl
    assert stop is not None
    assert stop >= Decimal("1.10004")


async def test_a_trailing_stop_follows_the_market_once_the_bridge_applied_it(
    desk: Desk, page: Cockpit
) -> None:
    trade = await desk.opened(0.1)
    row = page.trade(trade["ticket"])

    await page.choose(row, "Trailing stop…")
    await page.page.get_by_label("Distance").fill("20")
    await page.press("Set")
    await page.told("applied by the bridge")
    await desk.market("1.10500")

    await expect(page.cell(row, "Stop loss")).to_have_text("1.10300")
    await expect(row).to_contain_text("trailing")


async def test_a_pending_order_is_placed_moved_and_cancelled(desk: Desk, page: Cockpit) -> None:
    form = page.page.get_by_role("complementary", name="New order")
    await form.get_by_label("Symbol").select_option("EURUSD")
    await form.get_by_role("button", name="Limit").click()
    await form.get_by_label("Price").fill("1.09")
    await form.get_by_label("Size").fill("0.1")
    await form.get_by_role("button", name="Buy 0.1 lots EURUSD").click()
    await page.press("Buy now")
    await eventually(lambda: _any(desk))
    (ticket,) = desk.orders()
    row = page.order(ticket)

    await row.get_by_role("button", name="Move…").click()
    await page.page.get_by_role("dialog").get_by_label("Price").fill("1.085")
    await page.press("Move")
    await expect(page.cell(row, "Price")).to_have_text("1.08500")
    assert desk.orders()[ticket].price_open == Decimal("1.085")

    await row.get_by_role("button", name="Cancel").click()
    await page.press("Cancel the order")
    await expect(row).to_have_count(0)
    assert desk.orders() == {}


async def _any(desk: Desk) -> bool:
    return bool(desk.orders())


async def test_a_frantic_trader_closes_once(desk: Desk, page: Cockpit) -> None:
    """Without confirmations: ten presses, and a held Enter."""
    await desk.trader.client.put("/api/settings", json={"settings": {"confirmActions": False}})
    try:
        await page.page.reload()
        await expect(page.page.get_by_text("confirmations off")).to_be_visible()
        trade = await desk.opened(0.4)
        half = page.trade(trade["ticket"]).get_by_role("button", name="50 %")
        await half.focus()
        await page.page.keyboard.down("Enter")
        for _ in range(10):
            await page.page.keyboard.down("Enter")
        await page.page.keyboard.up("Enter")
        await page.told("Close 50 % of EURUSD 0.40: confirmed by the terminal")

        assert desk.position(trade).volume == Decimal("0.2")
        commands = (await desk.trader.get("/api/commands", tradeId=trade["tradeId"]))["commands"]
        assert len([each for each in commands if "close" in each["action"]]) == 1
    finally:
        await desk.trader.client.put("/api/settings", json={"settings": {"confirmActions": True}})


async def test_levels_under_stealth_show_what_is_hidden_and_what_the_broker_holds(
    desk: Desk, page: Cockpit
) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095)
    row = page.trade(trade["ticket"])
    switch = page.page.get_by_role("switch", name="Stealth")
    try:
        await switch.click()
        await page.told("Stealth is on, applied by the bridge")
        await expect(page.cell(row, "Stop loss")).to_contain_text("hidden · broker")
        await expect(page.cell(row, "Stop loss")).to_contain_text("guard looked")
        held = desk.position(trade).sl
        assert held is not None
        assert held < Decimal("1.095")
        await expect(page.cell(row, "Stop loss")).to_contain_text(f"{held:.5f}")
    finally:
        await switch.click()
        await page.told("Stealth is off")
    await expect(page.cell(row, "Stop loss")).to_have_text("1.09500")


async def test_a_pending_order_under_stealth_shows_what_is_hidden_and_what_the_broker_holds(
    desk: Desk, page: Cockpit
) -> None:
    switch = page.page.get_by_role("switch", name="Stealth")
    shown = await desk.placed("LIMIT", "BUY", 1.06, stopLoss=1.05, takeProfit=1.09)
    await expect(page.cell(page.order(shown["ticket"]), "Stop")).to_have_text("1.05000")
    try:
        await switch.click()
        await page.told("Stealth is on, applied by the bridge")
        hidden = await desk.placed("LIMIT", "BUY", 1.07, stopLoss=1.06, takeProfit=1.09)
        row = page.order(hidden["ticket"])
        held = desk.orders()[int(hidden["ticket"])].sl
        await expect(page.cell(row, "Stop")).to_have_text(f"1.06000hidden · broker {held:.5f}")
        await expect(page.cell(row, "Target")).to_have_text("1.09000hidden")
    finally:
        await switch.click()
        await page.told("Stealth is off")
        for order in (shown, hidden):
            await desk.send("DELETE", f"/api/orders/{order['orderId']}")


async def test_every_deal_at_the_broker_is_explained_by_a_command(desk: Desk) -> None:
    commands = await desk.all_commands()

    assert commands
    assert violations(commands, desk.world.directory) == []
