"""A bridge by hand that deals: it fills orders, closes, moves and cancels, and tells so as a real one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from dataclasses import dataclass, field

from signalos.v1 import account_pb2, bridge_pb2, command_pb2, order_pb2, trade_pb2
from signalos.v1 import bridge_service_pb2 as pb
from tests.support.fake_bridge import FakeBridge, receipt

EURUSD = account_pb2.Symbol(
    symbol="EURUSD",
    digits=5,
    point=0.00001,
    tick_size=0.00001,
    tick_value=1.0,
    contract_size=100_000,
    volume_minimum_lots=0.01,
    volume_maximum_lots=100,
    volume_step_lots=0.01,
    stops_level_points=0,
    trade_mode=account_pb2.SYMBOL_TRADE_MODE_FULL,
    base_currency="EUR",
    profit_currency="USD",
)
GOLD = account_pb2.Symbol(
    symbol="XAUUSD",
    digits=2,
    point=0.01,
    tick_size=0.01,
    tick_value=1.0,
    contract_size=100,
    volume_minimum_lots=0.01,
    volume_maximum_lots=50,
    volume_step_lots=0.01,
    trade_mode=account_pb2.SYMBOL_TRADE_MODE_FULL,
    base_currency="XAU",
    profit_currency="USD",
)


@dataclass
class Dealer:
    """The terminal behind a fake bridge. `quiet`: commands are taken, and nothing comes of them."""

    bridge: FakeBridge
    balance: float = 10_000
    quotes: dict[str, tuple[float, float]] = field(
        default_factory=lambda: {"EURUSD": (1.09999, 1.1), "XAUUSD": (2339.9, 2340.0)}
    )
    positions: dict[int, bridge_pb2.PositionRecord] = field(default_factory=dict)
    orders: dict[int, bridge_pb2.OrderRecord] = field(default_factory=dict)
    refuse: bool = False
    quiet: bool = False
    next_ticket: int = 1000

    async def start(self) -> Dealer:
        """Tell the symbols, and keep telling quotes and money."""
        self.bridge.answer = self._answer
        await self.bridge.tell(
            pb.ConnectRequest(symbols=bridge_pb2.SymbolTable(symbols=[EURUSD, GOLD], first=True))
        )
        await self.pulse()
        self.bridge._tasks.append(asyncio.create_task(self._beat()))
        return self

    async def _beat(self) -> None:
        with contextlib.suppress(Exception):
            for number in itertools.count(1):
                await asyncio.sleep(0.2)
                await self.pulse()
                # A silent control stream is given up after a while.
                await self.bridge.beat(number)

    async def pulse(self) -> None:
        """Tell quotes and money once."""
        account = account_pb2.AccountState(balance=self.balance, equity=self.balance)
        quotes = [
            bridge_pb2.Quote(symbol=symbol, bid=bid, ask=ask) for symbol, (bid, ask) in self.quotes.items()
        ]
        await self.bridge.tell(pb.ConnectRequest(live=bridge_pb2.LiveUpdate(account=account, quotes=quotes)))

    @property
    def opens(self) -> list[command_pb2.OpenAction]:
        """The orders that came."""
        return [one.action.open for one in self.bridge.deliveries if one.action.HasField("open")]

    def kinds(self) -> list[str]:
        """What came, in order."""
        return [one.action.WhichOneof("action") or "" for one in self.bridge.deliveries]

    def _answer(self, bridge: FakeBridge, delivery: bridge_pb2.CommandDelivery) -> list[pb.ConnectRequest]:
        taken = receipt(delivery.command_id, command_pb2.COMMAND_STATE_DELIVERED)
        if self.quiet:
            return [taken]
        return [taken, *self.carry_out(delivery)]

    def carry_out(self, delivery: bridge_pb2.CommandDelivery) -> list[pb.ConnectRequest]:
        """Do a command; return its outcome and what is to be told of it."""
        if self.refuse:
            return [self._outcome(delivery, command_pb2.COMMAND_STATE_REJECTED, [], reason="NO_MONEY")]
        action = delivery.action
        match action.WhichOneof("action"):
            case "open":
                return self._open(delivery, action.open)
            case "close":
                return self._close(delivery, action.close)
            case "modify":
                return self._modify(delivery, action.modify)
            case "modify_order":
                order = self.orders[action.modify_order.order_ticket]
                if action.modify_order.set_stop_loss:
                    order.stop_loss = action.modify_order.stop_loss
                return [self._done(delivery), self._order_told(order)]
            case "cancel_order":
                order = self.orders.pop(action.cancel_order.order_ticket)
                order.state = order_pb2.ORDER_STATE_CANCELLED
                return [self._done(delivery), self._order_told(order)]
            case "break_even":
                position = self.positions[action.break_even.position_identifier]
                position.broker_stop_loss = position.open_price
                return [self._done(delivery), self._changed(position)]
            case _:
                return [self._done(delivery)]

    def _open(
        self, delivery: bridge_pb2.CommandDelivery, action: command_pb2.OpenAction
    ) -> list[pb.ConnectRequest]:
        told: list[pb.ConnectRequest] = []
        legs: list[command_pb2.Leg] = []
        targets: list[float | None] = [*action.take_profits] or [None]
        for index, target in enumerate(targets):
            self.next_ticket += 1
            lots = round((action.volume_lots or 0.1) / len(targets), 2)
            if action.order_type == order_pb2.ORDER_TYPE_MARKET:
                told.append(self._opened(delivery, action, self.next_ticket, lots, target))
                legs.append(self._leg(index, lots, position_identifier=self.next_ticket))
            else:
                order = bridge_pb2.OrderRecord(
                    ticket=self.next_ticket,
                    symbol=action.symbol,
                    side=action.side,
                    type=action.order_type,
                    state=order_pb2.ORDER_STATE_WORKING,
                    volume_lots=lots,
                    remaining_volume_lots=lots,
                    price=action.price,
                    stop_loss=action.stop_loss,
                    take_profit=target,
                    origin=trade_pb2.TRADE_ORIGIN_MANAGED,
                    open_command_id=delivery.command_id,
                )
                self.orders[self.next_ticket] = order
                told.append(self._order_told(order))
                legs.append(self._leg(index, lots, order_ticket=self.next_ticket))
        return [self._outcome(delivery, command_pb2.COMMAND_STATE_SUCCEEDED, legs), *told]

    def _opened(
        self,
        delivery: bridge_pb2.CommandDelivery,
        action: command_pb2.OpenAction,
        ticket: int,
        lots: float,
        target: float | None,
    ) -> pb.ConnectRequest:
        bid, ask = self.quotes[action.symbol]
        position = bridge_pb2.PositionRecord(
            ticket=ticket,
            identifier=ticket,
            symbol=action.symbol,
            side=action.side,
            volume_lots=lots,
            open_price=ask if action.side == trade_pb2.SIDE_BUY else bid,
            broker_stop_loss=action.stop_loss,
            broker_take_profit=target,
            open_broker_milliseconds=1_700_000_000_000 + ticket,
            origin=trade_pb2.TRADE_ORIGIN_MANAGED,
            open_command_id=delivery.command_id,
        )
        self.positions[ticket] = position
        return self._event(position_opened=bridge_pb2.PositionOpened(position=position))

    def _close(
        self, delivery: bridge_pb2.CommandDelivery, action: command_pb2.CloseAction
    ) -> list[pb.ConnectRequest]:
        position = self.positions[action.position_identifier]
        if action.HasField("fraction"):
            position.volume_lots = round(position.volume_lots * (1 - action.fraction), 2)
            return [self._done(delivery), self._changed(position)]
        del self.positions[action.position_identifier]
        closed = bridge_pb2.PositionClosed(position=position, cause=trade_pb2.CLOSE_CAUSE_SIGNALOS)
        return [self._done(delivery), self._event(position_closed=closed)]

    def _modify(
        self, delivery: bridge_pb2.CommandDelivery, action: command_pb2.ModifyAction
    ) -> list[pb.ConnectRequest]:
        position = self.positions[action.position_identifier]
        if action.set_stop_loss:
            position.broker_stop_loss = action.stop_loss
        if action.set_take_profit:
            position.broker_take_profit = action.take_profit
        return [self._done(delivery), self._changed(position)]

    def _changed(self, position: bridge_pb2.PositionRecord) -> pb.ConnectRequest:
        return self._event(position_changed=bridge_pb2.PositionChanged(position=position, change="moved"))

    def _order_told(self, order: bridge_pb2.OrderRecord) -> pb.ConnectRequest:
        return self._event(order_changed=bridge_pb2.OrderChanged(order=order, change="told"))

    def _event(self, **fact: object) -> pb.ConnectRequest:
        seq = self.bridge.next_seq
        self.bridge.next_seq += 1
        event = bridge_pb2.BridgeEvent(seq=seq, event_id=f"{self.bridge.journal_id}:{seq}", **fact)  # type: ignore[arg-type]
        copy = bridge_pb2.BridgeEvent()
        copy.CopyFrom(event)
        return pb.ConnectRequest(event=copy)

    def _leg(self, index: int, lots: float, **more: int) -> command_pb2.Leg:
        return command_pb2.Leg(
            index=index,
            state=command_pb2.LEG_STATE_DONE,
            asked_volume_lots=lots,
            filled_volume_lots=lots,
            attempt_count=1,
            **more,  # type: ignore[arg-type]
        )

    def _done(self, delivery: bridge_pb2.CommandDelivery) -> pb.ConnectRequest:
        return self._outcome(delivery, command_pb2.COMMAND_STATE_SUCCEEDED, [self._leg(0, 0.1)])

    def _outcome(
        self,
        delivery: bridge_pb2.CommandDelivery,
        state: command_pb2.CommandState.ValueType,
        legs: list[command_pb2.Leg],
        reason: str = "",
    ) -> pb.ConnectRequest:
        return pb.ConnectRequest(
            outcome=bridge_pb2.CommandOutcome(
                command_id=delivery.command_id,
                outcome_number=1,
                state=state,
                reason=reason,
                legs=legs,
                asked_volume_lots=0.1,
                filled_volume_lots=0.1 if legs else 0,
            )
        )
