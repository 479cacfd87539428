"""`signalos verify` on the records of real processes: healthy ones, live ones, and ones tampered with."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect

from signalos_verify.app import Settings, found_in, verify
from signalos_verify.domain.findings import Report
from tests.support.world import Caller, World, eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]


class Recorder:
    """Calls over REST and writes down what was answered, in the checker's form."""

    def __init__(self, trader: Caller, path: Path) -> None:
        self._trader = trader
        self._path = path

    async def call(self, method: str, path: str, body: dict[str, Any] | None, key: str) -> dict[str, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        answer = await self._trader.client.request(method, path, json=body, headers=headers)
        line = {
            "at": time.time(),
            "method": method,
            "path": path,
            "idempotency_key": key or None,
            "body": body,
            "status": answer.status_code,
            "response": answer.json(),
        }
        with self._path.open("a") as lines:
            lines.write(json.dumps(line) + "\n")
        return dict(answer.json())


async def watch(world: World, trader: Caller, path: Path) -> None:
    """Writes down what a WebSocket receives, until cancelled."""
    with path.open("a") as lines:

        def note(**record: Any) -> None:
            lines.write(json.dumps({"at": time.time(), "probe": "p1", **record}) + "\n")
            lines.flush()

        headers = {"Authorization": f"Bearer {trader.token}"}
        async with connect(f"ws://{world.address('gateway')}/ws", additional_headers=headers) as socket:
            note(open={})
            await socket.send(json.dumps({"type": "subscribe", "data": {}}))
            async for text in socket:
                frame = json.loads(text)
                if frame.get("seq") is not None or frame["type"] in ("snapshot", "gap"):
                    note(frame=frame)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def records(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The directory of a world that traded, was stopped and has ended; one report was made while it ran."""
    directory = tmp_path_factory.mktemp("verify")
    async with traded_account(directory) as (world, trader):
        probe = asyncio.create_task(watch(world, trader, directory / "probe.jsonl"))
        recorder = Recorder(trader, directory / "clients.jsonl")
        await eventually(lambda: _watched(directory / "probe.jsonl"))
        opened = []
        for number in range(3):
            body = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1, "stopLoss": 0.9}
            opened.append((await recorder.call("POST", "/api/trades", body, f"open-{number}"))["command"])
        assert {one["state"] for one in opened} == {"SUCCEEDED"}, opened
        limit = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1, "orderType": "LIMIT", "price": 0.95}
        await recorder.call("POST", "/api/trades", limit, "limit")
        first, second = opened[0]["tradeId"], opened[1]["tradeId"]
        await recorder.call("POST", f"/api/trades/{first}/close", {}, "close")
        levels = {"stopLoss": 0.91, "takeProfit": 1.9}
        changed = await recorder.call("PUT", f"/api/trades/{second}/modify", levels, "modify")
        assert changed["command"]["state"] == "SUCCEEDED", changed
        live = await signalos_verify(directory)
        assert live[0] == 0, live[1]
        await recorder.call("POST", "/api/trading/emergency-stop", {"reason": "a test"}, "")
        late = {"symbol": "EURUSD", "side": "BUY", "volumeLots": 0.1}
        await recorder.call("POST", "/api/trades", late, "late")
        for command in opened:
            await recorder.call("GET", f"/api/commands/{command['commandId']}", None, "")
        # Its going is an event too, which the probe is to have.
        await world.end("bridge")
        await eventually(lambda: _quiet(directory / "probe.jsonl"))
        probe.cancel()
        await asyncio.gather(probe, return_exceptions=True)
        (directory / "live.txt").write_text(live[1])
    yield directory


async def _watched(path: Path) -> bool:
    return path.exists() and "snapshot" in path.read_text()  # noqa: ASYNC240 - a small file of this test


async def _quiet(path: Path) -> bool:
    """Return whether the probe was told that the bridge went, and nothing for a second after it."""
    said = path.read_text()  # noqa: ASYNC240 - a small file of this test
    await asyncio.sleep(1.0)
    return "the bridge is disconnected" in said and path.read_text() == said  # noqa: ASYNC240


async def signalos_verify(directory: Path, *arguments: str) -> tuple[int, str]:
    """Runs `signalos verify` as an operator would; returns its exit code and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "signalos_cli", "verify", "--data-dir", str(directory), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def transcripts(directory: Path) -> list[str]:
    return [
        *("--clients", str(directory / "clients.jsonl")),
        *("--probes", str(directory / "probe.jsonl")),
        "--at-rest",
    ]


@pytest.fixture
def copy(records: Path, tmp_path: Path) -> Path:
    """A copy of the records, to be tampered with."""
    target = tmp_path / "copy"
    shutil.copytree(records, target)
    return target


async def test_a_live_system_is_checked_without_a_change_to_it(records: Path) -> None:
    told = (records / "live.txt").read_text()

    assert "no violation" in told
    assert "1 journals" in told
    assert "not checked: P7" in told


async def test_a_healthy_world_keeps_every_promise(records: Path) -> None:
    code, told = await signalos_verify(records, *transcripts(records))

    assert code == 0, told
    assert "no violation" in told
    assert "not checked" not in told
    assert "1 stops" in told


async def test_findings_are_told_as_json_too(records: Path) -> None:
    code, told = await signalos_verify(records, *transcripts(records), "--format", "json")

    report = json.loads(told)
    assert code == 0
    assert report["findings"] == []
    assert report["counts"]["commands"] == 7


def in_database(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert connection.execute(statement).rowcount > 0


def database(statement: str) -> Callable[[Path], None]:
    return lambda directory: in_database(directory / "server" / "signalos.sqlite3", statement)


def journal(statement: str) -> Callable[[Path], None]:
    return lambda directory: in_database(directory / "bridge" / "journal.db", statement)


def ledger_without(kind: str) -> Callable[[Path], None]:
    def tamper(directory: Path) -> None:
        path = directory / "emulator" / "ledger.jsonl"
        lines = path.read_text().splitlines()
        kept = [line for line in lines if f'"cause":"{kind}"' not in line]
        assert len(kept) < len(lines)
        path.write_text("\n".join(kept) + "\n")

    return tamper


def executed_again(directory: Path) -> None:
    """The broker takes the first order a second time."""
    path = directory / "emulator" / "ledger.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    received = next(one for line in records for one in line if one["kind"] == "request")
    answered = next(one for line in records for one in line if one["kind"] == "result")
    again = [{**received, "serial": 999}, {**answered, "serial": 999, "order": 999}]
    with path.open("a") as lines:
        lines.write("".join(json.dumps([one]) + "\n" for one in again))


def latch_emptied(directory: Path) -> None:
    path = directory / "bridge" / "stops.latch"
    path.write_bytes(b"\n".join(line for line in path.read_bytes().split(b"\n") if b"stop_id" not in line))


def frame_lost(directory: Path) -> None:
    path = directory / "probe.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:4] + lines[5:]) + "\n")


TAMPERED: list[tuple[str, Callable[[Path], None]]] = [
    ("DOUBLE_EXECUTION", executed_again),
    ("EXECUTED_BUT_DENIED", database("UPDATE commands SET state = 6 WHERE request_id = 'open-0'")),
    ("TOLD_OTHERWISE", database("UPDATE commands SET state = 6 WHERE request_id = 'open-0'")),
    ("NOT_IN_LEDGER", ledger_without("request")),
    ("COMMAND_LOST", database("DELETE FROM commands WHERE request_id = 'open-1'")),
    ("ORPHAN_EXECUTION", database("DELETE FROM commands WHERE request_id = 'open-1'")),
    ("OUTCOME_LOST", database("UPDATE commands SET outcome_number = 0 WHERE request_id = 'open-2'")),
    ("EXECUTION_NOT_RECORDED", database("DELETE FROM deals WHERE ticket = (SELECT MAX(ticket) FROM deals)")),
    ("SEQ_HOLE", database("DELETE FROM events WHERE seq = 9")),
    (
        "OPEN_AFTER_LATCH",
        database(
            "UPDATE stop_accounts SET progress = json_set(progress, '$.latch_time', '2000-01-01T00:00:00Z')"
        ),
    ),
    ("LATCH_LOST", latch_emptied),
    ("UNKNOWN_NOT_ALERTED", database("UPDATE commands SET state = 10 WHERE request_id = 'limit'")),
    ("BROKER_DISAGREES", database("UPDATE trades SET state = 2 WHERE state = 1")),
    ("BROKER_DISAGREES", database("UPDATE orders SET state = 1")),
    ("DEAL_NOT_IN_LEDGER", ledger_without("request")),
    ("BRIDGE_DISAGREES", journal("DELETE FROM positions")),
    ("OUTCOME_NOT_TOLD", journal("UPDATE outcomes SET acknowledged = 0")),
    ("SUBSCRIBER_DISAGREES", database("UPDATE trades SET state = 2 WHERE state = 1")),
    ("SEQ_HOLE", frame_lost),
]


def report_of(directory: Path) -> Report:
    bridges, ledgers = found_in(directory)
    return verify(
        Settings(
            data_dir=directory,
            bridge_dirs=bridges,
            ledgers=ledgers,
            clients=(directory / "clients.jsonl",),
            probes=(directory / "probe.jsonl",),
            at_rest=True,
        )
    )


@pytest.mark.parametrize(("code", "tamper"), TAMPERED)
async def test_what_was_tampered_with_is_named_with_its_evidence(
    code: str, tamper: Callable[[Path], None], copy: Path
) -> None:
    tamper(copy)

    found = [one for one in report_of(copy).violations if one.code == code]

    assert found
    assert all(one.evidence for one in found)


async def test_a_broken_promise_ends_the_command_with_1(copy: Path) -> None:
    executed_again(copy)

    code, told = await signalos_verify(copy, *transcripts(copy))

    assert code == 1
    assert "P2 violation DOUBLE_EXECUTION: 2 orders were accepted for leg 0" in told
    assert "ledger.jsonl:" in told
    assert "promises are broken" in told


async def test_a_record_that_cannot_be_read_is_no_clean_bill(copy: Path) -> None:
    (copy / "emulator" / "ledger.jsonl").write_text("no ledger\nat all\n")

    code, told = await signalos_verify(copy)

    assert code == 2
    assert "nothing was checked" in told
