"""What is to be done once a unit of work has committed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from signalos_server.domain.command import Command, Outcome
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.frames import SyncReport
from signalos_server.domain.records import Trade


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """What memory knows of a bridge's lease; `expire_time` None: it never had one."""

    held: bool
    expire_time: datetime | None


NO_LEASE = LeaseSeen(False, None)


@dataclass(frozen=True, slots=True)
class Scene:
    """Whose facts a unit is about, and the session that tells them.

    `last_epoch`: the session before it that this bridge knows of; None: the hello did not matter.
    """

    account_id: str
    bridge_id: str
    epoch: int
    lease: LeaseSeen = NO_LEASE
    last_epoch: int | None = None

    def was_offered(self, epoch: int | None) -> bool:
        """Return whether what a session offered can have been offered to this bridge alone.

        A command is offered once its session's bridge has answered the welcome. One that knows an earlier
        session only is another bridge, e.g. a copy with the same journal.
        """
        return epoch is None or self.last_epoch is None or epoch <= self.last_epoch or epoch == self.epoch


@dataclass(frozen=True, slots=True)
class CommandSaved:
    """A command is in another state: wake those who wait for it."""

    command: Command


@dataclass(frozen=True, slots=True)
class OutcomeCommitted:
    """The bridge need not tell this outcome again."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class AlertCommitted:
    """The bridge need not tell this alert again."""

    telling_id: str


@dataclass(frozen=True, slots=True)
class EventsCommitted:
    """The bridge need not tell these events again."""

    seq: int


@dataclass(frozen=True, slots=True)
class DocumentSaved:
    """The account's control document is another one."""

    document: ControlDocument


@dataclass(frozen=True, slots=True)
class Adopted:
    """What a bridge holds is taken over: tell it what to keep to."""

    document: ControlDocument


@dataclass(frozen=True, slots=True)
class AppliedSaved:
    """What the bridge keeps to is another revision, or it could not."""

    account_id: str
    revision: int
    problem: str


@dataclass(frozen=True, slots=True)
class TradeSaved:
    """A trade is on record as it is now at the terminal: wake those who wait to read it so."""

    trade: Trade


@dataclass(frozen=True, slots=True)
class TradeOver:
    """A trade has closed."""

    position_identifier: int


@dataclass(frozen=True, slots=True)
class SyncSaved:
    """A sync has ended."""

    report: SyncReport


@dataclass(frozen=True, slots=True)
class SyncNeeded:
    """The record and the terminal differ."""

    problem: str


Effect = (
    CommandSaved
    | OutcomeCommitted
    | AlertCommitted
    | EventsCommitted
    | DocumentSaved
    | Adopted
    | AppliedSaved
    | TradeSaved
    | TradeOver
    | SyncSaved
    | SyncNeeded
)
