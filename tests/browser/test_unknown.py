"""What nobody knows is shown as not known, and a person who looked at the broker says what it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio
from playwright.async_api import Locator, expect

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.faults import Lag, TellNone
from tests.browser.chromium import runnable
from tests.browser.cockpit import Cockpit
from tests.support.desk import Desk
from tests.support.records import violations
from tests.support.world import traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

LOGIN = 5001
# For so long the terminal does not show what its broker did: enough for a person, and for a busy machine.
HIDDEN_MILLISECONDS = 40_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("unknown")
    async with traded_account(directory, f"{LOGIN}:USD:100000:hedging") as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


async def unknown_order(page: Cockpit, lots: str) -> Locator:
    """Orders in the page; returns the row of the command that nobody knows the outcome of."""
    form = page.page.get_by_role("complementary", name="New order")
    await form.get_by_label("Symbol").select_option("EURUSD")
    await form.get_by_label("Size").fill(lots)
    await form.get_by_role("button", name=f"Buy {lots} lots EURUSD").click()
    await page.press("Buy now")
    await page.told("nobody knows yet whether it was done")
    await expect(page.page.get_by_role("link", name="Commands")).to_contain_text("1 not known")
    await page.go("Commands")
    row = page.page.locator('[data-command][data-state="UNKNOWN"]')
    await expect(row).to_contain_text(f"buy EURUSD {float(lots):.2f} lots")
    await row.get_by_role("button", name="Resolve…").click()
    return row


async def test_what_was_not_executed_is_resolved_as_such_and_the_evidence_is_shown(
    desk: Desk, page: Cockpit
) -> None:
    desk.broker.add_fault(TellNone(function="order_send", executed=False, count=1))
    await unknown_order(page, "0.1")
    (command,) = [each for each in await desk.all_commands() if each["state"] == "UNKNOWN"]
    dialog = page.page.get_by_role("dialog", name="Was it executed?")
    await expect(dialog.locator(".evidence")).to_contain_text(command["legs"][0]["magic"])
    await expect(dialog.locator(".evidence")).to_contain_text("called once")
    await expect(dialog.get_by_role("button", name="Resolve")).to_be_disabled()
    await dialog.get_by_role("button", name="It was not").click()
    await dialog.get_by_label("How you know").fill("no such order at the broker")
    await page.press("Resolve")

    await page.told("Resolved as rejected")
    ended = page.page.locator(f'[data-command="{command["commandId"]}"]')
    await expect(ended).to_have_attribute("data-state", "REJECTED")
    await expect(ended).to_contain_text("resolved by a person")
    await expect(page.page.get_by_role("link", name="Commands")).not_to_contain_text("not known")
    assert desk.positions() == {}
    audit = (await desk.trader.get("/api/audit", chain=desk.trader.account_id))["entries"]
    assert any("no such order at the broker" in each["detail"] for each in audit)


async def test_what_was_executed_is_resolved_by_its_ticket_and_the_position_is_that_trade(
    desk: Desk, page: Cockpit
) -> None:
    desk.broker.add_fault(Lag(login=LOGIN, milliseconds=HIDDEN_MILLISECONDS))
    desk.broker.add_fault(TellNone(function="order_send", executed=True, count=1))
    await unknown_order(page, "0.2")
    (position,) = desk.positions().values()
    assert position.volume == Decimal("0.2"), "the broker has executed it"
    dialog = page.page.get_by_role("dialog", name="Was it executed?")
    await dialog.get_by_role("button", name="It was executed").click()
    await dialog.get_by_label("Ticket that shows it").fill(str(position.ticket))
    await dialog.get_by_label("How you know").fill("the position stands in the broker's list")
    await page.press("Resolve")

    await page.told("Resolved as succeeded")
    (command,) = [each for each in await desk.all_commands() if each["resolvedByPerson"]][:1]
    ended = page.page.locator(f'[data-command="{command["commandId"]}"]')
    await expect(ended).to_have_attribute("data-state", "SUCCEEDED")
    await expect(ended).to_contain_text("resolved by a person")

    await page.go("Desk")
    await expect(page.trade(position.ticket)).to_be_visible(timeout=90_000)
    assert len(desk.positions()) == 1, "it was not sent again"


async def test_every_deal_is_explained_by_a_command(desk: Desk) -> None:
    assert violations(await desk.all_commands(), desk.world.directory) == []
