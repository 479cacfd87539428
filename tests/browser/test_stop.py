"""The emergency stop as it is pressed: to "flat, verified", and out of it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from signalos_bridge.emulator.operator_messages import SymbolChange
from tests.browser.chromium import runnable
from tests.browser.cockpit import HOLD_SECONDS, Cockpit
from tests.support.desk import Desk
from tests.support.world import PASSWORD, eventually

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

STOP = "Emergency stop"


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def armed(whole: Desk) -> AsyncIterator[None]:
    """Leads out of whatever a test has left stopped."""
    yield
    whole.broker.clear_faults()
    whole.broker.set_symbol("EURUSD", SymbolChange(closed=False))

    async def out() -> bool:
        state = await whole.trader.get("/api/trading/state")
        if not any(each["wanted"]["stopped"] for each in state["states"]):
            return await whole.trader.may_open()
        body = {"generation": state["generation"], "reason": "end of a test", "password": PASSWORD}
        await whole.trader.post("/api/trading/rearm", body)
        return False

    await eventually(out, within=30)


async def stops(desk: Desk) -> list[str]:
    listed = await desk.trader.get("/api/trading/stops", activeOnly="true")
    return [stop["stopId"] for stop in listed["stops"]]


async def test_a_stop_halts_then_closes_everything_then_is_led_out_of(desk: Desk, page: Cockpit) -> None:
    ours = await desk.opened(0.1)
    pending = await desk.placed("LIMIT", "BUY", 1.05)
    await expect(page.order(pending["ticket"])).to_be_visible()

    await page.hold(STOP)

    await expect(page.verdict).to_contain_text("open positions stay")
    await expect(page.standing).to_have_attribute("data-standing", "stopped")
    await expect(page.standing).to_have_attribute("data-applied", "true")
    for stage in ("latched by bridge", "terminal quiet", "orders cancelled"):
        await expect(page.page.locator(".stages li.reached", has_text=stage)).to_be_visible()
    assert desk.orders() == {}
    assert len(desk.positions()) == 1

    await page.hold("Close everything")

    await expect(page.verdict).to_contain_text("Flat, verified")
    ticket = page.page.locator(f'.tickets [data-ticket="{ours["ticket"]}"]').first
    await expect(ticket).to_contain_text("closed")
    assert desk.positions() == {}
    await expect(page.page.get_by_text("No open trade.")).to_be_visible()

    await page.rearm()
    await page.told("Re-armed, applied by the bridge")
    await expect(page.standing).to_have_attribute("data-standing", "trading")
    await expect(page.verdict).to_have_count(0)
    assert await stops(desk) == []


async def test_a_short_press_stops_nothing(desk: Desk, page: Cockpit) -> None:
    await page.hold(STOP, seconds=0.4)
    await asyncio.sleep(1.2)

    assert await stops(desk) == []
    await expect(page.page.get_by_role("dialog")).to_have_count(0)


async def test_a_held_key_stops_once_however_often_it_repeats(desk: Desk, page: Cockpit) -> None:
    await page.page.get_by_role("button", name=STOP).focus()
    for _ in range(40):
        await page.page.keyboard.down("Space")
        await asyncio.sleep(HOLD_SECONDS / 20)
    await page.page.keyboard.up("Space")

    await expect(page.standing).to_have_attribute("data-standing", "stopped")
    assert len(await stops(desk)) == 1


async def test_frantic_holding_makes_no_second_call_while_one_is_under_way(desk: Desk, page: Cockpit) -> None:
    calls: list[str] = []
    page.page.on(
        "request", lambda request: calls.append(request.url) if "emergency-stop" in request.url else None
    )
    await page.hold(STOP)
    await page.hold(STOP)
    await page.hold(STOP)

    await expect(page.verdict).to_contain_text("Stopped")
    assert 1 <= len(calls) <= 3
    await expect(page.standing).to_have_attribute("data-standing", "stopped")
    await expect(page.standing).to_have_attribute("data-applied", "true")


async def test_it_works_with_the_websocket_dead(desk: Desk, page: Cockpit) -> None:
    trade = await desk.opened(0.1)
    await page.page.context.route_web_socket("**/ws", lambda socket: asyncio.ensure_future(socket.close()))
    await page.page.reload()
    await expect(page.page.locator(".connection")).not_to_have_attribute("data-phase", "connected")

    await page.hold(STOP)
    await expect(page.verdict).to_contain_text("open positions stay", timeout=15_000)
    await page.hold("Close everything")

    await expect(page.verdict).to_contain_text("Flat, verified", timeout=15_000)
    assert int(trade["ticket"]) not in desk.positions()


async def test_what_could_not_be_closed_is_told_by_ticket_and_flat_is_not_said(
    desk: Desk, page: Cockpit
) -> None:
    trade = await desk.opened(0.1)
    desk.broker.set_symbol("EURUSD", SymbolChange(closed=True))
    await page.hold(STOP)
    await expect(page.standing).to_have_attribute("data-standing", "stopped")
    await page.hold("Close everything")

    ticket = page.page.locator(f'.tickets [data-ticket="{trade["ticket"]}"]').first
    await expect(ticket).to_contain_text("market closed")
    await expect(page.verdict).to_contain_text("not flat yet")
    assert desk.positions()

    desk.broker.set_symbol("EURUSD", SymbolChange(closed=False))
    desk.quote("1.10001")
    await expect(page.verdict).to_contain_text("Flat, verified", timeout=30_000)


async def test_without_the_server_it_says_that_it_was_not_delivered_and_what_to_do(
    desk: Desk, page: Cockpit
) -> None:
    await page.page.route("**/api/trading/emergency-stop", lambda route: asyncio.ensure_future(route.abort()))

    await page.hold(STOP)

    await expect(page.verdict).to_contain_text("Stop NOT delivered.")
    await expect(page.verdict).to_contain_text("signalos bridge stop")
    await expect(page.verdict).to_contain_text("the terminal opens nothing from")
    assert await stops(desk) == []


async def test_a_rearm_wants_the_password_and_says_what_is_wrong(desk: Desk, page: Cockpit) -> None:
    await page.hold(STOP)
    await page.page.get_by_role("button", name="Re-arm…").click()
    await page.page.get_by_label("Why it is safe again").fill("checked")
    await page.page.get_by_label("Your password").fill("not the password")
    await page.press("Re-arm")

    await expect(page.page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    assert len(await stops(desk)) == 1


async def test_pause_and_resume_are_shown_as_applied(desk: Desk, page: Cockpit) -> None:
    await page.page.get_by_role("button", name="Pause").click()
    await page.told("Paused, applied by the bridge")
    await expect(page.standing).to_have_attribute("data-standing", "paused")

    await page.page.get_by_role("button", name="Resume").click()
    await page.told("Resumed, applied by the bridge")
    await expect(page.standing).to_have_attribute("data-standing", "trading")


async def test_a_sync_shows_its_report(desk: Desk, page: Cockpit) -> None:
    await desk.opened(0.1)
    await page.page.get_by_role("button", name="Sync desktop").click()

    dialog = page.page.get_by_role("dialog")
    await expect(dialog).to_contain_text("In sync as of")
    await expect(dialog).to_contain_text("1 position,")
    await expect(dialog).to_contain_text("No difference.")
