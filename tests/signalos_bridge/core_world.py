"""A core on a terminal in memory: what the core's tests stand on."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from signalos_bridge.clock import Clock, SystemClock
from signalos_bridge.core import Core, CoreSettings
from signalos_bridge.domain.facts import BridgeEvent, SyncTrigger
from signalos_bridge.domain.market import AccountSnapshot, MarginMode, Position, Side, Tick, TradeMode
from signalos_bridge.domain.orders import OpenMarket, Order, Priority
from signalos_bridge.domain.outcomes import Outcome as TerminalOutcome
from signalos_bridge.domain.values import (
    Action,
    Command,
    CommandOrigin,
    Limits,
    OpenAction,
    OpenKind,
    Outcome,
    Policies,
    Refusal,
)
from signalos_bridge.terminal.memory import MemoryTerminal
from signalos_bridge.terminal.port import (
    ORDER_TIMEOUT_SECONDS,
    Gate,
    MagicTrace,
    TerminalAnswer,
    TerminalUnavailable,
)
from tests.signalos_bridge.domain.market_samples import EURUSD, a_tick

MONEY = Decimal("10000.00")
ACCOUNT = AccountSnapshot(
    5001, "Server", "Trader", "Broker", "USD", 2, TradeMode.DEMO, MarginMode.RETAIL_HEDGING, 100, MONEY,
    Decimal(0), Decimal(0), MONEY, Decimal(0), MONEY, None, Decimal(100), Decimal(50), True, None, False,
    True, True,
)  # fmt: skip
PREFIX = 77
T = TypeVar("T")

Script = Callable[[Order], TerminalOutcome | None]


class ScriptedTerminal(MemoryTerminal):
    """Carries orders out in memory, unless `before` answers; `after` answers in place of what was done."""

    before: Script | None = None
    after: Script | None = None
    blind = False
    sent: list[Order]

    async def submit(
        self,
        order: Order,
        *,
        gate: Gate,
        priority: Priority | None = None,
        timeout_seconds: float = ORDER_TIMEOUT_SECONDS,
    ) -> TerminalAnswer:
        await asyncio.sleep(0)
        if self.before is not None and (said := self.before(order)) is not None:
            clearance = gate()
            if clearance.refusal is None:
                self.sent.append(order)
                return TerminalAnswer(said, None, None, 0.0, 0.0)
        answer = await super().submit(order, gate=gate, priority=priority, timeout_seconds=timeout_seconds)
        if answer.raw is not None:
            self.sent.append(order)
        if self.after is not None and (said := self.after(order)) is not None:
            return replace(answer, outcome=said)
        return answer

    async def find_by_magic(self, magic: int, *, from_msc: int) -> MagicTrace:
        if self.blind:
            raise TerminalUnavailable("the terminal does not answer")
        return await super().find_by_magic(magic, from_msc=from_msc)


class OpenGate:
    """A gate that lets everything pass until it is told otherwise."""

    def __init__(self) -> None:
        self.latched = False
        self.lapsed = False
        self.why: Refusal | None = None

    def refusal(self, stop_generation: int, automated: bool, origin: CommandOrigin) -> Refusal | None:
        return self.why


class World:
    """One bridge's core with its terminal."""

    def __init__(
        self,
        path: Path,
        account: AccountSnapshot = ACCOUNT,
        *,
        clock: Clock | None = None,
        market_week: bool = False,
    ) -> None:
        self.path = path
        self.clock = clock or SystemClock()
        self.market_week = market_week
        self.gate = OpenGate()
        self.now_msc = int(time.time() * 1000)
        self.terminal = ScriptedTerminal(account, (EURUSD,), self.now_msc)
        self.terminal.sent = []
        self.terminal.set_tick(a_tick())
        self.core = self._core(account)

    def _core(self, account: AccountSnapshot) -> Core:
        settings = CoreSettings(
            self.path,
            "acc_test",
            account.bound(),
            background_sync_seconds=3600.0,
            settle_scale=0.001,
            resolve_interval_seconds=0.01,
            stop_retry_seconds=0.05,
            market_closed_retry_seconds=0.1,
            market_week=self.market_week,
        )
        return Core(settings, self.terminal, self.gate, lambda: None, self.clock)

    async def start(self, *, sync: bool = True) -> None:
        self.advance()
        await self.core.start()
        self.core.set_magic_prefix(PREFIX)
        await self.terminal.run()
        if sync:
            report = await self.core.sync(SyncTrigger.START, str(uuid.uuid4()), False)
            assert report.succeeded, report.problem

    async def restart(self) -> None:
        """Begin again on the same journal and broker, as after an orderly end."""
        await self.core.close()
        self.core = self._core(ACCOUNT)
        self.terminal._stream = type(self.terminal._stream)(self.terminal._begin)
        self.terminal._broker._tell = self.terminal._stream.put
        await self.start()

    def advance(self) -> None:
        self.now_msc += 10
        self.terminal.set_time(time.monotonic(), self.now_msc)

    def tick(self, bid: str, ask: str) -> None:
        self.advance()
        self.terminal.set_tick(Tick("EURUSD", Decimal(bid), Decimal(ask), self.now_msc))

    def policies(self, *, stealth: bool = False, limits: Limits | None = None) -> Policies:
        return Policies(1, stealth, limits or Limits(), ())

    async def deliver(
        self,
        action: Action,
        *,
        command_id: str | None = None,
        time_left: float = 30.0,
        automated: bool = False,
        origin: CommandOrigin = CommandOrigin.USER,
        wait: bool = True,
    ) -> str:
        self.advance()
        command = Command(
            command_id or str(uuid.uuid4()),
            origin,
            action,
            1,
            automated,
            self.clock.seconds() + time_left,
        )
        await self.core.deliver(command)
        if wait:
            await self.outcome(command.command_id)
        return command.command_id

    async def outcome(self, command_id: str, number: int = 1) -> Outcome:
        """Wait for an outcome of this number or a higher one."""

        def found() -> Outcome | None:
            for outcome in self.core.unacknowledged_outcomes():
                if outcome.command_id == command_id and outcome.outcome_number >= number:
                    return outcome
            return None

        return await eventually(found)

    async def open(self, lots: str = "0.10", **changes: object) -> Outcome:
        """Open a position and wait until the record shows it."""
        action = replace(buy(lots), **changes)  # type: ignore[arg-type]
        outcome = await self.outcome(await self.deliver(action))
        await eventually(
            lambda: len(self.core.snapshot().positions) == len(self.terminal._broker.positions) or None
        )
        return outcome

    def by_hand(self, lots: str = "0.10", magic: int = 0, stop_loss: str | None = None) -> Position:
        """Open a position outside of SignalOS."""
        self.advance()
        self.terminal._broker.trade(
            OpenMarket(
                "EURUSD",
                Side.BUY,
                Decimal(lots),
                Decimal(stop_loss) if stop_loss else None,
                None,
                magic,
                "hand",
            )
        )
        return list(self.terminal._broker.positions.values())[-1]

    def events(self, after: int = 0) -> list[BridgeEvent]:
        return self.core.events_after(after, 10_000)


def buy(lots: str = "0.10", **changes: object) -> OpenAction:
    made = OpenAction("EURUSD", Side.BUY, OpenKind.MARKET, Decimal(lots))
    return replace(made, **changes)  # type: ignore[arg-type]


async def eventually(found: Callable[[], T | None], seconds: float = 5.0) -> T:
    """Return what `found` finds, looking again and again."""
    async with asyncio.timeout(seconds):
        while True:
            value = found()
            if value:
                return value
            await asyncio.sleep(0.002)


@asynccontextmanager
async def a_world(
    path: Path,
    account: AccountSnapshot = ACCOUNT,
    *,
    sync: bool = True,
    clock: Clock | None = None,
    market_week: bool = False,
) -> AsyncIterator[World]:
    world = World(path, account, clock=clock, market_week=market_week)
    await world.start(sync=sync)
    failed = asyncio.ensure_future(world.core.run())
    try:
        yield world
    finally:
        await world.core.close()
        failed.cancel()
        for result in await asyncio.gather(failed, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
