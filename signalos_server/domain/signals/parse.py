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
from signalos_server.domain.signals.opening import Opening, nothing
from signalos_server.domain.signals.slots import SlotReader
from signalos_server.domain.signals.updates import UpdateReader
from signalos_server.domain.signals.words.concepts import SIDES
from signalos_server.domain.signals.words.concepts import Concept as C

LONGEST_TEXT = 8_000
# Nobody who speaks to people writes a sentence of more marks, or more orders at once; the bounds keep what a
# text can cost near its length.
_LONGEST_CLAUSE = 400
_MOST_ORDERS = 30
# A parse's own words, and the marks of a machine's conversation: nobody writes them to traders.
_INTERNAL = re.compile(r"\bgate\s*[:=]", re.IGNORECASE)
_CONVERSATION = re.compile(
    r"</?\|?(?:system|assistant|user|message|instructions?|prompt|tool)\b", re.IGNORECASE
)
_TEMPLATE = re.compile(r"\{\{[^{}\n]{1,80}\}\}")
_EXPONENT = re.compile(r"\d+(?:\.\d+)?e[+-]?\d+", re.IGNORECASE)
_EMPTY = Context()


def parse(text: str, context: Context = _EMPTY) -> Parse:
    """Return what a message says and what may be done with it. Never raises, never guesses a digit."""
    if len(text) > LONGEST_TEXT:
        return nothing(Gate.REJECT, "TOO_LONG", f"longer than {LONGEST_TEXT} characters")
    structured = machine.read(text, context)
    found = structured if structured is not None else _parse_prose(text, context)
    return _against_recent(_as_edit(found, context), context)


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
        return nothing(Gate.REJECT, "REPEATED", "says what an earlier message said", symbol=found.symbol)
    return found


def _parse_prose(text: str, context: Context) -> Parse:
    marked = mark(text)
    marks = marked.marks
    if marked.folded.reordering:
        return nothing(
            Gate.REJECT, "HIDDEN_ORDER", "characters that show the text in another order than it has"
        )
    poisoned = any(m.concept is C.POISON for m in marks) or _EXPONENT.search(text) is not None
    if poisoned and any(m.concept in SIDES or m.concept is C.SYMBOL for m in marks):
        return nothing(Gate.REJECT, "NO_FIGURE", "figures that are none", symbol=_any_symbol(marked))
    if _TEMPLATE.search(text) is not None:
        return nothing(Gate.REJECT, "TEMPLATE", "a placeholder was never filled in")
    if _INTERNAL.search(text) is not None and any(m.concept in SIDES for m in marks):
        return nothing(Gate.REJECT, "INTERNAL", "a parse, not a message", symbol=_any_symbol(marked))
    if _CONVERSATION.search(text) is not None or any(m.concept is C.MANIPULATION for m in marks):
        return nothing(
            Gate.REJECT, "MANIPULATION", "speaks to a machine, not to traders", symbol=_any_symbol(marked)
        )
    parts = clausing.split(marks)
    if any(part.last - part.first > _LONGEST_CLAUSE for part in parts):
        return nothing(Gate.REJECT, "TOO_LONG", "a sentence without end", symbol=_any_symbol(marked))
    reader = UpdateReader(marked, parts, context)
    updates = reader.read_strong()
    drafts = _read_drafts(marked, updates, context)
    if len(drafts) > _MOST_ORDERS:
        return nothing(
            Gate.REJECT, "TOO_LONG", f"more than {_MOST_ORDERS} orders", symbol=_any_symbol(marked)
        )
    opening = Opening(marked, parts, updates, context)
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


def _no_action(marked: Marked, updates: Updates, opening: Opening, context: Context) -> Parse:
    symbol = _any_symbol(marked)
    if symbol is None and context.parent is not None:
        symbol = context.parent.symbol
    if updates.event is not None:
        return Parse(Kind.NONE, Gate.NONE, symbol, event=updates.event, reasons=tuple(updates.notes))
    if updates.notes:
        return Parse(Kind.NONE, Gate.NONE, symbol, reasons=tuple(updates.notes))
    if symbol is not None:
        return nothing(Gate.NONE, "NO_SIDE", "an instrument, and nothing to do with it", symbol=symbol)
    return nothing(Gate.NONE, "NOTHING", "nothing about a trade was found")
