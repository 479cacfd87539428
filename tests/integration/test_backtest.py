"""A file of messages and past prices, replayed through real programs to a report."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.integration

BEGIN_MS = 1_777_890_000_000
MESSAGES = (
    (0, "Good morning"),
    (60, "XAUUSD BUY 2340-2345\nSL 2330\nTP 2350"),
    (120, "Should we buy gold now?"),
    (3_600, "XAUUSD SELL 9900\nSL 9910\nTP 9880"),
)


async def test_a_target_that_past_prices_reach_is_a_closed_position_with_its_gain(tmp_path: Path) -> None:
    file, ticks = tmp_path / "messages.jsonl", tmp_path / "gold.csv"
    file.write_text(
        "\n".join(json.dumps({"time": BEGIN_MS // 1000 + at, "text": text}) for at, text in MESSAGES)
    )
    # Up a dollar a minute: 2350 is passed eight minutes after the order.
    ticks.write_text(
        "\n".join(
            f"{BEGIN_MS + second * 1000},XAUUSD,{2341 + second / 60:.2f},{2341.2 + second / 60:.2f}"
            for second in range(-60, 4_000, 10)
        )
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "signalos_cli", "signals", "backtest", str(file), "--ticks", str(ticks),
        "--report", str(tmp_path / "report.html"), "--keep", str(tmp_path / "kept"),
        env={**os.environ, "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = (told.decode() for told in await process.communicate())

    assert process.returncode == 0, err
    assert "1 of 2" in out
    assert "PRICE_MISMATCH" in out
    assert "1, 1 with a gain; 0 still open" in out
    assert "past ones, of gold.csv" in out
    report = (tmp_path / "report.html").read_text()
    assert "take profit" in report or "message or ladder" in report
    assert "QUESTION" in report
    assert "://" not in report
    # Nothing of it runs on.
    running = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
    assert not [line for line in running if str(tmp_path) in " ".join(line)]
