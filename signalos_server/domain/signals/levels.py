"""Reads new levels (SL 2345, TP2 to 2380, entry to 2338): for messages that open nothing."""

from __future__ import annotations

from decimal import Decimal

from signalos_server.domain.signals.aims import STOPS, Action, Aims, Anchor
from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.model import (
    Kind,
    Parse,
    Target,
    Verdict,
)
from signalos_server.domain.signals.numbers import settle
from signalos_server.domain.signals.symbols import band
from signalos_server.domain.signals.words.concepts import FUTURES, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

# More unknown words than this around a level, and it is talk about it; around one that is moved, the same is
# held.
_TALK = 2
# What a plain level consists of; anything else beside it is talk.
_PLAIN = SIDES | {
    C.SYMBOL,
    C.SL,
    C.TP,
    C.STOP_WORD,
    C.ENTRY,
    C.LIMIT,
    C.NUMBER,
    C.CORRUPT,
    C.INDEX,
    C.COLON,
    C.AT,
    C.TO,
    C.DASH,
    C.SLASH,
    C.COMMA,
    C.AND,
    C.OR,
    C.PLUS,
    C.HASH,
    C.BRACKET_OPEN,
    C.BRACKET_CLOSE,
    C.CURRENCY,
    C.PERCENT,
    C.LOTS,
    C.PIPS,
    C.POINTS,
    C.FILLER,
    C.NEW,
    C.MOVE,
    C.NOW,
    C.POSITION,
    C.ALL,
    C.FULL,
    C.OPEN_END,
    C.OPTIONAL,
    C.I_ME,
    C.HIT,
    C.ABOVE,
    C.BELOW,
    C.PENDING,
    C.ORDERS,
    C.TIME,
    C.PREVIOUS,
    C.AGAIN,
}
_MUCH_TALK = 4


class LevelReader(Aims):
    """Reads the changes of levels in a message."""

    def read_levels(self) -> list[Action]:
        """Read new levels (SL 2345, TP2 to 2380, entry to 2338): for messages that open nothing."""
        actions: list[Action] = []
        for clause in self._clauses:
            if clause.is_question or not clause.has(C.SL, C.TP, C.STOP_WORD, C.ENTRY, C.LIMIT, C.MOVE):
                continue
            action = self._read_level(clause)
            if action is not None:
                actions.append(action)
        return actions

    def _read_level(self, clause: Clause) -> Action | None:
        own = self._tells_of_oneself(clause)
        if clause.has(C.NOT) or own is True or (clause.has(*FUTURES) and not clause.has(C.OPTIONAL)):
            return None
        verdict = Verdict()
        if own is None:
            verdict.hold("FIRST_PERSON", "someone's own level: told to others, or of oneself?")
        marks = self._marks
        stop: Decimal | None = None
        stop_pips: Decimal | None = None
        targets: list[Decimal] = []
        entry: Decimal | None = None
        index: int | None = None
        label: C | None = None
        open_end = False
        corrupt = False
        for place in range(clause.first, clause.last):
            mark = marks[place]
            concept = mark.concept
            if concept in (C.SL, C.TP, C.STOP_WORD):
                if label in STOPS and concept is C.TP and stop is None and self._leads_to(place):
                    stop = self._parents_target(place, clause)
                    if stop is not None:
                        label = None
                        continue
                label = C.SL if concept is C.STOP_WORD else concept
            elif concept in (C.ENTRY, C.LIMIT) and label is None and clause.has(C.MOVE, C.NEW):
                label = C.ENTRY
            elif concept is C.INDEX and label is C.TP and index is None:
                index = mark.number
            elif concept is C.OPEN_END and label is C.TP:
                open_end = True
            elif concept is C.CORRUPT and label is not None:
                corrupt = True
            elif mark.figure is not None and label is not None:
                unit = marks[place + 1].concept if place + 1 < clause.last else None
                following = marks[place + 1 : place + 4]
                if (
                    label is C.TP
                    and mark.figure.is_small_count
                    and marks[place - 1].concept is C.TP
                    and (mark.glued or any(other.figure is not None for other in following))
                ):
                    index = int(mark.figure.text)
                    continue
                if unit in (C.PERCENT, C.LOTS):
                    continue
                if unit in (C.PIPS, C.POINTS) or marks[place - 1].concept is C.PLUS:
                    if label is C.SL and stop is None:
                        stop_pips = mark.figure.value
                    continue
                value = settle(mark.figure, self._references(), band(self._symbol))
                if value is None:
                    corrupt = True
                elif label is C.SL:
                    stop = stop if stop is not None and not clause.has(C.TO) else value
                elif label is C.TP:
                    if targets and marks[place - 1].concept is C.TO and clause.has(C.MOVE):
                        # "from 2360 to 2365": the old one was only named.
                        targets.pop()
                    targets.append(value)
                elif entry is None:
                    entry = value
        if corrupt:
            verdict.hold("CORRUPT_FIGURE", "a figure is broken, and none is guessed")
        if stop is None and stop_pips is None and not targets and entry is None and not open_end:
            return None if not corrupt else self._level_action(clause, Parse(kind=Kind.MODIFY), verdict)
        if clause.has(C.HIT) and not clause.has(C.MOVE, C.NEW, C.TO):
            return None
        if clause.has(C.IF) or (targets and clause.has(C.RUNNING, C.PIPS, C.PROFIT) and stop is None):
            return None
        words = sum(mark.concept not in _PLAIN for mark in marks[clause.first : clause.last])
        if not clause.has(C.MOVE, C.NEW):
            if words > _TALK or clause.has(C.LATER, C.RUNNING, C.LET_RUN, C.NEAR, C.MENTION):
                return None
            if words:
                verdict.hold("NOT_PLAINLY_TOLD", "a level among words that were not understood")
        elif words > _MUCH_TALK:
            verdict.hold("NOT_PLAINLY_TOLD", "a level among words that were not understood")
        if clause.has(C.OPTIONAL):
            verdict.hold("OPTIONAL", "offered, not told: a person or the configuration decides")
        if stop_pips is not None:
            verdict.hold("RELATIVE_STOP", "a stop as a distance: from the entry, or from the price?")
        if self._offers_a_choice(clause):
            verdict.hold("CHOICE", "two levels are offered")
        self._check_levels((stop, entry, *targets), verdict)
        parse = Parse(
            kind=Kind.MODIFY,
            stop_loss=stop,
            stop_loss_pips=stop_pips,
            take_profits=tuple(targets),
            take_profit_index=index,
            take_profit_open=open_end,
            entry=None if entry is None else (entry, entry),
            target=Target.PENDING if entry is not None and stop is None and not targets else None,
            side=self._side_in(Anchor(clause.first, clause.first, clause.first, clause.last)),
        )
        return self._level_action(clause, parse, verdict)

    def _tells_of_oneself(self, clause: Clause) -> bool | None:
        """Return whether someone tells of their own trade; None where it may be so: `Change my SL to 43`."""
        marks = self._marks[clause.first : clause.last]
        persons = [mark for mark in marks if mark.concept is C.I_ME]
        if not persons:
            return False
        ordered = marks[0].concept is C.MOVE and not marks[0].text.endswith(("ing", "ed"))
        return None if ordered and all(mark.text == "my" for mark in persons) else True

    def _offers_a_choice(self, clause: Clause) -> bool:
        """Return whether one figure or another is offered: an "or" with a figure on either side."""
        concepts = [mark.concept for mark in self._marks[clause.first : clause.last]]
        return any(
            concept is C.OR and C.NUMBER in concepts[:place] and C.NUMBER in concepts[place:]
            for place, concept in enumerate(concepts)
        )

    def _leads_to(self, place: int) -> bool:
        """Return whether a label is where another one goes: SL to TP1, SL at TP1."""
        previous = self._marks[place - 1]
        return previous.concept in (C.TO, C.AT, C.FILLER)

    def _check_levels(self, levels: tuple[Decimal | None, ...], verdict: Verdict) -> None:
        """Refuse a level that cannot be a price of the instrument, or of the order that is changed."""
        parent = self._context.parent
        limits = band(self._symbol or (parent.symbol if parent else None))
        references = self._references()
        for level in levels:
            if level is None:
                continue
            beside = references and abs(level - references[0]) > references[0] / 2
            outside = limits is not None and not limits[0] <= level <= limits[1]
            if beside or outside:
                verdict.refuse("IMPLAUSIBLE_PRICE", f"{level} cannot be a level of this trade")

    def _parents_target(self, place: int, clause: Clause) -> Decimal | None:
        """Return the parent's target that a stop is moved to: SL to TP1."""
        parent = self._context.parent
        if parent is None or place + 1 >= clause.last:
            return None
        number = self._marks[place + 1]
        index = number.number
        if number.figure is not None and number.figure.is_small_count:
            index = int(number.figure.text)
        if index is None or not 1 <= index <= len(parent.take_profits):
            return None
        return parent.take_profits[index - 1]

    def _level_action(self, clause: Clause, parse: Parse, verdict: Verdict) -> Action:
        region = range(clause.first, clause.last)
        symbols = self._symbols(Anchor(clause.first, clause.first, clause.first, clause.last))
        aimed = self._aimed(parse, symbols[0] if len(symbols) == 1 else None, verdict)
        return Action(aimed, clause.first, frozenset(region))
