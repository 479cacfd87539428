"""What the data stream brings for the core: commands, cancellations, syncs and checks, each done in a task.

Tasks belong to the program and not to the session: a command that is being journalled when the link breaks is
journalled all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial

import structlog

from signalos.v1 import bridge_pb2, bridge_service_pb2
from signalos_bridge.clock import Clock
from signalos_bridge.convert import events, incoming, outgoing, words
from signalos_bridge.convert.numbers import Malformed
from signalos_bridge.core import Core
from signalos_bridge.journal import JournalUnavailable

log = structlog.get_logger(__name__)

Send = Callable[[bridge_service_pb2.ConnectRequest], None]
Work = Callable[[], Coroutine[None, None, None]]


class Deliveries:
    """Hands what arrives to the core."""

    def __init__(self, core: Core, clock: Clock) -> None:
        self._core = core
        self._clock = clock
        self._group: asyncio.TaskGroup | None = None
        self._delivering: dict[str, asyncio.Task[None]] = {}
        self._acked_events = 0
        self._acking = False

    async def run(self) -> None:
        """Hold the tasks until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    def take(self, payload: object, age_seconds: float, send: Send) -> None:
        """Take what arrived; `send` puts an answer into the stream that it came by."""
        match payload:
            case bridge_pb2.CommandDelivery():
                task = self._spawn(partial(self._command, payload, age_seconds, send), "command")
                if task is not None:
                    self._delivering[payload.command_id] = task
                    task.add_done_callback(lambda _: self._delivering.pop(payload.command_id, None))
            case bridge_pb2.CancelCommandDelivery():
                self._spawn(partial(self._cancel, payload.command_id), "cancel")
            case bridge_pb2.CommandResolution():
                self._spawn(partial(self._resolve, payload), "resolution")
            case bridge_pb2.SyncRequest():
                self._spawn(partial(self._sync, payload, send), "sync")
            case bridge_pb2.CheckRequest():
                self._spawn(partial(self._check, payload, send), "check")

    def acknowledge_events(self, seq: int) -> None:
        """Tell the journal that the server has these events; many acknowledgements become one."""
        self._acked_events = max(self._acked_events, seq)
        if not self._acking and self._group is not None:
            self._acknowledge_events(self._acked_events)

    def acknowledge_outcome(self, command_id: str, number: int, done: Callable[[], None]) -> None:
        """Tell the journal that the server has an outcome; `done` is called when it knows, or cannot."""
        if self._group is None:
            return

        def written(future: asyncio.Future[None]) -> None:
            _log_unwritten(future, "outcome ack")
            done()

        self._core.acknowledge_outcome(command_id, number).add_done_callback(written)

    def _spawn(self, work: Work, name: str) -> asyncio.Task[None] | None:
        """Begin a task; None while the program ends: the server tells it again to the next one."""
        if self._group is None:
            return None
        return self._group.create_task(self._guarded(work, name), name=name)

    async def _guarded(self, work: Work, name: str) -> None:
        """One frame that cannot be handled must not end the guarding of open positions."""
        try:
            await work()
        except JournalUnavailable as error:
            log.error("journal unavailable", work=name, problem=str(error))
        except Exception:
            log.exception("handling a frame failed", work=name)

    async def _command(self, delivery: bridge_pb2.CommandDelivery, age_seconds: float, send: Send) -> None:
        now = self._clock.seconds()
        try:
            command = incoming.command(delivery, age_seconds=age_seconds, now=now)
        except Malformed as error:
            log.error("command not understood", command_id=delivery.command_id, problem=str(error))
            if delivery.command_id:
                send(_rejected(delivery.command_id, "MALFORMED", f"the bridge cannot do that: {error}"))
            return
        try:
            await self._core.deliver(command)
        except JournalUnavailable as error:
            # Nothing of it is on the disk and nothing of it will run: that is an end, and it can be told.
            log.error("command not taken", command_id=command.command_id, problem=str(error))
            send(
                _rejected(
                    command.command_id,
                    "JOURNAL_UNAVAILABLE",
                    f"the bridge's disk takes no orders: {error}",
                )
            )

    async def _cancel(self, command_id: str) -> None:
        delivering = self._delivering.get(command_id)
        if delivering is not None:
            # It may not overtake the command that it takes back.
            await asyncio.wait((delivering,))
        await self._core.cancel(command_id)

    async def _resolve(self, resolution: bridge_pb2.CommandResolution) -> None:
        await self._core.resolve(resolution.command_id, resolution.executed, resolution.reason)

    async def _sync(self, request: bridge_pb2.SyncRequest, send: Send) -> None:
        trigger = words.sync_trigger_of(request.trigger)
        report = await self._core.sync(trigger, request.sync_id, request.dry_run)
        if report.dry_run or not report.succeeded:
            send(bridge_service_pb2.ConnectRequest(sync_report=events.sync_report(report)))

    async def _check(self, request: bridge_pb2.CheckRequest, send: Send) -> None:
        try:
            action = incoming.open_action(request.open)
        except Malformed as error:
            result = bridge_pb2.CheckResult(check_id=request.check_id, problems=[str(error)])
        else:
            result = outgoing.check_result(request.check_id, await self._core.check(action))
        send(bridge_service_pb2.ConnectRequest(check_result=result))

    def _acknowledge_events(self, seq: int) -> None:
        self._acking = True

        def written(future: asyncio.Future[None]) -> None:
            self._acking = False
            if _log_unwritten(future, "event ack") and seq < self._acked_events and self._group is not None:
                self._acknowledge_events(self._acked_events)

        self._core.acknowledge_events(seq).add_done_callback(written)


def _log_unwritten(future: asyncio.Future[None], work: str) -> bool:
    """Log why an acknowledgement is not in the journal; return whether it is. The server repeats it."""
    if future.cancelled():
        return False
    error = future.exception()
    if error is not None:
        log.error("journal unavailable", work=work, problem=str(error))
    return error is None


def _rejected(command_id: str, reason: str, message: str) -> bridge_service_pb2.ConnectRequest:
    return bridge_service_pb2.ConnectRequest(outcome=outgoing.rejection(command_id, reason, message))
