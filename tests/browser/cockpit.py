"""The dashboard as a person uses it: signs in, finds rows, presses and holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Locator, Page, ViewportSize, expect

from tests.support.world import PASSWORD

DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
HOLD_SECONDS = 1.15
# Of a sign-in that is not there yet, which the entrance asks after; a browser reports each refused call.
EXPECTED = ("401 (Unauthorized)",)


@dataclass
class Cockpit:
    """One page of one browser profile."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    async def open(self) -> None:
        await self.page.goto(f"http://{self.address}/")

    async def sign_in(self, user: str = "trader", password: str = PASSWORD) -> None:
        await self.open()
        await self.enter(user, password)
        await self.connected()

    async def enter(self, user: str, password: str = PASSWORD) -> None:
        await self.page.get_by_label("User name").fill(user)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()

    async def go(self, title: str) -> None:
        await self.page.get_by_role("navigation").get_by_role("link", name=title).click()

    async def connected(self, within: float = 15.0) -> None:
        await self.phase("connected", within)

    async def phase(self, phase: str, within: float = 15.0) -> None:
        await expect(self.page.locator(".connection")).to_have_attribute(
            "data-phase", phase, timeout=within * 1000
        )

    # -- the desk --------------------------------------------------------------------------------------

    def trade(self, ticket: int | str) -> Locator:
        return self.page.locator(f'tr[data-trade][data-ticket="{ticket}"]')

    def order(self, ticket: int | str) -> Locator:
        return self.page.locator(f'tr[data-order][data-ticket="{ticket}"]')

    def cell(self, row: Locator, label: str) -> Locator:
        return row.locator(f'[data-label="{label}"]')

    async def choose(self, row: Locator, item: str) -> None:
        """Picks an action of a trade's menu."""
        await row.get_by_role("button", name="More for").click()
        await self.page.get_by_role("menuitem", name=item).click()

    async def press(self, name: str) -> None:
        """Presses a button of the dialog that is open."""
        await self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()

    async def told(self, text: str, within: float = 15.0) -> None:
        """Waits for a toast."""
        await expect(self.page.locator(".toast", has_text=text).first).to_be_visible(timeout=within * 1000)

    async def hold(self, name: str, seconds: float = HOLD_SECONDS) -> None:
        """Holds a button down with the pointer."""
        await self.page.get_by_role("button", name=name).hover()
        await self.page.mouse.down()
        await asyncio.sleep(seconds)
        await self.page.mouse.up()

    @property
    def verdict(self) -> Locator:
        return self.page.locator(".stop-verdict")

    @property
    def standing(self) -> Locator:
        return self.page.locator(".quick-state")

    async def rearm(self, reason: str = "checked at the broker") -> None:
        await self.page.get_by_role("button", name="Re-arm…").click()
        await self.page.get_by_label("Why it is safe again").fill(reason)
        await self.page.get_by_label("Your password").fill(PASSWORD)
        await self.press("Re-arm")


@asynccontextmanager
async def cockpit(browser: Browser, address: str, **options: Any) -> AsyncIterator[Cockpit]:
    """A page with cookies of its own. What the page complained about fails the test at the end."""
    context = await browser.new_context(**{"viewport": DESKTOP, "locale": "en-GB", **options})
    page = await context.new_page()
    page.set_default_timeout(15_000)
    opened = Cockpit(page, address)

    def note(text: str) -> None:
        if not any(each in text for each in EXPECTED):
            opened.complaints.append(text)

    page.on("pageerror", lambda error: note(f"page error: {error} {error.stack}"))
    page.on("console", lambda message: note(message.text) if message.type == "error" else None)
    try:
        yield opened
        # A call that is under way when the page goes away is none.
        policy = [each for each in opened.complaints if "page error" in each or "Content Security" in each]
        assert not policy, policy
    finally:
        await context.close()
