"""The form of a message carries nothing: decoration, blanks and the order of its lines change no figure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_server.domain.signals.model import Gate, Kind, Parse
from signalos_server.domain.signals.parse import parse

UNHURRIED = settings(deadline=None, max_examples=150)
# An instrument, a price of it, and a step of its levels.
MARKETS = (
    ("XAUUSD", Decimal("2340.5"), Decimal("4.5")),
    ("EURUSD", Decimal("1.0850"), Decimal("0.0030")),
    ("USDJPY", Decimal("151.20"), Decimal("0.40")),
    ("US30", Decimal("39420"), Decimal("60")),
    ("BTCUSD", Decimal("64250"), Decimal("900")),
)
DECORATION = st.sampled_from(
    ["🔥", "✨", "💎 ", " 👇", "  ", "\u200b", "\u2060", "⭐️⭐️", "➤ ", "▪️", "\ufe0f"]
)


@dataclass(frozen=True)
class Written:
    """An order as a channel writes it, one thing a line."""

    head: str
    levels: tuple[str, ...]
    side: str
    entry: Decimal
    stop: Decimal
    targets: tuple[Decimal, ...]

    @property
    def lines(self) -> list[str]:
        """The lines, as they are commonly ordered."""
        return [self.head, *self.levels]


@st.composite
def orders(draw: st.DrawFn) -> Written:
    symbol, price, step = draw(st.sampled_from(MARKETS))
    side = draw(st.sampled_from(["BUY", "SELL"]))
    sign = 1 if side == "BUY" else -1
    entry = price + step * draw(st.integers(-5, 5))
    stop = entry - sign * step * draw(st.integers(1, 4))
    targets = tuple(entry + sign * step * number for number in range(1, draw(st.integers(1, 4)) + 1))
    stop_label = draw(st.sampled_from(["SL", "Stop loss:", "S/L", "SL @", "Stoploss -"]))
    target_label = draw(st.sampled_from(["TP{}", "TP {}:", "Target {} -", "T/P{} @", "Take profit {}:"]))
    head = draw(
        st.sampled_from(["{symbol} {side} {entry}", "{side} {symbol} @ {entry}", "#{symbol} {side}: {entry}"])
    )
    levels = [f"{stop_label} {stop}"]
    levels += [f"{target_label.format(number)} {target}" for number, target in enumerate(targets, 1)]
    return Written(
        head.format(symbol=symbol, side=side, entry=entry), tuple(levels), side, entry, stop, targets
    )


def read(found: Parse) -> tuple[object, ...]:
    side = None if found.side is None else found.side.name
    return (found.kind, found.gate, side, found.entry, found.stop_loss, found.take_profits)


def meant(order: Written) -> tuple[object, ...]:
    return (Kind.OPEN, Gate.OK, order.side, (order.entry, order.entry), order.stop, order.targets)


@UNHURRIED
@given(orders())
def test_a_well_formed_order_is_read_as_it_is_written(order: Written) -> None:
    assert read(parse("\n".join(order.lines))) == meant(order)


@UNHURRIED
@given(orders(), st.data())
def test_decoration_between_words_changes_no_figure(order: Written, data: st.DataObject) -> None:
    pieces = []
    for line in order.lines:
        words = [word + (data.draw(DECORATION) if word[-1].isalpha() else " ") for word in line.split(" ")]
        pieces.append(data.draw(DECORATION) + " ".join(words) + " " + data.draw(DECORATION))

    assert read(parse("\n".join(pieces))) == meant(order)


@UNHURRIED
@given(orders(), st.randoms(use_true_random=False))
def test_the_levels_may_stand_in_any_order(order: Written, random: object) -> None:
    levels = list(order.levels)
    random.shuffle(levels)  # type: ignore[attr-defined]

    assert read(parse("\n".join([order.head, *levels]))) == meant(order)


@UNHURRIED
@given(orders(), st.sampled_from([" | ", " ; ", "   ", " / ", ", ", " - "]))
def test_an_order_may_stand_in_one_line(order: Written, joint: str) -> None:
    assert read(parse(joint.join(order.lines))) == meant(order)


@UNHURRIED
@given(orders(), st.integers(0, 30))
def test_invisible_characters_inside_a_figure_change_no_digit(order: Written, place: int) -> None:
    text = "\n".join(order.lines)
    at = place % len(text)

    assert read(parse(f"{text[:at]}\u200b{text[at:]}")) == meant(order)


@UNHURRIED
@given(orders(), st.sampled_from(["Don't take this: ", "Should we take ", "Yesterday: ", "Example: "]))
def test_an_order_that_is_denied_asked_past_or_shown_is_no_order(order: Written, before: str) -> None:
    found = parse(before + " ".join(order.lines))

    assert found.kind is Kind.NONE
    assert found.gate is Gate.REJECT
