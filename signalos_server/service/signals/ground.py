"""What the parts of the pipeline stand on: storage, markets, clocks, times; and how a change is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from signalos_server.domain.caller import Caller, CallerKind, Role, Scope
from signalos_server.domain.dealing.decide import Step
from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.happenings import SignalChange, SignalTold
from signalos_server.domain.pipeline.record import Signal, SignalDecision, SignalView, state_of
from signalos_server.domain.pipeline.source import Source
from signalos_server.service.account_limits import AccountLimits
from signalos_server.service.commands import CommandUseCases
from signalos_server.service.hub import Clocks, Hub
from signalos_server.service.orders import Orders
from signalos_server.service.quotes import Quotes
from signalos_server.service.records import Records, Storage
from signalos_server.service.trades import Trades


@dataclass(frozen=True, slots=True)
class SignalTimings:
    """How long things are waited for, and kept; tests make them shorter."""

    # What reduces a risk waits so long for a terminal that is away, or for an open under way.
    hold: timedelta = timedelta(minutes=15)
    # People are told once it has waited so long.
    alert_after: timedelta = timedelta(seconds=30)
    # What is closed or cancelled before an order has so long.
    clear: timedelta = timedelta(seconds=60)
    # A question that nobody answers does not end soon: what it asks about stays open.
    ask: timedelta = timedelta(hours=24)
    # An order waits so long for a bridge that has just gone, as long as a command would.
    patience_seconds: float = 5.0
    sweep_seconds: float = 0.5
    retention_seconds: float = 600.0
    keep_count: int = 100_000
    keep_age: timedelta = timedelta(days=180)

    def scaled(self, scale: float) -> SignalTimings:
        """Return the waits for terminals multiplied by `scale`; others stay."""
        return replace(self, hold=self.hold * scale, alert_after=self.alert_after * scale)


@dataclass(frozen=True, slots=True)
class Ground:
    """What every part of the pipeline is built on."""

    storage: Storage
    hub: Hub
    clocks: Clocks
    commands: CommandUseCases
    trades: Trades
    orders: Orders
    quotes: Quotes
    limits: AccountLimits
    new_identifier: Callable[[str], str]
    timings: SignalTimings

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""
        return self.clocks.moment().wall


def acting_for(source: Source) -> Caller:
    """Return who acts where a source's message does: a program of its owner, held back by a pause."""
    return Caller(
        user_id=source.user_id,
        user_name="",
        role=Role.TRADER,
        scopes=frozenset((Scope.VIEW, Scope.TRADE)),
        kind=CallerKind.TOKEN,
        credential_id=source.source_id,
    )


def told(
    records: Records, signal: Signal, now: datetime, change: SignalChange, meaning_key: str | None = None
) -> SignalView:
    """Store a signal as its decisions leave it, and tell its user. `meaning_key` None: it stays."""
    after = replace(signal, version=signal.version + 1, update_time=now)
    decisions = records.signals.decisions_of([signal.signal_id])[signal.signal_id]
    after = replace(after, state=state_of(after, decisions))
    records.signals.save(after, meaning_key)
    return tell(records, after, decisions, change)


def tell(
    records: Records, signal: Signal, decisions: Sequence[SignalDecision], change: SignalChange
) -> SignalView:
    """Tell a signal's user how it stands, with all its decisions."""
    view = records.signals.view(signal, decisions)
    event_id = f"signal:{signal.signal_id}:{signal.version}"
    records.tell(signal.user_id, SignalTold(event_id, view, change))
    return view


def decided(
    records: Records, decision: SignalDecision, now: datetime, change: SignalChange = SignalChange.UPDATED
) -> SignalView:
    """Store a decision, and its signal with it."""
    signal = records.signals.get(decision.signal_id, lock=True)
    assert signal is not None
    records.signals.save_decision(decision)
    return told(records, signal, now, change)


def passed(name: str, now: datetime, text: str = "", **numbers: object) -> Step:
    """Return a step that kept nothing back."""
    told_numbers = tuple((key, str(value)) for key, value in numbers.items())
    return Step(name, True, text=text, numbers=told_numbers, time=now)


def failed(name: str, now: datetime, denial: Denial) -> Step:
    """Return the step that decided."""
    return Step(name, False, denial.code, denial.text, denial.numbers, now)


def words_of(step: Step) -> str:
    """Return why a step said no, in plain words with its numbers."""
    numbers = " ".join(f"{name}={value}" for name, value in step.numbers)
    return f"{step.text} ({numbers})" if numbers else step.text
