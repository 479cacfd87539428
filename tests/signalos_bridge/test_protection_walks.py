"""Random walks with gaps, restarts, refusals and hands in the terminal: what protection promises.

A seed is a run; a failure names it.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.facts import PositionRecord
from signalos_bridge.domain.market import DealEntry, Position, Side
from signalos_bridge.domain.orders import ClosePosition, ModifyLevels, Order, loosens
from signalos_bridge.domain.outcomes import NotDone, Retry
from signalos_bridge.domain.protection import (
    BreakEvenPlan,
    LadderTarget,
    PlanStart,
    ProtectionPlan,
    StartKind,
    StopMove,
)
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.values import DistanceUnit, TradePolicy, TrailingPlan
from tests.signalos_bridge.core_world import World, a_world, eventually

D = Decimal
POINT = D("0.00001")
LOTS = D("0.10")
STEPS = 50


class Walk:
    """One position through one seed's market."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.hidden = self.random.random() < 0.6
        self.side = self.random.choice(list(Side))
        self.bid = D("1.08515")
        self.refusing = 0.0
        self.closed_by_hand = D(0)
        self.stop: Decimal | None = None
        world.terminal.before = self._refuse

    def _refuse(self, order: Order) -> NotDone | None:
        if isinstance(order, ModifyLevels | ClosePosition) and self.random.random() < self.refusing:
            return NotDone("REJECTED", "the broker refuses", Retry.NEVER, 10006)
        return None

    @property
    def position(self) -> Position | None:
        return next(iter(self.world.terminal._broker.positions.values()), None)

    @property
    def record(self) -> PositionRecord | None:
        return next(iter(self.world.core.snapshot().positions), None)

    async def begin(self) -> None:
        world, side = self.world, self.side.value
        await world.core.apply_policies(world.policies(stealth=self.hidden))
        at = world.terminal._broker.ticks["EURUSD"].opening_price(self.side)
        assert at is not None
        plan = ProtectionPlan(
            tuple(
                LadderTarget(at + side * points * POINT, D(share), move)
                for points, share, move in (
                    (150, "0.4", StopMove.BREAK_EVEN),
                    (300, "0.3", StopMove.PREVIOUS_TARGET),
                    (500, "0.3", StopMove.STAY),
                )
            ),
            BreakEvenPlan(PlanStart(StartKind.RISK, D("0.5"))),
        )
        outcome = await world.open(
            str(LOTS), side=self.side, stop_loss=at - side * 400 * POINT, protection=plan
        )
        identifier = outcome.legs[0].position_identifier
        trailing = TrailingPlan(D(200), DistanceUnit.POINTS, D(20), start=PlanStart(StartKind.TARGET, D(1)))
        policies = replace(
            world.policies(stealth=self.hidden), trades=(TradePolicy(identifier, trailing, 1),)
        )
        await world.core.apply_policies(policies)
        await eventually(lambda: world.terminal._watch.guarded_symbols)
        self.check()

    async def step(self) -> None:
        chance = self.random.random()
        if chance < 0.06:
            await self.world.restart()
        elif chance < 0.12:
            self.by_hand()
        elif chance < 0.2:
            self.refusing = self.random.choice([0.0, 0.5])
        self.move()
        await asyncio.sleep(0.01)
        self.check()

    def move(self, points: int | None = None) -> None:
        """The market moves, now and then over a gap; the broker's own stop comes first."""
        if points is None:
            points = round(self.random.gauss(8 * self.side.value, 60))
            if self.random.random() < 0.05:
                points *= 6
        self.bid += points * POINT
        self.world.tick(str(self.bid), str(self.bid + 10 * POINT))
        held = self.position
        if held is None or held.stop_loss is None or held.current_price is None:
            return
        if (held.current_price - held.stop_loss) * held.side.value <= 0:
            self._trade(ClosePosition(held.ticket, held.symbol, held.side, held.volume_lots, 0, "sl"))

    def by_hand(self) -> None:
        """Somebody closes a part in the terminal, or tightens the broker's stop."""
        held = self.position
        if held is None:
            return
        if self.random.random() < 0.5 and held.volume_lots > D("0.02"):
            lots = D("0.01")
            if self._trade(ClosePosition(held.ticket, held.symbol, held.side, lots, 0, "hand")):
                self.closed_by_hand += lots
        elif held.stop_loss is not None:
            stop = held.stop_loss + held.side.value * 5 * POINT
            self._trade(ModifyLevels(held.ticket, held.symbol, stop, held.take_profit, loosening=False))

    def _trade(self, order: Order) -> bool:
        self.world.advance()
        return self.world.terminal._broker.trade(order).retcode == 10009

    def check(self) -> None:
        """What holds at every instant."""
        held, record = self.position, self.record
        if held is None or record is None or record.position.identifier != held.identifier:
            return
        assert held.volume_lots <= LOTS
        if record.hidden:
            assert held.stop_loss is not None, "a hidden position without a stop at the broker"
        effective = KnownPosition(replace(record, position=held)).effective_stop
        assert not loosens(self.side, self.stop, effective), f"the stop went from {self.stop} to {effective}"
        self.stop = effective

    async def end(self) -> None:
        """The market goes through every stop: all of it is closed, each lot once."""
        self.refusing = 0.0
        self.move(-5000 * self.side.value)
        await eventually(lambda: self.position is None, seconds=20.0)
        deals = self.world.terminal._broker.deals
        assert sum(deal.volume_lots for deal in deals if deal.entry is DealEntry.IN) == LOTS
        assert sum(deal.volume_lots for deal in deals if deal.entry is DealEntry.OUT) == LOTS
        await eventually(lambda: self.record is None, seconds=20.0)


@pytest.mark.parametrize("seed", range(16))
async def test_a_walk_keeps_every_promise(tmp_path: Path, seed: int) -> None:
    async with a_world(tmp_path / "journal.db") as world:
        walk = Walk(world, seed)
        await walk.begin()
        for _ in range(STEPS):
            if walk.position is None:
                break
            await walk.step()
        await walk.end()
