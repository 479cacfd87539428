"""The notations that are understood, each with an example that is read like any message."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One notation."""

    code: str
    description: str
    example: str


FORMATS = (
    Format(
        "TEXT",
        "Words as people write them, in English and eleven other languages",
        "BUY GOLD NOW 2340\nSL 2330\nTP1 2350\nTP2 2360",
    ),
    Format(
        "TEXT_PENDING", "An order that waits for its price", "EURUSD sell limit 1.0950 SL 1.1000 TP 1.0850"
    ),
    Format(
        "TEXT_ZONE",
        "An entry zone: market, limit or stop as the live price decides",
        "XAUUSD BUY 2335-2340 SL 2328 TP 2350",
    ),
    Format("TEXT_PIPS", "Distances in pips instead of prices", "Sell GBPUSD now SL 40 pips TP 80 pips"),
    Format(
        "UPDATE",
        "What is to be done with an earlier order; best as a reply to it",
        "Close half of XAUUSD and move SL to entry",
    ),
    Format(
        "JSON",
        "One object; keys in any spelling",
        '{"action": "buy", "symbol": "EURUSD", "price": 1.1, "sl": 1.095, "tp": 1.11}',
    ),
    Format("KEY_VALUE", "key=value pairs", "action=sell symbol=US30 price=39000 sl=39100 tp=38800"),
    Format(
        "PINECONNECTOR", "PineConnector lines; levels are pips", "60123456789,buy,EURUSD,risk=1,sl=20,tp=40"
    ),
    Format(
        "TRADINGVIEW",
        "TradingView's own text of a strategy's order",
        "order buy @ 1 filled on EURUSD. New strategy position is 1",
    ),
)
