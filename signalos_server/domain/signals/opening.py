"""Judges the orders of a message by what it says around them: given, or shown, asked, planned, reported?"""

from __future__ import annotations

from dataclasses import replace

from signalos_server.domain.signals.aims import Updates
from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.drafts import Draft
from signalos_server.domain.signals.marked import Marked
from signalos_server.domain.signals.model import Announcement, Context, Gate, Kind, Parse, Reason, Verdict
from signalos_server.domain.signals.orders import build
from signalos_server.domain.signals.words.concepts import FUTURES, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

# More unknown words than this around a bare side, and it is talk.
_TALK_WITHOUT_PRICE = 2
_TALK_WITH_PRICE = 6


def nothing(gate: Gate, code: str, why: str, **fields: object) -> Parse:
    return Parse(kind=Kind.NONE, gate=gate, reasons=(Reason(code, why),), **fields)  # type: ignore[arg-type]


class Opening:
    """Judges drafts by what the message says around them."""

    def __init__(self, marked: Marked, parts: list[Clause], updates: Updates, context: Context) -> None:
        self._marked = marked
        self._parts = parts
        self._updates = updates
        self._context = context

    def judge(self, draft: Draft) -> list[Parse]:
        """Return the order of a draft, or why there is none; nothing where it is not worth a word."""
        symbol = draft.named.symbol if draft.named is not None else self._symbol_of_context()
        clause = self._clause_of(draft)
        complete = bool(draft.entries or draft.loose or draft.now) and draft.has_levels
        levelled = draft.has_levels or bool(draft.corrupt)
        if draft.side is None and self._context.replies:
            return []
        if symbol is None:
            if draft.side is None:
                return []
            return [nothing(Gate.REJECT, "NO_SYMBOL", "no instrument is named")]
        if clause is not None:
            if clause.has(C.MOVE) and not (draft.entries and draft.stops):
                return []
            refusal = self._refusal(clause, draft, complete)
            if refusal is not None:
                return [
                    nothing(Gate.REJECT, refusal[0], refusal[1], symbol=symbol, event=self._updates.event)
                ]
        if any(part.has(C.SHOWN) for part in self._parts):
            return [nothing(Gate.REJECT, "SHOWN", "an order is shown, not given", symbol=symbol)]
        told = self._told(draft)
        if told is not None:
            return [nothing(Gate.REJECT, "REPORT", "tells of a trade", symbol=symbol, event=told)]
        if draft.weak_side and not (levelled or draft.now):
            return [nothing(Gate.NONE, "OUTLOOK", "an outlook, not an order", symbol=symbol)]
        if draft.past and not (draft.stops and draft.targets):
            return [nothing(Gate.REJECT, "PAST_TENSE", "told as done", symbol=symbol)]
        if not levelled and self._is_talk(draft, clause):
            return [nothing(Gate.REJECT, "TALK", "a side and an instrument in talk", symbol=symbol)]
        order, verdict = build(self._marked, draft, symbol)
        if not levelled and any(reason.code == "IMPLAUSIBLE_FOR_SYMBOL" for reason in verdict.reasons):
            return [
                nothing(Gate.REJECT, "TALK", "a side, and a figure that is no price of it", symbol=symbol)
            ]
        self._surroundings(draft, clause, verdict, complete)
        return [replace(order, gate=verdict.gate, reasons=tuple(verdict.reasons))]

    def _symbol_of_context(self) -> str | None:
        parent = self._context.parent
        return self._context.default_symbol or (parent.symbol if parent is not None else None)

    def _clause_of(self, draft: Draft) -> Clause | None:
        if draft.side_place < 0:
            return None
        return next((part for part in self._parts if part.first <= draft.side_place < part.last), None)

    def _refusal(self, clause: Clause, draft: Draft, complete: bool) -> tuple[str, str] | None:
        """Return why a side in this clause is no order, where it is none."""
        before = [m.concept for m in self._marked.marks[clause.first : draft.side_place]]
        if C.NOT in before:
            return "DENIED", "said not to be done"
        beside = self._marked.marks[draft.side_place + 1 : draft.side_place + 3]
        side_entry = draft.side_mark.entry if draft.side_mark is not None else None
        if (
            side_entry is not None
            and side_entry.language not in ("en", "")
            and any(m.concept is C.NOT for m in beside)
        ):
            return "DENIED", "said not to be done"
        if clause.has(C.PAST_TIME):
            return "PAST_TIME", "told of an earlier time"
        if draft.past and (clause.is_question or clause.has(C.IF, C.I_ME)):
            return "PAST_TENSE", "told, or asked, as done"
        if clause.has(C.OPTIONAL):
            return "OPTIONAL", "an order is offered, not told"
        asked = C.ASKING in before or (clause.asked and clause.has(C.ASKING))
        if asked or (clause.is_question and not complete):
            return "QUESTION", "asked, not told"
        if clause.has(C.I_ME) and not (draft.stops and draft.targets):
            return "FIRST_PERSON", "someone tells of their own trade"
        if C.PLANNED in before or C.PLANNED in self._up_to_a_figure(draft.side_place, clause.last):
            return "FUTURE", "planned for later, if at all"
        if clause.has(C.IF) and not draft.has_levels:
            return "CONDITIONAL", "only if something happens, and without levels"
        if C.LET_RUN in before and not (draft.has_levels or draft.entries):
            return "TALK", "said to those who hold such a trade"
        if C.FUTURE in before and not complete:
            return "FUTURE", "to be done later, if at all"
        if (draft.contradictory or clause.has(C.OR)) and self._both_sides(clause) and not complete:
            return "BUY_AND_SELL", "the message says buy and sell"
        return None

    def _up_to_a_figure(self, first: int, last: int) -> list[C]:
        """Return the concepts from a place on up to the first figure: buy EURUSD tomorrow around 1.07."""
        concepts = [m.concept for m in self._marked.marks[first:last]]
        return concepts[: concepts.index(C.NUMBER)] if C.NUMBER in concepts else concepts

    def _both_sides(self, clause: Clause) -> bool:
        return clause.has(C.BUY) and clause.has(C.SELL)

    def _told(self, draft: Draft) -> Announcement | None:
        """Return what a message tells of a trade that it repeats, in the order's lines or behind them."""
        event = self._updates.event
        if event is None:
            return None
        bare = not draft.has_levels
        if bare and any(part.has(C.RESULT) for part in self._parts):
            return event
        for part in self._parts:
            if part.last <= draft.first_place or part.has(C.IF):
                continue
            inside = part.first >= draft.side_place or part.first <= draft.side_place < part.last
            if not inside:
                continue
            if part.has(C.STOPPED_OUT, C.CLOSED) or (part.has(C.RESULT) and (bare or part.has(C.NUMBER))):
                return event
            same = part.first <= draft.side_place < part.last
            hit = part.has(C.HIT) and part.has(C.TP, C.SL, C.PIPS, C.PROFIT) and not self._is_plan(part)
            # In a line of its own behind a complete order it holds the order: it may be an old one, edited.
            if hit and (same or not (draft.stops and draft.targets)):
                return event
            if bare and (part.has(C.RUNNING) or (part.has(C.PIPS) and part.has(C.PLUS, C.PROFIT))):
                return event
        return None

    def _is_plan(self, part: Clause) -> bool:
        """Return whether a hit is still to come, or a tick only decorates a line with a price."""
        marks = self._marked.marks[part.first : part.last]
        ticks = all(m.text == "\ue0f0" for m in marks if m.concept is C.HIT)
        if ticks:
            return any(m.figure is not None and not m.figure.is_small_count for m in marks) or not part.has(
                C.TP
            )
        return part.has(C.IF, *FUTURES)

    def _is_of_another(self, part: Clause, draft: Draft) -> bool:
        """Return whether a clause before an order speaks of other instruments alone."""
        named = {m.named.symbol for m in self._marked.marks[part.first : part.last] if m.named is not None}
        own = draft.named.symbol if draft.named is not None else None
        return bool(named) and own is not None and own not in named and part.last <= draft.side_place

    def _is_talk(self, draft: Draft, clause: Clause | None) -> bool:
        first = clause.first if clause is not None else 0
        last = clause.last if clause is not None else len(self._marked.marks)
        words = sum(m.concept in (C.WORD, C.PROFIT, C.MENTION) for m in self._marked.marks[first:last])
        total = sum(m.concept in (C.WORD, C.PROFIT, C.MENTION) for m in self._marked.marks)
        if draft.entries or draft.loose or draft.now:
            # The instrument in another sentence, among many words: not what is to be bought.
            apart = clause is not None and draft.named_mark not in self._marked.marks[first:last]
            total += sum(m.concept in (C.MEASURE, C.IGNORED) for m in self._marked.marks)
            return words > _TALK_WITH_PRICE or (apart and total > _TALK_WITHOUT_PRICE)
        return words > _TALK_WITHOUT_PRICE or total > _TALK_WITH_PRICE

    def _surroundings(self, draft: Draft, clause: Clause | None, verdict: Verdict, complete: bool) -> None:
        """Hold an order for what is said around it."""
        marked = self._marked
        if marked.markup:
            verdict.hold("MARKUP", "there is markup in the text")
        if marked.lookalikes:
            verdict.hold("LOOKALIKES", "letters of another script in place of their likenesses")
        if clause is not None:
            if clause.has(C.CANDLE) or (clause.has(C.IF) and not draft.stop_conditional):
                verdict.hold("CONDITIONAL", "only under a condition that no order can carry")
            if clause.has(*FUTURES) or clause.is_question or clause.has(C.I_ME):
                verdict.hold("NOT_PLAINLY_TOLD", "to come, asked, or told of oneself")
            if clause.has(C.POSITION) and clause.has(C.PREVIOUS):
                verdict.hold("EARLIER_TRADE", "speaks of an earlier trade")
        if any(part.has(C.FORWARDED) for part in self._parts):
            verdict.hold("FORWARDED", "someone else said so")
        if any(part.has(C.EXPIRY) for part in self._parts):
            verdict.hold("EXPIRY", "the message says until when, which is for the configuration")
        for part in self._parts:
            if part.last <= draft.first_place or part.first > draft.last_place:
                continue
            if part.has(C.CANDLE) and not part.has(C.SL, *SIDES) and part.has(C.IF, C.ABOVE, C.BELOW):
                verdict.hold("CONDITIONAL", "only under a condition that no order can carry")
            if part.has(C.CANCEL) and part.has(C.SYMBOL, C.POSITION) and not self._updates.actions:
                verdict.hold("CANCELLED_TOO", "the message also speaks of cancelling")
        reported = self._updates.event not in (None, Announcement.RUNNING) and any(
            (part.has(C.HIT, C.CLOSED, C.STOPPED_OUT) or (part.has(C.RESULT) and part.has(C.NUMBER)))
            and not self._is_plan(part)
            and not self._is_of_another(part, draft)
            for part in self._parts
        )
        if reported:
            verdict.hold("ALSO_REPORTS", "the message also reports on a trade")
