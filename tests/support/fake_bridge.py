"""A bridge written by hand for tests of the server: it speaks the protocol and does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from grpclib.client import Channel

from signalos.v1 import account_pb2, bridge_pb2, bridge_service_grpc, command_pb2, control_pb2, trade_pb2
from signalos.v1 import bridge_service_pb2 as pb

Answer = Callable[["FakeBridge", bridge_pb2.CommandDelivery], list[pb.ConnectRequest]]

EURUSD = account_pb2.Symbol(
    symbol="EURUSD",
    digits=5,
    point=0.00001,
    tick_size=0.00001,
    volume_minimum_lots=0.01,
    volume_maximum_lots=100,
    volume_step_lots=0.01,
    stops_level_points=10,
    trade_mode=account_pb2.SYMBOL_TRADE_MODE_FULL,
)


def identity(login: int = 1001, server: str = "Broker-Demo") -> bridge_pb2.TerminalIdentity:
    """Return who the terminal says it is."""
    return bridge_pb2.TerminalIdentity(
        login=login,
        broker_server=server,
        trade_mode=account_pb2.ACCOUNT_TRADE_MODE_DEMO,
        margin_mode=account_pb2.MARGIN_MODE_HEDGING,
        currency="USD",
    )


def position(identifier: int, volume: float = 0.1, **more: Any) -> bridge_pb2.PositionRecord:
    """Return an open position."""
    return bridge_pb2.PositionRecord(
        ticket=identifier,
        identifier=identifier,
        symbol="EURUSD",
        side=trade_pb2.SIDE_BUY,
        volume_lots=volume,
        open_price=1.1,
        open_broker_milliseconds=1_700_000_000_000 + identifier,
        origin=trade_pb2.TRADE_ORIGIN_MANAGED,
        **more,
    )


def succeed(bridge: FakeBridge, delivery: bridge_pb2.CommandDelivery) -> list[pb.ConnectRequest]:
    """Answer a command with both receipts and full success."""
    outcome = bridge_pb2.CommandOutcome(
        command_id=delivery.command_id,
        outcome_number=1,
        state=command_pb2.COMMAND_STATE_SUCCEEDED,
        asked_volume_lots=0.1,
        filled_volume_lots=0.1,
        legs=[
            command_pb2.Leg(
                state=command_pb2.LEG_STATE_DONE,
                asked_volume_lots=0.1,
                filled_volume_lots=0.1,
                attempt_count=1,
                position_identifier=delivery.action.close.position_identifier or 77,
            )
        ],
    )
    return [
        receipt(delivery.command_id, command_pb2.COMMAND_STATE_DELIVERED),
        receipt(delivery.command_id, command_pb2.COMMAND_STATE_RUNNING),
        pb.ConnectRequest(outcome=outcome),
    ]


def receipt(command_id: str, state: command_pb2.CommandState.ValueType) -> pb.ConnectRequest:
    """Return a receipt."""
    return pb.ConnectRequest(receipt=bridge_pb2.CommandReceipt(command_id=command_id, state=state))


def silent(bridge: FakeBridge, delivery: bridge_pb2.CommandDelivery) -> list[pb.ConnectRequest]:
    """Take a command and say nothing."""
    return []


@dataclass
class FakeBridge:
    """One bridge with a journal in memory."""

    address: str
    bridge_id: str
    credential: str
    login: int = 1001
    answer: Answer = succeed
    apply: bool = True
    latch: bool = True
    read_data: bool = True
    answers_welcome: bool = True
    journal_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    last_epoch: int = 0
    boot_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    held: dict[str, bridge_pb2.HeldStop] = field(default_factory=dict)
    audit_heads: list[bridge_pb2.AuditHead] = field(default_factory=list)
    journalled: dict[str, command_pb2.CommandState.ValueType] = field(default_factory=dict)
    deliveries: list[bridge_pb2.CommandDelivery] = field(default_factory=list)
    data_frames: list[pb.ConnectResponse] = field(default_factory=list)
    control_frames: list[pb.ControlResponse] = field(default_factory=list)
    alert_acks: list[str] = field(default_factory=list)
    resolutions: list[bridge_pb2.CommandResolution] = field(default_factory=list)
    takes_batches: bool = False
    takes_resolutions: bool = True
    next_seq: int = 1
    epoch: int = 0
    acked: int = 0
    grants: int = 0

    def __post_init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._channels: list[Channel] = []
        self._changed = asyncio.Condition()
        self.error: BaseException | None = None

    @property
    def _metadata(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.credential}", "signalos-bridge": self.bridge_id}

    def _channel(self) -> Channel:
        host, _, port = self.address.rpartition(":")
        channel = Channel(host, int(port))
        self._channels.append(channel)
        return channel

    def hello(self) -> bridge_pb2.BridgeHello:
        """Return the first frame."""
        return bridge_pb2.BridgeHello(
            bridge_id=self.bridge_id,
            boot_id=self.boot_id,
            journal_id=self.journal_id,
            version="test",
            protocol_versions=[1],
            identity=identity(self.login),
            last_epoch=self.last_epoch,
            next_event_seq=self.next_seq,
            held_stops=list(self.held.values()),
            takes_batches=self.takes_batches,
            takes_resolutions=self.takes_resolutions,
            audit_heads=self.audit_heads,
            terminal=account_pb2.TerminalStatus(
                state=account_pb2.TERMINAL_STATE_READY, broker_connected=True
            ),
        )

    async def connect(self, *, control: bool = True) -> None:
        """Open the data stream, tell the symbols, and open the control stream."""
        self._data = bridge_service_grpc.BridgeServiceStub(self._channel()).Connect.open(
            metadata=self._metadata
        )
        await self._data.__aenter__()
        await self._data.send_message(pb.ConnectRequest(hello=self.hello()))
        self._tasks.append(asyncio.create_task(self._read_data()))
        await self.until(lambda: self.epoch > 0 or self.error is not None)
        if self.error is not None:
            raise self.error
        symbols = bridge_pb2.SymbolTable(symbols=[EURUSD], first=True)
        await self.tell(pb.ConnectRequest(symbols=symbols))
        if control:
            await self.open_control()

    async def open_control(self) -> None:
        """Open the control stream, and beat until it ends."""
        self._control = bridge_service_grpc.BridgeServiceStub(self._channel()).Control.open(
            metadata=self._metadata
        )
        await self._control.__aenter__()
        await self._control.send_message(pb.ControlRequest(epoch=self.epoch, hello=self.hello()))
        self._tasks.append(asyncio.create_task(self._read_control()))
        if self.apply:
            await self.until(lambda: any(frame.HasField("desired_state") for frame in self.control_frames))

    async def tell(self, *requests: pb.ConnectRequest) -> None:
        """Send frames on the data stream."""
        for request in requests:
            request.epoch = self.epoch
            await self._data.send_message(request)

    async def event(self, **fact: Any) -> int:
        """Send the next event; return its number."""
        seq = self.next_seq
        self.next_seq += 1
        event = bridge_pb2.BridgeEvent(seq=seq, event_id=f"{self.journal_id}:{seq}", **fact)
        await self.tell(pb.ConnectRequest(event=event))
        return seq

    async def beat(
        self, number: int = 1, *, wall_jump_seconds: float | None = None, loop_lag_seconds: float = 0.0
    ) -> None:
        """Send a heartbeat on the control stream."""
        beat = bridge_pb2.BridgeHeartbeat(number=number, wall_jump_seconds=wall_jump_seconds)
        beat.loop_lag.FromNanoseconds(int(loop_lag_seconds * 1e9))
        await self._control.send_message(pb.ControlRequest(epoch=self.epoch, heartbeat=beat))

    async def stage(self, stop_id: str, *, complete: bool = True) -> None:
        """Tell that a stop is latched."""
        stage = bridge_pb2.StopStage(
            stop_id=stop_id, latched_seconds_ago=0.0, quiet_seconds_ago=0.0, complete=complete
        )
        await self._control.send_message(pb.ControlRequest(epoch=self.epoch, stop_stage=stage))

    async def _read_data(self) -> None:
        try:
            while self.read_data:
                frame = await self._data.recv_message()
                if frame is None:
                    # Raises the error that the server ended the stream with.
                    await self._data.recv_trailing_metadata()
                    return
                self.data_frames.append(frame)
                for one in frame.batch.frames or [frame]:
                    await self._on_data(one)
                await self._notify()
        except Exception as error:  # noqa: BLE001 - kept for the test to look at
            self.error = error
            await self._notify()

    async def _on_data(self, frame: pb.ConnectResponse) -> None:
        match frame.WhichOneof("message"):
            case "welcome":
                self.epoch = self.last_epoch = frame.welcome.epoch
                if not self.answers_welcome:
                    return
                standings = [
                    bridge_pb2.CommandStanding(
                        command_id=command_id,
                        never_seen=command_id not in self.journalled,
                        state=self.journalled.get(command_id, 0),  # type: ignore[arg-type]
                    )
                    for command_id in frame.welcome.open_command_ids
                ]
                states = bridge_pb2.CommandStates(standings=standings)
                await self.tell(pb.ConnectRequest(command_states=states))
            case "command":
                self.deliveries.append(frame.command)
                requests = self.answer(self, frame.command)
                for request in requests:
                    if request.HasField("outcome"):
                        self.journalled[frame.command.command_id] = request.outcome.state
                    elif request.HasField("receipt"):
                        self.journalled[frame.command.command_id] = request.receipt.state
                await self.tell(*requests)
            case "event_ack":
                self.acked = frame.event_ack.seq
            case "alert_ack":
                self.alert_acks.append(frame.alert_ack.telling_id)
            case "resolution":
                self.resolutions.append(frame.resolution)

    async def _read_control(self) -> None:
        with contextlib.suppress(Exception):
            while True:
                frame = await self._control.recv_message()
                if frame is None:
                    return
                self.control_frames.append(frame)
                await self._on_control(frame)
                await self._notify()

    async def _on_control(self, frame: pb.ControlResponse) -> None:
        match frame.WhichOneof("message"):
            case "desired_state" if self.apply:
                desired = frame.desired_state
                for stop in desired.stops:
                    self.held[stop.stop_id] = stop
                setting = control_pb2.ControlSetting(
                    revision=desired.revision,
                    stop_generation=desired.stop_generation,
                    stop_ids=list(self.held),
                    paused=desired.paused,
                    stealth=desired.stealth,
                    limits=desired.limits,
                )
                applied = bridge_pb2.Applied(revision=desired.revision, setting=setting)
                await self._control.send_message(pb.ControlRequest(epoch=self.epoch, applied=applied))
            case "stop" if self.latch:
                self.held[frame.stop.stop_id] = bridge_pb2.HeldStop(stop_id=frame.stop.stop_id)
                await self.stage(frame.stop.stop_id)
            case "rearm":
                for stop_id in frame.rearm.stop_ids:
                    self.held.pop(stop_id, None)
                result = bridge_pb2.RearmResult(
                    rearm_id=frame.rearm.rearm_id, held_stops=list(self.held.values())
                )
                await self._control.send_message(pb.ControlRequest(epoch=self.epoch, rearm_result=result))
            case "lease_grant":
                self.grants += 1
            case "drill":
                latched = bridge_pb2.DrillLatched(drill_id=frame.drill.drill_id)
                await self._control.send_message(pb.ControlRequest(epoch=self.epoch, drill_latched=latched))

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, holds: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until something holds that frames bring about."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(holds)

    async def close(self) -> None:
        """Drop both connections, without a word."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self._channels:
            channel.close()
        self._tasks.clear()
        self._channels.clear()
        self.epoch = 0
        self.error = None
        # grpclib closes its transports on the next turn of the loop.
        await asyncio.sleep(0)
