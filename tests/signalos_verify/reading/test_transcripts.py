"""What clients were told and what probes received, as the checker reads it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from signalos_verify.reading.errors import RecordUnreadable
from signalos_verify.reading.transcripts import read_clients, read_probes

COMMAND = {"commandId": "c1", "state": "SUCCEEDED", "filledVolumeLots": 0.1}


def lines(directory: Path, *records: Any, end: str = "") -> tuple[Path, ...]:
    path = directory / "records.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + end)
    return (path,)


def call(**more: Any) -> dict[str, Any]:
    return {"at": 7.5, "method": "POST", "path": "/api/trades", "status": 200, "client": "ann", **more}


def test_an_answer_is_a_statement_and_binds_its_key(tmp_path: Path) -> None:
    told = read_clients(lines(tmp_path, call(idempotency_key="k", response={"command": COMMAND})))

    (statement,) = told.statements
    (keyed,) = told.keyed
    assert (statement.command_id, statement.state, statement.filled_volume_lots) == (
        "c1",
        "SUCCEEDED",
        Decimal("0.1"),
    )
    assert (statement.at, statement.source) == (7.5, "records.jsonl:1")
    assert (keyed.client, keyed.key, keyed.command_id) == ("ann", "k", "c1")


def test_lists_and_snapshots_are_statements_too(tmp_path: Path) -> None:
    listed = call(method="GET", response={"commands": [COMMAND]})
    snapshot = call(method="GET", response={"snapshot": {"commands": [COMMAND]}})

    assert len(read_clients(lines(tmp_path, listed, snapshot)).statements) == 2


@pytest.mark.parametrize(
    "unanswered",
    [
        call(status=None, response=None, error="reset"),
        call(status=503, response={"command": COMMAND}),
    ],
)
def test_no_answer_and_an_error_say_nothing_of_a_command(unanswered: Any, tmp_path: Path) -> None:
    told = read_clients(lines(tmp_path, unanswered))

    assert (told.calls, told.statements) == (1, ())


def test_a_latched_stage_is_known_when_the_answer_was_read(tmp_path: Path) -> None:
    accounts = [
        {"accountId": "acc_1", "latchTime": "2026-01-31T12:00:00Z"},
        {"accountId": "acc_2", "latchTime": None},
    ]
    told = read_clients(lines(tmp_path, call(response={"report": {"stopId": "s1", "accounts": accounts}})))

    (stop,) = told.stops
    assert (stop.stop_id, stop.account_id, stop.at) == ("s1", "acc_1", 7.5)


def test_frames_keep_their_order_and_those_without_a_number_are_left_out(tmp_path: Path) -> None:
    trade = {"tradeId": "trd_1", "state": "OPEN", "volumeLots": 0.1}
    empty = {"trades": [], "orders": [], "commands": [], "epoch": "e1", "seq": 4}
    (probe,) = read_probes(
        lines(
            tmp_path,
            {"at": 1, "probe": "p", "open": {}},
            {"at": 2, "probe": "p", "frame": {"type": "snapshot", "id": "s", "data": empty}},
            {"at": 3, "probe": "p", "frame": {"type": "heartbeat", "id": "h", "data": {}}},
            {
                "at": 4,
                "probe": "p",
                "frame": {"type": "trade_opened", "id": "e", "seq": 5, "data": {"trade": trade}},
            },
            {"at": 5, "probe": "p", "closed": None},
            {"at": 6, "probe": "p", "open": {"epoch": "e1", "afterSeq": 5}},
        )
    )

    assert [(frame.kind, frame.seq, frame.epoch) for frame in probe.frames] == [
        ("open", 0, ""),
        ("snapshot", 4, "e1"),
        ("trade_opened", 5, ""),
        ("closed", 0, ""),
        ("open", 5, "e1"),
    ]
    assert probe.frames[2].trades == (("trd_1", "OPEN", Decimal("0.1")),)


def test_a_torn_last_line_is_left_out_and_damage_before_it_is_said(tmp_path: Path) -> None:
    assert read_clients(lines(tmp_path, call(response=None), end='{"at": 1')).calls == 1

    (path,) = lines(tmp_path, call(response=None))
    path.write_text('{"at": 1\n' + path.read_text())
    with pytest.raises(RecordUnreadable, match="damaged at line 1"):
        read_clients((path,))


def test_a_line_that_is_no_record_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordUnreadable, match=r"records.jsonl:1 is no record of a call"):
        read_clients(lines(tmp_path, {"status": 200, "response": {"command": COMMAND}}))
