"""How much of a trade an update means: a share of it, or one of its legs."""

from __future__ import annotations

from decimal import Decimal

from signalos_server.domain.signals import lexicon
from signalos_server.domain.signals.aims import FRACTIONS, Anchor
from signalos_server.domain.signals.marked import Mark
from signalos_server.domain.signals.model import Target
from signalos_server.domain.signals.objections import Objector
from signalos_server.domain.signals.tokens import tokenise
from signalos_server.domain.signals.words.concepts import Concept as C

_LEGS = {target.value: target for target in Target}


class ShareReader(Objector):
    """Reads shares and legs."""

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
