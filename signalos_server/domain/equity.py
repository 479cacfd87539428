"""How equity went: which samples are kept for how long, and which are told. Times are in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

# Of the period: how long a sample of each kind stands for, and how long it is kept. By minutes for a day, by
# quarters of an hour for a month, by six hours for two years: some 7,000 samples at most.
_LEVELS = ((1, 1_440), (15, 43_200), (360, 1_051_200))


@dataclass(frozen=True, slots=True)
class EquitySample:
    """Money at one time; `span_seconds` is the stretch of time that it stands for."""

    time_milliseconds: int
    equity: float
    balance: float | None
    span_seconds: float


@dataclass(frozen=True, slots=True)
class Coarser:
    """Samples that stand for less than `span_seconds` and lie before `before` are to be made coarser."""

    span_seconds: float
    before_milliseconds: int


def due_coarser(now_milliseconds: int, period_seconds: float) -> tuple[Coarser, ...]:
    """Return what is to be made coarser now, whole stretches only; the finest first."""
    found = []
    for (_, kept), (coarse, _) in pairwise(_LEVELS):
        span = coarse * period_seconds
        stretch = _milliseconds(span)
        before = now_milliseconds - _milliseconds(kept * period_seconds)
        found.append(Coarser(span, before - before % stretch))
    return tuple(found)


def forgotten_before(now_milliseconds: int, period_seconds: float) -> int:
    """Return the time before which nothing is kept."""
    return now_milliseconds - _milliseconds(_LEVELS[-1][1] * period_seconds)


def thinned(samples: Sequence[EquitySample], span_seconds: float) -> list[EquitySample]:
    """Return the last sample of each stretch of `span_seconds`, standing for all of it; oldest first."""
    stretch = _milliseconds(span_seconds)
    kept: dict[int, EquitySample] = {}
    for sample in samples:
        kept[sample.time_milliseconds // stretch] = sample
    return [replace(one, span_seconds=max(one.span_seconds, span_seconds)) for one in kept.values()]


def at_most(samples: Sequence[EquitySample], most: int) -> list[EquitySample]:
    """Return all of them, or the last of each stretch of time where they are more than `most`."""
    if len(samples) <= most:
        return list(samples)
    width = samples[-1].time_milliseconds - samples[0].time_milliseconds
    # One less, because a stretch may begin within the first of them.
    return thinned(samples, (width // (most - 1) + 1) / 1000)


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
