"""Counting an order with live numbers, without sending it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from signalos_bridge.admission import Admission
from signalos_bridge.domain.expansion import Tagger, expand_open
from signalos_bridge.domain.normalise import points, round_price
from signalos_bridge.domain.orders import OpenMarket, PlacePending
from signalos_bridge.domain.values import OpenAction, OpenCheck, OpenKind, Refusal
from signalos_bridge.expander import Expander, Sized
from signalos_bridge.terminal.port import Terminal, TerminalUnavailable
from signalos_bridge.view import TerminalView

_UNCOUNTED = OpenCheck(
    unknown_symbol=False,
    unavailable=False,
    retcode=0,
    problems=(),
    volume_lots=None,
    price=None,
    risk_money=None,
    reward_money=None,
    margin=None,
    currency="",
    spread_points=None,
)


class Checker:
    """Answers what an order would be."""

    def __init__(
        self, terminal: Terminal, view: TerminalView, expander: Expander, admission: Admission
    ) -> None:
        self._terminal = terminal
        self._view = view
        self._expander = expander
        self._admission = admission

    async def check(self, action: OpenAction) -> OpenCheck:
        """Return the numbers and what stands in the way. Never raises for the terminal's sake."""
        try:
            return await self._check(action)
        except TerminalUnavailable as error:
            return replace(_UNCOUNTED, unavailable=True, problems=(error.why,))

    async def _check(self, action: OpenAction) -> OpenCheck:
        sized = await self._expander.size(action)
        currency = self._view.account.currency if self._view.account is not None else ""
        if isinstance(sized, Refusal):
            return replace(
                _UNCOUNTED,
                unknown_symbol=sized.code == "UNKNOWN_SYMBOL",
                problems=(f"{sized.code}: {sized.message}",),
                currency=currency,
            )
        market = action.kind is OpenKind.MARKET
        price = sized.tick.opening_price(action.side) if market else action.price
        if price is None:
            return replace(
                _UNCOUNTED, problems=("NO_QUOTE: there is no price to count with",), currency=currency
            )
        price = round_price(price, sized.spec)
        counted = replace(
            _UNCOUNTED,
            volume_lots=sized.volume_lots,
            price=price,
            currency=sized.account.currency,
            margin=await self._terminal.calc_margin(action.symbol, action.side, sized.volume_lots, price),
            risk_money=await self._at(action, sized, price, action.stop_loss, loss=True),
            reward_money=await self._at(action, sized, price, _nearest(action), loss=False),
            spread_points=(None if sized.tick.spread is None else points(sized.tick.spread, sized.spec)),
        )
        return await self._judge(action, sized, counted)

    async def _judge(self, action: OpenAction, sized: Sized, counted: OpenCheck) -> OpenCheck:
        facts = sized.facts(self._view.broker_now_seconds(sized.tick))
        expansion = expand_open(action, sized.volume_lots, Tagger(0, "check"), facts)
        if isinstance(expansion, Refusal):
            return replace(counted, problems=(f"{expansion.code}: {expansion.message}",))
        problems: list[str] = []
        retcode = 0
        if refusal := self._admission.account_refusal():
            problems.append(refusal.message)
        # Limits on the spread look at the newest quote.
        self._view.ticks[action.symbol] = sized.tick
        for leg in expansion.legs:
            assert isinstance(leg.order, OpenMarket | PlacePending)
            if refusal := self._admission.order_refusal(leg.order):
                problems.append(refusal.message)
            verdict = await self._terminal.check(leg.order)
            if verdict.retcode != 0:
                retcode = verdict.retcode
                problems.append(f"{verdict.retcode}: {verdict.words}")
        margin, free = counted.margin, sized.account.free_margin
        if not problems and margin is not None and margin > free:
            problems.append(f"NO_MONEY: the order binds {margin}, and {free} is free")
        return replace(counted, retcode=retcode, problems=tuple(dict.fromkeys(problems)))

    async def _at(
        self, action: OpenAction, sized: Sized, price: Decimal, level: Decimal | None, *, loss: bool
    ) -> Decimal | None:
        """Return what is lost or won at a level, commission included; None: there is no level."""
        if level is None:
            return None
        profit = await self._terminal.calc_profit(action.symbol, action.side, sized.volume_lots, price, level)
        costs = self._view.commission_per_lot(action.symbol) * sized.volume_lots
        return costs - profit if loss else profit - costs


def _nearest(action: OpenAction) -> Decimal | None:
    if not action.take_profits:
        return None
    return (min if action.side.value > 0 else max)(action.take_profits)
