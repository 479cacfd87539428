"""Rules that stop trading by themselves when something runs away: told what happened and what time it is.

Each is a setting of the account and in force until it is switched off. A trip halts and never closes.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from signalos_server.domain.errors import InvalidField
from signalos_server.domain.words import StopTriggerKind

_K = StopTriggerKind

# Late once: perhaps its machine froze it. Late again and again: it cannot keep up.
LATE_TIMES = 3
# More kinds of open than this within one window are no repetition of anything.
_MOST_KINDS = 1_000


@dataclass(frozen=True, slots=True)
class TriggerSetting:
    """One rule as set; `window_seconds` None: the rule knows none. The unit of `threshold` is its kind's."""

    kind: StopTriggerKind
    enabled: bool
    threshold: float
    window_seconds: float | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a rule takes: inclusive."""

    threshold: tuple[float, float]
    window_seconds: tuple[float, float] | None
    whole: bool
    """The threshold is a count."""


SHIPPED: dict[StopTriggerKind, TriggerSetting] = {
    setting.kind: setting
    for setting in (
        TriggerSetting(_K.UNKNOWN_OUTCOMES, True, 3, 300.0),
        TriggerSetting(_K.OPEN_RATE, True, 10, 10.0),
        TriggerSetting(_K.IDENTICAL_OPENS, True, 5, 10.0),
        TriggerSetting(_K.CLOCK_JUMP, True, 10.0, None),
        TriggerSetting(_K.LOOP_LAG, True, 1.0, 60.0),
    )
}

BOUNDS: dict[StopTriggerKind, Bounds] = {
    _K.UNKNOWN_OUTCOMES: Bounds((1, 1_000), (1.0, 86_400.0), True),
    _K.OPEN_RATE: Bounds((1, 10_000), (1.0, 300.0), True),
    _K.IDENTICAL_OPENS: Bounds((2, 1_000), (1.0, 3_600.0), True),
    _K.CLOCK_JUMP: Bounds((1.0, 86_400.0), None, False),
    _K.LOOP_LAG: Bounds((0.1, 60.0), (1.0, 3_600.0), False),
}

Settings = tuple[TriggerSetting, ...]


@dataclass(frozen=True, slots=True)
class Trip:
    """A rule that was broken, in plain words."""

    kind: StopTriggerKind
    reason: str


def in_force(changed: Settings) -> dict[StopTriggerKind, TriggerSetting]:
    """Return every rule; `changed` are those that differ from how they are shipped."""
    return SHIPPED | {setting.kind: setting for setting in changed}


def change(changed: Settings, wished: Iterable[TriggerSetting]) -> Settings:
    """Return the settings that differ from how they are shipped, once `wished` replace those of their kind.

    Raises `InvalidField`.
    """
    settings = in_force(changed)
    for index, setting in enumerate(wished):
        _check(f"triggers[{index}]", setting)
        settings[setting.kind] = setting
    return tuple(setting for kind, setting in settings.items() if setting != SHIPPED[kind])


def _check(field: str, setting: TriggerSetting) -> None:
    bounds = BOUNDS[setting.kind]
    low, high = bounds.threshold
    if not low <= setting.threshold <= high:
        raise InvalidField(f"{field}.threshold", f"of {setting.kind.name} lies between {low:g} and {high:g}")
    if bounds.whole and setting.threshold != int(setting.threshold):
        raise InvalidField(f"{field}.threshold", f"of {setting.kind.name} is a whole number")
    if bounds.window_seconds is None:
        if setting.window_seconds is not None:
            raise InvalidField(f"{field}.window", f"{setting.kind.name} knows no window; leave it out")
        return
    low, high = bounds.window_seconds
    if setting.window_seconds is None or not low <= setting.window_seconds <= high:
        raise InvalidField(f"{field}.window", f"of {setting.kind.name} lies between {low:g} s and {high:g} s")


class AccountWatch:
    """What has happened at one account lately, as far as the rules need it. Seconds are monotonic."""

    def __init__(self) -> None:
        self._unknown: OrderedDict[str, float] = OrderedDict()
        # Opens of each whole second, oldest first, the present one last.
        self._rate: deque[tuple[int, int]] = deque()
        self._alike: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._late: dict[str, deque[float]] = {}

    def unknown(self, command_id: str, changed: Settings, now: float) -> Trip | None:
        """A command became UNKNOWN; one that is told again counts once."""
        setting = in_force(changed)[_K.UNKNOWN_OUTCOMES]
        if command_id not in self._unknown:
            self._unknown[command_id] = now
        window = setting.window_seconds or 0.0
        while self._unknown and next(iter(self._unknown.values())) <= now - window:
            self._unknown.popitem(last=False)
        count = len(self._unknown)
        if not setting.enabled or count < setting.threshold:
            return None
        self._unknown.clear()
        return Trip(setting.kind, f"{count} commands became UNKNOWN within {window:g} s")

    def opened(self, source: str | None, what: Hashable, changed: Settings, now: float) -> Trip | None:
        """An open was accepted. `source` None: a person's own, in a session of theirs."""
        settings = in_force(changed)
        return self._opened_fast(settings[_K.OPEN_RATE], now) or (
            None if source is None else self._opened_alike(settings[_K.IDENTICAL_OPENS], (source, what), now)
        )

    def _opened_fast(self, setting: TriggerSetting, now: float) -> Trip | None:
        second, window = int(now), int(setting.window_seconds or 1)
        if self._rate and self._rate[-1][0] == second:
            self._rate[-1] = (second, self._rate[-1][1] + 1)
        else:
            self._rate.append((second, 1))
        while self._rate[0][0] < second - window:
            self._rate.popleft()
        if not setting.enabled:
            return None
        whole = [count for at, count in self._rate if at < second]
        # Each whole second before this one, without a gap.
        if len(whole) < window or min(whole) <= setting.threshold:
            return None
        self._rate.clear()
        return Trip(
            setting.kind,
            f"more than {setting.threshold:g} opens a second for {window} s ({sum(whole)} in all)",
        )

    def _opened_alike(self, setting: TriggerSetting, key: tuple[str, Hashable], now: float) -> Trip | None:
        window = setting.window_seconds or 0.0
        times = self._alike.setdefault(key, deque())
        self._alike.move_to_end(key)
        times.append(now)
        while times[0] <= now - window:
            times.popleft()
        while len(self._alike) > _MOST_KINDS:
            self._alike.popitem(last=False)
        if not setting.enabled or len(times) < setting.threshold:
            return None
        count = len(times)
        self._alike.clear()
        return Trip(setting.kind, f"{count} identical opens from one source within {window:g} s: {key[1]}")

    def loop_late(self, whose: str, seconds: float, changed: Settings, now: float) -> Trip | None:
        """An event loop was so late at its worst since the last word; `whose`: e.g. `the server`."""
        setting = in_force(changed)[_K.LOOP_LAG]
        if seconds < setting.threshold:
            return None
        window = setting.window_seconds or 0.0
        times = self._late.setdefault(whose, deque())
        times.append(now)
        while times[0] <= now - window:
            times.popleft()
        if not setting.enabled or len(times) < LATE_TIMES:
            return None
        times.clear()
        return Trip(
            setting.kind,
            f"the loop of {whose} was {setting.threshold:g} s late or more {LATE_TIMES} times within "
            f"{window:g} s, at last {seconds:.1f} s",
        )


def clock_jumped(whose: str, seconds: float, changed: Settings) -> Trip | None:
    """Judge a jump of a wall clock against the steady one; positive: forwards."""
    setting = in_force(changed)[_K.CLOCK_JUMP]
    if not setting.enabled or abs(seconds) < setting.threshold:
        return None
    return Trip(
        setting.kind, f"the wall clock of {whose} jumped by {seconds:+.1f} s against its steady clock"
    )


class ClockWatch:
    """Sees how far a wall clock has moved, since the last look, against a steady one that counts sleep."""

    def __init__(self, wall_seconds: float, now: float) -> None:
        self._offset = wall_seconds - now

    def look(self, wall_seconds: float, now: float) -> float:
        """Return the jump in seconds."""
        offset = wall_seconds - now
        jump, self._offset = offset - self._offset, offset
        return jump
