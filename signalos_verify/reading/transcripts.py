"""What clients were told and what probes received: JSON lines, one object for each call or frame.

The formats are in `docs/reliability.md`. A torn last line is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from signalos_verify.domain.records import (
    KeyedAnswer,
    Probe,
    ProbeFrame,
    Statement,
    StopStatement,
    Told,
)
from signalos_verify.reading.errors import RecordUnreadable

_MUTATIONS = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def read_clients(paths: tuple[Path, ...]) -> Told:
    """Return what clients were told, in the order of the files. Raises `RecordUnreadable`."""
    calls = 0
    statements: list[Statement] = []
    stops: list[StopStatement] = []
    keyed: list[KeyedAnswer] = []
    for path in paths:
        for source, line in _lines(path):
            calls += 1
            try:
                _call(source, line, statements, stops, keyed)
            except (KeyError, TypeError, ValueError, ArithmeticError) as error:
                raise RecordUnreadable(f"{source} is no record of a call: {error!r}") from error
    return Told(calls, tuple(statements), tuple(stops), tuple(keyed))


def _call(
    source: str,
    line: dict[str, Any],
    statements: list[Statement],
    stops: list[StopStatement],
    keyed: list[KeyedAnswer],
) -> None:
    response = line.get("response")
    at = float(line["at"])
    if not isinstance(response, dict) or not 200 <= (line.get("status") or 0) < 300:
        return
    statements.extend(
        Statement(
            source,
            at,
            command["commandId"],
            command["state"],
            Decimal(str(command.get("filledVolumeLots", 0))),
        )
        for command in _commands(response)
    )
    key = line.get("idempotency_key")
    told = response.get("command")
    if key and isinstance(told, dict) and line["method"] in _MUTATIONS:
        client = str(line.get("user") or line.get("client") or "")
        keyed.append(KeyedAnswer(source, client, str(key), told["commandId"]))
    for report in _of(response, "report", "reports", "stop", "stops"):
        for account in report.get("accounts", ()):
            latched = account.get("latchTime")
            if latched:
                # Known at `at`, whatever the clock that wrote `latchTime` says.
                datetime.fromisoformat(latched)
                stops.append(StopStatement(source, at, report["stopId"], account["accountId"]))


def _commands(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    snapshot = response.get("snapshot")
    for holder in (response, snapshot if isinstance(snapshot, dict) else {}):
        for command in _of(holder, "command", "commands"):
            if "commandId" in command and "state" in command:
                yield command


def _of(holder: dict[str, Any], *names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        value = holder.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield one


def read_probes(paths: tuple[Path, ...]) -> tuple[Probe, ...]:
    """Return what each probe received, in order. Raises `RecordUnreadable`."""
    frames: dict[str, list[ProbeFrame]] = defaultdict(list)
    for path in paths:
        for source, line in _lines(path):
            try:
                frame = _frame(source, line)
                name = str(line["probe"])
            except (KeyError, TypeError, ValueError, ArithmeticError) as error:
                raise RecordUnreadable(f"{source} is no record of a probe: {error!r}") from error
            frames[name]
            if frame is not None:
                frames[name].append(frame)
    return tuple(Probe(name, tuple(found)) for name, found in frames.items())


def _frame(source: str, line: dict[str, Any]) -> ProbeFrame | None:
    at = float(line["at"])
    if "open" in line:
        cursor = line["open"] or {}
        return ProbeFrame(source, "open", int(cursor.get("afterSeq") or 0), cursor.get("epoch") or "", at=at)
    if "closed" in line:
        return ProbeFrame(source, "closed", at=at)
    frame = line["frame"]
    kind, data = frame["type"], frame.get("data") or {}
    if kind == "gap":
        return ProbeFrame(source, kind, int(data["afterSeq"]), data["epoch"], at=at)
    if kind == "snapshot":
        return ProbeFrame(
            source,
            kind,
            int(data["seq"]),
            data["epoch"],
            frame["id"],
            trades=_trades(data["trades"]),
            orders=_orders(data["orders"]),
            commands=_states(data["commands"]),
            at=at,
        )
    if frame.get("seq") is None:
        return None
    return ProbeFrame(
        source,
        kind,
        int(frame["seq"]),
        "",
        frame["id"],
        data.get("accountId") or "",
        trades=_trades(_of(data, "trade"))
        if kind.startswith("trade_") or kind == "trailing_stop_update"
        else (),
        orders=_orders(_of(data, "order")) if kind == "order_update" else (),
        commands=_states(_of(data, "command")) if kind == "command_update" else (),
        at=at,
    )


def _trades(trades: Any) -> tuple[tuple[str, str, Decimal], ...]:
    return tuple((one["tradeId"], one["state"], Decimal(str(one["volumeLots"]))) for one in trades)


def _orders(orders: Any) -> tuple[tuple[str, str], ...]:
    return tuple((one["orderId"], one["state"]) for one in orders)


def _states(commands: Any) -> tuple[tuple[str, str], ...]:
    return tuple((one["commandId"], one["state"]) for one in commands)


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    torn = 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if torn:
                    raise RecordUnreadable(f"{path} is damaged at line {torn}")
                try:
                    yield f"{path.name}:{number}", decode(line)
                except (msgspec.DecodeError, msgspec.ValidationError):
                    torn = number
    except OSError as error:
        raise RecordUnreadable(f"{path} cannot be read: {error.strerror}") from error
