"""Commands between the contract and the inside."""

from __future__ import annotations

from signalos.v1 import command_pb2
from signalos_server.domain import actions
from signalos_server.domain.actions import Action
from signalos_server.domain.command import Command, Leg
from signalos_server.domain.words import LegState, OrderType, Side
from signalos_server.rpc.convert import (
    decimal_of,
    duration,
    enum_of,
    number,
    optional_decimal,
    seconds_of,
    timestamp,
)
from signalos_server.rpc.convert_protection import plan_of, plan_to_proto


def command_to_proto(command: Command) -> command_pb2.Command:
    """Return a command as the contract says it."""
    return command_pb2.Command(
        command_id=command.command_id,
        request_id=command.request_id,
        account_id=command.account_id,
        origin=int(command.origin),  # type: ignore[arg-type]
        state=int(command.state),  # type: ignore[arg-type]
        action=action_to_proto(command.action),
        trade_id=command.trade_id,
        order_id=command.order_id,
        legs=[leg_to_proto(leg) for leg in command.legs],
        reason=command.reason,
        message=command.message,
        create_time=timestamp(command.create_time),
        time_to_live=duration(command.time_to_live),
        deliver_time=timestamp(command.deliver_time),
        run_time=timestamp(command.run_time),
        end_time=timestamp(command.end_time),
        stop_generation=command.stop_generation,
        user_id=command.user_id,
        asked_volume_lots=float(command.asked_volume_lots),
        filled_volume_lots=float(command.filled_volume_lots),
        resolved_by_person=command.resolved_by_person,
        signal_id=command.signal_id,
    )


def leg_to_proto(leg: Leg) -> command_pb2.Leg:
    """Return a leg as the contract says it."""
    return command_pb2.Leg(
        index=leg.index,
        state=int(leg.state),  # type: ignore[arg-type]
        magic=leg.magic,
        ticket=leg.ticket or None,
        asked_volume_lots=float(leg.asked_volume_lots),
        filled_volume_lots=float(leg.filled_volume_lots),
        price=number(leg.price),
        order_ticket=leg.order_ticket or None,
        deal_ticket=leg.deal_ticket or None,
        retcode=leg.retcode,
        message=leg.message,
        attempt_count=leg.attempt_count,
        position_identifier=leg.position_identifier or None,
    )


def leg_of(message: command_pb2.Leg) -> Leg:
    """Return a leg as a bridge reports it."""
    return Leg(
        index=message.index,
        state=enum_of(LegState, message.state, LegState.UNSPECIFIED),
        magic=message.magic,
        ticket=message.ticket,
        asked_volume_lots=decimal_of(message.asked_volume_lots),
        filled_volume_lots=decimal_of(message.filled_volume_lots),
        price=optional_decimal(message, "price"),
        order_ticket=message.order_ticket,
        deal_ticket=message.deal_ticket,
        retcode=message.retcode if message.HasField("retcode") else None,
        message=message.message,
        attempt_count=message.attempt_count,
        position_identifier=message.position_identifier,
    )


def open_to_proto(action: actions.Open) -> command_pb2.OpenAction:
    """Return an open as the contract says it."""
    risk = None
    if action.risk is not None:
        # A member of a oneof cannot be given as None.
        risk = command_pb2.Risk()
        for name in ("equity_percent", "balance_percent", "money"):
            amount = getattr(action.risk, name)
            if amount is not None:
                setattr(risk, name, float(amount))
    after = action.expire_after_seconds
    return command_pb2.OpenAction(
        symbol=action.symbol,
        side=int(action.side),  # type: ignore[arg-type]
        order_type=int(action.order_type),  # type: ignore[arg-type]
        volume_lots=number(action.volume_lots),
        risk=risk,
        price=number(action.price),
        stop_loss=number(action.stop_loss),
        take_profits=[float(price) for price in action.take_profits],
        deviation_points=action.deviation_points,
        expire_after=None if after is None else duration(after),
        comment=action.comment,
        protection=plan_to_proto(action.protection),
    )


def action_to_proto(action: Action) -> command_pb2.Action:
    """Return an action as the contract says it."""
    match action:
        case actions.Open():
            return command_pb2.Action(open=open_to_proto(action))
        case actions.Close():
            return command_pb2.Action(
                close=command_pb2.CloseAction(
                    position_identifier=action.position_identifier,
                    fraction=number(action.fraction),
                    volume_lots=number(action.volume_lots),
                )
            )
        case actions.Modify():
            return command_pb2.Action(
                modify=command_pb2.ModifyAction(
                    position_identifier=action.position_identifier,
                    set_stop_loss=action.set_stop_loss,
                    stop_loss=number(action.stop_loss),
                    set_take_profit=action.set_take_profit,
                    take_profit=number(action.take_profit),
                )
            )
        case actions.ModifyOrder():
            return command_pb2.Action(
                modify_order=command_pb2.ModifyOrderAction(
                    order_ticket=action.order_ticket,
                    price=number(action.price),
                    set_stop_loss=action.set_stop_loss,
                    stop_loss=number(action.stop_loss),
                    set_take_profit=action.set_take_profit,
                    take_profit=number(action.take_profit),
                )
            )
        case actions.CancelOrder():
            return command_pb2.Action(
                cancel_order=command_pb2.CancelOrderAction(order_ticket=action.order_ticket)
            )
        case actions.CloseAll():
            return command_pb2.Action(
                close_all=command_pb2.CloseAllAction(external=action.external, symbol=action.symbol)
            )
        case actions.Adopt():
            return command_pb2.Action(
                adopt=command_pb2.AdoptAction(position_identifier=action.position_identifier)
            )
        case actions.BreakEven():
            return command_pb2.Action(
                break_even=command_pb2.BreakEvenAction(
                    position_identifier=action.position_identifier, offset=float(action.offset)
                )
            )


def action_of(message: command_pb2.Action) -> Action:
    """Return an action as a bridge reports it. Raises `ValueError` for one of a newer contract."""
    match message.WhichOneof("action"):
        case "open":
            return _open_of(message.open)
        case "close":
            close = message.close
            return actions.Close(
                close.position_identifier,
                optional_decimal(close, "fraction"),
                optional_decimal(close, "volume_lots"),
            )
        case "modify":
            modify = message.modify
            return actions.Modify(
                modify.position_identifier,
                modify.set_stop_loss,
                optional_decimal(modify, "stop_loss"),
                modify.set_take_profit,
                optional_decimal(modify, "take_profit"),
            )
        case "modify_order":
            order = message.modify_order
            return actions.ModifyOrder(
                order.order_ticket,
                optional_decimal(order, "price"),
                order.set_stop_loss,
                optional_decimal(order, "stop_loss"),
                order.set_take_profit,
                optional_decimal(order, "take_profit"),
            )
        case "cancel_order":
            return actions.CancelOrder(message.cancel_order.order_ticket)
        case "close_all":
            return actions.CloseAll(message.close_all.external, message.close_all.symbol)
        case "adopt":
            return actions.Adopt(message.adopt.position_identifier)
        case "break_even":
            break_even = message.break_even
            return actions.BreakEven(break_even.position_identifier, decimal_of(break_even.offset))
        case other:
            raise ValueError(f"an action of kind {other} is not known")


def _open_of(message: command_pb2.OpenAction) -> actions.Open:
    risk = None
    if message.HasField("risk"):
        risk = actions.Risk(
            equity_percent=optional_decimal(message.risk, "equity_percent"),
            balance_percent=optional_decimal(message.risk, "balance_percent"),
            money=optional_decimal(message.risk, "money"),
        )
    return actions.Open(
        symbol=message.symbol,
        side=Side(message.side),
        order_type=enum_of(OrderType, message.order_type, OrderType.MARKET),
        volume_lots=optional_decimal(message, "volume_lots"),
        risk=risk,
        price=optional_decimal(message, "price"),
        stop_loss=optional_decimal(message, "stop_loss"),
        take_profits=tuple(decimal_of(price) for price in message.take_profits),
        deviation_points=message.deviation_points if message.HasField("deviation_points") else None,
        expire_after_seconds=seconds_of(message.expire_after) if message.HasField("expire_after") else None,
        comment=message.comment,
        protection=plan_of(message.protection) if message.HasField("protection") else None,
    )
