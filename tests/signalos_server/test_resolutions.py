"""What a person says of an UNKNOWN command reaches its bridge, at once or with the next welcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from signalos.v1 import bridge_pb2, command_pb2, command_service_pb2
from signalos.v1 import bridge_service_pb2 as pb
from tests.signalos_server.trading_world import Trader, eventually, trading


def doubt(_: Any, delivery: bridge_pb2.CommandDelivery) -> list[pb.ConnectRequest]:
    """Answers a command with an outcome that nobody knows."""
    outcome = bridge_pb2.CommandOutcome(
        command_id=delivery.command_id,
        outcome_number=1,
        state=command_pb2.COMMAND_STATE_UNKNOWN,
        message="no answer",
    )
    return [pb.ConnectRequest(outcome=outcome)]


async def an_unknown_close(trader: Trader) -> str:
    trader.bridge.answer = doubt
    trade_id = await trader.with_position()
    answer = await trader.trades.CloseTrade(trader.close_request(trade_id), metadata=trader.metadata)
    assert answer.command.state == command_pb2.COMMAND_STATE_UNKNOWN
    return str(answer.command.command_id)


async def resolve(trader: Trader, command_id: str, **finding: Any) -> command_pb2.Command:
    request = command_service_pb2.ResolveCommandRequest(
        command_id=command_id, reason="seen at the broker", **finding
    )
    answer = await trader.commands.ResolveCommand(request, metadata=trader.metadata)
    return answer.command


def welcomes(trader: Trader) -> list[bridge_pb2.BridgeWelcome]:
    return [frame.welcome for frame in trader.bridge.data_frames if frame.HasField("welcome")]


async def test_a_persons_word_is_told_to_the_bridge_at_once_and_with_each_welcome(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1001)
        command_id = await an_unknown_close(trader)

        command = await resolve(trader, command_id, not_executed=True)
        await trader.bridge.until(lambda: bool(trader.bridge.resolutions))
        await trader.bridge.close()
        await trader.bridge.connect()

        assert command.state == command_pb2.COMMAND_STATE_REJECTED
        (live,) = trader.bridge.resolutions
        (told,) = welcomes(trader)[-1].resolutions
        assert live == told
        assert (told.command_id, told.executed) == (command_id, False)
        assert "seen at the broker" in told.reason


async def test_a_bridge_that_does_not_know_the_frame_is_not_sent_it(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1001, connected=False)
        trader.bridge.takes_resolutions = False
        await trader.bridge.connect()
        command_id = await an_unknown_close(trader)

        await resolve(trader, command_id, executed_ticket=4711)
        # What comes after it has arrived, and so would it have.
        await trader.with_position(88)

        assert trader.bridge.resolutions == []
        assert trader.bridge.error is None


async def test_records_that_agree_with_a_person_are_no_correction(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1001)
        command_id = await an_unknown_close(trader)
        await resolve(trader, command_id, executed_ticket=4711)

        await trader.bridge.tell(
            pb.ConnectRequest(
                outcome=bridge_pb2.CommandOutcome(
                    command_id=command_id,
                    outcome_number=2,
                    state=command_pb2.COMMAND_STATE_SUCCEEDED,
                    asked_volume_lots=0.1,
                    filled_volume_lots=0.1,
                )
            )
        )

        async def filled() -> command_pb2.Command | None:
            answer = await trader.commands.GetCommand(
                command_service_pb2.GetCommandRequest(command_id=command_id), metadata=trader.metadata
            )
            return answer.command if answer.command.filled_volume_lots else None

        command = await eventually(filled)
        from signalos.v1 import alert_service_pb2

        alerts = await trader.client.alerts.ListAlerts(
            alert_service_pb2.ListAlertsRequest(), metadata=trader.metadata
        )
        assert command.resolved_by_person
        assert "COMMAND_CORRECTED" not in {alert.code for alert in alerts.alerts}


async def test_a_welcome_names_the_last_event_that_is_committed(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1001)
        await trader.with_position()
        assert welcomes(trader)[-1].committed_event_id == ""
        await trader.bridge.close()

        await trader.bridge.connect()
        again = welcomes(trader)[-1]
        await world.paired_again(trader)

        last = f"{trader.bridge.journal_id}:1"
        assert (again.committed_event_seq, again.committed_event_id) == (1, last)
        # Another bridge that brings the same journal goes on from the same event.
        assert (welcomes(trader)[-1].committed_event_seq, welcomes(trader)[-1].committed_event_id) == (
            1,
            last,
        )
