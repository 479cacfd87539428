"""The broker's ledger as the checker reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from signalos_verify.reading.errors import RecordUnreadable
from signalos_verify.reading.ledger import read_ledger

REQUEST = {
    "kind": "request",
    "serial": 1,
    "login": 5001,
    "request": {"action": 1, "magic": 7, "volume": 0.1, "position": "nonsense"},
    "wall_ns": 1_000_000_000,
}
RESULT = {"kind": "result", "serial": 1, "retcode": 10009, "order": 11, "told_retcode": None}


def ledger(directory: Path, *lines: object, end: str = "") -> Path:
    path = directory / "ledger.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + end)
    return path


def test_a_request_is_joined_with_its_answer_whatever_the_caller_was_told(tmp_path: Path) -> None:
    (request,) = read_ledger(ledger(tmp_path, [REQUEST], [RESULT])).requests

    assert request.accepted
    assert request.told_ambiguously
    assert (request.magic, request.position, request.order_ticket) == (7, 0, 11)


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    found = read_ledger(ledger(tmp_path, [REQUEST], end='[{"kind":"resu'))

    assert not found.requests[0].answered


def test_a_torn_line_in_the_middle_is_damage(tmp_path: Path) -> None:
    path = ledger(tmp_path, [REQUEST])
    path.write_text('[{"kind":\n' + path.read_text())

    with pytest.raises(RecordUnreadable, match="damaged at line 1"):
        read_ledger(path)


def test_a_position_that_is_gone_is_not_open(tmp_path: Path) -> None:
    position = {
        **{"ticket": 1, "identifier": 1, "symbol": "EURUSD", "side": 0},
        **{"volume": "0.1", "sl": "0", "tp": "0"},
    }
    opened = [{"kind": "position", "login": 5001, "position": position}]
    gone = [{"kind": "position_gone", "login": 5001, "ticket": 1}]

    assert read_ledger(ledger(tmp_path, opened)).positions
    assert not read_ledger(ledger(tmp_path, opened, gone)).positions
