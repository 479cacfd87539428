"""Which trades an update means: those of the signal it replies to, else the only match, else a question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signalos_server.domain.signals.model import Kind, Parse, Target
from signalos_server.domain.words import Side


@dataclass(frozen=True, slots=True)
class SignalTrade:
    """A position or pending order that came of a signal. `leg` counts from 1, nearest target first."""

    identity: str
    signal_id: str
    source_id: str
    account_id: str
    symbol: str
    side: Side
    pending: bool
    leg: int = 1


@dataclass(frozen=True, slots=True)
class Matched:
    """The trades that an update acts on."""

    trades: tuple[SignalTrade, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """Why a person has to say which trades are meant."""

    code: str
    text: str
    candidates: tuple[str, ...] = ()


_LEGS = {Target.TP1: 1, Target.TP2: 2, Target.TP3: 3, Target.TP4: 4}


def match(
    update: Parse, trades: Sequence[SignalTrade], source_id: str, replied_signal_id: str | None = None
) -> Matched | Question:
    """Return the trades of this source that an update means, or the question to ask."""
    own = [trade for trade in trades if trade.source_id == source_id]
    if replied_signal_id is not None:
        found = [trade for trade in own if trade.signal_id == replied_signal_id]
    else:
        found = [trade for trade in own if update.symbol is None or trade.symbol == update.symbol]
    found = [trade for trade in found if _is_meant(update, trade)]
    if not found:
        return Question("NOTHING_TO_ACT_ON", "no trade of this source fits the update")
    signals = sorted({trade.signal_id for trade in found})
    everything = update.target in (Target.ALL, Target.SIDE, Target.PENDING) and _names_its_scope(update)
    if replied_signal_id is None and len(signals) > 1 and not everything:
        return Question(
            "WHICH_TRADE", f"{len(signals)} signals have trades that fit the update", tuple(signals)
        )
    return Matched(tuple(found))


def _names_its_scope(update: Parse) -> bool:
    """Return whether an update says how far it reaches: everything, or one instrument's."""
    return update.target is Target.ALL or update.symbol is not None


def _is_meant(update: Parse, trade: SignalTrade) -> bool:
    if update.side is not None and trade.side is not update.side:
        return False
    leg = _LEGS.get(update.target) if update.target is not None else None
    if leg is not None and trade.leg != leg:
        return False
    if update.kind is Kind.CANCEL or update.target is Target.PENDING:
        return trade.pending
    if update.kind in (Kind.PARTIAL_CLOSE, Kind.BREAKEVEN):
        return not trade.pending
    # A close means the pending orders of its signal too, which are cancelled: nothing may open after it.
    return True
