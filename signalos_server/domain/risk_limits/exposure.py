"""What is open and on its way at an account: lots, worth, currencies, and what it loses at its stops.

Money is in the account's currency, by the symbols' tick values as last read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.words import Side

Specs = Mapping[str, SymbolSpec]


@dataclass(frozen=True, slots=True)
class Holding:
    """A position, a working order (`pending`), or an open that is under way.

    `price` is where it stands now: the live price of a position, the price of an order. None: not known.
    """

    symbol: str
    side: Side
    volume_lots: Decimal
    price: Decimal | None
    stop_loss: Decimal | None = None
    pending: bool = False


@dataclass(frozen=True, slots=True)
class AskedOrder:
    """An order that would increase risk. `volume_lots` and `entry` None: not known yet.

    `market`: it is to be filled at once. `risk_money`: what it loses at its stop loss, where that was counted
    already. `worst_case_money`: what is lost where the broker alone gives it up, where that is more.
    """

    account_id: str
    symbol: str
    side: Side
    volume_lots: Decimal | None
    entry: Decimal | None
    stop_loss: Decimal | None
    market: bool = True
    risk_money: Decimal | None = None
    worst_case_money: Decimal | None = None

    @property
    def holding(self) -> Holding:
        """Return what is held once it is filled."""
        return Holding(
            self.symbol,
            self.side,
            self.volume_lots or Decimal(0),
            self.entry,
            self.stop_loss,
            not self.market,
        )


def worth_of_move(spec: SymbolSpec | None, distance: Decimal, volume_lots: Decimal) -> Decimal | None:
    """Return what a move of the price is worth; None: the tick value is not known."""
    if spec is None or spec.tick_size <= 0 or spec.tick_value <= 0:
        return None
    return distance / spec.tick_size * spec.tick_value * volume_lots


def loss_at_stop(holding: Holding, spec: SymbolSpec | None) -> Decimal | None:
    """Return what is lost from where it stands to its stop loss, nothing where the stop wins.

    None: it has no stop, or its price or tick value is not known.
    """
    if holding.stop_loss is None or holding.price is None:
        return None
    distance = (holding.price - holding.stop_loss) * holding.side.sign
    return worth_of_move(spec, max(distance, Decimal(0)), holding.volume_lots)


@dataclass(frozen=True, slots=True)
class OpenRisk:
    """What is lost if every stop is hit, and how many holdings have none that is known."""

    money: Decimal
    uncounted: int


def open_risk(holdings: Iterable[Holding], specs: Specs) -> OpenRisk:
    """Return what all holdings lose at their stops."""
    money, uncounted = Decimal(0), 0
    for holding in holdings:
        loss = loss_at_stop(holding, specs.get(holding.symbol))
        if loss is None:
            uncounted += 1
        else:
            money += loss
    return OpenRisk(money, uncounted)


def lots(holdings: Iterable[Holding], symbol: str = "") -> Decimal:
    """Return the lots of a symbol, or of all: both sides added up."""
    return sum(
        (holding.volume_lots for holding in holdings if not symbol or holding.symbol == symbol), Decimal(0)
    )


def worth(holding: Holding, spec: SymbolSpec | None) -> Decimal | None:
    """Return what a holding is worth at its price; None: not known."""
    return None if holding.price is None else worth_of_move(spec, holding.price, holding.volume_lots)


def gross_worth(holdings: Iterable[Holding], specs: Specs) -> Decimal | None:
    """Return the worth of all holdings added up; None: that of one is not known."""
    total = Decimal(0)
    for holding in holdings:
        one = worth(holding, specs.get(holding.symbol))
        if one is None:
            return None
        total += one
    return total


@dataclass(frozen=True, slots=True)
class CurrencyExposure:
    """The currency that most is held of, net, and how much; long or short."""

    currency: str
    money: Decimal


def widest_currency(holdings: Iterable[Holding], specs: Specs) -> CurrencyExposure | None:
    """Return the currency that most would be held of at worst; None: something is not known.

    Positions offset each other; an order offsets nothing, since it may never fill. A currency that nothing is
    held of is no currency: empty.
    """
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    bought: defaultdict[str, Decimal] = defaultdict(Decimal)
    sold: defaultdict[str, Decimal] = defaultdict(Decimal)
    for holding in holdings:
        spec = specs.get(holding.symbol)
        money = worth(holding, spec)
        if spec is None or money is None or not spec.base_currency or not spec.profit_currency:
            return None
        base, profit = spec.base_currency.upper(), spec.profit_currency.upper()
        if base == profit:
            continue
        for currency, amount in ((base, money * holding.side.sign), (profit, -money * holding.side.sign)):
            kept = net if not holding.pending else bought if amount > 0 else sold
            kept[currency] += amount
    widest = CurrencyExposure("", Decimal(0))
    for currency in {*net, *bought, *sold}:
        most = max(net[currency] + bought[currency], -(net[currency] + sold[currency]))
        if most > widest.money:
            widest = CurrencyExposure(currency, most)
    return widest
