"""What persons say of signals: approve, reject, replay, simulate; and that time and others count."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration

from signalos.v1 import auth_service_pb2, event_service_pb2, signal_pb2, user_pb2
from signalos.v1 import signal_service_pb2 as pb
from signalos_server.domain.caller import Role
from tests.signalos_server.serving import error_of
from tests.signalos_server.signal_world import BUY, Desk, State, desk_of, outcome, signalling
from tests.signalos_server.trading_world import TradingWorld, eventually


@pytest.fixture
async def entered(tmp_path: Path, storage_url: str) -> AsyncIterator[TradingWorld]:
    async with signalling(tmp_path / "server", storage_url) as world:
        yield world


@pytest.fixture
async def desk(entered: TradingWorld) -> Desk:
    return await desk_of(entered)


async def test_an_approved_order_is_checked_anew_and_sent(desk: Desk) -> None:
    await desk.source("APPROVE")
    signal = await desk.say(BUY)
    waiting = await desk.decided(signal.signal_id, "APPROVAL")
    assert 100 < waiting.expire_time.seconds - waiting.decide_time.seconds <= 121
    snapshot = await desk.trader.client.events.GetSnapshot(
        event_service_pb2.GetSnapshotRequest(), metadata=desk.trader.metadata
    )
    assert [one.signal_id for one in snapshot.snapshot.signals] == [signal.signal_id]

    answered = await desk.approve(signal.signal_id)

    assert answered.decisions[0].outcome == outcome("SENT")
    assert answered.decisions[0].user_id
    await eventually(lambda: _one(desk.dealer.positions))


async def _one(found: Mapping[int, object]) -> bool | None:
    return len(found) == 1 or None


async def test_approval_does_not_lead_past_the_market_of_now(desk: Desk) -> None:
    await desk.source("APPROVE")
    signal = await desk.say(BUY)
    await desk.decided(signal.signal_id, "APPROVAL")
    desk.dealer.quotes["EURUSD"] = (1.0940, 1.0941)
    await desk.dealer.pulse()

    answered = await desk.approve(signal.signal_id)

    assert answered.decisions[0].outcome == outcome("DENIED")
    assert desk.dealer.opens == []


async def test_of_two_who_answer_at_once_one_wins_and_the_other_is_told(desk: Desk) -> None:
    await desk.source("APPROVE")
    signal = await desk.say(BUY)
    await desk.decided(signal.signal_id, "APPROVAL")

    answers = await asyncio.gather(
        *(desk.approve(signal.signal_id) for _ in range(4)),
        *(desk.reject(signal.signal_id) for _ in range(4)),
        return_exceptions=True,
    )

    won = [one for one in answers if isinstance(one, signal_pb2.Signal)]
    lost = [error_of(one)[1] for one in answers if isinstance(one, grpc.aio.AioRpcError)]
    assert len(won) == 1
    assert lost == ["WRONG_STATE"] * 7
    assert len(desk.dealer.opens) <= 1


async def test_what_nobody_answers_expires(desk: Desk) -> None:
    await desk.source("APPROVE", policy={"approve_within": Duration(seconds=5)})
    signal = await desk.say(BUY)
    await desk.decided(signal.signal_id, "APPROVAL")

    expired = await desk.decided(signal.signal_id, "EXPIRED", 15)

    assert expired.code == "EXPIRED"
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await desk.approve(signal.signal_id)
    assert error_of(refused.value)[1] == "WRONG_STATE"


async def test_a_held_message_is_sent_by_a_persons_word(desk: Desk) -> None:
    await desk.source()
    await desk.traded(external_id="1")

    signal = await desk.say("maybe close half if you want", reply_to_external_id="1")
    found = await desk.until(signal.signal_id, lambda one: one.state != State.SIGNAL_STATE_RECEIVED)

    if found.decisions:
        assert found.decisions[0].outcome == outcome("QUESTION")
        assert found.decisions[0].code == "HELD_BY_GATE"
        answered = await desk.approve(signal.signal_id)
        assert answered.decisions[0].outcome == outcome("SENT")


async def replay(desk: Desk, signal_id: str, key: str = "") -> signal_pb2.Signal:
    answer = await desk.signals.ReplaySignal(
        pb.ReplaySignalRequest(signal_id=signal_id, request_id=key or uuid.uuid4().hex),
        metadata=desk.trader.metadata,
    )
    return answer.signal  # type: ignore[no-any-return]


async def test_a_replay_is_a_further_attempt_and_is_refused_where_it_was_sent(desk: Desk) -> None:
    await desk.source()
    signal = await desk.say(BUY, age=600)
    assert (await desk.decided(signal.signal_id)).code == "TOO_OLD"

    key = uuid.uuid4().hex
    again = await replay(desk, signal.signal_id, key)
    same = await replay(desk, signal.signal_id, key)

    assert [(one.attempt, one.outcome) for one in again.decisions] == [
        (0, outcome("DENIED")),
        (1, outcome("SENT")),
    ]
    assert len(same.decisions) == 2
    await eventually(lambda: _one(desk.dealer.positions))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replay(desk, signal.signal_id)
    assert error_of(refused.value)[1] == "WRONG_STATE"
    assert len(desk.dealer.opens) == 1


async def test_a_deleted_message_is_not_replayed(desk: Desk) -> None:
    await desk.source()
    signal = await desk.say(BUY, age=600, external_id="1")
    await desk.decided(signal.signal_id)
    await desk.told("", external_id="1", deleted=True)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await replay(desk, signal.signal_id)

    assert error_of(refused.value)[1] == "WRONG_STATE"
    assert "deleted" in str(refused.value.details())
    assert desk.dealer.opens == []


async def test_a_program_may_not_approve(desk: Desk) -> None:
    await desk.source("APPROVE")
    signal = await desk.say(BUY)
    await desk.decided(signal.signal_id, "APPROVAL")
    made = await desk.trader.client.auth.CreateApiToken(
        auth_service_pb2.CreateApiTokenRequest(
            name="robot", scopes=[user_pb2.TOKEN_SCOPE_VIEW, user_pb2.TOKEN_SCOPE_TRADE]
        ),
        metadata=desk.trader.metadata,
    )
    program = desk.trader.client.with_token(made.secret)

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await program.signals.ApproveSignal(
            pb.ApproveSignalRequest(signal_id=signal.signal_id), metadata=program.metadata
        )

    assert error_of(refused.value)[1] == "PERMISSION_DENIED"


async def test_a_simulation_tells_what_would_be_sent_and_stores_nothing(desk: Desk) -> None:
    source_id = await desk.source("OBSERVE")

    answer = await desk.signals.SimulateSignal(
        pb.SimulateSignalRequest(text=BUY, source_id=source_id), metadata=desk.trader.metadata
    )

    (decision,) = answer.decisions
    assert decision.outcome == outcome("SENT")
    assert decision.plan.risk_money == pytest.approx(50)
    assert list(decision.command_ids) == []
    listed = await desk.signals.ListSignals(pb.ListSignalsRequest(), metadata=desk.trader.metadata)
    assert list(listed.signals) == []
    assert desk.dealer.opens == []


async def test_signals_are_listed_by_what_is_asked_for(desk: Desk) -> None:
    await desk.source()
    await desk.traded()
    old = await desk.say("XAUUSD BUY NOW SL 2330 TP 2350", age=600)
    await desk.decided(old.signal_id, "DENIED")
    talk = await desk.ended("good morning everybody")

    async def listed(**wanted: Any) -> list[str]:
        answer = await desk.signals.ListSignals(
            pb.ListSignalsRequest(**wanted),
            metadata=desk.trader.metadata,
        )
        return [one.signal_id for one in answer.signals]

    assert len(await listed()) == 3
    assert await listed(code="TOO_OLD") == [old.signal_id]
    assert await listed(query="xauusd buy") == [old.signal_id]
    assert await listed(state=State.SIGNAL_STATE_NO_ACTION) == [talk.signal_id]
    assert len(await listed(account_id=desk.trader.account_id)) == 2
    assert len(await listed(kind=signal_pb2.SIGNAL_KIND_OPEN)) == 2
    first = await desk.signals.ListSignals(pb.ListSignalsRequest(page_size=2), metadata=desk.trader.metadata)
    rest = await listed(page_size=2, page_token=first.next_page_token)
    assert len(rest) == 1


async def test_signals_of_others_are_not_seen(entered: TradingWorld, desk: Desk) -> None:
    source_id = await desk.source("APPROVE")
    signal = await desk.say(BUY)
    await desk.decided(signal.signal_id, "APPROVAL")
    stranger = await entered.world.sign_in("eve", Role.ADMIN)

    calls: list[Any] = [
        stranger.signals.GetSignal(
            pb.GetSignalRequest(signal_id=signal.signal_id), metadata=stranger.metadata
        ),
        stranger.signals.ApproveSignal(
            pb.ApproveSignalRequest(signal_id=signal.signal_id), metadata=stranger.metadata
        ),
        stranger.signals.GetSource(pb.GetSourceRequest(source_id=source_id), metadata=stranger.metadata),
        stranger.signals.SubmitSignal(
            pb.SubmitSignalRequest(request_id="x", source_id=source_id, text=BUY), metadata=stranger.metadata
        ),
    ]

    for call in calls:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert error_of(refused.value)[1] == "NOT_FOUND"
