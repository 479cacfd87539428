"""How near a limit is to being broken, and what follows: warn, block, flatten. Latched; a person resumes.

A trip to SOFT or HARD needs two reads at least a second apart that both say so, each plausible: the link up,
the login matched, a balance that is not zero. One bad read trips nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum

from signalos_server.domain.risk_limits.loss import Meter

_APART_SECONDS = 1.0


class Stage(IntEnum):
    """How far a limit is used."""

    CLEAR = 0
    # Told, nothing else.
    WARNING = 1
    # Nothing new is opened.
    SOFT = 2
    # Everything is closed, and nothing new is opened.
    HARD = 3


@dataclass(frozen=True, slots=True)
class Levels:
    """Shares of the limit at which the stages begin."""

    warning: Decimal = Decimal("0.7")
    soft: Decimal = Decimal("0.85")
    hard: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if not 0 < self.warning <= self.soft <= self.hard:
            raise ValueError("warning, soft and hard rise, and are above nothing")

    def stage(self, meter: Meter) -> Stage:
        """Return the stage of a meter's present value. A limit of nothing is broken by any loss."""
        if meter.current <= 0:
            return Stage.CLEAR
        for level, stage in ((self.hard, Stage.HARD), (self.soft, Stage.SOFT), (self.warning, Stage.WARNING)):
            if meter.current >= meter.limit * level:
                return stage
        return Stage.CLEAR


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the account."""

    meter: Meter
    monotonic: float
    linked: bool = True
    login_matches: bool = True
    balance: Decimal = Decimal(1)

    @property
    def plausible(self) -> bool:
        """Return whether a trip may follow from it."""
        return self.linked and self.login_matches and self.balance != 0


@dataclass(frozen=True, slots=True)
class LimitState:
    """Where a limit stands. `suspected` is a stage seen once, and `since` when."""

    latched: Stage = Stage.CLEAR
    suspected: Stage = Stage.CLEAR
    since: float = 0.0

    @property
    def blocks_opens(self) -> bool:
        """Return whether nothing new may be opened."""
        return self.latched >= Stage.SOFT

    def read(self, reading: Reading, levels: Levels) -> LimitState:
        """Return the state after a reading. Latched stages never fall by themselves."""
        if not reading.plausible:
            return LimitState(self.latched)
        seen = levels.stage(reading.meter)
        if seen <= Stage.WARNING:
            # A warning is no trip: it comes and goes with the meter.
            held = self.latched if self.latched >= Stage.SOFT else seen
            return LimitState(held)
        if seen <= self.latched:
            return LimitState(self.latched)
        if self.suspected < Stage.SOFT:
            return LimitState(self.latched, seen, reading.monotonic)
        if reading.monotonic - self.since < _APART_SECONDS:
            return LimitState(self.latched, min(self.suspected, seen), self.since)
        # Both reads say at least the lower of the two; what only the later says has to be seen again.
        confirmed = min(self.suspected, seen)
        latched = max(self.latched, confirmed)
        return LimitState(latched, seen if seen > latched else Stage.CLEAR, reading.monotonic)

    def resume(self, levels: Levels, meter: Meter) -> LimitState:
        """Return the state after a person resumed. It trips again if the meter still says so."""
        stage = levels.stage(meter)
        return LimitState(stage if stage is Stage.WARNING else Stage.CLEAR)
