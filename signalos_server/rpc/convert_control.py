"""Control documents, stops and sync reports between the contract and the inside."""

from __future__ import annotations

from collections.abc import Iterable

from signalos.v1 import control_pb2
from signalos_server.domain import triggers
from signalos_server.domain.control import Applied, ControlDocument, HeldStop, StealthSettings
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.frames import SyncDifference, SyncReport
from signalos_server.domain.happenings import TradingStanding
from signalos_server.domain.stop import AccountStop, Drill, Stop, StopTicket
from signalos_server.domain.triggers import TriggerSetting
from signalos_server.domain.words import (
    CloseCause,
    LapsePolicy,
    StopTicketState,
    StopTriggerKind,
    SyncDifferenceKind,
    SyncTrigger,
)
from signalos_server.rpc.convert import (
    datetime_of,
    duration,
    enum_of,
    number,
    optional_decimal,
    optional_value,
    seconds_of,
    timestamp,
)
from signalos_server.rpc.convert_limits import limits_of, limits_to_proto


def stealth_settings_to_proto(settings: StealthSettings) -> control_pb2.StealthSettings:
    """Return how levels are hidden as the contract says it."""
    delay = settings.target_delay_seconds
    return control_pb2.StealthSettings(
        mandatory_stop=settings.mandatory_stop,
        take_profit_maximum_spread_points=number(settings.target_spread_points),
        take_profit_delay=duration(delay) if delay else None,
        hidden_over_weekend=settings.hidden_over_weekend,
        link_losses=settings.link_losses,
    )


def stealth_settings_of(message: control_pb2.StealthSettings) -> StealthSettings:
    """Return how levels are hidden; what is unset is as shipped."""
    shipped = StealthSettings()
    return StealthSettings(
        mandatory_stop=message.mandatory_stop,
        target_spread_points=optional_decimal(message, "take_profit_maximum_spread_points"),
        target_delay_seconds=seconds_of(message.take_profit_delay),
        hidden_over_weekend=message.hidden_over_weekend,
        link_losses=message.link_losses if message.HasField("link_losses") else shipped.link_losses,
    )


def setting_to_proto(setting: ControlDocument | Applied) -> control_pb2.ControlSetting:
    """Return what is wanted, or what a bridge keeps to, as the contract says it."""
    return control_pb2.ControlSetting(
        revision=setting.revision,
        stop_generation=setting.stop_generation,
        stopped=bool(setting.stop_ids),
        stop_ids=setting.stop_ids,
        paused=setting.paused,
        stealth=setting.stealth,
        lapse_policy=int(setting.lapse_policy),  # type: ignore[arg-type]
        limits=limits_to_proto(setting.limits),
        stealth_settings=stealth_settings_to_proto(setting.stealth_settings),
    )


def applied_of(revision: int, message: control_pb2.ControlSetting) -> Applied:
    """Return what a bridge keeps to."""
    return Applied(
        revision=revision,
        stop_generation=message.stop_generation,
        paused=message.paused,
        stealth=message.stealth,
        lapse_policy=enum_of(LapsePolicy, message.lapse_policy, LapsePolicy.CANCEL_PENDINGS),
        limits=limits_of(message.limits),
        stop_ids=tuple(message.stop_ids),
        stealth_settings=stealth_settings_of(message.stealth_settings),
    )


def standing_to_proto(standing: TradingStanding) -> control_pb2.TradingState:
    """Return whether an account may trade, as the contract says it."""
    return control_pb2.TradingState(
        account_id=standing.document.account_id,
        wanted=setting_to_proto(standing.document),
        applied=None if standing.applied is None else setting_to_proto(standing.applied),
        apply_time=timestamp(standing.apply_time),
        problem=standing.problem,
        lease_held=standing.lease_held,
        lease_expire_time=timestamp(standing.lease_expire_time),
        flatten_running=standing.flatten_running,
    )


def stop_to_proto(stop: Stop) -> control_pb2.StopReport:
    """Return a stop as the contract says it."""
    return control_pb2.StopReport(
        stop_id=stop.stop_id,
        create_time=timestamp(stop.create_time),
        user_id=stop.user_id,
        reason=stop.reason,
        close_positions=stop.close_positions,
        source=stop.source,
        accounts=[_account_stop(account) for account in stop.accounts],
        complete=stop.complete,
        rearm_time=timestamp(stop.rearm_time),
        trigger=int(stop.trigger),  # type: ignore[arg-type]
    )


def stop_settings_to_proto(document: ControlDocument) -> control_pb2.StopSettings:
    """Return what stops an account by itself, and what its bridge does without a lease."""
    return control_pb2.StopSettings(
        account_id=document.account_id,
        lapse_policy=int(document.lapse_policy),  # type: ignore[arg-type]
        triggers=[
            control_pb2.StopTrigger(
                kind=int(setting.kind),  # type: ignore[arg-type]
                enabled=setting.enabled,
                threshold=setting.threshold,
                window=None if setting.window_seconds is None else duration(setting.window_seconds),
            )
            for setting in triggers.in_force(document.triggers).values()
        ],
    )


def triggers_of(messages: Iterable[control_pb2.StopTrigger]) -> tuple[TriggerSetting, ...]:
    """Return wished rules, completed as they are shipped. Raises `InvalidField`."""
    return tuple(_trigger(index, message) for index, message in enumerate(messages))


def _trigger(index: int, message: control_pb2.StopTrigger) -> TriggerSetting:
    kind = enum_of(StopTriggerKind, message.kind, StopTriggerKind.UNSPECIFIED)
    if kind not in triggers.SHIPPED:
        known = ", ".join(each.name for each in triggers.SHIPPED)
        raise InvalidField(f"triggers[{index}].kind", f"is required and one of {known}")
    shipped = triggers.SHIPPED[kind]
    return TriggerSetting(
        kind,
        message.enabled,
        message.threshold if message.HasField("threshold") else shipped.threshold,
        seconds_of(message.window) if message.HasField("window") else shipped.window_seconds,
    )


def drill_to_proto(drill: Drill) -> control_pb2.Drill:
    """Return what a drill measured, as the contract says it."""
    return control_pb2.Drill(
        drill_id=drill.drill_id,
        account_id=drill.account_id,
        create_time=timestamp(drill.create_time),
        user_id=drill.user_id,
        reached=drill.reached,
        latched_milliseconds=drill.latched_milliseconds,
        terminal_busy=drill.terminal_busy,
    )


def _account_stop(account: AccountStop) -> control_pb2.AccountStop:
    return control_pb2.AccountStop(
        account_id=account.account_id,
        latch_time=timestamp(account.latch_time),
        quiet_time=timestamp(account.quiet_time),
        cancel_time=timestamp(account.cancel_time),
        flat_time=timestamp(account.flat_time),
        reached=account.reached,
        lease_expire_time=timestamp(account.lease_expire_time),
        tickets=[
            control_pb2.StopTicket(
                ticket=ticket.ticket,
                order=ticket.order,
                symbol=ticket.symbol,
                external=ticket.external,
                state=int(ticket.state),  # type: ignore[arg-type]
                message=ticket.message,
                attempt_count=ticket.attempt_count,
                next_attempt_time=timestamp(ticket.next_attempt_time),
            )
            for ticket in account.tickets
        ],
        external_order_count=account.external_order_count,
        problem=account.problem,
        unrecalled_command_ids=account.unrecalled_command_ids,
    )


def ticket_of(message: control_pb2.StopTicket) -> StopTicket:
    """Return what a stop did to a ticket."""
    return StopTicket(
        ticket=message.ticket,
        order=message.order,
        symbol=message.symbol,
        external=message.external,
        state=enum_of(StopTicketState, message.state, StopTicketState.UNSPECIFIED),
        message=message.message,
        attempt_count=message.attempt_count,
        next_attempt_seconds=optional_value(message, "next_attempt_seconds"),
    )


def held_of(stop_id: str, close_positions: bool, reason: str, local: bool) -> HeldStop:
    """Return a stop that a bridge holds."""
    return HeldStop(stop_id[:64], close_positions, reason, local)


def sync_to_proto(account_id: str, report: SyncReport) -> control_pb2.SyncReport:
    """Return a sync report as the contract says it."""
    return control_pb2.SyncReport(
        sync_id=report.sync_id,
        account_id=account_id,
        trigger=int(report.trigger),  # type: ignore[arg-type]
        dry_run=report.dry_run,
        start_time=timestamp(report.start_time),
        end_time=timestamp(report.end_time),
        succeeded=report.succeeded,
        problem=report.problem,
        position_count=report.position_count,
        order_count=report.order_count,
        deal_count=report.deal_count,
        external_count=report.external_count,
        differences=[
            control_pb2.SyncDifference(
                kind=int(difference.kind),  # type: ignore[arg-type]
                position_identifier=difference.position_identifier,
                order_ticket=difference.order_ticket,
                symbol=difference.symbol,
                cause=control_pb2.CloseCauseDetail(
                    deal_reason=difference.deal_reason,
                    deal_ticket=difference.deal_ticket,
                    cause=int(difference.cause),  # type: ignore[arg-type]
                ),
                message=difference.message,
                command_id=difference.command_id,
                suggestion=difference.suggestion,
                likely_command_id=difference.likely_command_id,
            )
            for difference in report.differences
        ],
        unknown_command_count=report.unknown_command_count,
    )


def sync_of(message: control_pb2.SyncReport) -> SyncReport:
    """Return a sync report as a bridge tells it."""
    return SyncReport(
        sync_id=message.sync_id[:64],
        trigger=enum_of(SyncTrigger, message.trigger, SyncTrigger.UNSPECIFIED),
        dry_run=message.dry_run,
        succeeded=message.succeeded,
        problem=message.problem,
        start_time=datetime_of(message, "start_time"),
        end_time=datetime_of(message, "end_time"),
        position_count=message.position_count,
        order_count=message.order_count,
        deal_count=message.deal_count,
        external_count=message.external_count,
        differences=tuple(
            SyncDifference(
                kind=enum_of(SyncDifferenceKind, difference.kind, SyncDifferenceKind.UNSPECIFIED),
                position_identifier=difference.position_identifier,
                order_ticket=difference.order_ticket,
                symbol=difference.symbol,
                deal_reason=difference.cause.deal_reason,
                deal_ticket=difference.cause.deal_ticket,
                message=difference.message,
                cause=enum_of(CloseCause, difference.cause.cause, CloseCause.UNSPECIFIED),
                command_id=difference.command_id,
                suggestion=difference.suggestion,
                likely_command_id=difference.likely_command_id,
            )
            for difference in message.differences
        ),
        unknown_command_count=message.unknown_command_count,
    )
