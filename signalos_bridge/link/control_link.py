"""The control stream: a connection of its own, opened with the epoch of the data stream.

It outlives the data stream until the next welcome names another epoch: a stop arrives although data does not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from signalos.v1 import bridge_pb2, bridge_service_grpc, bridge_service_pb2
from signalos_bridge.clock import Clock
from signalos_bridge.controller import Controller
from signalos_bridge.convert import incoming
from signalos_bridge.domain.link_timing import Backoff, Ending
from signalos_bridge.domain.session import (
    Act,
    ControlSession,
    Deliver,
    Ended,
    Frame,
    LeaseHeld,
    SendBeat,
    SendHello,
    Terms,
)
from signalos_bridge.link.channel import BridgeChannel, ServerUntrusted
from signalos_bridge.link.driver import StreamDriver
from signalos_bridge.link.outbox import Outbox

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """The session that control belongs to."""

    epoch: int
    incarnation: int
    terms: Terms


@dataclass(frozen=True, slots=True)
class Words:
    """What both streams say alike."""

    hello: Callable[[], bridge_pb2.BridgeHello]
    heartbeat: Callable[[int], bridge_pb2.BridgeHeartbeat]


class ControlLink:
    """Keeps a control stream open for the newest session."""

    def __init__(
        self,
        *,
        controller: Controller,
        clock: Clock,
        words: Words,
        dial: Callable[[], BridgeChannel],
        metadata: dict[str, str],
        backoff: Backoff,
        connect_seconds: float,
        on_superseded: Callable[[int, str], None],
    ) -> None:
        self._controller = controller
        self._clock = clock
        self._words = words
        self._dial = dial
        self._metadata = metadata
        self._backoff = backoff
        self._connect_seconds = connect_seconds
        self._on_superseded = on_superseded
        self._target: Target | None = None
        self._changed = asyncio.Event()
        self._driver: (
            StreamDriver[bridge_service_pb2.ControlRequest, bridge_service_pb2.ControlResponse] | None
        ) = None
        self._superseded_by = 0
        # Wall clock less steady clock at the last heartbeat, whichever stream that was in.
        self._wall_offset: float | None = None

    def _wall_jump(self) -> float | None:
        offset = self._clock.wall_msc() / 1000 - self._clock.seconds()
        before, self._wall_offset = self._wall_offset, offset
        return None if before is None else offset - before

    def retarget(self, target: Target | None) -> None:
        """Belong to this session from now on; None: to none."""
        self._target = target
        self._changed.set()

    def wake(self) -> None:
        """Say that control has something to send."""
        if self._driver is not None:
            self._driver.wake()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._changed.clear()
            target = self._target
            if target is None:
                await self._changed.wait()
                continue
            ended, lived = await self._stream_until_changed(target)
            if ended is None or self._changed.is_set():
                continue
            log.warning("control stream over", epoch=target.epoch, why=ended.words)
            if ended.ending is Ending.SUPERSEDED:
                self._on_superseded(self._superseded_by, ended.words)
                if self._target is target:
                    self._target = None
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._backoff.delay(ended.ending, lived)):
                    await self._changed.wait()

    async def _stream_until_changed(self, target: Target) -> tuple[Ended | None, float]:
        stream = asyncio.ensure_future(self._stream(target))
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait((stream, changed), return_when=asyncio.FIRST_COMPLETED)
            return await stream if stream.done() else (None, 0.0)
        finally:
            for task in (stream, changed):
                task.cancel()
            await asyncio.gather(stream, changed, return_exceptions=True)

    async def _stream(self, target: Target) -> tuple[Ended, float]:
        machine = ControlSession(epoch=target.epoch, terms=target.terms)
        outbox: Outbox[bridge_service_pb2.ControlRequest] = Outbox()
        epoch = target.epoch

        def perform(act: Act) -> None:
            match act:
                case SendHello():
                    outbox.put(bridge_service_pb2.ControlRequest(epoch=epoch, hello=self._words.hello()))
                    self._controller.opened(epoch)
                case SendBeat(number):
                    beat = self._words.heartbeat(number)
                    if (jump := self._wall_jump()) is not None:
                        beat.wall_jump_seconds = jump
                    outbox.put(bridge_service_pb2.ControlRequest(epoch=epoch, heartbeat=beat), "heartbeat")
                case LeaseHeld(until):
                    self._controller.lease_held(epoch, until)
                case Deliver(payload):
                    self._controller.receive(payload, epoch, target.incarnation)

        def feed() -> None:
            for answer in self._controller.take_answers():
                answer.epoch = epoch
                stage = answer.stop_stage.stop_id if answer.HasField("stop_stage") else None
                outbox.put(answer, ("stage", stage) if stage is not None else None)

        def translate(response: bridge_service_pb2.ControlResponse) -> tuple[Frame]:
            if response.WhichOneof("message") == "superseded":
                self._superseded_by = response.superseded.epoch
            return (incoming.control_frame(response),)

        driver = StreamDriver(
            machine=machine,
            outbox=outbox,
            clock=self._clock,
            translate=translate,
            perform=perform,
            feed=feed,
        )
        channel = self._dial()
        try:
            await channel.connect(self._connect_seconds)
            stub = bridge_service_grpc.BridgeServiceStub(channel)
            self._driver = driver
            ended = await driver.run(channel, stub.Control.open(metadata=self._metadata))
        except ServerUntrusted as error:
            ended = Ended(Ending.REFUSED, str(error))
        except OSError as error:
            # TimeoutError is one of them.
            ended = Ended(Ending.LOST, f"no connection: {error or type(error).__name__}")
        finally:
            self._driver = None
            channel.abort()
            self._controller.lost(epoch)
        return ended, machine.lived_seconds(self._clock.seconds())
