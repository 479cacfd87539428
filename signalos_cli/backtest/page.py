"""The report as one HTML file: no script, no outside host, plots drawn in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from signalos_cli.domain.backtest_report import EquityPoint, Report

_WIDTH: Final = 920
_HEIGHT: Final = 260
_LEFT: Final = 80
_MOST_POINTS: Final = 2_000

_ALL_TRADED: Final = "<p>Every one that says something to do was.</p>"
_STYLE: Final = """
:root{color-scheme:light dark;--fg:#1c2430;--dim:#5b6675;--bg:#fff;--line:#d5dbe3;--bar:#3566b8;--eq:#1b7f4b;
--bal:#9a6a00;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--fg:#e6eaf0;--dim:#9aa6b5;--bg:#12161c;--line:#2c3541;--bar:#7aa7f0;
--eq:#5fcf95;--bal:#e0b04a;--bad:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg);max-width:960px;margin:2rem auto;
padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
.cards{display:flex;flex-wrap:wrap;gap:.75rem}.card{border:1px solid var(--line);border-radius:6px;
padding:.6rem .9rem;min-width:8rem}.card b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.card span{color:var(--dim)}table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}td.t{white-space:pre-wrap;max-width:26rem}
.note{border-left:4px solid var(--bal);padding:.4rem .9rem;margin:1rem 0}.bad{color:var(--bad)}
svg text{fill:var(--dim);font:12px system-ui,sans-serif}svg{max-width:100%;height:auto}
"""


def page(report: Report) -> str:
    """The whole file."""
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    interrupted = '<p class="bad">The run was interrupted: the rest of the file was not replayed.</p>'
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Backtest of {escape(report.file)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Backtest of {escape(report.file)}</h1>"
        f'<div class="note"><strong>Prices: {escape(report.prices)}</strong><ul>{notes}</ul></div>'
        f"{interrupted if report.interrupted else ''}{_cards(report)}"
        f"<h2>Equity</h2>{_equity(report.equity, report.currency)}"
        f"<h2>What the messages were read as</h2>{_bars(report.kinds())}"
        f"<h2>Why messages were not traded</h2>{_bars(report.refusals()) or _ALL_TRADED}"
        f"<h2>Closed positions</h2>{_trades(report)}<h2>Every message</h2>{_messages(report)}</body></html>"
    )


def _cards(report: Report) -> str:
    money = report.currency
    cards = [
        (str(len(report.results)), "messages"),
        (str(report.opening), "read as orders"),
        (str(report.traded), "of them traded"),
        (f"{report.updates_done} of {report.updates}", "updates carried out"),
        (f"{len(report.closed)}", f"positions closed, {report.won} with a gain"),
        (str(report.still_open), "still open"),
        (f"{report.profit:+.2f}", f"{money} on closed positions"),
        (f"{report.change:+.2f}", f"{money} equity"),
        (f"{report.drawdown:.2f}", f"{money} deepest fall"),
    ]
    return '<div class="cards">' + "".join(
        f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for value, name in cards
    ) + "</div>"  # fmt: skip


def _equity(points: Sequence[EquityPoint], currency: str) -> str:
    if len(points) < 2:
        return "<p>There are too few points for a plot.</p>"
    # Thinned evenly, with the last one always.
    step = max(1, -(-len(points) // _MOST_POINTS))
    shown = [*points[:-1:step], points[-1]]
    begin, span = shown[0].time, (shown[-1].time - shown[0].time).total_seconds() or 1.0
    values = [float(value) for point in shown for value in (point.equity, point.balance)]
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or max(abs(high) * 0.001, 1.0)
    low, high = low - margin, high + margin

    digits = 0 if high - low >= 20 else 2

    def line(name: str, colour: str) -> str:
        placed = " ".join(
            f"{_LEFT + (point.time - begin).total_seconds() / span * (_WIDTH - _LEFT):.1f},"
            f"{(high - float(getattr(point, name))) / (high - low) * _HEIGHT:.1f}"
            for point in shown
        )
        return f'<polyline points="{placed}" fill="none" stroke="var(--{colour})" stroke-width="1.5"/>'

    marks = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
        f"{high - (high - low) * y / _HEIGHT:,.{digits}f}</text>"
        for y in (_HEIGHT * part / 4 for part in range(5))
    )
    ends = (
        f'<text x="{_LEFT}" y="{_HEIGHT + 20}">{begin:%Y-%m-%d %H:%M}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT + 20}" text-anchor="end">{shown[-1].time:%Y-%m-%d %H:%M}</text>'
    )
    return (
        f'<svg viewBox="0 -6 {_WIDTH} {_HEIGHT + 32}" role="img" aria-label="Equity and balance over time">'
        f"{marks}{line('balance', 'bal')}{line('equity', 'eq')}{ends}</svg>"
        f"<p>Green: equity; amber: balance; {escape(currency)}. Times are those of the file, in UTC.</p>"
    )


def _bars(counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    most = max(counts.values())
    rows = "".join(
        f'<text x="230" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="240" y="{y + 3}" width="{max(2.0, count / most * 560):.1f}" height="16" '
        f'fill="var(--bar)"/>'
        f'<text x="{246 + count / most * 560:.1f}" y="{y + 15}">{count}</text>'
        for y, (name, count) in ((index * 24, item) for index, item in enumerate(counts.items()))
    )
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    return (
        f'<svg viewBox="0 0 {_WIDTH} {len(counts) * 24 + 4}" role="img" aria-label="{escape(words)}">'
        f"{rows}</svg>"
    )


def _trades(report: Report) -> str:
    if not report.closed:
        return "<p>None.</p>"
    rows = "".join(
        f"<tr><td>{trade.close_time:%Y-%m-%d %H:%M}</td><td>{escape(trade.symbol)}</td>"
        f'<td class="n">{trade.volume_lots}</td><td>{escape(trade.reason)}</td>'
        f'<td class="n">{trade.profit:+.2f}</td></tr>'
        for trade in report.closed
    )
    return (
        "<table><tr><th>closed (UTC)</th><th>symbol</th><th>lots</th><th>by</th>"
        f"<th>{escape(report.currency)}</th></tr>{rows}</table>"
    )


def _messages(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{result.time:%Y-%m-%d %H:%M}</td>"
        f'<td class="t">{escape(result.text) or "<em>no text</em>"}</td>'
        f"<td>{escape(result.kind)}</td><td>{escape(result.state)}</td>"
        f"<td>{escape(', '.join(result.codes))}<br>{escape(result.message)}</td></tr>"
        for result in report.results
    )
    return (
        "<table><tr><th>written (UTC)</th><th>message</th><th>read as</th><th>came to</th><th>why</th></tr>"
        f"{rows}</table>"
    )
