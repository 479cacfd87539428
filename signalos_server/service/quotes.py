"""Quotes to judge levels by: what a bridge told lately, or what it tells when it is asked.

A bridge streams quotes of the symbols that it holds something of. Of the others nothing is known until
somebody asks, so that a level is not accepted that the bridge can only refuse afterwards.
"""

from __future__ import annotations

import math
from decimal import Decimal

from signalos_server.domain.actions import Open
from signalos_server.domain.frames import Check, CheckResult
from signalos_server.domain.order_rules import Market
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.words import OrderType, Side
from signalos_server.service.hub import Clocks, Hub

# A quote older than this is not judged by; the bridge checks again with the live one.
FRESH_SECONDS = 5.0
# A market that moves is elsewhere after this: a newer quote is asked for before a level is judged.
_JUST_NOW_SECONDS = 0.5
# A terminal that is busy for longer lets the command be accepted, for the bridge to judge.
_ASK_SECONDS = 1.0


class Quotes:
    """What the market is, as far as it is known."""

    def __init__(self, hub: Hub, clocks: Clocks) -> None:
        self._hub = hub
        self._clocks = clocks
        # What was asked for: by account and symbol, with when it was asked on the monotonic clock.
        self._counted: dict[tuple[str, str], tuple[Market, float]] = {}

    def market(self, account_id: str, spec: SymbolSpec) -> Market | None:
        """Return a fresh quote, None where none is known."""
        known = self._newest(account_id, spec)
        if known is None or self._clocks.monotonic() - known[1] > FRESH_SECONDS:
            return None
        return known[0]

    def _newest(self, account_id: str, spec: SymbolSpec) -> tuple[Market, float] | None:
        """Return the newest quote and when it was read or asked for, None where none is known."""
        counted = self._counted.get((account_id, spec.symbol))
        found = self._hub.live.quote(account_id, spec.symbol)
        if found is not None and (counted is None or found.read_at >= counted[1]):
            told = _market(spec, found.quote.bid, found.quote.ask)
            if told is not None:
                return told, found.read_at
        return counted

    async def ask(self, account_id: str, spec: SymbolSpec, *, anew: bool = False) -> bool:
        """Ask the bridge for a quote where none of just now is known; `market` has what comes in time.

        `anew`: in any case. Returns whether it was asked for.
        """
        if not anew and self._is_of_just_now(account_id, spec):
            return False
        await self._ask(account_id, spec)
        return True

    async def look(self, account_id: str, spec: SymbolSpec) -> bool:
        """Return whether the market is as the bridge has just told or been asked; False: it is silent."""
        return self._is_of_just_now(account_id, spec) or await self._ask(account_id, spec)

    def _is_of_just_now(self, account_id: str, spec: SymbolSpec) -> bool:
        known = self._newest(account_id, spec)
        return known is not None and self._clocks.monotonic() - known[1] <= _JUST_NOW_SECONDS

    async def _ask(self, account_id: str, spec: SymbolSpec) -> bool:
        smallest = Open(
            symbol=spec.symbol,
            side=Side.BUY,
            order_type=OrderType.MARKET,
            volume_lots=spec.volume_minimum_lots,
        )
        asked_at = self._clocks.monotonic()
        counted = await self.count(account_id, smallest, _ASK_SECONDS)
        market = _market_of(spec, counted)
        if market is not None:
            self._counted[account_id, spec.symbol] = (market, asked_at)
        return counted is not None

    def may_ask(self, account_id: str) -> bool:
        """Return whether the account's bridge is there to be asked."""
        session = self._hub.session(account_id)
        return session is not None and session.machine.may_send(increases_risk=False)

    async def count(self, account_id: str, action: Open, seconds: float) -> CheckResult | None:
        """Return what the bridge counts for an order that is not sent; None: it is away or silent."""
        session = self._hub.session(account_id)
        if session is None or not self.may_ask(account_id):
            return None
        check_id = self._hub.new_uuid()
        with self._hub.board.checks.watch(f"{check_id}:{account_id}") as watch:
            session.perform(session.machine.send(Check(check_id, action)))
            return await watch.until(seconds, lambda _: True)


def _market_of(spec: SymbolSpec, result: CheckResult | None) -> Market | None:
    """Return the quote that a buy at the market was counted with."""
    if result is None or result.price is None or result.spread_points is None:
        return None
    return _market(spec, result.price - result.spread_points * float(spec.point), result.price)


def _market(spec: SymbolSpec, bid: float, ask: float) -> Market | None:
    """Return a quote in the symbol's digits, None where a side is missing or no price."""
    if not (0 < bid < math.inf and 0 < ask < math.inf):
        return None
    digits = Decimal(1).scaleb(-spec.digits)
    return Market(Decimal(repr(bid)).quantize(digits), Decimal(repr(ask)).quantize(digits))
