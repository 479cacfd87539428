"""A trader's desk at a whole SignalOS: acts over REST, moves the broker's market, and reads both sides."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx

from signalos_bridge.emulator.admin import AdminRefused, BrokerAdmin
from signalos_bridge.emulator.domain.entities import Order, Position
from signalos_bridge.emulator.operator_messages import SymbolChange
from tests.support.world import Caller, World, eventually

BID = "1.10000"
# Wide enough to be seen; the broker lets wider ones vary.
SPREAD = Decimal("0.00004")
SYMBOLS = ("EURUSD", "XAUUSD", "GBPUSD")


@dataclass
class Desk:
    """One account with its bridge, at a broker whose prices move only when a test moves them."""

    world: World
    trader: Caller
    broker: BrokerAdmin
    login: int

    # -- the market ------------------------------------------------------------------------------------

    def quote(self, bid: str) -> None:
        """Makes a quote of EURUSD."""
        self.broker.set_price("EURUSD", bid, Decimal(bid) + SPREAD)

    async def market(self, bid: str) -> None:
        """Makes a quote of EURUSD, and gives the bridge the time to see it."""
        self.quote(bid)
        await asyncio.sleep(0.3)

    async def calm(self) -> None:
        """Brings broker and desk back to where every test begins: no trade, no fault, no limit."""
        self.broker.clear_faults()
        for symbol in SYMBOLS:
            # Open at any hour, so that tests do not depend on the day of the week.
            self.broker.set_symbol(
                symbol,
                SymbolChange(
                    closed=False,
                    swing_points=0,
                    spread_points=4,
                    stops_level_points=0,
                    freeze_level_points=0,
                ),
            )
        for order in self.broker.orders(self.login):
            self.broker.cancel_by_hand(self.login, order.ticket)
        for position in self.broker.positions(self.login):
            try:
                self.broker.close_by_hand(self.login, position.ticket)
            except AdminRefused:
                continue  # The bridge's guard was faster.
        self.quote(BID)
        await self.trader.client.put("/api/limits", json={"limits": {}})
        await eventually(self._nothing_open)

    async def _nothing_open(self) -> bool:
        orders = await self.trader.get("/api/orders", state="WORKING")
        return not orders["orders"] and not await self.trader.live_trades()

    # -- the broker's truth ----------------------------------------------------------------------------

    def positions(self) -> dict[int, Position]:
        return {position.ticket: position for position in self.broker.positions(self.login)}

    def position(self, trade: dict[str, Any]) -> Position:
        return self.positions()[int(trade["ticket"])]

    def orders(self) -> dict[int, Order]:
        return {order.ticket: order for order in self.broker.orders(self.login)}

    # -- acting ----------------------------------------------------------------------------------------

    async def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        content: dict[str, Any] = {} if method == "DELETE" else {"json": body or {}}
        return await self.trader.client.request(method, path, headers=key, **content)

    async def act(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns the command that a call makes."""
        answer = await self.send(method, path, body)
        assert answer.status_code in (200, 202), answer.text
        return dict(answer.json()["command"])

    async def done(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Returns the command that a call makes, which must succeed."""
        command = await self.act(method, path, body)
        assert command["state"] == "SUCCEEDED", command
        return command

    async def refused(
        self, reason: str, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns the error of a call that must be refused for this reason, and says something of it."""
        answer = await self.send(method, path, body)
        assert answer.status_code >= 400, answer.text
        error = dict(answer.json())
        assert error["reason"] == reason, error
        assert error["detail"]
        return error

    async def order(
        self, lots: float = 0.1, symbol: str = "EURUSD", side: str = "BUY", **more: Any
    ) -> dict[str, Any]:
        """Returns the command of an open, whatever became of it."""
        body = {"symbol": symbol, "side": side, "volumeLots": lots, **more}
        if body["volumeLots"] is None:
            del body["volumeLots"]
        return await self.act("POST", "/api/trades", body)

    async def opened(
        self, lots: float = 0.1, symbol: str = "EURUSD", side: str = "BUY", **more: Any
    ) -> dict[str, Any]:
        """Opens at the market and returns the trade."""
        command = await self.order(lots, symbol, side, **more)
        assert command["state"] == "SUCCEEDED", command
        return await self.trade(command["tradeId"])

    async def placed(self, kind: str, side: str, price: float, **more: Any) -> dict[str, Any]:
        """Places a pending order and returns it as it is listed."""
        command = await self.order(side=side, orderType=kind, price=price, **more)
        assert command["state"] == "SUCCEEDED", command
        return dict(await eventually(lambda: self._listed(command["orderId"])))

    async def _listed(self, order_id: str) -> dict[str, Any] | None:
        found = (await self.trader.get("/api/orders", state="WORKING"))["orders"]
        return next((order for order in found if order["orderId"] == order_id), None)

    # -- reading ---------------------------------------------------------------------------------------

    async def trade(self, trade_id: str) -> dict[str, Any]:
        return dict((await self.trader.get(f"/api/trades/{trade_id}"))["trade"])

    async def trade_when(
        self, trade_id: str, holds: Callable[[dict[str, Any]], Any], within: float = 10.0
    ) -> dict[str, Any]:
        """Waits until a trade is as wanted and returns it."""
        last: dict[str, Any] = {}

        async def look() -> dict[str, Any] | None:
            nonlocal last
            last = await self.trade(trade_id)
            return last if holds(last) else None

        try:
            return dict(await eventually(look, within))
        except AssertionError:
            raise AssertionError(f"the trade stayed {last}, the broker has {self.positions()}") from None

    async def closed(self, trade: dict[str, Any], within: float = 10.0) -> dict[str, Any]:
        return await self.trade_when(trade["tradeId"], lambda now: now["state"] == "CLOSED", within)

    async def command(self, command_id: str) -> dict[str, Any]:
        return dict((await self.trader.get(f"/api/commands/{command_id}"))["command"])

    async def command_when(self, command_id: str, *states: str, within: float = 15.0) -> dict[str, Any]:
        last: dict[str, Any] = {}

        async def look() -> dict[str, Any] | None:
            nonlocal last
            last = await self.command(command_id)
            return last if last["state"] in states else None

        try:
            return dict(await eventually(look, within))
        except AssertionError:
            raise AssertionError(f"the command stayed {last}") from None

    async def commands_of(self, trade: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the commands of a trade, newest first."""
        return list((await self.trader.get("/api/commands", tradeId=trade["tradeId"]))["commands"])

    async def all_commands(self) -> list[dict[str, Any]]:
        return await self.pages("/api/commands", "commands", 40)

    async def pages(self, path: str, name: str, size: int) -> list[dict[str, Any]]:
        """Reads a list to its end, page by page; nothing comes twice."""
        found: list[dict[str, Any]] = []
        token = ""
        while True:
            page = await self.trader.get(path, pageSize=str(size), pageToken=token)
            assert all(one not in found for one in page[name]), f"a page of {path} came twice"
            found += page[name]
            token = page["nextPageToken"]
            if not token:
                return found

    async def alert(self, code: str, within: float = 10.0) -> dict[str, Any]:
        """Waits for an alert that nobody has acknowledged."""

        async def look() -> dict[str, Any] | None:
            alerts = (await self.trader.get("/api/alerts"))["alerts"]
            return next((alert for alert in alerts if alert["code"] == code), None)

        try:
            return dict(await eventually(look, within))
        except AssertionError:
            codes = [alert["code"] for alert in (await self.trader.get("/api/alerts"))["alerts"]]
            raise AssertionError(f"no alert {code}, but {codes}") from None

    async def acknowledge_all(self) -> None:
        for alert in (await self.trader.get("/api/alerts"))["alerts"]:
            await self.trader.post(f"/api/alerts/{alert['alertId']}/ack")

    async def stealth(self, on: bool) -> None:
        answer = await self.trader.post("/api/trading/stealth-toggle", {"stealthMode": on})
        assert answer.status_code == 200, answer.text
        state = answer.json()["states"][0]
        assert state["applied"]["stealth"] is on, state

    async def limits(self, **limits: float) -> dict[str, Any]:
        answer = await self.trader.client.put("/api/limits", json={"limits": limits})
        assert answer.status_code == 200, answer.text
        assert answer.json()["applied"] is True, answer.text
        return dict(answer.json())

    # -- the bridge ------------------------------------------------------------------------------------

    async def bridge_killed(self) -> None:
        self.world.kill("bridge")
        await self.world.gone("bridge")

    async def bridge_back(self) -> None:
        await self.world.start_bridge(self.login)
        await eventually(self.trader.bridge_connected)
        await eventually(self.trader.may_open)


def number(value: Decimal | float | str | None) -> Decimal:
    """A price or volume, whichever side tells it, as it is written."""
    assert value is not None
    return Decimal(str(value)).normalize()


async def never(condition: Callable[[], Awaitable[Any]], within: float) -> None:
    """Holds for so long that something does not come about."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        assert not await condition()
        await asyncio.sleep(0.05)
