"""A WebSocket client of the gateway for tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from signalos.v1.event_pb2 import Event

Frame = dict[str, Any]


@asynccontextmanager
async def opened(address: str, **headers: str) -> AsyncIterator[ClientConnection]:
    """A socket that is not authenticated, unless by `headers`."""
    async with connect(
        f"ws://{address}/ws", additional_headers=headers, compression=None, ping_interval=None
    ) as socket:
        yield socket


async def receive(socket: ClientConnection, within: float = 5.0) -> Frame:
    async with asyncio.timeout(within):
        frame: Frame = json.loads(await socket.recv())
        return frame


async def until(socket: ClientConnection, kind: str, within: float = 5.0) -> Frame:
    """The next frame of `kind`; those before it are dropped."""
    async with asyncio.timeout(within):
        while (frame := await receive(socket, within))["type"] != kind:
            pass
        return frame


async def say(socket: ClientConnection, kind: str, **data: Any) -> None:
    await socket.send(json.dumps({"type": kind, "data": data}))


@asynccontextmanager
async def live(address: str, token: str = "token-ann") -> AsyncIterator[ClientConnection]:
    """A socket that has its snapshot."""
    async with opened(address) as socket:
        await say(socket, "authenticate", token=token)
        await say(socket, "subscribe")
        await until(socket, "snapshot")
        yield socket


def trade_event(number: int, size: int = 0) -> Event:
    event = Event(account_id="acc_1")
    event.trade_update.trade.trade_id = f"trd_{number}"
    event.trade_update.change = "x" * size
    return event


def price_event(**prices: float) -> Event:
    event = Event(account_id="acc_1")
    for trade_id, price in prices.items():
        event.trade_update.live.add(trade_id=trade_id, current_price=price)
    return event
