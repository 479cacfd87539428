"""The project's own examples: `corpus/*.txt`, one expectation for each group of paraphrases.

A group begins with `== kind [gate] [symbol] [words…]`; its texts are parted by lines of `--`. Words of an
expectation: buy, sell, market, limit, stop, auto, tp_open; `entry=lo-hi`, `sl=`, `tp=a,b`, `sl_pips=`,
`tp_pips=`, `volume=`, `risk_pct=`, `risk_money=`, `fraction=`, `tp_index=`, `trail=`,
`also=kind[:symbol[:side]]`,
`side:buy`, `target:all`, and `reply:SYMBOL:side` for the message replied to. `none` stands for absent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from signalos_server.domain.signals.model import Context, Parse
from signalos_server.domain.signals.parse import parse
from signalos_server.domain.words import Side
from tests.signals.score import NOW

FOLDER = Path(__file__).parent / "corpus"
_GATES = {"ok", "policy", "reject", "none"}
_TYPES = {"market", "limit", "stop", "auto"}


@dataclass(frozen=True)
class Example:
    """One text and what is expected of it."""

    source: str
    text: str
    kind: str
    gate: str | None
    wanted: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """The message replied to, where the example has one."""
        reply = self.wanted.get("reply")
        if reply is None:
            return Context(now=NOW)
        symbol, side = reply.split(":")
        stops = (Decimal(2340), Decimal(2340))
        parent = Parse(symbol=symbol, side=Side[side.upper()], entry=stops, stop_loss=Decimal(2330))
        return Context(parent=parent, is_reply=True, now=NOW)

    def faults(self) -> list[str]:
        """What differs from the expectation."""
        return list(_faults(self, parse(self.text, self.context)))


def examples() -> list[Example]:
    """All examples of the corpus."""
    found = []
    for path in sorted(FOLDER.glob("*.txt")):
        for group in ("\n" + path.read_text(encoding="utf-8")).split("\n== ")[1:]:
            head, _, body = group.partition("\n")
            kind, gate, wanted = _expectation(head)
            for number, text in enumerate(body.split("\n--\n"), 1):
                name = f"{path.stem}: {head} #{number}"
                found.append(Example(name, text.strip("\n"), kind, gate, wanted))
    return found


def _expectation(head: str) -> tuple[str, str | None, dict[str, str]]:
    kind, *words = head.split()
    gate = None
    wanted: dict[str, str] = {}
    for word in words:
        if word in _GATES and gate is None and not wanted:
            gate = word
        elif word in ("buy", "sell"):
            wanted["side"] = word
        elif word in _TYPES:
            wanted["type"] = word
        elif word == "tp_open":
            wanted["tp_open"] = "yes"
        elif "=" in word:
            name, _, value = word.partition("=")
            wanted[name] = value
        elif ":" in word:
            name, _, value = word.partition(":")
            wanted[name] = value
        else:
            wanted["symbol"] = word
    return kind, gate, wanted


def _numbers(text: str, separator: str) -> tuple[Decimal, ...]:
    return () if text == "none" else tuple(Decimal(part) for part in text.split(separator))


def _faults(example: Example, found: Parse) -> Iterator[str]:
    if found.kind.value != example.kind:
        yield f"kind {found.kind.value}"
        return
    if example.gate is not None and found.gate.value != example.gate:
        yield f"gate {found.gate.value}"
    answered: dict[str, object] = {
        "symbol": found.symbol,
        "side": None if found.side is None else found.side.name.lower(),
        "type": None if found.entry_type is None else found.entry_type.value,
        "target": None if found.target is None else found.target.value,
        "tp_open": "yes" if found.take_profit_open else "no",
    }
    amounts: dict[str, tuple[Decimal | None, ...]] = {
        "entry": found.entry or (),
        "sl": () if found.stop_loss is None else (found.stop_loss,),
        "tp": found.take_profits,
        "sl_pips": () if found.stop_loss_pips is None else (found.stop_loss_pips,),
        "tp_pips": found.take_profit_pips,
        "volume": (found.volume_lots,),
        "risk_pct": (found.risk.percent if found.risk else None,),
        "risk_money": (found.risk.money if found.risk else None,),
        "fraction": () if found.fraction is None else (found.fraction,),
        "tp_index": (None if found.take_profit_index is None else Decimal(found.take_profit_index),),
        "trail": (found.trail_pips,),
    }
    for name, value in example.wanted.items():
        if name in answered and answered[name] != value:
            yield f"{name} {answered[name]}"
        elif name == "entry":
            wanted = _numbers(value, "-")
            if amounts[name] != (wanted if len(wanted) != 1 else wanted * 2):
                yield f"entry {amounts[name]}"
        elif name in amounts and amounts[name] != _numbers(value, ","):
            yield f"{name} {amounts[name]}"
        elif name == "also":
            also = ":".join(
                part
                for part in (
                    found.also[0].kind.value if found.also else "nothing",
                    (found.also[0].symbol or "") if found.also else "",
                    found.also[0].side.name.lower() if found.also and found.also[0].side else "",
                )
            )
            if not also.startswith(value):
                yield f"also {also}"
