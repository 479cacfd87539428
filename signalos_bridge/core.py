"""The bridge between its link and its terminal: commands, events, sync, guard and stops, all journalled.

The link and the control part know the core by this class, `domain.values` and `domain.facts` alone. The core
knows them by `Gate` and `on_outgoing`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from signalos_bridge.clock import Clock, SystemClock
from signalos_bridge.domain.facts import (
    BridgeEvent,
    CoreStatus,
    LiveUpdate,
    RecordedState,
    RecordSnapshot,
    StopProgress,
    SyncReport,
    SyncTrigger,
)
from signalos_bridge.domain.market import BoundAccount, SymbolSpec
from signalos_bridge.domain.values import (
    Alert,
    Command,
    CommandOrigin,
    LapsePolicy,
    OpenAction,
    OpenCheck,
    Outcome,
    Policies,
    Receipt,
    Refusal,
    Standing,
)
from signalos_bridge.terminal.port import Terminal


class Gate(Protocol):
    """What control says about increasing exposure. Asked synchronously, at the instant of each such call."""

    @property
    def latched(self) -> bool:
        """Whether any stop is held. True keeps everything that increases risk from the terminal."""
        ...

    def refusal(self, stop_generation: int, automated: bool, origin: CommandOrigin) -> Refusal | None:
        """Return why exposure may not be increased now, None when it may.

        Covers stop, fence (code `FENCED`: the command ends FENCED; any other code: REJECTED), lease and
        pause. A sync in progress is the core's own matter.
        """
        ...


@dataclass(frozen=True, slots=True)
class CoreSettings:
    """Where the journal is, whose account it is, and how patient the core is. Times in seconds."""

    journal_path: Path
    account_id: str
    bound: BoundAccount | None = None
    background_sync_seconds: float = 20.0
    # Multiplies the times that "it did not happen" takes to be believed; below 1 only in tests.
    settle_scale: float = 1.0
    resolve_interval_seconds: float = 2.0
    stop_retry_seconds: float = 1.0
    market_closed_retry_seconds: float = 30.0


class Core:
    """One bridge's memory and hands. All methods belong to one event loop; none blocks it."""

    def __init__(
        self,
        settings: CoreSettings,
        terminal: Terminal,
        gate: Gate,
        on_outgoing: Callable[[], None],
        clock: Clock | None = None,
    ) -> None:
        """Build without I/O. `on_outgoing` is called, cheaply and often, when something waits to be sent:
        receipts, outcomes, events, alerts or a live update."""
        self._clock = clock or SystemClock()
        raise NotImplementedError

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the journal (a corrupt one is set aside and a new one begun, with an alert), restore levels,
        begin to watch the terminal and to resolve what was left open. Nothing that increases exposure runs
        before the first sync has succeeded. The terminal need not answer yet."""
        raise NotImplementedError

    async def close(self) -> None:
        """End every task and close the journal. What is in the terminal stays ambiguous and is resolved at
        the next start."""
        raise NotImplementedError

    async def run(self) -> None:
        """Wait for a failure of one of the core's tasks and raise it; return when closed. For the program's
        task group, so that no error is lost."""
        raise NotImplementedError

    @property
    def journal_id(self) -> str:
        """New when a journal is made. Valid after `start`."""
        raise NotImplementedError

    def set_magic_prefix(self, prefix: int) -> None:
        """Take the 15 bits from a welcome; they are journalled, and earlier ones stay known as ours. To be
        called before commands are delivered."""
        raise NotImplementedError

    # -- commands --------------------------------------------------------------------------------------

    async def deliver(self, command: Command) -> None:
        """Journal and sync the command, leave its receipt in `receipts`, and run it.

        Returns once it is on disk, not when it is done. A command that the journal knows is not run again:
        its receipt, or its outcome, waits to be sent once more. Raises `JournalUnavailable` when it could
        not be written: it was then not taken, and nothing of it will run.
        """
        raise NotImplementedError

    async def cancel(self, command_id: str) -> None:
        """Take a command back. Legs whose first call has not begun end CANCELLED; the outcome tells. One
        that is unknown here or has ended is left alone, and its outcome waits to be sent once more."""
        raise NotImplementedError

    def standings(self, command_ids: Sequence[str]) -> list[Standing]:
        """Return where commands stand; the outcomes of ended and UNKNOWN ones wait to be sent once more."""
        raise NotImplementedError

    def take_receipts(self) -> list[Receipt]:
        """Return receipts since the last call, in order. Losable: `standings` tells the same."""
        raise NotImplementedError

    def unacknowledged_outcomes(self) -> list[Outcome]:
        """Return every outcome that was not acknowledged, oldest first; only the highest of a command."""
        raise NotImplementedError

    async def acknowledge_outcome(self, command_id: str, outcome_number: int) -> None:
        """Note that the server has committed an outcome; a higher one stays unacknowledged."""
        raise NotImplementedError

    # -- events ----------------------------------------------------------------------------------------

    @property
    def next_event_seq(self) -> int:
        """The sequence number that the next event will have."""
        raise NotImplementedError

    def events_after(self, seq: int, limit: int) -> list[BridgeEvent]:
        """Return unacknowledged events beyond `seq`, in order, at most `limit`."""
        raise NotImplementedError

    async def acknowledge_events(self, seq: int) -> None:
        """Note that the server has committed every event up to `seq`."""
        raise NotImplementedError

    def take_alerts(self) -> list[Alert]:
        """Return alerts since the last call; one that repeats is given once. To be called while connected."""
        raise NotImplementedError

    # -- state -----------------------------------------------------------------------------------------

    async def sync(self, trigger: SyncTrigger, sync_id: str, dry_run: bool) -> SyncReport:
        """Hold the record against the terminal and apply the differences as events (none with `dry_run`).

        A sync that was applied also leaves its report as an event; a dry run's, and one's that could not be
        done, is only returned. One runs at a time; a second waits. Never raises for the terminal's sake.
        """
        raise NotImplementedError

    async def check(self, action: OpenAction) -> OpenCheck:
        """Count an order with live numbers without sending it. Never raises for the terminal's sake."""
        raise NotImplementedError

    async def adopt_record(self, state: RecordedState) -> None:
        """Take the server's record into a new journal: virtual levels, trailing stops, origins, last deal.
        Ignored by a journal that already has a record of its own."""
        raise NotImplementedError

    async def apply_policies(self, policies: Policies) -> list[str]:
        """Keep to policies from now on, journalled; return what could not be kept to, in plain words.

        A trade's policy is applied when its revision is above the one held, so that a resend changes
        nothing. Hiding or showing levels of open positions goes on in the background; what is refused there
        comes as alerts.
        """
        raise NotImplementedError

    def take_live_update(self) -> LiveUpdate | None:
        """Return the latest of what changed since the last call, None when nothing did."""
        raise NotImplementedError

    async def symbols(self) -> tuple[SymbolSpec, ...]:
        """Return the account's symbols as the terminal has them. Raises `TerminalUnavailable`."""
        raise NotImplementedError

    def status(self) -> CoreStatus:
        """Return the state of terminal, guard and journal, with ages as of now."""
        raise NotImplementedError

    def snapshot(self) -> RecordSnapshot:
        """Return the record: open positions and working orders as of the last event."""
        raise NotImplementedError

    def state_hash(self) -> str:
        """Return SHA-256 over positions and orders sorted by ticket, in hex; empty before a first sync."""
        raise NotImplementedError

    # -- stops -----------------------------------------------------------------------------------------

    async def stop(
        self, stop_id: str, close_positions: bool, progress: Callable[[StopProgress], None]
    ) -> StopProgress:
        """Carry out a stop that is latched already: wait for quiet, cancel our working orders, and with
        `close_positions` cancel every order and close every position, external ones too, until a re-read
        shows none. Calls `progress` at each change. Returns the complete progress.

        Journalled: after a restart call it again with the same id, and it goes on; a finished one answers
        from the journal at once. Cancelling the task interrupts it without undoing anything.
        """
        raise NotImplementedError

    async def lapse(self, policy: LapsePolicy) -> str:
        """Do what the policy wants of working orders (and positions) now that the lease has lapsed. Returns
        what was done, in plain words, e.g. `2 orders can still fill`."""
        raise NotImplementedError

    async def unhide_all(self, why: str) -> list[str]:
        """Write the real levels to the broker for every hidden position, before a planned shutdown; return
        what could not be. Virtual levels stay guarded until their visible ones are seen."""
        raise NotImplementedError
