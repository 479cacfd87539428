"""Posts that come in parts: "GOLD BUY NOW", and a moment later "SL 2330 TP 2350".

A part is held back only where it reads as the beginning of an order that could not be sent as it is. It is
put together with what follows only where both together read as one order that could. So nothing that can
stand alone waits, and what is not plainly one order stays what its author made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# Long enough for somebody who presses Enter between the lines, short enough for a price that moves.
WINDOW: Final = timedelta(seconds=4)
MAXIMUM_PARTS: Final = 4


@dataclass(frozen=True, slots=True)
class Reading:
    """What the server reads in a text, as far as this question goes."""

    opens: bool
    # The gate lets it pass, or leaves it to the settings.
    may_be_sent: bool
    has_symbol: bool
    has_side: bool
    has_stop: bool
    # Further actions in the same text.
    further: int = 0

    @property
    def whole(self) -> bool:
        """An order with all that it needs."""
        return self.opens and self.may_be_sent and self.has_symbol and self.has_side and self.has_stop

    @property
    def begun(self) -> bool:
        """The beginning of one order, with something missing."""
        if self.whole or self.further:
            return False
        return self.opens or self.has_symbol or self.has_side


@dataclass(frozen=True, slots=True)
class Part:
    """A message that waits to be handed on."""

    text: str
    sender: str
    say_time: datetime
    # By the clock of this machine, UTC.
    arrive_time: datetime
    reply_to: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Send:
    """It stands alone."""


@dataclass(frozen=True, slots=True)
class Wait:
    """More may follow until then."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Try:
    """To be put together if this text reads as one whole order."""

    text: str


def assemble(head: Part, reading: Reading, following: Part | None, now: datetime) -> Send | Wait | Try:
    """What to do with `head`, the oldest message of its chat, and `following`, the one after it if there is
    one already.
    """
    if not reading.begun or head.count >= MAXIMUM_PARTS:
        return Send()
    if following is None:
        until = head.arrive_time + WINDOW
        # A message that was caught up on is not the beginning of one that is being written.
        return Wait(until) if now < until and now - head.say_time < 2 * WINDOW else Send()
    if not _belongs(head, following):
        return Send()
    return Try(joined(head.text, following.text))


def joined(first: str, second: str) -> str:
    """Two parts as one text."""
    return f"{first}\n{second}"


def _belongs(head: Part, following: Part) -> bool:
    if following.sender != head.sender or not following.text:
        return False
    if following.reply_to is not None and following.reply_to != head.reply_to:
        return False
    return timedelta(0) <= following.say_time - head.say_time <= WINDOW
