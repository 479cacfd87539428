"""The built page on a gateway that the browser's own driver plays: two hundred trades whose prices move."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, Route, WebSocketRoute

from tests.browser.chromium import DIST
from tests.browser.cockpit import DESKTOP

ORIGIN = "http://127.0.0.1:9"
TRADES = 200
UPDATES_A_SECOND = 4
AT = "2026-01-31T12:00:00Z"


def trade(number: int) -> dict[str, Any]:
    unknown = dict.fromkeys(
        ("closePrice", "takeProfit", "brokerStopLoss", "brokerTakeProfit", "trailingStop", "realisedProfit",
         "commission", "swap", "closeTime", "closeBrokerTime", "protection")
    )  # fmt: skip
    return {
        **unknown,
        "tradeId": f"trd_{number}", "accountId": "acc_1", "ticket": str(1000 + number),
        "positionIdentifier": str(1000 + number), "symbol": "EURUSD", "side": "BUY", "state": "OPEN",
        "origin": "MANAGED", "volumeLots": 0.1, "openedVolumeLots": 0.1, "openPrice": 1.1, "stopLoss": 1.09,
        "hidden": False, "openTime": AT, "openBrokerTime": AT, "closeCause": "UNSPECIFIED", "magic": "0",
        "comment": "", "openCommandId": "", "updateTime": AT, "guardState": "UNSPECIFIED",
    }  # fmt: skip


def live(number: int, tick: int) -> dict[str, Any]:
    pips = (tick * 7 + number) % 40 - 20
    return {
        "tradeId": f"trd_{number}", "currentPrice": 1.1 + pips / 10_000, "profit": float(pips), "swap": 0.0,
        "readTime": AT,
    }  # fmt: skip


def frame(kind: str, data: dict[str, Any], **more: Any) -> str:
    return json.dumps({"type": kind, "id": "f", "timestamp": AT, "data": data, **more})


ACCOUNT = {
    "accountId": "acc_1", "name": "Speed", "login": "1", "brokerServer": "S", "company": "C",
    "currency": "USD", "tradeMode": "DEMO", "marginMode": "HEDGING", "ownerUserId": "usr_1", "createTime": AT,
    "bridge": None,
}  # fmt: skip

SNAPSHOT = {
    **{name: [] for name in ("accountStates", "orders", "commands", "tradingStates", "alerts", "stops")},
    "seq": 1,
    "epoch": "e",
    "time": AT,
    "accounts": [ACCOUNT],
    "trades": [trade(number) for number in range(TRADES)],
    "live": [live(number, 0) for number in range(TRADES)],
}

ANSWERS: dict[str, dict[str, Any]] = {
    "/api/system/info": {
        **{"version": "0", "registrationOpen": False, "setupNeeded": False, "dev": False},
        "time": AT,
    },
    "/api/user": {"user": {"userId": "usr_1", "userName": "ann", "role": "TRADER"}, "scopes": ["VIEW"]},
    "/api/settings": {
        "settings": {"timeZone": "", "theme": "LIGHT", "confirmActions": True, "colourPolarity": "GREEN_UP"}
    },
    "/api/symbols": {"symbols": []},
    "/api/limits": {"accountId": "acc_1", "limits": {}, "uses": [], "applied": True},
    "/api/deals": {"deals": [], "nextPageToken": ""},
}
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


async def _answer(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
    if path.startswith("/api/"):
        await route.fulfill(json=ANSWERS.get(path, {}))
        return
    file = DIST.parent / (path.lstrip("/") or "index.html")
    await route.fulfill(body=file.read_bytes(), content_type=TYPES.get(file.suffix, "font/woff2"))


async def _stream(socket: WebSocketRoute, moving: asyncio.Event) -> None:
    socket.send(frame("authenticated", {"userId": "usr_1", "userName": "ann"}))
    socket.send(frame("snapshot", SNAPSHOT))

    async def prices() -> None:
        tick = 0
        while True:
            tick += 1
            await asyncio.sleep(1 / UPDATES_A_SECOND)
            await moving.wait()
            moved = [live(number, tick) for number in range(TRADES)]
            socket.send(frame("trade_update", {"trade": None, "change": "", "live": moved}))

    task = asyncio.ensure_future(prices())
    socket.on_close(lambda *_: task.cancel())


@asynccontextmanager
async def many_trades(browser: Browser, moving: asyncio.Event) -> AsyncIterator[Page]:
    """A page that shows them, once it has gone to it; their prices move while `moving` is set."""
    context = await browser.new_context(viewport=DESKTOP)
    try:
        page = await context.new_page()
        page.set_default_timeout(120_000)
        await page.route(f"{ORIGIN}/**", _answer)
        await page.route_web_socket("**/ws", lambda socket: _stream(socket, moving))
        yield page
    finally:
        await context.close()


async def shown(page: Page) -> None:
    """Open it, and wait until it has them all."""
    await page.goto(f"{ORIGIN}/")
    await page.locator(f'table[aria-rowcount="{TRADES + 1}"] tr[data-trade]').first.wait_for(state="attached")
