"""The equity curve comes from what the server recorded, and is broken where nothing was measured."""

from __future__ import annotations

import sqlite3
import time

import pytest
from playwright.async_api import expect

from tests.browser.chromium import runnable
from tests.browser.cockpit import Cockpit
from tests.support.desk import Desk

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module"), runnable]

HOUR = 3_600_000


def recorded(desk: Desk, *, since: int, until: int) -> None:
    """Puts a sample of each minute on record, as the server does: milliseconds back from now."""
    now = int(time.time() * 1000)
    rows = [
        (desk.trader.account_id, now - back, 90_000.0 + back / HOUR, 90_000.0, 60.0)
        for back in range(until, since, 60_000)
    ]
    with sqlite3.connect(desk.world.directory / "server" / "signalos.sqlite3", timeout=20) as database:
        database.executemany(
            "INSERT INTO equity_samples (account_id, time_milliseconds, equity, balance, span_seconds) "
            "VALUES (?, ?, ?, ?, ?)",
            rows,
        )
    database.close()


async def test_the_curve_shows_what_was_recorded_before_the_page_and_where_nothing_was(
    desk: Desk, page: Cockpit
) -> None:
    curve = page.page.get_by_role("figure", name="Equity curve")
    await expect(curve).to_contain_text("as measured since")
    recorded(desk, since=20 * HOUR, until=15 * HOUR)
    recorded(desk, since=10 * HOUR, until=30_000)
    await page.page.reload()

    await expect(curve).to_have_attribute("data-gaps", "1")
    await expect(curve).to_contain_text("where it is broken nothing was measured")
    # A record that is shorter than its range fills it.
    slots = int(await curve.get_attribute("data-slots") or 0)
    assert 358 <= slots <= 362
    await curve.get_by_role("button", name="1 h").click()
    await expect(curve).to_have_attribute("data-gaps", "0")
    await expect(curve).not_to_contain_text("broken")
    told = (await desk.trader.get(f"/api/accounts/{desk.trader.account_id}/equity"))["samples"]
    assert len(told) >= 15 * 60 - 2
    assert told[0]["span"] == "60s"
