"""Replays messages through a stage, one after the other; the broker's clock goes from each to the next."""

from __future__ import annotations

import time
import uuid
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from signalos_cli.backtest.stage import Stage
from signalos_cli.domain.backtest_report import ClosedTrade, EquityPoint, Result
from signalos_cli.domain.past_messages import PastMessage
from signalos_cli.errors import UserError
from signalos_cli.signal_view import word

if TYPE_CHECKING:
    from signalos.v1.signal_pb2 import ParsedSignal, Signal, SignalDecision

# A bridge looks at its terminal every 50 ms while something is open.
_LOOK_SECONDS: Final = 0.12
# So old may a price be that the server judges by without asking anew.
_PRICE_SECONDS: Final = 0.6
_DECIDE_SECONDS: Final = 20.0
_LONGEST_STEP: Final = timedelta(hours=6)
_NOT_READY: Final = frozenset({"STALE_ACCOUNT", "STALE_QUOTE"})
_TRIES: Final = 5
_ENTRY_OUT: Final = (1, 2, 3)
_CLOSED_BY: Final = {4: "stop loss", 5: "take profit", 6: "stop out"}


@dataclass(frozen=True, slots=True)
class Pace:
    """How the broker's time passes between two messages."""

    # So much of it at most; None: as much as passed between them.
    longest_gap: timedelta | None
    # While something is open the clock goes in steps of this, so that the bridge can act in between.
    step: timedelta
    # After the last message.
    tail: timedelta
    # Where no prices were given: an instrument's price is put where a message expects it.
    places_prices: bool


@dataclass(slots=True)
class Run:
    """What has come of it so far."""

    results: list[Result] = field(default_factory=list)
    equity: list[EquityPoint] = field(default_factory=list)
    # Where the broker's clock stood, in its own milliseconds, at which time of the file.
    clock: list[tuple[int, datetime]] = field(default_factory=list)
    # Times that a decision was asked for anew, because this machine was too busy.
    decided_again: int = 0


def replay(
    stage: Stage,
    source_id: str,
    messages: Sequence[PastMessage],
    pace: Pace,
    run: Run,
    on_message: Callable[[int], None],
) -> None:
    """Fills `run` as it goes on. Raises `UserError` where the stage breaks."""
    player = _Player(stage, source_id, pace, run)
    if messages:
        run.clock.append((stage.broker.clock().broker_ms, messages[0].time))
    for index, message in enumerate(messages):
        if index:
            player.pass_time(messages[index - 1].time, message.time)
        player.say(message, index)
        on_message(index + 1)
    if messages:
        end = messages[-1].time + pace.tail
        player.pass_time(messages[-1].time, end)


class _Player:
    def __init__(self, stage: Stage, source_id: str, pace: Pace, run: Run) -> None:
        self._stage = stage
        self._source_id = source_id
        self._pace = pace
        self._run = run
        self._specs = {spec.name: spec for spec in stage.broker.symbol_specs()}

    def pass_time(self, begin: datetime, end: datetime) -> None:
        """Lets the broker's clock go from one message to the next."""
        left = max(end - begin, timedelta(0))
        if self._pace.longest_gap is not None and end - begin > self._pace.longest_gap:
            left = self._pace.longest_gap
        at = begin
        while left > timedelta(0):
            busy = self._is_open()
            step = min(left, self._pace.step if busy else _LONGEST_STEP)
            clock = self._stage.broker.step(max(1, round(step.total_seconds() * 1000)))
            at, left = at + step, left - step
            self._run.clock.append((clock.broker_ms, at))
            if busy:
                time.sleep(_LOOK_SECONDS)
            self._note_equity(at)

    def say(self, message: PastMessage, index: int) -> None:
        """Submits a message, and waits until it is decided and its commands have ended."""
        if not message.text.strip():
            self._run.results.append(Result(message.time, "", state="NO_TEXT"))
            return
        parsed = self._read(message.text)
        if self._pace.places_prices and parsed is not None:
            self._place_price(parsed)
        # So that it is not judged by a price from before the clock went on.
        time.sleep(_PRICE_SECONDS)
        self._run.results.append(self._submitted(message, index))
        self._note_equity(message.time)

    def _read(self, text: str) -> ParsedSignal | None:
        from signalos.v1.signal_service_pb2 import ParseSignalRequest

        try:
            answer: Any = self._stage.server.call(
                self._stage.server.signals.ParseSignal, ParseSignalRequest(text=text)
            )
        except UserError:
            return None
        read: ParsedSignal = answer
        return read

    def _submitted(self, message: PastMessage, index: int) -> Result:
        from signalos.v1.signal_service_pb2 import ReplaySignalRequest, SubmitSignalRequest

        server = self._stage.server
        request = SubmitSignalRequest(
            request_id=str(uuid.uuid4()),
            source_id=self._source_id,
            text=message.text,
            external_id=message.name or f"number {index + 1}",
            sender=message.sender[:128],
            reply_to_external_id=message.reply_to,
        )
        try:
            signal = server.call(server.signals.SubmitSignal, request).signal
        except UserError as error:
            return Result(message.time, message.text, state="REFUSED", message=error.message)
        signal = self._decided(signal.signal_id)
        for _ in range(_TRIES):
            if not any(decision.code in _NOT_READY for decision in last_attempts(signal)):
                break
            # The machine was too busy to know prices or money at that moment: no fault of the message's.
            time.sleep(1.0)
            again = ReplaySignalRequest(signal_id=signal.signal_id, request_id=str(uuid.uuid4()))
            server.call(server.signals.ReplaySignal, again)
            self._run.decided_again += 1
            signal = self._decided(signal.signal_id)
        return self._result(message, signal)

    def _decided(self, signal_id: str) -> Signal:
        """The signal once it is decided everywhere; as it is then, where that takes too long."""
        from signalos.v1.signal_pb2 import SignalState
        from signalos.v1.signal_service_pb2 import GetSignalRequest

        server = self._stage.server
        deadline = time.monotonic() + _DECIDE_SECONDS
        while True:
            signal: Signal = server.call(
                server.signals.GetSignal, GetSignalRequest(signal_id=signal_id)
            ).signal
            if signal.state != SignalState.SIGNAL_STATE_RECEIVED or time.monotonic() > deadline:
                return signal
            time.sleep(0.02)

    def _result(self, message: PastMessage, signal: Signal) -> Result:
        from signalos.v1.signal_pb2 import SignalGate, SignalKind, SignalState

        codes = [step.code for step in signal.steps if step.code]
        words = [step.message for step in signal.steps if step.code]
        done = 0
        for decision in last_attempts(signal):
            if decision.code:
                codes.append(decision.code)
                words.append(decision.message)
            for command_id in decision.command_ids:
                ended, reason, why = self._ended(command_id)
                done += ended
                if reason:
                    codes.append(reason)
                    words.append(why)
        return Result(
            time=message.time,
            text=message.text,
            kind=word(SignalKind, signal.parsed.kind, "SIGNAL_KIND_"),
            gate=word(SignalGate, signal.parsed.gate, "SIGNAL_GATE_"),
            state=word(SignalState, signal.state, "SIGNAL_STATE_"),
            codes=tuple(dict.fromkeys(codes)),
            orders_done=done,
            message="; ".join(dict.fromkeys(each for each in words if each)),
        )

    def _ended(self, command_id: str) -> tuple[bool, str, str]:
        """Whether a command was carried out, at least in part; else its reason and words."""
        from signalos.v1.command_pb2 import CommandState
        from signalos.v1.command_service_pb2 import WaitCommandRequest

        request = WaitCommandRequest(command_id=command_id)
        request.wait.seconds = 20
        command = self._stage.server.call(self._stage.server.commands.WaitCommand, request).command
        if command.state in (CommandState.COMMAND_STATE_SUCCEEDED, CommandState.COMMAND_STATE_PARTIAL):
            return True, "", ""
        state = word(CommandState, command.state, "COMMAND_STATE_")
        return False, command.reason or state, command.message

    def _place_price(self, parsed: ParsedSignal) -> None:
        """Puts a price where the message expects it, unless something of that symbol is open or waits."""
        from signalos.v1.signal_pb2 import SignalGate, SignalKind, SignalOrderType
        from signalos.v1.trade_pb2 import Side

        spec = self._specs.get(parsed.symbol)
        opens = parsed.kind == SignalKind.SIGNAL_KIND_OPEN and parsed.gate in (
            SignalGate.SIGNAL_GATE_OK,
            SignalGate.SIGNAL_GATE_POLICY,
        )
        if spec is None or not opens or self._is_open(parsed.symbol):
            return
        buys = parsed.HasField("side") and parsed.side == Side.SIDE_BUY
        stop = Decimal(str(parsed.stop_loss)) if parsed.HasField("stop_loss") else None
        middle = None
        if parsed.HasField("entry_low"):
            low, high = Decimal(str(parsed.entry_low)), Decimal(str(parsed.entry_high))
            middle = (low + high) / 2
            # A limit waits on the better side of the price, a stop on the worse.
            away = {
                SignalOrderType.SIGNAL_ORDER_TYPE_LIMIT: 1,
                SignalOrderType.SIGNAL_ORDER_TYPE_STOP: -1,
            }.get(parsed.order_type, 0)
            if away and stop is not None:
                middle += away * (1 if buys else -1) * abs(middle - stop) * Decimal("0.3")
        elif stop is not None and parsed.take_profits:
            middle = (stop + Decimal(str(parsed.take_profits[0]))) / 2
        if middle is None or middle <= 0:
            return
        spread = max(spec.spread_points, 1) * spec.point
        bid = (middle - spread / 2).quantize(spec.point)
        if bid > 0:
            self._stage.broker.set_price(parsed.symbol, bid, bid + spread)

    def _is_open(self, symbol: str | None = None) -> bool:
        held: list[Any] = [
            *self._stage.broker.positions(self._stage.login),
            *self._stage.broker.orders(self._stage.login),
        ]
        return any(symbol is None or each.symbol == symbol for each in held)

    def _note_equity(self, at: datetime) -> None:
        figures = self._stage.broker.account(self._stage.login)
        self._run.equity.append(EquityPoint(at, figures.balance, figures.equity))


def last_attempts(signal: Signal) -> list[SignalDecision]:
    """Of each action at each account the decision that counts."""
    last: dict[tuple[str, int], SignalDecision] = {}
    for decision in signal.decisions:
        key = (decision.account_id, decision.action_index)
        if key not in last or last[key].attempt <= decision.attempt:
            last[key] = decision
    return list(last.values())


def closed_trades(stage: Stage, run: Run) -> tuple[list[ClosedTrade], int]:
    """Positions that were closed whole, with what they brought, and the number of those still open."""
    deals: dict[int, list[Any]] = {}
    for deal in stage.broker.deals(stage.login):
        if deal.symbol:
            deals.setdefault(deal.position_id, []).append(deal)
    still_open = {position.identifier for position in stage.broker.positions(stage.login)}
    closed = []
    for identifier, own in deals.items():
        if identifier in still_open:
            continue
        last = max(own, key=lambda deal: int(deal.time_ms))
        out = sum((deal.volume for deal in own if deal.entry in _ENTRY_OUT), Decimal(0))
        money = sum((deal.profit + deal.commission + deal.swap + deal.fee for deal in own), Decimal(0))
        reason = _CLOSED_BY.get(int(last.reason), "message or ladder")
        closed.append(ClosedTrade(last.symbol, file_time(run.clock, last.time_ms), out, money, reason))
    return sorted(closed, key=lambda trade: trade.close_time), len(still_open)


def file_time(clock: Sequence[tuple[int, datetime]], broker_ms: int) -> datetime:
    """The time of the file at which the broker's clock stood there. `clock` has at least one moment."""
    index = min(bisect_left(clock, broker_ms, key=lambda moment: moment[0]), len(clock) - 1)
    known_ms, known = clock[index]
    return known - timedelta(milliseconds=known_ms - broker_ms)
