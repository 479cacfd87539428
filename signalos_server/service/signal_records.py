"""What signals need of storage, within one unit of work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from signalos_server.domain.pipeline.record import Signal, SignalDecision, SignalView
from signalos_server.domain.pipeline.source import Source
from signalos_server.domain.pipeline.words import SignalOutcome, SignalState
from signalos_server.domain.signals.model import Kind


@dataclass(frozen=True, slots=True)
class SignalFilter:
    """Which signals; conditions hold together, empty ones are none."""

    user_id: str
    source_id: str = ""
    state: SignalState | None = None
    kind: Kind | None = None
    account_id: str = ""
    query: str = ""
    code: str = ""


class Sources(Protocol):
    """Sources."""

    def get(self, source_id: str, *, lock: bool = False) -> Source | None:
        """Return a source, a deleted one too; `lock` keeps others off it until this unit has committed."""

    def of_user(self, user_id: str) -> list[Source]:
        """Return a user's sources that are not deleted, oldest first."""

    def by_token(self, token_hash: str) -> Source | None:
        """Return the source with this token: not deleted, and its user not disabled."""

    def insert(self, source: Source) -> bool:
        """Add a source; False: its name is taken, and nothing was added."""

    def save(self, source: Source) -> None:
        """Store a source as it is now."""

    def name_taken(self, user_id: str, name: str, but: str) -> bool:
        """Return whether another source of the user has this name."""

    def heard(self, source_id: str, now: datetime) -> None:
        """Note when its last message came."""


class Signals(Protocol):
    """Signals and decisions."""

    def insert(self, signal: Signal, dedupe_key: str, body_hash: str) -> None:
        """Add a signal."""

    def get(self, signal_id: str, *, lock: bool = False) -> Signal | None:
        """Return a signal; `lock` keeps others off it until this unit has committed."""

    def many(self, signal_ids: Collection[str]) -> dict[str, Signal]:
        """Return signals by id; those that are gone are left out."""

    def save(self, signal: Signal, meaning_key: str | None = None) -> None:
        """Store what has changed; `meaning_key` None leaves that as it was."""

    def by_key(self, source_id: str, dedupe_key: str) -> Signal | None:
        """Return the signal that is the same message."""

    def versions(self, source_id: str, external_id: str) -> list[Signal]:
        """Return what came under a source's name of a message, newest first."""

    def same_body(self, source_id: str, body_hash: str, since: datetime) -> Signal | None:
        """Return the newest signal since then that a webhook made of the same bytes."""

    def same_meaning(
        self, user_id: str, source_id: str, meaning_key: str, since: datetime, but: str
    ) -> list[Signal]:
        """Return the orders since then that mean the same, oldest first.

        `source_id` empty: of any source of the user.
        """

    def unread(self) -> list[str]:
        """Return the signals that nobody has read yet, in the order of their commits."""

    def page(self, wanted: SignalFilter, size: int, before: int | None) -> list[tuple[int, Signal]]:
        """Return signals with their numbers, newest first, that come before a number."""

    def waiting(self, user_id: str | None, limit: int) -> list[Signal]:
        """Return signals that wait for a person, of a user or of everybody, newest first."""

    def add_decisions(self, decisions: Sequence[SignalDecision]) -> None:
        """Add decisions; those that are there already stay as they are."""

    def decision(self, decision_id: str, *, lock: bool = False) -> SignalDecision | None:
        """Return a decision."""

    def decisions_of(self, signal_ids: Collection[str]) -> dict[str, list[SignalDecision]]:
        """Return decisions by signal: by attempt, action and account."""

    def save_decision(self, decision: SignalDecision) -> None:
        """Store a decision as it is now."""

    def with_outcome(self, outcomes: Collection[SignalOutcome]) -> list[SignalDecision]:
        """Return all decisions that stand so, in the order of their signals."""

    def waiting_at(self, account_id: str, source_id: str) -> list[SignalDecision]:
        """Return an account's decisions about a source of which something may still come."""

    def due(self, now: datetime) -> list[SignalDecision]:
        """Return decisions whose time to wait is over."""

    def views(self, signals: Sequence[Signal]) -> list[SignalView]:
        """Return signals with their decisions, and with the trades that came of these."""

    def view(self, signal: Signal, decisions: Sequence[SignalDecision]) -> SignalView:
        """Return a signal with its decisions, all of which are given, and with the trades that came."""

    def forget(self, user_id: str, keep_count: int, before: datetime, limit: int) -> int:
        """Take away signals beyond count and age of which nothing is open; return how many."""

    def users(self) -> list[str]:
        """Return users who have signals."""
