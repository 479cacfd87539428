"""Messages that open: what comes of them at an account, and that nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest

from signalos.v1 import control_pb2, control_service_pb2, order_pb2
from signalos.v1 import signal_service_pb2 as pb
from tests.signalos_server.serving import error_of
from tests.signalos_server.signal_world import BUY, Desk, desk_of, outcome, signalling


@pytest.fixture
async def desk(tmp_path: Path, storage_url: str) -> AsyncIterator[Desk]:
    async with signalling(tmp_path / "server", storage_url) as entered:
        yield await desk_of(entered)


async def test_a_trusted_source_sends_its_order_with_all_steps_on_record(desk: Desk) -> None:
    await desk.source()

    signal, trade_id = await desk.traded()

    decision = signal.decisions[0]
    assert decision.outcome == outcome("SENT")
    assert all(step.passed and step.time.seconds for step in decision.steps)
    assert [step.name for step in signal.steps] == [
        *("received", "source", "sender", "repetition", "reading", "accounts")
    ]
    (order,) = desk.dealer.opens
    assert (order.symbol, order.stop_loss, list(order.take_profits)) == ("EURUSD", 1.095, [1.105])
    assert order.risk.equity_percent == 0.5
    assert trade_id in decision.trade_ids


async def test_an_order_waits_a_moment_for_the_price_of_a_bridge_that_has_just_come(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has much to do after a start, and is asked for a quote longer than one question lasts."""
    monkeypatch.setattr("signalos_server.service.quotes.FRESH_SECONDS", 0.5)
    quotes = dict(desk.dealer.quotes)
    desk.dealer.quotes.clear()
    await desk.source()
    await asyncio.sleep(0.6)

    signal = await desk.say("EURUSD BUY NOW\nSL 1.0950\nTP 1.1050", external_id="1")
    # Past the first question, which nobody answers.
    await asyncio.sleep(1.5)
    assert (await desk.signal(signal.signal_id)).decisions[0].outcome == outcome("PENDING")
    desk.dealer.quotes.update(quotes)

    await desk.decided(signal.signal_id, "SENT")


async def test_several_targets_are_a_ladder_whose_stop_follows(desk: Desk) -> None:
    await desk.source()

    await desk.traded("EURUSD BUY NOW\nSL 1.0950\nTP1 1.1050\nTP2 1.1100\nTP3 1.1150")

    (order,) = desk.dealer.opens
    assert list(order.take_profits) == []
    targets = order.protection.targets
    assert [target.price for target in targets] == [1.105, 1.11, 1.115]
    assert sum(target.share for target in targets) == pytest.approx(1)


async def test_an_account_limit_refuses_a_signal_with_its_numbers_at_its_own_step(desk: Desk) -> None:
    await desk.source()
    limits = control_pb2.Limits(maximum_order_lots=0.01)
    request = control_service_pb2.UpdateLimitsRequest(limits=limits)
    await desk.trader.control.UpdateLimits(request, metadata=desk.trader.metadata)

    decision = await desk.told(BUY)

    assert (decision.outcome, decision.code) == (outcome("DENIED"), "MAXIMUM_ORDER_LOTS")
    step = decision.steps[-1]
    assert (step.name, step.passed) == ("limits", False)
    assert {number.name: number.value for number in step.numbers}["limit"] == "0.01"
    assert desk.dealer.opens == []


@pytest.mark.parametrize(
    ("trust", "name", "code"),
    [("OBSERVE", "SKIPPED", "OBSERVED"), ("APPROVE", "APPROVAL", "APPROVAL_NEEDED")],
)
async def test_a_source_that_is_not_trusted_sends_nothing_and_shows_the_order(
    desk: Desk, trust: str, name: str, code: str
) -> None:
    await desk.source(trust)

    decision = await desk.told(BUY)

    assert (decision.outcome, decision.code) == (outcome(name), code)
    assert decision.plan.symbol == "EURUSD"
    assert desk.dealer.opens == []


async def test_a_repeat_is_the_same_signal_and_opens_nothing_more(desk: Desk) -> None:
    await desk.source()
    first, _ = await desk.traded(external_id="chat:1")

    again = await desk.say(BUY, external_id="chat:1")
    said = await desk.ended(BUY, external_id="chat:2")

    assert again.signal_id == first.signal_id
    assert said.steps[-1].code == "REPEATED"
    assert len(desk.dealer.opens) == 1


async def test_the_same_key_is_the_same_signal(desk: Desk) -> None:
    await desk.source()
    first = await desk.say(BUY, key="once")
    again = await desk.say(BUY, key="once")

    assert first.signal_id == again.signal_id


@pytest.mark.parametrize(("age", "code"), [(86_400, "TOO_OLD"), (120, "TOO_OLD"), (-60, "FUTURE_DATED")])
async def test_an_order_of_another_time_is_denied(desk: Desk, age: float, code: str) -> None:
    await desk.source()

    decision = await desk.told(BUY, age=age)

    assert (decision.outcome, decision.code) == (outcome("DENIED"), code)
    assert desk.dealer.opens == []


async def test_paused_skips_and_stopped_denies(desk: Desk) -> None:
    await desk.source()
    await desk.pause()
    paused = await desk.told(BUY)
    await desk.pause(False)
    await desk.stop()
    stopped = await desk.told(BUY.replace("1.0950", "1.0951"))

    assert (paused.outcome, paused.code) == (outcome("SKIPPED"), "PAUSED")
    assert (stopped.outcome, stopped.code) == (outcome("DENIED"), "STOPPED")
    assert desk.dealer.opens == []


async def test_an_order_that_waits_for_its_price_is_placed(desk: Desk) -> None:
    await desk.source()

    decision = await desk.told("EURUSD buy limit 1.0980 SL 1.0950 TP 1.1050", "SENT")

    assert decision.plan.order_type == order_pb2.ORDER_TYPE_LIMIT
    assert decision.plan.price == 1.098


async def test_an_opposite_signal_is_denied_and_closes_first_where_the_rule_says_so(desk: Desk) -> None:
    await desk.source()
    await desk.traded()
    sell = "EURUSD SELL NOW\nSL 1.1050\nTP 1.0950"
    denied = await desk.told(sell)
    assert (denied.outcome, denied.code) == (outcome("DENIED"), "OPPOSITE_HELD")

    await desk.source(opposite="OPPOSITE_RULE_CLOSE_FIRST")
    sent = await desk.told(sell, "SENT")

    assert desk.dealer.kinds() == ["open", "close", "open"]
    assert len(sent.command_ids) == 2
    (left,) = desk.dealer.positions.values()
    assert left.side == 2


async def test_a_source_that_is_off_is_recorded_and_does_nothing(desk: Desk) -> None:
    await desk.source(policy={"senders": ["boss"]})

    signal = await desk.ended(BUY, sender="somebody")

    assert signal.steps[-1].code == "SENDER"
    assert list(signal.decisions) == []


async def test_signals_of_one_symbol_and_side_share_what_one_idea_may_risk(desk: Desk) -> None:
    await desk.source()
    await desk.traded()
    await desk.traded(BUY.replace("1.0950", "1.0951"))

    same = await desk.told(BUY.replace("1.0950", "1.0945"), "DENIED")
    other = await desk.told("XAUUSD BUY NOW SL 2330 TP 2360", "SENT")

    assert same.code == "MAX_IDEA_RISK"
    assert other.code == ""


async def test_a_suspended_account_opens_nothing(desk: Desk) -> None:
    await desk.source(suspended=True)

    signal = await desk.ended(BUY)

    assert signal.steps[-1].code == "NO_ACCOUNTS"


async def test_a_repeat_under_another_key_stays_the_same_signal_however_often(desk: Desk) -> None:
    await desk.source()
    first = await desk.say(BUY, external_id="1", key="one")

    ids = [(await desk.say(BUY, external_id="1", key="two")).signal_id for _ in range(3)]

    assert set(ids) == {first.signal_id}


async def test_repetitions_of_another_source_count_where_the_policy_says_so(desk: Desk) -> None:
    first = await desk.source("OBSERVE")
    await desk.told(BUY, source=first)
    apart = await desk.source("OBSERVE")
    assert (await desk.told(BUY, source=apart)).code == "OBSERVED"

    across = await desk.source("OBSERVE", policy={"duplicates_across_sources": True})

    assert (await desk.ended(BUY, source=across)).steps[-1].code == "REPEATED"


async def test_a_time_that_is_none_is_refused_and_not_taken_for_now(desk: Desk) -> None:
    await desk.source()
    request = pb.SubmitSignalRequest(request_id="x", source_id=desk.sources[-1], text=BUY)
    request.say_time.seconds = 10**15

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await desk.signals.SubmitSignal(request, metadata=desk.trader.metadata)

    assert error_of(refused.value)[3][0][0] == "sayTime"
    assert desk.dealer.opens == []
