"""What is compared, and what a comparison finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from signalos_bridge.domain.facts import Fact, SyncDifference
from signalos_bridge.domain.market import Deal, HistoryOrder, Position, WorkingOrder
from signalos_bridge.domain.record import KnownOrder, KnownPosition, Owner


@dataclass(frozen=True, slots=True)
class Sight:
    """What the terminal shows.

    `settled`: there was time for positions, orders and deals to agree, so that nothing more is waited for;
    `overdue`: the same for single identifiers and order tickets. `absent`: those that repeated readings did
    not show, nor a deal or order that ended them.
    """

    positions: Sequence[Position]
    orders: Sequence[WorkingOrder]
    deals: Sequence[Deal]
    history_orders: Sequence[HistoryOrder]
    settled: bool
    absent: frozenset[int] = frozenset()
    overdue: frozenset[int] = frozenset()

    def waited_for(self, identifier: int) -> bool:
        """Return whether there was time for everything about one of them to be shown."""
        return self.settled or identifier in self.overdue


@dataclass(frozen=True, slots=True)
class Told:
    """A fact with its id and the command behind it (empty: none of ours)."""

    event_id: str
    command_id: str
    fact: Fact


@dataclass(slots=True)
class Difference:
    """What changes in the record, and what is told of it.

    `waiting`: identifiers and order tickets of which not everything is shown yet. `unexplained`: those of
    them that are gone without a word; somebody should ask for their history.
    """

    told: list[Told] = field(default_factory=list)
    positions: list[KnownPosition] = field(default_factory=list)
    # With the broker's time of the deal after which nothing was left; 0: the deals do not cover all of it.
    closed: dict[int, int] = field(default_factory=dict)
    orders: list[KnownOrder] = field(default_factory=list)
    ended_orders: list[int] = field(default_factory=list)
    deals: list[Deal] = field(default_factory=list)
    differences: list[SyncDifference] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    unexplained: set[int] = field(default_factory=set)

    @property
    def empty(self) -> bool:
        """Return whether the record stays as it is."""
        return not (self.positions or self.closed or self.orders or self.ended_orders or self.deals)


@dataclass(frozen=True, slots=True)
class Whose:
    """Who is behind magic numbers: the commands known, and the prefixes of this installation."""

    owner: Callable[[int], Owner | None]
    prefixes: frozenset[int]
    account_id: str
    offset: int | None
