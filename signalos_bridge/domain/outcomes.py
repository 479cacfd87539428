"""What a terminal's answer to a request means, and what may be done about it.

The tables follow MetaTrader's documentation, which was not tried on every broker. So whatever is not
known to mean "not done" is `Ambiguous`: nobody may send it again before the terminal's own records tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from signalos_bridge.domain.orders import Operation

# How long the records are watched before "it did not happen" is believed.
SETTLE_SECONDS = 60
LONG_SETTLE_SECONDS = 120


class Retry(Enum):
    """What has to happen before the same request may be made again, as a new journalled attempt."""

    NEVER = "never"
    NEW_QUOTE = "new_quote"
    FRESH_TICK = "fresh_tick"
    OTHER_FILLING = "other_filling"
    SHORT_BACKOFF = "short_backoff"
    REREAD = "reread"


@dataclass(frozen=True, slots=True)
class BrokerAnswer:
    """What `order_send` gave back. `retcode` None: it returned `None`, and `error_code` says why.

    Zeros of a failed result are None here.
    """

    retcode: int | None
    retcode_external: int | None
    order: int | None
    deal: int | None
    volume_lots: Decimal | None
    price: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    comment: str
    error_code: int
    error_text: str


@dataclass(frozen=True, slots=True)
class Executed:
    """Done in full. Requests that do not trade (modify, cancel) have neither deal, volume nor price."""

    order: int | None
    deal: int | None
    volume_lots: Decimal | None
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class PartlyExecuted:
    """`volume_lots` were done and `remaining_lots` were not. The rest is a decision, not a retry."""

    order: int | None
    deal: int | None
    volume_lots: Decimal
    remaining_lots: Decimal
    price: Decimal | None


@dataclass(frozen=True, slots=True)
class Placed:
    """Accepted by the broker, so never to be sent again.

    `awaits_deal` False: a pending order stands. True: the effect (a deal, a changed level, a removed order)
    is not in the answer; wait for the terminal's records to show it.
    """

    order: int | None
    awaits_deal: bool


@dataclass(frozen=True, slots=True)
class NoChange:
    """The broker already had exactly what was asked: a success for levels and pending orders."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """Certainly not done: refused, or never sent.

    `code` is stable UPPER_SNAKE; `words` are for a trader. `alert` says that a person should know at once,
    since other requests will meet the same.
    """

    code: str
    words: str
    retry: Retry
    retcode: int | None = None
    error_code: int | None = None
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Nobody knows whether it was done. Resolve against the records, not earlier than `settle_seconds`."""

    why: str
    settle_seconds: int
    retcode: int | None = None
    error_code: int | None = None


Outcome = Executed | PartlyExecuted | Placed | NoChange | NotDone | Ambiguous


_UNCLEAR: dict[int, str] = {
    10011: "the broker reported a processing error",
    10012: "the broker reported that the request timed out",
    10031: "the terminal lost its connection to the trade server",
}


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: str
    words: str
    retry: Retry = Retry.NEVER
    alert: bool = False


_REFUSED: dict[int, _Refusal] = {
    10004: _Refusal("REQUOTE", "the broker offered another price", Retry.NEW_QUOTE),
    10006: _Refusal("REJECTED", "the broker rejected the request"),
    10007: _Refusal("CANCELLED_BY_DEALER", "the request was cancelled by the dealer"),
    10013: _Refusal("INVALID_REQUEST", "the broker calls the request invalid"),
    10014: _Refusal("INVALID_VOLUME", "the broker does not accept this volume"),
    10015: _Refusal("INVALID_PRICE", "the broker does not accept this price"),
    10016: _Refusal("INVALID_STOPS", "the stop loss or take profit is on the wrong side or too close"),
    10017: _Refusal("TRADE_DISABLED", "trading is disabled", alert=True),
    10018: _Refusal("MARKET_CLOSED", "the market is closed"),
    10019: _Refusal("NO_MONEY", "there is not enough free margin"),
    10020: _Refusal("PRICE_CHANGED", "the price has changed", Retry.NEW_QUOTE),
    10021: _Refusal("NO_QUOTES", "there is no quote to trade at", Retry.FRESH_TICK),
    10022: _Refusal("INVALID_EXPIRATION", "the broker does not accept this expiration"),
    10023: _Refusal("ORDER_CHANGED", "the order has changed meanwhile", Retry.REREAD),
    10024: _Refusal("TOO_MANY_REQUESTS", "the broker receives too many requests", Retry.SHORT_BACKOFF, True),
    10026: _Refusal("SERVER_DISABLES_AUTOTRADING", "the broker has disabled automatic trading", alert=True),
    10027: _Refusal("TERMINAL_DISABLES_AUTOTRADING", "AutoTrading is off in the terminal", alert=True),
    10028: _Refusal("LOCKED", "the broker is still working on this order or position", Retry.SHORT_BACKOFF),
    10029: _Refusal("FROZEN", "the price is too near for the order to be changed", Retry.SHORT_BACKOFF),
    10030: _Refusal("INVALID_FILLING", "the broker does not accept this filling mode", Retry.OTHER_FILLING),
    10032: _Refusal("ONLY_REAL", "this is allowed on live accounts only"),
    10033: _Refusal("ORDER_LIMIT", "the broker's limit of pending orders is reached"),
    10034: _Refusal("VOLUME_LIMIT", "the broker's volume limit of this symbol is reached"),
    10035: _Refusal("INVALID_ORDER", "the broker does not accept this kind of order"),
    10036: _Refusal("POSITION_CLOSED", "the position is already closed", Retry.REREAD),
    10038: _Refusal("INVALID_CLOSE_VOLUME", "the position is smaller than the volume to close", Retry.REREAD),
    10039: _Refusal("CLOSE_ORDER_EXISTS", "another order is already closing the position", Retry.REREAD),
    10040: _Refusal("POSITION_LIMIT", "the broker's limit of open positions is reached"),
    10041: _Refusal(
        "ACTIVATION_REJECTED", "the broker refused to activate the pending order and cancelled it"
    ),
    10042: _Refusal("LONG_ONLY", "only buying is allowed in this symbol"),
    10043: _Refusal("SHORT_ONLY", "only selling is allowed in this symbol"),
    10044: _Refusal("CLOSE_ONLY", "only closing is allowed in this symbol"),
    10045: _Refusal("FIFO_CLOSE", "the oldest position of the symbol has to be closed first"),
    # Documented for MQL5, though the Python package has no constant for it.
    10046: _Refusal("HEDGE_PROHIBITED", "opposite positions in one symbol are not allowed"),
}

_NO_CHANGES = _Refusal("NO_CHANGES", "the broker sees nothing to change")

# `last_error` codes that are raised before a request leaves the process.
_NEVER_LEFT: dict[int, _Refusal] = {
    -2: _Refusal("INVALID_ARGUMENTS", "the terminal's interface does not accept the request"),
    -7: _Refusal("UNSUPPORTED", "the terminal does not support this function", alert=True),
    -8: _Refusal(
        "API_TRADING_DISABLED", "trading through the Python API is disabled in the terminal", alert=True
    ),
    -10003: _Refusal("TERMINAL_NOT_STARTED", "the terminal could not be reached", Retry.SHORT_BACKOFF, True),
    -10004: _Refusal("NO_TERMINAL", "there is no connection to the terminal", Retry.SHORT_BACKOFF, True),
}

_TRADES = frozenset({Operation.OPEN, Operation.CLOSE, Operation.CLOSE_BY})
_CHANGES = frozenset({Operation.MODIFY_LEVELS, Operation.MODIFY_ORDER})

REFUSAL_RETCODES = frozenset(_REFUSED)
UNCLEAR_RETCODES = frozenset(_UNCLEAR)


def classify(operation: Operation, asked_lots: Decimal | None, answer: BrokerAnswer) -> Outcome:
    """Return what an answer means for a request of this kind; `asked_lots` is the volume as it was sent."""
    retcode = answer.retcode
    if retcode is None:
        return _no_result(answer)
    if retcode in (10008, 10009, 10010):
        return _accepted(operation, asked_lots, answer, retcode)
    if retcode == 10025:
        if operation in _CHANGES:
            return NoChange()
        return _not_done(_NO_CHANGES, retcode=retcode)
    if refusal := _REFUSED.get(retcode):
        # A refusal that names a deal contradicts itself, and money is believed over words.
        if answer.deal is not None:
            return Ambiguous(
                f"retcode {retcode} ({refusal.words}) came with deal {answer.deal}",
                LONG_SETTLE_SECONDS,
                retcode=retcode,
            )
        return _not_done(refusal, retcode=retcode)
    why = _UNCLEAR.get(retcode, f"retcode {retcode} is not known")
    return Ambiguous(why, LONG_SETTLE_SECONDS, retcode=retcode)


def _accepted(
    operation: Operation, asked_lots: Decimal | None, answer: BrokerAnswer, retcode: int
) -> Outcome:
    if operation is Operation.PLACE:
        if retcode == 10010:
            return Ambiguous("a pending order was answered with a partial fill", SETTLE_SECONDS, retcode)
        return Placed(answer.order, awaits_deal=False)
    if operation not in _TRADES:
        if retcode == 10009:
            return Executed(answer.order, None, None, None)
        if retcode == 10008:
            return Placed(answer.order, awaits_deal=True)
        return Ambiguous("a change was answered with a partial fill", SETTLE_SECONDS, retcode)
    filled = answer.volume_lots
    if retcode == 10008 or (operation is Operation.CLOSE_BY and retcode == 10009 and answer.deal is None):
        return Placed(answer.order, awaits_deal=True)
    if operation is Operation.CLOSE_BY and retcode == 10009:
        return Executed(answer.order, answer.deal, filled, answer.price)
    if filled is None:
        # Done, says the broker, without saying how much: the deal will.
        return Placed(answer.order, awaits_deal=True)
    if asked_lots is None or filled > asked_lots:
        return Ambiguous(
            f"the broker reports {filled} lots done where {asked_lots} were asked", SETTLE_SECONDS, retcode
        )
    if filled < asked_lots:
        return PartlyExecuted(answer.order, answer.deal, filled, asked_lots - filled, answer.price)
    return Executed(answer.order, answer.deal, filled, answer.price)


def _no_result(answer: BrokerAnswer) -> Outcome:
    if refusal := _NEVER_LEFT.get(answer.error_code):
        return _not_done(refusal, error_code=answer.error_code)
    return Ambiguous(
        f"the terminal gave no result: {answer.error_code} {answer.error_text}".rstrip(),
        LONG_SETTLE_SECONDS,
        error_code=answer.error_code,
    )


def _not_done(refusal: _Refusal, *, retcode: int | None = None, error_code: int | None = None) -> NotDone:
    return NotDone(refusal.code, refusal.words, refusal.retry, retcode, error_code, refusal.alert)


class NotSent(Enum):
    """Reasons of our own for which a request never reached the terminal."""

    LATCHED = "an emergency stop is in force"
    ACCOUNT_MISMATCH = "the terminal is logged in to another account"
    ACCOUNT_UNBOUND = "no account has been bound to this bridge yet"
    ACCOUNT_UNREADABLE = "the terminal does not say which account it is logged in to"
    NOT_CONNECTED = "the terminal is not connected to its trade server"
    POSITION_UNREADABLE = "the terminal does not say whether the position still exists"
    POSITION_GONE = "the position does not exist any more"
    POSITION_CHANGED = "the ticket now belongs to a position of another side or symbol"
    STOP_IS_TIGHTER = "the broker's stop is tighter already"
    SYMBOL_UNKNOWN = "the broker has no such symbol"
    TERMINAL_UNREADABLE = "the terminal does not give what the request is made from"
    NO_QUOTE = "there is no fresh quote of the symbol"
    NO_FILLING = "the broker has refused every filling mode of the symbol"
    TERMINAL_BUSY = "the terminal did not become free in time"
    TERMINAL_DOWN = "the terminal cannot be reached"


_NOT_SENT_RETRY: dict[NotSent, Retry] = {
    NotSent.ACCOUNT_UNREADABLE: Retry.SHORT_BACKOFF,
    NotSent.NOT_CONNECTED: Retry.SHORT_BACKOFF,
    NotSent.POSITION_UNREADABLE: Retry.SHORT_BACKOFF,
    NotSent.POSITION_GONE: Retry.REREAD,
    NotSent.POSITION_CHANGED: Retry.REREAD,
    NotSent.TERMINAL_UNREADABLE: Retry.SHORT_BACKOFF,
    NotSent.NO_QUOTE: Retry.FRESH_TICK,
    NotSent.TERMINAL_BUSY: Retry.SHORT_BACKOFF,
    NotSent.TERMINAL_DOWN: Retry.SHORT_BACKOFF,
}


def not_sent(reason: NotSent, detail: str = "") -> NotDone:
    """Return the outcome of a request that was kept from the terminal; `detail` follows the words."""
    words = f"{reason.value}: {detail}" if detail else reason.value
    return NotDone(
        reason.name,
        words,
        _NOT_SENT_RETRY.get(reason, Retry.NEVER),
        alert=reason is NotSent.ACCOUNT_MISMATCH,
    )


def lost_in_call(why: str) -> Ambiguous:
    """Return the outcome of a call during which the terminal or its process was lost."""
    return Ambiguous(why, LONG_SETTLE_SECONDS)
