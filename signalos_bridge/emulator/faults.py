"""Faults that can be switched on while the broker runs, and what they do to one call."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

import msgspec

from signalos_bridge.emulator.errors import LastError


class Phase(Enum):
    """Whether something happens before or after the broker acts."""

    BEFORE = "before"
    AFTER = "after"


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag_field="fault"):
    """What goes wrong, and for which calls. An empty field of the scope means any."""

    function: str = ""
    """A name of the API, as `order_send`."""
    symbol: str = ""
    login: int = 0
    action: int = 0
    """Of a trade request (`TRADE_ACTION_*`)."""
    skip: int = 0
    """Matching calls that pass before it strikes."""
    count: int | None = None
    """Calls that it strikes; None: until it is cleared."""


class Reject(Fault, frozen=True, kw_only=True, tag="reject"):
    """Orders are refused with a code: a requote is `Reject(retcode=10004, count=n)`."""

    retcode: int
    comment: str = ""


class Delay(Fault, frozen=True, kw_only=True, tag="delay"):
    """The call takes longer, before the broker acts or after it."""

    milliseconds: int
    phase: Phase = Phase.BEFORE


class HoldGil(Fault, frozen=True, kw_only=True, tag="hold_gil"):
    """The caller's process is held inside the call with the GIL, before the broker acts or after."""

    milliseconds: int
    phase: Phase = Phase.BEFORE


class TellRetcode(Fault, frozen=True, kw_only=True, tag="tell_retcode"):
    """The order is carried out, and the answer is another: 10012 is a time-out after execution."""

    retcode: int = 10012


class TellNone(Fault, frozen=True, kw_only=True, tag="tell_none"):
    """The call answers `None` with that `last_error()`; an order was carried out before, or was not."""

    code: int = LastError.TIMEOUT
    text: str = ""
    executed: bool = True


class PartialFill(Fault, frozen=True, kw_only=True, tag="partial_fill"):
    """A market order is filled up to that volume (10010), and the rest is cancelled."""

    volume: Decimal


class DealLater(Fault, frozen=True, kw_only=True, tag="deal_later"):
    """A market order is answered 10008 without a deal, which follows."""

    milliseconds: int


class RewriteComment(Fault, frozen=True, kw_only=True, tag="rewrite_comment"):
    """The broker writes its own comment on orders; `{comment}` in it stands for the caller's."""

    comment: str = ""


class Lag(Fault, frozen=True, kw_only=True, tag="lag"):
    """What happens shows in positions, orders and history only after that time."""

    milliseconds: int


class NotSynchronised(Fault, frozen=True, kw_only=True, tag="not_synchronised"):
    """Positions, orders and history read as empty, as just after a login."""


class Unseen(Fault, frozen=True, kw_only=True, tag="unseen"):
    """One position with its deals and orders, or one working order, reads as if it had never been."""

    ticket: int
    """A position's identifier or an order's ticket."""


class ZeroBalance(Fault, frozen=True, kw_only=True, tag="zero_balance"):
    """The account reads as having no money, as just after a login."""


AnyFault = (
    Reject
    | Delay
    | HoldGil
    | TellRetcode
    | TellNone
    | PartialFill
    | DealLater
    | RewriteComment
    | Lag
    | NotSynchronised
    | Unseen
    | ZeroBalance
)

_ORDER_FAULTS = (Reject, TellRetcode, PartialFill, DealLater, RewriteComment)
_READS_OF_STATE = frozenset(
    {
        "positions_get",
        "positions_total",
        "orders_get",
        "orders_total",
        "history_orders_get",
        "history_orders_total",
        "history_deals_get",
        "history_deals_total",
    }
)


class ActiveFault(msgspec.Struct, frozen=True):
    """A fault in force. `struck` counts the calls it has changed."""

    identifier: int
    fault: AnyFault
    seen: int = 0
    struck: int = 0

    @property
    def spent(self) -> bool:
        return self.fault.count is not None and self.struck >= self.fault.count


@dataclass(frozen=True, slots=True)
class CallKey:
    """What a fault's scope is held against."""

    function: str
    login: int
    symbol: str = ""
    action: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What the faults in force make of one call."""

    reject: Reject | None = None
    delay_before_ms: int = 0
    delay_after_ms: int = 0
    hold_before_ms: int = 0
    hold_after_ms: int = 0
    tell_retcode: int | None = None
    tell_none: TellNone | None = None
    fill_volume: Decimal | None = None
    deferred_ms: int | None = None
    comment: str | None = None
    empty: bool = False
    no_balance: bool = False
    unseen: frozenset[int] = frozenset()
    faults: tuple[int, ...] = ()


HONEST = Plan()


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self._active: dict[int, ActiveFault] = {}
        self._next = 1
        self.lag_ms: dict[int, int] = {}
        """By login; 0 stands for every account."""

    def add(self, fault: AnyFault) -> int:
        identifier = self._next
        self._next += 1
        self._active[identifier] = ActiveFault(identifier, fault)
        self._read_lag()
        return identifier

    def clear(self, identifier: int | None = None) -> list[int]:
        """Switch one fault off, or all; return which were in force."""
        if identifier is None:
            cleared = list(self._active)
            self._active.clear()
        else:
            cleared = [identifier] if self._active.pop(identifier, None) is not None else []
        self._read_lag()
        return cleared

    def active(self) -> list[ActiveFault]:
        """Return the faults in force, and the spent ones with their counts, until they are cleared."""
        return list(self._active.values())

    def plan(self, key: CallKey) -> Plan:
        """Return what happens to a call, counting it."""
        if not self._active:
            return HONEST
        plan: dict[str, object] = {}
        struck: list[int] = []
        for active in list(self._active.values()):
            if active.spent or not _in_scope(active.fault, key):
                continue
            if active.seen < active.fault.skip:
                self._active[active.identifier] = msgspec.structs.replace(active, seen=active.seen + 1)
                continue
            self._active[active.identifier] = msgspec.structs.replace(
                active, seen=active.seen + 1, struck=active.struck + 1
            )
            struck.append(active.identifier)
            _add_to(plan, active.fault)
        return Plan(faults=tuple(struck), **plan) if struck else HONEST  # type: ignore[arg-type]

    def lag_of(self, login: int) -> int:
        """Return after how many milliseconds this account's changes show."""
        return self.lag_ms.get(login, self.lag_ms.get(0, 0))

    def _read_lag(self) -> None:
        self.lag_ms = {
            one.fault.login: one.fault.milliseconds
            for one in self._active.values()
            if isinstance(one.fault, Lag)
        }


def _in_scope(fault: AnyFault, key: CallKey) -> bool:
    if isinstance(fault, Lag):
        return False
    if isinstance(fault, _ORDER_FAULTS) and key.function != "order_send":
        return False
    if isinstance(fault, (NotSynchronised, Unseen)) and key.function not in _READS_OF_STATE:
        return False
    if isinstance(fault, ZeroBalance) and key.function != "account_info":
        return False
    return (
        (not fault.function or fault.function == key.function)
        and (not fault.symbol or fault.symbol == key.symbol)
        and (not fault.login or fault.login == key.login)
        and (not fault.action or fault.action == key.action)
    )


def _add_to(plan: dict[str, object], fault: AnyFault) -> None:
    match fault:
        case Reject():
            plan["reject"] = fault
        case Delay():
            plan["delay_before_ms" if fault.phase is Phase.BEFORE else "delay_after_ms"] = fault.milliseconds
        case HoldGil():
            plan["hold_before_ms" if fault.phase is Phase.BEFORE else "hold_after_ms"] = fault.milliseconds
        case TellRetcode():
            plan["tell_retcode"] = fault.retcode
        case TellNone():
            plan["tell_none"] = fault
        case PartialFill():
            plan["fill_volume"] = fault.volume
        case DealLater():
            plan["deferred_ms"] = fault.milliseconds
        case RewriteComment():
            plan["comment"] = fault.comment
        case NotSynchronised():
            plan["empty"] = True
        case Unseen():
            before = plan.get("unseen", frozenset())
            assert isinstance(before, frozenset)
            plan["unseen"] = before | {fault.ticket}
        case ZeroBalance():
            plan["no_balance"] = True
        case Lag():
            pass
