"""One Chromium, and one whole SignalOS, for the tests of a file."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from signalos_bridge.emulator.admin import BrokerAdmin
from tests.browser import chromium as system
from tests.browser.cockpit import Cockpit, cockpit
from tests.support.desk import Desk
from tests.support.world import traded_account

LOGIN = 5001
# What is waited for is a matter of milliseconds; the rest is for machines that are busy.
expect.set_options(timeout=20_000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with system.chromium() as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    directory = tmp_path_factory.mktemp("browser")
    environment = {"SIGNALOS_SETTLE_SCALE": "0.03", "SIGNALOS_DEV": "1"}
    async with traded_account(directory, f"{LOGIN}:USD:100000:hedging", environment) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            yield Desk(world, trader, broker, LOGIN)


@pytest_asyncio.fixture(loop_scope="module")
async def desk(whole: Desk) -> AsyncIterator[Desk]:
    await whole.calm()
    yield whole


@pytest_asyncio.fixture(loop_scope="module")
async def page(desk: Desk, browser: Browser) -> AsyncIterator[Cockpit]:
    """A signed-in dashboard."""
    async with cockpit(browser, desk.world.address("gateway")) as opened:
        await opened.sign_in()
        yield opened
