"""Scores the parser on labelled rows: `python -m tests.signals.score FILE [--half seen|held] [-v]`.

A row is `{id, tags, text, context, expected{…}, accept?[…]}`; the conventions are told in
`docs/signal-grammar.md`. The table is by tag; below it stand the rows that are wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from signalos_server.domain.signals.model import Context, Gate, Kind, Parse
from signalos_server.domain.signals.parse import parse

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FIELDS = ("symbol", "side", "order_type", "entry", "sl", "tps")
MORE_FIELDS = ("sl_pips", "tp_pips", "volume", "risk", "tp_open")
DESTRUCTIVE = {"close", "partial_close", "cancel"}


@dataclass(frozen=True)
class Verdict:
    """How one row was answered."""

    row: dict[str, Any]
    answer: dict[str, Any]
    kind_right: bool
    wrong_fields: tuple[str, ...]
    unsafe: bool
    destructive: bool
    unheld: bool
    gate: str

    @property
    def tags(self) -> list[str]:
        """The row's tags."""
        tags: list[str] = self.row["tags"]
        return tags


def is_held_out(identity: str) -> bool:
    """Whether a row is of the third that was not looked at while the grammar was made."""
    return int(hashlib.sha256(identity.encode()).hexdigest(), 16) % 3 == 0


def load(path: Path) -> list[dict[str, Any]]:
    """The rows of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def answer_of(found: Parse) -> dict[str, Any]:
    """A parse in the words of the rows."""

    def number(value: Decimal | None) -> float | None:
        return None if value is None else float(value)

    risk: dict[str, Any] | None = None
    if found.risk is not None:
        if found.risk.percent is not None:
            risk = {"pct": float(found.risk.percent)}
        elif found.risk.money is not None:
            risk = {"money": float(found.risk.money), "ccy": found.risk.currency}
        else:
            risk = {"raw": number(found.risk.raw)}
    return {
        "kind": found.kind.value,
        "symbol": found.symbol,
        "side": None if found.side is None else found.side.name.lower(),
        "order_type": None if found.entry_type is None else found.entry_type.value,
        "entry": None if found.entry is None else [float(price) for price in found.entry],
        "sl": number(found.stop_loss),
        "tps": [float(price) for price in found.take_profits],
        "sl_pips": number(found.stop_loss_pips),
        "tp_pips": [float(pips) for pips in found.take_profit_pips],
        "tp_open": found.take_profit_open,
        "volume": number(found.volume_lots),
        "risk": risk,
        "fraction": number(found.fraction),
        "target": None if found.target is None else found.target.value,
        "tp_index": found.take_profit_index,
        "trail_pips": number(found.trail_pips),
        "event": None if found.event is None else found.event.value,
        "gate": found.gate.value,
        "also": [answer_of(other) for other in found.also],
        "reasons": [reason.code for reason in found.reasons],
    }


def context_of(row: dict[str, Any], parents: dict[str, Parse]) -> Context:
    """A row's context; rows about repetition have the first signals of the file behind them."""
    said = row["context"]
    repeats = {"duplicate", "dedupe"} & set(row["tags"])
    return Context(
        parent=parents.get(said["reply_to"] or ""),
        is_reply=said["reply_to"] is not None,
        edited=said["edited"],
        default_symbol=said["default_symbol"],
        recent=tuple(parents.values()) if repeats else (),
        now=NOW,
    )


def _same(field: str, expected: Any, answered: Any) -> bool:
    if field == "order_type" and expected == "auto":
        return answered in ("auto", "market", "limit", "stop")
    return bool(expected == answered)


def wrong_fields(expected: dict[str, Any], answer: dict[str, Any], fields: Iterable[str]) -> tuple[str, ...]:
    """The fields that differ."""
    return tuple(
        name for name in fields if name in expected and not _same(name, expected[name], answer[name])
    )


def judge(row: dict[str, Any], parents: dict[str, Parse]) -> Verdict:
    """Parse a row and hold it against what is expected."""
    answer = answer_of(parse(row["text"], context_of(row, parents)))
    expected = row["expected"]
    variants = [expected, *({**expected, **other} for other in expected.get("accept", row.get("accept", [])))]

    def faults(variant: dict[str, Any]) -> tuple[bool, tuple[str, ...]]:
        kind_right = variant["kind"] == answer["kind"]
        fields: tuple[str, ...] = ()
        if variant["kind"] == "open":
            fields = wrong_fields(variant, answer, (*FIELDS, *MORE_FIELDS))
        elif variant["kind"] != "none":
            fields = wrong_fields(
                variant,
                answer,
                ("symbol", "side", "sl", "tps", "fraction", "target", "tp_index", "trail_pips", "event"),
            )
        elif variant.get("event"):
            fields = wrong_fields(variant, answer, ("event",))
        return kind_right, fields

    judged = [faults(variant) for variant in variants]
    if row["context"]["reply_to"] not in (None, *parents):
        # The message replied to is not in the file, and nothing else can say which instrument is meant.
        judged = [(kind, tuple(name for name in names if name != "symbol")) for kind, names in judged]
    kind_right, fields = min(judged, key=lambda one: (not one[0], len(one[1])))
    gate = answer["gate"]
    executable = answer["kind"] != Kind.NONE and gate == Gate.OK
    return Verdict(
        row=row,
        answer=answer,
        kind_right=kind_right,
        wrong_fields=fields,
        unsafe=expected["gate"] in ("reject", "none")
        and answer["kind"] != Kind.NONE
        and gate in ("ok", "policy"),
        destructive=expected["kind"] == "none" and answer["kind"] in DESTRUCTIVE,
        unheld=all(v["gate"] == "policy" for v in variants) and executable,
        gate=gate,
    )


def judge_all(rows: list[dict[str, Any]]) -> list[Verdict]:
    """Judge all rows; replies know the parses of the rows that they reply to."""
    parents = {row["id"]: parse(row["text"], Context(now=NOW)) for row in rows if row["id"].startswith("P")}
    return [judge(row, {} if row["id"] in parents else parents) for row in rows]


@dataclass(frozen=True)
class Figures:
    """The figures that the parser is held to."""

    rows: int
    kind: float
    opens: float
    answered_ok: float
    unsafe: int
    destructive: int
    unheld: int


def figures(verdicts: list[Verdict]) -> Figures:
    """Count."""
    opens = [v for v in verdicts if v.row["expected"]["kind"] == "open" and v.row["expected"]["gate"] == "ok"]
    ok = [v for v in verdicts if v.row["expected"]["gate"] == "ok"]
    right = [v for v in opens if v.kind_right and not v.wrong_fields]

    def share(part: int, whole: int) -> float:
        return part / whole if whole else 1.0

    return Figures(
        rows=len(verdicts),
        kind=share(sum(v.kind_right for v in verdicts), len(verdicts)),
        opens=share(len(right), len(opens)),
        answered_ok=share(sum(v.gate == "ok" for v in ok), len(ok)),
        unsafe=sum(v.unsafe for v in verdicts),
        destructive=sum(v.destructive for v in verdicts),
        unheld=sum(v.unheld for v in verdicts),
    )


def _show(verdicts: list[Verdict], console: Console, *, verbose: bool) -> None:
    told = figures(verdicts)
    console.print(
        f"{told.rows} rows: kind {told.kind:.1%}, fields of opens {told.opens:.1%}, ok answered ok"
        f" {told.answered_ok:.1%}; unsafe {told.unsafe}, destructive {told.destructive}, unheld {told.unheld}"
    )
    table = Table("tag", "rows", "kind wrong", "fields wrong", "gate differs", box=None)
    counts: dict[str, Counter[str]] = {}
    for verdict in verdicts:
        for tag in verdict.tags:
            counter = counts.setdefault(tag, Counter())
            counter["rows"] += 1
            counter["kind"] += not verdict.kind_right
            counter["fields"] += bool(verdict.wrong_fields)
            counter["gate"] += verdict.gate != verdict.row["expected"]["gate"]
    for tag, counter in sorted(counts.items()):
        table.add_row(tag, *(str(counter[name]) for name in ("rows", "kind", "fields", "gate")))
    console.print(table)
    for verdict in verdicts:
        differs = verdict.gate != verdict.row["expected"]["gate"]
        if not verdict.kind_right or verdict.wrong_fields or (differs and verbose):
            expected = verdict.row["expected"]
            console.print(f"[bold]{verdict.row['id']}[/] {verdict.row['text']!r}", highlight=False)
            console.print(f"   expected {expected['kind']}/{expected['gate']}", end=" ")
            console.print({name: expected.get(name) for name in verdict.wrong_fields})
            console.print(
                f"   answered {verdict.answer['kind']}/{verdict.gate}",
                {name: verdict.answer[name] for name in verdict.wrong_fields},
                verdict.answer["reasons"],
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--half", choices=["seen", "held", "all"], default="all")
    parser.add_argument("-v", "--verbose", action="store_true", help="also rows whose gate differs")
    arguments = parser.parse_args()
    verdicts = judge_all(load(arguments.file))
    if arguments.half != "all":
        verdicts = [v for v in verdicts if is_held_out(v.row["id"]) == (arguments.half == "held")]
    _show(verdicts, Console(width=200), verbose=arguments.verbose)


if __name__ == "__main__":
    main()
