"""Takes the pictures of docs/dashboard.md: `make screenshots`. Needs Chromium; runs a demo of its own.

The demo's prices are seeded and the scenes are played in order, so that the pictures differ little from run
to run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PASSWORD = "password of the screenshots"
DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
# The equity curve has something to show by then.
CURVE_SECONDS = 25
SETTLED_MILLISECONDS = 6000


@contextmanager
def demo(directory: Path) -> Iterator[str]:
    """The address of a running demo."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "signalos_cli", "up", "--demo", "--data-dir", str(directory)),
            *("--http-port", "0", "--grpc-port", "0"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "SIGNALOS_DEMO_PASSWORD": PASSWORD},
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = re.fullmatch(r"ready (http://\S+)", line.strip())
        if ready is None:
            raise SystemExit("the demo did not start; `signalos up --demo` says why")
        yield ready.group(1)
    finally:
        process.terminate()
        process.wait(60)


def signed_in(browser: Browser, address: str, **look: object) -> Page:
    usual: dict[str, Any] = {"viewport": DESKTOP, "color_scheme": "light", "timezone_id": "Europe/London"}
    context = browser.new_context(locale="en-GB", **{**usual, **look})
    page = context.new_page()
    page.goto(address)
    page.get_by_label("User name").fill("demo")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("tr[data-trade]").first).to_be_attached(timeout=30_000)
    return page


def picture(page: Page, name: str) -> None:
    page.mouse.move(0, 0)
    page.screenshot(path=IMAGES / f"{name}.png")


def hold(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).hover()
    page.mouse.down()
    page.wait_for_timeout(1200)
    page.mouse.up()


def order(page: Page, *, lots: str, stop: str, target: str) -> None:
    form = page.get_by_role("complementary", name="New order")
    form.get_by_label("Symbol").select_option("EURUSD")
    form.get_by_label("Size").fill(lots)
    form.get_by_label("Stop loss").fill(stop)
    form.get_by_label("Take profit").fill(target)
    expect(form.locator(".preview")).to_contain_text("Counted at the bridge", timeout=20_000)


def protect(page: Page) -> None:
    """Gives the newest trade a ladder, and unfolds what its bridge does with it by itself."""
    row = page.locator("tr[data-trade]").first
    row.get_by_role("button", name="More for").click()
    page.get_by_role("menuitem", name="Ladder and break-even…").click()
    dialog = page.get_by_role("dialog")
    for number, price in ((1, "1.10"), (2, "1.11")):
        dialog.get_by_role("button", name="Add a target").click()
        target = dialog.get_by_role("group", name=f"Target {number}")
        target.get_by_label("Price").fill(price)
    dialog.get_by_label("Then the stop").first.select_option("to break-even")
    dialog.get_by_role("button", name="Set").click()
    expect(row).to_contain_text("ladder 0 of 2", timeout=20_000)
    row.get_by_role("button", name="Details of").click()


def signals(page: Page, address: str) -> None:
    """Makes two sources, lets them speak, and shows why a message was not traded."""
    api = page.request
    headers = {"Origin": address, "Content-Type": "application/json"}
    account = api.get(f"{address}/api/accounts").json()["accounts"][0]["accountId"]

    def source(name: str, trust: str) -> str:
        body = {
            "name": name,
            "kind": "API",
            "policy": {"trust": trust, "approveWithin": "600s"},
            "subscriptions": [{"accountId": account}],
        }
        made = api.post(f"{address}/api/sources", headers=headers, data=body)
        return str(made.json()["source"]["sourceId"])

    def say(source_id: str, text: str) -> None:
        body = {"sourceId": source_id, "text": text}
        key = {"Idempotency-Key": f"picture-{len(text)}"}
        answer = api.post(f"{address}/api/signals", headers={**headers, **key}, data=body)
        assert answer.ok, answer.text()

    asks, sends = source("Gold room", "APPROVE"), source("Trend desk", "AUTO")
    say(sends, "GBPUSD SELL NOW")
    say(sends, "EURUSD BUY NOW\nSL 1.30\nTP 1.32")
    say(sends, "Good morning! 450 pips this week. Remember to manage your risk.")
    say(asks, "GBPUSD SELL NOW\nSL 1.29\nTP 1.25")
    page.get_by_role("navigation").get_by_role("link", name="Signals").click()
    expect(page.get_by_text("waits for your word")).to_be_visible(timeout=20_000)
    page.get_by_role("button", name="Why: EURUSD").click()
    page.wait_for_timeout(1500)
    picture(page, "signals")


def limits(page: Page, address: str) -> None:
    """Sets limits, and shows what a profile would make of them."""
    account = page.request.get(f"{address}/api/accounts").json()["accounts"][0]["accountId"]
    body: dict[str, Any] = {
        "accountId": account,
        "limits": {"dailyLoss": {"percent": 5}, "consecutiveLosses": {"count": 3}, "maximumOrderLots": 2},
    }
    headers = {"Origin": address, "Content-Type": "application/json"}
    answer = page.request.put(f"{address}/api/limits", headers=headers, data=body)
    assert answer.ok, answer.text()
    page.get_by_role("navigation").get_by_role("link", name="Accounts").click()
    panel = page.locator(".limits-form")
    expect(panel.get_by_text("Losses, 1 set")).to_be_visible(timeout=20_000)
    panel.get_by_text("Start from a profile").click()
    panel.get_by_label("Profile", exact=True).select_option("ftmo-two-phase")
    panel.get_by_role("button", name="Preview").click()
    expect(panel.get_by_role("list", name="What would change")).to_be_visible(timeout=20_000)
    page.mouse.move(0, 0)
    panel.screenshot(path=IMAGES / "limits.png")
    body["limits"] = {}
    answer = page.request.put(f"{address}/api/limits", headers=headers, data=body)
    assert answer.ok, answer.text()


def play(browser: Browser, address: str) -> None:
    page = signed_in(browser, address)
    page.get_by_role("switch", name="Stealth").click()
    order(page, lots="0.20", stop="1.07", target="1.12")
    page.get_by_role("button", name="Buy 0.20 lots EURUSD").click()
    page.get_by_role("dialog").get_by_role("button", name="Buy now").click()
    expect(page.locator("tr[data-trade]")).to_have_count(6, timeout=20_000)
    page.locator("tr[data-trade]").last.get_by_role("button", name="Close", exact=True).click()
    page.get_by_role("button", name="Close trade").click()
    expect(page.locator("tr[data-trade]")).to_have_count(5, timeout=20_000)
    protect(page)
    time.sleep(CURVE_SECONDS)
    picture(page, "desk-light")

    dark = signed_in(browser, address, color_scheme="dark")
    dark.wait_for_timeout(CURVE_SECONDS * 1000)
    picture(dark, "desk-dark")
    dark.context.close()

    phone = signed_in(browser, address, viewport=PHONE, device_scale_factor=2, color_scheme="dark")
    phone.wait_for_timeout(SETTLED_MILLISECONDS)
    picture(phone, "phone")
    phone.context.close()

    limits(page, address)
    signals(page, address)
    page.get_by_role("navigation").get_by_role("link", name="Desk").click()
    hold(page, "Emergency stop")
    expect(page.locator(".stop-verdict")).to_contain_text("positions stay", timeout=20_000)
    hold(page, "Close everything")
    expect(page.locator(".stop-verdict")).to_contain_text("Flat, verified", timeout=30_000)
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    picture(page, "stopped")
    page.get_by_role("navigation").get_by_role("link", name="Commands").click()
    page.wait_for_timeout(1500)
    picture(page, "commands")


def main() -> None:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("Chromium is missing (Debian: apt-get install chromium)")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="signalos-screenshots-") as directory,
        demo(Path(directory) / "data") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        play(browser, address)
        browser.close()


if __name__ == "__main__":
    main()
