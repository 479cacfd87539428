"""Signals, decisions and sources as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from google.protobuf.timestamp_pb2 import Timestamp

    from signalos.v1.signal_pb2 import (
        ParsedSignal,
        Signal,
        SignalDecision,
        SignalPlan,
        SignalStep,
        Source,
    )
    from signalos.v1.signal_service_pb2 import SignalFormat

_OUTCOME_COLOURS = {
    "SENT": "green",
    "APPROVAL": "yellow",
    "QUESTION": "yellow",
    "HELD": "yellow",
    "PENDING": "cyan",
    "SKIPPED": "cyan",
    "DENIED": "red",
    "REJECTED": "red",
    "EXPIRED": "dim",
    "WITHDRAWN": "dim",
}
_STATE_COLOURS = {"ACTED": "green", "WAITING": "yellow", "NOT_TRADED": "red", "NO_ACTION": "dim"}
_GATE_COLOURS = {"OK": "green", "POLICY": "yellow", "REJECT": "red", "NONE": "dim"}


def word(enum: object, number: int, prefix: str) -> str:
    """The name of an enum's value without its prefix, also of one that this program does not know."""
    try:
        return str(enum.Name(number)).removeprefix(prefix)  # type: ignore[attr-defined]
    except ValueError:
        return f"UNRECOGNISED_{number}"


def when(time: Timestamp) -> str:
    """UTC, to the second; nothing where it is unset."""
    return f"{time.ToDatetime():%Y-%m-%d %H:%M:%S}" if time.seconds else ""


def price(value: float) -> str:
    """As many digits as it has."""
    return f"{value:.10g}"


def simulated(parsed: ParsedSignal, decisions: Iterable[SignalDecision]) -> RenderableType:
    """What would be sent."""
    parts: list[RenderableType] = [parse(parsed)]
    listed = list(decisions)
    parts += [decision(each, simulated=True) for each in listed]
    if not listed:
        parts.append(Text("No account would be looked at.", style="dim"))
    return Group(*parts)


def parse(parsed: ParsedSignal) -> RenderableType:
    """What a message says."""
    from signalos.v1.signal_pb2 import SignalGate

    gate = word(SignalGate, parsed.gate, "SIGNAL_GATE_")
    lines = [_action(parsed), *(_action(each) for each in parsed.also)]
    body = "\n".join(f"  {line}" for line in lines)
    reasons = "\n".join(f"  [dim]{each.code}[/]  {escape(each.message)}" for each in parsed.reasons)
    text = f"[bold]It says[/] (gate [{_GATE_COLOURS.get(gate, 'white')}]{gate}[/])\n{body}"
    return Text.from_markup(f"{text}\n{reasons}" if reasons else text)


def _action(parsed: ParsedSignal) -> str:
    from signalos.v1.signal_pb2 import SignalKind, SignalOrderType
    from signalos.v1.trade_pb2 import Side

    words = [word(SignalKind, parsed.kind, "SIGNAL_KIND_")]
    if parsed.HasField("side"):
        side = word(Side, parsed.side, "SIDE_")
        words.append(f"[{'green' if side == 'BUY' else 'magenta'}]{side}[/]")
    if parsed.symbol:
        words.append(f"[bold]{escape(parsed.symbol)}[/]")
    if parsed.HasField("order_type"):
        words.append(word(SignalOrderType, parsed.order_type, "SIGNAL_ORDER_TYPE_").lower())
    if parsed.HasField("entry_low"):
        high = parsed.entry_high if parsed.HasField("entry_high") else parsed.entry_low
        low = parsed.entry_low
        words.append(f"at {price(low)}" if low == high else f"at {price(low)} to {price(high)}")
    if parsed.HasField("stop_loss"):
        words.append(f"stop {price(parsed.stop_loss)}")
    if parsed.HasField("stop_loss_pips"):
        words.append(f"stop {price(parsed.stop_loss_pips)} pips")
    targets = [price(each) for each in parsed.take_profits]
    targets += [f"{price(each)} pips" for each in parsed.take_profit_pips]
    targets += ["open"] * parsed.take_profit_open
    if targets:
        words.append(f"targets {', '.join(targets)}")
    if parsed.HasField("volume_lots"):
        words.append(f"{price(parsed.volume_lots)} lots")
    if parsed.HasField("risk_percent"):
        words.append(f"risk {price(parsed.risk_percent)} %")
    if parsed.HasField("fraction"):
        words.append(f"{price(parsed.fraction * 100)} %")
    return " ".join(words)


def decision(decided: SignalDecision, *, simulated: bool = False) -> RenderableType:
    """What one account does, and every step on the way."""
    from signalos.v1.signal_pb2 import SignalKind, SignalOutcome

    outcome = word(SignalOutcome, decided.outcome, "SIGNAL_OUTCOME_")
    colour = _OUTCOME_COLOURS.get(outcome, "white")
    told = "WOULD BE SENT" if simulated and outcome == "SENT" else outcome
    kind = word(SignalKind, decided.kind, "SIGNAL_KIND_")
    attempt = f" (attempt {decided.attempt + 1})" if decided.attempt else ""
    head = f"\n[bold]{escape(decided.account_id)}[/] {kind}{attempt}: [bold {colour}]{told}[/]"
    if decided.code:
        head += f"  [{colour}]{escape(decided.code)}[/]"
    if decided.message:
        head += f"\n  {escape(decided.message)}"
    parts: list[RenderableType] = [Text.from_markup(head), Padding(steps(decided.steps), (0, 0, 0, 2))]
    if decided.HasField("plan"):
        parts.append(Padding(plan(decided.plan), (0, 0, 0, 2)))
    for name, ids in (
        ("commands", decided.command_ids),
        ("trades", decided.trade_ids),
        ("may mean", decided.candidate_trade_ids),
    ):
        if ids:
            parts.append(Text(f"  {name}: {', '.join(ids)}"))
    if decided.HasField("expire_time"):
        parts.append(Text(f"  waits until {when(decided.expire_time)} UTC", style="yellow"))
    return Group(*parts)


def steps(listed: Iterable[SignalStep]) -> Table:
    """One line a step."""
    table = Table("step", "", "code", "why", "numbers", box=None, pad_edge=False, header_style="dim")
    for step in listed:
        passed = "[green]ok[/]" if step.passed else "[red]no[/]"
        numbers = "  ".join(f"{escape(each.name)}=[bold]{escape(each.value)}[/]" for each in step.numbers)
        table.add_row(escape(step.name), passed, escape(step.code), escape(step.message), numbers)
    return table


def plan(planned: SignalPlan) -> Table:
    """The order, its size and what it may cost."""
    from signalos.v1.order_pb2 import OrderType
    from signalos.v1.trade_pb2 import Side

    table = Table(
        "order", "lots", "price", "stop", "targets", "risk", "worst case", box=None, pad_edge=False,
        header_style="dim",
    )  # fmt: skip
    side = word(Side, planned.side, "SIDE_")
    kind = word(OrderType, planned.order_type, "ORDER_TYPE_").lower().replace("_", " ")
    targets = ", ".join(
        f"{price(leg.volume_lots)} at {price(leg.take_profit)}"
        if leg.HasField("take_profit")
        else f"{price(leg.volume_lots)} open"
        for leg in planned.legs
    )
    worst = planned.worst_case_money if planned.HasField("worst_case_money") else planned.risk_money
    table.add_row(
        f"[{'green' if side == 'BUY' else 'magenta'}]{side}[/] {escape(planned.symbol)} {kind}",
        price(planned.volume_lots),
        price(planned.price) if planned.HasField("price") else "market",
        price(planned.stop_loss) if planned.HasField("stop_loss") else "none",
        targets or "none",
        f"{planned.risk_money:.2f}",
        f"[bold]{worst:.2f}[/]",
    )
    return table


def signals(listed: Iterable[Signal]) -> Table:
    """Signals, one line each."""
    from signalos.v1.signal_pb2 import SignalState

    table = Table("id", "came (UTC)", "source", "state", "why", "message")
    for signal in listed:
        state = word(SignalState, signal.state, "SIGNAL_STATE_")
        codes = dict.fromkeys(each.code for each in signal.decisions if each.code)
        codes |= dict.fromkeys(each.code for each in signal.steps if each.code)
        text = " / ".join(line.strip() for line in signal.text.splitlines() if line.strip())
        table.add_row(
            signal.signal_id,
            when(signal.create_time),
            escape(signal.source_name),
            f"[{_STATE_COLOURS.get(state, 'white')}]{state}[/]",
            escape(", ".join(codes)),
            escape(text[:80] + ("…" if len(text) > 80 else "")),
        )
    return table


def signal(shown: Signal) -> RenderableType:
    """One signal with its whole timeline."""
    from signalos.v1.signal_pb2 import SignalState

    state = word(SignalState, shown.state, "SIGNAL_STATE_")
    lines = [
        f"[bold]{shown.signal_id}[/]  [{_STATE_COLOURS.get(state, 'white')}]{state}[/]",
        f"  source {escape(shown.source_name)}, came {when(shown.create_time)} UTC, "
        f"said {when(shown.say_time)} UTC" + (f", by {escape(shown.sender)}" if shown.sender else ""),
    ]
    for name, value in (
        ("name at the source", shown.external_id),
        ("replies to", shown.reply_to_signal_id or shown.reply_to_external_id),
        ("a later version of", shown.revises_signal_id),
    ):
        if value:
            lines.append(f"  {name}: {escape(value)}")
    if shown.deleted:
        lines.append("  [yellow]tells that the message was deleted[/]")
    parts: list[RenderableType] = [
        Text.from_markup("\n".join(lines)),
        Padding(Text(shown.text, style="italic"), (1, 0, 1, 4)),
    ]
    if shown.HasField("parsed"):
        parts.append(parse(shown.parsed))
    if shown.steps:
        parts.append(Padding(steps(shown.steps), (1, 0, 0, 2)))
    parts += [decision(each) for each in shown.decisions]
    return Group(*parts)


def formats(listed: Iterable[SignalFormat]) -> RenderableType:
    """Notations, each with an example as it is read."""
    parts: list[RenderableType] = []
    for each in listed:
        parts += [
            Text.from_markup(f"[bold]{escape(each.code)}[/]  {escape(each.description)}"),
            Padding(Text(each.example, style="italic"), (0, 0, 0, 4)),
            Padding(parse(each.parsed), (0, 0, 1, 2)),
        ]
    return Group(*parts)


def sources(listed: Iterable[Source]) -> Table:
    """Sources, one line each."""
    from signalos.v1.signal_pb2 import SourceKind, SourceTrust

    table = Table("id", "name", "kind", "trust", "accounts", "chats", "token", "last message (UTC)")
    for source in listed:
        trust = word(SourceTrust, source.policy.trust, "SOURCE_TRUST_")
        trust = "OBSERVE" if trust == "UNSPECIFIED" else trust
        colour = {"AUTO": "green", "APPROVE": "yellow"}.get(trust, "cyan")
        table.add_row(
            source.source_id,
            escape(source.name),
            word(SourceKind, source.kind, "SOURCE_KIND_"),
            f"[{colour}]{trust}[/]" if source.enabled else "[red]off[/]",
            escape(", ".join(each.account_id for each in source.subscriptions)) or "[yellow]none[/]",
            escape(", ".join(source.policy.chats)),
            f"…{escape(source.token_hint)}" if source.token_hint else "",
            when(source.last_signal_time) or "none yet",
        )
    return table
