"""`order_send` and `order_check`: from the raw request to the row that the caller gets."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from signalos_bridge.emulator.broker import Broker
from signalos_bridge.emulator.domain import matching
from signalos_bridge.emulator.domain.answers import refused
from signalos_bridge.emulator.domain.codes import RETCODE_TEXT, Action, Retcode
from signalos_bridge.emulator.domain.money import figures
from signalos_bridge.emulator.domain.requests import Execution, Outcome, TradeRequest
from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.faults import Plan
from signalos_bridge.emulator.ledger import Answered, RawValue, Received
from signalos_bridge.emulator.rows import Row
from signalos_bridge.emulator.terminals import TerminalState, in_market_watch


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end of a connection."""

    connection: int
    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that the ledger holds, on its way to being carried out."""

    serial: int
    login: int
    request: Mapping[str, Any]
    request_id: int
    plan: Plan


def receive(
    broker: Broker,
    terminal: TerminalState,
    caller: Caller,
    request: Mapping[str, Any],
    request_id: int,
    plan: Plan,
) -> Sent:
    """Put a request into the ledger."""
    broker.serial += 1
    broker.write(
        [
            Received(
                serial=broker.serial,
                login=terminal.login,
                terminal=terminal.name,
                pid=caller.pid,
                caller=caller.name,
                connection=caller.connection,
                request={key: _raw(value) for key, value in request.items()},
                wall_ns=time.time_ns(),
                monotonic_ns=time.monotonic_ns(),
                broker_ms=broker.market.clock.broker_ms(broker.now_ms()),
            )
        ]
    )
    return Sent(broker.serial, terminal.login, request, request_id, plan)


def carry_out(broker: Broker, terminal_name: str, sent: Sent) -> Row | CallFailed:
    """Do what was asked, put it into the ledger, and return what the caller is told."""
    broker.catch_up()
    outcome = _outcome(broker, broker.terminals[terminal_name], sent)
    plan = sent.plan
    told_none = plan.tell_none
    told = outcome.retcode if plan.tell_retcode is None else plan.tell_retcode
    broker.commit(
        Answered(
            serial=sent.serial,
            login=sent.login,
            retcode=outcome.retcode,
            deal=outcome.deal,
            order=outcome.order,
            volume=outcome.volume,
            price=outcome.price,
            comment=outcome.comment,
            told_retcode=None if told_none is not None else told,
            told_error=None if told_none is None else told_none.code,
            faults=plan.faults,
            wall_ns=time.time_ns(),
            monotonic_ns=time.monotonic_ns(),
            broker_ms=broker.book.broker_ms,
        )
    )
    if told_none is not None:
        return CallFailed(told_none.code, told_none.text)
    if plan.tell_retcode is not None:
        outcome = Outcome(Retcode(plan.tell_retcode), comment=RETCODE_TEXT.get(plan.tell_retcode, ""))
    return result_row(outcome, sent.request_id, sent.request)


def withhold(broker: Broker, sent: Sent, failure: CallFailed) -> CallFailed:
    """End a request that never reaches the trade server."""
    broker.commit(
        Answered(
            serial=sent.serial,
            login=sent.login,
            retcode=0,
            deal=0,
            order=0,
            volume=Decimal(0),
            price=Decimal(0),
            comment=failure.text,
            told_retcode=None,
            told_error=failure.code,
            faults=sent.plan.faults,
            wall_ns=time.time_ns(),
            monotonic_ns=time.monotonic_ns(),
            broker_ms=broker.book.broker_ms,
        )
    )
    return failure


def _outcome(broker: Broker, terminal: TerminalState, sent: Sent) -> Outcome:
    if not terminal.trade_allowed:
        return refused(broker.book, "", Retcode.CLIENT_DISABLES_AT)
    if not terminal.connected:
        return refused(broker.book, "", Retcode.CONNECTION)
    account = broker.book.accounts.get(sent.login)
    if account is None or terminal.login != sent.login:
        return refused(broker.book, "", Retcode.CONNECTION)
    if not account.terms.trade_expert:
        return refused(broker.book, "", Retcode.SERVER_DISABLES_AT)
    plan = sent.plan
    request = parse(sent.request)
    if plan.reject is not None:
        return refused(broker.book, request.symbol, Retcode(plan.reject.retcode), plan.reject.comment)
    needs_quote = request.symbol in broker.market.symbols and request.action in (Action.DEAL, Action.PENDING)
    if needs_quote and not in_market_watch(terminal, account, request.symbol):
        return refused(broker.book, "", Retcode.PRICE_OFF)
    comment = None
    if plan.comment is not None:
        comment = plan.comment.replace("{comment}", request.comment)
    execution = Execution(
        serial=sent.serial,
        fill_volume=plan.fill_volume,
        deferred_ms=plan.deferred_ms,
        comment=comment,
    )
    return matching.send(broker.book, sent.login, request, execution)


def check_row(broker: Broker, terminal: TerminalState, request: Mapping[str, Any]) -> Row:
    """Return the row of `OrderCheckResult`: retcode 0 where nothing speaks against the order."""
    account = broker.account(terminal.login)
    parsed = parse(request)
    if terminal.trade_allowed:
        outcome = matching.check(broker.book, terminal.login, parsed)
    else:
        outcome = refused(broker.book, "", Retcode.CLIENT_DISABLES_AT)
    now = figures(broker.market, account)
    passed = outcome.retcode is Retcode.DONE
    margin = now.margin
    if passed and parsed.action in (Action.DEAL, Action.PENDING):
        margin = matching.margin_with(broker.book, terminal.login, parsed)
    free = now.equity - margin
    level = now.equity / margin * 100 if margin else Decimal(0)
    return (
        0 if passed else int(outcome.retcode),
        float(now.balance),
        float(now.equity),
        float(now.profit),
        float(margin),
        float(free),
        float(level),
        "Done" if passed else outcome.comment,
        request_row(request),
    )


def result_row(outcome: Outcome, request_id: int, request: Mapping[str, Any]) -> Row:
    return (
        int(outcome.retcode),
        outcome.deal,
        outcome.order,
        float(outcome.volume),
        float(outcome.price),
        float(outcome.bid),
        float(outcome.ask),
        outcome.comment,
        request_id,
        0,
        request_row(request),
    )


def request_row(request: Mapping[str, Any]) -> Row:
    get = request.get
    return (
        get("action", 0),
        get("magic", 0),
        get("order", 0),
        get("symbol", ""),
        float(get("volume", 0.0)),
        float(get("price", 0.0)),
        float(get("stoplimit", 0.0)),
        float(get("sl", 0.0)),
        float(get("tp", 0.0)),
        get("deviation", 0),
        get("type", 0),
        get("type_filling", 0),
        get("type_time", 0),
        get("expiration", 0),
        get("comment", ""),
        get("position", 0),
        get("position_by", 0),
    )


def parse(request: Mapping[str, Any]) -> TradeRequest:
    """Read a request whose fields have the types that the client module has checked."""
    get = request.get
    return TradeRequest(
        action=get("action", 0),
        symbol=get("symbol", ""),
        volume=_decimal(get("volume", 0)),
        type=get("type", 0),
        price=_decimal(get("price", 0)),
        stoplimit=_decimal(get("stoplimit", 0)),
        sl=_decimal(get("sl", 0)),
        tp=_decimal(get("tp", 0)),
        deviation=get("deviation", 0),
        type_filling=get("type_filling", 0),
        type_time=get("type_time", 0),
        expiration_ms=get("expiration", 0) * 1000,
        magic=get("magic", 0),
        order=get("order", 0),
        position=get("position", 0),
        position_by=get("position_by", 0),
        comment=get("comment", ""),
    )


def _decimal(value: float | int) -> Decimal:
    # The shortest decimal that reads back as this float: dust in it stays visible, and is refused.
    return Decimal(repr(value))


def _raw(value: Any) -> RawValue:
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, (int, float, str)):
        return value
    raise CallFailed(LastError.INVALID_PARAMS)
