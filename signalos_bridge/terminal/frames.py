"""What parent and child say to each other over the child's standard input and output.

A frame is a length (four bytes, little-endian) and that many bytes of MessagePack. Values of the domain
travel as they are; where several types are possible, a name beside the bytes tells which.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, BinaryIO

import msgspec

from signalos_bridge.domain import orders, outcomes
from signalos_bridge.domain.market import (
    AccountSnapshot,
    BoundAccount,
    Deal,
    HistoryOrder,
    Position,
    Side,
    SymbolSpec,
    TerminalStatus,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.orders import Order
from signalos_bridge.domain.outcomes import BrokerAnswer, Outcome
from signalos_bridge.terminal import port
from signalos_bridge.terminal.dealing import Submission
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.port import CheckResult, SentRequest, TerminalChange, Watch

# Ten thousand symbols are some six megabytes; anything beyond this is a torn stream.
MAX_FRAME_BYTES = 64 * 1024 * 1024
_HEADER = struct.Struct("<I")

_encoder = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class PollSettings:
    """How often the child looks: while positions or orders exist, and otherwise."""

    busy_seconds: float = 0.05
    idle_seconds: float = 0.25
    account_seconds: float = 0.2
    status_seconds: float = 1.0
    history_seconds: float = 5.0
    # How long after a change deals may still be missing from the terminal's history.
    settle_seconds: float = 2.0


class Start(msgspec.Struct, frozen=True, tag=True):
    """The first frame to a child."""

    adapter: AdapterSettings
    poll: PollSettings
    account: BoundAccount | None
    watch: Watch
    reason: str
    utc_offset_seconds: int | None = None


class Rebind(msgspec.Struct, frozen=True, tag=True):
    """Trade this account from now on."""

    account: BoundAccount


class Rewatch(msgspec.Struct, frozen=True, tag=True):
    """Watch this from now on. `reason` set: also begin again with everything."""

    watch: Watch
    reason: str | None = None


class Call(msgspec.Struct, frozen=True, tag=True):
    """One call into the terminal, to be answered by one `Reply` with the same number."""

    number: int
    name: str
    arguments: msgspec.Raw
    latched: bool = True


class Stop(msgspec.Struct, frozen=True, tag=True):
    """Let go of the terminal and exit."""


class Reply(msgspec.Struct, frozen=True, tag=True):
    """What a call gave, or why it gave nothing (`error` set)."""

    number: int
    result: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: str | None = None
    error_code: int | None = None


class Changed(msgspec.Struct, frozen=True, tag=True):
    """Something that the watch saw."""

    kind: str
    change: msgspec.Raw


class Beat(msgspec.Struct, frozen=True, tag=True):
    """The child is well. `attached`: it has a terminal. `busy_seconds`: it may be silent for that long."""

    last_read_at: float | None
    attached: bool
    busy_seconds: float = 0.0


ToChild = Start | Rebind | Rewatch | Call | Stop
FromChild = Reply | Changed | Beat

to_child_decoder = msgspec.msgpack.Decoder(ToChild)
from_child_decoder = msgspec.msgpack.Decoder(FromChild)


class Span(msgspec.Struct, frozen=True):
    """A span of broker time; `magic` set: only what carries it."""

    from_msc: int
    to_msc: int
    magic: int | None = None


class Named(msgspec.Struct, frozen=True):
    """A symbol or a group filter."""

    name: str | None = None


class Numbered(msgspec.Struct, frozen=True):
    """A ticket, an identifier or a magic number."""

    number: int


class Nothing(msgspec.Struct, frozen=True):
    """No arguments."""


class Trade(msgspec.Struct, frozen=True):
    """A trade to calculate; `close_price` None where there is none."""

    symbol: str
    side: Side
    volume_lots: Decimal
    price: Decimal
    close_price: Decimal | None = None


class Submit(msgspec.Struct, frozen=True):
    """An order, by the name of its type."""

    kind: str
    order: msgspec.Raw


class Submitted(msgspec.Struct, frozen=True):
    """A `Submission`, its outcome by the name of its type."""

    kind: str
    outcome: msgspec.Raw
    raw: BrokerAnswer | None
    request: SentRequest | None
    shown: port.Shown | None = None


class Facts(msgspec.Struct, frozen=True):
    """Status and account at one moment. `why_not` set: what the terminal shows is not to be believed yet."""

    status: TerminalStatus
    account: AccountSnapshot | None
    why_not: str | None
    read_at: float


# The calls, what they take and what they give.
CALLS: dict[str, tuple[type[Any], Any]] = {
    "submit": (Submit, Submitted),
    "check": (Submit, CheckResult),
    "facts": (Nothing, Facts),
    "positions": (Nothing, tuple[Position, ...]),
    "position": (Numbered, Position | None),
    "orders": (Nothing, tuple[WorkingOrder, ...]),
    "deals": (Span, tuple[Deal, ...]),
    "deals_count": (Span, int),
    "history_orders": (Span, tuple[HistoryOrder, ...]),
    "deals_of_position": (Numbered, tuple[Deal, ...]),
    "history_order": (Numbered, HistoryOrder | None),
    "account": (Nothing, AccountSnapshot),
    "symbol": (Named, SymbolSpec | None),
    "symbols": (Named, tuple[SymbolSpec, ...]),
    "symbols_total": (Nothing, int),
    "tick": (Named, Tick | None),
    "calc_margin": (Trade, Decimal),
    "calc_profit": (Trade, Decimal),
}
_arguments = {name: msgspec.msgpack.Decoder(takes) for name, (takes, _) in CALLS.items()}
_results = {name: msgspec.msgpack.Decoder(gives) for name, (_, gives) in CALLS.items()}

_orders: dict[str, msgspec.msgpack.Decoder[Order]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind)
    for kind in (
        orders.OpenMarket,
        orders.PlacePending,
        orders.ClosePosition,
        orders.CloseBy,
        orders.ModifyLevels,
        orders.ModifyPending,
        orders.CancelPending,
    )
}
_outcomes: dict[str, msgspec.msgpack.Decoder[Outcome]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind)
    for kind in (
        outcomes.Executed,
        outcomes.PartlyExecuted,
        outcomes.Placed,
        outcomes.NoChange,
        outcomes.NotDone,
        outcomes.Ambiguous,
    )
}
_changes: dict[str, msgspec.msgpack.Decoder[TerminalChange]] = {
    kind.__name__: msgspec.msgpack.Decoder(kind)
    for kind in (
        port.WatchStarted,
        port.PositionsChanged,
        port.OrdersChanged,
        port.HistoryAppeared,
        port.AccountChanged,
        port.StatusChanged,
        port.TicksArrived,
    )
}


def raw(value: Any) -> msgspec.Raw:
    """Return a value in bytes, to be put into a frame."""
    return msgspec.Raw(_encoder.encode(value))


def pack(frame: ToChild | FromChild) -> bytes:
    """Return a frame as it goes over the pipe."""
    body = _encoder.encode(frame)
    return _HEADER.pack(len(body)) + body


def read_frame(stream: BinaryIO) -> bytes | None:
    """Read one frame's body; None at the end of the stream, also in the middle of a frame."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    size = _size(header)
    body = stream.read(size)
    return body if len(body) == size else None


def _size(header: bytes) -> int:
    size = int(_HEADER.unpack(header)[0])
    if size > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {size} bytes")
    return size


class Splitter:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the bodies of the frames that are now complete."""
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= _HEADER.size:
            size = _size(bytes(self._buffer[start : start + _HEADER.size]))
            end = start + _HEADER.size + size
            if len(self._buffer) < end:
                break
            yield bytes(self._buffer[start + _HEADER.size : end])
            start = end
        del self._buffer[:start]


def arguments_of(call: Call) -> Any:
    """Return a call's arguments as its entry in `CALLS` says; `ValueError` for an unknown call."""
    decoder = _arguments.get(call.name)
    if decoder is None:
        raise ValueError(f"unknown call {call.name!r}")
    return decoder.decode(call.arguments)


def result_of(name: str, reply: Reply) -> Any:
    """Return what a call gave, as its entry in `CALLS` says."""
    return _results[name].decode(reply.result)


def submit_of(order: Order) -> Submit:
    """Return an order as an argument."""
    return Submit(type(order).__name__, raw(order))


def order_of(submit: Submit) -> Order:
    """Return the order in an argument."""
    return _orders[submit.kind].decode(submit.order)


def submitted_of(submission: Submission) -> Submitted:
    """Return a submission as a result."""
    outcome = submission.outcome
    return Submitted(
        type(outcome).__name__, raw(outcome), submission.raw, submission.request, submission.shown
    )


def submission_of(submitted: Submitted) -> Submission:
    """Return the submission in a result."""
    outcome = _outcomes[submitted.kind].decode(submitted.outcome)
    return Submission(outcome, submitted.raw, submitted.request, submitted.shown)


def changed_of(change: TerminalChange) -> Changed:
    """Return a change as a frame."""
    return Changed(type(change).__name__, raw(change))


def change_of(changed: Changed) -> TerminalChange:
    """Return the change in a frame."""
    return _changes[changed.kind].decode(changed.change)
