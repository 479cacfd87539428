"""Frames that no honest bridge sends: closed with a typed code, nothing crosses, the server stays."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc.aio
import psutil
import pytest
from grpclib.const import Status

from signalos.v1 import (
    account_pb2,
    account_service_pb2,
    auth_service_pb2,
    bridge_pb2,
    command_pb2,
    command_service_pb2,
    control_service_pb2,
    trade_pb2,
    trade_service_pb2,
)
from signalos.v1 import bridge_service_pb2 as pb
from signalos_server.domain.bridge_session import SessionTimings
from tests.signalos_server.trading_world import Trader, TradingWorld, trading
from tests.support.fake_bridge import EURUSD, position, silent

pytestmark = pytest.mark.integration

CLOSED = ("FAILED_PRECONDITION", "INVALID_ARGUMENT", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED")
HUGE = "x" * 3_000_000


def opened(identifier: int = 77, **more: Any) -> bridge_pb2.BridgeEvent:
    record = position(identifier)
    for name, value in more.items():
        setattr(record, name, value)
    return bridge_pb2.BridgeEvent(
        seq=1, event_id="e-1", position_opened=bridge_pb2.PositionOpened(position=record)
    )


def outcome(**more: Any) -> pb.ConnectRequest:
    told = bridge_pb2.CommandOutcome(
        command_id="c-1", outcome_number=1, state=command_pb2.COMMAND_STATE_SUCCEEDED
    )
    for name, value in more.items():
        setattr(told, name, value)
    return pb.ConnectRequest(outcome=told)


def event(**more: Any) -> pb.ConnectRequest:
    told = opened()
    for name, value in more.items():
        setattr(told, name, value)
    return pb.ConnectRequest(event=told)


def symbol(**more: Any) -> pb.ConnectRequest:
    bad = account_pb2.Symbol()
    bad.CopyFrom(EURUSD)
    for name, value in more.items():
        setattr(bad, name, value)
    return pb.ConnectRequest(symbols=bridge_pb2.SymbolTable(symbols=[bad]))


def quote(bid: float) -> pb.ConnectRequest:
    return pb.ConnectRequest(
        live=bridge_pb2.LiveUpdate(quotes=[bridge_pb2.Quote(symbol="EURUSD", bid=bid, ask=1.1)])
    )


# Each ends the stream.
POISON: dict[str, Callable[[], pb.ConnectRequest]] = {
    "an empty frame": pb.ConnectRequest,
    "an event out of order": lambda: event(seq=5),
    "an event numbered 0": lambda: event(seq=0),
    "an event with a negative number": lambda: event(seq=-1),
    "an event without an id": lambda: event(event_id=""),
    "an event of nothing": lambda: pb.ConnectRequest(event=bridge_pb2.BridgeEvent(seq=1, event_id="e")),
    "a price that is no number": lambda: pb.ConnectRequest(event=opened(open_price=math.nan)),
    "an endless price": lambda: pb.ConnectRequest(event=opened(open_price=math.inf)),
    "a volume that is no number": lambda: pb.ConnectRequest(event=opened(volume_lots=math.nan)),
    "a negative volume": lambda: pb.ConnectRequest(event=opened(volume_lots=-1.0)),
    "no side": lambda: pb.ConnectRequest(event=opened(side=trade_pb2.SIDE_UNSPECIFIED)),
    "a symbol of three megabytes": lambda: pb.ConnectRequest(event=opened(symbol=HUGE)),
    "a comment with a zero byte": lambda: pb.ConnectRequest(event=opened(comment="a\0b")),
    "a batch in a batch": lambda: pb.ConnectRequest(
        batch=pb.ConnectRequestBatch(frames=[pb.ConnectRequest(batch=pb.ConnectRequestBatch())])
    ),
    "a second hello": lambda: pb.ConnectRequest(hello=bridge_pb2.BridgeHello(journal_id="j")),
    "an outcome that is not one": lambda: outcome(state=command_pb2.COMMAND_STATE_RUNNING),
    "an outcome of nothing": lambda: outcome(command_id=""),
    "an outcome of an endless volume": lambda: outcome(filled_volume_lots=math.inf),
    "an outcome of a negative volume": lambda: outcome(filled_volume_lots=-0.1),
    "an outcome without a number": lambda: outcome(outcome_number=0),
    "an outcome with a long story": lambda: outcome(message=HUGE),
    "a receipt that says it is done": lambda: pb.ConnectRequest(
        receipt=bridge_pb2.CommandReceipt(command_id="c", state=command_pb2.COMMAND_STATE_SUCCEEDED)
    ),
    "a quote that is no number": lambda: quote(math.nan),
    "a symbol without a step": lambda: symbol(volume_step_lots=math.nan),
    "a symbol with too many digits": lambda: symbol(digits=1_000_000),
    "an alert of three megabytes": lambda: pb.ConnectRequest(
        alert=bridge_pb2.BridgeAlert(alert_key="k", code="X", message=HUGE)
    ),
}

POISON["a check of a price that is no number"] = lambda: pb.ConnectRequest(
    check_result=bridge_pb2.CheckResult(check_id="nobody's", price=math.nan)
)
# What fits the contract and not the database.
POISON["a symbol of a hundred letters"] = lambda: pb.ConnectRequest(event=opened(symbol="x" * 10_000))

# Each is taken and means nothing.
HARMLESS: dict[str, Callable[[], pb.ConnectRequest]] = {
    "a receipt for a command that nobody knows": lambda: pb.ConnectRequest(
        receipt=bridge_pb2.CommandReceipt(command_id="c", state=command_pb2.COMMAND_STATE_DELIVERED)
    ),
    "a standing that was not asked for": lambda: pb.ConnectRequest(
        command_states=bridge_pb2.CommandStates(
            standings=[bridge_pb2.CommandStanding(command_id="c", never_seen=True)]
        )
    ),
    "a check that was not asked for": lambda: pb.ConnectRequest(
        check_result=bridge_pb2.CheckResult(check_id="nobody's", price=1.1)
    ),
}


@asynccontextmanager
async def two(
    directory: Path, storage_url: str | None = None
) -> AsyncIterator[tuple[TradingWorld, Trader, Trader]]:
    # A fake bridge does not beat: what is looked at here may take longer than its silence is borne.
    timings = SessionTimings(dead_after=120.0)
    async with trading(directory, storage_url, timings) as world:
        yield world, await world.trader("ann", 1), await world.trader("bob", 2)


async def closed(trader: Trader) -> str:
    """The code that the bridge's stream was ended with."""
    await trader.bridge.until(lambda: trader.bridge.error is not None)
    status = getattr(trader.bridge.error, "status", None)
    if status is not None:
        return str(status.name)
    # The server's reset, which follows its status, is what grpclib raises.
    trailers = dict(trader.bridge._data._stream.trailers or ())
    return Status(int(str(trailers.get("grpc-status", Status.UNKNOWN.value)))).name


async def serves(trader: Trader) -> None:
    """The server answers, and the trader's bridge takes commands."""
    trade_id = await trader.with_position(4711 + trader.bridge.next_seq)
    answer = await trader.trades.CloseTrade(trader.close_request(trade_id), metadata=trader.metadata)
    assert answer.command.state == command_pb2.COMMAND_STATE_SUCCEEDED


async def test_each_kind_of_poison_ends_its_stream_with_a_typed_code(
    tmp_path: Path, storage_url: str
) -> None:
    async with two(tmp_path, storage_url) as (_, ann, bob):
        odd: dict[str, str] = {}
        for name, make in POISON.items():
            await ann.bridge.tell(make())
            try:
                async with asyncio.timeout(3):
                    code = await closed(ann)
            except TimeoutError:
                code = "taken without a word"
            if code not in CLOSED:
                odd[name] = code
            await ann.bridge.close()
            ann.bridge.error, ann.bridge.epoch = None, 0
            ann.bridge.data_frames.clear()
            ann.bridge.control_frames.clear()
            await ann.bridge.connect()
        assert odd == {}
        for name, make in HARMLESS.items():
            await ann.bridge.tell(make())
            await asyncio.sleep(0.05)
            assert ann.bridge.error is None, name
        trades = await ann.trades.ListTrades(trade_service_pb2.ListTradesRequest(), metadata=ann.metadata)
        assert not trades.trades, "nothing of it is on record"
        await serves(ann)
        await serves(bob)


async def test_a_wrong_epoch_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, ann, bob):
        for epoch in (0, -1, bob.bridge.epoch + 100, 2**62):
            request = event()
            request.epoch = epoch
            await ann.bridge._data.send_message(request)
            assert await closed(ann) in CLOSED
            await ann.bridge.close()
            ann.bridge.error, ann.bridge.epoch = None, 0
            ann.bridge.control_frames.clear()
            await ann.bridge.connect()
        trades = await ann.trades.ListTrades(trade_service_pb2.ListTradesRequest(), metadata=ann.metadata)
        assert not trades.trades
        await serves(bob)


async def test_what_a_bridge_says_of_anothers_command_or_stop_does_not_count(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, ann, bob):
        ann.bridge.answer = silent
        trade_id = await ann.with_position()
        command = (
            await ann.trades.CloseTrade(ann.close_request(trade_id, wait=0.0), metadata=ann.metadata)
        ).command
        ann.bridge.latch = False
        stop = await ann.control.EmergencyStop(
            control_service_pb2.EmergencyStopRequest(reason="only-for-ann"), metadata=ann.metadata
        )
        local = bridge_pb2.LocalCommand(origin=command_pb2.COMMAND_ORIGIN_LOCAL)
        local.action.close.position_identifier = 77
        forged = outcome(command_id=command.command_id)
        await bob.bridge.tell(
            pb.ConnectRequest(
                receipt=bridge_pb2.CommandReceipt(
                    command_id=command.command_id, state=command_pb2.COMMAND_STATE_RUNNING
                )
            ),
            forged,
        )
        forged.outcome.local.CopyFrom(local)
        await bob.bridge.tell(forged)
        await bob.bridge.stage(stop.stop_id)
        held = bridge_pb2.HeldStop(stop_id=stop.stop_id, close_positions=True, local=True)
        stage = bridge_pb2.StopStage(stop_id=stop.stop_id, held=held, complete=True)
        await bob.bridge._control.send_message(pb.ControlRequest(epoch=bob.bridge.epoch, stop_stage=stage))
        await bob.with_position(5)
        await asyncio.sleep(0.3)

        told = await ann.commands.GetCommand(
            command_service_pb2.GetCommandRequest(command_id=command.command_id), metadata=ann.metadata
        )
        report = await ann.control.GetStop(
            control_service_pb2.GetStopRequest(stop_id=stop.stop_id), metadata=ann.metadata
        )
        assert told.command.state == command.state
        assert [one.account_id for one in report.report.accounts] == [ann.account_id]
        assert not report.report.close_positions
        assert not report.report.accounts[0].HasField("latch_time")
        stops = await bob.control.ListStops(control_service_pb2.ListStopsRequest(), metadata=bob.metadata)
        assert b"only-for-ann" not in stops.SerializeToString()
        assert ann.account_id.encode() not in stops.SerializeToString()
        with pytest.raises(grpc.aio.AioRpcError):
            await bob.control.GetStop(
                control_service_pb2.GetStopRequest(stop_id=stop.stop_id), metadata=bob.metadata
            )


async def test_replayed_and_flooded_events_are_counted_once_and_memory_stays(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, ann, bob):
        first = await ann.bridge.event(position_opened=bridge_pb2.PositionOpened(position=position(77)))
        await ann.bridge.until(lambda: ann.bridge.acked >= first)
        memory = psutil.Process().memory_info().rss
        replay = opened()
        replay.seq = first
        for _ in range(5_000):
            await ann.bridge.tell(pb.ConnectRequest(event=replay))
        await serves(bob)
        grown = psutil.Process().memory_info().rss - memory
        trades = await ann.trades.ListTrades(trade_service_pb2.ListTradesRequest(), metadata=ann.metadata)
        assert [trade.trade_id for trade in trades.trades] == [ann.trade_id(77)]
        assert grown < 64 << 20, f"{grown >> 20} MiB"
        assert ann.bridge.error is None


async def test_a_bridge_that_sends_on_without_reading_is_cut_at_its_credit(tmp_path: Path) -> None:
    async with two(tmp_path) as (world, ann, bob):
        # Nothing is committed meanwhile, so that the credit is used up.
        hold = asyncio.Event()
        storage = world.world.foundation.storage
        run = storage.run

        async def held(unit: Any) -> Any:
            await hold.wait()
            return await run(unit)

        storage.run = held  # type: ignore[method-assign]
        try:
            for _ in range(2_100):
                await ann.bridge.event(deal_seen=bridge_pb2.DealSeen())
                if ann.bridge.error is not None:
                    break
            code = await closed(ann)
        except (TimeoutError, ConnectionError, AssertionError):
            raise
        except Exception as error:  # noqa: BLE001 - the stream is gone under the sender
            code = getattr(getattr(error, "status", None), "name", "FAILED_PRECONDITION")
        finally:
            hold.set()
            storage.run = run  # type: ignore[method-assign]
        assert code in CLOSED
        await serves(bob)


async def test_a_revoked_bridge_is_gone_within_seconds(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, ann, bob):
        me = await ann.client.auth.GetUser(auth_service_pb2.GetUserRequest(), metadata=ann.metadata)
        assert me.user.user_id
        await ann.client.accounts.RevokeBridge(
            account_service_pb2.RevokeBridgeRequest(bridge_id=ann.bridge.bridge_id), metadata=ann.metadata
        )
        async with asyncio.timeout(5):
            assert await closed(ann) == "UNAUTHENTICATED"
        await serves(bob)
