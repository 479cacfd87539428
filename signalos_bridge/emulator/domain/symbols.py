"""Contract specifications of the symbols that the emulated broker offers."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from signalos_bridge.emulator.domain.codes import CalcMode, Execution, FillingMask, SymbolTradeMode

D = Decimal


class Hours(Enum):
    """When a symbol trades, by the broker's wall clock."""

    FOREX = "forex"
    METAL = "metal"
    INDEX = "index"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """What the broker promises about one symbol. Distances are in points, volumes in lots."""

    name: str
    description: str
    path: str
    base: str
    profit: str
    digits: int
    contract_size: Decimal
    calc_mode: CalcMode
    start_price: Decimal
    spread_points: int
    swing_points: int
    """How far a tick typically moves."""
    volume_min: Decimal
    volume_max: Decimal
    volume_step: Decimal
    swap_long_points: Decimal
    swap_short_points: Decimal
    commission_per_lot: Decimal
    """Charged per lot and deal in US dollars, converted to the account's currency."""
    hours: Hours
    triple_swap_weekday: int = 3
    """0 is Sunday, as MetaTrader counts."""
    tick_size_points: int = 1
    volume_limit: Decimal = Decimal(0)
    """The largest volume of positions and orders in one direction; 0 means no limit."""
    stops_level_points: int = 0
    freeze_level_points: int = 0
    execution: Execution = Execution.MARKET
    filling_mask: int = FillingMask.FOK | FillingMask.IOC
    trade_mode: SymbolTradeMode = SymbolTradeMode.FULL

    @property
    def point(self) -> Decimal:
        return D(1).scaleb(-self.digits)

    @property
    def tick_size(self) -> Decimal:
        return self.point * self.tick_size_points

    @property
    def margin_currency(self) -> str:
        return self.base if self.calc_mode is CalcMode.FOREX else self.profit


def _forex(
    name: str, description: str, digits: int, price: str, spread: int, swaps: tuple[str, str]
) -> SymbolSpec:
    return SymbolSpec(
        name=name,
        description=description,
        path=f"Forex\\{name}",
        base=name[:3],
        profit=name[3:],
        digits=digits,
        contract_size=D(100_000),
        calc_mode=CalcMode.FOREX,
        start_price=D(price),
        spread_points=spread,
        swing_points=2,
        volume_min=D("0.01"),
        volume_max=D(100),
        volume_step=D("0.01"),
        swap_long_points=D(swaps[0]),
        swap_short_points=D(swaps[1]),
        commission_per_lot=D("3.5"),
        hours=Hours.FOREX,
    )


def _cfd(
    name: str,
    description: str,
    group: str,
    base: str,
    profit: str,
    digits: int,
    contract: str,
    price: str,
    spread: int,
    swing: int,
    hours: Hours,
    *,
    volume_min: str = "0.01",
    volume_max: str = "100",
    commission: str = "0",
    stops_level: int = 0,
    tick_size_points: int = 1,
    triple_swap_weekday: int = 5,
) -> SymbolSpec:
    return SymbolSpec(
        name=name,
        description=description,
        path=f"{group}\\{name}",
        base=base,
        profit=profit,
        digits=digits,
        contract_size=D(contract),
        calc_mode=CalcMode.CFD_LEVERAGE,
        start_price=D(price),
        spread_points=spread,
        swing_points=swing,
        volume_min=D(volume_min),
        volume_max=D(volume_max),
        volume_step=D(volume_min),
        swap_long_points=D(-swing),
        swap_short_points=D(-swing) / 2,
        commission_per_lot=D(commission),
        hours=hours,
        stops_level_points=stops_level,
        tick_size_points=tick_size_points,
        triple_swap_weekday=triple_swap_weekday,
    )


CATALOGUE: tuple[SymbolSpec, ...] = (
    _forex("EURUSD", "Euro vs US Dollar", 5, "1.08500", 8, ("-7.2", "3.1")),
    _forex("GBPUSD", "Great Britain Pound vs US Dollar", 5, "1.27000", 11, ("-3.9", "-1.6")),
    _forex("USDJPY", "US Dollar vs Japanese Yen", 3, "151.200", 10, ("11.5", "-22.0")),
    _forex("USDCHF", "US Dollar vs Swiss Franc", 5, "0.88500", 12, ("5.4", "-10.1")),
    _forex("AUDUSD", "Australian Dollar vs US Dollar", 5, "0.65500", 9, ("-2.9", "0.4")),
    _forex("USDCAD", "US Dollar vs Canadian Dollar", 5, "1.36200", 13, ("0.9", "-5.2")),
    _forex("NZDUSD", "New Zealand Dollar vs US Dollar", 5, "0.60100", 12, ("-2.1", "-0.7")),
    _forex("EURJPY", "Euro vs Japanese Yen", 3, "164.050", 14, ("5.0", "-14.3")),
    _forex("GBPJPY", "Great Britain Pound vs Japanese Yen", 3, "192.000", 19, ("12.8", "-26.4")),
    _forex("EURGBP", "Euro vs Great Britain Pound", 5, "0.85430", 11, ("-5.8", "1.5")),
    _cfd("XAUUSD", "Gold vs US Dollar", "Metals", "XAU", "USD", 2, "100", "2330.00", 20, 12, Hours.METAL,
         commission="3.5", triple_swap_weekday=3),
    _cfd("XAGUSD", "Silver vs US Dollar", "Metals", "XAG", "USD", 3, "5000", "27.500", 22, 6, Hours.METAL,
         volume_max="50", commission="3.5", triple_swap_weekday=3),
    _cfd("US30", "Dow Jones 30", "Indices", "USD", "USD", 1, "1", "39250.0", 25, 15, Hours.INDEX,
         volume_min="0.1"),
    _cfd("NAS100", "Nasdaq 100", "Indices", "USD", "USD", 1, "1", "18200.0", 15, 12, Hours.INDEX,
         volume_min="0.1"),
    _cfd("SPX500", "S&P 500", "Indices", "USD", "USD", 1, "10", "5200.0", 5, 3, Hours.INDEX,
         volume_min="0.1"),
    _cfd("GER40", "Germany 40", "Indices", "EUR", "EUR", 1, "1", "18300.0", 14, 10, Hours.INDEX,
         volume_min="0.1"),
    _cfd("USOIL", "West Texas crude oil", "Energies", "USD", "USD", 2, "1000", "78.50", 4, 2, Hours.METAL,
         volume_max="50"),
    _cfd("BTCUSD", "Bitcoin vs US Dollar", "Crypto", "BTC", "USD", 2, "1", "65000.00", 1500, 900,
         Hours.ALWAYS, volume_max="10", stops_level=500),
    _cfd("ETHUSD", "Ethereum vs US Dollar", "Crypto", "ETH", "USD", 2, "1", "3150.00", 150, 80,
         Hours.ALWAYS, volume_max="50", stops_level=50),
)  # fmt: skip


def catalogue(suffix: str = "") -> tuple[SymbolSpec, ...]:
    """Return every symbol, its name ending in the broker's `suffix`."""
    return tuple(replace(spec, name=spec.name + suffix, path=spec.path + suffix) for spec in CATALOGUE)
