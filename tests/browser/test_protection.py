"""What the bridge does with a trade by itself: set in the page, done at the broker, shown as far as it is."""

from __future__ import annotations

from decimal import Decimal

import pytest
from playwright.async_api import Locator, expect

from tests.browser.chromium import runnable
from tests.browser.cockpit import Cockpit
from tests.support.desk import Desk
from tests.support.world import eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]


async def target(form: Locator, number: int, price: str, share: str, move: str = "stays") -> None:
    fields = form.get_by_role("group", name=f"Target {number}")
    await fields.get_by_label("Price").fill(price)
    await fields.get_by_label("Share").fill(share)
    await fields.get_by_label("Then the stop").select_option(move)


def details(page: Cockpit, trade: dict[str, str]) -> Locator:
    return page.page.locator(f'tr[data-details="{trade["tradeId"]}"]')


async def unfolded(page: Cockpit, trade: dict[str, str]) -> Locator:
    await page.trade(trade["ticket"]).get_by_role("button", name="Details of").click()
    return details(page, trade)


async def test_a_ladder_is_set_in_the_page_and_closes_its_shares_at_the_broker(
    desk: Desk, page: Cockpit
) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095)
    row = page.trade(trade["ticket"])
    shown = await unfolded(page, trade)
    await expect(shown).to_contain_text("None: the trade runs to its stop")

    await page.choose(row, "Ladder and break-even…")
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Add a target").click()
    await target(dialog, 1, "1.05", "50")
    await expect(dialog.get_by_text("must be above the market")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Set")).to_be_disabled()
    await target(dialog, 1, "1.101", "50", "to break-even")
    await expect(dialog.get_by_text("about 0.05 lots, about 4.80 USD")).to_be_visible()
    await dialog.get_by_role("button", name="Add a target").click()
    await target(dialog, 2, "1.102", "60")
    await expect(dialog.get_by_text("add up to 110 %")).to_be_visible()
    await target(dialog, 2, "1.102", "30", "to the target before")
    await expect(dialog.get_by_text("20 % runs on")).to_be_visible()
    await page.press("Set")

    await page.told("Ladder and break-even of EURUSD set, applied by the bridge")
    await expect(row).to_contain_text("ladder 0 of 2")
    steps = shown.locator("[data-step]")
    await expect(steps.nth(0)).to_contain_text("1.10100")
    await expect(steps.nth(0)).to_contain_text("waits")

    await desk.market("1.10100")
    await expect(steps.nth(0)).to_have_attribute("data-state", "DONE")
    await expect(steps.nth(0)).to_contain_text("stop moved to break-even")
    await expect(row).to_contain_text("ladder 1 of 2")
    await expect(page.cell(row, "Lots")).to_have_text("0.05")
    held = desk.position(trade)
    assert held.volume == Decimal("0.05")
    assert held.sl is not None
    assert held.sl >= Decimal("1.10004")

    # What is left of it is what the dialog begins with, in shares of what is open then.
    await page.choose(row, "Ladder and break-even…")
    await expect(dialog).to_contain_text("Some of it is done already")
    await expect(dialog.get_by_label("Share")).to_have_value("60")
    await page.press("Take away")
    await page.told("taken away, applied by the bridge")
    await expect(shown).to_contain_text("None: the trade runs to its stop")
    assert desk.position(trade).volume == Decimal("0.05"), "what is open stays open"


async def test_break_even_by_profit_moves_the_stop_once(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095)
    row = page.trade(trade["ticket"])
    shown = await unfolded(page, trade)

    await shown.get_by_role("button", name="Change: ladder and break-even").click()
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_role("switch", name="Move the stop to break-even").click()
    await dialog.get_by_label("Once").select_option("pips in profit")
    await dialog.get_by_label("How many pips").fill("20")
    await page.press("Set")
    await expect(shown).to_contain_text("To break-even at 20 pips in profit")
    await desk.market("1.10204")

    await expect(shown).to_contain_text("Break-even done")
    await expect(row).to_contain_text("break-even done")
    stop = desk.position(trade).sl
    assert stop is not None
    assert Decimal("1.10004") <= stop < Decimal("1.102")


async def test_a_trade_that_never_had_a_stop_cannot_count_in_risk_and_the_field_says_so(
    desk: Desk, page: Cockpit
) -> None:
    trade = await desk.opened(0.1)
    await page.choose(page.trade(trade["ticket"]), "Ladder and break-even…")
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_role("switch", name="Move the stop to break-even").click()

    await expect(dialog.get_by_text("needs a trade that has had a stop loss")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Set")).to_be_disabled()


async def test_what_the_server_refuses_stands_beside_its_field(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1)
    await page.choose(page.trade(trade["ticket"]), "Trailing stop…")
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_label("Distance").fill("0.9")
    await dialog.get_by_label("Unit").select_option("price")
    await page.press("Set")

    await expect(dialog.get_by_text("20 % of the price")).to_be_visible()
    await expect(dialog.get_by_label("Distance")).to_have_attribute("aria-invalid", "true")
    assert (await desk.trade(trade["tradeId"]))["trailingStop"] is None


async def test_a_trailing_stop_starts_when_it_was_told_to(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095)
    row = page.trade(trade["ticket"])
    shown = await unfolded(page, trade)
    await page.choose(row, "Trailing stop…")
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_label("Distance").fill("20")
    await dialog.get_by_label("Starts").select_option("the market's price")
    await dialog.get_by_label("Which price").fill("1.104")
    await page.press("Set")

    await page.told("Trailing stop of EURUSD set, applied by the bridge")
    await expect(shown).to_contain_text("20 pips behind the best price, starting at 1.10400")
    await expect(shown).to_contain_text("Not started yet")
    await desk.market("1.10300")
    assert desk.position(trade).sl == Decimal("1.095")
    await desk.market("1.10500")

    await expect(shown).to_contain_text("Active; best price 1.10500")
    await expect(page.cell(row, "Stop loss")).to_have_text("1.10300")
    assert desk.position(trade).sl == Decimal("1.103")


@pytest.mark.parametrize(
    ("kind", "label", "value", "begins"),
    [
        ("R in profit (first risk)", "How many R", "0.5", {"riskMultiple": 0.5}),
        ("USD in profit", "How much", "30", {"money": 30.0}),
        ("targets closed", "How many targets", "1", {"target": 1}),
    ],
)
async def test_every_kind_of_start_reaches_the_bridge(
    desk: Desk, page: Cockpit, kind: str, label: str, value: str, begins: dict[str, float]
) -> None:
    plan = {"targets": [{"price": 1.2, "share": 0.5}]}
    trade = await desk.opened(0.1, stopLoss=1.095, protection=plan)
    await page.choose(page.trade(trade["ticket"]), "Trailing stop…")
    dialog = page.page.get_by_role("dialog")
    await dialog.get_by_label("Distance").fill("20")
    await dialog.get_by_label("Starts").select_option(kind)
    await dialog.get_by_label(label).fill(value)
    await page.press("Set")
    await page.told("Trailing stop of EURUSD set, applied by the bridge")

    kept = (await desk.trade(trade["tradeId"]))["trailingStop"]
    assert kept["start"] == begins


async def test_one_trade_is_hidden_while_its_account_is_not(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095)
    other = await desk.opened(0.1, stopLoss=1.09)
    row = page.trade(trade["ticket"])
    shown = await unfolded(page, trade)

    await page.choose(row, "Hide or show levels…")
    dialog = page.page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="As the account (shown)")).to_have_attribute(
        "aria-pressed", "true"
    )
    await dialog.get_by_role("button", name="Hidden", exact=True).click()
    await page.press("Set")

    await expect(page.cell(row, "Stop loss")).to_contain_text("hidden · broker")
    await expect(shown).to_contain_text("Hidden from the broker, as set for this trade")
    await expect(shown).to_contain_text("guard looked")
    held = desk.position(trade).sl
    assert held is not None
    assert held < Decimal("1.095")
    await expect(shown).to_contain_text(f"{held:.5f}")
    assert desk.position(other).sl == Decimal("1.09"), "only the one"

    await page.choose(row, "Hide or show levels…")
    await dialog.get_by_role("button", name="As the account (shown)").click()
    await page.press("Set")
    await expect(page.cell(row, "Stop loss")).to_have_text("1.09500")
    assert desk.position(trade).sl == Decimal("1.095")


async def test_an_order_opens_with_its_ladder_and_its_break_even(desk: Desk, page: Cockpit) -> None:
    form = page.page.get_by_role("complementary", name="New order")
    await form.get_by_label("Symbol").select_option("EURUSD")
    await form.get_by_label("Size").fill("0.2")
    await form.get_by_label("Stop loss").fill("1.095")
    await form.get_by_text("Ladder and break-even").click()
    await form.get_by_role("button", name="Add a target").click()
    await target(form, 1, "1.05", "50", "to break-even")
    # The server's word, from the preview: an order at the market is held against its quote.
    await expect(form.get_by_text("a target at 1.05 has to be above the market")).to_be_visible()
    await target(form, 1, "1.103", "50", "to break-even")
    await form.get_by_role("button", name="Add a target").click()
    await target(form, 2, "1.106", "50")
    await form.get_by_role("switch", name="Move the stop to break-even").click()
    await expect(form.locator(".preview")).to_contain_text("Counted at the bridge")
    await form.get_by_role("button", name="Buy 0.2 lots EURUSD").click()
    await page.press("Buy now")
    await page.told("Buy 0.2 lots EURUSD: confirmed by the terminal")

    async def the_trade() -> dict[str, object] | None:
        trades = await desk.trader.live_trades()
        return trades[0]["trade"] if trades else None

    trade = await eventually(the_trade)
    kept = trade["protection"]
    assert [(each["target"]["price"], each["target"]["share"]) for each in kept["steps"]] == [
        (1.103, 0.5),
        (1.106, 0.5),
    ]
    assert kept["breakEven"]["plan"]["start"] == {"riskMultiple": 1.0}
    await expect(page.trade(trade["ticket"])).to_contain_text("ladder 0 of 2")
    await expect(page.trade(trade["ticket"])).to_contain_text("break-even waits")


async def test_what_is_wanted_and_not_applied_is_told_apart(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1, stopLoss=1.095)
    shown = await unfolded(page, trade)
    await desk.bridge_killed()
    try:
        await page.choose(page.trade(trade["ticket"]), "Ladder and break-even…")
        dialog = page.page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Add a target").click()
        await target(dialog, 1, "1.2", "50")
        await page.press("Set")

        await page.told("wanted is recorded, the bridge has not applied it yet")
        await expect(shown).to_contain_text("Wanted, not applied by the bridge yet: 50 % at 1.20000")
        await expect(shown).to_contain_text("None: the trade runs to its stop")
    finally:
        await desk.bridge_back()

    await expect(shown.locator("[data-step]")).to_contain_text("1.20000")
    await expect(shown.get_by_text("not applied")).to_have_count(0)
