"""A trade request as the broker reads it, and its answer."""

from dataclasses import dataclass
from decimal import Decimal

from signalos_bridge.emulator.domain.codes import Filling, Reason, Retcode, TimeType
from signalos_bridge.emulator.domain.entities import ZERO


@dataclass(frozen=True, slots=True)
class TradeRequest:
    """Numbers as sent; whether they are of an enumeration is for the checks to find."""

    action: int
    symbol: str = ""
    volume: Decimal = ZERO
    type: int = 0
    price: Decimal = ZERO
    stoplimit: Decimal = ZERO
    sl: Decimal = ZERO
    tp: Decimal = ZERO
    deviation: int = 0
    type_filling: int = Filling.FOK
    type_time: int = TimeType.GTC
    expiration_ms: int = 0
    """Broker time."""
    magic: int = 0
    order: int = 0
    position: int = 0
    position_by: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """How a request is carried out; the defaults are an honest broker's."""

    serial: int | None = None
    reason: Reason = Reason.EXPERT
    fill_volume: Decimal | None = None
    """Less than asked: the rest of a market order is cancelled."""
    deferred_ms: int | None = None
    """A market order is accepted now and executed after this time."""
    comment: str | None = None
    """What the broker writes instead of the caller's."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The broker's answer. `deal` and `order` are 0 where there is none."""

    retcode: Retcode
    deal: int = 0
    order: int = 0
    volume: Decimal = ZERO
    price: Decimal = ZERO
    bid: Decimal = ZERO
    ask: Decimal = ZERO
    comment: str = ""


class Refused(Exception):  # noqa: N818 - an answer, not an error of the program
    """The broker refuses a request, and nothing was done."""

    def __init__(self, retcode: Retcode, comment: str = "") -> None:
        super().__init__(retcode)
        self.retcode = retcode
        self.comment = comment
