"""The accounts and the market together, and the one way in which anything in them changes."""

from collections.abc import Callable, Iterator
from decimal import Decimal

from signalos_bridge.emulator.domain import changes
from signalos_bridge.emulator.domain.changes import Change
from signalos_bridge.emulator.domain.codes import Side
from signalos_bridge.emulator.domain.entities import ZERO, Account, Position
from signalos_bridge.emulator.domain.market import Market, Quote, SymbolMarket, round_money
from signalos_bridge.emulator.domain.symbols import SymbolSpec

# Far apart, so that one kind of ticket is never taken for the other unnoticed.
FIRST_ORDER_TICKET = 10_000_001
FIRST_DEAL_TICKET = 70_000_001


class Book:
    """Holds the state; `record` is the only door through which it changes."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.accounts: dict[int, Account] = {}
        self.before_change: Callable[[Account], None] | None = None
        """Told of an account just before it changes."""
        self._pending_changes: list[Change] = []
        self._next_order = FIRST_ORDER_TICKET
        self._next_deal = FIRST_DEAL_TICKET

    @property
    def utc_ms(self) -> int:
        return self.market.utc_ms

    @property
    def broker_ms(self) -> int:
        return self.market.clock.broker_ms(self.market.utc_ms)

    def record(self, change: Change) -> None:
        """Apply a change and keep it for the ledger."""
        if self.before_change is not None and not isinstance(change, changes.TermsSet):
            self.before_change(self.accounts[change.login])
        changes.apply(self.accounts, change)
        self._pending_changes.append(change)

    def restore(self, change: Change) -> None:
        """Apply a change that the ledger already holds."""
        changes.apply(self.accounts, change)
        if isinstance(change, changes.OrderSet):
            self._next_order = max(self._next_order, change.order.ticket + 1)
        elif isinstance(change, changes.DealMade):
            self._next_deal = max(self._next_deal, change.deal.ticket + 1)

    def take_changes(self) -> list[Change]:
        """Hand over what changed since the last call."""
        taken, self._pending_changes = self._pending_changes, []
        return taken

    def new_order_ticket(self) -> int:
        ticket = self._next_order
        self._next_order += 1
        return ticket

    def new_deal_ticket(self) -> int:
        ticket = self._next_deal
        self._next_deal += 1
        return ticket

    def symbol(self, name: str) -> SymbolMarket:
        return self.market.symbols[name]

    def spec(self, name: str) -> SymbolSpec:
        return self.market.symbols[name].spec

    def quote(self, name: str) -> Quote:
        return self.market.symbols[name].quote

    def slipped(self, symbol: str, side: Side, price: Decimal) -> Decimal:
        """Return at what price a deal in that direction is made that takes any price."""
        market = self.market.symbols[symbol]
        return price + side.sign * market.condition.slippage_points * market.spec.point

    def positions_in(self, symbol: str) -> Iterator[tuple[Account, Position]]:
        """Yield the positions in a symbol, each account's in the order of their tickets."""
        for account in self.accounts.values():
            if account.positions:
                for position in [one for one in account.positions.values() if one.symbol == symbol]:
                    yield account, position

    def commission(self, account: Account, spec: SymbolSpec, volume: Decimal) -> Decimal:
        """Return the commission of one deal, as it is booked: negative, or zero."""
        if not spec.commission_per_lot:
            return ZERO
        rate = self.market.rate("USD", account.terms.currency, selling=False)
        return -round_money(spec.commission_per_lot * volume * rate, account.terms.currency_digits)


def oldest_in_symbol(account: Account, symbol: str, side: Side) -> Position | None:
    """Return the position that a first-in-first-out account must close first."""
    candidates = [one for one in account.positions.values() if one.symbol == symbol and one.side is side]
    return min(candidates, key=lambda one: (one.time_ms, one.ticket), default=None)
