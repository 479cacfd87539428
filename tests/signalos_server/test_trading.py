"""The path of a command, over real sockets with a bridge written by hand."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import grpc.aio
import pytest
from grpclib.exceptions import GRPCError, StreamTerminatedError

from signalos.v1 import (
    account_service_pb2,
    alert_service_pb2,
    auth_service_pb2,
    bridge_pb2,
    command_pb2,
    command_service_pb2,
    control_pb2,
    control_service_pb2,
    event_service_pb2,
    protection_pb2,
    trade_pb2,
    trade_service_pb2,
    user_pb2,
)
from signalos_server.domain.bridge_session import SessionTimings
from signalos_server.domain.errors import StorageUnavailable
from tests.signalos_server.serving import error_of
from tests.signalos_server.trading_world import Trader, eventually, trading
from tests.support.fake_bridge import FakeBridge, position, silent

pytestmark = pytest.mark.integration

SUCCEEDED = command_pb2.COMMAND_STATE_SUCCEEDED


def open_request(request_id: str, seconds: float = 5.0) -> trade_service_pb2.OpenTradeRequest:
    request = trade_service_pb2.OpenTradeRequest(
        request_id=request_id, symbol="EURUSD", side=trade_pb2.SIDE_BUY, volume_lots=0.1
    )
    request.wait.FromMilliseconds(5000)
    request.time_to_live.FromMilliseconds(int(seconds * 1000))
    return request


async def command_of(trader: Trader, command_id: str) -> command_pb2.Command:
    answer = await trader.commands.GetCommand(
        command_service_pb2.GetCommandRequest(command_id=command_id), metadata=trader.metadata
    )
    return answer.command


async def test_a_close_is_delivered_and_answered_with_its_outcome(tmp_path: Path, storage_url: str) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()

        answer = await trader.trades.CloseTrade(trader.close_request(trade_id), metadata=trader.metadata)

        assert answer.command.state == SUCCEEDED
        assert answer.command.trade_id == trade_id
        assert len(trader.bridge.deliveries) == 1
        await trader.bridge.until(
            lambda: any(frame.HasField("outcome_ack") for frame in trader.bridge.data_frames)
        )


async def test_what_was_committed_reaches_the_bridge_though_its_caller_has_gone(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        for number in range(40):
            call = trader.trades.OpenTrade(open_request(f"gone-{number}", 60), metadata=trader.metadata)
            waiting = asyncio.ensure_future(call)
            # From before the request is read to after the answer is on its way.
            await asyncio.sleep(number / 4000)
            call.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

        async def all_ended() -> list[command_pb2.Command] | None:
            listed = await trader.commands.ListCommands(
                command_service_pb2.ListCommandsRequest(page_size=500), metadata=trader.metadata
            )
            return list(listed.commands) if all(c.HasField("end_time") for c in listed.commands) else None

        commands = await eventually(all_ended)

        assert {command.state for command in commands} == {SUCCEEDED}
        assert len(trader.bridge.deliveries) == len(commands)


async def test_the_same_key_at_the_same_time_is_one_command(tmp_path: Path, storage_url: str) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        request = trader.close_request(trade_id)

        answers = await asyncio.gather(
            *(trader.trades.CloseTrade(request, metadata=trader.metadata) for _ in range(8))
        )

        assert len({answer.command.command_id for answer in answers}) == 1
        assert {answer.command.state for answer in answers} == {SUCCEEDED}
        assert len(trader.bridge.deliveries) == 1


async def test_the_same_key_with_another_body_is_refused(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        first, second = await trader.with_position(77), await trader.with_position(78)
        request = trader.close_request(first)
        await trader.trades.CloseTrade(request, metadata=trader.metadata)
        request.trade_id = second

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trader.trades.CloseTrade(request, metadata=trader.metadata)

        assert error_of(refused.value)[1] == "REQUEST_ID_REUSED"
        assert len(trader.bridge.deliveries) == 1


async def test_open_commands_survive_a_restart_of_the_server(tmp_path: Path, storage_url: str) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        trader.bridge.answer = silent
        request = trader.close_request(trade_id, wait=0)
        seen = (await trader.trades.CloseTrade(request, metadata=trader.metadata)).command
        await trader.bridge.until(lambda: len(trader.bridge.deliveries) == 1)
        bridge = trader.bridge
    async with trading(tmp_path, storage_url) as world:
        trader = Trader(
            world.world.client(trader.client.token),
            trader.account_id,
            FakeBridge(world.world.serving.address, bridge.bridge_id, bridge.credential, 1),
        )
        trader.bridge.journal_id, trader.bridge.last_epoch = bridge.journal_id, bridge.last_epoch
        world.traders.append(trader)
        assert (await command_of(trader, seen.command_id)).state == command_pb2.COMMAND_STATE_PENDING

        # Its journal has never seen the command: it is sent again, and executed once.
        await trader.bridge.connect()
        again = await trader.trades.CloseTrade(trader_wait(request), metadata=trader.metadata)

        assert again.command.command_id == seen.command_id
        assert again.command.state == SUCCEEDED
        assert [delivery.command_id for delivery in trader.bridge.deliveries] == [seen.command_id]


def trader_wait(request: trade_service_pb2.CloseTradeRequest) -> trade_service_pb2.CloseTradeRequest:
    request.wait.FromSeconds(5)
    return request


async def test_a_command_that_no_bridge_takes_expires(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        await trader.bridge.close()
        await eventually(lambda: _away(trader))

        answer = await trader.trades.OpenTrade(open_request("o1", 0.3), metadata=trader.metadata)

        assert answer.command.state == command_pb2.COMMAND_STATE_EXPIRED
        await trader.bridge.connect()
        assert trader.bridge.deliveries == []


async def _away(trader: Trader) -> bool | None:
    answer = await trader.control.GetTradingState(
        control_service_pb2.GetTradingStateRequest(), metadata=trader.metadata
    )
    return None if answer.states[0].lease_held else True


async def test_an_open_waits_for_control_to_apply_the_revision(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1, connected=False)
        await trader.bridge.connect(control=False)
        # An event is committed after what was told before it: the symbols.
        await trader.with_position()
        request = open_request("o1")
        opening = asyncio.ensure_future(trader.trades.OpenTrade(request, metadata=trader.metadata))
        await eventually(lambda: _listed(trader))
        assert trader.bridge.deliveries == []

        await trader.bridge.open_control()

        assert (await opening).command.state == SUCCEEDED


async def _listed(trader: Trader) -> bool | None:
    answer = await trader.commands.ListCommands(
        command_service_pb2.ListCommandsRequest(), metadata=trader.metadata
    )
    return True if answer.commands else None


async def test_a_stop_reaches_the_bridge_while_its_data_stream_is_stalled(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trader.bridge.read_data = False

        answer = await trader.control.EmergencyStop(
            control_service_pb2.EmergencyStopRequest(reason="test"), metadata=trader.metadata
        )

        assert answer.recorded
        assert answer.complete
        assert list(trader.bridge.held) == [answer.stop_id]
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trader.trades.OpenTrade(open_request("o1"), metadata=trader.metadata)
        assert error_of(refused.value)[1] == "TRADING_STOPPED"


async def test_only_a_rearm_that_names_the_stop_leads_out(tmp_path: Path, storage_url: str) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        stopped = await trader.control.EmergencyStop(
            control_service_pb2.EmergencyStopRequest(), metadata=trader.metadata
        )
        request = control_service_pb2.RearmRequest(
            stop_ids=["other"], reason="all is well", password="correct horse battery"
        )
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trader.control.Rearm(request, metadata=trader.metadata)
        assert error_of(refused.value)[1] == "STALE_STOPS"

        request.stop_ids[:] = [stopped.stop_id]
        answer = await trader.control.Rearm(request, metadata=trader.metadata)

        assert not answer.states[0].wanted.stopped
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trader.control.Rearm(request, metadata=trader.metadata)
        assert refused.value.details() == "nothing is stopped now"
        await trader.bridge.until(lambda: not trader.bridge.held)
        opened = await trader.trades.OpenTrade(open_request("o1"), metadata=trader.metadata)
        assert opened.command.state == SUCCEEDED


async def test_a_stop_that_the_bridge_holds_is_adopted(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1, connected=False)
        stop = trader.bridge.held.setdefault("local-1", _held("local-1"))
        assert stop.local
        await trader.bridge.connect()

        state = await trader.control.GetTradingState(
            control_service_pb2.GetTradingStateRequest(), metadata=trader.metadata
        )

        assert list(state.states[0].wanted.stop_ids) == ["local-1"]


def _held(stop_id: str) -> bridge_pb2.HeldStop:
    return bridge_pb2.HeldStop(stop_id=stop_id, local=True, reason="by hand")


async def test_a_newer_session_supersedes_the_older_and_fences_it(tmp_path: Path, storage_url: str) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        older = trader.bridge
        newer = FakeBridge(older.address, older.bridge_id, older.credential, 1, journal_id=older.journal_id)
        await newer.connect()

        await older.until(lambda: any(frame.HasField("superseded") for frame in older.data_frames))

        assert newer.epoch > 1
        trader.bridge = newer
        trade_id = await trader.with_position()
        answer = await trader.trades.CloseTrade(trader.close_request(trade_id), metadata=trader.metadata)
        assert answer.command.state == SUCCEEDED
        assert older.deliveries == []
        await older.close()


async def test_a_revoked_bridge_leaves_its_open_commands_unknown(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        trader.bridge.answer = silent
        request = trader.close_request(trade_id, wait=0)
        command = (await trader.trades.CloseTrade(request, metadata=trader.metadata)).command

        await trader.client.accounts.RevokeBridge(
            account_service_pb2.RevokeBridgeRequest(bridge_id=trader.bridge.bridge_id),
            metadata=trader.metadata,
        )

        assert (await command_of(trader, command.command_id)).state == command_pb2.COMMAND_STATE_UNKNOWN
        await trader.bridge.until(lambda: trader.bridge.error is not None)


async def test_a_new_journal_leaves_offered_commands_unknown(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        trader.bridge.answer = silent
        request = trader.close_request(trade_id, wait=0)
        command = (await trader.trades.CloseTrade(request, metadata=trader.metadata)).command
        await trader.bridge.close()
        trader.bridge.journal_id = "another"

        await trader.bridge.connect()

        welcome = next(
            frame.welcome for frame in reversed(trader.bridge.data_frames) if frame.HasField("welcome")
        )
        assert welcome.new_journal
        assert [one.identifier for one in welcome.full_state.positions] == [77]
        assert (await command_of(trader, command.command_id)).state == command_pb2.COMMAND_STATE_UNKNOWN


def _welcome(bridge: FakeBridge) -> bridge_pb2.BridgeWelcome:
    return next(frame.welcome for frame in reversed(bridge.data_frames) if frame.HasField("welcome"))


async def test_a_journal_that_another_one_has_replaced_is_outdated_for_ever(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        await trader.with_position()
        bridge, older = trader.bridge, trader.bridge.journal_id
        assert not _welcome(bridge).journal_outdated

        async def back_with(journal_id: str) -> bridge_pb2.BridgeWelcome:
            await bridge.close()
            bridge.journal_id = journal_id
            await bridge.connect()
            return _welcome(bridge)

        assert not (await back_with(older)).journal_outdated
        newer = await back_with("newer")
        assert newer.new_journal
        assert not newer.journal_outdated

        # Also where the bridge did not hear of it the first time.
        for _ in range(2):
            welcome = await back_with(older)
            assert welcome.journal_outdated
            assert welcome.new_journal
            assert [one.identifier for one in welcome.full_state.positions] == [77]
        renewed = await back_with("renewed")
        assert renewed.new_journal
        assert not renewed.journal_outdated
        assert (await back_with("newer")).journal_outdated


@pytest.mark.parametrize("copied", [False, True])
async def test_what_another_bridge_with_a_copied_journal_was_offered_is_not_sent_again(
    tmp_path: Path, copied: bool
) -> None:
    """The one that was offered it may have executed it; its copy has never seen it."""
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        bridge, known = trader.bridge, trader.bridge.epoch
        await bridge.close()
        await bridge.connect()
        bridge.answer = silent
        request = trader.close_request(trade_id, wait=0)
        command = (await trader.trades.CloseTrade(request, metadata=trader.metadata)).command
        await bridge.until(lambda: len(bridge.deliveries) == 1)
        await bridge.close()
        if copied:
            bridge.last_epoch = known

        async def unknown() -> command_pb2.Command | None:
            found = await command_of(trader, command.command_id)
            return found if found.state == command_pb2.COMMAND_STATE_UNKNOWN else None

        await bridge.connect()

        if copied:
            await eventually(unknown)
            assert len(bridge.deliveries) == 1
        else:
            await bridge.until(lambda: len(bridge.deliveries) == 2)


async def test_a_bridge_that_has_not_answered_the_welcome_is_offered_nothing(tmp_path: Path) -> None:
    """The welcome may be lost: the bridge would not know of that session, and the command end UNKNOWN."""
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        bridge, known = trader.bridge, trader.bridge.epoch
        await bridge.close()
        bridge.answers_welcome = False
        await bridge.connect()
        request = trader.close_request(trade_id, wait=0)
        command = (await trader.trades.CloseTrade(request, metadata=trader.metadata)).command
        # Said after the command was: what comes back was read after it.
        await bridge.event(sync_report=control_pb2.SyncReport(sync_id="s1", succeeded=True))
        await bridge.until(lambda: bridge.acked == bridge.next_seq - 1)
        early = list(bridge.deliveries)
        await bridge.close()

        bridge.answers_welcome, bridge.last_epoch = True, known
        await bridge.connect()

        await bridge.until(lambda: len(bridge.deliveries) > 0)
        assert early == []
        assert bridge.deliveries[-1].command_id == command.command_id


async def test_a_new_journal_gets_the_record_again_where_its_first_welcome_was_lost(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        await trader.with_position()
        bridge = trader.bridge
        bridge.journal_id = "another"
        for _ in range(2):
            await bridge.close()
            await bridge.connect()
            assert [one.identifier for one in _welcome(bridge).full_state.positions] == [77]
            assert not _welcome(bridge).journal_outdated


async def test_a_new_journal_is_told_which_deals_are_on_record(tmp_path: Path, storage_url: str) -> None:
    def deal(ticket: int, identifier: int, at: int) -> bridge_pb2.DealRecord:
        return bridge_pb2.DealRecord(
            ticket=ticket,
            position_identifier=identifier,
            symbol="EURUSD",
            volume_lots=0.1,
            price=1.1,
            broker_milliseconds=at,
        )

    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        last = 1_700_000_000_000
        opened = bridge_pb2.PositionOpened(position=position(77), deals=[deal(1, 77, last - 90_000_000)])
        await trader.bridge.event(position_opened=opened)
        for ticket, at in ((2, last - 3_600_001), (3, last - 3_600_000), (4, last)):
            seen = bridge_pb2.DealSeen(deal=deal(ticket, 70, at))
            seq = await trader.bridge.event(deal_seen=seen)
        await trader.bridge.until(lambda: trader.bridge.acked >= seq)
        await trader.bridge.close()
        trader.bridge.journal_id = "another"

        await trader.bridge.connect()

        state = [frame.welcome for frame in trader.bridge.data_frames if frame.HasField("welcome")][
            -1
        ].full_state
        assert state.last_deal_broker_milliseconds == last
        assert state.known_deals_from_broker_milliseconds == last - 3_600_000
        # Those of an open position are, whenever they were.
        assert list(state.known_deal_tickets) == [1, 3, 4]


async def test_a_bridge_that_is_paired_again_goes_on_with_its_journal(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        before = trader.bridge
        for attempt in range(2):
            again = await world.paired_again(trader)
            welcome = next(frame.welcome for frame in again.data_frames if frame.HasField("welcome"))

            assert not welcome.new_journal
            assert welcome.committed_event_seq == before.acked == again.next_seq - 1
            assert await trader.with_position(78 + attempt) != trade_id
            before = again
        # A journal of before the present one does not know what happened since: it is new, its numbers go on.
        journal_id, next_seq, acked = again.journal_id, again.next_seq, again.acked
        await world.paired_again(trader, journal_id="another", next_seq=1)
        back = await world.paired_again(trader, journal_id=journal_id, next_seq=next_seq)
        welcome = next(frame.welcome for frame in back.data_frames if frame.HasField("welcome"))
        assert welcome.new_journal
        assert welcome.committed_event_seq == acked
        await trader.with_position(90)


async def test_another_users_trade_is_not_found(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        trade_id = await ann.with_position()

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await bob.trades.CloseTrade(bob.close_request(trade_id), metadata=bob.metadata)
        assert error_of(refused.value)[1] == "NOT_FOUND"
        stopped = await bob.control.EmergencyStop(
            control_service_pb2.EmergencyStopRequest(account_ids=[ann.account_id]), metadata=bob.metadata
        )

        assert list(stopped.ignored_account_ids) == [ann.account_id]
        assert not ann.bridge.held
        assert ann.bridge.deliveries == []


async def test_a_silent_link_is_noticed_and_told(tmp_path: Path) -> None:
    timings = SessionTimings(heartbeat=0.2, dead_after=0.6, lease=2.0)
    async with trading(tmp_path, None, timings) as world:
        trader = await world.trader("ann", 1)
        await trader.bridge.beat()
        await trader.bridge.until(lambda: trader.bridge.grants == 1)

        await trader.bridge.until(lambda: trader.bridge.error is not None, 5)


async def test_a_lease_is_not_granted_while_trading_is_stopped(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        await trader.control.EmergencyStop(
            control_service_pb2.EmergencyStopRequest(), metadata=trader.metadata
        )
        await trader.bridge.beat(2)
        await trader.bridge.until(
            lambda: any(
                frame.HasField("heartbeat") and frame.heartbeat.number == 2
                for frame in trader.bridge.control_frames
            )
        )
        assert trader.bridge.grants == 0


async def test_paused_holds_back_tokens_and_not_people(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        token = await trader.client.auth.CreateApiToken(
            auth_service_pb2.CreateApiTokenRequest(name="robot", scopes=[user_pb2.TOKEN_SCOPE_TRADE]),
            metadata=trader.metadata,
        )
        await trader.control.PauseTrading(control_service_pb2.PauseTradingRequest(), metadata=trader.metadata)
        robot = (("authorization", f"Bearer {token.secret}"),)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trader.trades.OpenTrade(open_request("o1"), metadata=robot)

        assert error_of(refused.value)[1] == "TRADING_PAUSED"
        person = await trader.trades.OpenTrade(open_request("o2"), metadata=trader.metadata)
        assert person.command.state == SUCCEEDED


async def test_a_stop_works_while_the_database_is_down_and_is_recorded_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        storage = world.world.foundation.storage
        working = storage.run

        async def down(_unit: object) -> object:
            raise StorageUnavailable("the disk is full")

        monkeypatch.setattr(storage, "run", down)
        request = control_service_pb2.EmergencyStopRequest(reason="test")
        request.wait.FromMilliseconds(500)
        answer = await trader.control.EmergencyStop(request, metadata=trader.metadata)

        assert not answer.recorded
        assert list(trader.bridge.held) == [answer.stop_id]
        assert answer.report.accounts[0].HasField("latch_time")

        monkeypatch.setattr(storage, "run", working)

        async def recorded() -> bool | None:
            state = await trader.control.GetTradingState(
                control_service_pb2.GetTradingStateRequest(), metadata=trader.metadata
            )
            return True if answer.stop_id in state.states[0].wanted.stop_ids else None

        await eventually(recorded)
        report = await trader.control.GetStop(
            control_service_pb2.GetStopRequest(stop_id=answer.stop_id), metadata=trader.metadata
        )
        assert report.report.accounts[0].HasField("latch_time")


async def test_what_happens_at_the_terminal_is_told_once_and_in_order(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()
        closed = bridge_pb2.PositionClosed(
            position=position(77, 0),
            cause=trade_pb2.CLOSE_CAUSE_STOP_LOSS,
            deals=[
                bridge_pb2.DealRecord(
                    ticket=5,
                    position_identifier=77,
                    symbol="EURUSD",
                    entry=trade_pb2.DEAL_ENTRY_OUT,
                    volume_lots=0.1,
                    price=1.095,
                    profit=-50,
                    commission=-0.7,
                )
            ],
        )
        seq = await trader.bridge.event(position_closed=closed)
        await trader.bridge.until(lambda: trader.bridge.acked >= seq)

        trade = await trader.trades.GetTrade(
            trade_service_pb2.GetTradeRequest(trade_id=trade_id), metadata=trader.metadata
        )
        assert trade.trade.state == trade_pb2.TRADE_STATE_CLOSED
        assert trade.trade.realised_profit == -50.7
        assert trade.trade.close_price == 1.095
        events = await trader.client.events.ListEvents(
            event_service_pb2.ListEventsRequest(), metadata=trader.metadata
        )
        kinds = [event.WhichOneof("data") for event in events.events]
        assert [kind for kind in kinds if kind and kind.startswith("trade_")] == [
            "trade_opened",
            "trade_closed",
        ]


async def test_a_drill_measures_and_latches_nothing(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)

        answer = await trader.control.RunDrill(
            control_service_pb2.RunDrillRequest(), metadata=trader.metadata
        )

        assert answer.results[0].reached
        assert answer.results[0].latched_milliseconds < 3000
        assert not trader.bridge.held


async def test_another_login_at_the_terminal_is_refused_and_alerted(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1, connected=False)
        trader.bridge.login = 999

        with pytest.raises((GRPCError, StreamTerminatedError)):
            await trader.bridge.connect()

        alerts = await trader.client.alerts.ListAlerts(
            alert_service_pb2.ListAlertsRequest(), metadata=trader.metadata
        )
        assert [alert.code for alert in alerts.alerts] == ["ACCOUNT_MISMATCH"]


async def test_what_is_wanted_of_a_trade_is_read_with_how_far_its_bridge_keeps_to_it(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        trade_id = await trader.with_position()

        async def read() -> trade_service_pb2.GetTradeResponse:
            return await trader.trades.GetTrade(
                trade_service_pb2.GetTradeRequest(trade_id=trade_id), metadata=trader.metadata
            )

        assert not (await read()).HasField("wishes")
        hidden = await trader.trades.SetTradeStealth(
            trade_service_pb2.SetTradeStealthRequest(
                request_id=uuid.uuid4().hex, trade_id=trade_id, stealth_mode=True
            ),
            metadata=trader.metadata,
        )
        wishes = (await read()).wishes
        assert (wishes.stealth, wishes.stealth_revision) == (True, hidden.revision)
        assert wishes.applied_revision == hidden.revision
        assert (wishes.trailing_stop_revision, wishes.protection_revision) == (0, 0)

        trader.bridge.apply = False
        plan = protection_pb2.ProtectionPlan(targets=[protection_pb2.LadderTarget(price=1.3, share=0.5)])
        request = trade_service_pb2.SetProtectionRequest(
            request_id=uuid.uuid4().hex, trade_id=trade_id, plan=plan
        )
        request.wait.FromMilliseconds(100)
        await trader.trades.SetProtection(request, metadata=trader.metadata)
        wishes = (await read()).wishes
        assert [target.price for target in wishes.protection.targets] == [1.3]
        assert wishes.protection_revision > wishes.applied_revision == hidden.revision
