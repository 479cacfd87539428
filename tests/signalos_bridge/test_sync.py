from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.facts import (
    CloseCause,
    PositionChanged,
    PositionClosed,
    PositionMissing,
    PositionOpened,
    PositionRecord,
    RecordedState,
    SyncReport,
    SyncTrigger,
    TradeOrigin,
)
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import Reason
from signalos_bridge.domain.orders import ClosePosition, ModifyLevels
from signalos_bridge.domain.values import AdoptAction, CommandState
from signalos_bridge.terminal.port import HistoryAppeared, TerminalChange, TerminalSnapshot
from tests.signalos_bridge.core_world import World, a_world, buy, eventually


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "journal.db") as made:
        yield made


async def sync(world: World, *, dry_run: bool = False) -> SyncReport:
    world.advance()
    return await world.core.sync(SyncTrigger.REQUEST, str(uuid.uuid4()), dry_run)


def unseen(world: World) -> None:
    """From now on the watch tells nothing."""

    def silent(change: TerminalChange) -> None:
        del change

    world.terminal._broker._tell = silent


async def test_what_happened_unseen_is_explained_and_a_second_sync_finds_nothing(world: World) -> None:
    closed = world.by_hand("0.10")
    partly = world.by_hand("0.20")
    moved = world.by_hand("0.30")
    await eventually(lambda: len(world.core.snapshot().positions) == 3 or None)
    unseen(world)
    broker = world.terminal._broker
    world.advance()
    broker.trade(ClosePosition(closed.ticket, "EURUSD", closed.side, Decimal("0.10"), 0, "x"))
    broker.trade(ClosePosition(partly.ticket, "EURUSD", partly.side, Decimal("0.05"), 0, "x"))
    broker.trade(ModifyLevels(moved.ticket, "EURUSD", Decimal("1.08"), None, False))
    broker.deals[-2] = replace(broker.deals[-2], reason=Reason.STOP_LOSS)
    world.by_hand("0.40")

    seq = world.core.next_event_seq
    dry = await sync(world, dry_run=True)
    assert world.core.next_event_seq == seq
    report = await sync(world)
    second_seq = world.core.next_event_seq
    second = await sync(world)

    kinds = {difference.kind for difference in report.differences}
    assert kinds == {Kind.CLOSED, Kind.PARTIALLY_CLOSED, Kind.LEVEL_MOVED, Kind.OPENED_OUTSIDE}
    assert dry.differences == report.differences
    assert second.differences == ()
    assert world.core.next_event_seq == second_seq + 1
    fact = next(e.fact for e in world.events(seq - 1) if isinstance(e.fact, PositionClosed))
    assert fact.cause is CloseCause.STOP_LOSS


async def test_a_position_without_a_closing_deal_is_missing_and_not_closed(world: World) -> None:
    position = world.by_hand()
    await eventually(lambda: world.core.snapshot().positions)
    unseen(world)
    del world.terminal._broker.positions[position.ticket]

    report = await sync(world)

    assert [difference.kind for difference in report.differences] == [Kind.UNKNOWN_MISSING]
    assert any(isinstance(event.fact, PositionMissing) for event in world.events())
    assert (await sync(world)).differences == ()


async def test_the_watcher_and_the_sync_give_one_fact_the_same_id(tmp_path: Path) -> None:
    ids = []
    for watching in (True, False):
        async with a_world(tmp_path / f"journal-{watching}.db") as world:
            world.now_msc = 1_700_000_000_000
            position = world.by_hand()
            await eventually(lambda: world.core.snapshot().positions)
            if not watching:
                unseen(world)
            world.advance()
            world.terminal._broker.trade(
                ClosePosition(position.ticket, "EURUSD", position.side, Decimal("0.10"), 0, "x")
            )
            if not watching:
                await sync(world)
            closed = await eventually(
                lambda: next(
                    (e for e in world.events() if isinstance(e.fact, PositionClosed)),
                    None,
                )
            )
            opened = next(e for e in world.events() if isinstance(e.fact, PositionOpened))
            ids.append((opened.event_id, closed.event_id))

    assert ids[0] == ids[1]


async def test_an_adopted_position_is_managed_from_then_on(world: World) -> None:
    position = world.by_hand()
    await eventually(lambda: world.core.snapshot().positions)

    outcome = await world.outcome(await world.deliver(AdoptAction(position.identifier)))

    assert outcome.state is CommandState.SUCCEEDED
    assert world.core.snapshot().positions[0].origin is TradeOrigin.ADOPTED


async def test_nothing_opens_before_the_first_sync_succeeded(tmp_path: Path) -> None:
    async with a_world(tmp_path / "journal.db", sync=False) as world:
        outcome = await world.outcome(await world.deliver(buy(), time_left=0.2))

        assert (outcome.state, outcome.reason) == (CommandState.REJECTED, "SYNC_IN_PROGRESS")


async def test_a_new_journal_takes_the_servers_record_with_its_hidden_levels(tmp_path: Path) -> None:
    async with a_world(tmp_path / "journal.db", sync=False) as world:
        position = world.by_hand()
        record = PositionRecord(
            position, TradeOrigin.MANAGED, "cmd", virtual_stop_loss=Decimal("1.08"), hidden=True
        )
        deals = tuple(deal.ticket for deal in world.terminal._broker.deals)
        since = world.now_msc - 3_600_000
        await world.core.adopt_record(RecordedState((record,), (), world.now_msc, since, deals))
        report = await sync(world)

        kept = world.core.snapshot().positions[0]
        assert report.differences == ()
        assert kept.virtual_stop_loss == Decimal("1.08")
        assert kept.origin is TradeOrigin.MANAGED
        assert world.core.status().guarded_count == 1


async def test_a_deal_before_the_last_on_record_that_is_not_on_record_is_told_by_a_new_journal(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path / "journal.db", sync=False) as world:
        unseen(world)
        broker = world.terminal._broker
        partly, gone, last = world.by_hand("0.30"), world.by_hand("0.10"), world.by_hand("0.20")
        records = [PositionRecord(held, TradeOrigin.MANAGED, "cmd") for held in (partly, gone, last)]
        known = tuple(deal.ticket for deal in broker.deals)
        world.advance()
        broker.trade(ClosePosition(partly.ticket, "EURUSD", partly.side, Decimal("0.10"), 0, "x"))
        broker.trade(ClosePosition(gone.ticket, "EURUSD", gone.side, Decimal("0.10"), 0, "x"))
        passing = world.by_hand("0.10")
        broker.trade(ClosePosition(passing.ticket, "EURUSD", passing.side, Decimal("0.10"), 0, "x"))
        missing = {deal.ticket for deal in broker.deals} - set(known)
        world.advance()
        broker.trade(ClosePosition(last.ticket, "EURUSD", last.side, Decimal("0.05"), 0, "x"))
        newest = broker.deals[-1]
        records[2] = replace(records[2], position=replace(last, volume_lots=Decimal("0.15")))

        await world.core.adopt_record(
            RecordedState(
                tuple(records), (), newest.time_msc, newest.time_msc - 3_600_000, (*known, newest.ticket)
            )
        )
        await sync(world)

        told = {
            deal.deal.ticket
            for event in world.events()
            if isinstance(event.fact, PositionOpened | PositionChanged | PositionClosed)
            for deal in event.fact.deals
        }
        assert told == missing


async def test_what_closed_a_position_that_is_open_on_record_is_told_however_old_it_is(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path / "journal.db", sync=False) as world:
        unseen(world)
        broker = world.terminal._broker
        held = world.by_hand("0.10")
        known = broker.deals[-1].ticket
        world.advance()
        broker.trade(ClosePosition(held.ticket, "EURUSD", held.side, Decimal("0.10"), 0, "x"))
        later = broker.deals[-1].time_msc + 7_200_000
        record = PositionRecord(held, TradeOrigin.MANAGED, "cmd")

        await world.core.adopt_record(RecordedState((record,), (), later, later - 3_600_000, (known,)))
        await sync(world)

        assert [type(event.fact) for event in world.events()].count(PositionClosed) == 1


async def test_five_hundred_positions_are_synced_in_well_under_two_seconds(world: World) -> None:
    unseen(world)
    for _ in range(500):
        world.by_hand("0.01")

    begun = time.perf_counter()
    report = await sync(world)

    assert report.position_count == len(report.differences) == 500
    assert time.perf_counter() - begun < 1.5


async def test_what_closes_while_a_sync_writes_its_reading_is_not_brought_back_by_it(world: World) -> None:
    held = world.by_hand("0.10")
    await eventually(lambda: world.core.snapshot().positions or None)
    read = world.terminal.snapshot

    async def overtaken(*, deals_from_msc: int) -> TerminalSnapshot:
        found = await read(deals_from_msc=deals_from_msc)
        world.advance()
        closing = ClosePosition(held.ticket, "EURUSD", held.side, Decimal("0.10"), 0, "x")
        world.terminal._broker.trade(closing)
        for _ in range(5):
            await asyncio.sleep(0)
        return found

    world.terminal.snapshot = overtaken  # type: ignore[method-assign]
    await sync(world)
    world.terminal.snapshot = read  # type: ignore[method-assign]
    await eventually(lambda: not world.core.snapshot().positions or None)

    assert world.core._view.positions == {}
    await sync(world)
    told = [type(event.fact) for event in world.events()]
    assert told.count(PositionClosed) == 1
    assert PositionMissing not in told


async def test_deals_of_a_position_that_came_and_went_across_a_start_are_all_told(world: World) -> None:
    held = world.by_hand("0.10")
    await eventually(lambda: world.core.snapshot().positions or None)
    broker = world.terminal._broker
    unseen(world)
    passed = world.by_hand("0.20")
    world.advance()
    broker.trade(ClosePosition(passed.ticket, "EURUSD", passed.side, Decimal("0.20"), 0, "x"))
    closing, finished = broker.deals.pop(), broker.finished.pop()
    # Its opening deal is shown, it is not there any more, and what closed it is shown later.
    await sync(world)
    broker.deals.append(closing)
    world.terminal._stream.put(HistoryAppeared((closing,), (finished,), time.monotonic()))
    await eventually(lambda: [e for e in world.events() if isinstance(e.fact, PositionClosed)] or None)

    opened = [e.fact for e in world.events() if isinstance(e.fact, PositionOpened)]
    assert [fact.position.position.identifier for fact in opened] == [held.identifier, passed.identifier]
