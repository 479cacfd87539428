"""An opening order as far as it has been read: figures in slots, not settled yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.model import Risk
from signalos_server.domain.signals.numbers import Figure
from signalos_server.domain.signals.symbols import Named
from signalos_server.domain.words import Side


class Slot(Enum):
    """What the next figure is."""

    NOTHING = auto()
    ENTRY = auto()
    SL = auto()
    TP = auto()
    VOLUME = auto()
    RISK = auto()
    IGNORED = auto()


@dataclass(frozen=True, slots=True)
class Price:
    """A figure in a slot, and its mark."""

    figure: Figure
    mark: Mark
    index: int | None = None


@dataclass(slots=True)
class Draft:
    """One order as far as it has been read. Figures are not settled yet."""

    side: Side | None = None
    side_mark: Mark | None = None
    side_place: int = -1
    weak_side: bool = False
    past: bool = False
    contradictory: bool = False
    named: Named | None = None
    named_mark: Mark | None = None
    # The instrument is that of the order before, until this one names its own.
    carried: bool = False
    rivals: list[str] = field(default_factory=list)
    first_place: int = 0
    last_place: int = 0
    entries: list[Price] = field(default_factory=list)
    ladder: list[Price] = field(default_factory=list)
    # A price, or a zone, that came before its side.
    loose: Price | None = None
    loose_end: Price | None = None
    # A price behind the instrument, in a line without a side: an entry if no other is named.
    stray: Price | None = None
    extra: list[Price] = field(default_factory=list)
    stops: list[Price] = field(default_factory=list)
    targets: list[Price] = field(default_factory=list)
    stop_pips: list[Decimal] = field(default_factory=list)
    target_pips: list[Decimal] = field(default_factory=list)
    points: bool = False
    target_open: bool = False
    volume: Decimal | None = None
    volume_hint: bool = False
    risk: Risk | None = None
    now: bool = False
    limit: bool = False
    stop_order: bool = False
    promised: bool = False
    stop_conditional: bool = False
    stop_at_entry: bool = False
    # Two entries were listed (1.56 and 1.55), not a zone.
    listed: bool = False
    corrupt: set[Slot] = field(default_factory=set)
    corrupt_marks: list[Mark] = field(default_factory=list)

    @property
    def has_levels(self) -> bool:
        """Return whether a stop or a target was read, as a price or as a distance."""
        return bool(self.stops or self.targets or self.stop_pips or self.target_pips)

    @property
    def has_prices(self) -> bool:
        """Return whether anything was read that a second order would not share."""
        return bool(self.entries or self.has_levels or self.corrupt)

    @property
    def empty(self) -> bool:
        """Return whether this is no order: no side, and no complete set of levels either."""
        if self.side is not None:
            return False
        return not (self.stops and self.targets and (self.entries or self.now or self.loose or self.stray))
