"""How quick the page itself is: the built files, and a gateway that is played by the browser's own driver.

Measured by `make bench`, and no test of every run: what else the machine does would decide it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.chromium import runnable
from tests.browser.played_gateway import UPDATES_A_SECOND, many_trades, shown

pytestmark = [
    pytest.mark.integration,
    pytest.mark.asyncio(loop_scope="module"),
    runnable,
    pytest.mark.skipif("SIGNALOS_MEASURE" not in os.environ, reason="a measurement: `make bench` takes it"),
]

SECONDS = 6
LONG_TASK_MILLISECONDS = 50

# What the clock says means nothing then.
BUSY = hasattr(os, "getloadavg") and os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)


@pytest.fixture
def moving() -> asyncio.Event:
    """Set: the prices move."""
    return asyncio.Event()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, moving: asyncio.Event) -> AsyncIterator[Page]:
    async with many_trades(browser, moving) as opened:
        yield opened


async def test_the_desk_is_painted_within_a_second(page: Page) -> None:
    began = page_seconds()
    await shown(page)
    spent = page_seconds() - began
    paint = await page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")

    # With two hundred trades on it; of processor time, which other work on the machine does not add to.
    assert spent < 1, spent
    assert paint > 0
    if not BUSY:
        assert paint < 1000


async def test_two_hundred_trades_at_four_updates_a_second_leave_scrolling_smooth(
    page: Page, moving: asyncio.Event
) -> None:
    await shown(page)
    first = page.locator("tr[data-trade]").first
    # What is used stays drawn.
    await first.get_by_role("button", name="Close", exact=True).focus()
    used = page.locator(f'tr[data-trade="{await first.get_attribute("data-trade")}"] [data-label="Profit"]')
    before = await used.inner_text()
    await page.wait_for_timeout(1500)

    still, tasks_while_still = await scrolled(page)
    moving.set()
    spent, tasks = await scrolled(page)

    assert await used.inner_text() != before
    assert 0 < await page.locator("tr[data-trade]").count() < 100
    print(  # noqa: T201 - a measurement's figures
        f"\nscrolling for {SECONDS} s: {still:.2f} s of processor time, with updates {spent:.2f} s; "
        f"tasks over {LONG_TASK_MILLISECONDS} ms: {[round(each) for each in tasks_while_still]}, "
        f"with updates {[round(each) for each in tasks]}"
    )
    # What an update costs beside the scrolling: of processor time, which other work does not add to.
    assert (spent - still) / (SECONDS * UPDATES_A_SECOND) < LONG_TASK_MILLISECONDS / 1000, (spent, still)
    if not BUSY:
        # One in a while may be the machine's doing; the updates' own work would show at each of them.
        assert len(tasks) <= len(tasks_while_still) + SECONDS * UPDATES_A_SECOND / 8, tasks


async def scrolled(page: Page) -> tuple[float, list[float]]:
    """Scroll down and up again, a step with each frame.

    Returns the processor time of the page's main thread in seconds, and how long each long task took by the
    clock, in milliseconds.
    """
    began = page_seconds()
    tasks: list[float] = await page.evaluate(
        """async (seconds) => {
          const tasks = [];
          const watch = new PerformanceObserver((list) => {
            for (const each of list.getEntries()) tasks.push(each.duration);
          });
          watch.observe({ entryTypes: ['longtask'] });
          const end = performance.now() + seconds * 1000;
          let step = 16;
          await new Promise((done) => {
            const scroll = () => {
              scrollBy(0, step);
              if (scrollY <= 0 || scrollY + innerHeight >= document.body.scrollHeight - 2) step = -step;
              if (performance.now() < end) requestAnimationFrame(scroll);
              else done();
            };
            requestAnimationFrame(scroll);
          });
          watch.disconnect();
          return tasks;
        }""",
        SECONDS,
    )
    return page_seconds() - began, tasks


def page_seconds() -> float:
    """Processor time that the main threads of this browser's pages have used so far."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "--type=renderer" in process.cmdline():
                total += sum(
                    each.user_time + each.system_time for each in process.threads() if each.id == process.pid
                )
    return total
