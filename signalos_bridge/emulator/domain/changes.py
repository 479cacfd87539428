"""What can change at the broker. Live trading and the rebuilding from the ledger apply the same changes."""

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from signalos_bridge.emulator.domain.codes import DealType, OrderState
from signalos_bridge.emulator.domain.entities import Account, AccountTerms, Deal, Order, Position


class Cause(Enum):
    """What brought an execution about."""

    REQUEST = "request"
    DEFERRED = "deferred"
    PENDING = "pending"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    STOP_OUT = "stop_out"
    HAND = "hand"
    BALANCE = "balance"


@dataclass(frozen=True, slots=True)
class TermsSet:
    terms: AccountTerms


@dataclass(frozen=True, slots=True)
class PositionSet:
    login: int
    position: Position


@dataclass(frozen=True, slots=True)
class PositionGone:
    login: int
    ticket: int


@dataclass(frozen=True, slots=True)
class OrderSet:
    login: int
    order: Order


@dataclass(frozen=True, slots=True)
class DealMade:
    login: int
    deal: Deal
    cause: Cause


@dataclass(frozen=True, slots=True)
class RolledOver:
    login: int
    day: int


Change = TermsSet | PositionSet | PositionGone | OrderSet | DealMade | RolledOver

_WORKING = (OrderState.STARTED, OrderState.PLACED)


def apply(accounts: dict[int, Account], change: Change) -> None:
    """Bring `accounts` up to date with one change."""
    match change:
        case TermsSet(terms):
            known = accounts.get(terms.login)
            if known is None:
                accounts[terms.login] = Account(terms, Decimal(0).scaleb(-terms.currency_digits))
            else:
                known.terms = terms
        case PositionSet(login, position):
            accounts[login].set_position(position)
        case PositionGone(login, ticket):
            accounts[login].drop_position(ticket)
        case OrderSet(login, order):
            account = accounts[login]
            if order.state in _WORKING:
                account.orders[order.ticket] = order
            else:
                account.orders.pop(order.ticket, None)
                account.order_history[order.ticket] = order
        case DealMade(login, deal, _):
            account = accounts[login]
            account.add_deal(deal)
            if deal.type is DealType.CREDIT:
                account.credit += deal.profit
            else:
                account.balance += deal.profit + deal.commission + deal.swap + deal.fee
        case RolledOver(login, day):
            accounts[login].rollover_day = day
