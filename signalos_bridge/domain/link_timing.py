"""Times of a link: how old a frame is, when a stream is dead, and when to try again.

All instants are seconds of the bridge's own monotonic clock, handed in by the caller. The server's clock is
another one; only differences between the two mean anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

# Above this doubt about the clocks' difference, the pessimistic bound is used instead of the likely one: a
# command may begin at most one second after its time to live.
_DOUBT_SECONDS = 1.0
# Crystals drift apart by up to 0.1 ms a second. The smallest difference of a day would make frames look old
# that are not, so only the last two spans count; each has dozens of heartbeats.
_SPAN_SECONDS = 300.0


@dataclass(slots=True)
class _Span:
    start: float
    smallest: float
    # The clocks' difference is at least this: a reply cannot have been under way longer than its round trip.
    floor: float


class FrameAges:
    """How long frames of one session were under way, beyond the fastest of them."""

    def __init__(self) -> None:
        self._now: _Span | None = None
        self._before: _Span | None = None

    def observe(self, sent_nanoseconds: int, now: float, asked_at: float | None = None) -> float:
        """Take note of a frame and return its age in seconds.

        `sent_nanoseconds` is the server's clock when it was sent. `asked_at`: when we sent what it replies
        to, if it is a reply.
        """
        difference = now - sent_nanoseconds / 1e9
        floor = float("-inf") if asked_at is None else difference - max(0.0, now - asked_at)
        if self._now is None or now - self._now.start >= _SPAN_SECONDS:
            self._before, self._now = self._now, _Span(now, difference, floor)
        else:
            self._now.smallest = min(self._now.smallest, difference)
            self._now.floor = max(self._now.floor, floor)
        smallest, lowest = self._now.smallest, self._now.floor
        if self._before is not None:
            smallest = min(smallest, self._before.smallest)
            lowest = max(lowest, self._before.floor)
        if lowest == float("-inf") or smallest - lowest <= _DOUBT_SECONDS:
            return difference - smallest
        return difference - lowest


class Pulse:
    """Heartbeats of one stream, and its silence."""

    def __init__(self, *, interval_seconds: float, dead_after_seconds: float) -> None:
        self._interval = interval_seconds
        self._dead_after = dead_after_seconds
        self._heard_at: float | None = None
        self._due_at: float | None = None
        self._number = 0
        self._sent: dict[int, float] = {}

    def start(self, now: float) -> None:
        """Begin: the first heartbeat is due at once, and silence is counted from here."""
        self._heard_at = now
        self._due_at = now

    def retime(self, *, interval_seconds: float, dead_after_seconds: float) -> None:
        """Keep to what the server said."""
        self._interval = interval_seconds
        self._dead_after = dead_after_seconds

    def heard(self, now: float) -> None:
        """Note a frame of the other side."""
        self._heard_at = now

    def beat(self, now: float) -> int | None:
        """Return the number of the heartbeat to send now; None: none is due."""
        if self._due_at is None or now < self._due_at:
            return None
        # Counted from now and not from when it was due: after a sleep one heartbeat is enough.
        self._due_at = now + self._interval
        self._number += 1
        self._sent[self._number] = now
        if len(self._sent) > 64:
            del self._sent[min(self._sent)]
        return self._number

    def hurry(self, now: float) -> None:
        """Let the next heartbeat be due at once, because what it tells has changed."""
        if self._due_at is not None:
            self._due_at = min(self._due_at, now)

    def sent_at(self, number: int) -> float | None:
        """Return when a heartbeat was sent; None: never, or too long ago."""
        return self._sent.get(number)

    def dead(self, now: float) -> bool:
        """Return whether the stream has been silent for too long."""
        return self._heard_at is not None and now - self._heard_at >= self._dead_after

    def wake_at(self) -> float | None:
        """Return when to look again; None: not started."""
        if self._heard_at is None or self._due_at is None:
            return None
        return min(self._due_at, self._heard_at + self._dead_after)


class Ending(Enum):
    """Why a session is over, as far as it matters for the next one."""

    LOST = "lost"
    SILENT = "silent"
    DRAINED = "drained"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    MALFORMED = "malformed"
    # The server has committed events that our journal does not know: it has lost its end.
    JOURNAL_BEHIND = "journal behind"
    # Another journal has spoken for the account since ours did.
    JOURNAL_OUTDATED = "journal outdated"
    CLOSED = "closed"


class Backoff:
    """When to connect again: full jitter, so that a thousand bridges do not come back at the same instant."""

    def __init__(
        self,
        random: Callable[[], float],
        *,
        base_seconds: float = 0.5,
        cap_seconds: float = 10.0,
        superseded_seconds: float = 60.0,
        steady_seconds: float = 10.0,
    ) -> None:
        """Take `random` for numbers from [0, 1)."""
        self._random = random
        self._base = base_seconds
        self._cap = cap_seconds
        self._superseded = superseded_seconds
        self._steady = steady_seconds
        self._failures = 0
        self._supersedings = 0

    def delay(self, ending: Ending, lived_seconds: float) -> float:
        """Return the seconds to wait after a session that was live for `lived_seconds` (0: never)."""
        if lived_seconds >= self._steady:
            self._failures = 0
        if ending is Ending.SUPERSEDED:
            # Another bridge runs with our credential and is newer. Coming back throws it out, so coming back
            # soon would make two bridges throw each other out for ever.
            wait = min(self._superseded * 2.0**self._supersedings, 3600.0)
            self._supersedings += 1
            return wait * (1.0 + 0.25 * self._random())
        if lived_seconds >= self._superseded:
            self._supersedings = 0
        if ending is Ending.DRAINED:
            return 0.0
        if ending is Ending.REFUSED:
            # Refused for what we are; trying harder changes nothing, and a person has to act.
            return self._cap * (1.0 + 2.0 * self._random())
        ceiling = min(self._cap, self._base * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return ceiling * self._random()
