"""What a provider's update asks for waits a quarter of an hour for its terminal, and not a moment longer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from signalos.v1 import command_pb2, command_service_pb2
from signalos_server.adapters.moved_clock import VARIABLE
from tests.signalos_server.signal_world import Desk, desk_of, signalling
from tests.signalos_server.trading_world import TradingWorld, eventually

pytestmark = pytest.mark.integration


class Clocks:
    """The server's clocks, wall and monotonic, which run on from where they are moved to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._passed = 0.0

    def pass_by(self, span: timedelta) -> None:
        self._passed += span.total_seconds()
        written = self._path.with_suffix(".new")
        written.write_text(f"{self._passed} {self._passed}", encoding="ascii")
        written.replace(self._path)


@pytest.fixture
def clocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clocks:
    path = tmp_path / "clock"
    monkeypatch.setenv(VARIABLE, str(path))
    return Clocks(path)


@pytest.fixture
async def entered(tmp_path: Path, storage_url: str, clocks: Clocks) -> AsyncIterator[TradingWorld]:
    async with signalling(tmp_path / "server", storage_url) as world:
        yield world


async def held_close(entered: TradingWorld) -> tuple[Desk, str, str]:
    """Return a desk whose terminal is away, the signal of a close for it, and the close's command."""
    desk = await desk_of(entered)
    await desk.source()
    await desk.traded(external_id="1")
    await desk.dealer.bridge.close()
    close = await desk.say("close now", reply_to_external_id="1")
    held = await desk.decided(close.signal_id, "HELD")
    return desk, close.signal_id, held.command_ids[0]


async def command_of(desk: Desk, command_id: str) -> command_pb2.Command:
    answer = await desk.trader.commands.GetCommand(
        command_service_pb2.GetCommandRequest(command_id=command_id), metadata=desk.trader.metadata
    )
    return answer.command


async def test_a_close_is_still_done_just_before_its_quarter_of_an_hour_is_over(
    entered: TradingWorld, clocks: Clocks
) -> None:
    desk, signal_id, command_id = await held_close(entered)
    assert (await command_of(desk, command_id)).time_to_live.ToTimedelta() == timedelta(minutes=15)

    clocks.pass_by(timedelta(minutes=14))
    await desk.dealer.bridge.connect()

    await desk.decided(signal_id, "SENT")

    async def closed() -> bool | None:
        return not desk.dealer.positions or None

    await eventually(closed)


async def test_a_close_ends_with_its_quarter_of_an_hour_and_is_asked_about_and_done_by_nobody(
    entered: TradingWorld, clocks: Clocks
) -> None:
    desk, signal_id, command_id = await held_close(entered)

    clocks.pass_by(timedelta(minutes=15))

    asked = await desk.decided(signal_id, "QUESTION")
    assert asked.code == "NOT_DONE"
    assert (await command_of(desk, command_id)).state == command_pb2.COMMAND_STATE_EXPIRED
    await desk.dealer.bridge.connect()
    # Another update, done after all that is said on the new session.
    await desk.told("move SL to 1.0960", "SENT", reply_to_external_id="1")
    assert desk.dealer.kinds() == ["open", "modify"]
    assert len(desk.dealer.positions) == 1
