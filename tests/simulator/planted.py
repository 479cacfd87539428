"""Bugs that are planted at run time, each a mistake that somebody could make: the simulator has to find them.

A bug is a patch of one function of the programs. `plant` undoes it at the end of its block.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from signalos_bridge import admission, controller, executor, guarding, stop, store, watcher
from signalos_bridge.convert import incoming
from signalos_bridge.domain import answers, control, link_timing, outcomes, resolution, session
from signalos_bridge.domain.command import LegEvent
from signalos_bridge.domain.difference import positions
from signalos_bridge.domain.guard import GuardEvent
from signalos_bridge.domain.values import LegState, Refusal
from signalos_server.domain import bridge_session
from signalos_server.domain import command as server_command
from signalos_server.domain import control as documents
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.domain.frames import BridgeEvent, OutcomeTold
from signalos_server.domain.words import CommandState as Ended
from signalos_server.service import bridge_facts, commands, hub
from tests.simulator.records import SimCommands

Patch = tuple[Any, str, Any]

BUGS: dict[str, Bug] = {}


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug: its name, the mistake in words, and its patches."""

    name: str
    words: str
    patches: Callable[[], list[Patch]]


def _bug(words: str) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    def keep(patches: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        name = patches.__name__.replace("_", "-")
        BUGS[name] = Bug(name, words, patches)
        return patches

    return keep


@contextlib.contextmanager
def plant(name: str) -> Iterator[None]:
    """Have a bug for the block; an empty name plants none."""
    patches = BUGS[name].patches() if name else []
    before = [(owner, attribute, getattr(owner, attribute)) for owner, attribute, _ in patches]
    for owner, attribute, value in patches:
        setattr(owner, attribute, value)
    try:
        yield
    finally:
        for owner, attribute, value in before:
            setattr(owner, attribute, value)


# -- stops, fence, lease, pause ------------------------------------------------------------------------


@_bug("the fence of the stop generation is not looked at")
def generation_fence_ignored() -> list[Patch]:
    real = control.Control.refusal

    def refusal(self: Any, now: float, stop_generation: int, automated: bool, origin: Any) -> Any:
        return real(self, now, 2**62, automated, origin)

    def fate(command: Any, *, now: Any, stop_generation: int, stopped: bool) -> Any:
        return server_fate(command, now=now, stop_generation=0, stopped=stopped)

    server_fate = server_command.fate_of_unseen
    return [(control.Control, "refusal", refusal), (server_command, "fate_of_unseen", fate)]


@_bug("stops that are in memory only are not carried into the session that follows")
def stops_not_carried() -> list[Patch]:
    return [
        (bridge_session.BridgeSession, "take_stopping", lambda self: ()),
        (hub.Hub, "on_installed", lambda self, listener: None),
    ]


@_bug("the latch on the disk is not read at the start")
def latch_not_read() -> list[Patch]:
    return [(controller.Controller, "_look", lambda self: None)]


@_bug("a stop counts as latched before it is on the disk")
def latched_in_memory_only() -> list[Patch]:
    async def write(self: Any, stop_: Any, stop_generation: int) -> None:
        self._change(stop_.stop_id, latched_at=self._clock.seconds(), disk_problem="")

    return [(stop.StopRunner, "_write", write)]


@_bug("a re-arm clears every stop that is held, not only those it names")
def rearm_clears_all() -> list[Patch]:
    def judge(self: Any, stop_ids: Any, flattening: Any) -> Any:
        return control.Rearm(tuple(dict.fromkeys((*stop_ids, *self._held))))

    return [(control.Control, "judge_rearm", judge)]


@_bug("the hello does not tell of the stops that the bridge holds")
def hello_without_stops() -> list[Patch]:
    return [(controller.Controller, "held", property(lambda self: ()))]


@_bug("a cleared stop comes back when its frame is repeated")
def cleared_stop_comes_back() -> list[Patch]:
    def held(self: Any, stop_: Any, stop_generation: int = 0) -> bool:
        self._stop_generation = max(self._stop_generation, stop_generation)
        if stop_.stop_id in self._held:
            return False
        self._held[stop_.stop_id] = stop_
        return True

    return [(control.Control, "stop", held)]


@_bug("stops fence what closes as well")
def closes_are_fenced() -> list[Patch]:
    real = admission.Admission.refusal

    def refusal(self: Any, running: Any, order: Any) -> Any:
        found = real(self, running, order)
        if found is None and self._gate.latched:
            return Refusal("FENCED", "trading is stopped")
        return found

    return [(admission.Admission, "refusal", refusal)]


@_bug("a lease is counted from when its grant arrives")
def lease_from_arrival() -> list[Patch]:
    real = link_timing.Pulse.sent_at

    def sent_at(self: Any, number: int) -> float | None:
        return None if real(self, number) is None else self._heard_at

    return [(link_timing.Pulse, "sent_at", sent_at)]


@_bug("the end of the lease is not looked at")
def lease_never_ends() -> list[Patch]:
    def lease_held(self: Any, epoch: int, until: float) -> None:
        self._lease_until = self._lapse_at = float("inf")

    def opened(self: Any, epoch: int) -> None:
        self._epoch, self._connected, self._confirmed = epoch, True, True

    return [
        (control.Control, "lease_held", lease_held),
        (control.Control, "control_opened", opened),
        (control.Control, "control_lost", lambda self, epoch: None),
    ]


@_bug("a pause does not hold programs back at the bridge")
def pause_ignored() -> list[Patch]:
    real = control.Control.refusal

    def refusal(self: Any, now: float, stop_generation: int, automated: bool, origin: Any) -> Any:
        return real(self, now, stop_generation, False, origin)

    return [(control.Control, "refusal", refusal)]


# -- journal and attempts ------------------------------------------------------------------------------


@_bug("the journal says that it is written before it is synced")
def told_before_synced() -> list[Patch]:
    async def commit(self: Any, batch: Any) -> None:
        if batch.statements:
            self.journal.write(batch.statements).add_done_callback(lambda done: done.exception())
        store._carry_out(batch)

    return [(store.Store, "commit", commit)]


@_bug("the intent of a call is not written before it")
def call_before_intent() -> list[Patch]:
    async def prepare(self: Any, running: Any, index: int) -> Any:
        leg = running.leg(index)
        refusal = await self._admission.settled_refusal(running, leg.order)
        if refusal is None:
            running.put(self._intent(leg))
        return refusal

    return [
        (executor.Executor, "_prepare", prepare),
        (executor.Executor, "_begin_at_once", _begin_later(executor.Executor._begin_at_once)),
    ]


def _begin_later(real: Any) -> Any:
    def begin(self: Any, running: Any, batch: Any, plan: Any) -> None:
        if plan is not None:
            running.record = replace(running.record, legs=plan.expansion.legs, note=plan.expansion.note)
        self._store.put_command(batch, running.record)

    return begin


@_bug("what was called before a restart is called again after it")
def called_again_after_restart() -> list[Patch]:
    real = executor.Executor.resume

    async def resume(self: Any) -> None:
        for record in self._store.open_commands():
            legs = tuple(
                replace(leg, state=LegState.PLANNED) if leg.state is LegState.CALLING else leg
                for leg in record.legs or ()
            )
            if record.legs is not None:
                self._store.commands[record.command.command_id] = replace(record, legs=legs)
        await real(self)

    return [(executor.Executor, "resume", resume)]


@_bug("a command that comes twice is run twice")
def repeats_are_run() -> list[Patch]:
    real = executor.Executor.deliver

    async def deliver(self: Any, command: Any, plan: Any = None) -> Any:
        known = self._store.commands.pop(command.command_id, None)
        if known is not None and command.origin.is_bridge:
            self._store.commands[command.command_id] = known
        return await real(self, command, plan)

    return [(executor.Executor, "deliver", deliver)]


@_bug("a time-out of the broker counts as a refusal, and is tried again")
def timeout_is_tried_again() -> list[Patch]:
    real = outcomes.classify
    from tests.simulator import terminal

    def classify(operation: Any, asked_lots: Any, answer: Any) -> Any:
        if answer.retcode in (10011, 10012):
            return outcomes.NotDone("TIMEOUT", "timed out", outcomes.Retry.NEW_QUOTE, answer.retcode)
        return real(operation, asked_lots, answer)

    return [(terminal, "classify", classify)]


@_bug("no answer of the terminal counts as not done")
def none_is_a_refusal() -> list[Patch]:
    from tests.simulator import terminal

    real = outcomes.classify

    def classify(operation: Any, asked_lots: Any, answer: Any) -> Any:
        if answer.retcode is None:
            return outcomes.NotDone("NO_RESULT", "no result", outcomes.Retry.NEVER)
        return real(operation, asked_lots, answer)

    return [(terminal, "classify", classify)]


@_bug("a terminal that was lost in a call is taken not to have made it")
def lost_call_is_not_done() -> list[Patch]:
    from tests.simulator import terminal

    def lost(why: str) -> Any:
        return outcomes.NotDone("TERMINAL_LOST", why, outcomes.Retry.NEVER)

    return [(terminal, "lost_in_call", lost)]


@_bug("the first look that shows nothing is believed")
def silence_believed_at_once() -> list[Patch]:
    return [(resolution.Patience, "over", lambda self, now: True)]


@_bug("a part that was filled is told as all of it")
def part_told_as_whole() -> list[Patch]:
    real = answers._read

    def read(leg: Any, outcome: Any, answer: Any) -> Any:
        if isinstance(outcome, outcomes.PartlyExecuted):
            return replace(leg.apply(LegEvent.FILLED), filled_volume_lots=leg.asked_volume_lots)
        return real(leg, outcome, answer)

    return [(answers, "_read", read)]


@_bug("the bridge does not keep to the time to live")
def time_to_live_not_kept() -> list[Patch]:
    real = incoming.command

    def command(delivery: Any, *, age_seconds: float, now: float) -> Any:
        return replace(real(delivery, age_seconds=age_seconds, now=now), deadline=now + 60.0)

    return [(incoming, "command", command)]


@_bug("the time that a frame was under way is not counted")
def age_of_frames_ignored() -> list[Patch]:
    return [(link_timing.FrameAges, "observe", lambda self, sent, now, asked_at=None: 0.0)]


@_bug("an open that is marked as taken back at the server alone may run at the bridge")
def server_takes_back_what_it_offered() -> list[Patch]:
    async def cancel(self: Any, caller: Any, command_id: str, seconds: float) -> Any:
        def unit(records: Any) -> Any:
            command = commands._traded(records, caller, command_id)
            if command.is_final:
                return command
            ended = replace(command, state=Ended.CANCELLED, end_time=self._clocks.moment().wall)
            bridge_facts.save_changed(records, ended)
            return ended

        return await self._storage.run(unit)

    return [(commands.CommandUseCases, "cancel", cancel)]


# -- what is told --------------------------------------------------------------------------------------


@_bug("an outcome is acknowledged before it is committed")
def outcome_acknowledged_early() -> list[Patch]:
    real = hub.LiveSession._record

    def record(self: Any, told: Any) -> None:
        real(self, told)
        if isinstance(getattr(told, "item", None), OutcomeTold):
            self.perform(self.machine.outcome_committed(told.item.outcome))

    return [(hub.LiveSession, "_record", record)]


@_bug("events are acknowledged before they are committed")
def events_acknowledged_early() -> list[Patch]:
    real = hub.LiveSession._record

    def record(self: Any, told: Any) -> None:
        real(self, told)
        if isinstance(getattr(told, "item", None), BridgeEvent):
            self.perform(self.machine.events_committed(told.item.seq))

    return [(hub.LiveSession, "_record", record)]


@_bug("after a reconnect only new events are sent")
def events_not_sent_again() -> list[Patch]:
    real = session.ConnectSession._greeted

    def greeted(self: Any, frame: Any, now: float) -> Any:
        acts = real(self, frame, now)
        if self.live:
            self._sent_seq = self._next_event_seq - 1
        return acts

    def tick(self: Any, now: float) -> Any:
        self._progress_at = now
        return ticked(self, now)

    ticked = session.ConnectSession.tick
    return [(session.ConnectSession, "_greeted", greeted), (session.ConnectSession, "tick", tick)]


@_bug("outcomes are told once, and not again")
def outcomes_told_once() -> list[Patch]:
    def unacknowledged(self: Any) -> list[Any]:
        taken, self._store.unacknowledged = list(self._store.unacknowledged.values()), {}
        return taken

    from signalos_bridge.core import Core

    return [(Core, "unacknowledged_outcomes", unacknowledged)]


@_bug("a session that was superseded still writes")
def epoch_not_checked() -> list[Patch]:
    from tests.simulator.records import SimBridges

    return [(SimBridges, "if_owner", lambda self, bridge_id, epoch: self._tables.bridges.get(bridge_id))]


@_bug("a commit that failed is taken for done")
def failed_commit_taken_for_done() -> list[Patch]:
    async def with_retry(self: Any, unit: Any) -> Any:
        try:
            return await self._hub.storage.run(unit)
        except (StorageUnavailable, CommitUnknown):
            return []
        except bridge_facts.Fenced:
            return None

    return [(hub.LiveSession, "_with_retry", with_retry)]


@_bug("a caller's key is not looked at: a repeated call is a new command")
def keys_not_looked_at() -> list[Patch]:
    return [(SimCommands, "claim", lambda self, request, now: None)]


@_bug("what a bridge holds is not adopted by the server")
def held_stops_not_adopted() -> list[Patch]:
    return [(documents, "adopt_held", lambda document, held, stop_generation: document)]


@_bug("a command that the bridge never saw is given up in silence")
def unseen_commands_forgotten() -> list[Patch]:
    real = bridge_facts._standing

    def standing(records: Any, scene: Any, told: Any, at: Any) -> Any:
        return [] if told.state is None else real(records, scene, told, at)

    return [(bridge_facts, "_standing", standing)]


# -- the record of positions ---------------------------------------------------------------------------


@_bug("a sync overwrites what came while it wrote")
def sync_overwrites_news() -> list[Patch]:
    return [(watcher.Watcher, "expect", lambda self: None)]


@_bug("a deal that is shown late is waited for for ever")
def late_deal_never_told() -> list[Patch]:
    def closed(position: Any, deals: Any, sight: Any) -> bool:
        return bool(deals) and positions._volume_after(position, deals) <= 0

    return [(positions, "_closed_already", closed)]


@_bug("deals that a sync could not tell yet are forgotten")
def waiting_deals_forgotten() -> list[Patch]:
    real = watcher.Watcher.begin

    def begin(self: Any, positions: Any, orders: Any, deals: Any, read_at: float) -> None:
        real(self, positions, orders, (), read_at)

    return [(watcher.Watcher, "begin", begin)]


@_bug("a virtual stop whose close was interrupted is not taken up again")
def guard_not_resumed() -> list[Patch]:
    async def close(self: Any, known: Any, found: Any, blind: bool) -> None:
        await self._note(
            known.identifier,
            (GuardEvent.CROSSED, GuardEvent.CALLED),
            "crossed",
            "",
            known.guard_step + 1,
        )

    return [(guarding.Guard, "resume", lambda self: None), (guarding.Guard, "_close", close)]
