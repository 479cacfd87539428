"""The one place at which the limits of an account are held against what would increase its risk."""

from __future__ import annotations

from signalos_server.domain.actions import Action, Modify, ModifyOrder, Open, loosens
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.dealing.decide import PlannedOrder
from signalos_server.domain.dealing.denial import Denial
from signalos_server.domain.errors import LimitReached
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.risk_limits.admission import admit, admit_change, latched, no_quote, wants_quote
from signalos_server.domain.risk_limits.exposure import AskedOrder
from signalos_server.domain.risk_limits.facts import AccountFacts
from signalos_server.domain.risk_limits.terms import Limits
from signalos_server.domain.words import OrderType
from signalos_server.service.limit_facts import LimitFacts
from signalos_server.service.quotes import Quotes
from signalos_server.service.records import AccountRef, Records, Storage


class QuoteWanted(Exception):  # noqa: N818 - named for what it asks
    """An order cannot be judged without a fresh quote, and none is known."""

    def __init__(self, account_id: str, spec: SymbolSpec) -> None:
        super().__init__(f"{account_id} {spec.symbol}")
        self.account_id = account_id
        self.spec = spec


class LimitGate:
    """What commands, and orders of signals before them, are held against. An `AccountLimits`."""

    def __init__(self, storage: Storage, facts: LimitFacts, quotes: Quotes) -> None:
        self._storage = storage
        self._facts = facts
        self._quotes = quotes

    def check(self, records: Records, account: AccountRef, order: PlannedOrder) -> Denial | None:
        """See `AccountLimits`."""
        limits = records.control.get(account.account_id).document.limits
        if not limits.any:
            return None
        asked = AskedOrder(
            account_id=account.account_id,
            symbol=order.symbol,
            side=order.side,
            volume_lots=order.volume_lots,
            entry=order.entry,
            stop_loss=order.stop_loss,
            market=order.order_type is OrderType.MARKET,
            risk_money=order.risk_money,
            worst_case_money=order.worst_case_money,
        )
        facts = self._facts.gather(records, account.account_id, limits, symbol=order.symbol)
        if facts.market is None and wants_quote(limits, asked):
            return latched(facts) or no_quote(asked)
        return admit(limits, facts, asked)

    async def check_open(self, account_id: str, action: Open) -> Denial | None:
        """Return why an open would be refused now, with the quote that is known."""

        def unit(records: Records) -> Denial | None:
            limits = records.control.get(account_id).document.limits
            return self._open(records, account_id, limits, action, last_try=True) if limits.any else None

        return await self._storage.read(unit)

    # Commands.

    def admit(
        self,
        records: Records,
        document: ControlDocument,
        action: Action,
        *,
        trade_id: str,
        order_id: str,
        last_try: bool,
    ) -> None:
        """Let a command pass that may increase risk, within the unit that accepts it.

        Raises `LimitReached`; and `QuoteWanted`, unless it is the `last_try`.
        """
        limits = document.limits
        if not limits.any:
            return
        denial: Denial | None = None
        match action:
            case Open():
                denial = self._open(records, document.account_id, limits, action, last_try=last_try)
            case Modify():
                denial = self._modify(records, document.account_id, limits, action, trade_id)
            case ModifyOrder():
                denial = self._modify_order(records, document.account_id, limits, action, order_id)
        if denial is not None:
            raise LimitReached(denial)

    async def quote(self, wanted: QuoteWanted) -> None:
        """Ask the bridge for the quote that an order needs to be judged; it is there, or it is not."""
        await self._quotes.ask(wanted.account_id, wanted.spec)

    def _open(
        self, records: Records, account_id: str, limits: Limits, action: Open, *, last_try: bool
    ) -> Denial | None:
        facts = self._facts.gather(records, account_id, limits, symbol=action.symbol)
        spec = facts.specs.get(action.symbol)
        order = self._facts.planned(account_id, action, spec, facts.money)
        if facts.market is None and wants_quote(limits, order):
            if (denial := latched(facts)) is not None:
                # Whatever the price is.
                return denial
            if spec is not None and not last_try:
                raise QuoteWanted(account_id, spec)
            return no_quote(order)
        return admit(limits, facts, order, max(len(action.take_profits), 1))

    def _modify(
        self, records: Records, account_id: str, limits: Limits, action: Modify, trade_id: str
    ) -> Denial | None:
        trade = records.book.trade(trade_id)
        if trade is None or not action.set_stop_loss:
            return None
        facts = self._facts.gather(
            records, account_id, limits, symbol=trade.position.symbol, besides=trade.trade_id
        )
        held = self._facts.position(trade)
        order = AskedOrder(
            account_id, held.symbol, held.side, held.volume_lots, held.price, action.stop_loss, market=False
        )
        return admit_change(limits, facts, order)

    def _modify_order(
        self, records: Records, account_id: str, limits: Limits, action: ModifyOrder, order_id: str
    ) -> Denial | None:
        order = records.book.order(order_id)
        if order is None:
            return None
        pending = order.pending
        stop_loss = action.stop_loss if action.set_stop_loss else pending.stop_loss
        moves = action.price is not None and action.price != pending.price
        if not moves and not loosens(pending.side, pending.stop_loss, stop_loss):
            # It risks no more than it did: no limit stands against that.
            return None
        facts: AccountFacts = self._facts.gather(
            records, account_id, limits, symbol=pending.symbol, besides=order.order_id
        )
        planned = AskedOrder(
            account_id,
            pending.symbol,
            pending.side,
            pending.remaining_volume_lots,
            action.price or pending.price,
            stop_loss,
            market=pending.type is OrderType.MARKET,
        )
        return admit_change(limits, facts, planned)
