"""Frames of a bridge's two streams between the contract and the inside.

What comes in is not trusted: a frame that cannot be read raises `BadFrame`, which ends its stream.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from signalos.v1 import bridge_pb2, bridge_service_pb2
from signalos_server.domain import frames
from signalos_server.domain.audit import AuditHead
from signalos_server.domain.command import Outcome
from signalos_server.domain.control import Applied, HeldStop
from signalos_server.domain.frames import ControlFrame, DataFrame, ToControl, ToData
from signalos_server.domain.stop import Stage
from signalos_server.domain.words import (
    CloseCause,
    CommandOrigin,
    CommandState,
    Severity,
)
from signalos_server.rpc.convert import (
    datetime_of,
    decimal_of,
    duration,
    enum_of,
    optional_value,
    seconds_of,
    timestamp,
)
from signalos_server.rpc.convert_accounts import identity_of, identity_to_proto, money_of, terminal_of
from signalos_server.rpc.convert_commands import action_of, action_to_proto, leg_of, open_to_proto
from signalos_server.rpc.convert_control import (
    applied_of,
    stealth_settings_to_proto,
    sync_of,
    ticket_of,
)
from signalos_server.rpc.convert_limits import limits_to_proto
from signalos_server.rpc.convert_protection import plan_to_proto
from signalos_server.rpc.convert_records import (
    deal_of,
    pending_of,
    pending_to_proto,
    position_of,
    position_to_proto,
    symbol_of,
    trailing_to_proto,
)

# A symbol, a comment, a reason in words; a broker's own texts are far shorter.
_LONGEST_TEXT = 16_000
_LONGEST_TEXTS = {"symbol": 64, "event_id": 300, "command_id": 64, "stop_id": 64, "check_id": 64}
_OLDEST_SECONDS = 30 * 24 * 3600.0
_MOST_DIGITS = 12
_OLDEST_SECONDS = 30 * 24 * 3600.0

# Raises `BadFrame` for a field's value.
_Check = Callable[[Any], None]


class BadFrame(Exception):  # noqa: N818 - named for what is wrong
    """A frame that cannot be read."""


# In.


def data_frames_of(request: bridge_service_pb2.ConnectRequest) -> Iterator[DataFrame]:
    """Yield the frames of the data stream that came in one. Raises `BadFrame` at the first that is none."""
    if not request.HasField("batch"):
        yield data_frame_of(request)
        return
    for frame in request.batch.frames:
        yield data_frame_of(frame)


def data_frame_of(request: bridge_service_pb2.ConnectRequest) -> DataFrame:
    """Return a frame of the data stream. Raises `BadFrame`."""
    try:
        if request.WhichOneof("message") == "live":
            # Many numbers, many times a second: checked while they are read.
            return _live(request.live)
        check_values(request)
        return _data_frame(request)
    except (ValueError, OverflowError) as error:
        raise BadFrame(str(error)) from error


def control_frame_of(request: bridge_service_pb2.ControlRequest) -> ControlFrame:
    """Return a frame of the control stream. Raises `BadFrame`."""
    try:
        check_values(request)
        return _control_frame(request)
    except (ValueError, OverflowError) as error:
        raise BadFrame(str(error)) from error


def check_values(message: Message) -> None:
    """Raise `BadFrame` for a value that nothing can be done with: no number, no text, no volume.

    A bridge is one tenant's program. What the database cannot hold, or another reader cannot read, ends its
    stream and not the work on it.
    """
    checks = _checks_of(message.DESCRIPTOR)
    for field, value in message.ListFields():
        check = checks[field.number]
        if check is not None:
            check(value)


@cache
def _checks_of(descriptor: Descriptor) -> dict[int, _Check | None]:
    """Return what is to be held of each field of a message, by number."""
    return {field.number: _check_of(field) for field in descriptor.fields}


def _check_of(field: FieldDescriptor) -> _Check | None:
    check = _check_of_one(field)
    if check is None or not field.is_repeated:
        return check

    def each(values: Any) -> None:
        for value in values:
            check(value)

    return each


def _check_of_one(field: FieldDescriptor) -> _Check | None:
    name = field.name
    if field.message_type is not None:
        return check_values
    if field.type == FieldDescriptor.TYPE_STRING:
        most = _LONGEST_TEXTS.get(name, _LONGEST_TEXT)

        def text(value: str) -> None:
            if len(value) > most or "\0" in value:
                raise BadFrame(f"{name} has more than {most} characters or holds a zero")

        return text
    if field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        least = 0.0 if "volume" in name else -math.inf

        def finite(value: float) -> None:
            if not math.isfinite(value) or value < least:
                raise BadFrame(f"{name} is {value}")

        return finite
    if name == "digits":

        def digits(value: int) -> None:
            if not 0 <= value <= _MOST_DIGITS:
                raise BadFrame(f"{name} is {value}")

        return digits
    return None


def _data_frame(request: bridge_service_pb2.ConnectRequest) -> DataFrame:
    match request.WhichOneof("message"):
        case "event":
            return _event(request.event)
        case "heartbeat":
            return _heartbeat(request.heartbeat)
        case "receipt":
            state = CommandState(request.receipt.state)
            if state not in (CommandState.DELIVERED, CommandState.RUNNING):
                raise BadFrame(f"a receipt says {state.name}")
            return frames.Receipt(request.receipt.command_id, state, _age(request.receipt) or 0.0)
        case "outcome":
            return _outcome(request.outcome)
        case "command_states":
            return frames.Standings(
                tuple(
                    frames.Standing(
                        standing.command_id,
                        None if standing.never_seen else CommandState(standing.state),
                    )
                    for standing in request.command_states.standings
                )
            )
        case "snapshot":
            return frames.TerminalSnapshot(
                request.snapshot.event_seq,
                tuple(position_of(position) for position in request.snapshot.positions),
                tuple(pending_of(order) for order in request.snapshot.orders),
            )
        case "alert":
            return _alert(request.alert)
        case "symbols":
            return frames.SymbolTable(
                tuple(symbol_of(symbol) for symbol in request.symbols.symbols), request.symbols.first
            )
        case "check_result":
            return _check_result(request.check_result)
        case "sync_report":
            return sync_of(request.sync_report)
        case "hello":
            return hello_of(request.hello)
        case other:
            raise BadFrame(f"{other} is no frame of the data stream")


def _control_frame(request: bridge_service_pb2.ControlRequest) -> ControlFrame:
    match request.WhichOneof("message"):
        case "hello":
            return hello_of(request.hello)
        case "heartbeat":
            return _heartbeat(request.heartbeat)
        case "applied":
            return _applied(request.applied)
        case "nack":
            nack = request.nack
            return frames.Nack(nack.revision, nack.held_revision, nack.problem)
        case "stop_stage":
            return _stage(request.stop_stage)
        case "rearm_result":
            result = request.rearm_result
            held = tuple(_held(stop) for stop in result.held_stops)
            return frames.RearmResult(result.rearm_id, held, result.problem)
        case "drill_latched":
            return frames.DrillLatched(request.drill_latched.drill_id, request.drill_latched.terminal_busy)
        case other:
            raise BadFrame(f"{other} is no frame of the control stream")


def hello_of(hello: bridge_pb2.BridgeHello) -> frames.Hello:
    """Return who a bridge is and what it has. Raises `BadFrame`."""
    check_values(hello)
    if not hello.journal_id or len(hello.journal_id) > 64:
        raise BadFrame("a journal's id has 1 to 64 characters")
    return frames.Hello(
        bridge_id=hello.bridge_id,
        boot_id=hello.boot_id,
        journal_id=hello.journal_id,
        version=hello.version,
        protocol_versions=tuple(hello.protocol_versions),
        identity=identity_of(hello.identity) if hello.HasField("identity") else None,
        next_event_seq=hello.next_event_seq,
        last_epoch=hello.last_epoch,
        revision=hello.revision,
        held_stops=tuple(_held(stop) for stop in hello.held_stops),
        stop_generation=hello.stop_generation,
        state_hash=hello.state_hash,
        terminal=terminal_of(hello.terminal),
        bridge_time=datetime_of(hello, "bridge_time"),
        takes_batches=hello.takes_batches,
        takes_resolutions=hello.takes_resolutions,
        audit_heads=tuple(AuditHead(head.chain, head.number, head.hash) for head in hello.audit_heads),
    )


def _held(stop: bridge_pb2.HeldStop) -> HeldStop:
    if not stop.stop_id or len(stop.stop_id) > 64:
        raise BadFrame("a stop's id has 1 to 64 characters")
    return HeldStop(stop.stop_id, stop.close_positions, stop.reason, stop.local)


def _heartbeat(heartbeat: bridge_pb2.BridgeHeartbeat) -> frames.Heartbeat:
    return frames.Heartbeat(
        number=heartbeat.number,
        loop_lag_seconds=seconds_of(heartbeat.loop_lag),
        terminal=terminal_of(heartbeat.terminal),
        next_event_seq=heartbeat.next_event_seq,
        state_hash=heartbeat.state_hash,
        tick_age_seconds=optional_value(heartbeat, "tick_age_seconds"),
        read_age_seconds=optional_value(heartbeat, "read_age_seconds"),
        wall_jump_seconds=optional_value(heartbeat, "wall_jump_seconds"),
    )


def _age(message: bridge_pb2.CommandReceipt | bridge_pb2.CommandOutcome) -> float | None:
    age_seconds: float | None = optional_value(message, "age_seconds")
    # Beyond this it tells nothing that a person could use, and a time might not be able to hold it.
    return age_seconds if age_seconds is not None and 0 <= age_seconds <= _OLDEST_SECONDS else None


def _outcome(message: bridge_pb2.CommandOutcome) -> frames.OutcomeTold:
    state = CommandState(message.state)
    if not state.is_final and state is not CommandState.UNKNOWN:
        raise BadFrame(f"an outcome says {state.name}")
    if not message.command_id or len(message.command_id) > 64 or message.outcome_number < 1:
        raise BadFrame("an outcome names a command and a number from 1")
    outcome = Outcome(
        command_id=message.command_id,
        outcome_number=message.outcome_number,
        state=state,
        reason=message.reason[:100],
        message=message.message,
        legs=tuple(leg_of(leg) for leg in message.legs),
        asked_volume_lots=decimal_of(message.asked_volume_lots),
        filled_volume_lots=decimal_of(message.filled_volume_lots),
        queue_seconds=optional_value(message, "queue_seconds"),
        terminal_seconds=optional_value(message, "terminal_seconds"),
        age_seconds=_age(message),
    )
    if not message.HasField("local"):
        return frames.OutcomeTold(outcome)
    local = message.local
    return frames.OutcomeTold(
        outcome,
        frames.LocalCommand(
            origin=enum_of(CommandOrigin, local.origin, CommandOrigin.LOCAL),
            action=action_of(local.action),
            cause=local.cause,
            stop_id=local.stop_id,
            start_bridge_time=datetime_of(local, "start_bridge_time"),
        ),
    )


def _event(event: bridge_pb2.BridgeEvent) -> frames.BridgeEvent:
    if event.seq < 1 or not event.event_id:
        raise BadFrame("an event has a number from 1 and an id")
    return frames.BridgeEvent(
        seq=event.seq,
        event_id=event.event_id,
        fact=_fact(event),
        command_id=event.command_id,
        bridge_time=datetime_of(event, "bridge_time"),
    )


def _fact(event: bridge_pb2.BridgeEvent) -> frames.Fact:
    match event.WhichOneof("fact"):
        case "position_opened":
            opened = event.position_opened
            return frames.PositionOpened(
                position_of(opened.position), tuple(deal_of(deal) for deal in opened.deals)
            )
        case "position_changed":
            changed = event.position_changed
            deals = tuple(deal_of(deal) for deal in changed.deals)
            return frames.PositionChanged(position_of(changed.position), deals, changed.change)
        case "position_closed":
            closed = event.position_closed
            deals = tuple(deal_of(deal) for deal in closed.deals)
            cause = enum_of(CloseCause, closed.cause, CloseCause.UNSPECIFIED)
            return frames.PositionClosed(position_of(closed.position), deals, cause)
        case "position_missing":
            return frames.PositionMissing(position_of(event.position_missing.position))
        case "order_changed":
            return frames.OrderChanged(pending_of(event.order_changed.order), event.order_changed.change)
        case "deal_seen":
            return frames.DealSeen(deal_of(event.deal_seen.deal))
        case "trailing_changed":
            trailing = event.trailing_changed
            return frames.TrailingChanged(position_of(trailing.position), trailing.change)
        case "sync_report":
            return sync_of(event.sync_report)
        case other:
            # Acknowledging what is not understood would lose it for good.
            raise BadFrame(f"{other} is no fact that this server knows")


def _live(live: bridge_pb2.LiveUpdate) -> frames.LiveUpdate:
    positions = tuple(
        frames.LivePosition(position.identifier, position.current_price, position.profit, position.swap)
        for position in live.positions
    )
    # Any that is not finite makes the sum so; a sum that only became too large is looked through as all is.
    if not math.isfinite(sum(one.current_price + one.profit + one.swap for one in positions)):
        for position in live.positions:
            check_values(position)
    for quote in live.quotes:
        check_values(quote)
    if live.HasField("account"):
        check_values(live.account)
    if not math.isfinite(live.read_age_seconds):
        raise BadFrame(f"read_age_seconds is {live.read_age_seconds}")
    return frames.LiveUpdate(
        positions=positions,
        account=money_of(live.account) if live.HasField("account") else None,
        read_age_seconds=max(live.read_age_seconds, 0.0),
        quotes=tuple(
            frames.Quote(quote.symbol, quote.bid, quote.ask, quote.broker_milliseconds)
            for quote in live.quotes
        ),
    )


def _alert(alert: bridge_pb2.BridgeAlert) -> frames.BridgeAlert:
    return frames.BridgeAlert(
        alert_key=alert.alert_key,
        severity=enum_of(Severity, alert.severity, Severity.WARNING),
        code=alert.code,
        message=alert.message,
        known=alert.known,
        advice=alert.advice,
        command_id=alert.command_id,
        position_identifier=alert.position_identifier,
        telling_id=alert.telling_id,
        ended=alert.ended,
    )


def _check_result(result: bridge_pb2.CheckResult) -> frames.CheckResult:
    return frames.CheckResult(
        check_id=result.check_id,
        unknown_symbol=result.unknown_symbol,
        unavailable=result.unavailable,
        retcode=result.retcode,
        problems=tuple(result.problems),
        volume_lots=optional_value(result, "volume_lots"),
        price=optional_value(result, "price"),
        risk_money=optional_value(result, "risk_money"),
        reward_money=optional_value(result, "reward_money"),
        margin=optional_value(result, "margin"),
        currency=result.currency,
        spread_points=optional_value(result, "spread_points"),
    )


def _applied(message: bridge_pb2.Applied) -> Applied:
    return applied_of(message.revision, message.setting)


def _stage(stage: bridge_pb2.StopStage) -> Stage:
    return Stage(
        stop_id=stage.stop_id,
        latched_seconds_ago=optional_value(stage, "latched_seconds_ago"),
        quiet_seconds_ago=optional_value(stage, "quiet_seconds_ago"),
        cancelled_seconds_ago=optional_value(stage, "cancelled_seconds_ago"),
        flat_seconds_ago=optional_value(stage, "flat_seconds_ago"),
        tickets=tuple(ticket_of(ticket) for ticket in stage.tickets),
        external_order_count=stage.external_order_count,
        problem=stage.problem,
        unrecalled_command_ids=tuple(stage.unrecalled_command_ids),
        held=_held(stage.held) if stage.HasField("held") else None,
        complete=stage.complete,
    )


# Out.


def batch_to_proto(
    messages: Sequence[bridge_service_pb2.ConnectResponse],
) -> bridge_service_pb2.ConnectResponse:
    """Return frames of the data stream as one, which is handed to the stream when the last of them is."""
    last = messages[-1]
    whole = bridge_service_pb2.ConnectResponse(epoch=last.epoch, sent_nanoseconds=last.sent_nanoseconds)
    for message in messages:
        message.ClearField("epoch")
        message.ClearField("sent_nanoseconds")
    whole.batch.frames.extend(messages)
    return whole


def data_frame_to_proto(
    epoch: int, frame: ToData, sent_nanoseconds: int
) -> bridge_service_pb2.ConnectResponse:
    """Return a frame of the data stream as it is handed to the stream at `sent_nanoseconds`."""
    response = bridge_service_pb2.ConnectResponse(epoch=epoch, sent_nanoseconds=sent_nanoseconds)
    match frame:
        case frames.Delivery():
            left = frame.expires_at - sent_nanoseconds / 1e9
            response.command.CopyFrom(
                bridge_pb2.CommandDelivery(
                    command_id=frame.command_id,
                    origin=int(frame.origin),  # type: ignore[arg-type]
                    action=action_to_proto(frame.action),
                    time_left=duration(left),
                    stop_generation=frame.stop_generation,
                    automated=frame.automated,
                )
            )
        case frames.EventAck():
            response.event_ack.seq = frame.seq
        case frames.OutcomeAck():
            response.outcome_ack.command_id = frame.command_id
            response.outcome_ack.outcome_number = frame.outcome_number
        case frames.Resolution():
            response.resolution.CopyFrom(_resolution(frame))
        case frames.AlertAck():
            response.alert_ack.telling_id = frame.telling_id
        case frames.HeartbeatAnswer():
            response.heartbeat.number = frame.number
        case frames.Welcome():
            response.welcome.CopyFrom(_welcome(frame))
        case frames.CancelDelivery():
            response.cancel_command.command_id = frame.command_id
        case frames.SyncRequest():
            response.sync_request.sync_id = frame.sync_id
            response.sync_request.dry_run = frame.dry_run
            response.sync_request.trigger = int(frame.trigger)  # type: ignore[assignment]
        case frames.Check():
            response.check.check_id = frame.check_id
            response.check.open.CopyFrom(open_to_proto(frame.open))
        case frames.Drain():
            response.drain.reconnect_window.CopyFrom(duration(frame.reconnect_window_seconds))
        case frames.Superseded():
            response.superseded.epoch = frame.epoch
            response.superseded.address = frame.address
    return response


def control_frame_to_proto(
    epoch: int, frame: ToControl, sent_nanoseconds: int
) -> bridge_service_pb2.ControlResponse:
    """Return a frame of the control stream as it is handed to the stream at `sent_nanoseconds`."""
    response = bridge_service_pb2.ControlResponse(epoch=epoch, sent_nanoseconds=sent_nanoseconds)
    match frame:
        case frames.LeaseGrant():
            response.lease_grant.heartbeat_number = frame.heartbeat_number
            response.lease_grant.audit_heads.extend(_heads(frame.audit_heads))
        case frames.HeartbeatAnswer():
            response.heartbeat.number = frame.number
            response.heartbeat.audit_heads.extend(_heads(frame.audit_heads))
        case frames.StopOrder():
            response.stop.stop_id = frame.stop_id
            response.stop.close_positions = frame.close_positions
            response.stop.stop_generation = frame.stop_generation
            response.stop.reason = frame.reason
        case frames.Desired():
            response.desired_state.CopyFrom(_desired(frame))
        case frames.RearmOrder():
            response.rearm.rearm_id = frame.rearm_id
            response.rearm.stop_ids.extend(frame.stop_ids)
            response.rearm.stop_generation = frame.stop_generation
        case frames.DrillOrder():
            response.drill.drill_id = frame.drill_id
        case frames.Superseded():
            response.superseded.epoch = frame.epoch
            response.superseded.address = frame.address
    return response


def _heads(heads: Iterable[AuditHead]) -> list[bridge_pb2.AuditHead]:
    return [bridge_pb2.AuditHead(chain=head.chain, number=head.number, hash=head.hash) for head in heads]


def _desired(frame: frames.Desired) -> bridge_pb2.DesiredState:
    document = frame.document
    return bridge_pb2.DesiredState(
        revision=document.revision,
        stop_generation=document.stop_generation,
        paused=document.paused,
        stealth=document.stealth,
        lapse_policy=int(document.lapse_policy),  # type: ignore[arg-type]
        limits=limits_to_proto(document.limits.at_bridge),
        stealth_settings=stealth_settings_to_proto(document.stealth_settings),
        stops=[
            bridge_pb2.HeldStop(
                stop_id=stop.stop_id,
                close_positions=stop.close_positions,
                reason=stop.reason,
                local=stop.local,
            )
            for stop in document.stops
        ],
        trade_policies=[
            bridge_pb2.TradePolicy(
                position_identifier=policy.position_identifier,
                trailing_stop=trailing_to_proto(policy.trailing_stop),
                revision=policy.revision,
                protection=plan_to_proto(policy.protection),
                protection_revision=policy.protection_revision,
                stealth=policy.stealth,
            )
            for policy in document.trade_policies
        ],
    )


def _resolution(resolution: frames.Resolution) -> bridge_pb2.CommandResolution:
    return bridge_pb2.CommandResolution(
        command_id=resolution.command_id, executed=resolution.executed, reason=resolution.reason
    )


def _welcome(welcome: frames.Welcome) -> bridge_pb2.BridgeWelcome:
    recorded = None
    if welcome.recorded is not None:
        recorded = bridge_pb2.RecordedState(
            positions=[position_to_proto(position) for position in welcome.recorded.positions],
            orders=[pending_to_proto(order) for order in welcome.recorded.orders],
            last_deal_broker_milliseconds=welcome.recorded.last_deal_broker_milliseconds,
            known_deals_from_broker_milliseconds=welcome.recorded.known_deals_from_broker_milliseconds,
            known_deal_tickets=welcome.recorded.known_deal_tickets,
        )
    bound = welcome.bound_identity
    return bridge_pb2.BridgeWelcome(
        epoch=welcome.epoch,
        account_id=welcome.account_id,
        bound_identity=None if bound is None else identity_to_proto(bound),
        committed_event_seq=welcome.committed_event_seq,
        new_journal=welcome.recorded is not None,
        full_state=recorded,
        heartbeat_interval=duration(welcome.heartbeat_seconds),
        dead_after=duration(welcome.dead_after_seconds),
        lease_duration=duration(welcome.lease_seconds),
        event_credit=welcome.event_credit,
        open_command_ids=welcome.open_command_ids,
        server_time=timestamp(welcome.server_time),
        magic_prefix=welcome.magic_prefix,
        incarnation=welcome.incarnation,
        takes_batches=True,
        committed_event_id=welcome.committed_event_id,
        journal_outdated=welcome.journal_outdated,
        resolutions=[_resolution(one) for one in welcome.resolutions],
    )
