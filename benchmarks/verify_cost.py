"""What `signalos verify` costs on a large record: made commands, each with its events, requests and deals."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from signalos.v1 import command_pb2, event_pb2, trade_pb2
from signalos_bridge.journal import _SCHEMA as JOURNAL_SCHEMA
from signalos_server.adapters.storage import database_url
from signalos_server.adapters.storage.migrate import upgrade
from signalos_verify.app import Settings, verify
from signalos_verify.domain.findings import Report

COMMANDS = 100_000
_ACCOUNT, _USER, _PREFIX, _LOGIN = "acc_1", "usr_1", 77, 5001
_BEGAN = 1_767_225_600_000_000
_SUCCEEDED, _DONE = 4, 4


@dataclass(frozen=True, slots=True)
class Cost:
    """One check."""

    commands: int
    report: Report
    wall_seconds: float
    cpu_seconds: float
    peak_mib: float


async def measure_verify(directory: Path, console: Console, commands: int = COMMANDS) -> Cost:
    """Makes a record and checks it once."""
    console.print(f"making a record of {commands} commands …")
    await _make(directory, commands)
    began, cpu = time.perf_counter(), time.process_time()
    report = await asyncio.to_thread(
        verify,
        Settings(
            data_dir=directory,
            bridge_dirs=(directory / "bridge",),
            ledgers=(directory / "emulator",),
            at_rest=True,
        ),
    )
    return Cost(
        commands,
        report,
        time.perf_counter() - began,
        time.process_time() - cpu,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def show(cost: Cost, console: Console) -> None:
    """Prints the figures."""
    table = Table(title="signalos verify")
    for column in ("commands", "records", "findings", "wall", "CPU", "a command", "peak memory"):
        table.add_column(column, justify="right")
    table.add_row(
        f"{cost.commands:,}",
        f"{sum(cost.report.counts.values()):,}",
        str(len(cost.report.findings)),
        f"{cost.wall_seconds:.1f} s",
        f"{cost.cpu_seconds:.1f} s",
        f"{cost.cpu_seconds / cost.commands * 1e6:.0f} µs",
        f"{cost.peak_mib:.0f} MiB",
    )
    console.print(table)


def _magic(number: int) -> int:
    return _PREFIX << 48 | number


def _command_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def _position(number: int) -> int:
    """The position of an open is the order's; the close that follows it acts on it."""
    return number if number % 2 == 0 else number - 1


async def _make(directory: Path, commands: int) -> None:
    """Writes pairs of an open and its close, as healthy programs would."""
    for part in ("server", "bridge", "emulator"):
        (directory / part).mkdir()
    url = database_url(None, directory / "server")
    await upgrade(url)
    await asyncio.to_thread(_write, directory, str(url.database), commands)


def _write(directory: Path, database: str, commands: int) -> None:
    with closing(sqlite3.connect(database)) as server, server:
        _fixed(server, commands)
        for table, rows in (
            ("commands", (_command(number) for number in range(commands))),
            ("requests", (_request(number) for number in range(commands))),
            ("deals", (_deal(number) for number in range(commands))),
            ("trades", (_trade(number) for number in range(0, commands, 2))),
            ("events", (event for number in range(commands) for event in _events(number))),
        ):
            _insert(server, table, rows)
    with closing(sqlite3.connect(directory / "bridge" / "journal.db")) as journal, journal:
        journal.executescript(JOURNAL_SCHEMA)
        journal.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("journal_id", "j1"), ("prefix", str(_PREFIX)), ("acknowledged_seq", str(2 * commands))],
        )
        numbers = range(commands)
        journal.executemany(
            "INSERT INTO commands VALUES (?, ?, 'SUCCEEDED', 'OpenAction', '{}', '[]', 0)",
            ((_command_id(number), number) for number in numbers),
        )
        journal.executemany(
            "INSERT INTO legs VALUES (?, 0, 'DONE', ?, '', '', '{}')",
            ((_command_id(number), _magic(number)) for number in numbers),
        )
        journal.executemany(
            "INSERT INTO attempts VALUES (?, 0, 1, 0, 'DONE')", ((_command_id(number),) for number in numbers)
        )
        journal.executemany(
            'INSERT INTO outcomes VALUES (?, 1, 1, \'{"state": "SUCCEEDED"}\')',
            ((_command_id(number),) for number in numbers),
        )
    with (directory / "emulator" / "ledger.jsonl").open("w") as ledger:
        ledger.write(json.dumps([{"kind": "account", "terms": {"login": _LOGIN}}]) + "\n")
        for number in range(commands):
            ledger.writelines(json.dumps(line) + "\n" for line in _ledger(number))


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[dict[str, Any]]) -> None:
    first = next(rows)
    names = ", ".join(first)
    marks = ", ".join("?" * len(first))
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"
    connection.execute(statement, tuple(first.values()))
    connection.executemany(statement, (tuple(row.values()) for row in rows))


def _fixed(server: sqlite3.Connection, commands: int) -> None:
    for table, row in (
        (
            "users",
            {
                "user_id": _USER,
                "user_name": "u",
                "user_name_key": "u",
                "password_hash": "",
                "role": 1,
                "disabled": 0,
                "create_time": _BEGAN,
            },
        ),
        (
            "accounts",
            {
                "account_id": _ACCOUNT,
                "owner_user_id": _USER,
                "name": "a",
                "login": _LOGIN,
                "broker_server": "b",
                "company": "c",
                "currency": "USD",
                "trade_mode": 1,
                "margin_mode": 3,
                "magic_prefix": _PREFIX,
                "create_time": _BEGAN,
            },
        ),
        (
            "bridges",
            {
                "bridge_id": "brg_1",
                "account_id": _ACCOUNT,
                "name": "b",
                "credential_hash": "h",
                "pair_time": _BEGAN,
                "version": "1",
                "session_epoch": 1,
                "session_node": "n",
                "journal_id": "j1",
                "committed_event_seq": 2 * commands,
            },
        ),
        (
            "streams",
            {"user_id": _USER, "epoch": "e1", "seq": 2 * commands, "forgotten_seq": 0},
        ),
    ):
        _insert(server, table, iter([row]))


def _at(number: int) -> int:
    return _BEGAN + (number + 1) * 1_000_000


def _command(number: int) -> dict[str, Any]:
    opens = number % 2 == 0
    action = {"symbol": "EURUSD", "order_type": 1} if opens else {"position_identifier": _position(number)}
    leg = {
        "index": 0,
        "state": _DONE,
        "magic": _magic(number),
        "ticket": 0 if opens else _position(number),
        "asked_volume_lots": "0.1",
        "filled_volume_lots": "0.1",
        "order_ticket": number,
        "deal_ticket": number,
        "attempt_count": 1,
        "position_identifier": _position(number),
    }
    return {
        "command_id": _command_id(number),
        "account_id": _ACCOUNT,
        "user_id": _USER,
        "request_id": f"r{number}",
        "origin": 1,
        "state": _SUCCEEDED,
        "action_kind": "open" if opens else "close",
        "action": json.dumps(action),
        "legs": json.dumps([leg]),
        "stop_generation": 0,
        "increases_risk": opens,
        "automated": 0,
        "create_time": _at(number),
        "time_to_live_microseconds": 5_000_000,
        "accepted_monotonic_microseconds": 0,
        "accepted_machine_boot": "",
        "accepted_server_boot": "",
        "offered_epoch": 1,
        "outcome_number": 1,
        "trade_id": f"trd_{_position(number)}",
        "order_id": "",
        "reason": "",
        "message": "",
        "end_time": _at(number) + 50_000,
        "asked_volume_lots": "0.1",
        "filled_volume_lots": "0.1",
        "resolved_by_person": 0,
        "cancel_wanted": 0,
        "version": 2,
    }


def _request(number: int) -> dict[str, Any]:
    return {
        "user_id": _USER,
        "request_id": f"r{number}",
        "body_hash": "",
        "command_id": _command_id(number),
        "create_time": _at(number),
    }


def _deal(number: int) -> dict[str, Any]:
    return {
        "account_id": _ACCOUNT,
        "ticket": number,
        "order_ticket": number,
        "position_identifier": _position(number),
        "symbol": "EURUSD",
        "type": "BUY",
        "entry": 1 + number % 2,
        "reason": 1,
        **dict.fromkeys(("volume_lots", "price", "profit", "commission", "swap", "fee"), "0.1"),
        "magic": _magic(number),
        "comment": "",
        "broker_milliseconds": _at(number) // 1000,
        "command_id": _command_id(number),
    }


def _trade(number: int) -> dict[str, Any]:
    return {
        "trade_id": f"trd_{number}",
        "account_id": _ACCOUNT,
        "state": 2,
        "ticket": number,
        "position_identifier": number,
        "symbol": "EURUSD",
        "side": 1,
        "origin": 1,
        **dict.fromkeys(("volume_lots", "position_swap"), "0"),
        **dict.fromkeys(("opened_volume_lots", "open_price"), "0.1"),
        "hidden": 0,
        "guard_state": 0,
        **dict.fromkeys(("trailing_stop", "comment"), ""),
        "open_broker_milliseconds": _at(number) // 1000,
        "update_broker_milliseconds": _at(number) // 1000,
        "close_cause": 1,
        "magic": _magic(number),
        "open_command_id": _command_id(number),
        "update_time": _at(number),
    }


def _events(number: int) -> Iterator[dict[str, Any]]:
    trade = trade_pb2.Trade(trade_id=f"trd_{_position(number)}", position_identifier=_position(number))
    ended = command_pb2.Command(command_id=_command_id(number), state=command_pb2.COMMAND_STATE_SUCCEEDED)
    told = (
        event_pb2.Event(trade_opened=event_pb2.TradeOpened(trade=trade))
        if number % 2 == 0
        else event_pb2.Event(trade_closed=event_pb2.TradeClosed(trade=trade))
    )
    for offset, event in enumerate(
        (told, event_pb2.Event(command_update=event_pb2.CommandUpdate(command=ended)))
    ):
        event.account_id = _ACCOUNT
        event.session.bridge_id, event.session.epoch = "brg_1", 1
        seq = 2 * number + offset + 1
        yield {
            "user_id": _USER,
            "seq": seq,
            "event_id": f"e{seq}",
            "time": _at(number),
            "payload": event.SerializeToString(),
        }


def _ledger(number: int) -> Iterator[list[dict[str, Any]]]:
    wall = _at(number) * 1000
    opens = number % 2 == 0
    request = {"action": 1, "magic": _magic(number), "symbol": "EURUSD", "volume": 0.1}
    if not opens:
        request["position"] = _position(number)
    yield [
        {"kind": "request", "serial": number, "login": _LOGIN, "request": request, "wall_ns": wall},
    ]
    deal = {
        "ticket": number,
        "order": number,
        "position_id": _position(number),
        "type": 0,
        "entry": number % 2,
        "magic": _magic(number),
        "volume": "0.1",
        "symbol": "EURUSD",
        "serial": number,
    }
    yield [
        {"kind": "deal", "login": _LOGIN, "deal": deal, "wall_ns": wall},
        {
            "kind": "result",
            "serial": number,
            "retcode": 10009,
            "order": number,
            "told_retcode": 10009,
        },
    ]
