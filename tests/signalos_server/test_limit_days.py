"""How trading days begin: read, rebuilt from deals, or not known. The server's clock is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signalos.v1 import account_pb2, bridge_pb2, control_pb2, control_service_pb2
from tests.signalos_server.test_limits import funded, heard, limited, use_of
from tests.signalos_server.trading_world import Trader, TradingWorld, eventually, trading

pytestmark = pytest.mark.integration

MIDNIGHT = datetime(2026, 5, 5, tzinfo=UTC)


class Clock:
    """The server's wall clock: as set, and running on."""

    def __init__(self, world: TradingWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        moments = world.world.foundation.moments
        self._real = moments.now
        self._shift = timedelta(0)
        monkeypatch.setattr(moments, "now", lambda: self._real() + self._shift)

    def set(self, moment: datetime) -> None:
        self._shift += moment - (self._real() + self._shift)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[TradingWorld]:
    async with trading(tmp_path) as world:
        yield world


async def a_trader(world: TradingWorld) -> Trader:
    """Return one whose account nobody halts because the clock is moved."""
    # The jump is seen while nobody is there.
    await asyncio.sleep(0.6)
    ann = await world.trader("ann", 1)
    off = control_pb2.StopTrigger(kind=control_pb2.STOP_TRIGGER_KIND_CLOCK_JUMP, enabled=False)
    await ann.control.UpdateStopSettings(
        control_service_pb2.UpdateStopSettingsRequest(triggers=[off]), metadata=ann.metadata
    )
    return ann


async def synced(ann: Trader, sync_id: str) -> None:
    report = control_pb2.SyncReport(sync_id=sync_id, succeeded=True)
    seq = await ann.bridge.event(sync_report=report)
    await ann.bridge.until(lambda: ann.bridge.acked >= seq)


async def dealt(
    ann: Trader, ticket: int, at: datetime, kind: str, profit: float, *, offset: int | None = 7_200
) -> None:
    """Tell of a deal; the broker's clock is two hours ahead, which the bridge may not know yet."""
    deal = bridge_pb2.DealRecord(
        ticket=ticket,
        type=kind,
        profit=profit,
        broker_milliseconds=round((at + timedelta(hours=2)).timestamp() * 1000),
        broker_offset_seconds=offset,
    )
    seq = await ann.bridge.event(deal_seen=bridge_pb2.DealSeen(deal=deal))
    await ann.bridge.until(lambda: ann.bridge.acked >= seq)


async def day_of(ann: Trader, source: str) -> control_pb2.LimitDay:
    async def look() -> control_pb2.LimitDay | None:
        request = control_service_pb2.GetLimitsRequest()
        day = (await ann.control.GetLimits(request, metadata=ann.metadata)).day
        return day if day.source == source else None

    return await eventually(look)


LOSS = control_pb2.Limits(daily_loss=control_pb2.DailyLossLimit(money=500))


async def test_a_day_that_begins_while_the_account_is_read_is_kept_and_counted_from(
    world: TradingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(world, monkeypatch)
    clock.set(MIDNIGHT - timedelta(seconds=4))
    ann = await a_trader(world)
    await limited(ann, LOSS)
    clock.set(MIDNIGHT - timedelta(seconds=2))
    await funded(ann.bridge, 10_050, balance=10_000)
    # Whoever looks late finds what was read just before.
    await asyncio.sleep(3)

    day = await day_of(ann, "read")

    assert day.start_time.ToDatetime(UTC) == MIDNIGHT
    assert (day.balance, day.equity) == (10_000, 10_050)
    await funded(ann.bridge, 9_700, balance=10_000)
    assert (await use_of(ann, "MAX_DAILY_LOSS")).current == 300


async def test_a_day_that_nobody_saw_begin_is_rebuilt_from_its_deals(
    world: TradingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(world, monkeypatch)
    clock.set(MIDNIGHT - timedelta(hours=1))
    ann = await a_trader(world)
    await synced(ann, "before")
    await dealt(ann, 1, MIDNIGHT - timedelta(minutes=30), "BUY", -70)
    clock.set(MIDNIGHT + timedelta(hours=1))
    await dealt(ann, 2, MIDNIGHT + timedelta(minutes=10), "BUY", -120)
    await dealt(ann, 3, MIDNIGHT + timedelta(minutes=20), "BALANCE", 2_000)
    await funded(ann.bridge, 11_880, balance=11_880)
    await synced(ann, "after")
    await limited(ann, LOSS)

    day = await day_of(ann, "rebuilt from deals")

    assert (day.balance, day.equity, day.transfers) == (10_000, 10_000, 2_000)
    assert (await use_of(ann, "MAX_DAILY_LOSS")).current == 120


async def test_without_a_sync_before_the_day_it_is_not_known_until_somebody_says(
    world: TradingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(world, monkeypatch)
    clock.set(MIDNIGHT + timedelta(hours=1))
    ann = await a_trader(world)
    await funded(ann.bridge, 9_900, balance=10_000)
    await synced(ann, "after")
    await limited(ann, LOSS)
    await asyncio.sleep(2.5)
    use = await use_of(ann, "MAX_DAILY_LOSS")
    assert (use.HasField("current"), use.message) == (
        False,
        "the account at the day's beginning is not known",
    )

    await limited(ann, LOSS, day_balance=10_200)

    assert (await day_of(ann, "given")).balance == 10_200
    assert (await use_of(ann, "MAX_DAILY_LOSS")).current == 300


@pytest.mark.parametrize("teller", ["terminal", "a later deal"])
@pytest.mark.parametrize(("minutes", "lost"), [(70, 120), (-70, 0)])
async def test_a_deal_told_before_the_brokers_clock_was_known_counts_once_it_is(
    world: TradingWorld, monkeypatch: pytest.MonkeyPatch, teller: str, minutes: int, lost: float
) -> None:
    clock = Clock(world, monkeypatch)
    clock.set(MIDNIGHT + timedelta(hours=2))
    ann = await a_trader(world)
    await dealt(ann, 1, MIDNIGHT + timedelta(minutes=minutes), "BUY", -120, offset=None)
    await funded(ann.bridge, 10_000 - lost, balance=10_000 - lost)
    await limited(ann, LOSS, day_balance=10_000)
    use = await use_of(ann, "MAX_DAILY_LOSS")
    assert (use.HasField("current"), use.message) == (
        False,
        "what was paid in or out since the day began is not known: the broker's clock is not",
    )

    if teller == "terminal":
        await heard(ann.bridge, account_pb2.TerminalStatus(broker_offset_seconds=7_200))
    else:
        await dealt(ann, 2, MIDNIGHT + timedelta(minutes=100), "BUY", 0)

    async def counted() -> bool | None:
        return (await use_of(ann, "MAX_DAILY_LOSS")).HasField("current") or None

    await eventually(counted)
    assert (await use_of(ann, "MAX_DAILY_LOSS")).current == lost
    assert (await day_of(ann, "given")).transfers == 0


async def test_a_deal_of_an_unknown_clock_within_an_hour_of_the_days_beginning_leaves_it_unknown(
    world: TradingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(world, monkeypatch)
    clock.set(MIDNIGHT + timedelta(hours=2))
    ann = await a_trader(world)
    await dealt(ann, 1, MIDNIGHT + timedelta(minutes=50), "BUY", -120, offset=None)
    await dealt(ann, 2, MIDNIGHT + timedelta(minutes=100), "BUY", 0)
    await funded(ann.bridge, 9_880, balance=9_880)

    await limited(ann, LOSS, day_balance=10_000)

    assert not (await use_of(ann, "MAX_DAILY_LOSS")).HasField("current")


TRAILING = control_pb2.Limits(
    total_loss=control_pb2.TotalLossLimit(money=1_000, drawdown=control_pb2.DRAWDOWN_TRAILING_DAY)
)


async def test_what_was_paid_out_since_a_rebuilt_day_began_is_no_part_of_the_highest_days_end(
    world: TradingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(world, monkeypatch)
    clock.set(MIDNIGHT - timedelta(hours=1))
    ann = await a_trader(world)
    await synced(ann, "before")
    await funded(ann.bridge, 10_000, balance=10_000)
    await limited(ann, TRAILING)
    await eventually(lambda: _known(ann))
    await dealt(ann, 1, MIDNIGHT - timedelta(minutes=30), "BALANCE", 500)
    clock.set(MIDNIGHT + timedelta(hours=1))
    await dealt(ann, 2, MIDNIGHT + timedelta(minutes=20), "BALANCE", -2_000)
    await funded(ann.bridge, 8_500, balance=8_500)
    await synced(ann, "after")

    day = await day_of(ann, "rebuilt from deals")

    assert day.balance == 10_500
    # Nothing was lost: what is gone was paid out.
    assert (await use_of(ann, "MAX_TOTAL_LOSS")).current == 0


async def _known(ann: Trader) -> bool | None:
    return (await use_of(ann, "MAX_TOTAL_LOSS")).HasField("current") or None


async def test_a_deposit_while_the_day_is_not_known_is_no_highest_equity(
    world: TradingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(world, monkeypatch)
    clock.set(MIDNIGHT + timedelta(hours=1))
    ann = await a_trader(world)
    await funded(ann.bridge, 10_000, balance=10_000)
    intraday = control_pb2.DRAWDOWN_TRAILING_INTRADAY
    await limited(
        ann, control_pb2.Limits(total_loss=control_pb2.TotalLossLimit(money=1_000, drawdown=intraday))
    )
    await eventually(lambda: _known(ann))
    # The terminal shows the balance before anybody tells of the deal.
    for equity in (15_000, 15_001, 15_002):
        await funded(ann.bridge, equity, balance=15_000)
        await asyncio.sleep(1.2)

    await dealt(ann, 1, MIDNIGHT + timedelta(hours=1, seconds=30), "BALANCE", 5_000)

    await funded(ann.bridge, 15_002, balance=15_000)
    use = await use_of(ann, "MAX_TOTAL_LOSS")
    assert use.HasField("current")
    assert use.current == -2
