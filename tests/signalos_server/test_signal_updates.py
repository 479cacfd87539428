"""Updates: which trades they act on, that they act while opens do not, and that none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import grpc.aio
import pytest

from signalos.v1 import alert_service_pb2, bridge_pb2, bridge_service_pb2
from signalos_server.service.signals.ground import SignalTimings
from tests.signalos_server.serving import error_of
from tests.signalos_server.signal_world import BUY, Desk, desk_of, outcome, signalling
from tests.signalos_server.trading_world import eventually


@pytest.fixture
async def desk(tmp_path: Path, storage_url: str) -> AsyncIterator[Desk]:
    async with signalling(tmp_path / "server", storage_url) as entered:
        yield await desk_of(entered)


async def test_a_close_that_replies_closes_the_trade_of_its_signal_alone(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")
    other, _ = await desk.traded("XAUUSD BUY NOW SL 2330 TP 2360", external_id="2")

    decision = await desk.told("close now", "SENT", external_id="3", reply_to_external_id="1")

    assert [one.symbol for one in desk.dealer.positions.values()] == ["XAUUSD"]
    assert len(decision.command_ids) == 1
    assert other.decisions[0].trade_ids[0] not in decision.trade_ids


async def test_a_part_a_break_even_and_a_stop_move_do_what_they_say(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")
    (position,) = desk.dealer.positions.values()

    await desk.told("close half", "SENT", reply_to_external_id="1")
    await eventually(lambda: _true(position.volume_lots == 0.05))
    await desk.told("move SL to 1.0970", "SENT", reply_to_external_id="1")
    await eventually(lambda: _true(position.broker_stop_loss == 1.097))
    await desk.told("SL to entry", "SENT", reply_to_external_id="1")

    await eventually(lambda: _true(position.broker_stop_loss == position.open_price))
    assert desk.dealer.kinds() == ["open", "close", "modify", "break_even"]


async def _true(holds: bool) -> bool | None:
    return holds or None


async def test_an_update_without_a_reply_acts_on_the_only_match_and_asks_between_two(desk: Desk) -> None:
    await desk.source(maximum_risk_percent=5)
    await desk.traded()
    await desk.told("close EURUSD now", "SENT")
    await eventually(lambda: _true(not desk.dealer.positions))

    await desk.traded("EURUSD BUY NOW SL 1.0940 TP 1.1050")
    await desk.traded("EURUSD BUY NOW SL 1.0930 TP 1.1060")
    signal = await desk.say("close half EURUSD")
    asked = await desk.decided(signal.signal_id, "QUESTION")

    assert asked.code == "WHICH_TRADE"
    assert len(asked.candidate_trade_ids) == 2
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await desk.approve(signal.signal_id)
    assert error_of(refused.value)[1] == "INVALID_FIELD"
    chosen = asked.candidate_trade_ids[0]
    answered = await desk.approve(signal.signal_id, trade_ids=[chosen])
    assert answered.decisions[-1].outcome == outcome("SENT")
    assert list(answered.decisions[-1].trade_ids) == [chosen]


async def test_a_close_acts_while_paused_and_stopped(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")
    await desk.pause()
    await desk.stop()

    await desk.told("close now", "SENT", reply_to_external_id="1")

    await eventually(lambda: _true(not desk.dealer.positions))


async def test_a_looser_stop_asks_and_a_tighter_one_acts(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")

    asked = await desk.told("move SL to 1.0900", "QUESTION", reply_to_external_id="1")
    await desk.told("move SL to 1.0960", "SENT", reply_to_external_id="1")

    assert asked.code == "LOOSENS_STOP"
    assert desk.dealer.kinds() == ["open", "modify"]


async def test_a_close_waits_for_its_open_that_is_still_under_way(desk: Desk) -> None:
    await desk.source()
    desk.dealer.quiet = True
    signal = await desk.say(BUY, external_id="1")
    await desk.decided(signal.signal_id, "SENT")
    close = await desk.say("close now", reply_to_external_id="1")
    held = await desk.decided(close.signal_id, "HELD")
    assert held.code == "OPEN_UNDER_WAY"

    desk.dealer.quiet = False
    await desk.dealer.bridge.tell(*desk.dealer.carry_out(desk.dealer.bridge.deliveries[0]))

    await desk.decided(close.signal_id, "SENT")
    await eventually(lambda: _true(not desk.dealer.positions))


async def test_a_close_cancels_the_pending_order_of_its_signal(desk: Desk) -> None:
    await desk.source()
    await desk.told("EURUSD buy limit 1.0980 SL 1.0950 TP 1.1050", "SENT", external_id="1")
    await eventually(lambda: _true(bool(desk.dealer.orders)))

    await desk.told("close now", "SENT", reply_to_external_id="1")

    await eventually(lambda: _true(not desk.dealer.orders))


async def test_a_deletion_cancels_what_is_not_filled_and_closes_nothing(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")
    await desk.told("XAUUSD buy limit 2335 SL 2330 TP 2350", "SENT", external_id="2")
    await eventually(lambda: _true(bool(desk.dealer.orders)))

    await desk.told("", "SKIPPED", external_id="1", deleted=True)
    await desk.told("", "SENT", external_id="2", deleted=True)

    await eventually(lambda: _true(not desk.dealer.orders))
    assert len(desk.dealer.positions) == 1
    again = await desk.ended(BUY + " ", external_id="1")
    assert again.steps[-1].code == "DELETED_BEFORE"


async def test_a_deletion_takes_back_what_waits_for_approval(desk: Desk) -> None:
    await desk.source("APPROVE")
    signal = await desk.say(BUY, external_id="1")
    await desk.decided(signal.signal_id, "APPROVAL")

    await desk.told("", external_id="1", deleted=True)

    taken = await desk.decided(signal.signal_id, "WITHDRAWN")
    assert taken.code == "TAKEN_BACK"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await desk.approve(signal.signal_id)
    assert error_of(refused.value)[1] == "WRONG_STATE"


async def test_an_edit_moves_levels_of_what_is_open_and_never_opens_again(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")

    edited = await desk.told("EURUSD BUY NOW\nSL 1.0970\nTP 1.1080", "SENT", external_id="1", edited=True)

    (position,) = desk.dealer.positions.values()
    await eventually(lambda: _true(position.broker_stop_loss == 1.097))
    assert position.broker_take_profit == 1.108
    assert desk.dealer.kinds() == ["open", "modify"]
    assert edited.code == ""


async def test_an_edit_of_the_side_after_the_fill_asks(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")

    asked = await desk.told("EURUSD SELL NOW\nSL 1.1050\nTP 1.0950", "QUESTION", external_id="1")

    assert asked.code == "EDIT_CHANGES_ORDER"
    assert desk.dealer.kinds() == ["open"]


async def test_an_edit_that_adds_the_stop_is_decided_anew(desk: Desk) -> None:
    await desk.source()
    first = await desk.told("EURUSD BUY NOW", external_id="1")
    assert first.outcome in (outcome("DENIED"), outcome("QUESTION"))

    await desk.told(BUY, "SENT", external_id="1", edited=True)

    assert desk.dealer.kinds() == ["open"]


async def test_an_edit_of_a_pending_order_cancels_it_and_places_the_new_one(desk: Desk) -> None:
    await desk.source()
    await desk.told("EURUSD buy limit 1.0980 SL 1.0950 TP 1.1050", "SENT", external_id="1")
    await eventually(lambda: _true(bool(desk.dealer.orders)))

    edit = await desk.say("EURUSD buy limit 1.0970 SL 1.0940 TP 1.1050", external_id="1")
    await desk.decided(edit.signal_id, "SENT")

    await eventually(lambda: _true(len(desk.dealer.kinds()) >= 3))
    assert desk.dealer.kinds() == ["open", "cancel_order", "open"]
    (order,) = desk.dealer.orders.values()
    assert order.price == 1.097


async def test_an_edit_cancels_an_order_once_however_late_the_record_shows_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    late: list[bridge_service_pb2.ConnectRequest] = []
    carry_out = desk.dealer.carry_out

    def carried_out(delivery: bridge_pb2.CommandDelivery) -> list[bridge_service_pb2.ConnectRequest]:
        outcome_and_event = carry_out(delivery)
        if delivery.action.HasField("cancel_order"):
            late.append(outcome_and_event.pop())
        return outcome_and_event

    monkeypatch.setattr(desk.dealer, "carry_out", carried_out)
    await desk.source()
    await desk.told("EURUSD buy limit 1.0980 SL 1.0950 TP 1.1050", "SENT", external_id="1")
    await eventually(lambda: _true(bool(desk.dealer.orders)))
    edit = await desk.say("EURUSD buy limit 1.0970 SL 1.0940 TP 1.1050", external_id="1")
    await eventually(lambda: _true(bool(late)))
    # The outcome is taken in, and the edit is looked at again.
    await asyncio.sleep(0.7)
    assert (await desk.decided(edit.signal_id, "HELD")).outcome == outcome("HELD")

    await desk.dealer.bridge.tell(late[0])

    await desk.decided(edit.signal_id, "SENT")
    await eventually(lambda: _true(len(desk.dealer.kinds()) >= 3))
    assert desk.dealer.kinds() == ["open", "cancel_order", "open"]


async def test_an_edit_of_the_emoji_alone_changes_nothing(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")

    signal = await desk.ended(BUY + " 🚀", external_id="1", edited=True)

    assert signal.steps[-1].code == "SAYS_THE_SAME"
    assert desk.dealer.kinds() == ["open"]


async def test_an_older_version_that_comes_later_is_overtaken(desk: Desk) -> None:
    await desk.source()
    await desk.told("EURUSD BUY NOW\nSL 1.0970\nTP 1.1080", external_id="1", edited=True)

    signal = await desk.ended(BUY, external_id="1", age=30)

    assert signal.steps[-1].code == "OVERTAKEN"
    assert desk.dealer.opens == []


async def test_a_close_for_a_terminal_that_is_away_waits_is_alerted_and_is_done_once_it_is_back(
    tmp_path: Path, storage_url: str
) -> None:
    timings = SignalTimings(sweep_seconds=0.1, alert_after=timedelta(seconds=0.5))
    async with signalling(tmp_path / "server", storage_url, timings) as entered:
        desk = await desk_of(entered)
        await desk.source()
        await desk.traded(external_id="1")
        await desk.dealer.bridge.close()

        close = await desk.say("close now", reply_to_external_id="1")
        held = await desk.decided(close.signal_id, "HELD")
        assert held.code == "TERMINAL_AWAY"
        assert len(held.command_ids) == 1

        async def alerted() -> bool | None:
            answer = await desk.trader.client.alerts.ListAlerts(
                alert_service_pb2.ListAlertsRequest(), metadata=desk.trader.metadata
            )
            return any(one.code == "SIGNAL_WAITS" for one in answer.alerts) or None

        await eventually(alerted)
        await desk.dealer.bridge.connect()

        await desk.decided(close.signal_id, "SENT")
        await eventually(lambda: _true(not desk.dealer.positions))


async def test_a_close_that_no_terminal_came_for_asks(tmp_path: Path, storage_url: str) -> None:
    # It is also how long the approved close has, of which a busy database may take some.
    timings = SignalTimings(sweep_seconds=0.1, hold=timedelta(seconds=5))
    async with signalling(tmp_path / "server", storage_url, timings) as entered:
        desk = await desk_of(entered)
        await desk.source()
        await desk.traded(external_id="1")
        await desk.dealer.bridge.close()
        close = await desk.say("close now", reply_to_external_id="1")

        asked = await desk.decided(close.signal_id, "QUESTION")
        assert asked.code == "NOT_DONE"
        await desk.dealer.bridge.connect()
        await desk.approve(close.signal_id)

        await desk.decided(close.signal_id, "SENT")
        await eventually(lambda: _true(not desk.dealer.positions))


async def test_a_half_that_was_done_at_the_second_time_is_asked_about_no_more(
    tmp_path: Path, storage_url: str
) -> None:
    timings = SignalTimings(sweep_seconds=0.1, hold=timedelta(seconds=5))
    async with signalling(tmp_path / "server", storage_url, timings) as entered:
        desk = await desk_of(entered)
        await desk.source()
        await desk.traded(external_id="1")
        await desk.dealer.bridge.close()
        half = await desk.say("close half", reply_to_external_id="1")
        assert (await desk.decided(half.signal_id, "QUESTION")).code in ("NOT_DONE", "WAITED_TOO_LONG")
        await desk.dealer.bridge.connect()
        await desk.approve(half.signal_id)

        (position,) = desk.dealer.positions.values()
        await eventually(lambda: _true(position.volume_lots == 0.05))
        # The trade is still open, and the first command is still one that was not done.
        await asyncio.sleep(0.7)
        assert (await desk.decided(half.signal_id)).outcome == outcome("SENT")


async def test_a_close_that_was_held_can_be_taken_back(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")
    await desk.dealer.bridge.close()
    close = await desk.say("close now", reply_to_external_id="1")
    await desk.decided(close.signal_id, "HELD")

    rejected = await desk.reject(close.signal_id, reason="it stays")
    await desk.dealer.bridge.connect()

    assert rejected.decisions[0].outcome == outcome("REJECTED")
    await desk.told("move SL to 1.0960", "SENT", reply_to_external_id="1")
    assert desk.dealer.kinds() == ["open", "modify"]


async def test_an_old_close_does_not_close_what_was_opened_after_it(desk: Desk) -> None:
    await desk.source()
    await desk.traded()

    decision = await desk.told("close EURUSD now", "SKIPPED", age=3600)

    assert decision.code == "NOTHING_TO_ACT_ON"
    assert len(desk.dealer.positions) == 1


async def test_yes_to_an_edit_of_the_side_closes_and_decides_anew(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")
    edit = await desk.say("EURUSD SELL NOW\nSL 1.1050\nTP 1.0950", external_id="1")
    await desk.decided(edit.signal_id, "QUESTION")

    await desk.approve(edit.signal_id)

    await desk.decided(edit.signal_id, "SENT")
    assert desk.dealer.kinds() == ["open", "close", "open"]


async def test_an_edit_never_revives_what_a_close_took_back(desk: Desk) -> None:
    await desk.source("APPROVE")
    signal = await desk.say(BUY, external_id="1")
    await desk.decided(signal.signal_id, "APPROVAL")
    await desk.told("close now", reply_to_external_id="1")
    await desk.decided(signal.signal_id, "WITHDRAWN")

    edited = await desk.told(BUY.replace("1.0950", "1.0951"), "SKIPPED", external_id="1", edited=True)

    assert edited.code == "NOTHING_TO_ACT_ON"


async def test_an_edit_of_two_orders_in_one_message_moves_each_by_its_own(desk: Desk) -> None:
    await desk.source()
    text = "EURUSD BUY NOW SL 1.0950 TP 1.1050\nXAUUSD BUY NOW SL 2330 TP 2360"
    signal = await desk.say(text, external_id="1")
    await desk.until(signal.signal_id, lambda one: len([d for d in one.decisions if d.trade_ids]) == 2)

    edited = await desk.say(text.replace("1.0950", "1.0960").replace("2330", "2332"), external_id="1")
    await desk.until(
        edited.signal_id,
        lambda one: [d.outcome for d in one.decisions] == [outcome("SENT")] * 2,
    )

    stops = {one.symbol: one for one in desk.dealer.positions.values()}
    await eventually(lambda: _true(stops["EURUSD"].broker_stop_loss == 1.096))
    await eventually(lambda: _true(stops["XAUUSD"].broker_stop_loss == 2332))


async def test_a_close_takes_back_an_order_that_waits_for_its_way_to_be_cleared(desk: Desk) -> None:
    await desk.source(opposite="OPPOSITE_RULE_CLOSE_FIRST")
    await desk.traded()
    desk.dealer.quiet = True
    sell = await desk.say("EURUSD SELL NOW\nSL 1.1050\nTP 1.0950", external_id="2")
    await desk.decided(sell.signal_id, "HELD")

    await desk.told("close now", reply_to_external_id="2")

    await desk.decided(sell.signal_id, "WITHDRAWN")


async def test_a_close_that_its_terminal_does_not_do_is_alerted_until_it_is_done(
    tmp_path: Path, storage_url: str
) -> None:
    timings = SignalTimings(sweep_seconds=0.1, alert_after=timedelta(seconds=0.3))
    async with signalling(tmp_path / "server", storage_url, timings) as entered:
        desk = await desk_of(entered)
        await desk.source()
        await desk.traded(external_id="1")
        desk.dealer.quiet = True
        close = await desk.say("close now", reply_to_external_id="1")
        await desk.decided(close.signal_id, "SENT")

        async def waits(ended: bool) -> bool | None:
            answer = await desk.trader.client.alerts.ListAlerts(
                alert_service_pb2.ListAlertsRequest(), metadata=desk.trader.metadata
            )
            found = [one for one in answer.alerts if one.code == "SIGNAL_WAITS"]
            return (bool(found) and found[0].HasField("end_time") is ended) or None

        await eventually(lambda: waits(False))
        desk.dealer.quiet = False
        await desk.dealer.bridge.tell(*desk.dealer.carry_out(desk.dealer.bridge.deliveries[-1]))
        await eventually(lambda: waits(True))


async def test_a_close_that_the_broker_refuses_asks_and_is_told(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")
    desk.dealer.refuse = True

    close = await desk.say("close now", reply_to_external_id="1")
    asked = await desk.decided(close.signal_id, "QUESTION")

    assert asked.code == "NOT_DONE"
    desk.dealer.refuse = False
    await desk.approve(close.signal_id)
    await eventually(lambda: _true(not desk.dealer.positions))
