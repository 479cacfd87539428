"""The least equity of an account, and when the bridge stops by itself below it: without the server too.

A trip needs two reads at least a second apart that both are below, each plausible: the terminal linked to its
broker, logged in to the bound account, with a balance that is not zero. One bad read trips nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.domain.values import FloorAction

_APART_SECONDS = 1.0
# The account is read several times in this: what was not told anew has not changed.
_REREAD_SECONDS = 1.0
_STALE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class FloorReading:
    """The account's money: told when it last changed, and read again since then, in seconds awake."""

    equity: Decimal
    balance: Decimal
    told_at: float
    read_at: float | None
    linked: bool
    login_matches: bool

    @property
    def at(self) -> float:
        """Return when it was certainly so."""
        if self.read_at is not None and self.read_at - self.told_at >= _REREAD_SECONDS:
            return self.read_at
        return self.told_at

    def plausible(self, now: float) -> bool:
        """Return whether a trip may follow from it."""
        fresh = self.read_at is not None and now - self.read_at <= _STALE_SECONDS
        return fresh and self.linked and self.login_matches and self.balance != 0


@dataclass(frozen=True, slots=True)
class Funds:
    """What is wanted of the least equity, and the money; `floor` None: nothing is. None: not read yet."""

    floor: Decimal | None
    action: FloorAction
    reading: FloorReading | None


@dataclass(frozen=True, slots=True)
class FloorWatch:
    """What the reads so far came to. After a trip it waits for an equity above, or for another wish."""

    since: float | None = None
    tripped: tuple[Decimal, FloorAction] | None = None

    def look(self, funds: Funds, now: float) -> tuple[FloorWatch, bool]:
        """Return it after a look, and whether it trips now."""
        floor, reading = funds.floor, funds.reading
        if floor is None or funds.action is FloorAction.BLOCK:
            return FloorWatch(), False
        wish = (floor, funds.action)
        tripped = self.tripped if self.tripped == wish else None
        if reading is None or not reading.plausible(now):
            return FloorWatch(None, tripped), False
        if reading.equity >= floor:
            return FloorWatch(), False
        if tripped is not None:
            return FloorWatch(None, tripped), False
        if self.since is None:
            return FloorWatch(reading.at), False
        if reading.at - self.since < _APART_SECONDS:
            return FloorWatch(self.since), False
        return FloorWatch(None, wish), True
