"""Control at the bridge: the judge, its latch on the disk, the stops it runs, and its words to the server.

It is the core's `Gate`. Frames of the control stream come in as they arrive; a stop takes effect within the
call that brings it, everything else waits its turn.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import structlog

from signalos.v1 import bridge_pb2, bridge_service_pb2
from signalos_bridge import kept, kept_heads
from signalos_bridge.clock import Clock
from signalos_bridge.convert import incoming, outgoing
from signalos_bridge.convert.numbers import Malformed
from signalos_bridge.domain.audit_heads import AuditHead, KeptHeads
from signalos_bridge.domain.audit_heads import keep as keep_heads
from signalos_bridge.domain.control import Control, HeldStop, Kept
from signalos_bridge.domain.values import (
    CommandOrigin,
    LapsePolicy,
    Limits,
    Policies,
    Refusal,
    StealthSettings,
)
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.latch import Latch, LatchMissing, LatchUnavailable
from signalos_bridge.stop import Hands, StopRunner

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.1
_WAITING_WORD_SECONDS = 1.0
_LAPSE_RETRY_SECONDS = 2.0
_RELEASE_RETRY_SECONDS = 2.0
_APPLY_RETRY_SECONDS = 2.0


class Body(Hands, Protocol):
    """What control asks of the core."""

    async def apply_policies(self, policies: Policies) -> list[str]:
        """Keep to policies; return what could not be kept to."""
        ...

    async def lapse(self, policy: LapsePolicy) -> str:
        """Do what the policy wants now that the lease has lapsed; return what was done."""
        ...

    async def release_stops(self, stop_ids: Sequence[str]) -> None:
        """Forget stops that a re-arm has cleared, known or not. Raises `JournalUnavailable`."""
        ...


class Controller:
    """All of control of one bridge. Its methods belong to one event loop; none of the plain ones waits."""

    def __init__(
        self,
        data_dir: Path,
        clock: Clock,
        *,
        lease_seconds: float,
        busy_seconds: Callable[[], float | None],
        on_outgoing: Callable[[], None],
    ) -> None:
        """Build without I/O. `on_outgoing` is called when something waits to be sent."""
        self._data_dir = data_dir
        self._clock = clock
        self._busy_seconds = busy_seconds
        self._on_outgoing = on_outgoing
        self._latch = Latch(data_dir)
        self._control = Control(now=clock.seconds(), lease_seconds=lease_seconds)
        self._runner = StopRunner(self._latch, clock, busy_seconds=busy_seconds, on_change=on_outgoing)
        self._body: Body | None = None
        self._body_given = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._work: asyncio.Queue[tuple[int, int, object]] = asyncio.Queue()
        self._answers: list[bridge_service_pb2.ControlRequest] = []
        self._alerts: list[bridge_pb2.BridgeAlert] = []
        self._limits = Limits()
        self._stealth_settings = StealthSettings()
        self._heads = KeptHeads()
        # The desired state that came last: an older one that failed is not tried again.
        self._newest: bridge_pb2.DesiredState | None = None
        # The one of which the server was told that it is not kept to.
        self._told: bridge_pb2.DesiredState | None = None
        # Incarnation and epoch of the last welcome.
        self.last_epoch: tuple[int, int] = (0, 0)
        # Of the threads that write it: each writes what is true when its turn has come.
        self._keeping = threading.Lock()

    # -- life ------------------------------------------------------------------------------------------

    def load(self, *, first_start: bool) -> None:
        """Read what is on the disk. `first_start`: there was never a latch here, so that none is missing."""
        if first_start and not self._latch.exists:
            self._latch.create()
        self._look()
        try:
            found = kept.load(self._data_dir)
        except kept.KeptDamaged as error:
            # Not known to be resumed is not resumed.
            self._control.restore(paused_for_safety(self._control.kept))
            self._alerts.append(
                outgoing.critical(
                    "CONTROL_FILE_DAMAGED",
                    f"what was kept of the desired state cannot be read: {error}",
                    "opens from signals and tokens are paused until the server says what is wanted",
                    "nothing to do: the next connection to the server restores it",
                )
            )
        else:
            if found is not None:
                self._control.restore(found[0])
                self.last_epoch = found[1]
        try:
            self._heads = kept_heads.load(self._data_dir)
        except kept_heads.HeadsDamaged as error:
            log.error("how the audit was is not known here any more", problem=str(error))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for stop in self._control.held:
                self._runner.begin(group, stop, 0, on_disk=True)
            group.create_task(self._watch(), name="latch watch")
            group.create_task(self._serve(), name="control work")
            # What was cleared just before the last end may not have reached the journal.
            self._release_soon(self._control.cleared)
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    def give_body(self, body: Body) -> None:
        """Say who carries stops, policies and lapses out."""
        self._body = body
        self._body_given.set()
        self._runner.give_hands(body)

    # -- the gate --------------------------------------------------------------------------------------

    @property
    def latched(self) -> bool:
        """Return whether any stop is held, after a look at the disk."""
        self._look()
        return self._control.stopped

    @property
    def lapsed(self) -> bool:
        """Return whether the trading lease has lapsed, and none was held since."""
        return self._control.lapse_at() is None

    def refusal(self, stop_generation: int, automated: bool, origin: CommandOrigin) -> Refusal | None:
        """Return why exposure may not be increased now, after a look at the disk; None: it may."""
        self._look()
        return self._control.refusal(self._clock.seconds(), stop_generation, automated, origin)

    # -- what the hello says ---------------------------------------------------------------------------

    @property
    def held(self) -> tuple[HeldStop, ...]:
        """Return the stops in force."""
        self._look()
        return self._control.held

    @property
    def stop_generation(self) -> int:
        """Return the highest stop generation seen."""
        return self._control.stop_generation

    @property
    def revision(self) -> int:
        """Return the revision of the desired state that is kept to."""
        return self._control.kept.revision

    @property
    def audit_heads(self) -> KeptHeads:
        """Return what is kept of the server's audit."""
        return self._heads

    def lease_left(self) -> float | None:
        """Return the seconds left of the lease; None: there is none."""
        return self._control.lease_left(self._clock.seconds())

    # -- the stream ------------------------------------------------------------------------------------

    def opened(self, epoch: int) -> None:
        """Say that a control stream lives and its hello is sent."""
        self._control.control_opened(epoch)
        self._runner.mark_all()

    def superseded(self) -> None:
        """Say that a newer bridge has the account: a lapse here is no reason to touch its orders."""
        self._control.superseded()

    def lost(self, epoch: int) -> None:
        """Say that the control stream of an epoch is over. Answers that it did not take are forgotten: the
        server asks again."""
        self._control.control_lost(epoch)
        self._answers.clear()
        self._newest = None

    def lease_held(self, epoch: int, until: float) -> None:
        """Take a lease."""
        self._control.lease_held(epoch, until)

    def receive(self, payload: object, epoch: int, incarnation: int) -> None:
        """Take a frame of the control stream. A stop is in force when this returns."""
        if isinstance(payload, bridge_pb2.StopOrder):
            stop = HeldStop(
                payload.stop_id,
                payload.close_positions,
                payload.reason,
                False,
                self._clock.wall_msc(),
            )
            self.stop(stop, payload.stop_generation)
            return
        if isinstance(payload, bridge_pb2.DesiredState):
            self._newest = payload
            for message in payload.stops:
                self.stop(incoming.held_stop(message), payload.stop_generation)
        self._work.put_nowait((epoch, incarnation, payload))

    def take_answers(self) -> list[bridge_service_pb2.ControlRequest]:
        """Return the frames that wait to be sent, the stages of stops as of now among them."""
        now = self._clock.seconds()
        answers = [
            bridge_service_pb2.ControlRequest(stop_stage=outgoing.stop_stage(stage, now))
            for stage in self._runner.take_stages()
        ]
        answers += self._answers
        self._answers.clear()
        return answers

    def take_alerts(self) -> list[bridge_pb2.BridgeAlert]:
        """Return alerts since the last call."""
        alerts, self._alerts = self._alerts, []
        return alerts

    async def keep_epoch(self) -> bool:
        """Put the last welcome's epoch on the disk; return whether it is there.

        Before the welcome is answered: what is offered after that was offered to a bridge that knows of it.
        """
        return not await self._keep()

    # -- stops -----------------------------------------------------------------------------------------

    def stop(self, stop: HeldStop, stop_generation: int, *, on_disk: bool = False) -> bool:
        """Hold a stop from this very moment; return whether it is new."""
        if not stop.stop_id:
            raise Malformed("a stop without an id")
        new = self._control.stop(stop, stop_generation)
        if new:
            log.warning("stopped", stop_id=stop.stop_id, reason=stop.reason, local=stop.local)
            if self._group is not None:
                self._runner.begin(self._group, stop, stop_generation, on_disk=on_disk)
        else:
            self._runner.mark_all()
        return new

    def poked(self, stop_id: str) -> list[str]:
        """Look at the disk because somebody says so; return the ids held."""
        self._look()
        held = [stop.stop_id for stop in self._control.held]
        log.info("poked", stop_id=stop_id, held=len(held))
        return held

    def _look(self) -> None:
        """Read the latch if it differs from what was last read."""
        if not self._latch.changed():
            return
        try:
            found = self._latch.read()
        except LatchMissing as missing:
            self._control.latch_unreadable(str(missing))
            self._rebuild()
            return
        except LatchUnavailable as error:
            if self._control.doubt != str(error):
                log.error("latch unreadable: counts as stopped", problem=str(error))
            self._control.latch_unreadable(str(error))
            return
        # Own writes are read again here; their stops are known already.
        new = self._control.latch_read(found.held, found.cleared, found.stop_generation)
        for stop in found.held:
            if stop.stop_id in new:
                log.warning("stop found on the disk", stop_id=stop.stop_id, reason=stop.reason)
                if self._group is not None:
                    self._runner.begin(self._group, stop, 0, on_disk=True)

    def _rebuild(self) -> None:
        log.error("the latch file is missing: counts as stopped")
        try:
            self._latch.rebuild(self._control.held, self._control.stop_generation)
        except LatchUnavailable as error:
            log.error("latch cannot be written", problem=str(error))
        else:
            self._look()

    async def _watch(self) -> None:
        """See stops that others put on the disk, lapses of the lease, and terminals that stay busy."""
        said_at = self._clock.seconds()
        lapse: asyncio.Task[None] | None = None
        while True:
            self._look()
            now = self._clock.seconds()
            if (policy := self._control.lapsed(now)) is not None:
                assert self._group is not None
                lapse = self._group.create_task(self._lapse(policy), name="lapse")
            elif lapse is not None and not self.lapsed:
                # What a lapse was to prevent is allowed again.
                lapse.cancel()
                lapse = None
            if now - said_at >= _WAITING_WORD_SECONDS:
                said_at = now
                self._runner.mark_waiting()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _lapse(self, policy: LapsePolicy) -> None:
        log.warning("trading lease lapsed", policy=policy.value)
        # Said before it is done, since a closed market may keep it from an end for days.
        self._say_lapsed(f"the trading lease lapsed; the policy is {policy.value}")
        while self.lapsed:
            if self._body is not None:
                try:
                    done = await self._body.lapse(policy)
                except Exception:
                    log.exception("acting on a lapsed lease failed")
                else:
                    log.warning("acted on the lapsed lease", policy=policy.value, done=done)
                    self._say_lapsed(f"the trading lease lapsed; {policy.value}: {done}")
                    return
            await asyncio.sleep(_LAPSE_RETRY_SECONDS)

    def _say_lapsed(self, words: str) -> None:
        self._alerts.append(
            outgoing.critical(
                "LEASE_LAPSED",
                words,
                "nothing was opened since; levels stayed guarded",
                "look at the link between bridge and server",
            )
        )

    # -- what waits its turn ---------------------------------------------------------------------------

    async def _serve(self) -> None:
        while True:
            epoch, incarnation, payload = await self._work.get()
            if isinstance(payload, bridge_pb2.DesiredState):
                await self._desired(payload, epoch, incarnation)
            elif isinstance(payload, bridge_pb2.RearmOrder):
                await self._rearm(payload)
            elif isinstance(payload, bridge_pb2.DrillOrder):
                await self._drill(payload)
            else:
                assert isinstance(payload, tuple)
                await self._keep_heads(payload)

    async def _desired(self, message: bridge_pb2.DesiredState, epoch: int, incarnation: int) -> None:
        problem, disk = "", ""
        held_revision = self._control.kept.revision
        try:
            desired = incoming.desired(message)
            problem = self._control.judge_desired(desired, incarnation)
            if not problem:
                try:
                    problem = await self._apply(desired.policies)
                except JournalUnavailable as error:
                    disk = str(error)
                self._control.desired(desired, incarnation)
                self._limits = desired.policies.limits
                self._stealth_settings = desired.policies.stealth_settings
                self._control.confirm(epoch)
                disk = disk or await self._keep()
        except Malformed as error:
            problem = f"not understood: {error}"
        told, self._told = self._told, None
        if problem := problem or disk:
            log.error("desired state not kept to", revision=message.revision, problem=problem)
            self._told = message
            self._try_again(message, epoch, incarnation)
            if told is message:
                # Said before; what would be news is that it is kept to now.
                return
            self._answer(
                nack=bridge_pb2.Nack(revision=message.revision, held_revision=held_revision, problem=problem)
            )
        else:
            log.info("desired state applied", revision=message.revision)
            self._answer(
                applied=bridge_pb2.Applied(
                    revision=message.revision,
                    setting=outgoing.setting(self._control, self._limits, self._stealth_settings),
                )
            )

    def _try_again(self, message: bridge_pb2.DesiredState, epoch: int, incarnation: int) -> None:
        """Try again what could not be kept to: the server says it once in a session.

        Meanwhile the disk is freed, the market comes back, or the trade that stood in the way closes.
        """

        def again() -> None:
            if self._newest is message:
                self._work.put_nowait((epoch, incarnation, message))

        asyncio.get_running_loop().call_later(_APPLY_RETRY_SECONDS, again)

    async def _apply(self, policies: Policies) -> str:
        """Keep to policies; return what could not be kept to. Raises `JournalUnavailable`."""
        await self._body_given.wait()
        assert self._body is not None
        try:
            problems: Sequence[str] = await self._body.apply_policies(policies)
        except JournalUnavailable:
            raise
        except Exception as error:
            log.exception("applying policies failed")
            return f"policies could not be applied: {error}"
        return "; ".join(problems)

    async def _keep_heads(self, told: tuple[AuditHead, ...]) -> None:
        """Remember how the audit is, and say so where it is not what it was."""
        kept_now, contradicted = keep_heads(self._heads, told)
        if kept_now == self._heads:
            return
        try:
            await asyncio.to_thread(kept_heads.store, self._data_dir, kept_now)
        except OSError as error:
            log.error("the audit's heads are not on the disk", problem=str(error))
        self._heads = kept_now
        for head in contradicted:
            log.error("the audit was cut or written anew", chain=head.chain, number=head.number)
            self._alerts.append(
                outgoing.critical(
                    "AUDIT_CONTRADICTED",
                    f"the server's audit was cut or written anew: entry {head.number} of {head.chain} was "
                    f"{head.hash[:16]}… once",
                    "somebody changed the database, or it was restored from an older backup",
                    f"the old head is kept at the bridge in {kept_heads.HEADS_FILE}; compare with a backup",
                )
            )

    async def _keep(self) -> str:
        def store() -> None:
            with self._keeping:
                kept.store(self._data_dir, self._control.kept, self.last_epoch)

        try:
            await asyncio.to_thread(store)
        except OSError as error:
            log.error("desired state not on the disk", problem=str(error))
            return f"it could not be written to the disk: {error.strerror or error}"
        return ""

    async def _rearm(self, order: bridge_pb2.RearmOrder) -> None:
        verdict = self._control.judge_rearm(tuple(order.stop_ids), self._runner.flattening())
        problem = verdict.problem
        if not problem:
            generation = max(order.stop_generation, self._control.stop_generation)
            try:
                await asyncio.to_thread(self._latch.clear, verdict.clear, generation)
            except LatchUnavailable as error:
                problem = str(error)
            else:
                self._control.rearmed(verdict.clear, generation)
                for stop_id in verdict.clear:
                    self._runner.end(stop_id)
                self._release_soon(verdict.clear)
                log.warning("re-armed", stop_ids=list(order.stop_ids), still_held=len(self._control.held))
        self._answer(
            rearm_result=bridge_pb2.RearmResult(
                rearm_id=order.rearm_id,
                held_stops=[outgoing.held_stop(stop) for stop in self._control.held],
                problem=problem,
            )
        )

    def _release_soon(self, stop_ids: Sequence[str]) -> None:
        """Let the body forget cleared stops: positions that appear later are not theirs to close."""
        if stop_ids and self._group is not None:
            self._group.create_task(self._release(stop_ids), name="release stops")

    async def _release(self, stop_ids: Sequence[str]) -> None:
        await self._body_given.wait()
        assert self._body is not None
        while True:
            try:
                await self._body.release_stops(stop_ids)
            except JournalUnavailable as error:
                log.error("stops that were led out of are not forgotten yet", problem=str(error))
                await asyncio.sleep(_RELEASE_RETRY_SECONDS)
            else:
                return

    async def _drill(self, order: bridge_pb2.DrillOrder) -> None:
        busy = self._busy_seconds() is not None
        try:
            await asyncio.to_thread(self._latch.drill)
        except LatchUnavailable as error:
            # No word is the truth: a stop would not be on the disk now.
            log.error("drill failed", problem=str(error))
            return
        self._answer(drill_latched=bridge_pb2.DrillLatched(drill_id=order.drill_id, terminal_busy=busy))

    def _answer(
        self,
        *,
        applied: bridge_pb2.Applied | None = None,
        nack: bridge_pb2.Nack | None = None,
        rearm_result: bridge_pb2.RearmResult | None = None,
        drill_latched: bridge_pb2.DrillLatched | None = None,
    ) -> None:
        if self._control.connected:
            self._answers.append(
                bridge_service_pb2.ControlRequest(
                    applied=applied, nack=nack, rearm_result=rearm_result, drill_latched=drill_latched
                )
            )
            self._on_outgoing()


def paused_for_safety(known: Kept) -> Kept:
    """Return what counts while nobody knows whether trading was paused."""
    return Kept(known.incarnation, known.revision, True, known.lapse_policy, known.stealth)
