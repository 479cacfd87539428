"""Reads what a message asks to be done with trades that exist: close, part, break-even, move, cancel, trail.

Each clause is searched for anchors (close, SL to entry, cancel …). What stands around an anchor, up to the
next one, is its region: what it acts on, how much, and how it is said. Denied, conditional, future, asked
and first-person anchors are no actions; they are told as notes, so that a reader sees what was passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import takewhile

from signalos_server.domain.signals import lexicon
from signalos_server.domain.signals.aims import FRACTIONS, STOPS, Action, Anchor, Updates
from signalos_server.domain.signals.anchors import AnchorFinder
from signalos_server.domain.signals.announcements import read_event
from signalos_server.domain.signals.clauses import Clause, part_of
from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.model import (
    Announcement,
    Kind,
    Parse,
    Reason,
    Target,
    Verdict,
)
from signalos_server.domain.signals.numbers import settle
from signalos_server.domain.signals.symbols import band
from signalos_server.domain.signals.tokens import tokenise
from signalos_server.domain.signals.words.concepts import BUYS, FUTURES, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

# More unknown words than this around a verb, and only an object of trading makes it an instruction.
_TALK = 2
# Forms of "close" that name a thing as often as they ask for it.
_NOUNS = ("ing", "cierre", "chiusura", "закрытие", "fechamento", "cloture")
_LEGS = {target.value: target for target in Target}


class UpdateReader(AnchorFinder):
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

    # Anchors

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
            self._updates.notes.append(Reason(objection, _OBJECTIONS[objection], self._marked.at(mark)))
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

    def _objection(self, clause: Clause, anchor: Anchor) -> str | None:
        """Return why an anchor is no action: it is denied, asked, told of oneself, conditional or to come."""
        marks = self._marks
        anchor_mark = marks[anchor.place]
        before = marks[anchor.first : anchor.place]
        if clause.is_question:
            return "QUESTION"
        for mark in before:
            if mark.concept is C.NOT:
                return "DENIED"
        if before and before[-1].concept is C.NO_PRICE:
            return "DENIED"
        foreign = anchor_mark.entry is not None and anchor_mark.entry.language not in ("en", "")
        after = marks[anchor.end : min(anchor.end + (4 if foreign else 1), clause.last)]
        if any(mark.concept is C.NOT for mark in takewhile(lambda mark: mark.concept is not C.COMMA, after)):
            return "DENIED"
        said = self._since_comma(clause, anchor)
        if any(mark.concept is C.I_ME for mark in said):
            return "FIRST_PERSON"
        urgent = clause.has(C.NOW) and not clause.has(C.NUMBER)
        if (
            clause.has(C.IF)
            and not (urgent and clause.has(C.OPTIONAL))
            and not self._told_before(clause, anchor)
        ):
            return "CONDITIONAL"
        recent = before[-5:]
        for place in range(len(recent) - 1, -1, -1):
            if recent[place].concept is C.COMMA:
                break
            if recent[place].concept in FUTURES and not clause.has(C.OPTIONAL):
                return "FUTURE"
        if self._at_a_target(clause, anchor):
            return "CONDITIONAL"
        return None

    def _since_comma(self, clause: Clause, anchor: Anchor) -> list[Mark]:
        """Return what stands before an anchor in its own breath: `I'm out, close it` is told to others."""
        marks = self._marks[clause.first : anchor.place]
        if self._marks[anchor.place].concept is C.CLOSED:
            return marks
        commas = [place for place, mark in enumerate(marks) if mark.concept is C.COMMA]
        return marks[commas[-1] + 1 :] if commas else marks

    def _told_before(self, clause: Clause, anchor: Anchor) -> bool:
        """Return whether the condition belongs to another part: `close half, if it returns we re-enter`."""
        conditions = [
            place for place in range(clause.first, clause.last) if self._marks[place].concept is C.IF
        ]
        first = conditions[0]
        if first < anchor.place:
            return False
        return any(self._marks[place].concept is C.COMMA for place in range(anchor.end, first))

    def _at_a_target(self, clause: Clause, anchor: Anchor) -> bool:
        """Return whether a target that is still to come is the time to act: `close half at TP1`."""
        if clause.has(C.HIT):
            return False
        for place in range(clause.first, clause.last):
            if self._marks[place].concept is not C.TP or place < clause.first + 1:
                continue
            previous = self._marks[place - 1]
            if previous.concept is C.AT or previous.text in (
                "at",
                "on",
                "en",
                "bei",
                "a",
                "в",
                "на",
                "عند",
                "في",
                "di",
            ):
                return anchor.place != place
        return False

    def _conditional_target(self, clause: Clause, anchor: Anchor) -> Parse | None:
        """Return `close if it reaches 2356` as a new target, where that is on the parent's profit side."""
        parent = self._context.parent
        if self._marks[anchor.place].concept is not C.CLOSE or parent is None or parent.side is None:
            return None
        prices = self._prices(clause.first, clause.last, parent.symbol)
        reference = parent.entry[0] if parent.entry else parent.stop_loss
        if len(prices) != 1 or reference is None:
            return None
        if (prices[0] - reference) * parent.side.sign <= 0:
            return None
        return Parse(kind=Kind.MODIFY, take_profits=(prices[0],))

    # What the anchors mean

    def _act(self, clause: Clause, anchor: Anchor) -> tuple[Parse | None, Verdict]:
        verdict = Verdict()
        concept = self._marks[anchor.place].concept
        reader = _ACTS.get(concept, UpdateReader._read_partial)
        return reader(self, clause, anchor, verdict), verdict

    def _share(self, anchor: Anchor) -> tuple[bool, Decimal | None]:
        """Return whether a part is meant, and which."""
        marks = self._marks
        within = self._share_within(marks[anchor.place])
        if within is not None:
            return True, within
        for place in range(anchor.first, anchor.last):
            concept = marks[place].concept
            if concept in FRACTIONS and not (place < anchor.place - 3):
                return True, FRACTIONS[concept]
            if concept is C.PERCENT and place > anchor.first and marks[place - 1].figure is not None:
                figure = marks[place - 1].figure
                assert figure is not None
                share = figure.value / 100
                if share == 1:
                    return False, None
                return True, share if 0 < share < 1 else None
            following = marks[place + 2].figure if place + 2 < anchor.last else None
            figure = marks[place].figure
            ratio = figure is not None and following is not None and marks[place + 1].concept is C.SLASH
            if ratio and figure and following and 0 < figure.value < following.value <= 10:
                return True, (figure.value / following.value).quantize(Decimal("0.0001"))
            if concept is C.LOTS and place > anchor.first and marks[place - 1].figure is not None:
                return True, None
            everything = place > anchor.first and marks[place - 1].concept is C.ALL
            if concept in (C.PART, C.MOST) and place >= anchor.place - 2 and not everything:
                return True, None
        return False, None

    def _share_within(self, mark: Mark) -> Decimal | None:
        """Return the share that a phrase has in itself: 平一半, reduce half."""
        if mark.concept is not C.TAKE_PART:
            return None
        tokens, _ = tokenise(self._marked.folded.text[mark.start : mark.end])
        for place in range(len(tokens)):
            found = lexicon.find(tokens[place : place + 2], 0)
            if found is not None and found.entry.concept in FRACTIONS:
                return FRACTIONS[found.entry.concept]
        return None

    def _leg(self, anchor: Anchor) -> Target | None:
        """Return the leg that an anchor names: close TP1, close entry 2, close the second entry."""
        for mark in self._marks[anchor.end : anchor.last]:
            if mark.concept is C.AGAIN and mark.text.endswith("entry"):
                return Target.ENTRY2
        for place in range(anchor.end, anchor.last - 1):
            label, number = self._marks[place], self._marks[place + 1]
            if label.concept in (C.COMMA, C.TO):
                return None
            index = number.number
            if number.figure is not None and number.figure.is_small_count:
                index = int(number.figure.text)
            if index is None:
                continue
            name = {C.TP: "tp", C.ENTRY: "entry"}.get(label.concept)
            if name is not None and f"{name}{index}" in _LEGS:
                return _LEGS[f"{name}{index}"]
        return None

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
        if (prices and target is None) or at_entry:
            verdict.hold("CLOSE_AT_PRICE", "a close at a price: now, or when the price is reached?")
        return Parse(kind=Kind.CLOSE, side=side, target=target)

    def _read_partial(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        part, fraction = self._share(anchor)
        anchor_concept = self._marks[anchor.place].concept
        if anchor_concept is C.GRAB and not part:
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
        if clause.has(C.PREVIOUS) or any(other.has(C.RESULT, C.FORWARDED) for other in self._clauses):
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
        if C.TP in region:
            verdict.hold("TARGET_REMOVED", "takes the target away")
            leg = self._leg(Anchor(anchor.place, anchor.place, anchor.first, anchor.last))
            index = None if leg is None else int(leg.value[-1])
            return Parse(kind=Kind.MODIFY, take_profit_open=index is None, take_profit_index=index)
        if not region.isdisjoint(STOPS):
            verdict.refuse("STOP_REMOVED", "takes the stop loss away")
            return Parse(kind=Kind.MODIFY)
        return None

    def _read_trail(self, clause: Clause, anchor: Anchor, verdict: Verdict) -> Parse | None:
        marks = self._marks
        for place in range(anchor.end, anchor.last):
            figure = marks[place].figure
            if figure is None:
                continue
            unit = marks[place + 1].concept if place + 1 < anchor.last else None
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

    # Levels


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
_OBJECTIONS = {
    "QUESTION": "asked, not told",
    "DENIED": "said not to be done",
    "FIRST_PERSON": "someone tells of their own trade",
    "CONDITIONAL": "to be done only if something happens",
    "FUTURE": "to be done later",
}


def _is_noun(verb: str) -> bool:
    return verb.endswith(_NOUNS)
