"""The link over real sockets, against a server that does what it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import grpc
import pytest

from signalos.v1 import bridge_pb2, bridge_service_pb2, command_pb2, trade_pb2
from signalos_bridge import kept
from signalos_bridge.domain.control import Kept
from signalos_bridge.domain.facts import BridgeEvent, LiveUpdate, SyncReport, SyncTrigger
from signalos_bridge.domain.values import (
    Alert,
    AlertSeverity,
    CommandOrigin,
    CommandState,
    LapsePolicy,
    Receipt,
)
from signalos_bridge.latch import stop_locally
from signalos_bridge.link import connect_link
from signalos_bridge.link.standing import LinkState
from tests.signalos_bridge.link.bridge_rig import Rig, a_close, a_stop, an_open
from tests.signalos_bridge.scripted_core import outcome
from tests.support.proxy import Direction, FaultProxy
from tests.support.scripted_server import Script, ScriptedServer, seconds


def an_event(seq: int, text: str = "") -> BridgeEvent:
    report = SyncReport(f"s{seq}", SyncTrigger.BACKGROUND, False, True, text, 0, 0, 0, 0, (), 0.0, 0)
    return BridgeEvent(seq, f"e{seq}", 0, "", report)


def outcomes(server: ScriptedServer) -> dict[str, command_pb2.CommandState.ValueType]:
    return {request.outcome.command_id: request.outcome.state for request in connect_said(server, "outcome")}


def connect_said(server: ScriptedServer, kind: str) -> list[bridge_service_pb2.ConnectRequest]:
    return [r for r in server.of(kind) if isinstance(r, bridge_service_pb2.ConnectRequest)]


def control_said(server: ScriptedServer, kind: str) -> list[bridge_service_pb2.ControlRequest]:
    return [r for r in server.of(kind) if isinstance(r, bridge_service_pb2.ControlRequest)]


async def eventually(holds: Callable[[], bool], within: float = 5.0) -> None:
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110 (what is watched has no event)
            await asyncio.sleep(0.01)


def through(server: ScriptedServer) -> FaultProxy:
    return FaultProxy("127.0.0.1", int(server.address.rpartition(":")[2]))


async def ended(server: ScriptedServer, command_id: str, within: float = 5.0) -> str:
    await server.until(lambda: command_id in outcomes(server), within)
    return command_pb2.CommandState.Name(outcomes(server)[command_id])


async def test_a_session_begins_in_the_agreed_order(tmp_path: Path) -> None:
    script = Script(open_command_ids=("known", "unknown"), new_journal=True)
    async with ScriptedServer(script) as server:
        rig = Rig(tmp_path, server.address)
        rig.core.outcomes["known"] = outcome("known", CommandState.SUCCEEDED)
        rig.core.unacked["known"] = rig.core.outcomes["known"]
        rig.core.events += [an_event(1), an_event(2)]
        async with rig.running():
            await server.live()
            await server.until(lambda: bool(server.of("snapshot")))

    kinds = [
        request.WhichOneof("message")
        for _, request in server.said
        if isinstance(request, bridge_service_pb2.ConnectRequest)
        and request.WhichOneof("message") != "heartbeat"
    ]
    assert kinds == ["hello", "command_states", "outcome", "event", "event", "snapshot"]
    (states,) = connect_said(server, "command_states")
    assert [(s.command_id, s.never_seen) for s in states.command_states.standings] == [
        ("known", False),
        ("unknown", True),
    ]
    assert rig.core.prefix == 77
    assert rig.core.syncs == [SyncTrigger.START]
    assert len(rig.core.adopted) == 1
    assert server.metadata[0]["authorization"] == "Bearer very-secret"
    assert server.metadata[0]["signalos-bridge"] == "brg_1"
    hellos = [r for r in server.of("hello") if isinstance(r, bridge_service_pb2.ControlRequest)]
    assert hellos[0].epoch == 1


async def test_a_session_is_on_the_disk_before_its_welcome_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer lets commands come: after a kill the hello has to know of the session that offered them."""
    written, store = threading.Event(), kept.store

    def slow(data_dir: Path, now: Kept, last_epoch: tuple[int, int]) -> None:
        assert written.wait(5.0)
        store(data_dir, now, last_epoch)

    monkeypatch.setattr(kept, "store", slow)
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.until(lambda: len(server.of("hello")) == 2)
            answered_early = connect_said(server, "command_states")
            written.set()
            await server.until(lambda: bool(connect_said(server, "command_states")))
            found = kept.load(tmp_path)

    assert answered_early == []
    assert found is not None
    assert found[1][1] == 1


async def test_a_full_disk_holds_back_the_answer_to_the_welcome_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, store = threading.Event(), kept.store

    def sometimes(data_dir: Path, now: Kept, last_epoch: tuple[int, int]) -> None:
        if full.is_set():
            raise OSError(28, "No space left on device")
        store(data_dir, now, last_epoch)

    monkeypatch.setattr(kept, "store", sometimes)
    monkeypatch.setattr(connect_link, "_RETRY_SECONDS", 0.05)
    full.set()
    async with ScriptedServer(Script(open_command_ids=("known",))) as server:
        rig = Rig(tmp_path, server.address)
        rig.core.outcomes["known"] = outcome("known", CommandState.SUCCEEDED)
        rig.core.unacked["known"] = rig.core.outcomes["known"]
        async with rig.running():
            await server.until(lambda: bool(server.of("snapshot")) and "known" in outcomes(server))
            answered_early = connect_said(server, "command_states")
            full.clear()
            await server.until(lambda: bool(connect_said(server, "command_states")))

    assert answered_early == []
    (states,) = connect_said(server, "command_states")
    assert [one.command_id for one in states.command_states.standings] == ["known"]


async def test_a_command_is_received_run_and_told_and_its_outcome_acknowledged(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            server.connect.send(an_open("c1"))

            assert await ended(server, "c1") == "COMMAND_STATE_SUCCEEDED"
            await asyncio.sleep(0.05)
            assert rig.core.unacked == {}
            told = connect_said(server, "outcome")[0].outcome
            assert told.HasField("age_seconds")
            # What ended at once needs no receipt.
            assert connect_said(server, "receipt") == []


async def test_a_command_that_takes_its_time_is_receipted_with_the_age_of_the_receipt(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            rig.core.receipts.append(Receipt("c1", CommandState.DELIVERED, rig.core.now()))
            rig.core.on_outgoing()
            await server.until(lambda: len(connect_said(server, "receipt")) == 1)

            receipt = connect_said(server, "receipt")[0].receipt
            assert receipt.state == command_pb2.COMMAND_STATE_DELIVERED
            assert 0.05 <= receipt.age_seconds < 2.0


async def test_frames_that_wait_together_are_sent_as_one_where_the_welcome_says_so(tmp_path: Path) -> None:
    async with ScriptedServer(Script(takes_batches=True)) as server:
        rig = Rig(tmp_path, server.address)
        rig.core.events += [an_event(seq) for seq in range(1, 6)]
        async with rig.running():
            await server.until(lambda: len(connect_said(server, "event")) == 5)

    assert [r.event.seq for r in connect_said(server, "event")] == [1, 2, 3, 4, 5]
    assert server.batches
    for batch in server.batches:
        assert batch.epoch == 1
        assert len(batch.batch.frames) > 1
        assert not any(frame.epoch or frame.HasField("batch") for frame in batch.batch.frames)


async def test_a_server_that_reads_no_batches_gets_each_frame_by_itself(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        rig.core.events += [an_event(seq) for seq in range(1, 6)]
        async with rig.running():
            await server.until(lambda: len(connect_said(server, "event")) == 5)

    assert not server.batches


async def test_commands_that_come_in_one_frame_are_all_taken(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            assert connect_said(server, "hello")[0].hello.takes_batches
            both = bridge_service_pb2.ConnectResponseBatch(frames=[an_open("c1"), a_close("c2")])
            server.connect.send(bridge_service_pb2.ConnectResponse(batch=both))

            assert await ended(server, "c1") == "COMMAND_STATE_SUCCEEDED"
            assert await ended(server, "c2") == "COMMAND_STATE_SUCCEEDED"


async def test_a_repeated_command_is_answered_and_not_run_again(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            server.connect.send(an_open("c1"))
            await ended(server, "c1")
            server.connect.send(an_open("c1"))
            await server.until(lambda: len(connect_said(server, "outcome")) == 2)

            assert len(rig.core.delivered) == 1


async def test_an_outcome_is_repeated_until_it_is_acknowledged(tmp_path: Path) -> None:
    async with ScriptedServer(Script(acknowledge=False)) as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            server.connect.send(an_open("c1"))
            await server.until(lambda: len(connect_said(server, "outcome")) >= 3)


async def test_a_command_that_makes_no_sense_is_rejected_and_the_session_goes_on(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            bad = an_open("bad")
            bad.command.action.open.volume_lots = float("nan")
            server.connect.send(bad)

            assert await ended(server, "bad") == "COMMAND_STATE_REJECTED"
            server.connect.send(an_open("good"))
            assert await ended(server, "good") == "COMMAND_STATE_SUCCEEDED"


async def test_events_follow_the_credit_and_survive_a_cut(tmp_path: Path) -> None:
    async with ScriptedServer(Script(event_credit=5)) as server, through(server) as proxy:
        rig = Rig(tmp_path, proxy.address)
        rig.core.events += [an_event(seq) for seq in range(1, 41)]
        async with rig.running():
            await server.until(lambda: len(connect_said(server, "event")) >= 40)
            proxy.cut()
            rig.core.events.append(an_event(41))
            await server.until(lambda: any(r.event.seq == 41 for r in connect_said(server, "event")))

    seqs = [r.event.seq for r in connect_said(server, "event")]
    assert seqs[:40] == list(range(1, 41))
    assert rig.core.syncs == [SyncTrigger.START, SyncTrigger.RECONNECT]


async def test_a_stop_is_latched_and_carried_out_in_stages(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.control is not None
            assert server.connect is not None
            start = time.monotonic()
            server.control.send(a_stop("stop-1", close=True))
            await server.until(lambda: any(r.stop_stage.complete for r in control_said(server, "stop_stage")))
            latched = next(
                at
                for at, r in server.said
                if isinstance(r, bridge_service_pb2.ControlRequest)
                and r.stop_stage.HasField("latched_seconds_ago")
            )
            assert latched - start < 0.5
            server.connect.send(an_open("late"))
            assert await ended(server, "late") == "COMMAND_STATE_FENCED"
            server.connect.send(a_close("close"))
            assert await ended(server, "close") == "COMMAND_STATE_SUCCEEDED"

            server.control.send(
                bridge_service_pb2.ControlResponse(
                    rearm=bridge_pb2.RearmOrder(stop_ids=["stop-1"], stop_generation=2, rearm_id="r1")
                )
            )
            await server.until(lambda: bool(server.of("rearm_result")))
            (result,) = control_said(server, "rearm_result")
            assert result.rearm_result.problem == ""
            assert not result.rearm_result.held_stops
            server.connect.send(an_open("old", stop_generation=1))
            assert await ended(server, "old") == "COMMAND_STATE_FENCED"
            server.connect.send(an_open("new", stop_generation=2))
            assert await ended(server, "new") == "COMMAND_STATE_SUCCEEDED"


async def test_a_stop_is_latched_while_the_terminal_is_busy_and_the_data_stream_stalls(
    tmp_path: Path,
) -> None:
    async with ScriptedServer(Script(dead_after=10.0, event_credit=100_000)) as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            # The server stops reading data: the windows close, and megabytes wait at the bridge.
            server.script.reading.clear()
            rig.core.events += [an_event(seq, "x" * 1000) for seq in range(1, 3001)]
            rig.link.wake()
            await asyncio.sleep(0.3)
            rig.busy = 12.3
            rig.core.quiet.clear()
            assert server.control is not None

            round_trips = []
            for number in range(30):
                asked = time.monotonic()
                server.control.send(
                    bridge_service_pb2.ControlResponse(drill=bridge_pb2.DrillOrder(drill_id=f"d{number}"))
                )
                await server.until(
                    lambda number=number: any(  # type: ignore[misc]
                        r.drill_latched.drill_id == f"d{number}"
                        for r in control_said(server, "drill_latched")
                    )
                )
                round_trips.append(time.monotonic() - asked)
            took = time.monotonic()
            server.control.send(a_stop("stop-1"))
            await server.until(
                lambda: any(
                    r.stop_stage.HasField("latched_seconds_ago") for r in control_said(server, "stop_stage")
                )
            )
            took = time.monotonic() - took
            await server.until(
                lambda: any(
                    "terminal busy" in r.stop_stage.problem for r in control_said(server, "stop_stage")
                )
            )
            server.script.reading.set()

    assert sorted(round_trips)[len(round_trips) // 2] < 0.05
    assert took < 1.0
    assert all(r.drill_latched.terminal_busy for r in control_said(server, "drill_latched"))


async def test_a_command_from_a_link_that_was_held_is_refused_as_expired_by_its_age(tmp_path: Path) -> None:
    async with ScriptedServer(Script(dead_after=8.0)) as server, through(server) as proxy:
        rig = Rig(tmp_path, proxy.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            server.connect.send(an_open("fresh", time_left=1.0))
            assert await ended(server, "fresh") == "COMMAND_STATE_SUCCEEDED"

            proxy.pause(Direction.TO_CLIENT)
            server.connect.send(an_open("held", time_left=1.0))
            server.connect.send(a_close("held close"))
            await asyncio.sleep(2.4)
            proxy.resume()

            assert await ended(server, "held") == "COMMAND_STATE_EXPIRED"
            assert await ended(server, "held close") == "COMMAND_STATE_SUCCEEDED"


async def test_a_blackhole_is_noticed_the_lease_lapses_and_the_session_comes_back(tmp_path: Path) -> None:
    async with (
        ScriptedServer(Script(heartbeat=0.2, dead_after=0.8, lease=1.5)) as server,
        through(server) as proxy,
    ):
        rig = Rig(tmp_path, proxy.address)
        async with rig.running():
            await server.live()
            assert rig.controller.lease_left() is not None
            proxy.blackhole()
            start = time.monotonic()
            await eventually(lambda: not rig.link.connected)
            assert time.monotonic() - start < 1.5
            await eventually(lambda: bool(rig.core.lapses))
            assert time.monotonic() - start < 2.5
            assert rig.core.lapses == [LapsePolicy.CANCEL_PENDINGS]
            assert rig.controller.lease_left() is None
            proxy.resume()
            proxy.cut()
            before = server.epoch
            await server.until(lambda: server.epoch > before and len(server.of("applied")) >= 2)
            await server.until(
                lambda: any(r.alert.code == "LEASE_LAPSED" for r in connect_said(server, "alert"))
            )


async def test_a_stop_arrives_although_the_data_stream_is_gone(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            assert server.control is not None
            control = server.control
            server.script.refuse_with = grpc.StatusCode.UNAVAILABLE
            server.connect.end()
            await server.connect.over.wait()
            control.send(a_stop("stop-1"))

            await server.until(
                lambda: any(
                    r.stop_stage.HasField("latched_seconds_ago") for r in control_said(server, "stop_stage")
                )
            )
            assert rig.controller.latched


async def test_held_stops_are_told_in_the_hello_and_their_stages_again(tmp_path: Path) -> None:
    stopped = stop_locally(tmp_path, "by hand", wait_seconds=0)
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running(first_start=False):
            await server.live()
            await server.until(lambda: any(r.stop_stage.complete for r in control_said(server, "stop_stage")))
            (hello, *_) = connect_said(server, "hello")
            held = {stop.stop_id: stop for stop in hello.hello.held_stops}
            assert held[stopped.stop_id].local
            stage = control_said(server, "stop_stage")[-1].stop_stage
            assert stage.held.reason == "by hand"
            assert not stopped.bridge_answered


async def test_of_two_bridges_with_one_credential_the_newest_wins_and_the_older_stays_away(
    tmp_path: Path,
) -> None:
    async with ScriptedServer(Script(lease=0.5)) as server:
        older = Rig(tmp_path / "a", server.address)
        newer = Rig(tmp_path / "b", server.address)
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        async with older.running():
            await server.live()
            async with newer.running():
                await server.until(lambda: server.epoch == 2 and len(server.of("applied")) >= 2)
                await eventually(lambda: not older.link.connected)
                await asyncio.sleep(1.0)
                assert server.epoch == 2
                assert newer.link.connected
                assert older.link.last_ended is not None
                assert "superseded by session 2 from 10.0.0.9:1" in older.link.last_ended.words
                assert older.controller.refusal(99, False, CommandOrigin.USER) is not None
                # Its lease is long over, and the orders are the newer one's.
                assert older.controller.lease_left() is None
                assert older.core.lapses == []
                # Nor are ladders and trailing stops carried out by two.
                assert older.core.rests == ["", "superseded by session 2 from 10.0.0.9:1"]
                assert newer.core.rests == [""]


@pytest.mark.parametrize("says_so", [True, False])
async def test_a_journal_that_is_not_the_accounts_last_is_given_the_servers_record(
    tmp_path: Path, says_so: bool
) -> None:
    """Also by a server that does not say so: it knows events of the journal, and calls it new."""
    state = bridge_pb2.RecordedState(
        positions=[
            bridge_pb2.PositionRecord(
                ticket=7,
                identifier=7,
                symbol="EURUSD",
                side=trade_pb2.SIDE_BUY,
                volume_lots=0.1,
                open_price=1.1,
                virtual_stop_loss=1.09,
                origin=trade_pb2.TRADE_ORIGIN_MANAGED,
            )
        ]
    )
    script = Script(new_journal=True, full_state=state, journal_outdated=says_so, committed_event_seq=2)
    async with ScriptedServer(script) as server:
        rig = Rig(tmp_path, server.address)
        rig.core.events += [an_event(1), an_event(2), an_event(3)]
        async with rig.running():
            await eventually(lambda: bool(rig.outdated))
            words, record = rig.outdated[0]
            assert "another bridge has managed the account" in words
            assert [position.virtual_stop_loss for position in record.positions] == [Decimal("1.09")]
            assert rig.core.rests[0] == "another bridge has managed the account"
            # Nothing of the old record is told.
            assert connect_said(server, "event") == []
            assert connect_said(server, "command_states") == []


async def test_a_drained_bridge_comes_back_at_once(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            server.connect.send(
                bridge_service_pb2.ConnectResponse(drain=bridge_pb2.Drain(reconnect_window=seconds(0.3)))
            )
            assert await server.until(lambda: server.epoch == 2) < 1.0


async def test_a_refused_bridge_says_why_and_does_not_hammer(tmp_path: Path) -> None:
    async with ScriptedServer(Script(refuse_with=grpc.StatusCode.UNAUTHENTICATED)) as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await eventually(lambda: rig.link.last_ended is not None)
            assert rig.link.last_ended is not None
            assert "UNAUTHENTICATED: refused by the script" in rig.link.last_ended.words
            await asyncio.sleep(0.15)
            assert len(server.metadata) == 1
    state, words = rig.stood[-1]
    assert state is LinkState.REFUSED
    assert "refused by the script" in words


async def test_the_link_says_that_it_is_connected_and_that_it_no_longer_is(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            await eventually(lambda: rig.stood == [(LinkState.CONNECTED, "")])
            await server.stop()
            await eventually(lambda: rig.stood[-1][0] is LinkState.AWAY)


async def test_the_bridge_comes_back_to_a_server_that_was_away(tmp_path: Path) -> None:
    server = ScriptedServer()
    await server.start("127.0.0.1:0")
    address = server.address
    rig = Rig(tmp_path, address)
    async with rig.running():
        await server.live()
        await server.stop()
        await asyncio.sleep(0.3)
        again = ScriptedServer()
        again.epoch = 10
        await again.start(address)
        await again.live()
        assert again.of("hello")
        await again.stop()


async def test_live_updates_are_conflated(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            for _ in range(50):
                rig.core.live = LiveUpdate((), None, (), 0.0)
                rig.link.wake()
                await asyncio.sleep(0.01)
            assert 3 <= len(connect_said(server, "live")) <= 8


async def test_frames_survive_being_cut_into_pieces(tmp_path: Path) -> None:
    async with ScriptedServer() as server, through(server) as proxy:
        proxy.slice_bytes = 7
        rig = Rig(tmp_path, proxy.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            server.connect.send(an_open("c1"))
            assert await ended(server, "c1") == "COMMAND_STATE_SUCCEEDED"
            for number in range(3):
                before = server.epoch
                proxy.reset()
                await server.until(lambda before=before: server.epoch > before)  # type: ignore[misc]
                await server.until(
                    lambda: server.connect is not None and server.connect.epoch == server.epoch
                )
                await asyncio.sleep(0.2)
                server.connect.send(a_close(f"d{number}"))
                assert await ended(server, f"d{number}") == "COMMAND_STATE_SUCCEEDED"


@pytest.mark.parametrize("decimals", [Decimal("1.08535"), Decimal("0.29"), Decimal("2335")])
async def test_volumes_and_prices_arrive_as_the_decimals_that_were_meant(
    tmp_path: Path, decimals: Decimal
) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            assert server.connect is not None
            response = an_open("c1")
            response.command.action.open.volume_lots = float(decimals)
            server.connect.send(response)
            await ended(server, "c1")
            action = rig.core.delivered[0].action
            assert getattr(action, "volume_lots") == decimals  # noqa: B009


async def test_an_alert_is_told_in_each_session_until_the_server_has_it(tmp_path: Path) -> None:
    async with ScriptedServer() as server:
        rig = Rig(tmp_path, server.address)
        async with rig.running():
            await server.live()
            rig.core.alerts.append(Alert("blind", AlertSeverity.CRITICAL, "GUARD_BLIND", "it is blind"))
            rig.link.wake()

            def told() -> list[str]:
                return [r.alert.telling_id for r in connect_said(server, "alert")]

            await server.until(lambda: len(told()) == 1)
            before = server.epoch
            assert server.connect is not None
            server.connect.end()
            await server.until(lambda: server.epoch > before and len(told()) == 2)
            first, second = told()
            assert first
            assert first == second

            acknowledgement = bridge_pb2.AlertAck(telling_id=first)
            server.connect.send(bridge_service_pb2.ConnectResponse(alert_ack=acknowledgement))
            await eventually(lambda: not rig.link._alerts._unacknowledged)
            before = server.epoch
            server.connect.end()
            await server.until(lambda: server.epoch > before and len(connect_said(server, "snapshot")) >= 3)
            assert told() == [first, second]
