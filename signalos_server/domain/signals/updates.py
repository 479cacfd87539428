"""Reads what a message asks to be done with trades that exist: close, part, break-even, move, cancel, trail.

Each clause is searched for anchors (close, SL to entry, cancel …). What stands around an anchor, up to the
next one, is its region: what it acts on, how much, and how it is said. Denied, conditional, future, asked
and first-person anchors are no actions; they are told as notes, so that a reader sees what was passed over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise

from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.marks import Mark, Marked
from signalos_server.domain.signals.model import (
    Announcement,
    Context,
    Gate,
    Kind,
    Parse,
    Reason,
    Target,
    Verdict,
)
from signalos_server.domain.signals.numbers import settle
from signalos_server.domain.signals.symbols import band
from signalos_server.domain.signals.words.concepts import BUYS, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C
from signalos_server.domain.words import Side


@dataclass(frozen=True, slots=True)
class Action:
    """One thing asked for, as a parse, with its place among the marks."""

    parse: Parse
    place: int
    region: frozenset[int]


@dataclass(slots=True)
class Updates:
    """What a message asks and tells. `passed_over`: marks of anchors that turned out to be no actions."""

    actions: list[Action] = field(default_factory=list)
    notes: list[Reason] = field(default_factory=list)
    event: Announcement | None = None
    regions: set[int] = field(default_factory=set)


@dataclass(slots=True)
class _Anchor:
    """An anchor in a clause: marks `place:end`, and the region `first:last` around it."""

    place: int
    end: int
    first: int
    last: int


_STRONG = frozenset(
    (C.CLOSE, C.TAKE_PART, C.PROFIT_TAKING, C.CLOSED, C.BREAKEVEN, C.RISK_FREE, C.CANCEL, C.TRAIL, C.REMOVE)
)
_FRACTIONS = {
    C.HALF: Decimal("0.5"),
    C.THIRD: Decimal("0.3333"),
    C.QUARTER: Decimal("0.25"),
}
_JOINERS = frozenset((C.AND, C.PLUS, C.COMMA, C.DASH))
# Before "close" these make it a time or a state: at the close, is close, so close.
_NOT_A_VERB_AFTER = frozenset(
    "at by the on until till before after daily weekly is are was were so very too really getting we're it's"
    " its market candle session day's".split()
)
_STOPS = frozenset((C.SL, C.STOP_WORD))
# More unknown words than this around a level, and it is talk about it.
_TALK = 4
_LEGS = {target.value: target for target in Target}


class UpdateReader:
    """Reads the updates of one message."""

    def __init__(self, marked: Marked, clauses: list[Clause], context: Context) -> None:
        self._marked = marked
        self._marks = marked.marks
        self._clauses = clauses
        self._context = context
        self._symbol = self._message_symbol()
        self._updates = Updates()

    def read_strong(self) -> Updates:
        """Read what can only be an update, whatever else the message says."""
        for clause in self._clauses:
            for anchor in self._anchors(clause):
                self._read_anchor(clause, anchor)
        self._updates.event = read_event(self._marks, self._clauses)
        return self._updates

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

    def _message_symbol(self) -> str | None:
        named = [mark.named for mark in self._marks if mark.named is not None]
        exact = [name.symbol for name in named if name.exact]
        if exact:
            return exact[0]
        if named:
            return named[0].symbol
        return None

    # Anchors

    def _anchors(self, clause: Clause) -> list[_Anchor]:
        found: list[_Anchor] = []
        place = clause.first
        while place < clause.last:
            length = self._anchor_length(clause, place)
            if length:
                found.append(_Anchor(place, place + length, clause.first, clause.last))
                place += length
            else:
                place += 1
        for anchor in found:
            anchor.last = self._before_an_order(anchor)
        for former, latter in pairwise(found):
            border = self._border(former.end, latter.place)
            former.last = min(former.last, border)
            latter.first = border
        return found

    def _before_an_order(self, anchor: _Anchor) -> int:
        """Return where an anchor's region ends: before an order in one breath (`and sell GBPUSD 1.27`)."""
        for place in range(anchor.end, anchor.last - 1):
            if self._marks[place].concept not in _JOINERS:
                continue
            beyond = [mark.concept for mark in self._marks[place + 1 : anchor.last]]
            if (beyond[0] in SIDES or (beyond[0] is C.SYMBOL and beyond[1:2] and beyond[1] in SIDES)) and (
                C.NUMBER in beyond or C.NOW in beyond
            ):
                return place
        return anchor.last

    def _border(self, first: int, last: int) -> int:
        for place in range(last - 1, first - 1, -1):
            if self._marks[place].concept in _JOINERS:
                return place + 1
        return first

    def _anchor_length(self, clause: Clause, place: int) -> int:
        """Return how many marks the anchor at a place takes; 0 where there is none."""
        mark = self._marks[place]
        concept = mark.concept
        if concept is C.CLOSE:
            return 1 if self._is_verb(clause, place) else 0
        if concept is C.BREAKEVEN:
            return (
                1 if self._is_breakeven(clause, place) and not self._is_a_place_to_close(clause, place) else 0
            )
        if concept is C.TAKE_PART and place + 1 < clause.last and self._marks[place + 1].concept is C.RISK:
            return 0
        if concept is C.TRAIL and self._is_a_target(clause, place):
            return 0
        if concept in _STRONG:
            return 1
        if concept is C.GRAB or concept in _FRACTIONS or concept is C.PERCENT:
            return self._grab_length(clause, place)
        if concept in _STOPS:
            return self._stop_to_entry_length(clause, place)
        return 0

    def _is_a_target(self, clause: Clause, place: int) -> bool:
        """Return whether trailing is named in the place of a target: `TP: trailing stop or 1.4910`."""
        at = place - 1
        while at >= clause.first and self._marks[at].concept is C.COLON:
            at -= 1
        return at >= clause.first and self._marks[at].concept is C.TP

    def _is_verb(self, clause: Clause, place: int) -> bool:
        if place == clause.first:
            return True
        previous = self._marks[place - 1]
        return previous.text not in _NOT_A_VERB_AFTER

    def _is_a_place_to_close(self, clause: Clause, place: int) -> bool:
        """Return whether break-even is where to close (close at BE), not where the stop goes."""
        for at in range(place - 1, clause.first - 1, -1):
            concept = self._marks[at].concept
            if concept in (C.CLOSE, C.CLOSED):
                return True
            if concept in _JOINERS or concept in (C.SL, C.STOP_WORD, C.MOVE):
                return False
        return False

    def _is_breakeven(self, clause: Clause, place: int) -> bool:
        """Tell BE from the verb "be"."""
        mark = self._marks[place]
        if mark.text != "be":
            return True
        previous = self._marks[place - 1] if place > clause.first else None
        concepts = {other.concept for other in self._marks[clause.first : place]}
        if not concepts.isdisjoint({C.SL, C.STOP_WORD, C.MOVE}) and C.FUTURE not in concepts:
            return True
        if not self._marked.written(mark).isupper() or previous is None:
            return (
                previous is None and self._marked.written(mark).isupper() and clause.last - clause.first <= 4
            )
        return previous.concept in (C.TO, C.PLUS, C.AND, C.COMMA, C.AT, C.HALF, C.PERCENT, C.PART, C.HIT) or (
            previous.concept in (C.FILLER, C.DASH, C.SLASH) and previous.text in ("at", "on", "-", "/")
        )

    def _grab_length(self, clause: Clause, place: int) -> int:
        """Read "take half off", "bank 50%", "half off here", "50% off now": taking with a share behind it."""
        mark = self._marks[place]
        window = self._marks[place : min(place + 5, clause.last)]
        if mark.concept is C.GRAB:
            shares = [
                o for o in window[1:] if o.concept in _FRACTIONS or o.concept in (C.PERCENT, C.PART, C.MOST)
            ]
            if [o.concept for o in window[1:4]] == [C.NUMBER, C.SLASH, C.NUMBER]:
                shares = window[1:2]
            if shares and not clause.has(C.RISK):
                return 1
            return 0
        if clause.has(C.CLOSE, C.TAKE_PART, C.GRAB, C.CLOSED, C.RISK, C.MENTION, C.PROFIT_TAKING):
            return 0
        following = self._marks[place + 1] if place + 1 < clause.last else None
        if (following is not None and following.text in ("off", "out")) or (
            following is not None and following.concept is C.NOW and mark.concept is not C.PERCENT
        ):
            return 1
        return 0

    def _stop_to_entry_length(self, clause: Clause, place: int) -> int:
        """Read "stop … to entry" with no price of its own behind it."""
        for offset in range(1, 5):
            at = place + offset
            if at >= clause.last:
                return 0
            mark = self._marks[at]
            if mark.concept is C.ENTRY and self._means_the_entry(mark):
                following = self._marks[at + 1] if at + 1 < clause.last else None
                linked = following is not None and following.concept in (C.NUMBER, C.COLON, C.AT)
                return 0 if linked else offset + 1
            if mark.concept is C.BREAKEVEN:
                return offset + 1
            if mark.concept not in (C.TO, C.FILLER, C.AT, C.MOVE, C.NOW, C.WORD, C.COLON, C.DASH):
                return 0
        return 0

    @staticmethod
    def _means_the_entry(mark: Mark) -> bool:
        return mark.entry is not None and mark.text not in (
            "price",
            "from",
            "around",
            "range",
            "between",
            "area",
            "zone",
        )

    # One anchor

    def _read_anchor(self, clause: Clause, anchor: _Anchor) -> None:
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

    def _emit(self, parse: Parse, symbol: str | None, verdict: Verdict, anchor: _Anchor) -> None:
        region = self._taken(range(anchor.first, anchor.last), anchor)
        self._updates.regions.update(region)
        action = Action(self._aimed(parse, symbol, verdict), anchor.place, frozenset(region))
        if all(action.parse.meaning != other.parse.meaning for other in self._updates.actions):
            self._updates.actions.append(action)

    def _aimed(self, parse: Parse, symbol: str | None, verdict: Verdict) -> Parse:
        """Return the parse with its instrument and its target, held where nothing says what it acts on."""
        context = self._context
        parent = context.parent
        symbol = symbol or self._symbol or (parent.symbol if parent else None) or context.default_symbol
        target = parse.target
        aimed = symbol is not None or context.replies
        if target is None and aimed:
            target = Target.POSITION
        if not aimed:
            verdict.hold("NO_TARGET", "neither a reply nor an instrument says which trade is meant")
        gate = verdict.gate
        return _replaced(parse, symbol=symbol, target=target, gate=gate, reasons=tuple(verdict.reasons))

    def _taken(self, region: range, anchor: _Anchor) -> set[int]:
        """Return the marks that belong to an update and so to no opening order.

        What stands before the anchor belongs to it unless it is an order (`buy 2340, close at TP1`).
        """
        before = self._marks[region.start : anchor.place]
        sided = [place for place, mark in enumerate(before) if mark.concept in SIDES]
        own = sided and any(mark.concept in (C.NUMBER, C.NOW) for mark in before[sided[0] :])
        return set(range(anchor.place if own else region.start, region.stop))

    def _symbols(self, anchor: _Anchor) -> list[str]:
        found: list[str] = []
        for mark in self._marks[anchor.first : anchor.last]:
            if mark.named is not None and mark.named.symbol not in found:
                found.append(mark.named.symbol)
        return found

    def _objection(self, clause: Clause, anchor: _Anchor) -> str | None:
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
        if any(mark.concept is C.NOT for mark in after):
            return "DENIED"
        clause_before = marks[clause.first : anchor.place]
        if any(mark.concept is C.I_ME for mark in clause_before):
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
            if recent[place].concept is C.FUTURE and not clause.has(C.OPTIONAL):
                return "FUTURE"
        if self._at_a_target(clause, anchor):
            return "CONDITIONAL"
        return None

    def _told_before(self, clause: Clause, anchor: _Anchor) -> bool:
        """Return whether the condition belongs to another part: `close half, if it returns we re-enter`."""
        conditions = [
            place for place in range(clause.first, clause.last) if self._marks[place].concept is C.IF
        ]
        first = conditions[0]
        if first < anchor.place:
            return False
        return any(self._marks[place].concept is C.COMMA for place in range(anchor.end, first))

    def _at_a_target(self, clause: Clause, anchor: _Anchor) -> bool:
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

    def _conditional_target(self, clause: Clause, anchor: _Anchor) -> Parse | None:
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

    def _prices(self, first: int, last: int, symbol: str | None) -> list[Decimal]:
        """Return the plain prices among marks: figures without a unit."""
        found = []
        for place in range(first, last):
            figure = self._marks[place].figure
            if figure is None:
                continue
            if place + 1 < last and self._marks[place + 1].concept in (C.PERCENT, C.PIPS, C.POINTS, C.LOTS):
                continue
            value = settle(figure, self._references(), band(symbol or self._symbol))
            if value is not None and not (figure.is_small_count and self._labels(place)):
                found.append(value)
        return found

    def _labels(self, place: int) -> bool:
        return place > 0 and self._marks[place - 1].concept in (C.TP, C.ENTRY, C.SL)

    def _references(self) -> list[Decimal]:
        parent = self._context.parent
        if parent is None:
            return []
        found = list(parent.entry or ())
        if parent.stop_loss is not None:
            found.append(parent.stop_loss)
        return found

    # What the anchors mean

    def _act(self, clause: Clause, anchor: _Anchor) -> tuple[Parse | None, Verdict]:
        verdict = Verdict()
        concept = self._marks[anchor.place].concept
        reader = _ACTS.get(concept, UpdateReader._read_partial)
        return reader(self, clause, anchor, verdict), verdict

    def _share(self, anchor: _Anchor) -> tuple[bool, Decimal | None]:
        """Return whether a part is meant, and which."""
        marks = self._marks
        for place in range(anchor.first, anchor.last):
            concept = marks[place].concept
            if concept in _FRACTIONS and not (place < anchor.place - 3):
                return True, _FRACTIONS[concept]
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
            if concept in (C.PART, C.MOST) and place >= anchor.place - 2:
                return True, None
        return False, None

    def _side_in(self, anchor: _Anchor) -> Side | None:
        sides = {
            Side.BUY if mark.concept in BUYS else Side.SELL
            for mark in self._marks[anchor.first : anchor.last]
            if mark.concept in SIDES
        }
        return sides.pop() if len(sides) == 1 else None

    def _leg(self, anchor: _Anchor) -> Target | None:
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

    def _acts_on_something(self, clause: Clause, anchor: _Anchor) -> bool:
        """Return whether a verb has an object of trading: not "close your eyes", "cancel my subscription"."""
        if self._context.replies or self._symbols(anchor):
            return True
        if clause.has(
            C.POSITION, C.ORDERS, C.ALL, C.NOW, C.HALF, C.PERCENT, C.PREVIOUS, C.LIMIT, C.PENDING, *SIDES
        ):
            return True
        words = sum(mark.concept is C.WORD for mark in self._marks[clause.first : clause.last])
        return words == 0 or (self._symbol is not None and words <= 6)

    def _read_close(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
        region = {mark.concept for mark in self._marks[anchor.first : anchor.last]}
        if not self._acts_on_something(clause, anchor):
            return None
        side = self._side_in(anchor)
        if not region.isdisjoint({C.ORDERS, C.PENDING, C.LIMIT}) and C.NUMBER not in region:
            return Parse(kind=Kind.CANCEL, side=side, target=Target.PENDING)
        part, fraction = self._share(anchor)
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

    def _read_partial(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
        part, fraction = self._share(anchor)
        anchor_concept = self._marks[anchor.place].concept
        if anchor_concept is C.GRAB and not part:
            return None
        return Parse(
            kind=Kind.PARTIAL_CLOSE, fraction=fraction, side=self._side_in(anchor), target=self._leg(anchor)
        )

    def _read_profit_taking(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
        part, fraction = self._share(anchor)
        if part:
            return Parse(kind=Kind.PARTIAL_CLOSE, fraction=fraction)
        if clause.has(C.CLOSE, C.TAKE_PART) or any(
            other.has(C.CLOSE, C.TAKE_PART) for other in self._clauses
        ):
            return None
        if not self._acts_on_something(clause, anchor):
            return None
        verdict.hold("PROFIT_TAKING", "taking profit without saying how much")
        return Parse(kind=Kind.CLOSE, side=self._side_in(anchor))

    def _read_closed(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
        """Read a report that *the* trade is closed: ours has to follow, on a person's word."""
        following = [mark.concept for mark in self._marks[anchor.end : anchor.end + 3]]
        if clause.has(C.CANDLE) and C.POSITION not in following:
            return None
        if clause.has(C.RESULT, C.PREVIOUS) or any(other.has(C.RESULT) for other in self._clauses):
            return None
        mark = self._marks[anchor.place]
        emphatic = " " in mark.text or clause.has(C.FULL, C.ALL, C.POSITION)
        told = clause.has(C.PIPS, C.PROFIT) and (self._symbol is not None or self._context.replies)
        bare = self._context.replies and clause.last - clause.first <= 4
        if not (emphatic or told or bare):
            return None
        part, fraction = self._share(anchor)
        verdict.hold("REPORTED_CLOSED", "the provider reports the trade closed", self._marked.at(mark))
        kind = Kind.PARTIAL_CLOSE if part else Kind.CLOSE
        return Parse(
            kind=kind, fraction=fraction, side=self._side_in(anchor), event=Announcement.CLOSED_REPORT
        )

    def _read_breakeven(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
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

    def _read_cancel(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
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

    def _named(self, anchor: _Anchor) -> bool:
        """Return whether a cancel says, or its context does, what is to be cancelled."""
        if self._context.replies or self._symbols(anchor) or self._symbol or self._context.default_symbol:
            return True
        region = {mark.concept for mark in self._marks[anchor.first : anchor.last]}
        return C.ALL in region and not region.isdisjoint({C.ORDERS, C.PENDING, C.LIMIT, C.POSITION})

    def _read_removal(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
        region = {mark.concept for mark in self._marks[anchor.first : anchor.last]}
        if not region.isdisjoint({C.ORDERS, C.PENDING, C.LIMIT}):
            return Parse(kind=Kind.CANCEL, side=self._side_in(anchor), target=Target.PENDING)
        if C.TP in region:
            verdict.hold("TARGET_REMOVED", "takes the target away")
            leg = self._leg(_Anchor(anchor.place, anchor.place, anchor.first, anchor.last))
            index = None if leg is None else int(leg.value[-1])
            return Parse(kind=Kind.MODIFY, take_profit_open=index is None, take_profit_index=index)
        if not region.isdisjoint(_STOPS):
            verdict.refuse("STOP_REMOVED", "takes the stop loss away")
            return Parse(kind=Kind.MODIFY)
        return None

    def _read_trail(self, clause: Clause, anchor: _Anchor, verdict: Verdict) -> Parse | None:
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
        if not (self._context.replies or self._symbol or clause.has(C.POSITION, C.SL, C.STOP_WORD)):
            return None
        verdict.hold("NO_DISTANCE", "a trailing stop without its distance")
        return Parse(kind=Kind.MODIFY)

    # Levels

    def _read_level(self, clause: Clause) -> Action | None:
        if clause.has(C.NOT, C.I_ME) or (clause.has(C.FUTURE) and not clause.has(C.OPTIONAL)):
            return None
        verdict = Verdict()
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
                if label in _STOPS and concept is C.TP and stop is None and clause.has(C.MOVE, C.TO):
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
        words = sum(mark.concept is C.WORD for mark in marks[clause.first : clause.last])
        if words > _TALK and not clause.has(C.MOVE, C.NEW):
            return None
        if clause.has(C.OPTIONAL):
            verdict.hold("OPTIONAL", "offered, not told: a person or the configuration decides")
        if stop_pips is not None:
            verdict.hold("RELATIVE_STOP", "a stop as a distance: from the entry, or from the price?")
        if clause.has(C.OR):
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
            side=self._side_in(_Anchor(clause.first, clause.first, clause.first, clause.last)),
        )
        return self._level_action(clause, parse, verdict)

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
        symbols = self._symbols(_Anchor(clause.first, clause.first, clause.first, clause.last))
        aimed = self._aimed(parse, symbols[0] if len(symbols) == 1 else None, verdict)
        return Action(aimed, clause.first, frozenset(region))


_Reading = Callable[[UpdateReader, Clause, _Anchor, Verdict], "Parse | None"]
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


def _replaced(parse: Parse, **changes: object) -> Parse:
    return replace(parse, **changes)  # type: ignore[arg-type]


def read_event(marks: list[Mark], clauses: list[Clause]) -> Announcement | None:
    """Return what a message announces, the most telling first."""
    found: set[Announcement] = set()
    for clause in clauses:
        if clause.is_question or clause.has(C.IF):
            continue
        concepts = [mark.concept for mark in marks[clause.first : clause.last]]
        if C.STOPPED_OUT in concepts or (C.SL in concepts and C.HIT in concepts and C.TP not in concepts):
            found.add(Announcement.SL_HIT)
        if C.TP in concepts and C.HIT in concepts and C.NOT not in concepts:
            found.add(Announcement.TP_HIT)
        if clause.has(C.RESULT, C.CLOSED):
            found.add(Announcement.CLOSED_REPORT)
        if C.RUNNING in concepts or (_gains(concepts) and not clause.has(C.BREAKEVEN, C.TRAIL, C.MOVE)):
            found.add(Announcement.RUNNING)
    for event in (Announcement.TP_HIT, Announcement.SL_HIT, Announcement.CLOSED_REPORT, Announcement.RUNNING):
        if event in found:
            return event
    return None


def _gains(concepts: list[C]) -> bool:
    """Return whether a clause counts a gain: +50 pips, 50 pips profit."""
    if C.PIPS not in concepts:
        return False
    return C.PROFIT in concepts or any(
        concepts[place : place + 3] == [C.PLUS, C.NUMBER, C.PIPS] for place in range(len(concepts) - 2)
    )


def gate_of(actions: list[Action]) -> Gate:
    """Return the strictest gate among actions."""
    return max((action.parse.gate for action in actions), key=lambda gate: gate.strictness)
