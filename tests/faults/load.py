"""A seeded mix of what people ask for: opens, closes, parts, levels and pending orders.

A request without an answer is sent again with its key; some are sent twice at the same time on purpose. A
lane asks for one thing at a time and waits until that has ended.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.records import Call, Client
from tests.faults.world import SYMBOLS

TIME_TO_LIVE_SECONDS = 90
# Answers that say that nothing was accepted and that it may be tried again.
_AGAIN_STATUSES = frozenset({429, 503, 504})
_AGAIN_SECONDS = 0.15
_STOPPED_SECONDS = 0.5
# Far from the market, so that nothing triggers by itself.
_FAR_PRICES = {
    "EURUSD": (0.9, 1.4),
    "GBPUSD": (1.0, 1.6),
    "USDJPY": (100.0, 220.0),
    "XAUUSD": (1000.0, 9000.0),
}
_TRADES_PER_LANE = 3
_ORDERS_PER_LANE = 2
_DIGITS = {"EURUSD": 5, "GBPUSD": 5, "USDJPY": 3, "XAUUSD": 2}


@dataclass
class Asked:
    """One thing that was asked for, over all of its calls."""

    key: str
    kind: str
    began_at: float
    method: str
    path: str
    body: dict[str, Any]
    command_id: str = ""
    accepted_at: float = 0.0
    state: str = ""
    reason: str = ""
    ended_at: float = 0.0
    # A refusal that is no fault: the trade has gone, trading is stopped.
    refused: str = ""
    words: str = ""
    other_ids: set[str] = field(default_factory=set)

    @property
    def ended(self) -> bool:
        return bool(self.ended_at or self.refused)


@dataclass
class _Held:
    """A trade or a pending order that a lane may act on."""

    identifier: str
    symbol: str
    side: str
    lots: float

    def far(self, *, above: bool, dice: random.Random) -> float:
        """A price far above or below the market, another one each time."""
        low, high = _FAR_PRICES[self.symbol]
        price = high - dice.uniform(0, high / 50) if above else low + dice.uniform(0, low / 50)
        return round(price, _DIGITS[self.symbol])


class Lane:
    """One customer."""

    def __init__(self, name: str, client: Client, note: Callable[[Asked], None]) -> None:
        self._name = name
        self._client = client
        self._note_asked = note
        self._number = 0
        self.trades: list[_Held] = []
        self.orders: list[_Held] = []

    async def run(self, dice: random.Random, going: Callable[[], bool], pause: float) -> None:
        while going():
            await self._step(dice)
            await asyncio.sleep(dice.uniform(0, 2 * pause))

    async def close_all(self, dice: random.Random) -> None:
        """Leaves nothing behind."""
        for trade in list(self.trades):
            await self._close(trade, dice)
        for order in list(self.orders):
            await self._cancel(order, dice)

    async def _step(self, dice: random.Random) -> None:
        actions: list[Callable[[], Any]] = []
        if len(self.trades) < _TRADES_PER_LANE:
            actions += [lambda: self._open(dice)] * 3
        if self.trades:
            trade = dice.choice(self.trades)
            actions += [
                lambda: self._close(trade, dice),
                lambda: self._close(trade, dice),
                lambda: self._levels(trade, dice),
            ]
            if trade.lots >= 0.02:
                actions.append(lambda: self._part(trade, dice))
        if len(self.orders) < _ORDERS_PER_LANE:
            actions.append(lambda: self._place(dice))
        if self.orders:
            order = dice.choice(self.orders)
            actions += [lambda: self._cancel(order, dice), lambda: self._move(order, dice)]
        await dice.choice(actions)()

    async def _open(self, dice: random.Random) -> None:
        symbol, lots = dice.choice(SYMBOLS), dice.choice((0.01, 0.02, 0.03))
        side = dice.choice(("BUY", "SELL"))
        low, high = _FAR_PRICES[symbol]
        body = {"symbol": symbol, "side": side, "volumeLots": lots}
        if dice.random() < 0.5:
            body["stopLoss"] = low if side == "BUY" else high
        asked, command = await self._ask("open", "POST", "/api/trades", body, dice)
        if command is not None and command.get("tradeId") and asked.state in ("SUCCEEDED", "PARTIAL"):
            held = _Held(command["tradeId"], symbol, side, float(command["filledVolumeLots"]))
            self.trades.append(held)

    async def _close(self, trade: _Held, dice: random.Random) -> None:
        asked, _ = await self._ask("close", "POST", f"/api/trades/{trade.identifier}/close", {}, dice)
        if asked.refused or asked.state == "SUCCEEDED" or asked.reason == "POSITION_GONE":
            self.trades.remove(trade)

    async def _part(self, trade: _Held, dice: random.Random) -> None:
        path = f"/api/trades/{trade.identifier}/partial-close"
        asked, _ = await self._ask("partial close", "POST", path, {"volumeLots": 0.01}, dice)
        if asked.refused:
            self.trades.remove(trade)
        elif asked.state == "SUCCEEDED":
            trade.lots = round(trade.lots - 0.01, 2)

    async def _levels(self, trade: _Held, dice: random.Random) -> None:
        kind = dice.choice(("stopLoss", "takeProfit"))
        above = (kind == "takeProfit") == (trade.side == "BUY")
        body = {kind: trade.far(above=above, dice=dice)}
        asked, _ = await self._ask("modify", "PUT", f"/api/trades/{trade.identifier}/modify", body, dice)
        if asked.refused in ("NOT_FOUND", "WRONG_STATE"):
            self.trades.remove(trade)

    async def _place(self, dice: random.Random) -> None:
        held = _Held("", dice.choice(SYMBOLS), dice.choice(("BUY", "SELL")), 0.01)
        body = {
            "symbol": held.symbol,
            "side": held.side,
            "volumeLots": held.lots,
            "orderType": "LIMIT",
            "price": held.far(above=held.side == "SELL", dice=dice),
        }
        asked, command = await self._ask("place", "POST", "/api/trades", body, dice)
        if command is not None and command.get("orderId") and asked.state == "SUCCEEDED":
            held.identifier = command["orderId"]
            self.orders.append(held)

    async def _move(self, order: _Held, dice: random.Random) -> None:
        body = {"price": order.far(above=order.side == "SELL", dice=dice)}
        asked, _ = await self._ask("move order", "PUT", f"/api/orders/{order.identifier}", body, dice)
        if asked.refused:
            self.orders.remove(order)

    async def _cancel(self, order: _Held, dice: random.Random) -> None:
        asked, _ = await self._ask("cancel order", "DELETE", f"/api/orders/{order.identifier}", {}, dice)
        if asked.refused or asked.state == "SUCCEEDED":
            self.orders.remove(order)

    # -- asking ----------------------------------------------------------------------------------------

    async def _ask(
        self, kind: str, method: str, path: str, body: dict[str, Any], dice: random.Random
    ) -> tuple[Asked, dict[str, Any] | None]:
        """Asks until it is answered, and returns the command once it has ended."""
        self._number += 1
        key = f"{self._name}-{self._number}-{kind.replace(' ', '-')}"
        content: dict[str, Any] | None = {**body, "timeToLive": f"{TIME_TO_LIVE_SECONDS}s"}
        query: dict[str, str] = {}
        if method == "DELETE":
            content, query = None, {"timeToLive": f"{TIME_TO_LIVE_SECONDS}s"}
        elif dice.random() < 0.5 and content is not None:
            content["wait"] = dice.choice(("0s", "2s", "10s"))
        asked = Asked(key, kind, time.time(), method, path, content or {})
        self._note_asked(asked)
        twice = dice.random() < 0.1
        while True:
            calls = [self._client.call(method, path, content, key, **query) for _ in range(1 + twice)]
            answers = await asyncio.gather(*calls)
            self._note(asked, answers)
            if asked.refused:
                if asked.refused == "TRADING_STOPPED":
                    await asyncio.sleep(_STOPPED_SECONDS)
                return asked, None
            if asked.command_id:
                return asked, await self._until_ended(asked)
            await asyncio.sleep(_AGAIN_SECONDS)

    def _note(self, asked: Asked, answers: list[Call]) -> None:
        for answer in answers:
            command = answer.command if answer.accepted else None
            if command is not None:
                if not asked.command_id:
                    asked.command_id, asked.accepted_at = str(command["commandId"]), answer.at
                asked.other_ids.add(str(command["commandId"]))
            elif answer.status is not None and answer.status not in _AGAIN_STATUSES:
                if answer.reason == "WRONG_STATE" and asked.kind in ("open", "place"):
                    # An open of the symbol is UNKNOWN for now.
                    continue
                asked.refused = answer.reason or f"status {answer.status}"
                asked.words = str((answer.response or {}).get("detail", ""))
                asked.ended_at = answer.at
        if asked.command_id:
            asked.refused, asked.ended_at = "", 0.0

    async def _until_ended(self, asked: Asked) -> dict[str, Any]:
        while True:
            call = await self._client.call("GET", f"/api/commands/{asked.command_id}")
            command = call.command if call.accepted else None
            if command is not None:
                asked.state, asked.reason = str(command["state"]), str(command.get("reason") or "")
                if command["endTime"] is not None:
                    asked.ended_at = call.at
                    return command
            await asyncio.sleep(_AGAIN_SECONDS)


class Load:
    """Some lanes, over all runs of one world."""

    def __init__(self, client: Client, lanes: int = 4) -> None:
        self.asked: list[Asked] = []
        self._client = client
        self._lanes = lanes
        self.lanes: list[Lane] = []
        self._going = False
        self._tasks: list[asyncio.Task[None]] = []
        self._more = asyncio.Event()

    def start(self, seed: str, pause: float = 0.05) -> None:
        """Begins to ask. What earlier runs left open is acted on too."""
        dice = random.Random(f"{seed} load")
        before = self.lanes
        self.lanes = [Lane(f"{seed}-{number}", self._client, self._ask_for) for number in range(self._lanes)]
        for old, new in zip(before, self.lanes, strict=False):
            new.trades, new.orders = old.trades, old.orders
        self._going = True
        self._tasks = [
            asyncio.create_task(
                lane.run(random.Random(dice.random()), lambda: self._going, pause), name=f"lane {number}"
            )
            for number, lane in enumerate(self.lanes)
        ]

    def _ask_for(self, asked: Asked) -> None:
        self.asked.append(asked)
        self._more.set()

    async def stop(self, within: float) -> list[str]:
        """Lets each lane end what it has asked for; returns what did not end in time."""
        self._going = False
        done, waiting = await asyncio.wait(self._tasks, timeout=within)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for task in done:
            task.result()
        return [f"{one.key}: {one.state or 'never answered'}" for one in self.asked if not one.ended]

    async def until_asked(self, count: int) -> None:
        """Waits until that much has been asked, over all runs."""
        while len(self.asked) < count:
            self._more.clear()
            await self._more.wait()

    def unsettled_before(self, instant: float) -> list[Asked]:
        """What was asked for before an instant and has not ended."""
        return [one for one in self.asked if one.began_at < instant and not one.ended]
