"""The alerts that docs/signals.md shows are read as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from signalos_server.domain.signals.model import Gate, Kind
from signalos_server.domain.signals.parse import parse

DOCUMENT = (Path(__file__).parent.parent.parent / "docs" / "signals.md").read_text(encoding="utf-8")
FILLED = {
    "{{ticker}}": "XAUUSD",
    "{{close}}": "2341.25",
    '{{plot("Stop")}}': "2331.0",
    '{{plot("Target")}}': "2361.0",
    "{{strategy.order.action}}": "buy",
}


def alerts() -> list[str]:
    blocks = re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)
    for placeholder, value in FILLED.items():
        blocks = [block.replace(placeholder, value) for block in blocks]
    return blocks


def test_there_are_alerts_to_open_and_one_to_close() -> None:
    assert [parse(alert).kind for alert in alerts()] == [Kind.OPEN] * 3 + [Kind.CLOSE]


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_is_whole_as_it_stands(alert: str) -> None:
    assert "{{" not in alert
    read = parse(alert)

    assert read.gate is Gate.OK
    assert read.symbol == "XAUUSD"
    assert not read.reasons


def test_the_alerts_in_words_are_read_too() -> None:
    for words in ("XAUUSD BUY NOW SL 2331 TP 2361", "XAUUSD BUY 2340-45 SL 2330 TP 2350 2360"):
        assert words in DOCUMENT
        assert (parse(words).kind, parse(words).gate) == (Kind.OPEN, Gate.OK)
