"""A served world with users, accounts and fake bridges that are paired with them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from signalos.v1 import (
    account_service_pb2,
    bridge_service_pb2,
    bridge_service_pb2_grpc,
    command_service_pb2_grpc,
    control_service_pb2_grpc,
    order_service_pb2_grpc,
    trade_service_pb2,
    trade_service_pb2_grpc,
)
from signalos.v1.bridge_pb2 import PositionOpened
from signalos_server.domain.bridge_session import SessionTimings
from signalos_server.domain.caller import Role
from signalos_server.domain.records import trade_id_of
from tests.signalos_server.serving import Client, World, quick_settings, served
from tests.support.fake_bridge import FakeBridge, identity, position

T = TypeVar("T")


@dataclass
class Trader:
    """A user with an account and its bridge."""

    client: Client
    account_id: str
    bridge: FakeBridge

    def __post_init__(self) -> None:
        channel = self.client.channel
        self.trades = trade_service_pb2_grpc.TradeServiceStub(channel)
        self.commands = command_service_pb2_grpc.CommandServiceStub(channel)
        self.orders = order_service_pb2_grpc.OrderServiceStub(channel)
        self.control = control_service_pb2_grpc.ControlServiceStub(channel)
        self.metadata = self.client.metadata

    def trade_id(self, identifier: int = 77) -> str:
        """Return the id of a position's trade."""
        return trade_id_of(self.account_id, identifier)

    async def with_position(self, identifier: int = 77, volume: float = 0.1) -> str:
        """Let the bridge report a position; return its trade's id once that is committed."""
        opened = PositionOpened(position=position(identifier, volume))
        seq = await self.bridge.event(position_opened=opened)
        await self.bridge.until(lambda: self.bridge.acked >= seq)
        return self.trade_id(identifier)

    def close_request(self, trade_id: str, wait: float = 5.0) -> trade_service_pb2.CloseTradeRequest:
        """Return a request to close with a new key."""
        request = trade_service_pb2.CloseTradeRequest(request_id=uuid.uuid4().hex, trade_id=trade_id)
        request.wait.FromMilliseconds(int(wait * 1000))
        return request


@dataclass
class TradingWorld:
    """A world that can be entered by traders."""

    world: World
    traders: list[Trader] = field(default_factory=list)

    async def trader(
        self, name: str, login: int, *, connected: bool = True, role: Role = Role.TRADER
    ) -> Trader:
        """Return a user with a paired bridge."""
        client = await self.world.sign_in(name, role)
        code = await client.accounts.CreatePairingCode(
            account_service_pb2.CreatePairingCodeRequest(), metadata=client.metadata
        )
        stub = bridge_service_pb2_grpc.BridgeServiceStub(self.world.channel)
        paired = await stub.Pair(
            bridge_service_pb2.PairRequest(code=code.code, identity=identity(login), version="test")
        )
        bridge = FakeBridge(self.world.serving.address, paired.bridge_id, paired.credential, login)
        trader = Trader(client, paired.account_id, bridge)
        self.traders.append(trader)
        if connected:
            await bridge.connect()
        return trader

    async def paired_again(
        self, trader: Trader, journal_id: str | None = None, next_seq: int | None = None
    ) -> FakeBridge:
        """Pair the account once more, with the journal that its bridge has unless another is given."""
        before = trader.bridge
        await before.close()
        code = await trader.client.accounts.CreatePairingCode(
            account_service_pb2.CreatePairingCodeRequest(account_id=trader.account_id),
            metadata=trader.metadata,
        )
        stub = bridge_service_pb2_grpc.BridgeServiceStub(self.world.channel)
        paired = await stub.Pair(
            bridge_service_pb2.PairRequest(code=code.code, identity=identity(before.login), version="test")
        )
        trader.bridge = FakeBridge(
            before.address,
            paired.bridge_id,
            paired.credential,
            before.login,
            journal_id=journal_id or before.journal_id,
            next_seq=before.next_seq if next_seq is None else next_seq,
        )
        await trader.bridge.connect()
        return trader.bridge


@asynccontextmanager
async def trading(
    data_dir: Path, storage_url: str | None = None, timings: SessionTimings | None = None
) -> AsyncIterator[TradingWorld]:
    """Run a server in this process, and end its bridges before it."""
    settings = quick_settings(data_dir, storage_url)
    if timings is not None:
        settings = replace(settings, timings=replace(settings.timings, session=timings))
    async with served(settings) as world:
        entered = TradingWorld(world)
        try:
            yield entered
        finally:
            for trader in entered.traders:
                await trader.bridge.close()


async def eventually(look: Callable[[], Awaitable[T | None]], seconds: float = 10.0) -> T:
    """Return what `look` finds once it finds something."""
    async with asyncio.timeout(seconds):
        while (found := await look()) is None:  # noqa: ASYNC110 - what is looked at is another program's
            await asyncio.sleep(0.02)
    return found
