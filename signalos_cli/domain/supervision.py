"""When programs start, come back and end: decided here, carried out by `signalos_cli.supervisor`.

Crash-only: a program that has served once is started again for as long as the supervisor lives, because
somebody's levels hang on it; only the pauses between its starts grow. One that never served is given up
soon, because a wrong setting or a taken port is not cured by trying, and then everything ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

CONFIGURATION_EXIT_CODE = 2
"""What a program ends with when its settings are wrong: trying again does not help."""


class State(Enum):
    """Where one program stands."""

    WAITING = "waiting"
    STARTING = "starting"
    SERVING = "serving"
    RESTING = "resting"
    """Ended unasked; starts again after a pause."""
    ENDING = "ending"
    ENDED = "ended"


class Event(Enum):
    """What befalls one program."""

    TURN = "turn"
    """All that it waits for serve."""
    SERVES = "serves"
    EXITED = "exited"
    PAUSE_OVER = "pause over"
    GIVEN_UP = "given up"
    END = "end"


class InvalidTransition(Exception):  # noqa: N818 - says what is the case
    """The event cannot happen in this state: a fault of the caller."""


_TRANSITIONS: Mapping[tuple[State, Event], State] = {
    (State.WAITING, Event.TURN): State.STARTING,
    (State.WAITING, Event.END): State.ENDED,
    (State.STARTING, Event.SERVES): State.SERVING,
    (State.STARTING, Event.EXITED): State.RESTING,
    (State.STARTING, Event.END): State.ENDING,
    (State.SERVING, Event.EXITED): State.RESTING,
    (State.SERVING, Event.END): State.ENDING,
    (State.RESTING, Event.PAUSE_OVER): State.STARTING,
    (State.RESTING, Event.GIVEN_UP): State.ENDED,
    (State.RESTING, Event.END): State.ENDED,
    # It began to serve between the request to end and its end: it ends all the same.
    (State.ENDING, Event.SERVES): State.ENDING,
    (State.ENDING, Event.END): State.ENDING,
    (State.ENDING, Event.EXITED): State.ENDED,
    (State.ENDED, Event.END): State.ENDED,
}


def next_state(state: State, event: Event) -> State:
    """Raises `InvalidTransition` for a pair that cannot happen."""
    try:
        return _TRANSITIONS[state, event]
    except KeyError:
        raise InvalidTransition(f"{event.value} while {state.value}") from None


@dataclass(frozen=True, slots=True)
class Program:
    """A program to keep running. `after` names those that must serve before its first start."""

    name: str
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How patient the supervisor is. Seconds."""

    first_pause_seconds: float = 0.5
    longest_pause_seconds: float = 30.0
    calm_seconds: float = 60.0
    """Serving for so long makes earlier ends forgotten: the next pause is the first one again."""
    start_seconds: float = 60.0
    """A program that does not serve after so long is killed, which counts as an end."""
    end_seconds: float = 20.0
    """A program asked to end that has not after so long is killed."""
    first_starts: int = 3
    """So many starts are tried of a program that never served."""
    storm_starts: int = 5
    storm_seconds: float = 60.0
    """More ends than `storm_starts` within `storm_seconds` is a storm, which is said once."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: by itself with `code`, or by `signal`."""

    code: int | None = None
    signal: int | None = None
    reason: str = ""
    """In words, where there is more to say than a number."""

    def describe(self) -> str:
        if self.reason:
            return self.reason
        if self.signal is not None:
            return f"killed by signal {self.signal}"
        return f"exit code {self.code}"


@dataclass(frozen=True, slots=True)
class Start:
    """Spawn it. Answered by `serves` and `exited`."""

    name: str


@dataclass(frozen=True, slots=True)
class AskToEnd:
    name: str


@dataclass(frozen=True, slots=True)
class Kill:
    name: str


@dataclass(frozen=True, slots=True)
class WillRestart:
    """To be said: it ended unasked, and starts again in `pause_seconds`."""

    name: str
    exit: Exit
    pause_seconds: float


@dataclass(frozen=True, slots=True)
class Storm:
    """To be said: it ended `count` times within `seconds`."""

    name: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class GaveUp:
    """To be said: it never served. Everything ends."""

    name: str
    exit: Exit
    starts: int


@dataclass(frozen=True, slots=True)
class TooSlow:
    """To be said: it is killed, having not served (or not ended) within `seconds`."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class AllServe:
    """Every program has served: said once."""


@dataclass(frozen=True, slots=True)
class AllEnded:
    """Nothing runs any more. `failed` when a program was given up."""

    failed: bool


Action = Start | AskToEnd | Kill | WillRestart | Storm | GaveUp | TooSlow | AllServe | AllEnded


@dataclass(slots=True)
class _Kept:
    program: Program
    state: State = State.WAITING
    served_once: bool = False
    serving_since: float = 0.0
    starts: int = 0
    pauses: int = 0
    """Ends since it last was calm; the pause doubles with each."""
    due: float | None = None
    """When the pause is over, or patience with its start or end is."""
    last_exit: Exit = field(default_factory=Exit)
    ends: deque[float] = field(default_factory=deque)
    storm_said: bool = False


class Supervision:
    """Keeps `programs` running until told to end. Every method answers with what to do now."""

    def __init__(self, programs: Sequence[Program], limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._kept = {program.name: _Kept(program) for program in programs}
        for program in programs:
            unknown = set(program.after) - set(self._kept)
            if unknown:
                raise ValueError(f"{program.name} waits for unknown programs: {sorted(unknown)}")
        self._ending = False
        self._failed = False
        self._said_serving = False
        self._said_ended = False

    def state(self, name: str) -> State:
        return self._kept[name].state

    def next_due(self) -> float | None:
        """When `poll` has something to do, if nothing happens before."""
        return min((kept.due for kept in self._kept.values() if kept.due is not None), default=None)

    def begin(self, now: float) -> list[Action]:
        return self._give_turns(now)

    def serves(self, name: str, now: float) -> list[Action]:
        kept = self._kept[name]
        self._move(kept, Event.SERVES)
        if kept.state is not State.SERVING:
            return []
        kept.served_once, kept.serving_since, kept.due = True, now, None
        actions = self._give_turns(now)
        if not self._said_serving and all(each.served_once for each in self._kept.values()):
            self._said_serving = True
            actions.append(AllServe())
        return actions

    def exited(self, name: str, how: Exit, now: float) -> list[Action]:
        kept = self._kept[name]
        was_serving = kept.state is State.SERVING
        self._move(kept, Event.EXITED)
        kept.last_exit, kept.due = how, None
        if kept.state is State.ENDED:
            return self._end_more(now)
        if was_serving and now - kept.serving_since >= self._limits.calm_seconds:
            kept.pauses = 0
        if not kept.served_once and (
            how.code == CONFIGURATION_EXIT_CODE or kept.starts >= self._limits.first_starts
        ):
            self._move(kept, Event.GIVEN_UP)
            self._failed = True
            return [GaveUp(name, how, kept.starts), *self.end(now)]
        pause = min(
            self._limits.first_pause_seconds * 2.0 ** min(kept.pauses, 30),
            self._limits.longest_pause_seconds,
        )
        kept.pauses += 1
        kept.due = now + pause
        return [WillRestart(name, how, pause), *self._storm(kept, now)]

    def poll(self, now: float) -> list[Action]:
        """Do what has come due."""
        actions: list[Action] = []
        for name, kept in self._kept.items():
            if kept.due is None or now < kept.due:
                continue
            if kept.state is State.RESTING:
                self._move(kept, Event.PAUSE_OVER)
                actions += self._started(kept, now)
            elif kept.state is State.STARTING:
                kept.due = None
                actions += [TooSlow(name, self._limits.start_seconds), Kill(name)]
            elif kept.state is State.ENDING:
                kept.due = None
                actions += [TooSlow(name, self._limits.end_seconds), Kill(name)]
        return actions

    def end(self, now: float) -> list[Action]:
        """End all, those first that others do not wait for. A second call kills what is left."""
        again = self._ending
        self._ending = True
        if not again:
            return self._end_more(now)
        for kept in self._kept.values():
            self._move(kept, Event.END)
            kept.due = None
        running: list[Action] = [
            Kill(name) for name, kept in self._kept.items() if kept.state is State.ENDING
        ]
        return running + self._end_more(now)

    def _end_more(self, now: float) -> list[Action]:
        if not self._ending:
            return []
        actions: list[Action] = []
        moved = True
        while moved:
            moved = False
            for name, kept in reversed(self._kept.items()):
                if kept.state in (State.ENDING, State.ENDED) or self._needed(name):
                    continue
                runs = kept.state is not State.WAITING and kept.state is not State.RESTING
                self._move(kept, Event.END)
                kept.due, moved = (now + self._limits.end_seconds if runs else None), True
                if runs:
                    actions.append(AskToEnd(name))
        if not self._said_ended and all(kept.state is State.ENDED for kept in self._kept.values()):
            self._said_ended = True
            actions.append(AllEnded(self._failed))
        return actions

    def _needed(self, name: str) -> bool:
        return any(
            name in other.program.after and other.state is not State.ENDED for other in self._kept.values()
        )

    def _give_turns(self, now: float) -> list[Action]:
        actions: list[Action] = []
        if self._ending:
            return actions
        for kept in self._kept.values():
            ready = all(self._kept[other].served_once for other in kept.program.after)
            if kept.state is State.WAITING and ready:
                self._move(kept, Event.TURN)
                actions += self._started(kept, now)
        return actions

    def _started(self, kept: _Kept, now: float) -> list[Action]:
        kept.starts += 1
        kept.due = now + self._limits.start_seconds
        return [Start(kept.program.name)]

    def _storm(self, kept: _Kept, now: float) -> list[Action]:
        kept.ends.append(now)
        while now - kept.ends[0] > self._limits.storm_seconds:
            kept.ends.popleft()
        if len(kept.ends) <= self._limits.storm_starts:
            kept.storm_said = False
            return []
        if kept.storm_said:
            return []
        kept.storm_said = True
        return [Storm(kept.program.name, len(kept.ends), self._limits.storm_seconds)]

    @staticmethod
    def _move(kept: _Kept, event: Event) -> None:
        kept.state = next_state(kept.state, event)
