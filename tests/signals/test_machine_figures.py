"""A machine's level, price or size is above zero, or its message is refused with the reason."""

from __future__ import annotations

from decimal import Decimal

import pytest

from signalos_server.domain.signals.model import Context, Gate, Kind
from signalos_server.domain.signals.parse import parse

NONE_OF = ("-3", "-0.5", "0", "0.00", "-0", "0.0000")
FORMATS = {
    "json": '{{"action":"buy","symbol":"EURUSD",{rest},"{name}":{value}}}',
    "json text": '{{"action":"buy","symbol":"EURUSD",{rest},"{name}":"{value}"}}',
    "nested": '{{"symbol":"EURUSD","order":{{"action":"buy",{rest},"{name}":{value}}}}}',
    "pine": "60123,buy,EURUSD,{rest},{name}={value}",
    "pairs": "symbol=EURUSD action=buy {rest} {name}={value}",
}
# What else the message says, so that it would be a good order.
REST = {
    "sl": ("price", "1.0852"),
    "tp": ("sl", "1.0820"),
    "price": ("sl", "1.0820"),
    "lots": ("sl", "1.0820"),
}


def message(form: str, name: str, value: str) -> str:
    other, figure = REST.get(name, ("price", "1.0852"))
    rest = f'"{other}":{figure}' if "json" in form or form == "nested" else f"{other}={figure}"
    return FORMATS[form].format(rest=rest, name=name, value=value)


@pytest.mark.parametrize("value", NONE_OF)
@pytest.mark.parametrize("name", [*REST, "slpips", "tppips", "tp1", "riskpercent"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_figure_that_is_not_above_zero_is_refused_and_its_name_is_told(
    form: str, name: str, value: str
) -> None:
    found = parse(message(form, name, value), Context())

    assert (found.kind, found.gate) == (Kind.OPEN, Gate.REJECT)
    assert "NOT_ABOVE_ZERO" in [reason.code for reason in found.reasons]
    assert found.stop_loss is None or found.stop_loss > 0
    assert all(target > 0 for target in found.take_profits)


@pytest.mark.parametrize("value", NONE_OF)
@pytest.mark.parametrize("name", ["sl", "tp"])
def test_a_change_to_a_level_that_is_not_above_zero_is_refused(name: str, value: str) -> None:
    other = {"sl": "tp", "tp": "sl"}[name]
    found = parse(f'{{"action":"modify","symbol":"EURUSD","{name}":{value},"{other}":1.09}}', Context())

    assert found.gate is Gate.REJECT
    assert [reason.code for reason in found.reasons] == ["NOT_ABOVE_ZERO"]


@pytest.mark.parametrize("empty", ["null", '""', '"-"', '"null"'])
def test_a_level_that_is_left_empty_is_none_and_no_stop_is_held_for_a_person(empty: str) -> None:
    found = parse(f'{{"action":"buy","symbol":"EURUSD","sl":{empty},"tp":{empty}}}', Context())

    assert (found.gate, found.stop_loss, found.take_profits) == (Gate.POLICY, None, ())
    assert [reason.code for reason in found.reasons] == ["NO_STOP"]


def test_a_size_without_a_unit_is_passed_over_whatever_its_sign() -> None:
    text = '{"action":"sell","symbol":"EURUSD","sl":1.0990,"position_size":"-1"}'

    found = parse(text, Context())

    assert (found.gate, found.volume_lots) == (Gate.OK, None)
    assert [reason.code for reason in found.reasons] == ["SIZE_IGNORED"]


@pytest.mark.parametrize("name", ["sl", "tp", "take_profit", "tp1"])
def test_an_object_where_a_level_is_expected_is_refused_and_gives_no_entry(name: str) -> None:
    other = '"sl":1.0820' if name != "sl" else '"tp":1.0910'
    text = f'{{"action":"buy","symbol":"EURUSD","{name}":{{"price":1.0950}},{other},"price":1.0852}}'

    found = parse(text, Context())

    assert found.gate is Gate.REJECT
    assert found.entry in (None, (Decimal("1.0852"), Decimal("1.0852")))


@pytest.mark.parametrize("action", ["close", "closepartial"])
def test_a_hundred_percent_is_all_of_it(action: str) -> None:
    found = parse(f'{{"action":"{action}","symbol":"EURUSD","percent":100}}', Context())

    assert (found.kind, found.gate, found.fraction) == (Kind.CLOSE, Gate.OK, None)


@pytest.mark.parametrize("share", ["0", "-5", "150", "1", "100.5"])
@pytest.mark.parametrize("action", ["close", "closepartial"])
def test_a_share_that_is_none_is_refused_and_is_not_taken_for_half(action: str, share: str) -> None:
    found = parse(f'{{"action":"{action}","symbol":"EURUSD","percent":{share}}}', Context())

    assert found.gate is Gate.REJECT


@pytest.mark.parametrize(
    ("share", "fraction"), [("50", "0.5"), ("0.25", "0.25"), ("99", "0.99"), ("1.5", "0.015")]
)
def test_a_share_is_a_fraction_or_a_percentage(share: str, fraction: str) -> None:
    found = parse(f'{{"action":"closepartial","symbol":"EURUSD","percent":{share}}}', Context())

    assert (found.kind, found.gate, found.fraction) == (Kind.PARTIAL_CLOSE, Gate.OK, Decimal(fraction))


def test_lots_to_close_are_not_taken_for_a_share() -> None:
    found = parse("60123,closelongvol,EURUSD,risk=0.5", Context())

    assert found.gate is Gate.REJECT
    assert [reason.code for reason in found.reasons] == ["CLOSE_BY_LOTS"]
