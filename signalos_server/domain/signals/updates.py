"""Reads what a message asks to be done with trades that exist: close, part, break-even, move, cancel, trail.

Each clause is searched for anchors (close, SL to entry, cancel …). What stands around an anchor, up to the
next one, is its region: what it acts on, how much, and how it is said. Denied, conditional, future, asked
and first-person anchors are no actions; they are told as notes, so that a reader sees what was passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from signalos_server.domain.signals.aims import FRACTIONS, STOPS, Action, Anchor, Updates
from signalos_server.domain.signals.announcements import read_event
from signalos_server.domain.signals.clauses import Clause, part_of
from signalos_server.domain.signals.model import (
    Announcement,
    Kind,
    Parse,
    Reason,
    Target,
    Verdict,
)
from signalos_server.domain.signals.numbers import settle
from signalos_server.domain.signals.objections import OBJECTIONS
from signalos_server.domain.signals.shares import ShareReader
from signalos_server.domain.signals.symbols import band
from signalos_server.domain.signals.words.concepts import BUYS, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

# More unknown words than this around a verb, and only an object of trading makes it an instruction.
_TALK = 2
# Forms of "close" that name a thing as often as they ask for it.
_NOUNS = ("ing", "cierre", "chiusura", "закрытие", "fechamento", "cloture")


_OBJECTS = SIDES | {C.POSITION, C.ALL, C.NOW, C.HALF, C.PERCENT, C.PART, C.ORDERS, C.FULL, C.SYMBOL}


class UpdateReader(ShareReader):
    """Reads the updates of one message."""

    def read_strong(self) -> Updates:
        """Read what can only be an update, whatever else the message says."""
        for clause in self._clauses:
            anchors = self._anchors(clause)
            if not anchors:
                self._updates.levels.append(clause)
            for anchor in anchors:
                if anchor.level:
                    if self._objection(clause, anchor) is None:
                        self._updates.levels.append(part_of(self._marks, clause, anchor.first, anchor.last))
                else:
                    self._read_anchor(clause, anchor)
        self._updates.event = read_event(self._marks, self._clauses)
        return self._updates

    # One anchor

    def _read_anchor(self, clause: Clause, anchor: Anchor) -> None:
        mark = self._marks[anchor.place]
        region = range(anchor.first, anchor.last)
        parse, verdict = self._act(clause, anchor)
        if parse is None:
            return
        objection = self._objection(clause, anchor)
        if objection is not None:
            conditional = objection == "CONDITIONAL" and self._conditional_target(clause, anchor)
            self._updates.notes.append(Reason(objection, OBJECTIONS[objection], self._marked.at(mark)))
            self._updates.regions.update(self._taken(region, anchor))
            if not conditional:
                return
            parse = conditional
            verdict.hold(
                "CONDITIONAL", "a close at a price is a target, and waits for a person", self._marked.at(mark)
            )
        elif clause.has(C.OPTIONAL):
            verdict.hold(
                "OPTIONAL", "offered, not told: a person or the configuration decides", self._marked.at(mark)
            )
        symbols = self._symbols(anchor)
        if clause.has(C.EXCEPT):
            verdict.hold("EXCEPTION", "all but some: which, a person has to say", self._marked.at(mark))
            symbols = []
            parse = replace(parse, target=Target.ALL)
        for symbol in symbols or (None,):
            self._emit(parse, symbol, verdict, anchor)

    def _emit(self, parse: Parse, symbol: str | None, verdict: Verdict, anchor: Anchor) -> None:
        region = self._taken(range(anchor.first, anchor.last), anchor)
        self._updates.regions.update(region)
        action = Action(self._aimed(parse, symbol, verdict), anchor.place, frozenset(region))
        if all(action.parse.meaning != other.parse.meaning for other in self._updates.actions):
            self._updates.actions.append(action)

    def _taken(self, region: range, anchor: Anchor) -> set[int]:
        """Return the marks that belong to an update and so to no opening order.

        What stands before the anchor belongs to it unless it is an order (`buy 2340, close at TP1`).
        """
        before = self._marks[region.start : anchor.place]
        sided = [place for place, mark in enumerate(before) if mark.concept in SIDES]
        own = sided and any(mark.concept in (C.NUMBER, C.NOW) for mark in before[sided[0] :])
        return set(range(anchor.place if own else region.start, region.stop))

    # What the anchors mean

    def _act(self, clause: Clause, anchor: Anchor) -> tuple[Parse | None, Verdict]:
        verdict = Verdict()
        concept = self._marks[anchor.place].concept
        reader = _ACTS.get(concept, UpdateReader._read_partial)
        return reader(self, clause, anchor, verdict), verdict

    def _acts_on_something(self, clause: Clause, anchor: Anchor) -> bool:
        """Return whether a verb has an object of trading: not "close your eyes", "cancel my subscription"."""
        words = sum(mark.concept is C.WORD for mark in self._marks[clause.first : clause.last])
        if words and not self._context.replies and _is_noun(self._marks[anchor.place].text):
            # "Gold closing the week", "our closing party": told of something, not to anyone.
            return False
        if self._context.replies or (words <= _TALK and self._symbols(anchor)):
            return True
        if clause.has(
            C.POSITION, C.ORDERS, C.ALL, C.NOW, C.HALF, C.PERCENT, C.PREVIOUS, C.LIMIT, C.PENDING, *SIDES
        ):
            return True
        return words == 0 or (self._symbol is not None and words <= _TALK)

    def _read_close(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        region = {mark.concept for mark in self._marks[anchor.first : anchor.last]}
        if not self._acts_on_something(clause, anchor):
            return None
        if [mark.concept for mark in self._marks[anchor.end : anchor.end + 1]] == [C.OR]:
            # "Close or hedge, as you like": two things are named, and neither is asked for.
            return None
        words = sum(mark.concept is C.WORD for mark in self._marks[anchor.end : anchor.last])
        if words > _TALK and region.isdisjoint(_OBJECTS):
            verdict.hold("NOT_PLAINLY_TOLD", "a close among words that were not understood")
        side = self._side_in(anchor)
        if not region.isdisjoint({C.ORDERS, C.PENDING, C.LIMIT}) and C.NUMBER not in region:
            return Parse(kind=Kind.CANCEL, side=side, target=Target.PENDING)
        part, fraction = self._share(anchor)
        if part and fraction is None and C.PERCENT in region:
            verdict.hold("NO_SHARE", "a share that is none: above nothing and below 100 % is one")
        if part:
            prices = self._prices(anchor.end, anchor.last, None)
            # One half and one third are no prices.
            if any(price > 12 or price != int(price) for price in prices):
                verdict.hold("CLOSE_AT_PRICE", "a close at a price: now, or when the price is reached?")
            return Parse(kind=Kind.PARTIAL_CLOSE, fraction=fraction, side=side, target=self._leg(anchor))
        target = self._leg(anchor)
        if target is None and side is not None:
            target = Target.SIDE
        if target is None and C.ALL in region and not self._context.replies:
            target = Target.ALL
        prices = self._prices(anchor.end, anchor.last, None)
        at_entry = any(mark.concept is C.BREAKEVEN for mark in self._marks[anchor.end : anchor.last])
        if (
            len(
                {
                    mark.concept in BUYS
                    for mark in self._marks[anchor.first : anchor.last]
                    if mark.concept in SIDES
                }
            )
            > 1
        ):
            verdict.hold("BUY_AND_SELL", "both sides are named")
        if (prices and target is None and C.NOW not in region) or at_entry:
            verdict.hold("CLOSE_AT_PRICE", "a close at a price: now, or when the price is reached?")
        return Parse(kind=Kind.CLOSE, side=side, target=target)

    def _read_partial(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        part, fraction = self._share(anchor)
        anchor_concept = self._marks[anchor.place].concept
        if anchor_concept is C.GRAB and not part:
            return None
        unspoken = anchor_concept is C.PERCENT or anchor_concept in FRACTIONS
        aimed = self._context.replies or clause.has(C.SYMBOL, C.POSITION)
        if unspoken and (not aimed or clause.has(*SIDES)):
            # "Buy it with 50% off": a share without a verb, and of no trade.
            return None
        return Parse(
            kind=Kind.PARTIAL_CLOSE, fraction=fraction, side=self._side_in(anchor), target=self._leg(anchor)
        )

    def _read_profit_taking(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        part, fraction = self._share(anchor)
        if part:
            return Parse(kind=Kind.PARTIAL_CLOSE, fraction=fraction)
        if clause.has(C.CLOSE, C.TAKE_PART) or any(
            other.has(C.CLOSE, C.TAKE_PART) for other in self._clauses
        ):
            return None
        if clause.has(C.MOVE) and clause.has(C.NUMBER) and clause.has(*STOPS):
            # "Move the stop to 22850 (lock profits)" says why.
            return None
        if not self._acts_on_something(clause, anchor):
            return None
        verdict.hold("PROFIT_TAKING", "taking profit without saying how much")
        return Parse(kind=Kind.CLOSE, side=self._side_in(anchor))

    def _read_closed(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        """Read a report that *the* trade is closed: ours has to follow, on a person's word."""
        following = [mark.concept for mark in self._marks[anchor.end : anchor.end + 3]]
        if clause.has(C.CANDLE) and C.POSITION not in following:
            return None
        if clause.has(C.PREVIOUS, C.PAST_TIME) or any(
            other.has(C.RESULT, C.FORWARDED) for other in self._clauses
        ):
            return None
        mark = self._marks[anchor.place]
        emphatic = " " in mark.text or clause.has(C.FULL, C.ALL, C.POSITION)
        told = clause.has(C.PIPS, C.PROFIT) and (self._symbol is not None or self._context.replies)
        bare = self._context.replies and clause.last - clause.first <= 4 and not clause.has(C.WORD)
        if not (emphatic or told or bare):
            return None
        part, fraction = self._share(anchor)
        verdict.hold("REPORTED_CLOSED", "the provider reports the trade closed", self._marked.at(mark))
        kind = Kind.PARTIAL_CLOSE if part else Kind.CLOSE
        return Parse(
            kind=kind, fraction=fraction, side=self._side_in(anchor), event=Announcement.CLOSED_REPORT
        )

    def _read_breakeven(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        region = self._marks[anchor.first : anchor.last]
        concepts = {mark.concept for mark in region}
        if not concepts.isdisjoint({C.CLOSED, C.STOPPED_OUT}):
            return None
        if C.HIT in concepts and concepts.isdisjoint({C.SL, C.MOVE, C.STOP_WORD, C.TP, C.TO}):
            return None
        mark = self._marks[anchor.place]
        if mark.concept is C.RISK_FREE:
            moved = clause.has(C.MOVE, C.SL) or mark.text.startswith(("secure", "sécu", "secur"))
            if not moved:
                if not (self._context.replies or self._symbol):
                    return None
                verdict.hold("RISK_FREE", "says that the trade is free of risk: told, or asked for?")
        after = self._marks[anchor.end : anchor.last]
        if any(other.concept is C.OR for other in after) and any(other.figure is not None for other in after):
            verdict.hold("CHOICE", "two levels are offered")
        return Parse(kind=Kind.BREAKEVEN, side=self._side_in(anchor), target=self._leg(anchor))

    def _read_cancel(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        if not self._acts_on_something(clause, anchor):
            return None
        objects = [
            mark.concept for mark in self._marks[anchor.end : anchor.last] if mark.concept is not C.FILLER
        ]
        if objects and objects[0] in (C.TP, C.SL):
            return self._read_removal(clause, anchor, verdict)
        leg = self._leg(anchor)
        return Parse(
            kind=Kind.CANCEL,
            side=self._side_in(anchor),
            target=leg or Target.PENDING if self._named(anchor) else leg,
        )

    def _named(self, anchor: Anchor) -> bool:
        """Return whether a cancel says, or its context does, what is to be cancelled."""
        if self._context.replies or self._symbols(anchor) or self._symbol or self._context.default_symbol:
            return True
        region = {mark.concept for mark in self._marks[anchor.first : anchor.last]}
        return C.ALL in region and not region.isdisjoint({C.ORDERS, C.PENDING, C.LIMIT, C.POSITION})

    def _read_removal(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        region = {mark.concept for mark in self._marks[anchor.first : anchor.last]}
        if not region.isdisjoint({C.ORDERS, C.PENDING, C.LIMIT}):
            return Parse(kind=Kind.CANCEL, side=self._side_in(anchor), target=Target.PENDING)
        if self._names_a_stop_order(anchor):
            return Parse(kind=Kind.CANCEL, side=self._side_in(anchor), target=Target.PENDING)
        if C.TP in region:
            verdict.hold("TARGET_REMOVED", "takes the target away")
            leg = self._leg(Anchor(anchor.place, anchor.place, anchor.first, anchor.last))
            index = None if leg is None else int(leg.value[-1])
            return Parse(kind=Kind.MODIFY, take_profit_open=index is None, take_profit_index=index)
        if not region.isdisjoint(STOPS):
            verdict.refuse("STOP_REMOVED", "takes the stop loss away")
            return Parse(kind=Kind.MODIFY)
        return None

    def _names_a_stop_order(self, anchor: Anchor) -> bool:
        """Return whether a stop order is to be removed, not a stop loss: remove the buy stop."""
        concepts = [mark.concept for mark in self._marks[anchor.end : anchor.last]]
        return any(former in SIDES and latter is C.STOP_WORD for former, latter in pairwise(concepts))

    def _read_trail(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        marks = self._marks
        for place in (*range(anchor.end, anchor.last), *range(anchor.first, anchor.place)):
            figure = marks[place].figure
            if figure is None:
                continue
            unit = marks[place + 1].concept if place + 1 < anchor.last else None
            if place < anchor.place and unit not in (C.PIPS, C.POINTS):
                # Only a distance stands before its verb: "use 30 pips trailing stop".
                continue
            if unit in (C.PIPS, C.POINTS):
                if unit is C.POINTS:
                    verdict.hold("POINTS", "a distance in points: how large a point is differs")
                return Parse(kind=Kind.MODIFY, trail_pips=figure.value)
            if unit is not C.PERCENT:
                value = settle(figure, self._references(), band(self._symbol))
                return Parse(kind=Kind.MODIFY, stop_loss=value)
        if any(mark.concept is C.BREAKEVEN for mark in marks[anchor.end : clause.last]):
            # "Trail the rest to cost": the anchor behind says what to do.
            return None
        if not (self._context.replies or self._symbol or clause.has(C.POSITION, C.SL, C.STOP_WORD)):
            return None
        verdict.hold("NO_DISTANCE", "a trailing stop without its distance")
        return Parse(kind=Kind.MODIFY)


_Reading = Callable[[UpdateReader, Clause, Anchor, Verdict], "Parse | None"]
_ACTS: dict[C, _Reading] = {
    C.CLOSE: UpdateReader._read_close,
    C.CLOSED: UpdateReader._read_closed,
    C.PROFIT_TAKING: UpdateReader._read_profit_taking,
    C.BREAKEVEN: UpdateReader._read_breakeven,
    C.RISK_FREE: UpdateReader._read_breakeven,
    C.SL: UpdateReader._read_breakeven,
    C.STOP_WORD: UpdateReader._read_breakeven,
    C.CANCEL: UpdateReader._read_cancel,
    C.REMOVE: UpdateReader._read_removal,
    C.TRAIL: UpdateReader._read_trail,
}


def _is_noun(verb: str) -> bool:
    return verb.endswith(_NOUNS)
