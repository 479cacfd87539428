"""What a bridge says of stops becomes record, and a stop that was led out of stays led out of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from signalos_server.domain import control
from signalos_server.domain.control import ControlDocument, HeldStop
from signalos_server.domain.stop import AccountStop, Stage, Stop
from signalos_server.service.control_facts import apply_stage
from signalos_server.service.records import Records
from signalos_server.service.unit_effects import DocumentSaved, Effect, Scene
from tests.signalos_server.trading_world import Trader, TradingWorld, trading

pytestmark = pytest.mark.integration

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
HELD = HeldStop("stop-1", close_positions=True, reason="by hand", local=True)
LATCHED = Stage("stop-1", latched_seconds_ago=2.0, held=HELD)


@pytest.fixture
async def entered(tmp_path: Path, storage_url: str) -> AsyncIterator[TradingWorld]:
    async with trading(tmp_path, storage_url) as world:
        yield world


async def told(
    entered: TradingWorld, trader: Trader, stage: Stage
) -> tuple[list[Effect], ControlDocument, Stop | None]:
    """Apply what the trader's bridge says; return the effects, and what is on record after it."""
    account_id = trader.account_id

    def unit(records: Records) -> tuple[list[Effect], ControlDocument, Stop | None]:
        effects = apply_stage(records, Scene(account_id, "brg", 1), stage, NOW)
        document = records.control.get(account_id).document
        return effects, document, records.control.stop_at(stage.stop_id, account_id)

    return await entered.world.foundation.storage.run(unit)


async def led_out(entered: TradingWorld, trader: Trader) -> None:
    """Have the stop in force at the account, and then led out of by a re-arm."""

    def unit(records: Records) -> None:
        before = records.control.lock(trader.account_id).document
        held = control.add_stop(before, HELD)
        cleared = replace(held, stops=(), cleared_stop_ids=("stop-1",), revision=held.revision + 1)
        records.control.save(cleared)
        accounts = (AccountStop(trader.account_id, reached=True),)
        records.control.insert_stop(Stop("stop-1", NOW, "", "by hand", True, "bridge", accounts))

    await entered.world.foundation.storage.run(unit)


async def test_a_stop_that_a_bridge_made_itself_is_put_in_force_and_on_record(entered: TradingWorld) -> None:
    ann = await entered.trader("ann", 1, connected=False)

    effects, document, stop = await told(entered, ann, LATCHED)

    assert document.stop_ids == ("stop-1",)
    assert effects == [DocumentSaved(document)]
    assert stop is not None
    assert (stop.source, stop.close_positions) == ("bridge", True)
    assert stop.accounts[0].latch_time is not None


async def test_a_late_word_of_a_stop_that_was_led_out_of_does_not_put_it_in_force_anew(
    entered: TradingWorld,
) -> None:
    ann = await entered.trader("ann", 1, connected=False)
    await led_out(entered, ann)

    effects, document, stop = await told(entered, ann, LATCHED)

    assert effects == []
    assert document.stop_ids == ()
    assert document.cleared_stop_ids == ("stop-1",)
    # How far it came is still told.
    assert stop is not None
    assert stop.accounts[0].latch_time is not None


async def test_another_stop_is_taken_over_though_one_was_led_out_of(entered: TradingWorld) -> None:
    ann = await entered.trader("ann", 1, connected=False)
    await led_out(entered, ann)
    newer = Stage("stop-2", latched_seconds_ago=0.0, held=replace(HELD, stop_id="stop-2"))

    _, document, _ = await told(entered, ann, newer)

    assert document.stop_ids == ("stop-2",)
    assert document.cleared_stop_ids == ("stop-1",)


async def test_a_stage_of_a_stop_that_nobody_knows_is_neither_in_force_nor_on_record(
    entered: TradingWorld,
) -> None:
    ann = await entered.trader("ann", 1, connected=False)

    effects, document, stop = await told(entered, ann, Stage("nobodys", latched_seconds_ago=1.0))

    assert (effects, document.stop_ids, stop) == ([], (), None)


async def test_what_a_bridge_says_of_another_accounts_stop_is_not_put_on_record(
    entered: TradingWorld,
) -> None:
    ann, bob = [
        await entered.trader(name, login, connected=False) for name, login in (("ann", 1), ("bob", 2))
    ]
    await told(entered, ann, LATCHED)

    effects, document, stop = await told(entered, bob, Stage("stop-1", latched_seconds_ago=1.0))

    assert (effects, document.stop_ids) == ([], ())
    assert stop is None or stop.accounts == ()
