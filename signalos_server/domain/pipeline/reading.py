"""What is decided about a message before accounts are looked at: sender, repetition, reading."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.pipeline.record import Signal
from signalos_server.domain.pipeline.source import Source
from signalos_server.domain.signals.model import Gate, Kind, Parse, Reason, Target

# What may be done twice without harm: the same once more changes nothing.
_REPEATABLE = frozenset((Kind.MODIFY, Kind.CLOSE, Kind.BREAKEVEN, Kind.CANCEL, Kind.NONE))


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a message refers to: the versions of a message, newest first, and what their order says.

    `signals` empty: it refers to nothing that is known here.
    """

    signals: tuple[Signal, ...] = ()
    parent: Parse | None = None

    @property
    def signal_ids(self) -> frozenset[str]:
        """Return all of its versions."""
        return frozenset(signal.signal_id for signal in self.signals)

    @property
    def first(self) -> Signal | None:
        """Return the version that came first."""
        return self.signals[-1] if self.signals else None


def is_order(parse: Parse) -> bool:
    """Return whether a parse is an order, or an edit of one."""
    return parse.kind is Kind.OPEN or (parse.kind is Kind.MODIFY and parse.entry_type is not None)


def meaning_key(parse: Parse) -> str:
    """Return what repetitions of an order have in common; empty: it is none."""
    if parse.kind is not Kind.OPEN:
        return ""
    return hashlib.sha256(_written(parse.meaning).encode()).hexdigest()


def _written(value: object) -> str:
    """Return a value as text that equal ones share: 2330 and 2330.0 are."""
    if isinstance(value, tuple):
        return f"({','.join(map(_written, value))})"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


def check_source(source: Source, signal: Signal) -> Denial | None:
    """Return why nothing comes of a source's messages."""
    if source.deleted:
        return deny("SOURCE_DELETED", f"the source {source.name} was deleted")
    if not source.enabled:
        return deny("SOURCE_DISABLED", f"the source {source.name} is switched off")
    return None


def check_sender(source: Source, signal: Signal) -> Denial | None:
    """Return why its sender may give no signals. A deletion has none, and only takes back."""
    if not source.rules.senders or signal.deleted or signal.sender in source.rules.senders:
        return None
    return deny("SENDER", "not a sender of this source", sender=signal.sender or "-")


def check_order_of_versions(signal: Signal, earlier: Signal | None) -> Denial | None:
    """Return why a version of a message comes too late: it never takes back what is newer."""
    if earlier is None:
        return None
    if earlier.deleted:
        return deny("DELETED_BEFORE", "the message was deleted before this version came")
    if signal.say_time < earlier.say_time and not signal.deleted:
        return deny("OVERTAKEN", "a later version of the message came before this one")
    return None


def check_edit(signal: Signal, parse: Parse, earlier: Signal | None) -> Denial | None:
    """Return why an edit changes nothing."""
    if not signal.edited or earlier is None or earlier.parsed is None or parse.kind is Kind.NONE:
        return None
    before = earlier.parsed
    same = replace(parse, kind=before.kind, target=before.target).meaning == before.meaning
    if same and is_order(parse) == is_order(before):
        return deny("SAYS_THE_SAME", "the edit says what the version before it said")
    return None


def repeats_part(signal: Signal, parse: Parse, earlier: Signal | None) -> bool:
    """Return whether an edit asks for something once more that must not be done twice by itself."""
    if not signal.edited or earlier is None or earlier.parsed is None or earlier.parsed.kind is Kind.NONE:
        return False
    return any(action.kind not in _REPEATABLE for action in (parse, *parse.also)) and not is_order(parse)


def deletion() -> Parse:
    """Return what a deleted message says: its unfilled orders are cancelled, and nothing is closed."""
    reason = Reason("DELETED", "the message was deleted: its unfilled orders are taken back")
    return Parse(kind=Kind.CANCEL, gate=Gate.OK, target=Target.PENDING, reasons=(reason,))


def gate_of(parse: Parse) -> Denial | None:
    """Return why a parse goes no further: it is refused, or there is nothing to do."""
    if parse.gate in (Gate.OK, Gate.POLICY):
        return None
    first = parse.reasons[0] if parse.reasons else None
    text = "; ".join(reason.text for reason in parse.reasons) or "nothing in it is to be done"
    if parse.gate is Gate.NONE:
        return deny(first.code if first else "NOTHING_TO_DO", text)
    return deny(first.code if first else "GATE", text)
