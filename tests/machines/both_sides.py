"""One bridge and one server around their real session machines, with a database and a disk that outlive them.

What is not a machine is done here in its simplest right form: a commit, a journal, a socket. Frames of one
stream keep their order, because TCP does; a connection may break with any of them on its way, each side
learns of it when it happens to, and what was said is said again in the next session.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from signalos_bridge.domain import session as theirs
from signalos_bridge.domain.control import Control, Desired, HeldStop
from signalos_bridge.domain.values import CommandOrigin, LapsePolicy, Limits, Policies
from signalos_server.domain import bridge_session as ours
from signalos_server.domain import control as documents
from signalos_server.domain import frames
from signalos_server.domain.bridge_session import BridgeSession, Stream
from signalos_server.domain.command import Outcome
from signalos_server.domain.lease import OwnerReading
from signalos_server.domain.records import Deal
from signalos_server.domain.stop import Stage
from signalos_server.domain.words import CloseCause, CommandState, DealEntry
from signalos_server.domain.words import CommandOrigin as Origin
from signalos_server.domain.words import LapsePolicy as ServerLapsePolicy

HEARTBEAT, DEAD_AFTER, LEASE, CREDIT = 5.0, 12.0, 30.0, 4
_ZERO = Decimal(0)
_FACT = frames.DealSeen(
    Deal(1, 0, 0, "", "BALANCE", DealEntry.UNSPECIFIED, CloseCause.UNSPECIFIED, *([_ZERO] * 6))  # type: ignore[arg-type]
)


@dataclass
class Pipe:
    """One connection: frames on their way, and who has yet to learn that it broke."""

    to_server: deque[Any] = field(default_factory=deque)
    to_bridge: deque[Any] = field(default_factory=deque)
    broken: bool = False
    server_knows: bool = False
    session: BridgeSession | None = None


@dataclass(frozen=True)
class Row:
    """A command in the database."""

    state: CommandState
    opens: bool
    generation: int
    offered: bool


class BothSides:
    """Time is `now`, the same instant on both clocks."""

    def __init__(self) -> None:
        self.now = 100.0
        # The database.
        self.document = documents.ControlDocument("acc_1")
        self.rows: dict[str, Row] = {}
        self.facts: list[str] = []
        self.epoch = 0
        # The server's memory.
        self.session: BridgeSession | None = None
        self.told: deque[tuple[BridgeSession, Any]] = deque()
        self.unrecorded_stops: list[str] = []
        # The bridge's disk.
        self.events: list[str] = []
        self.journal: dict[str, Outcome | None] = {}
        self.unacknowledged: dict[str, Outcome] = {}
        self.waiting: list[frames.Delivery] = []
        self.disk_held: dict[str, HeldStop] = {}
        self.disk_cleared: set[str] = set()
        self.disk_generation = 0
        self.last_epoch = (0, 0)
        # The bridge's memory.
        self.control = Control(now=self.now, lease_seconds=LEASE)
        self.connect: theirs.ConnectSession | None = None
        self.control_session: theirs.ControlSession | None = None
        self.data: Pipe | None = None
        self.steering: Pipe | None = None
        # What is held against the promises.
        self.executions: Counter[str] = Counter()
        self.opened_while_stopped: list[str] = []
        self.stops_made: set[str] = set()
        self.numbers = 0

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    # -- the link --------------------------------------------------------------------------------------

    def dial(self) -> None:
        """The bridge opens its data stream where it has none."""
        if self.connect is not None:
            return
        self.data = Pipe()
        self.connect = theirs.ConnectSession(
            next_event_seq=len(self.events) + 1, random=lambda: 0.5, last_epoch=self.last_epoch
        )
        self._bridge_acts(self.connect.opened(self.now))

    def dial_control(self) -> None:
        """The bridge opens Control for the session that it knows."""
        if self.connect is None or not self.connect.live or self.control_session is not None:
            return
        pipe = Pipe()
        self.steering = pipe
        session = self.session
        if session is None or session.epoch != self.connect.epoch:
            pipe.broken = pipe.server_knows = True
        else:
            pipe.session = session
            self._server_outputs(session, session.open_control(self.now))
        terms = theirs.Terms(HEARTBEAT, DEAD_AFTER, LEASE, CREDIT)
        self.control_session = theirs.ControlSession(epoch=self.connect.epoch, terms=terms)
        self._control_acts(self.control_session.opened(self.now))

    def cut(self, control: bool) -> None:
        """A connection is gone, with all that was under way in it."""
        pipe = self.steering if control else self.data
        if pipe is not None:
            pipe.broken = True
            pipe.to_server.clear()
            pipe.to_bridge.clear()

    def bridge_notices(self, control: bool) -> None:
        pipe = self.steering if control else self.data
        if pipe is None or not pipe.broken:
            return
        if control:
            self._control_gone()
        else:
            self.connect = self.data = None
        if not pipe.server_knows:
            self._server_loses(pipe, Stream.CONTROL if control else Stream.DATA)

    def server_notices(self, control: bool) -> None:
        pipe = self.steering if control else self.data
        if pipe is not None and pipe.broken and not pipe.server_knows:
            self._server_loses(pipe, Stream.CONTROL if control else Stream.DATA)

    def _server_loses(self, pipe: Pipe, stream: Stream) -> None:
        pipe.server_knows = True
        if pipe.session is not None:
            self._server_outputs(pipe.session, pipe.session.lost(stream, "cut"))

    def _control_gone(self) -> None:
        if self.control_session is not None:
            self.control.control_lost(self.control_session.epoch)
        self.control_session = self.steering = None

    # -- the server ------------------------------------------------------------------------------------

    def server_takes(self, control: bool) -> None:
        """One frame arrives at the server."""
        pipe = self.steering if control else self.data
        if pipe is None or not pipe.to_server:
            return
        epoch, frame = pipe.to_server.popleft()
        if not control and isinstance(frame, frames.Hello):
            self._welcome(pipe, frame)
        elif pipe.session is not None:
            stream = Stream.CONTROL if control else Stream.DATA
            self._server_outputs(pipe.session, pipe.session.receive(stream, epoch, frame, self.now))

    def _welcome(self, pipe: Pipe, hello: frames.Hello) -> None:
        self.epoch += 1
        open_ids = tuple(key for key, row in self.rows.items() if row.offered and row.state in _OPEN_STATES)
        welcome = frames.Welcome(
            epoch=self.epoch,
            account_id="acc_1",
            committed_event_seq=len(self.facts),
            magic_prefix=1,
            incarnation=1,
            heartbeat_seconds=HEARTBEAT,
            dead_after_seconds=DEAD_AFTER,
            lease_seconds=LEASE,
            event_credit=CREDIT,
            server_time=datetime(2026, 1, 1, tzinfo=UTC),
            open_command_ids=open_ids,
        )
        before, self.session = self.session, BridgeSession(welcome, self.document, self.now)
        pipe.session = self.session
        if before is not None:
            for order in before.take_stopping():
                self.session.stop(order)
            self._server_outputs(before, before.supersede(self.epoch, "10.0.0.9"))
        else:
            # What was called while no session lived is in the memory of who called it.
            for stop_id in self.unrecorded_stops:
                generation = self.session.document.stop_generation + 1
                self.session.stop(frames.StopOrder(stop_id, False, generation, ""))
        self._server_outputs(self.session, self.session.start())

    def _server_outputs(self, session: BridgeSession, outputs: list[ours.Output]) -> None:
        for output in outputs:
            match output:
                case ours.Send(stream, frame):
                    pipe = self.data if stream is Stream.DATA else self.steering
                    if pipe is not None and pipe.session is session and not pipe.broken:
                        pipe.to_bridge.append((session.epoch, frame))
                case ours.Record(item):
                    self.told.append((session, item))
                case ours.Ready():
                    self.told.append((session, output))
                case ours.End(stream):
                    pipe = self.data if stream is Stream.DATA else self.steering
                    if pipe is not None and pipe.session is session:
                        # What was written before it still arrives.
                        pipe.to_bridge.append((session.epoch, None))
                case _:
                    pass

    def commit(self) -> None:
        """What was told first is committed, unless a newer session owns the bridge."""
        if not self.told:
            return
        session, item = self.told.popleft()
        if session.epoch != self.epoch:
            return
        outputs: list[ours.Output] = []
        match item:
            case ours.Ready():
                self._offer(session)
            case frames.BridgeEvent():
                if item.seq > len(self.facts):
                    assert item.seq == len(self.facts) + 1
                    self.facts.append(item.event_id)
                outputs += session.events_committed(len(self.facts))
            case frames.OutcomeTold(outcome):
                self._ended(outcome)
                outputs += session.outcome_committed(outcome)
            case frames.Receipt(command_id):
                self._moved(command_id, CommandState.DELIVERED)
            case frames.Standing(command_id, None):
                row = self.rows[command_id]
                assert row.state is CommandState.PENDING, "a journal has forgotten a command"
                self.rows[command_id] = replace(row, offered=False)
            case frames.Hello():
                self._adopt(item.held_stops, item.stop_generation)
                held = tuple(stop.stop_id for stop in item.held_stops)
                self.document = documents.rearm_confirmed(self.document, held, item.stop_generation)
                self._desired()
                outputs += session.control_adopted(self.document, self.now)
            case Stage():
                if item.held is not None:
                    self._adopt((item.held,), 0)
                    self._desired()
            case frames.RearmResult(rearm_id, held_stops):
                pending = next((one for one in self.document.rearms if one.rearm_id == rearm_id), None)
                if pending is not None:
                    held = tuple(stop.stop_id for stop in held_stops)
                    self.document = documents.rearm_confirmed(self.document, held, pending.stop_generation)
            case _:
                pass
        self._server_outputs(session, outputs)

    def _adopt(self, held: tuple[documents.HeldStop, ...], generation: int) -> None:
        self.document = documents.adopt_held(self.document, held, generation)

    def _desired(self) -> None:
        if self.session is not None:
            self._server_outputs(self.session, self.session.desire(self.document))
            self.told.append((self.session, ours.Ready(self.session.may_send(increases_risk=True))))

    def _offer(self, session: BridgeSession) -> None:
        for command_id, row in list(self.rows.items()):
            if row.offered or row.state is not CommandState.PENDING:
                continue
            if row.opens and (self.document.stopped or row.generation < self.document.stop_generation):
                self.rows[command_id] = replace(row, state=CommandState.FENCED)
            elif session.may_send(row.opens):
                self.rows[command_id] = replace(row, offered=True)
                self._deliver(session, command_id)

    def _deliver(self, session: BridgeSession, command_id: str) -> None:
        row = self.rows[command_id]
        action: Any = None
        delivery = frames.Delivery(
            command_id, Origin.USER, action, row.generation, False, row.opens, self.now + 60
        )
        self._server_outputs(session, session.send(delivery))

    def _moved(self, command_id: str, state: CommandState) -> None:
        row = self.rows[command_id]
        if row.state is CommandState.PENDING:
            self.rows[command_id] = replace(row, state=state)

    def _ended(self, outcome: Outcome) -> None:
        row = self.rows[outcome.command_id]
        assert row.state in (*_OPEN_STATES, outcome.state), "an outcome contradicts what was told"
        self.rows[outcome.command_id] = replace(row, state=outcome.state)

    def accept(self, opens: bool) -> None:
        """Somebody trades."""
        if opens and self.document.stopped:
            return
        command_id = f"c{self.number()}"
        session = self.session
        offered = session is not None and session.may_send(opens)
        self.rows[command_id] = Row(CommandState.PENDING, opens, self.document.stop_generation, offered)
        if session is not None and offered:
            self._deliver(session, command_id)

    def stop_at_the_server(self) -> None:
        """From memory at once; the commit follows."""
        stop_id = f"s{self.number()}"
        if self.session is not None:
            order = frames.StopOrder(stop_id, False, self.session.document.stop_generation + 1, "")
            self._server_outputs(self.session, self.session.stop(order))
        self.unrecorded_stops.append(stop_id)

    def record_stops(self) -> None:
        """The commit of the stops that went out from memory."""
        while self.unrecorded_stops:
            stop_id = self.unrecorded_stops.pop()
            self.document = documents.add_stop(self.document, documents.HeldStop(stop_id))
            if stop_id in self.document.stop_ids:
                # Else the bridge has told of it before, and it was led out of meanwhile.
                self.stops_made.add(stop_id)
            self._desired()

    def stops_on_the_way(self) -> set[str]:
        """Return the stops of the server's memory that nothing will bring to the bridge any more.

        Everything that was said on a live Control has arrived there, and they were not among it.
        """
        session, pipe, machine = self.session, self.steering, self.control_session
        if session is None or not session.may_stop() or pipe is None or machine is None or pipe.broken:
            return set()
        if pipe.session is not session or pipe.to_bridge:
            return set()
        held = {stop.stop_id for stop in self.control.held} | self.disk_cleared
        return set(self.unrecorded_stops) - held - set(self.document.cleared_stop_ids)

    def rearm(self) -> None:
        if not self.document.stops:
            return
        named = (self.document.stops[0].stop_id,)
        self.document = documents.rearm(self.document, named, frozenset(), f"r{self.number()}")
        self.stops_made -= set(named)
        self._desired()

    def read_owner(self) -> None:
        session = self.session
        if session is not None:
            reading = OwnerReading(
                self.now,
                self.epoch,
                self.document.stop_generation,
                self.document.stopped,
                self.document.revision,
            )
            self._server_outputs(session, session.read_owner(reading, self.now))

    def server_dies(self) -> None:
        """Its memory and its connections are gone."""
        self.session = None
        self.told.clear()
        # What no bridge has latched either is lost with it: the caller was told that it is not recorded.
        self.unrecorded_stops.clear()
        for pipe in (self.data, self.steering):
            if pipe is not None:
                pipe.broken = pipe.server_knows = True
                pipe.to_server.clear()
                pipe.to_bridge.clear()

    # -- the bridge ------------------------------------------------------------------------------------

    def bridge_takes(self, control: bool) -> None:
        """One frame arrives at the bridge."""
        pipe = self.steering if control else self.data
        machine = self.control_session if control else self.connect
        if pipe is None or machine is None or not pipe.to_bridge:
            return
        epoch, frame = pipe.to_bridge.popleft()
        if frame is None:
            pipe.broken = pipe.server_knows = True
            self.bridge_notices(control)
            return
        message = theirs.Frame(epoch, round(self.now * 1e9), _translated(frame))
        if control:
            assert isinstance(machine, theirs.ControlSession)
            self._control_acts(machine.receive(message, self.now))
        else:
            self._bridge_acts(machine.receive(message, self.now))

    def _say(self, frame: Any, *, control: bool = False) -> None:
        pipe = self.steering if control else self.data
        machine = self.control_session if control else self.connect
        if pipe is not None and machine is not None and not pipe.broken:
            pipe.to_server.append((machine.epoch, frame))

    def _hello(self) -> frames.Hello:
        held = tuple(
            documents.HeldStop(stop.stop_id, stop.close_positions, stop.reason, stop.local)
            for stop in self.control.held
        )
        return frames.Hello(
            "brg_1",
            "boot",
            "journal",
            "1",
            (1,),
            None,
            len(self.events) + 1,
            held_stops=held,
            stop_generation=self.control.stop_generation,
        )

    def _bridge_acts(self, acts: tuple[theirs.Act, ...]) -> None:
        for act in acts:
            match act:
                case theirs.SendHello():
                    self._say(self._hello())
                case theirs.SendBeat(number):
                    self._say(frames.Heartbeat(number))
                case theirs.Resume(welcome):
                    self.last_epoch = (welcome.incarnation, welcome.epoch)
                    if self.control_session is not None:
                        # Control belongs to another session now.
                        self._hang_up_control()
                    self._say(frames.Standings(tuple(map(self._standing, welcome.open_command_ids))))
                case theirs.OutcomeDone(command_id):
                    self.unacknowledged.pop(command_id, None)
                case theirs.RepeatOutcome(command_id):
                    if command_id in self.unacknowledged:
                        self._say(frames.OutcomeTold(self.unacknowledged[command_id]))
                case theirs.Deliver(payload) if isinstance(payload, frames.Delivery):
                    self._take(payload)
                case theirs.Ended():
                    self._hang_up()
                case _:
                    pass
        self._feed()

    def _hang_up(self) -> None:
        pipe, self.connect, self.data = self.data, None, None
        if pipe is not None and not pipe.server_knows:
            self._server_loses(pipe, Stream.DATA)

    def _hang_up_control(self) -> None:
        pipe = self.steering
        self._control_gone()
        if pipe is not None and not pipe.server_knows:
            self._server_loses(pipe, Stream.CONTROL)

    def _standing(self, command_id: str) -> frames.Standing:
        if command_id not in self.journal:
            return frames.Standing(command_id, None)
        outcome = self.journal[command_id]
        if outcome is not None:
            self.unacknowledged[command_id] = outcome
        return frames.Standing(command_id, CommandState.DELIVERED if outcome is None else outcome.state)

    def _take(self, delivery: frames.Delivery) -> None:
        if delivery.command_id not in self.journal:
            self.journal[delivery.command_id] = None
            self.waiting.append(delivery)
        self._say(frames.Receipt(delivery.command_id, CommandState.DELIVERED))

    def execute(self) -> None:
        """The first journalled command has its turn at the terminal."""
        if not self.waiting:
            return
        delivery = self.waiting.pop(0)
        state = CommandState.SUCCEEDED
        if delivery.increases_risk:
            refusal = self.control.refusal(self.now, delivery.stop_generation, False, CommandOrigin.USER)
            if refusal is not None:
                state = CommandState.FENCED if refusal.code == "FENCED" else CommandState.REJECTED
            elif self.disk_held or delivery.stop_generation < self.disk_generation:
                self.opened_while_stopped.append(delivery.command_id)
        if state is CommandState.SUCCEEDED:
            self.executions[delivery.command_id] += 1
        outcome = Outcome(delivery.command_id, 1, state)
        self.journal[delivery.command_id] = self.unacknowledged[delivery.command_id] = outcome
        self._feed()

    def event(self) -> None:
        self.events.append(f"e{len(self.events) + 1}")
        self._feed()

    def _feed(self) -> None:
        machine = self.connect
        if machine is None or not machine.live:
            return
        for outcome in self.unacknowledged.values():
            if machine.outcome_due(outcome.command_id, 1):
                machine.outcome_sent(outcome.command_id, 1, self.now)
                self._say(frames.OutcomeTold(outcome))
        machine.event_made(len(self.events) + 1)
        while (span := machine.events_to_send(3, self.now)) is not None:
            for seq in range(span[0], span[1] + 1):
                self._say(frames.BridgeEvent(seq, self.events[seq - 1], _FACT))

    def _control_acts(self, acts: tuple[theirs.Act, ...]) -> None:
        for act in acts:
            match act:
                case theirs.SendHello():
                    assert self.control_session is not None
                    self.control.control_opened(self.control_session.epoch)
                    self._say(self._hello(), control=True)
                case theirs.SendBeat(number):
                    self._say(frames.Heartbeat(number), control=True)
                case theirs.LeaseHeld(until):
                    assert self.control_session is not None
                    self.control.lease_held(self.control_session.epoch, until)
                case theirs.Deliver(payload):
                    self._steer(payload)
                case theirs.Ended():
                    self._hang_up_control()
                case _:
                    pass

    def _steer(self, payload: object) -> None:
        match payload:
            case frames.StopOrder(stop_id, _, generation):
                self._hold(stop_id, generation, local=False)
                self._say(Stage(stop_id, latched_seconds_ago=0.0), control=True)
            case frames.Desired(document):
                for stop in document.stops:
                    self._hold(stop.stop_id, document.stop_generation, local=stop.local)
                limits = Limits()
                policies = Policies(document.revision, document.stealth, limits, ())
                desired = Desired(
                    document.revision,
                    document.stop_generation,
                    document.paused,
                    LapsePolicy.HOLD,
                    policies,
                )
                if self.control.judge_desired(desired, 1) == "" and self.control_session is not None:
                    self.control.desired(desired, 1)
                    self.control.confirm(self.control_session.epoch)
                    applied = documents.Applied(
                        document.revision,
                        self.control.stop_generation,
                        document.paused,
                        False,
                        ServerLapsePolicy.HOLD,
                    )
                    self._say(applied, control=True)
            case frames.RearmOrder(rearm_id, stop_ids, generation):
                verdict = self.control.judge_rearm(stop_ids, ())
                assert verdict.problem == ""
                self.disk_cleared.update(verdict.clear)
                self.stops_made -= set(stop_ids)
                for stop_id in verdict.clear:
                    self.disk_held.pop(stop_id, None)
                self.disk_generation = max(self.disk_generation, generation)
                self.control.rearmed(verdict.clear, max(generation, self.control.stop_generation))
                held = tuple(documents.HeldStop(stop.stop_id) for stop in self.control.held)
                self._say(frames.RearmResult(rearm_id, held), control=True)

    def _hold(self, stop_id: str, generation: int, *, local: bool) -> None:
        stop = HeldStop(stop_id, False, "", local, round(self.now * 1000))
        if self.control.stop(stop, generation):
            self.disk_held[stop_id] = stop
            self.stops_made.add(stop_id)
        self.disk_generation = max(self.disk_generation, generation)

    def stop_at_the_bridge(self) -> None:
        stop_id = f"l{self.number()}"
        self._hold(stop_id, 0, local=True)
        self.stops_made.add(stop_id)
        told = documents.HeldStop(stop_id, local=True)
        self._say(Stage(stop_id, latched_seconds_ago=0.0, held=told), control=True)

    def bridge_dies(self) -> None:
        """Its memory is gone; journal and latch are read again."""
        for control in (False, True):
            self.cut(control)
            self.server_notices(control)
        self.connect = self.control_session = self.data = self.steering = None
        kept = self.control.kept
        self.control = Control(now=self.now, lease_seconds=LEASE)
        self.control.latch_read(self.disk_held.values(), self.disk_cleared, self.disk_generation)
        self.control.restore(kept)

    # -- time ------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if self.connect is not None:
            self._bridge_acts(self.connect.tick(self.now))
        if self.control_session is not None:
            self._control_acts(self.control_session.tick(self.now))
        if self.session is not None:
            self._server_outputs(self.session, self.session.tick(self.now))

    def flow(self, rounds: int) -> None:
        """Frames pass and are committed; nothing is executed and nobody dials."""
        for _ in range(rounds):
            for control in (False, True):
                self.server_takes(control)
                self.bridge_takes(control)
            self.commit()
        self.read_owner()

    def heal(self) -> None:
        """Everything works from here on, for long enough."""
        for _ in range(30):
            for control in (False, True):
                self.bridge_notices(control)
            self.dial()
            self.dial_control()
            for _ in range(4):
                self.record_stops()
                self.flow(5)
                self.execute()
            self.pass_time(1.0)


_OPEN_STATES = (CommandState.PENDING, CommandState.DELIVERED, CommandState.RUNNING)


def _translated(frame: Any) -> theirs.ServerMessage:
    match frame:
        case frames.Welcome():
            terms = theirs.Terms(
                frame.heartbeat_seconds, frame.dead_after_seconds, frame.lease_seconds, frame.event_credit
            )
            return theirs.Welcome(
                frame.epoch,
                frame.incarnation,
                terms,
                frame.committed_event_seq,
                frame.open_command_ids,
                None,
            )
        case frames.HeartbeatAnswer(number):
            return theirs.Beat(number)
        case frames.LeaseGrant(number):
            return theirs.LeaseGranted(number)
        case frames.EventAck(seq):
            return theirs.EventsCommitted(seq)
        case frames.OutcomeAck(command_id, number):
            return theirs.OutcomeCommitted(command_id, number)
        case frames.Superseded(epoch, address):
            return theirs.SupersededBy(epoch, address)
        case _:
            return theirs.Arrival(frame)
