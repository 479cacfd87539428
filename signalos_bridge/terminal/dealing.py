"""Orders through the terminal: checked, built, sent at most once, and their answers judged.

Nothing is retried here. What stands between an order and `order_send` is read anew for each: account, for a
close the position itself, and the link, unless another order was executed over it a moment ago.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.domain.filling import FillingMemory
from signalos_bridge.domain.market import ExecutionMode, Filling, Position, SymbolSpec, Tick, balanced
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PlacePending,
    not_loosened,
    operation_of,
)
from signalos_bridge.domain.outcomes import (
    BrokerAnswer,
    Executed,
    NotDone,
    NotSent,
    Outcome,
    PartlyExecuted,
    Placed,
    Retry,
    classify,
    lost_in_call,
    not_sent,
)
from signalos_bridge.failpoints import reach
from signalos_bridge.terminal import requests, translate
from signalos_bridge.terminal.metatrader5 import CallFailed, MetaTrader5
from signalos_bridge.terminal.port import CheckResult, SentRequest, Shown

log = logging.getLogger(__name__)

_INVALID_FILLING = 10030
_NO_PRICE = frozenset({10004, 10015, 10020, 10021})
_AT_MARKET = frozenset({ExecutionMode.MARKET, ExecutionMode.EXCHANGE})
_LINK_PROVEN_SECONDS = 0.05
# After these the rules that we went by may be out of date.
_RULES_DOUBTED = frozenset({10013, 10014, 10015, 10016, 10022, 10029, 10030, 10034, 10035})


class _Kept(Exception):  # noqa: N818
    """The request must not be sent."""

    def __init__(self, reason: NotSent, detail: str = "") -> None:
        super().__init__(reason.value)
        self.outcome = not_sent(reason, detail)


@dataclass(frozen=True, slots=True)
class Submission:
    """What became of a request: see `TerminalAnswer`."""

    outcome: Outcome
    raw: BrokerAnswer | None = None
    request: SentRequest | None = None
    shown: Shown | None = None


class Dealer:
    """Makes requests of one terminal, and remembers which filling modes it takes."""

    def __init__(self, terminal: MetaTrader5) -> None:
        self._terminal = terminal
        self._fillings = FillingMemory()
        # The position that is being closed, as it was read just before.
        self._closing: Position | None = None
        self._executed_at = -math.inf
        # Symbols whose last order found no price.
        self._quoteless: set[str] = set()

    def check(self, order: Order) -> CheckResult:
        """Ask whether the order would pass."""
        try:
            request, _ = self._build(order)
        except _Kept as kept:
            raise CallFailed("order_check", -2, kept.outcome.words) from kept
        raw = self._terminal.check_raw(requests.as_mapping(request))
        return CheckResult(
            retcode=int(raw.retcode),
            words=str(raw.comment),
            margin=translate.decimal(raw.margin, self._terminal.money_digits),
            free_margin=translate.decimal(raw.margin_free, self._terminal.money_digits),
            margin_level_percent=translate.decimal(raw.margin_level, 2),
        )

    def submit(self, order: Order, *, latched: bool) -> Submission:
        """Make the request at most once. Never raises: what is not known is `Ambiguous`."""
        if latched and order.increases_risk:
            return Submission(not_sent(NotSent.LATCHED))
        try:
            # What was executed a moment ago proves the link, and the account is looked at all the same.
            if time.monotonic() - self._executed_at > _LINK_PROVEN_SECONDS:
                self._check_link()
            self._executed_at = -math.inf
            self._check_account()
            request, filling = self._build(order)
        except _Kept as kept:
            return Submission(kept.outcome)
        except (CallFailed, ValueError) as failure:
            return Submission(not_sent(NotSent.TERMINAL_UNREADABLE, str(failure)))
        try:
            reach("child_before_call")
            raw = self._terminal.send_raw(requests.as_mapping(request))
            reach("child_after_call")
            error = self._terminal.last_error()
            answer = translate.answer(raw, self._terminal.digits(request.symbol), error)
        except Exception as failure:
            # The order may be out: no error here can mean "not done".
            log.exception("order_send failed")
            return Submission(
                lost_in_call(f"order_send raised {type(failure).__name__}: {failure}"), None, request
            )
        outcome = classify(operation_of(order), request.volume, answer)
        if isinstance(outcome, Executed):
            self._executed_at = time.monotonic()
        if answer.retcode in _NO_PRICE:
            self._quoteless.add(order.symbol)
        if answer.retcode in _RULES_DOUBTED:
            outcome = self._learn_refusal(order, filling, outcome)
        elif filling is not None and isinstance(outcome, Executed | PartlyExecuted | Placed):
            spec = self._terminal.known_rules(order.symbol)
            if spec is not None:
                self._fillings.accept(spec, filling, pending=isinstance(order, PlacePending))
        return Submission(outcome, answer, request, self._show(order, outcome))

    def _show(self, order: Order, outcome: Outcome) -> Shown | None:
        """Read what the order made of its position; None where the terminal does not show it yet.

        It must never make an outcome doubtful: what goes wrong here is left to the watch.
        """
        if not isinstance(outcome, Executed | PartlyExecuted) or not outcome.deal:
            return None
        try:
            if isinstance(order, ClosePosition):
                return self._show_close(order, outcome)
            if not isinstance(order, OpenMarket):
                return None
            if self._terminal.hedging:
                opened = None if outcome.order is None else self._terminal.position(outcome.order)
            else:
                opened = self._terminal.position_in(order.symbol)
            if opened is None:
                return None
            deals = self._terminal.deals_of_position(opened.identifier)
        except (CallFailed, ValueError) as failure:
            log.info("what order %s made is not shown: %s", outcome.order, failure)
            return None
        if not any(deal.ticket == outcome.deal for deal in deals):
            return None
        return Shown(opened.identifier, opened.ticket, opened, deals, time.monotonic())

    def _show_close(self, order: ClosePosition, outcome: Executed | PartlyExecuted) -> Shown | None:
        """As `_show`. A position whose deals took out all that they put in is closed, and not read again."""
        before = self._closing
        assert before is not None
        deals = self._terminal.deals_of_position(before.identifier)
        if not any(deal.ticket == outcome.deal for deal in deals):
            return None
        if outcome.volume_lots == before.volume_lots and balanced(deals):
            position = None
        else:
            position = self._terminal.position(order.ticket)
        return Shown(before.identifier, order.ticket, position, deals, time.monotonic())

    def _learn_refusal(self, order: Order, filling: Filling | None, outcome: Outcome) -> Outcome:
        known = self._terminal.known_rules(order.symbol)
        if known is None:
            return outcome
        # Kept for its digits, but read again before the next order.
        self._terminal.doubt_rules(order.symbol)
        if filling is None or not isinstance(outcome, NotDone) or outcome.retcode != _INVALID_FILLING:
            return outcome
        if self._fillings.refuse(known, filling, pending=isinstance(order, PlacePending)):
            return outcome
        return replace(outcome, retry=Retry.NEVER)

    def _check_link(self) -> None:
        # A terminal that knows it is cut off need not be asked: its answer would leave the outcome open.
        if not self._terminal.terminal_raw().connected:
            raise _Kept(NotSent.NOT_CONNECTED)

    def _check_account(self) -> None:
        bound = self._terminal.bound
        if bound is None:
            raise _Kept(NotSent.ACCOUNT_UNBOUND)
        try:
            raw = self._terminal.account_raw()
        except CallFailed as failure:
            raise _Kept(NotSent.ACCOUNT_UNREADABLE, str(failure)) from failure
        found = (int(raw.login), str(raw.server), int(raw.trade_mode))
        wanted = (bound.login, bound.server, int(bound.trade_mode))
        if found != wanted:
            raise _Kept(
                NotSent.ACCOUNT_MISMATCH,
                f"{found[0]} on {found[1]} instead of {wanted[0]} on {wanted[1]}",
            )

    def _build(self, order: Order) -> tuple[SentRequest, Filling | None]:
        match order:
            case OpenMarket():
                spec, filling = self._rules_and_filling(order.symbol, pending=False)
                return requests.open_market(order, self._quote(spec), filling), filling
            case ClosePosition():
                position = self._position_to_close(order)
                spec, filling = self._rules_and_filling(order.symbol, pending=False)
                volume_lots = min(order.volume_lots, position.volume_lots)
                price = self._closing_price(spec, position)
                return requests.close_position(order, volume_lots, price, filling), filling
            case PlacePending():
                spec, filling = self._rules_and_filling(order.symbol, pending=True)
                self._quote(spec)
                return requests.place_pending(order, filling), filling
            case ModifyLevels():
                return requests.modify_levels(self._not_loosened(order)), None
            case ModifyPending():
                return requests.modify_pending(order), None
            case CancelPending():
                return requests.cancel_pending(order), None
            case CloseBy():
                return requests.close_by(order), None

    def _not_loosened(self, order: ModifyLevels) -> ModifyLevels:
        if not order.only_tighter:
            return order
        position = self._terminal.position(order.ticket)
        if position is None:
            raise _Kept(NotSent.POSITION_GONE, f"ticket {order.ticket}")
        found = not_loosened(order, position)
        if found is None:
            raise _Kept(NotSent.STOP_IS_TIGHTER, f"{position.stop_loss} instead of {order.stop_loss}")
        return found

    def _rules_and_filling(self, symbol: str, *, pending: bool) -> tuple[SymbolSpec, Filling]:
        spec = self._terminal.rules(symbol)
        if spec is None:
            raise _Kept(NotSent.SYMBOL_UNKNOWN, symbol)
        filling = self._fillings.choose(spec, pending=pending)
        if filling is None:
            raise _Kept(NotSent.NO_FILLING, symbol)
        return spec, filling

    def _quote(self, spec: SymbolSpec) -> Tick:
        tick = self._terminal.tick(spec.name)
        if tick is None:
            raise _Kept(NotSent.NO_QUOTE, spec.name)
        return tick

    def _closing_price(self, spec: SymbolSpec, position: Position) -> Decimal | None:
        """Return the price to close at.

        Where the broker deals at its own price it ignores ours, and the one that the position itself shows
        will do: it was read a moment ago. Elsewhere, and where that was no price to deal at, it is the latest
        quote.
        """
        if (
            spec.execution_mode in _AT_MARKET
            and position.current_price is not None
            and spec.name not in self._quoteless
        ):
            return position.current_price
        self._quoteless.discard(spec.name)
        return self._quote(spec).closing_price(position.side)

    def _position_to_close(self, order: ClosePosition) -> Position:
        try:
            position = self._terminal.position(order.ticket)
        except CallFailed as failure:
            raise _Kept(NotSent.POSITION_UNREADABLE, str(failure)) from failure
        if position is None:
            raise _Kept(NotSent.POSITION_GONE, f"ticket {order.ticket}")
        if position.symbol != order.symbol or position.side is not order.side:
            raise _Kept(
                NotSent.POSITION_CHANGED,
                f"ticket {order.ticket} is now {position.side.name} {position.symbol}",
            )
        self._closing = position
        return position
