"""What one parse of a signal costs in CPU time, beside a reference that only finds the words and figures."""

from __future__ import annotations

import re
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Latencies, latencies, milliseconds
from signalos_server.domain.signals.parse import parse

# One of each kind: a plain order, a decorated one, prose, another script, an update, a report, a webhook.
MESSAGES = (
    "XAUUSD BUY 2340 SL 2330 TP 2350 2360",
    "🔥🔥 XAU/USD 🔥🔥\n\nDirection: BUY\nEntry price: 2,340.00 - 2,338.00\n\n🛑 Stop Loss: 2,330.00\n"
    "✅ TP1: 2,350.00 (+100 pips)\n✅ TP2: 2,360.00 (+200 pips)\n\nRisk 1% only ⚠️\nJoin https://t.me/goldvip",
    "Gold looks weak here after the news. We sell XAUUSD at 2350, stop loss 2360, first target 2340.",
    "شراء الذهب 2340\nوقف الخسارة 2330\nالهدف الأول 2350\nالهدف الثاني 2360",
    "黄金买入2340，止损2330，目标2350，2360",
    "TP1 hit, close half and move your stop loss to breakeven",
    "Good morning traders, the market closes early today. Don't close your trades yet, we will update you.",
    '{"ticker":"EURUSD","action":"buy","price":"1.08520","sl":"1.08200","tp":"1.09100","lots":0.2}',
)
_ROUNDS = 300
_PIECES = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|\S")


def _reference(text: str) -> int:
    """Find the words and figures, which no parse can do without."""
    return sum(len(piece) for piece in _PIECES.findall(text.casefold()))


async def measure_parses(_directory: Path, _console: Console) -> tuple[Latencies, Latencies]:
    """The CPU seconds of each parse and of each reference pass."""
    for message in MESSAGES:
        parse(message)
    ours, bare = [], []
    for _ in range(_ROUNDS):
        for message in MESSAGES:
            start = time.thread_time()
            parse(message)
            middle = time.thread_time()
            _reference(message)
            bare.append(time.thread_time() - middle)
            ours.append(middle - start)
    return latencies(ours), latencies(bare)


def show(measured: tuple[Latencies, Latencies], console: Console) -> None:
    """Tell the figures."""
    table = Table("", "p50", "p99", title="One parse (CPU time; budget: p50 under 1 ms)")
    for name, one in zip(("parse", "reference: words and figures only"), measured, strict=True):
        table.add_row(name, milliseconds(one.p50), milliseconds(one.p99))
    console.print(table)
