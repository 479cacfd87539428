"""Domain values as rows of the journal, and back. The journal speaks JSON within its columns."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

import msgspec

from signalos_bridge.domain import facts, orders, values
from signalos_bridge.domain.command import CommandRecord, Leg
from signalos_bridge.domain.record import KnownOrder, KnownPosition
from signalos_bridge.domain.values import Command, Outcome

_T = TypeVar("_T")

_encode = msgspec.json.Encoder(decimal_format="string").encode


class CorruptRow(Exception):  # noqa: N818 (it names what was found)
    """A row does not say what its column promises."""


def _by_name(*types: type[Any]) -> Mapping[str, type[Any]]:
    return {kind.__name__: kind for kind in types}


ACTIONS = _by_name(
    values.OpenAction,
    values.CloseAction,
    values.ModifyAction,
    values.ModifyOrderAction,
    values.CancelOrderAction,
    values.CloseAllAction,
    values.AdoptAction,
    values.BreakEvenAction,
)
ORDERS = _by_name(
    orders.OpenMarket,
    orders.PlacePending,
    orders.ClosePosition,
    orders.CloseBy,
    orders.ModifyLevels,
    orders.ModifyPending,
    orders.CancelPending,
)
FACTS = _by_name(
    facts.PositionOpened,
    facts.PositionChanged,
    facts.PositionClosed,
    facts.PositionMissing,
    facts.OrderChanged,
    facts.DealSeen,
    facts.SyncReport,
    facts.TrailingChanged,
)


def text(value: object) -> str:
    """Return a value as JSON."""
    return _encode(value).decode()


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def read(data: str, kind: type[_T]) -> _T:
    """Return a value from JSON; raises `CorruptRow`."""
    try:
        value: _T = _decoder(cast("Any", kind)).decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptRow(f"{kind.__name__}: {error}") from error
    return value


def read_named(data: str, name: str, kinds: Mapping[str, type[Any]]) -> Any:
    """Return a value of the kind that a column names; raises `CorruptRow`."""
    if name not in kinds:
        raise CorruptRow(f"{name} is not a kind of row")
    return read(data, kinds[name])


@cache
def _without(kind: type[Any], *left_out: str) -> type[Any]:
    """Return a dataclass like `kind` without the fields that have a column of their own."""
    hints = get_type_hints(kind)
    wanted: list[Any] = []
    for field in dataclasses.fields(kind):
        if field.name in left_out:
            continue
        spec: Any = dataclasses.field()
        if field.default is not dataclasses.MISSING:
            spec = dataclasses.field(default=field.default)
        wanted.append((field.name, hints[field.name], spec))
    return dataclasses.make_dataclass(f"{kind.__name__}Row", wanted, frozen=True, slots=True, kw_only=True)


def _strip(value: Any, *left_out: str) -> str:
    return text({name: getattr(value, name) for name in _names(cast("Any", type(value)), left_out)})


@cache
def _names(kind: type[Any], left_out: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind) if field.name not in left_out)


def _fields(row: Any) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}


_RECORD_COLUMNS = ("command", "number", "state", "legs", "received_wall_msc")


def leg_columns(leg: Leg) -> tuple[str, str, str]:
    """Return the kind of a leg's order, the order, and the rest."""
    kind = "" if leg.order is None else type(leg.order).__name__
    return kind, "" if leg.order is None else text(leg.order), _strip(leg, "order")


def leg_of(order_kind: str, order: str, data: str) -> Leg:
    """Return a leg from its columns."""
    row = read(data, _without(Leg, "order"))
    return Leg(order=read_named(order, order_kind, ORDERS) if order_kind else None, **_fields(row))


def command_columns(record: CommandRecord) -> tuple[str, str, str]:
    """Return the kind of a command's action, the action, and the rest."""
    command = record.command
    data = f"[{_strip(command, 'action')},{_strip(record, *_RECORD_COLUMNS)}]"
    return type(command.action).__name__, text(command.action), data


@cache
def _command_pair() -> Any:
    parts = (_without(Command, "action"), _without(CommandRecord, *_RECORD_COLUMNS))
    return tuple.__class_getitem__(parts)


def command_of(
    number: int,
    state: str,
    action_kind: str,
    action: str,
    data: str,
    wall_msc: int,
    legs: tuple[Leg, ...] | None,
) -> CommandRecord:
    """Return a command's record from its columns."""
    try:
        command_row, record_row = _decoder(_command_pair()).decode(data)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CorruptRow(f"command: {error}") from error
    command = Command(action=read_named(action, action_kind, ACTIONS), **_fields(command_row))
    return CommandRecord(
        command=command,
        number=number,
        state=values.CommandState(state),
        legs=legs,
        received_wall_msc=wall_msc,
        **_fields(record_row),
    )


def outcome_text(outcome: Outcome) -> str:
    """Return an outcome without `local`, which its command says."""
    return _strip(outcome, "local")


def outcome_of(data: str, record: CommandRecord | None) -> Outcome:
    """Return an outcome; what a bridge's own command was is taken from its record."""
    local = None
    if record is not None and record.command.origin.is_bridge:
        command = record.command
        local = values.LocalStart(
            command.origin, command.action, command.cause, record.received_wall_msc, command.stop_id
        )
    return Outcome(local=local, **_fields(read(data, _without(Outcome, "local"))))


def event_of(
    seq: int, event_id: str, wall_msc: int, command_id: str, kind: str, data: str
) -> facts.BridgeEvent:
    """Return an event from its columns."""
    return facts.BridgeEvent(seq, event_id, wall_msc, command_id, read_named(data, kind, FACTS))


def position_of(data: str) -> KnownPosition:
    """Return a known position."""
    return read(data, KnownPosition)


def order_of(data: str) -> KnownOrder:
    """Return a known order."""
    return read(data, KnownOrder)
