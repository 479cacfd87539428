"""What operators send and get: the typed halves of `admin` and `admin_calls`."""

from dataclasses import fields, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from signalos_bridge.emulator.domain.codes import Execution, Reason, SymbolTradeMode
from signalos_bridge.emulator.domain.entities import AccountTerms

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    _Dataclass = TypeVar("_Dataclass", bound=DataclassInstance)
else:
    _Dataclass = TypeVar("_Dataclass")


class SymbolChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to change about a symbol; what is unset stays."""

    closed: bool | UnsetType | None = UNSET
    """True closes its market, False keeps it open, None goes by its hours again."""
    spread_factor: Decimal | UnsetType = UNSET
    slippage_points: int | UnsetType = UNSET
    opening_gap_points: int | UnsetType = UNSET
    spread_points: int | UnsetType = UNSET
    swing_points: int | UnsetType = UNSET
    stops_level_points: int | UnsetType = UNSET
    freeze_level_points: int | UnsetType = UNSET
    trade_mode: SymbolTradeMode | UnsetType = UNSET
    execution: Execution | UnsetType = UNSET
    filling_mask: int | UnsetType = UNSET
    volume_min: Decimal | UnsetType = UNSET
    volume_max: Decimal | UnsetType = UNSET
    volume_step: Decimal | UnsetType = UNSET
    volume_limit: Decimal | UnsetType = UNSET
    commission_per_lot: Decimal | UnsetType = UNSET
    swap_long_points: Decimal | UnsetType = UNSET
    swap_short_points: Decimal | UnsetType = UNSET
    contract_size: Decimal | UnsetType = UNSET


class TerminalChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to change about a terminal; what is unset stays."""

    login: int | UnsetType = UNSET
    """The account to which somebody switches it."""
    connected: bool | UnsetType = UNSET
    trade_allowed: bool | UnsetType = UNSET
    tradeapi_disabled: bool | UnsetType = UNSET


class TermsChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to change about an account; what is unset stays."""

    leverage: int | UnsetType = UNSET
    trade_allowed: bool | UnsetType = UNSET
    trade_expert: bool | UnsetType = UNSET
    fifo_close: bool | UnsetType = UNSET
    limit_orders: int | UnsetType = UNSET
    limit_positions: int | UnsetType = UNSET
    margin_call_percent: Decimal | UnsetType = UNSET
    stop_out_percent: Decimal | UnsetType = UNSET
    server: str | UnsetType = UNSET
    password: str | UnsetType = UNSET


class PlaceByHand(msgspec.Struct, frozen=True, kw_only=True):
    """An order that a person sends; the fields are those of a trade request, but for `reason`."""

    action: int
    symbol: str
    volume: float
    type: int
    price: float = 0.0
    stoplimit: float = 0.0
    sl: float = 0.0
    tp: float = 0.0
    position: int = 0
    position_by: int = 0
    order: int = 0
    type_filling: int = 0
    type_time: int = 0
    expiration: int = 0
    comment: str = ""
    reason: Reason = Reason.CLIENT
    """At the terminal, on a phone, on the web, or by another program (`EXPERT`)."""


class ClockState(msgspec.Struct, frozen=True):
    stepped: bool
    utc_ms: int
    broker_ms: int


class AccountFigures(msgspec.Struct, frozen=True):
    """An account's terms and money, from the broker's own books."""

    terms: AccountTerms
    balance: Decimal
    credit: Decimal
    profit: Decimal
    equity: Decimal
    margin: Decimal
    free: Decimal
    level: Decimal


def changed(value: _Dataclass, change: msgspec.Struct, *, but: tuple[str, ...] = ()) -> _Dataclass:
    """Return `value` with the fields that are set in `change`."""
    known = {field.name for field in fields(value)}
    updates: dict[str, Any] = {
        name: getattr(change, name)
        for name in change.__struct_fields__
        if name in known and name not in but and getattr(change, name) is not UNSET
    }
    return replace(value, **updates)
