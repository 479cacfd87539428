"""A bridge's link and control on real sockets, with a scripted core."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from signalos.v1 import bridge_pb2, bridge_service_pb2, command_pb2, order_pb2, trade_pb2
from signalos_bridge.clock import SystemClock
from signalos_bridge.controller import Controller
from signalos_bridge.credentials import Credential
from signalos_bridge.domain.facts import RecordedState
from signalos_bridge.domain.market import BoundAccount, TradeMode
from signalos_bridge.link.link import Link, LinkSettings
from signalos_bridge.link.loop_meter import LoopMeter
from signalos_bridge.link.standing import LinkState
from tests.signalos_bridge.scripted_core import ScriptedCore
from tests.support.scripted_server import seconds


class Rig:
    """One bridge without a terminal."""

    def __init__(
        self,
        data_dir: Path,
        address: str,
        *,
        fingerprint: bytes | None = None,
        lease_seconds: float = 30.0,
        settings: LinkSettings | None = None,
    ) -> None:
        self.clock = SystemClock()
        self.busy: float | None = None
        self.controller = Controller(
            data_dir,
            self.clock,
            lease_seconds=lease_seconds,
            busy_seconds=lambda: self.busy,
            on_outgoing=self._wake_control,
        )
        self.core = ScriptedCore(self.controller, self.clock.seconds, self._wake)
        self.stood: list[tuple[LinkState, str]] = []
        self.outdated: list[tuple[str, RecordedState]] = []
        self.link = Link(
            on_standing=lambda state, words: self.stood.append((state, words)),
            on_journal_outdated=lambda words, record: self.outdated.append((words, record)),
            core=self.core,
            controller=self.controller,
            credential=Credential(
                "brg_1",
                "acc_1",
                "very-secret",
                address,
                fingerprint,
                BoundAccount(5001, "Broker-Demo", TradeMode.DEMO),
            ),
            clock=self.clock,
            meter=LoopMeter(self.clock),
            random=random.Random(1).random,
            version="1.0",
            boot_id="boot-1",
            settings=settings
            or LinkSettings(
                connect_seconds=1.0,
                backoff_base_seconds=0.05,
                backoff_cap_seconds=0.2,
                superseded_seconds=1.5,
                resend_seconds=0.5,
            ),
        )

    def _wake(self) -> None:
        self.link.wake()

    def _wake_control(self) -> None:
        self.link.wake_control()

    @asynccontextmanager
    async def running(self, *, first_start: bool = True) -> AsyncIterator[Rig]:
        self.controller.load(first_start=first_start)
        self.controller.give_body(self.core)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self.controller.run()),
                group.create_task(self.link.run()),
            ]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()


def an_open(
    command_id: str, *, time_left: float = 5.0, stop_generation: int = 0, automated: bool = False
) -> bridge_service_pb2.ConnectResponse:
    return bridge_service_pb2.ConnectResponse(
        command=bridge_pb2.CommandDelivery(
            command_id=command_id,
            origin=command_pb2.COMMAND_ORIGIN_USER,
            action=command_pb2.Action(
                open=command_pb2.OpenAction(
                    symbol="EURUSD",
                    side=trade_pb2.SIDE_BUY,
                    order_type=order_pb2.ORDER_TYPE_MARKET,
                    volume_lots=0.1,
                )
            ),
            time_left=seconds(time_left),
            stop_generation=stop_generation,
            automated=automated,
        )
    )


def a_close(command_id: str, *, time_left: float = 30.0) -> bridge_service_pb2.ConnectResponse:
    return bridge_service_pb2.ConnectResponse(
        command=bridge_pb2.CommandDelivery(
            command_id=command_id,
            origin=command_pb2.COMMAND_ORIGIN_USER,
            action=command_pb2.Action(close=command_pb2.CloseAction(position_identifier=1)),
            time_left=seconds(time_left),
        )
    )


def a_stop(stop_id: str, *, generation: int = 1, close: bool = False) -> bridge_service_pb2.ControlResponse:
    return bridge_service_pb2.ControlResponse(
        stop=bridge_pb2.StopOrder(
            stop_id=stop_id, close_positions=close, stop_generation=generation, reason="news"
        )
    )
