"""The server's side of one bridge session: both of its streams, as a machine without I/O.

It is told what came in and what time it is (seconds of a monotonic clock), and answers with what to do. It
decides what may be sent, which frames are repeats, when a stream is dead, and when a lease is granted; its
owner writes frames, commits records, and tells it of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from signalos_server.domain import lease
from signalos_server.domain.audit import AuditHead
from signalos_server.domain.command import Outcome
from signalos_server.domain.control import Applied, ControlDocument
from signalos_server.domain.frames import (
    BridgeAlert,
    BridgeEvent,
    CheckResult,
    ControlFrame,
    DataFrame,
    Desired,
    Drain,
    DrillLatched,
    EventAck,
    Heartbeat,
    HeartbeatAnswer,
    Hello,
    LeaseGrant,
    LiveUpdate,
    Nack,
    OutcomeAck,
    OutcomeTold,
    RearmOrder,
    RearmResult,
    Receipt,
    Standing,
    Standings,
    StopOrder,
    Superseded,
    SymbolTable,
    SyncReport,
    TerminalSnapshot,
    ToControl,
    ToData,
    Welcome,
)
from signalos_server.domain.stop import Stage


class Stream(Enum):
    """One of a session's two streams."""

    DATA = "data"
    CONTROL = "control"


class LinkState(Enum):
    """Which of the streams live."""

    DATA_ONLY = "data only"
    LIVE = "live"
    CONTROL_ONLY = "control only"
    ENDED = "ended"


class LinkEvent(Enum):
    """What changes it."""

    CONTROL_OPENED = "control opened"
    CONTROL_LOST = "control lost"
    DATA_LOST = "data lost"
    OVER = "over"
    """Superseded, revoked or broken: both streams end."""


LINK_TRANSITIONS: dict[tuple[LinkState, LinkEvent], LinkState] = {
    (LinkState.DATA_ONLY, LinkEvent.CONTROL_OPENED): LinkState.LIVE,
    (LinkState.DATA_ONLY, LinkEvent.DATA_LOST): LinkState.ENDED,
    (LinkState.DATA_ONLY, LinkEvent.CONTROL_LOST): LinkState.DATA_ONLY,
    # The bridge opens Control anew before the loss of the old one was noticed.
    (LinkState.LIVE, LinkEvent.CONTROL_OPENED): LinkState.LIVE,
    (LinkState.LIVE, LinkEvent.CONTROL_LOST): LinkState.DATA_ONLY,
    # Stops still pass; the data stream comes back as a new session.
    (LinkState.LIVE, LinkEvent.DATA_LOST): LinkState.CONTROL_ONLY,
    (LinkState.CONTROL_ONLY, LinkEvent.CONTROL_OPENED): LinkState.CONTROL_ONLY,
    (LinkState.CONTROL_ONLY, LinkEvent.CONTROL_LOST): LinkState.ENDED,
    (LinkState.CONTROL_ONLY, LinkEvent.DATA_LOST): LinkState.CONTROL_ONLY,
    **{(state, LinkEvent.OVER): LinkState.ENDED for state in LinkState},
    **{
        (LinkState.ENDED, event): LinkState.ENDED
        for event in (LinkEvent.CONTROL_OPENED, LinkEvent.CONTROL_LOST, LinkEvent.DATA_LOST)
    },
}


@dataclass(frozen=True, slots=True)
class Send:
    """Write this frame to the stream."""

    stream: Stream
    frame: ToData | ToControl


@dataclass(frozen=True, slots=True)
class Record:
    """Commit this, in the order told; then say so (`events_committed`, `outcome_committed`)."""

    item: (
        BridgeEvent
        | OutcomeTold
        | Receipt
        | Standing
        | TerminalSnapshot
        | SymbolTable
        | BridgeAlert
        | SyncReport
        | Applied
        | Nack
        | Stage
        | RearmResult
        | Hello
    )


@dataclass(frozen=True, slots=True)
class Observe:
    """Keep this in memory: only the latest matters."""

    stream: Stream
    item: Heartbeat | LiveUpdate | CheckResult | DrillLatched


@dataclass(frozen=True, slots=True)
class Ready:
    """What may be sent has grown: offer what waits. `opens`: also what increases risk."""

    opens: bool


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The session's link is in another state."""

    state: LinkState
    why: str


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """The bridge holds a lease until this at the latest, in seconds of the server's monotonic clock."""

    until: float


@dataclass(frozen=True, slots=True)
class End:
    """Close this stream; `reason` is a registered error reason."""

    stream: Stream
    reason: str
    message: str


Output = Send | Record | Observe | Ready | LinkChanged | LeaseGranted | End


@dataclass(frozen=True, slots=True)
class SessionTimings:
    """Seconds."""

    heartbeat: float = 5.0
    dead_after: float = 12.0
    lease: float = 30.0


class BridgeSession:
    """One session, from its welcome to its end."""

    def __init__(self, welcome: Welcome, document: ControlDocument, now: float) -> None:
        self._epoch = welcome.epoch
        self._welcome = welcome
        self._document = document
        self._link = LinkState.DATA_ONLY
        self._heard = {Stream.DATA: now}
        self._received_seq = welcome.committed_event_seq
        self._committed_seq = welcome.committed_event_seq
        self._applied_revision = 0
        self._control_told_hello = False
        self._control_greeted = False
        self._unanswered = set(welcome.open_command_ids)
        # Until the welcome is answered nobody knows whether the bridge has it.
        self._standings_told = False
        self._reading: lease.OwnerReading | None = None
        self._lease_until: float | None = None
        # The bridge's latest heartbeat on Control that earned no lease yet: its number, and when it came.
        self._beat: tuple[int, float] | None = None
        # What the bridge is to keep of the audit.
        self._audit_heads: tuple[AuditHead, ...] = ()
        # Stops that went out from memory and are in no committed document yet.
        self._stopping: dict[str, StopOrder] = {}

    @property
    def epoch(self) -> int:
        """Return the session's epoch."""
        return self._epoch

    @property
    def link(self) -> LinkState:
        """Return which streams live."""
        return self._link

    @property
    def document(self) -> ControlDocument:
        """Return what the bridge is to keep to, as last told."""
        return self._document

    @property
    def applied_revision(self) -> int:
        """Return the revision that the bridge keeps to in this session; 0: it has not said."""
        return self._applied_revision

    @property
    def stopping(self) -> tuple[str, ...]:
        """Return the stops that went out from memory and are in no committed document yet."""
        return tuple(self._stopping)

    @property
    def lease_until(self) -> float | None:
        """Return when the last lease ends at the latest; None: none was granted."""
        return self._lease_until

    @property
    def committed_event_seq(self) -> int:
        """Return the last event that is committed."""
        return self._committed_seq

    def start(self) -> list[Output]:
        """Welcome the bridge."""
        return [Send(Stream.DATA, self._welcome)]

    def may_send(self, increases_risk: bool) -> bool:
        """Return whether a command may be handed to the bridge now."""
        if self._link not in (LinkState.LIVE, LinkState.DATA_ONLY) or not self._standings_told:
            return False
        return not increases_risk or (self._keeps_to_current() and not self._is_stopped())

    def _is_stopped(self) -> bool:
        return bool(self._stopping) or self._document.stopped

    def may_stop(self) -> bool:
        """Return whether a stop reaches the bridge."""
        return self._control_greeted and self._link in (LinkState.LIVE, LinkState.CONTROL_ONLY)

    def _keeps_to_current(self) -> bool:
        return self._link is LinkState.LIVE and self._applied_revision >= self._document.revision

    # What comes in.

    def open_control(self, now: float) -> list[Output]:
        """Control was opened with this epoch; what the bridge holds is in its hello, which follows."""
        self._control_told_hello = False
        self._control_greeted = False
        self._applied_revision = 0
        self._beat = None
        self._heard[Stream.CONTROL] = now
        return self._move(LinkEvent.CONTROL_OPENED, "control stream opened")

    def receive(
        self, stream: Stream, epoch: int, frame: DataFrame | ControlFrame, now: float
    ) -> list[Output]:
        """Take in one frame."""
        if self._link is LinkState.ENDED:
            return []
        if epoch != self._epoch:
            return self._violation(stream, "WRONG_STATE", f"epoch {epoch} on session {self._epoch}")
        self._heard[stream] = now
        if stream is Stream.CONTROL:
            return self._receive_control(frame, now)
        return self._receive_data(frame)

    def _receive_data(self, frame: DataFrame | ControlFrame) -> list[Output]:
        match frame:
            case Heartbeat():
                return [Send(Stream.DATA, HeartbeatAnswer(frame.number)), Observe(Stream.DATA, frame)]
            case BridgeEvent():
                return self._event(frame)
            case Standings():
                return self._standings(frame)
            case LiveUpdate() | CheckResult():
                return [Observe(Stream.DATA, frame)]
            case (
                OutcomeTold() | Receipt() | TerminalSnapshot() | SymbolTable() | BridgeAlert() | SyncReport()
            ):
                return [Record(frame)]
            case _:
                return self._violation(
                    Stream.DATA, "WRONG_STATE", f"{type(frame).__name__} is not for the data stream"
                )

    def _event(self, event: BridgeEvent) -> list[Output]:
        if event.seq <= self._received_seq:
            # A repeat: told again, in case the acknowledgement was lost with a stream.
            if event.seq <= self._committed_seq:
                return [Send(Stream.DATA, EventAck(self._committed_seq))]
            return []
        if event.seq != self._received_seq + 1:
            return self._violation(
                Stream.DATA, "WRONG_STATE", f"event {event.seq} came after {self._received_seq}"
            )
        if event.seq > self._committed_seq + self._welcome.event_credit:
            return self._violation(Stream.DATA, "WRONG_STATE", f"event {event.seq} is beyond the credit")
        self._received_seq = event.seq
        return [Record(event)]

    def _standings(self, standings: Standings) -> list[Output]:
        asked = [standing for standing in standings.standings if standing.command_id in self._unanswered]
        self._unanswered -= {standing.command_id for standing in asked}
        outputs: list[Output] = [Record(standing) for standing in asked]
        if not self._unanswered and not self._standings_told:
            self._standings_told = True
            outputs.append(Ready(opens=self._keeps_to_current()))
        return outputs

    def _receive_control(self, frame: DataFrame | ControlFrame, now: float) -> list[Output]:
        if isinstance(frame, Hello):
            return self._control_hello(frame)
        if not self._control_told_hello:
            return self._violation(Stream.CONTROL, "WRONG_STATE", "the first frame is not a hello")
        match frame:
            case Heartbeat():
                return [*self._control_heartbeat(frame, now), Observe(Stream.CONTROL, frame)]
            case Applied():
                return self._applied(frame)
            case Nack() | Stage() | RearmResult():
                return [Record(frame)]
            case DrillLatched():
                return [Observe(Stream.CONTROL, frame)]
            case _:
                return self._violation(
                    Stream.CONTROL, "WRONG_STATE", f"{type(frame).__name__} is not for the control stream"
                )

    def _control_hello(self, hello: Hello) -> list[Output]:
        # Adopted first: `control_adopted` follows once memory and database hold the bridge's stops. What the
        # bridge says in the meantime is recorded after the hello.
        self._control_told_hello = True
        return [Record(hello)]

    def control_adopted(self, document: ControlDocument, now: float) -> list[Output]:
        """The stops that the bridge holds are taken over: tell it what to keep to, and what is unanswered."""
        if self._link is LinkState.ENDED:
            return []
        self._control_greeted = True
        if document.revision >= self._document.revision:
            self._document = document
        outputs: list[Output] = [Send(Stream.CONTROL, Desired(self._document))]
        outputs += [
            Send(Stream.CONTROL, RearmOrder(pending.rearm_id, pending.stop_ids, pending.stop_generation))
            for pending in self._document.rearms
        ]
        outputs += [Send(Stream.CONTROL, order) for order in self._stopping.values()]
        return [*outputs, *self._grant(now)]

    def _control_heartbeat(self, heartbeat: Heartbeat, now: float) -> list[Output]:
        self._beat = (heartbeat.number, now)
        return self._grant(now) or [
            Send(Stream.CONTROL, HeartbeatAnswer(heartbeat.number, self._audit_heads))
        ]

    def _grant(self, now: float) -> list[Output]:
        """Grant the lease that the latest heartbeat earns, once nothing speaks against it.

        It counts from that heartbeat, however late the grant is, so that a late one is only shorter.
        """
        if self._beat is None or not self._control_greeted or self._is_stopped():
            return []
        if self._link is not LinkState.LIVE or not lease.may_grant(self._reading, epoch=self._epoch, now=now):
            return []
        number, came_at = self._beat
        until = came_at + self._welcome.lease_seconds
        self._beat = None
        if until <= now:
            return []
        self._lease_until = until
        return [Send(Stream.CONTROL, LeaseGrant(number, self._audit_heads)), LeaseGranted(until)]

    def _applied(self, applied: Applied) -> list[Output]:
        before = self._keeps_to_current()
        self._applied_revision = max(self._applied_revision, applied.revision)
        outputs: list[Output] = [Record(applied)]
        if not before and self._keeps_to_current() and self._standings_told:
            outputs.append(Ready(opens=True))
        return outputs

    # What happens here.

    def read_owner(self, reading: lease.OwnerReading, now: float) -> list[Output]:
        """The database was read: a heartbeat that waits for its lease may have it."""
        if self._reading is None or reading.read_at >= self._reading.read_at:
            self._reading = reading
        return self._grant(now)

    def desire(self, document: ControlDocument) -> list[Output]:
        """The document was changed and committed."""
        if document.revision <= self._document.revision:
            return []
        known = {pending.rearm_id for pending in self._document.rearms}
        self._document = document
        for stop_id in (*document.stop_ids, *document.cleared_stop_ids):
            self._stopping.pop(stop_id, None)
        if not self.may_stop():
            return []
        outputs: list[Output] = [
            Send(Stream.CONTROL, RearmOrder(pending.rearm_id, pending.stop_ids, pending.stop_generation))
            for pending in document.rearms
            if pending.rearm_id not in known
        ]
        # The re-arm first: a desired state never takes a stop away, so that it does not matter to it.
        return [*outputs, Send(Stream.CONTROL, Desired(document))]

    def stop(self, order: StopOrder) -> list[Output]:
        """A stop was called: out at once, whatever else waits.

        Until a document that has it is told, nothing that increases risk is sent and no lease is granted.
        """
        if order.stop_id not in (*self._document.stop_ids, *self._document.cleared_stop_ids):
            self._stopping[order.stop_id] = order
        return [Send(Stream.CONTROL, order)] if self.may_stop() else []

    def keep_heads(self, heads: tuple[AuditHead, ...]) -> None:
        """Let the bridge keep these heads of the audit: told with each answer to its heartbeats."""
        self._audit_heads = heads

    def take_stopping(self) -> tuple[StopOrder, ...]:
        """Return the stops that are in no committed document yet, for the session that follows."""
        return tuple(self._stopping.values())

    def events_committed(self, seq: int) -> list[Output]:
        """Events up to `seq` are committed."""
        if seq <= self._committed_seq:
            return []
        self._committed_seq = seq
        return [Send(Stream.DATA, EventAck(seq))] if self._data_lives() else []

    def outcome_committed(self, outcome: Outcome) -> list[Output]:
        """An outcome is committed, or was before."""
        if not self._data_lives():
            return []
        return [Send(Stream.DATA, OutcomeAck(outcome.command_id, outcome.outcome_number))]

    def send(self, frame: ToData | ToControl, stream: Stream = Stream.DATA) -> list[Output]:
        """Hand over a frame, where its stream lives."""
        lives = self._data_lives() if stream is Stream.DATA else self.may_stop()
        return [Send(stream, frame)] if lives else []

    def _data_lives(self) -> bool:
        return self._link in (LinkState.LIVE, LinkState.DATA_ONLY)

    def drain(self, window_seconds: float) -> list[Output]:
        """The server goes down."""
        return self.send(Drain(window_seconds))

    def supersede(self, epoch: int, address: str) -> list[Output]:
        """A newer session of this bridge has begun: say so, and end both streams."""
        if self._link is LinkState.ENDED:
            return []
        told = Superseded(epoch, address)
        outputs = [*self.send(told), *self.send(told, Stream.CONTROL)]
        return [*outputs, *self._over("WRONG_STATE", f"superseded by session {epoch} from {address}")]

    def revoke(self) -> list[Output]:
        """The bridge's credential was revoked."""
        return self._over("NOT_AUTHENTICATED", "the credential was revoked")

    def go_away(self, why: str) -> list[Output]:
        """End both streams; the bridge comes back by itself."""
        return self._over("WRONG_STATE", why)

    def lost(self, stream: Stream, why: str) -> list[Output]:
        """A stream ended."""
        self._heard.pop(stream, None)
        if stream is Stream.CONTROL:
            self._control_told_hello = False
            self._control_greeted = False
            self._applied_revision = 0
            self._beat = None
        event = LinkEvent.DATA_LOST if stream is Stream.DATA else LinkEvent.CONTROL_LOST
        return self._move(event, why)

    def tick(self, now: float) -> list[Output]:
        """End the streams that have been silent for too long."""
        outputs: list[Output] = []
        for stream, heard in list(self._heard.items()):
            if now - heard > self._welcome.dead_after_seconds:
                silent = f"no frame for {now - heard:.1f} s"
                outputs.append(End(stream, "WRONG_STATE", silent))
                outputs += self.lost(stream, silent)
        return outputs

    def _violation(self, stream: Stream, reason: str, message: str) -> list[Output]:
        return [End(stream, reason, message), *self.lost(stream, message)]

    def _over(self, reason: str, message: str) -> list[Output]:
        streams = list(self._heard)
        self._heard.clear()
        return [*(End(stream, reason, message) for stream in streams), *self._move(LinkEvent.OVER, message)]

    def _move(self, event: LinkEvent, why: str) -> list[Output]:
        after = LINK_TRANSITIONS[self._link, event]
        if after is self._link:
            return []
        self._link = after
        return [LinkChanged(after, why)]
