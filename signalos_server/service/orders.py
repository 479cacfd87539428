"""Pending orders: moved, cancelled, listed."""

from __future__ import annotations

from signalos_server.domain import order_rules
from signalos_server.domain.actions import CancelOrder, ModifyOrder
from signalos_server.domain.caller import Caller
from signalos_server.domain.command import Command
from signalos_server.domain.errors import (
    NotFound,
    OutOfRange,
    PermissionDenied,
    Refusal,
    WrongState,
)
from signalos_server.domain.order_rules import Hides
from signalos_server.domain.records import Order, SymbolSpec
from signalos_server.domain.words import OrderState, OrderType
from signalos_server.service.access import seen_account, seen_accounts, traded_symbol
from signalos_server.service.commands import Asked, CommandUseCases, Draft
from signalos_server.service.quotes import Quotes
from signalos_server.service.records import AccountRef, Page, Records, Storage


class Orders:
    """The use cases of `OrderService`."""

    def __init__(self, storage: Storage, commands: CommandUseCases, quotes: Quotes) -> None:
        self._storage = storage
        self._commands = commands
        self._quotes = quotes

    async def modify(self, asked: Asked, order_id: str, change: ModifyOrder) -> Command:
        """Move a pending order or its levels. `change.order_ticket` is filled in here."""

        def prepare(records: Records) -> Draft:
            return self.draft_modify(records, asked.caller, order_id, change)

        if change.price is None:
            return await self._commands.accept(asked, prepare)
        asked_now = await self._ask_quote(asked.caller, order_id)
        try:
            return await self._commands.accept(asked, prepare)
        except OutOfRange:
            if asked_now:
                raise
            # The market may have moved since its last quote came.
            await self._ask_quote(asked.caller, order_id, anew=True)
            return await self._commands.accept(asked, prepare)

    def draft_modify(self, records: Records, caller: Caller, order_id: str, change: ModifyOrder) -> Draft:
        """Return what moves a pending order or its levels. Raises a `Refusal`."""
        account, order = _working(records, caller, order_id)
        pending = order.pending
        action = ModifyOrder(
            pending.ticket,
            change.price,
            change.set_stop_loss,
            change.stop_loss,
            change.set_take_profit,
            change.take_profit,
        )
        spec = traded_symbol(records, account.account_id, pending.symbol)
        if change.price is not None:
            # Of a stop limit it is the broker who says what its two prices may be.
            judged = pending.type is not OrderType.STOP_LIMIT
            market = self._quotes.market(account.account_id, spec) if judged else None
            order_rules.check_pending_price(spec, pending.side, pending.type, change.price, market)
        stop_loss = change.stop_loss if change.set_stop_loss else pending.effective_stop_loss
        take_profit = change.take_profit if change.set_take_profit else pending.effective_take_profit
        order_rules.check_levels(
            spec,
            pending.side,
            change.price or pending.price,
            stop_loss,
            () if take_profit is None else (take_profit,),
            Hides(pending.hidden and not pending.target_only, pending.hidden),
        )
        # A moved price may fill where the old one would not: fenced by stops like an open.
        return Draft(account, action, increases_risk=True, order_id=order_id)

    async def _ask_quote(self, caller: Caller, order_id: str, *, anew: bool = False) -> bool:
        """See to it that a price can be judged; what stands against the call is told by its unit."""

        def unit(records: Records) -> tuple[str, SymbolSpec] | None:
            account, order = _working(records, caller, order_id)
            spec = records.book.symbol(account.account_id, order.pending.symbol)
            return None if spec is None else (account.account_id, spec)

        try:
            found = await self._storage.read(unit)
        except Refusal:
            return False
        return found is not None and await self._quotes.ask(*found, anew=anew)

    async def cancel(self, asked: Asked, order_id: str) -> Command:
        """Cancel a pending order."""

        return await self._commands.accept(
            asked, lambda records: self.draft_cancel(records, asked.caller, order_id)
        )

    @staticmethod
    def draft_cancel(records: Records, caller: Caller, order_id: str) -> Draft:
        """Return what cancels a pending order. Raises a `Refusal`."""
        account, order = _working(records, caller, order_id)
        return Draft(account, CancelOrder(order.pending.ticket), increases_risk=False, order_id=order_id)

    async def get(self, caller: Caller, order_id: str) -> Order:
        """Return a pending order."""
        return await self._storage.read(lambda records: _seen(records, caller, order_id))

    async def page(self, caller: Caller, account_id: str, page: Page, state: OrderState) -> list[Order]:
        """Return pending orders, newest first."""

        def unit(records: Records) -> list[Order]:
            accounts = [account.account_id for account in seen_accounts(records, caller, account_id)]
            return records.book.orders(accounts, page, state)

        return await self._storage.read(unit)


def _seen(records: Records, caller: Caller, order_id: str) -> Order:
    order = records.book.order(order_id)
    if order is None:
        raise NotFound("order", order_id)
    try:
        seen_account(records, caller, order.account_id)
    except NotFound:
        raise NotFound("order", order_id) from None
    return order


def _working(records: Records, caller: Caller, order_id: str) -> tuple[AccountRef, Order]:
    """Return a working order of the caller's own account."""
    order = _seen(records, caller, order_id)
    account = records.account(order.account_id)
    assert account is not None
    if account.owner_user_id != caller.user_id:
        raise PermissionDenied("OWNER")
    if order.pending.state is not OrderState.WORKING:
        raise WrongState("order", order_id, order.pending.state.name)
    return account, order
