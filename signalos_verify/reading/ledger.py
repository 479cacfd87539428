"""The broker's ledger, as the emulator writes it: JSON lines, each a list of records that belong together."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from signalos_verify.domain.records import BrokerDeal, BrokerPosition, BrokerRequest, Ledger
from signalos_verify.reading.errors import RecordUnreadable

LEDGER_FILE = "ledger.jsonl"
_NANOSECONDS = 1e9
_BUY_OR_SELL = (0, 1)
_PENDING_TYPES = frozenset(range(2, 8))
# Placed and partially filled; started requests to the server are not orders yet.
_WORKING_STATES = frozenset({1, 3})


def read_ledger(path: Path) -> Ledger:
    """Return a ledger, or that of the data directory that holds one. Raises `RecordUnreadable`."""
    file = path / LEDGER_FILE if path.is_dir() else path
    requests: dict[int, BrokerRequest] = {}
    deals: list[BrokerDeal] = []
    positions: dict[tuple[int, int], BrokerPosition] = {}
    orders: set[tuple[int, int]] = set()
    logins: set[int] = set()
    try:
        for line, record in _records(file):
            match record["kind"]:
                case "request":
                    requests[record["serial"]] = _request(line, record)
                case "result":
                    request = requests[record["serial"]]
                    request.retcode = record["retcode"]
                    request.order_ticket = record["order"]
                    request.told_retcode = record["told_retcode"]
                    request.answered = True
                case "deal":
                    deals.append(_deal(line, record))
                case "position":
                    position = _position(record)
                    positions[position.login, position.ticket] = position
                case "position_gone":
                    positions.pop((record["login"], record["ticket"]), None)
                case "order":
                    order = record["order"]
                    key = (record["login"], order["ticket"])
                    if order["type"] in _PENDING_TYPES and order["state"] in _WORKING_STATES:
                        orders.add(key)
                    else:
                        orders.discard(key)
                case "account":
                    logins.add(record["terms"]["login"])
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise RecordUnreadable(f"the ledger {file} holds what is no record of it: {error!r}") from error
    return Ledger(
        path=str(file),
        requests=tuple(requests.values()),
        deals=tuple(deals),
        positions=tuple(positions.values()),
        orders=frozenset(orders),
        logins=frozenset(logins),
    )


def _records(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    decode = msgspec.json.Decoder().decode
    torn: int | None = None
    try:
        with file.open("rb") as source:
            for number, line in enumerate(source, 1):
                if torn is not None:
                    raise RecordUnreadable(f"the ledger {file} is damaged at line {torn}")
                # Quotes are most of a ledger, and say nothing here.
                if line.startswith(b'[{"kind":"prices"') and line.endswith(b"]\n"):
                    continue
                try:
                    records = decode(line) if line.endswith(b"\n") else None
                except msgspec.DecodeError:
                    records = None
                if records is None:
                    # The end of the file may be in the middle of being written.
                    torn = number
                    continue
                for record in records:
                    yield number, record
    except OSError as error:
        raise RecordUnreadable(f"the ledger {file} cannot be read: {error.strerror}") from error


def _lots(value: Any) -> Decimal:
    return Decimal(str(value))


def _request(line: int, record: dict[str, Any]) -> BrokerRequest:
    request = record["request"]
    return BrokerRequest(
        line=line,
        serial=record["serial"],
        login=record["login"],
        at=record["wall_ns"] / _NANOSECONDS,
        action=_whole(request.get("action")),
        magic=_whole(request.get("magic")),
        position=_whole(request.get("position")),
        order=_whole(request.get("order")),
        volume=_lots(request.get("volume", 0)),
    )


def _whole(value: Any) -> int:
    """Return a field of a raw request, which may hold anything."""
    return value if isinstance(value, int) else 0


def _deal(line: int, record: dict[str, Any]) -> BrokerDeal:
    deal = record["deal"]
    return BrokerDeal(
        line=line,
        login=record["login"],
        ticket=deal["ticket"],
        order=deal["order"],
        position=deal["position_id"],
        entry=deal["entry"],
        magic=deal["magic"],
        volume=_lots(deal["volume"]),
        symbol=deal["symbol"],
        at=record["wall_ns"] / _NANOSECONDS,
        serial=deal["serial"],
        trading=deal["type"] in _BUY_OR_SELL,
    )


def _position(record: dict[str, Any]) -> BrokerPosition:
    position = record["position"]
    return BrokerPosition(
        login=record["login"],
        ticket=position["ticket"],
        identifier=position["identifier"],
        symbol=position["symbol"],
        side=position["side"],
        volume=_lots(position["volume"]),
        stop_loss=_lots(position["sl"]),
        take_profit=_lots(position["tp"]),
    )
