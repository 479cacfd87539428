"""What an order made is on record no later than its outcome."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from signalos_bridge.domain.facts import PositionChanged, PositionClosed, PositionOpened, SyncTrigger
from signalos_bridge.domain.orders import OpenMarket, Order
from signalos_bridge.domain.outcomes import Outcome, lost_in_call
from signalos_bridge.domain.values import CloseAction, CommandState
from tests.signalos_bridge.core_world import World, a_world, buy, eventually


def at_outcome(world: World) -> list[list[str]]:
    """Return, as it grows, what facts were made by the time at which each outcome could be told."""
    seen: list[list[str]] = []
    before = len(world.core.unacknowledged_outcomes())

    def look() -> None:
        if len(world.core.unacknowledged_outcomes()) > before + len(seen):
            seen.append([type(event.fact).__name__ for event in world.events()])

    world.core._executor._wake = look
    return seen


async def test_an_open_is_told_as_a_trade_before_its_outcome(tmp_path: Path) -> None:
    async with a_world(tmp_path / "journal.db") as world:
        seen = at_outcome(world)

        outcome = await world.outcome(await world.deliver(buy()))

        assert outcome.state is CommandState.SUCCEEDED
        assert PositionOpened.__name__ in (await eventually(lambda: seen))[0]


async def test_a_close_is_told_as_a_closed_trade_before_its_outcome(tmp_path: Path) -> None:
    async with a_world(tmp_path / "journal.db") as world:
        await world.outcome(await world.deliver(buy()))
        (record,) = world.core.snapshot().positions
        seen = at_outcome(world)

        await world.deliver(CloseAction(record.position.identifier))

        assert PositionClosed.__name__ in (await eventually(lambda: seen))[0]
        assert world.core.snapshot().positions == ()


async def test_watch_and_sync_find_nothing_new_in_what_an_order_showed(tmp_path: Path) -> None:
    async with a_world(tmp_path / "journal.db") as world:
        await world.outcome(await world.deliver(buy()))
        (record,) = world.core.snapshot().positions
        await world.deliver(CloseAction(record.position.identifier, volume_lots=Decimal("0.04")))
        await world.deliver(CloseAction(record.position.identifier))
        world.advance()

        report = await world.core.sync(SyncTrigger.REQUEST, "11111111-2222-3333-4444-555555555555", False)

        assert report.succeeded
        assert report.differences == ()
        facts = [type(event.fact) for event in world.events()]
        assert facts.count(PositionOpened) == facts.count(PositionClosed) == 1
        assert facts.count(PositionChanged) == 1
        assert len({event.event_id for event in world.events()}) == len(world.events())


async def test_an_outcome_does_not_wait_for_a_sync_that_has_the_record(tmp_path: Path) -> None:
    async with a_world(tmp_path / "journal.db") as world:
        async with world.core._store.record_lock:
            outcome = await world.outcome(await world.deliver(buy()))
            assert outcome.state is CommandState.SUCCEEDED
            assert PositionOpened not in [type(event.fact) for event in world.events()]

        opened = await eventually(
            lambda: [event for event in world.events() if isinstance(event.fact, PositionOpened)]
        )
        assert [event.command_id for event in opened] == [outcome.command_id]


async def test_an_open_that_was_found_afterwards_is_told_as_a_trade_before_its_outcome(
    tmp_path: Path,
) -> None:
    async with a_world(tmp_path / "journal.db") as world:
        # The watch is late: what is told then is what the outcome brings along.
        world.core._watcher.pause()
        seen = at_outcome(world)

        def executed_unheard(order: Order) -> Outcome:
            assert isinstance(order, OpenMarket)
            world.by_hand(magic=order.magic)
            return lost_in_call("the terminal's process ended")

        world.terminal.before = executed_unheard
        outcome = await world.outcome(await world.deliver(buy()))

        assert outcome.state is CommandState.SUCCEEDED
        assert PositionOpened.__name__ in (await eventually(lambda: seen))[-1]
