"""What the server says, in the bridge's own values. Raises `Malformed`; nothing of such a frame is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from signalos.v1 import account_pb2, bridge_pb2, bridge_service_pb2, command_pb2, control_pb2
from signalos_bridge.convert import plans, words
from signalos_bridge.convert.numbers import Malformed, decimal_of, seconds_of, wall_msc_of
from signalos_bridge.domain import session
from signalos_bridge.domain.audit_heads import AuditHead
from signalos_bridge.domain.command import HiddenLevels
from signalos_bridge.domain.control import Desired, HeldStop
from signalos_bridge.domain.facts import (
    OrderRecord,
    OrderStanding,
    PositionRecord,
    RecordedState,
)
from signalos_bridge.domain.market import BoundAccount, Position, Reason
from signalos_bridge.domain.values import (
    Action,
    AdoptAction,
    BreakEvenAction,
    CancelOrderAction,
    CloseAction,
    CloseAllAction,
    Command,
    Limits,
    ModifyAction,
    ModifyOrderAction,
    OpenAction,
    Policies,
    RiskAmount,
    StealthSettings,
    TradePolicy,
)


def connect_frames(response: bridge_service_pb2.ConnectResponse) -> Iterator[session.Frame]:
    """Yield the frames of the data stream that came in one."""
    if not response.HasField("batch"):
        yield session.Frame(response.epoch, response.sent_nanoseconds, _connect_message(response))
        return
    for one in response.batch.frames:
        yield session.Frame(response.epoch, response.sent_nanoseconds, _connect_message(one))


def _connect_message(response: bridge_service_pb2.ConnectResponse) -> session.ServerMessage:
    """Return what a frame of the data stream says; what the machine need not understand is an `Arrival`."""
    kind = response.WhichOneof("message")
    message: session.ServerMessage
    if kind == "welcome":
        message = _welcome(response.welcome)
    elif kind == "heartbeat":
        message = session.Beat(response.heartbeat.number)
    elif kind == "event_ack":
        message = session.EventsCommitted(response.event_ack.seq)
    elif kind == "outcome_ack":
        message = session.OutcomeCommitted(
            response.outcome_ack.command_id, response.outcome_ack.outcome_number
        )
    elif kind == "alert_ack":
        message = session.AlertCommitted(response.alert_ack.telling_id)
    elif kind == "drain":
        message = session.DrainSaid(seconds_of(response.drain.reconnect_window))
    elif kind == "superseded":
        message = session.SupersededBy(response.superseded.epoch, response.superseded.address)
    elif kind == "credit":
        message = session.CreditGiven(response.credit.event_credit)
    elif kind == "command":
        message = session.Arrival(response.command)
    elif kind == "cancel_command":
        message = session.Arrival(response.cancel_command)
    elif kind == "resolution":
        message = session.Arrival(response.resolution)
    elif kind == "sync_request":
        message = session.Arrival(response.sync_request)
    elif kind == "check":
        message = session.Arrival(response.check)
    else:
        raise Malformed("a frame of the data stream without a message that is known")
    return message


def control_frame(response: bridge_service_pb2.ControlResponse) -> session.Frame:
    """Return a frame of the control stream."""
    kind = response.WhichOneof("message")
    message: session.ServerMessage
    if kind == "heartbeat":
        message = session.Beat(response.heartbeat.number, _heads(response.heartbeat.audit_heads))
    elif kind == "lease_grant":
        grant = response.lease_grant
        message = session.LeaseGranted(grant.heartbeat_number, _heads(grant.audit_heads))
    elif kind == "superseded":
        message = session.SupersededBy(response.superseded.epoch, response.superseded.address)
    elif kind == "desired_state":
        message = session.Arrival(response.desired_state)
    elif kind == "stop":
        message = session.Arrival(response.stop)
    elif kind == "rearm":
        message = session.Arrival(response.rearm)
    elif kind == "drill":
        message = session.Arrival(response.drill)
    else:
        raise Malformed("a frame of the control stream without a message that is known")
    return session.Frame(response.epoch, response.sent_nanoseconds, message)


def _heads(heads: Iterable[bridge_pb2.AuditHead]) -> tuple[AuditHead, ...]:
    return tuple(AuditHead(head.chain, head.number, head.hash) for head in heads)


def _welcome(welcome: bridge_pb2.BridgeWelcome) -> session.Welcome:
    return session.Welcome(
        epoch=welcome.epoch,
        incarnation=welcome.incarnation,
        terms=session.Terms(
            heartbeat_seconds=seconds_of(welcome.heartbeat_interval),
            dead_after_seconds=seconds_of(welcome.dead_after),
            lease_seconds=seconds_of(welcome.lease_duration),
            event_credit=welcome.event_credit,
        ),
        committed_event_seq=welcome.committed_event_seq,
        open_command_ids=tuple(welcome.open_command_ids),
        payload=welcome,
        committed_event_id=welcome.committed_event_id,
        # A server that does not say it knows a journal that is not the last one all the same.
        journal_outdated=welcome.journal_outdated
        or (welcome.new_journal and welcome.committed_event_seq > 0),
    )


def bound_account(identity: bridge_pb2.TerminalIdentity) -> BoundAccount:
    """Return the account that an identity names."""
    return BoundAccount(identity.login, identity.broker_server, words.trade_mode_of(identity.trade_mode))


def command(delivery: bridge_pb2.CommandDelivery, *, age_seconds: float, now: float) -> Command:
    """Return a command, its time to live counted down by what it spent under way."""
    if not delivery.command_id:
        raise Malformed("a command without an id")
    return Command(
        command_id=delivery.command_id,
        origin=words.command_origin_of(delivery.origin),
        action=action(delivery.action),
        stop_generation=delivery.stop_generation,
        automated=delivery.automated,
        deadline=now + seconds_of(delivery.time_left) - age_seconds,
    )


def action(message: command_pb2.Action) -> Action:
    """Return what a command asks."""
    kind = message.WhichOneof("action")
    if kind == "open":
        return open_action(message.open)
    if kind == "close":
        close = message.close
        return CloseAction(
            _identifier(close.position_identifier),
            decimal_of(close.fraction, "fraction") if close.HasField("fraction") else None,
            decimal_of(close.volume_lots, "volume") if close.HasField("volume_lots") else None,
        )
    if kind == "modify":
        modify = message.modify
        return ModifyAction(
            _identifier(modify.position_identifier),
            modify.set_stop_loss,
            decimal_of(modify.stop_loss, "stop loss") if modify.HasField("stop_loss") else None,
            modify.set_take_profit,
            decimal_of(modify.take_profit, "take profit") if modify.HasField("take_profit") else None,
        )
    if kind == "modify_order":
        order = message.modify_order
        return ModifyOrderAction(
            _identifier(order.order_ticket),
            decimal_of(order.price, "price") if order.HasField("price") else None,
            order.set_stop_loss,
            decimal_of(order.stop_loss, "stop loss") if order.HasField("stop_loss") else None,
            order.set_take_profit,
            decimal_of(order.take_profit, "take profit") if order.HasField("take_profit") else None,
        )
    if kind == "cancel_order":
        return CancelOrderAction(_identifier(message.cancel_order.order_ticket))
    if kind == "close_all":
        return CloseAllAction(message.close_all.external, message.close_all.symbol)
    if kind == "adopt":
        return AdoptAction(_identifier(message.adopt.position_identifier))
    if kind == "break_even":
        return BreakEvenAction(
            _identifier(message.break_even.position_identifier),
            decimal_of(message.break_even.offset, "offset"),
        )
    raise Malformed("a command without an action that is known")


def open_action(message: command_pb2.OpenAction) -> OpenAction:
    """Return an open."""
    if not message.symbol:
        raise Malformed("an open without a symbol")
    sized = message.HasField("risk")
    if sized is message.HasField("volume_lots"):
        raise Malformed("an open has either a volume or a risk")
    return OpenAction(
        symbol=message.symbol,
        side=words.side_of(message.side),
        kind=words.open_kind_of(message.order_type),
        volume_lots=None if sized else decimal_of(message.volume_lots, "volume"),
        risk=_risk(message.risk) if sized else None,
        price=decimal_of(message.price, "price") if message.HasField("price") else None,
        stop_loss=decimal_of(message.stop_loss, "stop loss") if message.HasField("stop_loss") else None,
        take_profits=tuple(decimal_of(level, "take profit") for level in message.take_profits),
        deviation_points=message.deviation_points if message.HasField("deviation_points") else None,
        expire_after_seconds=(seconds_of(message.expire_after) if message.HasField("expire_after") else None),
        comment=message.comment,
        protection=plans.protection_plan_of(message.protection) if message.HasField("protection") else None,
    )


def _risk(risk: command_pb2.Risk) -> RiskAmount:
    amounts: dict[str, Decimal] = {}
    kind = risk.WhichOneof("amount")
    if kind is not None:
        amounts[kind] = decimal_of(getattr(risk, kind), "risk")
    try:
        return RiskAmount(**amounts)
    except ValueError as error:
        raise Malformed(str(error)) from None


def _identifier(number: int) -> int:
    if number <= 0:
        raise Malformed(f"ticket or identifier {number} is not positive")
    return number


def held_stop(stop: bridge_pb2.HeldStop) -> HeldStop:
    """Return a stop."""
    if not stop.stop_id:
        raise Malformed("a stop without an id")
    return HeldStop(
        stop.stop_id, stop.close_positions, stop.reason, stop.local, wall_msc_of(stop.latch_bridge_time)
    )


def desired(state: bridge_pb2.DesiredState) -> Desired:
    """Return a desired state."""
    return Desired(
        revision=state.revision,
        stop_generation=state.stop_generation,
        paused=state.paused,
        lapse_policy=words.lapse_policy_of(state.lapse_policy),
        policies=Policies(
            revision=state.revision,
            stealth=state.stealth,
            limits=limits(state.limits),
            trades=tuple(_trade_policy(policy) for policy in state.trade_policies),
            stealth_settings=_stealth_settings(state.stealth_settings),
        ),
        stops=tuple(held_stop(stop) for stop in state.stops),
    )


def limits(message: control_pb2.Limits) -> Limits:
    """Return limits; what is unset is off."""
    return Limits(
        maximum_order_lots=(
            decimal_of(message.maximum_order_lots, "limit")
            if message.HasField("maximum_order_lots")
            else None
        ),
        maximum_positions=message.maximum_positions if message.HasField("maximum_positions") else None,
        maximum_spread_points=(
            decimal_of(message.maximum_spread_points, "limit")
            if message.HasField("maximum_spread_points")
            else None
        ),
        minimum_equity=(
            decimal_of(message.minimum_equity, "limit") if message.HasField("minimum_equity") else None
        ),
        minimum_equity_action=words.floor_action_of(message.minimum_equity_action),
    )


def _stealth_settings(message: control_pb2.StealthSettings) -> StealthSettings:
    spread = None
    if message.HasField("take_profit_maximum_spread_points"):
        spread = decimal_of(message.take_profit_maximum_spread_points, "spread")
    delay = message.take_profit_delay
    return StealthSettings(
        mandatory_stop=message.mandatory_stop,
        target_spread_points=spread,
        target_delay_seconds=delay.seconds + delay.nanos / 1e9,
        hidden_over_weekend=message.hidden_over_weekend,
        link_losses=message.link_losses if message.HasField("link_losses") else StealthSettings().link_losses,
    )


def _trade_policy(policy: bridge_pb2.TradePolicy) -> TradePolicy:
    return TradePolicy(
        _identifier(policy.position_identifier),
        plans.trailing_plan_of(policy.trailing_stop) if policy.HasField("trailing_stop") else None,
        policy.revision,
        plans.protection_plan_of(policy.protection) if policy.HasField("protection") else None,
        policy.protection_revision,
        policy.stealth if policy.HasField("stealth") else None,
    )


def recorded_state(state: bridge_pb2.RecordedState) -> RecordedState:
    """Return the server's record for a bridge with a new journal."""
    return RecordedState(
        positions=tuple(_position_record(record) for record in state.positions),
        orders=tuple(_order_record(record) for record in state.orders),
        last_deal_msc=state.last_deal_broker_milliseconds,
        known_from_msc=state.known_deals_from_broker_milliseconds,
        known_deals=tuple(state.known_deal_tickets),
    )


def _position_record(record: bridge_pb2.PositionRecord) -> PositionRecord:
    def level(name: str) -> Decimal | None:
        return decimal_of(getattr(record, name), name) if record.HasField(name) else None  # type: ignore[arg-type]

    return PositionRecord(
        position=Position(
            ticket=record.ticket,
            identifier=_identifier(record.identifier),
            symbol=record.symbol,
            side=words.side_of(record.side),
            volume_lots=decimal_of(record.volume_lots, "volume"),
            open_price=decimal_of(record.open_price, "price"),
            stop_loss=level("broker_stop_loss"),
            take_profit=level("broker_take_profit"),
            current_price=None,
            profit=Decimal(0),
            swap=decimal_of(record.swap, "swap"),
            magic=record.magic,
            comment=record.comment,
            open_time_msc=record.open_broker_milliseconds,
            update_time_msc=record.update_broker_milliseconds,
            reason=Reason.OTHER,
        ),
        origin=words.trade_origin_of(record.origin),
        open_command_id=record.open_command_id,
        virtual_stop_loss=level("virtual_stop_loss"),
        virtual_take_profit=level("virtual_take_profit"),
        hidden=record.hidden,
        guard_state=words.guard_state_of(record.guard_state),
        trailing=plans.trailing_stop_of(record.trailing_stop) if record.HasField("trailing_stop") else None,
        broker_offset_seconds=(
            record.broker_offset_seconds if record.HasField("broker_offset_seconds") else None
        ),
        protection=plans.protection_of(record.protection) if record.HasField("protection") else None,
        protection_revision=record.protection_revision,
        initial_stop=level("initial_stop_loss"),
    )


def _order_record(record: bridge_pb2.OrderRecord) -> OrderRecord:
    side = words.side_of(record.side)

    def level(name: str) -> Decimal | None:
        return decimal_of(getattr(record, name), name) if record.HasField(name) else None  # type: ignore[arg-type]

    return OrderRecord(
        ticket=_identifier(record.ticket),
        symbol=record.symbol,
        type=words.order_type_of(record.type, side),
        standing=OrderStanding.WORKING,
        volume_lots=decimal_of(record.volume_lots, "volume"),
        remaining_volume_lots=decimal_of(record.remaining_volume_lots, "volume"),
        price=decimal_of(record.price, "price"),
        stop_limit_price=level("stop_limit_price"),
        stop_loss=level("stop_loss"),
        take_profit=level("take_profit"),
        place_time_msc=record.place_broker_milliseconds,
        expire_time_seconds=record.expire_broker_seconds,
        magic=record.magic,
        comment=record.comment,
        position_identifier=record.position_identifier,
        origin=words.trade_origin_of(record.origin),
        open_command_id=record.open_command_id,
        broker_offset_seconds=(
            record.broker_offset_seconds if record.HasField("broker_offset_seconds") else None
        ),
        hidden=HiddenLevels(
            level("virtual_stop_loss"), level("virtual_take_profit"), target_only=record.target_only
        )
        if record.hidden
        else None,
    )


def is_bound(welcome: bridge_pb2.BridgeWelcome) -> bool:
    """Return whether a welcome names the account that the bridge is bound to."""
    return (
        welcome.HasField("bound_identity")
        and welcome.bound_identity.trade_mode != account_pb2.ACCOUNT_TRADE_MODE_UNSPECIFIED
    )
