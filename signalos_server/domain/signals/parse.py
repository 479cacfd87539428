"""From a message to its parse and its gate. The one entrance: `parse`."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

from signalos_server.domain.signals import clauses as clausing
from signalos_server.domain.signals import machine
from signalos_server.domain.signals.aims import Action, Updates
from signalos_server.domain.signals.clauses import Clause
from signalos_server.domain.signals.drafts import Draft
from signalos_server.domain.signals.levels import LevelReader
from signalos_server.domain.signals.marked import Marked
from signalos_server.domain.signals.marks import mark
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
from signalos_server.domain.signals.orders import build
from signalos_server.domain.signals.slots import SlotReader
from signalos_server.domain.signals.updates import UpdateReader
from signalos_server.domain.signals.words.concepts import FUTURES, SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

LONGEST_TEXT = 8_000
# A parse's own words, and the marks of a machine's conversation: nobody writes them to traders.
_INTERNAL = re.compile(r"\bgate\s*[:=]", re.IGNORECASE)
_CONVERSATION = re.compile(
    r"</?\|?(?:system|assistant|user|message|instructions?|prompt|tool)\b", re.IGNORECASE
)
_TEMPLATE = re.compile(r"\{\{[^{}\n]{1,80}\}\}")
_EXPONENT = re.compile(r"\d+(?:\.\d+)?e[+-]?\d+", re.IGNORECASE)
# More unknown words than this around a bare side, and it is talk.
_TALK_WITHOUT_PRICE = 2
_TALK_WITH_PRICE = 6
_EMPTY = Context()


def parse(text: str, context: Context = _EMPTY) -> Parse:
    """Return what a message says and what may be done with it. Never raises, never guesses a digit."""
    if len(text) > LONGEST_TEXT:
        return _nothing(Gate.REJECT, "TOO_LONG", f"longer than {LONGEST_TEXT} characters")
    structured = machine.read(text, context)
    found = structured if structured is not None else _parse_prose(text, context)
    return _against_recent(_as_edit(found, context), context)


def _nothing(gate: Gate, code: str, why: str, **fields: object) -> Parse:
    return Parse(kind=Kind.NONE, gate=gate, reasons=(Reason(code, why),), **fields)  # type: ignore[arg-type]


def _as_edit(found: Parse, context: Context) -> Parse:
    """Return an edit that completes an order as a change of it: never as a second order."""
    if not context.edited or found.kind is not Kind.OPEN:
        return found
    if any(reason.code == "ALSO_REPORTS" for reason in found.reasons):
        # The edit adds a report; the order in it is the earlier one, is held, and changes nothing.
        return found
    reasons = (*found.reasons, Reason("EDIT", "an edit changes the order of the earlier version"))
    also = tuple(
        replace(other, kind=Kind.MODIFY) if other.kind is Kind.OPEN else other for other in found.also
    )
    return replace(found, kind=Kind.MODIFY, target=Target.POSITION, reasons=reasons, also=also)


def _against_recent(found: Parse, context: Context) -> Parse:
    """Return a repetition of a recent order as nothing."""
    if found.kind is Kind.OPEN and any(found.meaning == other.meaning for other in context.recent):
        return _nothing(Gate.REJECT, "REPEATED", "says what an earlier message said", symbol=found.symbol)
    return found


def _parse_prose(text: str, context: Context) -> Parse:
    marked = mark(text)
    marks = marked.marks
    if marked.folded.reordering:
        return _nothing(
            Gate.REJECT, "HIDDEN_ORDER", "characters that show the text in another order than it has"
        )
    poisoned = any(m.concept is C.POISON for m in marks) or _EXPONENT.search(text) is not None
    if poisoned and any(m.concept in SIDES or m.concept is C.SYMBOL for m in marks):
        return _nothing(Gate.REJECT, "NO_FIGURE", "figures that are none", symbol=_any_symbol(marked))
    if _TEMPLATE.search(text) is not None:
        return _nothing(Gate.REJECT, "TEMPLATE", "a placeholder was never filled in")
    if _INTERNAL.search(text) is not None and any(m.concept in SIDES for m in marks):
        return _nothing(Gate.REJECT, "INTERNAL", "a parse, not a message", symbol=_any_symbol(marked))
    if _CONVERSATION.search(text) is not None or any(m.concept is C.MANIPULATION for m in marks):
        return _nothing(
            Gate.REJECT, "MANIPULATION", "speaks to a machine, not to traders", symbol=_any_symbol(marked)
        )
    parts = clausing.split(marks)
    reader = UpdateReader(marked, parts, context)
    updates = reader.read_strong()
    drafts = _read_drafts(marked, updates, context)
    opening = _Opening(marked, parts, updates, context)
    orders = [order for draft in drafts for order in opening.judge(draft)]
    opens = [order for order in orders if order.kind is Kind.OPEN]
    if opens and _cancelled(parts, drafts, updates):
        return _combine_actions([a for a in updates.actions if a.parse.kind is Kind.CANCEL], updates)
    if opens:
        return _combine_opens(marked, opens, updates, drafts)
    actions = list(updates.actions)
    if not orders:
        # What stands around anchors that do nothing is told of, and moves no level.
        places = updates.levels if actions or not updates.notes else parts
        actions += LevelReader(marked, places, context).read_levels()
    if actions:
        return _combine_actions(actions, updates)
    if orders:
        return orders[0]
    return _no_action(marked, updates, opening, context)


def _read_drafts(marked: Marked, updates: Updates, context: Context) -> list[Draft]:
    drafts = SlotReader(marked, frozenset(updates.regions)).read()
    drafts = [draft for draft in drafts if not draft.empty]
    for former, latter in pairwise(drafts):
        # One set of levels for several entries of one side.
        if former.side is latter.side and not former.has_levels and latter.has_levels and former.entries:
            former.stops, former.targets = latter.stops, latter.targets
            former.stop_pips, former.target_pips = latter.stop_pips, latter.target_pips
            former.listed = True
    named = [draft.named for draft in drafts if draft.named is not None]
    for draft in drafts:
        if draft.named is None and named:
            draft.named = named[0]
    return drafts


class _Opening:
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
            return [_nothing(Gate.REJECT, "NO_SYMBOL", "no instrument is named")]
        if clause is not None:
            if clause.has(C.MOVE) and not (draft.entries and draft.stops):
                return []
            refusal = self._refusal(clause, draft, complete)
            if refusal is not None:
                return [
                    _nothing(Gate.REJECT, refusal[0], refusal[1], symbol=symbol, event=self._updates.event)
                ]
        if any(part.has(C.SHOWN) for part in self._parts):
            return [_nothing(Gate.REJECT, "SHOWN", "an order is shown, not given", symbol=symbol)]
        told = self._told(draft)
        if told is not None:
            return [_nothing(Gate.REJECT, "REPORT", "tells of a trade", symbol=symbol, event=told)]
        if draft.weak_side and not (levelled or draft.now):
            return [_nothing(Gate.NONE, "OUTLOOK", "an outlook, not an order", symbol=symbol)]
        if draft.past and not (draft.stops and draft.targets):
            return [_nothing(Gate.REJECT, "PAST_TENSE", "told as done", symbol=symbol)]
        if not levelled and self._is_talk(draft, clause):
            return [_nothing(Gate.REJECT, "TALK", "a side and an instrument in talk", symbol=symbol)]
        order, verdict = build(self._marked, draft, symbol)
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
        asked = C.ASKING in before
        if asked or (clause.is_question and not complete):
            return "QUESTION", "asked, not told"
        if clause.has(C.I_ME) and not (draft.stops and draft.targets):
            return "FIRST_PERSON", "someone tells of their own trade"
        if C.PLANNED in before or C.PLANNED in self._up_to_a_figure(draft.side_place, clause.last):
            return "FUTURE", "planned for later, if at all"
        if clause.has(C.IF) and not draft.has_levels:
            return "CONDITIONAL", "only if something happens, and without levels"
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
        if draft.entries or draft.loose or draft.now:
            return words > _TALK_WITH_PRICE
        total = sum(m.concept in (C.WORD, C.PROFIT, C.MENTION) for m in self._marked.marks)
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


# Putting together


def _cancelled(parts: list[Clause], drafts: list[Draft], updates: Updates) -> bool:
    """Return whether the order in a line is cancelled in the same line: `XAUUSD SELL 2350 (cancelled)`."""
    places = [draft.side_place for draft in drafts]
    return any(
        part.first <= action.place < part.last and any(part.first <= place < action.place for place in places)
        for action in updates.actions
        if action.parse.kind is Kind.CANCEL
        for part in parts
    )


def _combine_opens(marked: Marked, opens: list[Parse], updates: Updates, drafts: list[Draft]) -> Parse:
    """Return the orders as one parse; updates before them or of other instruments come with them."""
    place = min((draft.side_place for draft in drafts if draft.side_place >= 0), default=0)
    symbols = {order.symbol for order in opens}
    kept: list[Action] = [
        action for action in updates.actions if action.place < place or action.parse.symbol not in symbols
    ]
    before = [action.parse for action in kept if action.place < place]
    behind = [action.parse for action in kept if action.place >= place]
    everything = [*before, *opens, *behind]
    notes = [*updates.notes]
    verdict = Verdict()
    for action in updates.actions:
        if action in kept:
            continue
        there = marked.at(marked.marks[action.place])
        if action.parse.kind in (Kind.CLOSE, Kind.CANCEL) and action.parse.gate is Gate.OK:
            verdict.hold("ENDED_TOO", "the message also says to end the trade", there)
        else:
            verdict.note("PLAN", "how the trade is to be managed later", there)
    joined = _joined(everything, [*notes, *verdict.reasons], None)
    return replace(joined, gate=max(joined.gate, verdict.gate, key=lambda gate: gate.strictness))


def _combine_actions(actions: list[Action], updates: Updates) -> Parse:
    ordered = [action.parse for action in sorted(actions, key=lambda action: action.place)]
    merged = _merge_levels(ordered)
    return _joined(merged, updates.notes, updates.event)


def _merge_levels(parses: list[Parse]) -> list[Parse]:
    """Return changes of one trade as one change."""
    merged: list[Parse] = []
    for one in parses:
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.kind is one.kind is Kind.MODIFY
            and (last.symbol, last.side, last.target) == (one.symbol, one.side, one.target)
            and (last.stop_loss is None or one.stop_loss is None)
        ):
            gate = max(last.gate, one.gate, key=lambda gate: gate.strictness)
            merged[-1] = replace(
                last,
                gate=gate,
                stop_loss=last.stop_loss if last.stop_loss is not None else one.stop_loss,
                stop_loss_pips=last.stop_loss_pips or one.stop_loss_pips,
                trail_pips=last.trail_pips or one.trail_pips,
                entry=last.entry or one.entry,
                take_profits=(*last.take_profits, *one.take_profits),
                take_profit_index=last.take_profit_index
                if not one.take_profits
                else one.take_profit_index
                if not last.take_profits
                else None,
                take_profit_open=last.take_profit_open or one.take_profit_open,
                reasons=tuple(dict.fromkeys((*last.reasons, *one.reasons))),
            )
        else:
            merged.append(one)
    return merged


def _joined(parses: list[Parse], notes: list[Reason], event: Announcement | None) -> Parse:
    first, *rest = parses
    gate = max((one.gate for one in parses), key=lambda gate: gate.strictness)
    reasons = tuple(dict.fromkeys((*(reason for one in parses for reason in one.reasons), *notes)))
    return replace(first, gate=gate, also=tuple(rest), reasons=reasons, event=event or first.event)


def _any_symbol(marked: Marked) -> str | None:
    return next((m.named.symbol for m in marked.marks if m.named is not None), None)


def _no_action(marked: Marked, updates: Updates, opening: _Opening, context: Context) -> Parse:
    symbol = _any_symbol(marked)
    if symbol is None and context.parent is not None:
        symbol = context.parent.symbol
    if updates.event is not None:
        return Parse(Kind.NONE, Gate.NONE, symbol, event=updates.event, reasons=tuple(updates.notes))
    if updates.notes:
        return Parse(Kind.NONE, Gate.NONE, symbol, reasons=tuple(updates.notes))
    if symbol is not None:
        return _nothing(Gate.NONE, "NO_SIDE", "an instrument, and nothing to do with it", symbol=symbol)
    return _nothing(Gate.NONE, "NOTHING", "nothing about a trade was found")
