"""What a server that ended has left is taken up by the next, and never too late; defects lose nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from signalos.v1 import alert_service_pb2, signal_pb2
from signalos_server.domain.errors import StorageUnavailable
from signalos_server.domain.pipeline.words import SignalOutcome
from signalos_server.service.records import Records
from signalos_server.service.signals import pipeline, reading
from signalos_server.service.signals.ground import SignalTimings
from signalos_server.signals import SignalPart
from tests.signalos_server.serving import World, error_of
from tests.signalos_server.signal_world import BUY, Desk, desk_of, outcome, signalling
from tests.signalos_server.trading_world import Trader, TradingWorld, eventually
from tests.support.dealing_bridge import Dealer
from tests.support.fake_bridge import FakeBridge


def part_of(world: World) -> SignalPart:
    (part,) = (one for one in world.serving.parts if isinstance(one, SignalPart))
    return part


async def back(entered: TradingWorld, desk: Desk) -> Desk:
    """Return the desk at a server that was started again, its bridge with it."""
    before = desk.trader.bridge
    bridge = FakeBridge(
        entered.world.serving.address,
        before.bridge_id,
        before.credential,
        before.login,
        journal_id=before.journal_id,
        last_epoch=before.last_epoch,
        next_seq=before.next_seq,
    )
    trader = Trader(entered.world.client(desk.trader.client.token), desk.trader.account_id, bridge)
    entered.traders.append(trader)
    await bridge.connect()
    dealer = Dealer(bridge, positions=desk.dealer.positions, orders=desk.dealer.orders)
    return Desk(trader, await dealer.start(), desk.sources)


def stop_reading(world: World) -> None:
    """Let what is committed from now on be carried on by nobody, as by a server that is killed."""
    part_of(world)._pipeline.read = lambda *_: None  # type: ignore[method-assign,assignment]


async def test_what_was_committed_and_not_read_is_taken_up_in_its_order(
    tmp_path: Path, storage_url: str
) -> None:
    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await desk_of(entered)
        await desk.source()
        stop_reading(entered.world)
        opened = await desk.say(BUY, external_id="1")
        moved = await desk.say("move SL to 1.0970", external_id="2", reply_to_external_id="1")

    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await back(entered, desk)
        found = await desk.until(moved.signal_id, lambda one: one.state == signal_pb2.SIGNAL_STATE_ACTED, 20)

        assert found.decisions[0].outcome == outcome("SENT")
        assert (await desk.signal(opened.signal_id)).decisions[0].outcome == outcome("SENT")
        assert desk.dealer.kinds() == ["open", "modify"]


async def test_what_comes_before_the_rest_is_taken_up_is_read_after_it(
    tmp_path: Path, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await desk_of(entered)
        await desk.source()
        stop_reading(entered.world)
        first = await desk.say(BUY, external_id="1")
    left, away = pipeline._left, True

    def late(records: Records) -> Any:
        if away:
            raise StorageUnavailable("the database is away for a moment")
        return left(records)

    monkeypatch.setattr(pipeline, "_left", late)
    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await back(entered, desk)
        edit = await desk.say("EURUSD BUY NOW\nSL 1.0960\nTP 1.1050", external_id="1", edited=True)
        await asyncio.sleep(0.5)
        away = False

        await desk.decided(first.signal_id)
        await desk.until(edit.signal_id, lambda one: one.state != signal_pb2.SIGNAL_STATE_RECEIVED)

        # One order came of it, at the levels that were said last.
        assert desk.dealer.kinds().count("open") == 1
        assert await eventually(lambda: _stop_of(desk)) == 1.0960


async def _stop_of(desk: Desk) -> float | None:
    stops = [position.broker_stop_loss for position in desk.dealer.positions.values()]
    return stops[0] if stops == [1.0960] else None


async def test_an_order_is_too_old_by_the_time_a_server_is_back_and_a_close_is_not(
    tmp_path: Path, storage_url: str
) -> None:
    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await desk_of(entered)
        await desk.source()
        await desk.traded(external_id="1")
        stop_reading(entered.world)
        old = await desk.say(BUY.replace("1.0950", "1.0951"), external_id="2", age=600)
        close = await desk.say("close now", external_id="3", reply_to_external_id="1", age=600)

    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await back(entered, desk)

        assert (await desk.decided(old.signal_id, "DENIED")).code == "TOO_OLD"
        await desk.decided(close.signal_id, "SENT")
        assert desk.dealer.kinds() == ["close"]


async def test_a_yes_from_before_the_restart_is_worth_no_longer_than_a_message(
    tmp_path: Path, storage_url: str
) -> None:
    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await desk_of(entered)
        await desk.source("APPROVE")
        signal = await desk.say(BUY)
        waiting = await desk.decided(signal.signal_id, "APPROVAL")

        def approved_long_ago(records: Records) -> None:
            decision = records.signals.decision(waiting.decision_id)
            assert decision is not None
            then = datetime.now(UTC) - timedelta(minutes=10)
            records.signals.save_decision(replace(decision, outcome=SignalOutcome.PENDING, approve_time=then))

        await entered.world.foundation.storage.run(approved_long_ago)

    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await back(entered, desk)

        assert (await desk.decided(signal.signal_id, "DENIED")).code == "TOO_OLD"
        assert desk.dealer.opens == []


async def test_an_approval_expires_over_a_restart(tmp_path: Path, storage_url: str) -> None:
    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await desk_of(entered)
        await desk.source("APPROVE")
        signal = await desk.say(BUY)
        waiting = await desk.decided(signal.signal_id, "APPROVAL")

        def almost_over(records: Records) -> None:
            decision = records.signals.decision(waiting.decision_id)
            assert decision is not None
            records.signals.save_decision(replace(decision, expire_time=datetime.now(UTC)))

        part_of(entered.world)._pipeline._expire = _never  # type: ignore[method-assign]
        await entered.world.foundation.storage.run(almost_over)

    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await back(entered, desk)
        await desk.decided(signal.signal_id, "EXPIRED")


async def test_a_yes_that_comes_before_anybody_noticed_that_it_is_too_late_sends_nothing(
    tmp_path: Path, storage_url: str
) -> None:
    timings = SignalTimings(sweep_seconds=3600)
    async with signalling(tmp_path / "server", storage_url, timings) as entered:
        desk = await desk_of(entered)
        await desk.source("APPROVE")
        signal = await desk.say(BUY)
        waiting = await desk.decided(signal.signal_id, "APPROVAL")

        def over(records: Records) -> None:
            decision = records.signals.decision(waiting.decision_id)
            assert decision is not None
            records.signals.save_decision(replace(decision, expire_time=datetime.now(UTC)))

        await entered.world.foundation.storage.run(over)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await desk.approve(signal.signal_id)

        assert error_of(refused.value)[1] == "WRONG_STATE"
        assert desk.dealer.opens == []


async def _never(decision_id: str) -> None:
    """Do nothing."""


async def test_a_defect_of_the_parser_ends_in_a_signal_that_says_so_and_an_alert(
    tmp_path: Path, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("a defect")

    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await desk_of(entered)
        await desk.source()
        monkeypatch.setattr(reading, "parse", broken)
        signal = await desk.ended(BUY)
        assert signal.steps[-1].code == "PARSER_FAILED"
        monkeypatch.undo()
        await desk.traded(BUY)
        alerts = await desk.trader.client.alerts.ListAlerts(
            alert_service_pb2.ListAlertsRequest(), metadata=desk.trader.metadata
        )
        assert [one.code for one in alerts.alerts] == ["PARSER_FAILED"]


async def test_a_defect_of_a_decision_is_denied_and_alerted_and_the_lane_goes_on(
    tmp_path: Path, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with signalling(tmp_path / "server", storage_url) as entered:
        desk = await desk_of(entered)
        await desk.source()
        opening = part_of(entered.world)._pipeline.decider.opening

        def broken(*_: Any) -> Any:
            raise ValueError("a defect")

        monkeypatch.setattr(opening, "take", broken)
        assert (await desk.told(BUY, "DENIED")).code == "DECISION_FAILED"
        monkeypatch.undo()
        await desk.traded(BUY.replace("1.0950", "1.0951"))


async def test_old_signals_are_forgotten_but_not_those_that_wait_or_trade(
    tmp_path: Path, storage_url: str
) -> None:
    timings = SignalTimings(sweep_seconds=0.1, retention_seconds=0.2, keep_count=1)
    async with signalling(tmp_path / "server", storage_url, timings) as entered:
        desk = await desk_of(entered)
        await desk.source()
        trading, _ = await desk.traded()
        await desk.source("APPROVE")
        waiting = await desk.say("XAUUSD BUY NOW SL 2330 TP 2360")
        await desk.decided(waiting.signal_id, "APPROVAL")
        talk = [await desk.say(f"good morning {number}") for number in range(4)]

        async def left() -> set[str] | None:
            ids = {trading.signal_id, waiting.signal_id, *(one.signal_id for one in talk)}
            found = await entered.world.foundation.storage.read(lambda records: records.signals.many(ids))
            return set(found) if len(found) == 3 else None

        assert await eventually(left) == {trading.signal_id, waiting.signal_id, talk[-1].signal_id}
