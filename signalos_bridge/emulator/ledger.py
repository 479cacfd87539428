"""The broker's ledger: every request as received, every answer, every execution; fsynced before it is told.

A file of JSON lines. One line is a list of records that were written together: a line that is not whole
at the end of the file (a crash while writing) is cut off at the next start, with everything in it. The
broker's state is what the ledger says, and nothing else.
"""

import asyncio
import os
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO

import msgspec

from signalos_bridge.emulator.domain import changes
from signalos_bridge.emulator.domain.changes import Cause, Change
from signalos_bridge.emulator.domain.entities import AccountTerms, Deal, Order, Position
from signalos_bridge.emulator.domain.market import PriceState, SymbolCondition
from signalos_bridge.emulator.domain.symbols import SymbolSpec
from signalos_bridge.emulator.terminals import TerminalState

LEDGER_FILE = "ledger.jsonl"

RawValue = int | float | str
"""Numbers that are not finite are written as their names: "nan", "inf", "-inf"."""


class Started(msgspec.Struct, frozen=True, tag_field="kind", tag="start"):
    """The broker began to serve. `cut_bytes` of a torn line were dropped."""

    pid: int
    wall_ns: int
    utc_ms: int
    clock: str
    seed: int
    suffix: str
    cut_bytes: int = 0


class Received(msgspec.Struct, frozen=True, tag_field="kind", tag="request"):
    """An `order_send` as it arrived, before anything was checked."""

    serial: int
    login: int
    terminal: str
    pid: int
    caller: str
    connection: int
    request: dict[str, RawValue]
    wall_ns: int
    monotonic_ns: int
    broker_ms: int


class Answered(msgspec.Struct, frozen=True, tag_field="kind", tag="result"):
    """What became of a request, and what the caller was told, which differs under faults.

    `told_error` is the code of `last_error()` where the caller got `None`.
    """

    serial: int
    login: int
    retcode: int
    deal: int
    order: int
    volume: Decimal
    price: Decimal
    comment: str
    told_retcode: int | None
    told_error: int | None
    faults: tuple[int, ...]
    wall_ns: int
    monotonic_ns: int
    broker_ms: int


class DealRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="deal"):
    """An execution. `deal.serial` is that of the request behind it, if there is one."""

    login: int
    cause: Cause
    deal: Deal
    wall_ns: int


class OrderRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="order"):
    """An order as it is from now on."""

    login: int
    order: Order


class PositionRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="position"):
    """A position as it is from now on."""

    login: int
    position: Position


class PositionGoneRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="position_gone"):
    login: int
    ticket: int


class TermsRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="account"):
    terms: AccountTerms


class RolledOverRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="rollover"):
    login: int
    day: int


class TerminalRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="terminal"):
    terminal: TerminalState


class SymbolRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="symbol"):
    """A symbol's specification and condition, as an operator changed them."""

    spec: SymbolSpec
    condition: SymbolCondition


class PricesRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="prices"):
    """Where the quotes stand, so that a restarted broker goes on from there."""

    utc_ms: int
    prices: dict[str, PriceState]


class FaultRecord(msgspec.Struct, frozen=True, tag_field="kind", tag="fault"):
    """A fault was switched on or off. Faults are not in force again after a restart."""

    identifier: int
    description: str
    active: bool
    wall_ns: int


Record = (
    Started
    | Received
    | Answered
    | DealRecord
    | OrderRecord
    | PositionRecord
    | PositionGoneRecord
    | TermsRecord
    | RolledOverRecord
    | TerminalRecord
    | SymbolRecord
    | PricesRecord
    | FaultRecord
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[Record])


class LedgerCorrupt(Exception):  # noqa: N818 - says what the file is
    """A line before the last cannot be read: the file was changed by something else than a crash."""


def record_of(change: Change, wall_ns: int) -> Record:
    match change:
        case changes.DealMade(login, deal, cause):
            return DealRecord(login, cause, deal, wall_ns)
        case changes.OrderSet(login, order):
            return OrderRecord(login, order)
        case changes.PositionSet(login, position):
            return PositionRecord(login, position)
        case changes.PositionGone(login, ticket):
            return PositionGoneRecord(login, ticket)
        case changes.TermsSet(terms):
            return TermsRecord(terms)
        case changes.RolledOver(login, day):
            return RolledOverRecord(login, day)


def change_of(record: Record) -> Change | None:
    """Return what a record changes at the accounts, if anything."""
    match record:
        case DealRecord():
            return changes.DealMade(record.login, record.deal, record.cause)
        case OrderRecord():
            return changes.OrderSet(record.login, record.order)
        case PositionRecord():
            return changes.PositionSet(record.login, record.position)
        case PositionGoneRecord():
            return changes.PositionGone(record.login, record.ticket)
        case TermsRecord():
            return changes.TermsSet(record.terms)
        case RolledOverRecord():
            return changes.RolledOver(record.login, record.day)
        case _:
            return None


def read_ledger(path: Path) -> Iterator[Record]:
    """Yield the records of a ledger, or of the data directory that holds one, in the order of writing.

    A torn last line is left out. Raises `LedgerCorrupt` for any other line that cannot be read.
    """
    file = path / LEDGER_FILE if path.is_dir() else path
    with file.open("rb") as source:
        for records, _ in _lines(source):
            yield from records


def _lines(source: IO[bytes]) -> Iterator[tuple[list[Record], int]]:
    """Yield each line's records with the position behind the line."""
    end = 0
    broken: tuple[int, Exception] | None = None
    for number, line in enumerate(source, 1):
        if broken is not None:
            raise LedgerCorrupt(f"line {broken[0]}: {broken[1]}")
        try:
            if not line.endswith(b"\n"):
                raise ValueError("no end of line")
            records = _decoder.decode(line)
        except (msgspec.DecodeError, ValueError) as error:
            broken = (number, error)
            continue
        end += len(line)
        yield records, end


class Ledger:
    """The open file. Appending is immediate; a sync serves all who wait for one.

    Syncing stops the event loop meanwhile. What arrives in that time is then handled together, and shares
    the next sync: that is what groups them.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / LEDGER_FILE
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._written = 0
        self._synced = 0
        self._waiting: list[Callable[[], None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fail: Callable[[Exception], None] | None = None

    def replay(self) -> tuple[list[Record], int]:
        """Return what is recorded, and how many bytes of a torn line were cut off."""
        records: list[Record] = []
        end = 0
        with self.path.open("rb") as source:
            for line, behind in _lines(source):
                records.extend(line)
                end = behind
            source.seek(0, os.SEEK_END)
            cut = source.tell() - end
        os.ftruncate(self._file, end)
        os.lseek(self._file, end, os.SEEK_SET)
        self._written = self._synced = end
        return records, cut

    def attach(self, loop: asyncio.AbstractEventLoop, fail: Callable[[Exception], None]) -> None:
        """Sync from now on in `loop`, and tell `fail` of whatever goes wrong there.

        What could not be synced is never answered.
        """
        self._loop = loop
        self._fail = fail

    def append(self, records: list[Record]) -> None:
        """Write one line. Written means: it outlives this process. Raises `OSError` if the disk is full."""
        line = _encoder.encode(records) + b"\n"
        view = memoryview(line)
        while view:
            view = view[os.write(self._file, view) :]
        self._written += len(line)

    def when_synced(self, tell: Callable[[], None]) -> None:
        """Call `tell` once everything written so far has reached the disk."""
        if self._synced == self._written:
            tell()
            return
        assert self._loop is not None
        if not self._waiting:
            self._loop.call_soon(self._sync_for_all)
        self._waiting.append(tell)

    def sync_now(self) -> None:
        os.fsync(self._file)
        self._synced = self._written

    def close(self) -> None:
        self.sync_now()
        os.close(self._file)

    def _sync_for_all(self) -> None:
        assert self._fail is not None
        waiting, self._waiting = self._waiting, []
        try:
            self.sync_now()
            for tell in waiting:
                tell()
        except Exception as error:  # noqa: BLE001 - the edge of a callback; the process ends with it
            self._fail(error)
