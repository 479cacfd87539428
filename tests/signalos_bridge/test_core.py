from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.facts import PositionClosed, PositionOpened, SyncReport
from signalos_bridge.domain.outcomes import Ambiguous, NotDone, Retry
from signalos_bridge.domain.values import (
    BreakEvenAction,
    CloseAction,
    CloseAllAction,
    CommandOrigin,
    CommandState,
    LegState,
    Limits,
    ModifyAction,
    Refusal,
    RiskAmount,
)
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.store import Batch
from tests.signalos_bridge.core_world import World, a_world, buy, eventually


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with a_world(tmp_path / "journal.db") as made:
        yield made


async def test_an_open_and_its_close_are_executed_once_and_told(world: World) -> None:
    opened = await world.open()
    assert opened.state is CommandState.SUCCEEDED
    assert opened.filled_volume_lots == Decimal("0.10")
    identifier = opened.legs[0].position_identifier

    closed = await world.outcome(await world.deliver(CloseAction(identifier)))

    assert closed.state is CommandState.SUCCEEDED
    assert not world.terminal._broker.positions
    assert len(world.terminal._broker.deals) == 2
    facts = await eventually(
        lambda: (
            [e.fact for e in world.events() if not isinstance(e.fact, SyncReport)][1:]
            and [e.fact for e in world.events() if not isinstance(e.fact, SyncReport)]
        )
    )
    assert [type(fact) for fact in facts] == [PositionOpened, PositionClosed]
    assert [e.seq for e in world.events()] == list(range(1, len(world.events()) + 1))


async def test_a_guard_that_has_just_begun_is_not_said_to_be_blind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.core.apply_policies(world.policies(stealth=True))
    await world.open(stop_loss=Decimal("1.08"))
    await eventually(lambda: world.core.status().guarded_count or None)
    monkeypatch.setattr(type(world.terminal), "last_read_at", None)
    now = world.clock.awake_seconds()

    def told(since: float) -> list[str]:
        world.core._tell_blindness(since)
        return [alert.message for alert in world.core.take_alerts() if alert.code == "GUARD_BLIND"]

    assert told(now) == []
    (words,) = told(now - 3.5)
    assert "blind for 3.5 s" in words


async def test_a_repeated_command_is_not_executed_again(world: World) -> None:
    command_id = await world.deliver(buy())
    await world.deliver(buy(), command_id=command_id)

    assert len(world.terminal._broker.deals) == 1


async def test_a_command_whose_time_is_over_expires(world: World) -> None:
    outcome = await world.outcome(await world.deliver(buy(), time_left=-0.1))

    assert (outcome.state, outcome.reason) == (CommandState.EXPIRED, "EXPIRED_IN_QUEUE")
    assert not world.terminal.sent


async def test_a_stop_keeps_opens_from_the_terminal_and_lets_closes_pass(world: World) -> None:
    opened = await world.open()
    world.gate.why, world.gate.latched = Refusal("STOPPED", "trading is stopped"), True

    refused = await world.outcome(await world.deliver(buy()))
    closed = await world.outcome(await world.deliver(CloseAction(opened.legs[0].position_identifier)))

    assert (refused.state, refused.reason) == (CommandState.REJECTED, "STOPPED")
    assert closed.state is CommandState.SUCCEEDED


async def test_an_order_issued_before_a_stop_is_fenced(world: World) -> None:
    world.gate.why = Refusal("FENCED", "issued under generation 1, now 2")

    outcome = await world.outcome(await world.deliver(buy()))

    assert outcome.state is CommandState.FENCED


async def test_limits_are_kept_to_with_their_numbers(world: World) -> None:
    await world.core.apply_policies(world.policies(limits=Limits(maximum_positions=1)))
    await world.open()

    outcome = await world.outcome(await world.deliver(buy()))

    assert outcome.state is CommandState.REJECTED
    assert outcome.message == "MAXIMUM_POSITIONS: limit=1 current=1"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(maximum_order_lots=Decimal("0.05")), "MAXIMUM_ORDER_LOTS"),
        (Limits(maximum_positions=1), "MAXIMUM_POSITIONS"),
        (Limits(maximum_spread_points=Decimal(1)), "MAXIMUM_SPREAD"),
        (Limits(minimum_equity=Decimal(10**9)), "MINIMUM_EQUITY"),
    ],
)
async def test_each_limit_holds_for_a_market_order_of_a_signal_without_the_server(
    world: World, limits: Limits, code: str
) -> None:
    opened = await world.open()
    await world.core.apply_policies(world.policies(limits=limits))
    # Nobody says them again: the journal does.
    await world.restart()

    refused = await world.outcome(await world.deliver(buy(), origin=CommandOrigin.SIGNAL, automated=True))
    closed = await world.outcome(await world.deliver(CloseAction(opened.legs[0].position_identifier)))

    assert (refused.state, refused.reason) == (CommandState.REJECTED, code)
    assert f"{code}: limit=" in refused.message
    assert closed.state is CommandState.SUCCEEDED


async def test_money_and_prices_that_have_not_changed_are_told_to_who_comes_anew(world: World) -> None:
    await world.open()
    world.core.take_live_update()
    assert world.core.take_live_update() is None

    world.core.tell_live_anew()
    told = world.core.take_live_update()

    assert told is not None
    assert told.account is not None
    assert [position.identifier for position in told.positions] == [
        position.identifier for position in world.terminal._broker.positions.values()
    ]


async def test_an_execution_behind_an_ambiguous_answer_is_found(world: World) -> None:
    world.terminal.after = lambda _order: Ambiguous("no answer", 120)

    outcome = await world.outcome(await world.deliver(buy()))

    assert outcome.state is CommandState.SUCCEEDED
    assert outcome.outcome_number == 1
    assert len(world.terminal._broker.deals) == 1


async def test_an_ambiguous_answer_without_a_trace_is_believed_not_done_after_patience(
    world: World,
) -> None:
    world.terminal.before = lambda _order: Ambiguous("no answer", 120)

    outcome = await world.outcome(await world.deliver(buy()))

    assert (outcome.state, outcome.reason) == (CommandState.REJECTED, "NOT_EXECUTED")
    assert len(world.terminal.sent) == 1


async def test_while_nothing_can_be_read_the_command_is_unknown_and_no_further_open_runs(
    world: World,
) -> None:
    world.terminal.before = lambda _order: Ambiguous("no answer", 120)
    world.terminal.blind = True
    command_id = await world.deliver(buy())
    first = await world.outcome(command_id)
    world.terminal.before = None

    second = await world.outcome(await world.deliver(buy()))
    world.terminal.blind = False
    corrected = await world.outcome(command_id, number=2)

    assert first.state is CommandState.UNKNOWN
    assert second.reason == "UNKNOWN_OPEN"
    assert corrected.state is CommandState.REJECTED
    raised = [alert.code for alert in world.core.take_alerts() if not alert.ended]
    assert raised == ["COMMAND_UNKNOWN"]


async def test_legs_that_are_resolved_beside_each_other_while_the_disk_is_full_end_their_command_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await world.open()
    world.terminal.before = lambda _order: Ambiguous("no answer", 120)
    world.terminal.blind = True
    command_id = await world.deliver(CloseAllAction(external=False))
    assert (await world.outcome(command_id)).state is CommandState.UNKNOWN
    store, full = world.core._store, True
    commit = store.commit

    async def while_full(batch: Batch) -> None:
        if full:
            raise JournalUnavailable("the disk is full")
        await commit(batch)

    monkeypatch.setattr(store, "commit", while_full)
    running = world.core._executor.running(command_id)
    assert running is not None
    world.terminal.blind = False
    await eventually(lambda: all(leg.state is LegState.NOT_DONE for leg in running.record.legs or ()) or None)
    # Both have tried to write, and try again.
    await asyncio.sleep(0.6)
    full = False

    outcome = await world.outcome(command_id, number=2)

    assert (outcome.state, outcome.outcome_number) == (CommandState.REJECTED, 2)


async def test_a_persons_word_lets_others_open_and_the_terminals_records_outrank_it(world: World) -> None:
    world.terminal.before = lambda _order: Ambiguous("no answer", 120)
    world.terminal.blind = True
    command_id = await world.deliver(buy())
    await world.outcome(command_id)
    world.terminal.before = None

    await world.core.resolve(command_id, False, "the broker's record has no such order")
    await world.core.resolve(command_id, False, "told again")
    second = await world.outcome(await world.deliver(buy()))
    world.terminal.blind = False
    settled = await world.outcome(command_id, number=2)

    assert second.state is CommandState.SUCCEEDED
    assert (settled.state, settled.reason) == (CommandState.REJECTED, "NOT_EXECUTED")


async def test_a_persons_word_outlives_a_restart(world: World) -> None:
    world.terminal.before = lambda _order: Ambiguous("no answer", 120)
    world.terminal.blind = True
    command_id = await world.deliver(buy())
    await world.outcome(command_id)
    world.terminal.before = None
    await world.core.resolve(command_id, False, "the broker's record has no such order")

    await world.restart()
    second = await world.outcome(await world.deliver(buy()))

    assert second.state is CommandState.SUCCEEDED


async def test_a_persons_word_on_what_is_known_changes_nothing(world: World) -> None:
    command_id = await world.deliver(buy())
    await world.outcome(command_id)

    await world.core.resolve(command_id, False, "a mistake")
    await world.core.resolve("never seen", False, "a mistake")

    assert (await world.outcome(command_id)).state is CommandState.SUCCEEDED
    assert not world.core._store.resolved


async def test_a_requote_is_tried_again_and_a_refusal_is_not(world: World) -> None:
    answers = [NotDone("REQUOTE", "another price", Retry.NEW_QUOTE, 10004)]
    world.terminal.before = lambda _order: answers.pop() if answers else None
    again = await world.outcome(await world.deliver(buy()))
    answers.append(NotDone("NO_MONEY", "not enough money", Retry.NEVER, 10019))
    refused = await world.outcome(await world.deliver(buy()))

    assert again.state is CommandState.SUCCEEDED
    assert again.legs[0].attempt_count == 2
    assert (refused.state, refused.reason) == (CommandState.REJECTED, "NO_MONEY")


async def test_several_targets_become_legs_with_the_remainder_on_the_first(world: World) -> None:
    targets = (Decimal("1.09200"), Decimal("1.09000"), Decimal("1.09100"))
    outcome = await world.outcome(await world.deliver(buy("0.10", take_profits=targets)))

    assert [leg.asked_volume_lots for leg in outcome.legs] == [
        Decimal("0.04"),
        Decimal("0.03"),
        Decimal("0.03"),
    ]
    assert [p.take_profit for p in world.terminal._broker.positions.values()] == sorted(targets)
    assert len({p.magic for p in world.terminal._broker.positions.values()}) == 3


async def test_a_fraction_is_of_the_volume_at_the_time_and_rounded_down(world: World) -> None:
    opened = await world.open("0.05")
    identifier = opened.legs[0].position_identifier

    half = await world.outcome(await world.deliver(CloseAction(identifier, Decimal("0.5"))))

    assert half.filled_volume_lots == Decimal("0.02")
    assert half.state is CommandState.SUCCEEDED


async def test_levels_are_modified_and_kept(world: World) -> None:
    opened = await world.open()
    identifier = opened.legs[0].position_identifier
    action = ModifyAction(identifier, True, Decimal("1.08000"), True, Decimal("1.09000"))
    await world.deliver(action)
    await world.deliver(ModifyAction(identifier, False, None, True, None))

    position = world.terminal._broker.positions[identifier]
    assert (position.stop_loss, position.take_profit) == (Decimal("1.08000"), None)


async def test_a_close_of_what_is_gone_says_so(world: World) -> None:
    outcome = await world.outcome(await world.deliver(CloseAction(99)))

    assert (outcome.state, outcome.reason) == (CommandState.REJECTED, "POSITION_GONE")


async def test_what_is_acknowledged_is_not_told_again_also_after_a_restart(world: World) -> None:
    opened = await world.open()
    await world.core.acknowledge_outcome(opened.command_id, 1)
    last = world.core.next_event_seq - 1
    await world.core.acknowledge_events(last)
    await world.restart()

    assert world.core.unacknowledged_outcomes() == []
    assert all(event.seq > last for event in world.events())
    assert world.core.next_event_seq > last
    assert world.core.standings([opened.command_id])[0].state is CommandState.SUCCEEDED


async def test_a_close_is_quick(world: World) -> None:
    identifiers = []
    for _ in range(20):
        opened = await world.open("0.01")
        identifiers.append(opened.legs[0].position_identifier)
    spans = []
    for identifier in identifiers:
        begun = time.perf_counter()
        await world.deliver(CloseAction(identifier))
        spans.append(time.perf_counter() - begun)

    # Generous: other work shares the machine. The figure itself belongs to the benchmarks.
    assert sorted(spans)[len(spans) // 2] < 0.05


async def test_an_open_waits_within_its_time_for_a_lease_that_is_being_got(world: World) -> None:
    world.gate.why = Refusal("NO_LEASE", "the server has not granted a trading lease")
    waiting = await world.deliver(buy(), wait=False)
    late = await world.outcome(await world.deliver(buy(), time_left=0.1))
    world.gate.why = None

    assert (late.state, late.reason) == (CommandState.REJECTED, "NO_LEASE")
    assert (await world.outcome(waiting)).state is CommandState.SUCCEEDED


async def test_with_a_full_disk_nothing_is_sent_and_it_heals_by_itself(world: World) -> None:
    opened = await world.open()
    connection = world.core._journal._connection
    assert connection is not None
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    sent = len(world.terminal.sent)
    with pytest.raises(JournalUnavailable):
        await _deliver_many(world)
    with pytest.raises(JournalUnavailable):
        await world.deliver(buy())
    with pytest.raises(JournalUnavailable):
        await world.deliver(CloseAction(opened.legs[0].position_identifier))
    assert len(world.terminal.sent) == sent
    assert world.core.status().journal_problem

    connection.execute("PRAGMA max_page_count = 1000000")
    await eventually(lambda: not world.core.status().journal_problem)
    closed = await world.outcome(await world.deliver(CloseAction(opened.legs[0].position_identifier)))

    assert closed.state is CommandState.SUCCEEDED
    assert "JOURNAL_UNAVAILABLE" in {alert.code for alert in world.core.take_alerts()}


async def test_a_command_taken_back_in_time_is_cancelled(world: World) -> None:
    world.gate.why = Refusal("NO_LEASE", "the server has not granted a trading lease")
    command_id = await world.deliver(buy(), wait=False)

    await world.core.cancel(command_id)

    assert (await world.outcome(command_id)).state is CommandState.CANCELLED


async def test_a_check_counts_volume_risk_and_margin_without_sending(world: World) -> None:
    action = buy(volume_lots=None, risk=RiskAmount(money=Decimal(100)), stop_loss=Decimal("1.08425"))

    check = await world.core.check(action)
    unknown = await world.core.check(buy(symbol="GBPUSD"))

    # 100 points at 1 in money for a point and lot.
    assert (check.volume_lots, check.risk_money, check.problems) == (Decimal("1.00"), Decimal("100.00"), ())
    assert unknown.unknown_symbol
    assert not world.terminal.sent


async def test_break_even_moves_the_stop_into_profit(world: World) -> None:
    identifier = (await world.open()).legs[0].position_identifier
    world.tick("1.08600", "1.08610")

    outcome = await world.outcome(await world.deliver(BreakEvenAction(identifier)))

    assert outcome.state is CommandState.SUCCEEDED
    assert world.terminal._broker.positions[identifier].stop_loss == Decimal("1.08535")


async def _deliver_many(world: World) -> None:
    """What fits into free pages is still written; at some point nothing is."""
    for _ in range(200):
        await world.deliver(buy(comment="x" * 5000), time_left=-1.0, wait=False)


async def test_a_call_that_is_kept_back_at_its_instant_by_what_passes_waits_for_that(world: World) -> None:
    asked = 0
    judged = world.gate.refusal

    def refusal(stop_generation: int, automated: bool, origin: CommandOrigin) -> Refusal | None:
        nonlocal asked
        asked += 1
        # Neither when the command is expanded, nor before the intent is written: at the call itself.
        if asked == 3:
            return Refusal("CONTROL_LOST", "the control stream is down")
        return judged(stop_generation, automated, origin)

    world.gate.refusal = refusal  # type: ignore[method-assign]

    outcome = await world.open()

    assert asked > 3
    assert outcome.state is CommandState.SUCCEEDED
    assert len(world.terminal._broker.positions) == 1
