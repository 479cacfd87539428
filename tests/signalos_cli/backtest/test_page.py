from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from signalos_cli.backtest.page import page
from tests.signalos_cli.domain.test_backtest_report import a_report, points


def test_the_report_is_one_file_without_script_and_without_an_outside_host() -> None:
    html = page(a_report())

    assert "<script" not in html
    assert not re.search(r"https?://", html)
    assert "default-src 'none'" in html


def test_it_says_what_the_prices_are_and_shows_every_message_escaped() -> None:
    html = page(a_report(interrupted=True))

    assert "Prices: made up" in html
    assert "a note" in html
    assert "BUY &lt;b&gt;" in html
    assert "more than may be risked" in html
    assert "interrupted" in html


def test_its_plots_are_well_formed_and_within_their_frame() -> None:
    plots = re.findall(r"<svg.*?</svg>", page(a_report(equity=points(*range(5000)))), re.DOTALL)

    assert len(plots) == 3
    for plot in plots:
        ElementTree.fromstring(plot)
    lines = re.findall(r'<polyline points="([^"]+)"', plots[0])
    assert len(lines) == 2
    for line in lines:
        placed = [tuple(map(float, each.split(","))) for each in line.split()]
        assert len(placed) <= 2001
        assert all(0 <= x <= 920 and 0 <= y <= 260 for x, y in placed)
        assert placed == sorted(placed, key=lambda point: point[0])


def test_an_empty_run_is_a_page_too() -> None:
    html = page(a_report(equity=(), results=(), closed=()))

    assert "too few points" in html
