"""The bridge's side of the two streams of a session, without sockets, clocks or tasks.

A machine is told what arrived and what time it is, and answers with what to do, in order. What it does not
need to understand travels through it as an opaque payload. One machine lives as long as one stream; what
outlives it (events, outcomes, the backoff) is kept elsewhere and handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from signalos_bridge.domain.audit_heads import AuditHead
from signalos_bridge.domain.link_timing import Ending, FrameAges, Pulse

GREETING_SECONDS = 5.0
RESEND_SECONDS = 10.0


# What the server says -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Terms:
    """What a welcome lays down for a session."""

    heartbeat_seconds: float
    dead_after_seconds: float
    lease_seconds: float
    event_credit: int


@dataclass(frozen=True, slots=True)
class Welcome:
    """The answer to a hello. `payload` is what the machine hands on."""

    epoch: int
    incarnation: int
    terms: Terms
    committed_event_seq: int
    open_command_ids: tuple[str, ...]
    payload: object
    committed_event_id: str = ""
    journal_outdated: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """Regular word; answers our heartbeat of that number."""

    number: int
    audit_heads: tuple[AuditHead, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """The bridge may open for a while, counted from the sending of our heartbeat of that number."""

    number: int
    audit_heads: tuple[AuditHead, ...] = ()


@dataclass(frozen=True, slots=True)
class EventsCommitted:
    """Events up to here are committed."""

    seq: int


@dataclass(frozen=True, slots=True)
class OutcomeCommitted:
    """An outcome is committed."""

    command_id: str
    number: int


@dataclass(frozen=True, slots=True)
class AlertCommitted:
    """An alert is committed."""

    telling_id: str


@dataclass(frozen=True, slots=True)
class CreditGiven:
    """How many events may be sent beyond the last one acknowledged."""

    event_credit: int


@dataclass(frozen=True, slots=True)
class DrainSaid:
    """The server is going down; leave within a random part of the window."""

    window_seconds: float


@dataclass(frozen=True, slots=True)
class SupersededBy:
    """A newer session of this bridge has begun."""

    epoch: int
    address: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """Anything else: handed on with its age."""

    payload: object


ServerMessage = (
    Welcome
    | Beat
    | LeaseGranted
    | EventsCommitted
    | OutcomeCommitted
    | AlertCommitted
    | CreditGiven
    | DrainSaid
    | SupersededBy
    | Arrival
)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the server. `sent_nanoseconds` is its own clock."""

    epoch: int
    sent_nanoseconds: int
    message: ServerMessage


# What the machines want done ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendHello:
    """Send the hello."""


@dataclass(frozen=True, slots=True)
class SendBeat:
    """Send a heartbeat of that number."""

    number: int


@dataclass(frozen=True, slots=True)
class Resume:
    """The session has begun: answer the open commands, then resend outcomes, send events, symbols, sync."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Renew:
    """What the journal keeps of the account is not how it stands: the welcome's record takes its place."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Deliver:
    """Something for the bridge to act on, with its age in seconds."""

    payload: object
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The server has these events: the journal may forget them."""

    event_seq: int


@dataclass(frozen=True, slots=True)
class OutcomeDone:
    """The server has this outcome."""

    command_id: str
    number: int


@dataclass(frozen=True, slots=True)
class AlertDone:
    """The server has this alert."""

    telling_id: str


@dataclass(frozen=True, slots=True)
class RepeatOutcome:
    """An outcome has not been acknowledged for too long: send it again."""

    command_id: str
    number: int


@dataclass(frozen=True, slots=True)
class LeaseHeld:
    """The bridge may open until then."""

    until: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The stream is over: abort its connection."""

    ending: Ending
    words: str


Act = (
    SendHello
    | SendBeat
    | Resume
    | Renew
    | Deliver
    | Acknowledged
    | OutcomeDone
    | AlertDone
    | RepeatOutcome
    | LeaseHeld
    | Ended
)


# The machines -------------------------------------------------------------------------------------------


class StreamState(Enum):
    """Where a stream stands."""

    NEW = "new"
    GREETING = "greeting"
    LIVE = "live"
    DRAINING = "draining"
    OVER = "over"


class StreamEvent(Enum):
    """What can happen to a stream."""

    OPENED = "opened"
    WELCOMED = "welcomed"
    DRAIN_SAID = "drain said"
    ENDED = "ended"


_TRANSITIONS: dict[tuple[StreamState, StreamEvent], StreamState] = {
    (StreamState.NEW, StreamEvent.OPENED): StreamState.GREETING,
    (StreamState.GREETING, StreamEvent.WELCOMED): StreamState.LIVE,
    (StreamState.LIVE, StreamEvent.DRAIN_SAID): StreamState.DRAINING,
    # A second word of draining changes nothing.
    (StreamState.DRAINING, StreamEvent.DRAIN_SAID): StreamState.DRAINING,
    (StreamState.NEW, StreamEvent.ENDED): StreamState.OVER,
    (StreamState.GREETING, StreamEvent.ENDED): StreamState.OVER,
    (StreamState.LIVE, StreamEvent.ENDED): StreamState.OVER,
    (StreamState.DRAINING, StreamEvent.ENDED): StreamState.OVER,
}


class InvalidTransition(Exception):  # noqa: N818 (it names a mistake of the caller)
    """The stream cannot do that where it stands."""


class _Stream:
    """What both streams have in common."""

    def __init__(self, *, heartbeat_seconds: float, dead_after_seconds: float) -> None:
        self._state = StreamState.NEW
        self._pulse = Pulse(interval_seconds=heartbeat_seconds, dead_after_seconds=dead_after_seconds)
        self._ages = FrameAges()
        self._opened_at = 0.0
        self._live_at: float | None = None
        self.ignored_frames = 0

    @property
    def state(self) -> StreamState:
        """Return where the stream stands."""
        return self._state

    @property
    def live(self) -> bool:
        """Return whether frames of a session may be sent."""
        return self._state in (StreamState.LIVE, StreamState.DRAINING)

    def lived_seconds(self, now: float) -> float:
        """Return for how long the stream has been live; 0: never."""
        return 0.0 if self._live_at is None else now - self._live_at

    def hurry(self, now: float) -> None:
        """Let the next heartbeat go out at once, because what it tells has changed."""
        if self.live:
            self._pulse.hurry(now)

    def lost(self, words: str, ending: Ending = Ending.LOST) -> tuple[Act, ...]:
        """Say that the connection is gone."""
        return self._end(ending, words)

    def _move(self, event: StreamEvent) -> None:
        after = _TRANSITIONS.get((self._state, event))
        if after is None:
            raise InvalidTransition(f"{event.value} while {self._state.value}")
        self._state = after

    def _end(self, ending: Ending, words: str) -> tuple[Act, ...]:
        if self._state is StreamState.OVER:
            return ()
        self._move(StreamEvent.ENDED)
        return (Ended(ending, words),)

    def _superseded(self, by: SupersededBy) -> tuple[Act, ...]:
        where = by.address or "an unknown address"
        return self._end(Ending.SUPERSEDED, f"superseded by session {by.epoch} from {where}")

    def _ignore(self) -> tuple[Act, ...]:
        self.ignored_frames += 1
        return ()


class ConnectSession(_Stream):
    """The data stream: greeting, resuming, event credit, acknowledgements, heartbeats, drain."""

    def __init__(
        self,
        *,
        next_event_seq: int,
        random: Callable[[], float],
        last_epoch: tuple[int, int] = (0, 0),
        heartbeat_seconds: float = 5.0,
        greeting_seconds: float = GREETING_SECONDS,
        resend_seconds: float = RESEND_SECONDS,
        event_id: Callable[[int], str] = lambda seq: "",
    ) -> None:
        """Take the journal's next event number and the last (incarnation, epoch) that was given.

        `event_id` says which event the journal has at a number; empty: it does not remember.
        """
        super().__init__(heartbeat_seconds=heartbeat_seconds, dead_after_seconds=greeting_seconds)
        self._random = random
        self._last_epoch = last_epoch
        self._resend = resend_seconds
        self._greeting = greeting_seconds
        self._next_event_seq = next_event_seq
        self._event_id = event_id
        self._acked_seq = 0
        self._sent_seq = 0
        self._credit = 0
        self._progress_at = 0.0
        self._outcomes: dict[tuple[str, int], float] = {}
        self._leave_at: float | None = None
        self.epoch = 0
        self.incarnation = 0

    def opened(self, now: float) -> tuple[Act, ...]:
        """Say that the connection stands: the hello goes out."""
        self._move(StreamEvent.OPENED)
        self._opened_at = now
        return (SendHello(),)

    def receive(self, frame: Frame, now: float) -> tuple[Act, ...]:
        """Take one frame of the server."""
        if self._state in (StreamState.NEW, StreamState.OVER):
            return self._ignore()
        message = frame.message
        if isinstance(message, SupersededBy):
            if self._state is not StreamState.GREETING and message.epoch <= self.epoch:
                return self._ignore()
            return self._superseded(message)
        if self._state is StreamState.GREETING:
            return self._greeted(frame, now)
        if frame.epoch != self.epoch or isinstance(message, Welcome):
            # From another session, or a repeat of the first frame of this one.
            return self._ignore()
        self._pulse.heard(now)
        asked_at = self._pulse.sent_at(message.number) if isinstance(message, Beat) else None
        age = self._ages.observe(frame.sent_nanoseconds, now, asked_at)
        match message:
            case EventsCommitted(seq):
                return self._committed(seq, now)
            case OutcomeCommitted(command_id, number):
                for key in [k for k in self._outcomes if k[0] == command_id and k[1] <= number]:
                    del self._outcomes[key]
                return (OutcomeDone(command_id, number),)
            case AlertCommitted(telling_id):
                return (AlertDone(telling_id),)
            case CreditGiven(credit):
                self._credit = max(0, credit)
            case DrainSaid(window):
                self._move(StreamEvent.DRAIN_SAID)
                leave_at = now + max(0.0, window) * self._random()
                self._leave_at = leave_at if self._leave_at is None else min(self._leave_at, leave_at)
            case Arrival(payload):
                return (Deliver(payload, age),)
            case LeaseGranted():
                return self._ignore()
            case Beat():
                pass
        return ()

    def tick(self, now: float) -> tuple[Act, ...]:
        """Say what time it is; returns what is due."""
        if self._state is StreamState.GREETING:
            if now - self._opened_at >= self._greeting:
                return self._end(Ending.SILENT, f"no welcome within {self._greeting:g} s")
            return ()
        if not self.live:
            return ()
        if self._pulse.dead(now):
            return self._end(Ending.SILENT, "the data stream has been silent for too long")
        if self._leave_at is not None and now >= self._leave_at:
            return self._end(Ending.DRAINED, "the server is going down")
        acts: list[Act] = []
        if (number := self._pulse.beat(now)) is not None:
            acts.append(SendBeat(number))
        for key, sent_at in self._outcomes.items():
            if now - sent_at >= self._resend:
                self._outcomes[key] = now
                acts.append(RepeatOutcome(*key))
        if self._sent_seq > self._acked_seq and now - self._progress_at >= self._resend:
            # Received and not committed, e.g. because the database was away: from the last committed one on.
            self._sent_seq = self._acked_seq
            self._progress_at = now
        return tuple(acts)

    def wake_at(self) -> float | None:
        """Return when to call `tick` at the latest; None: nothing is due by time."""
        if self._state is StreamState.GREETING:
            return self._opened_at + self._greeting
        if not self.live:
            return None
        times = [self._pulse.wake_at(), self._leave_at]
        times += [sent_at + self._resend for sent_at in self._outcomes.values()]
        if self._sent_seq > self._acked_seq:
            times.append(self._progress_at + self._resend)
        return min(time for time in times if time is not None)

    def event_made(self, next_event_seq: int) -> None:
        """Say that the journal has more events; `next_event_seq` is the number of the one to come."""
        self._next_event_seq = max(self._next_event_seq, next_event_seq)

    @property
    def every_event_sent(self) -> bool:
        """Return whether the journal has no event that was not sent in this session."""
        return self._sent_seq >= self._next_event_seq - 1

    def events_to_send(self, limit: int, now: float) -> tuple[int, int] | None:
        """Return the first and last of at most `limit` events to send now, and count them as sent.

        None: there are none, or the credit is used up.
        """
        if not self.live or limit < 1:
            return None
        last = min(self._next_event_seq - 1, self._acked_seq + self._credit, self._sent_seq + limit)
        if last <= self._sent_seq:
            return None
        first = self._sent_seq + 1
        if self._sent_seq == self._acked_seq:
            self._progress_at = now
        self._sent_seq = last
        return first, last

    def outcome_due(self, command_id: str, number: int) -> bool:
        """Return whether an outcome has yet to be sent in this session."""
        return self.live and (command_id, number) not in self._outcomes

    def outcome_sent(self, command_id: str, number: int, now: float) -> None:
        """Say that an outcome was sent; it is repeated until it is acknowledged."""
        if self.live:
            self._outcomes[command_id, number] = now

    def _greeted(self, frame: Frame, now: float) -> tuple[Act, ...]:
        welcome = frame.message
        if not isinstance(welcome, Welcome):
            return self._end(Ending.MALFORMED, "the first frame was no welcome")
        terms = welcome.terms
        if (welcome.incarnation, welcome.epoch) <= self._last_epoch or frame.epoch != welcome.epoch:
            return self._end(
                Ending.MALFORMED,
                f"epoch {welcome.epoch} (incarnation {welcome.incarnation}) is not newer than the last one",
            )
        if (
            not 0 < terms.heartbeat_seconds < terms.dead_after_seconds
            or terms.lease_seconds <= 0
            or welcome.committed_event_seq < 0
        ):
            return self._end(Ending.MALFORMED, "the welcome's terms make no sense")
        if welcome.journal_outdated:
            words = "another bridge has managed the account since this one's last session"
            return (Renew(welcome), *self._end(Ending.JOURNAL_OUTDATED, words))
        if welcome.committed_event_seq >= self._next_event_seq:
            return self._end(
                Ending.JOURNAL_BEHIND,
                f"the server has committed event {welcome.committed_event_seq} of this journal, "
                f"which has only {self._next_event_seq - 1}",
            )
        ours = self._event_id(welcome.committed_event_seq)
        if ours and welcome.committed_event_id and ours != welcome.committed_event_id:
            return self._end(
                Ending.JOURNAL_BEHIND,
                f"event {welcome.committed_event_seq} of this journal is another one than the server has "
                "committed: the journal was put back, and went on otherwise",
            )
        self._move(StreamEvent.WELCOMED)
        self.epoch, self.incarnation = welcome.epoch, welcome.incarnation
        self._live_at = now
        self._pulse.retime(
            interval_seconds=terms.heartbeat_seconds, dead_after_seconds=terms.dead_after_seconds
        )
        self._pulse.start(now)
        self._ages.observe(frame.sent_nanoseconds, now, self._opened_at)
        self._acked_seq = self._sent_seq = welcome.committed_event_seq
        self._credit = max(0, terms.event_credit)
        self._progress_at = now
        return (Acknowledged(welcome.committed_event_seq), Resume(welcome))

    def _committed(self, seq: int, now: float) -> tuple[Act, ...]:
        if seq <= self._acked_seq:
            return ()
        if seq >= self._next_event_seq:
            # It cannot have committed what was never made.
            return self._ignore()
        self._acked_seq = seq
        # Frames of the session before may be committed after this one began.
        self._sent_seq = max(self._sent_seq, seq)
        self._progress_at = now
        return (Acknowledged(seq),)


class ControlSession(_Stream):
    """The control stream: hello with the epoch of the data stream, heartbeats and the lease they earn."""

    def __init__(self, *, epoch: int, terms: Terms) -> None:
        super().__init__(
            heartbeat_seconds=terms.heartbeat_seconds, dead_after_seconds=terms.dead_after_seconds
        )
        self._lease_seconds = terms.lease_seconds
        self._lease_until = float("-inf")
        self.epoch = epoch

    def opened(self, now: float) -> tuple[Act, ...]:
        """Say that the connection stands: hello and first heartbeat go out."""
        self._move(StreamEvent.OPENED)
        self._opened_at = now
        self._pulse.start(now)
        return (SendHello(), *self.tick(now))

    def receive(self, frame: Frame, now: float) -> tuple[Act, ...]:
        """Take one frame of the server."""
        message = frame.message
        if self._state in (StreamState.NEW, StreamState.OVER):
            return self._ignore()
        if isinstance(message, SupersededBy):
            if message.epoch <= self.epoch:
                return self._ignore()
            return self._superseded(message)
        if frame.epoch != self.epoch:
            return self._ignore()
        if self._state is StreamState.GREETING:
            self._move(StreamEvent.WELCOMED)
            self._live_at = now
        self._pulse.heard(now)
        asked_at = self._pulse.sent_at(message.number) if isinstance(message, Beat | LeaseGranted) else None
        age = self._ages.observe(frame.sent_nanoseconds, now, asked_at)
        match message:
            case LeaseGranted():
                if asked_at is None:
                    return self._ignore()
                return (*self._lease(asked_at + self._lease_seconds), *_heads(message.audit_heads, age))
            case Arrival(payload):
                return (Deliver(payload, age),)
            case Beat():
                return _heads(message.audit_heads, age)
        return self._ignore()

    def _lease(self, until: float) -> tuple[Act, ...]:
        if until <= self._lease_until:
            return ()
        self._lease_until = until
        return (LeaseHeld(until),)

    def tick(self, now: float) -> tuple[Act, ...]:
        """Say what time it is; returns what is due."""
        if self._state in (StreamState.NEW, StreamState.OVER):
            return ()
        if self._pulse.dead(now):
            return self._end(Ending.SILENT, "the control stream has been silent for too long")
        number = self._pulse.beat(now)
        return () if number is None else (SendBeat(number),)

    def wake_at(self) -> float | None:
        """Return when to call `tick` at the latest; None: nothing is due by time."""
        return None if self._state in (StreamState.NEW, StreamState.OVER) else self._pulse.wake_at()


def _heads(heads: tuple[AuditHead, ...], age: float) -> tuple[Act, ...]:
    return (Deliver(heads, age),) if heads else ()
