"""What the bridge says, in the contract's messages."""

from __future__ import annotations

from collections.abc import Iterable

from signalos.v1 import account_pb2, alert_pb2, bridge_pb2, bridge_service_pb2, command_pb2, control_pb2
from signalos_bridge.convert import plans, words
from signalos_bridge.convert.numbers import duration_of, number, timestamp_of
from signalos_bridge.domain.audit_heads import AuditHead
from signalos_bridge.domain.control import Control, HeldStop
from signalos_bridge.domain.facts import CoreStatus, LiveUpdate
from signalos_bridge.domain.market import (
    AccountSnapshot,
    BoundAccount,
    SymbolSpec,
    TerminalStatus,
    TradingBlock,
)
from signalos_bridge.domain.values import (
    Action,
    AdoptAction,
    Alert,
    BreakEvenAction,
    CancelOrderAction,
    CloseAction,
    CloseAllAction,
    CommandState,
    FloorAction,
    LegReport,
    Limits,
    ModifyAction,
    ModifyOrderAction,
    OpenAction,
    OpenCheck,
    Outcome,
    Receipt,
    Standing,
    StealthSettings,
)
from signalos_bridge.stop import Stage

_SYMBOLS_A_FRAME = 100


def batch(frames: Iterable[bridge_service_pb2.ConnectRequest]) -> bridge_service_pb2.ConnectRequest:
    """Return frames of the data stream as one."""
    whole = bridge_service_pb2.ConnectRequest()
    for frame in frames:
        whole.epoch = frame.epoch
        frame.ClearField("epoch")
        whole.batch.frames.append(frame)
    return whole


def identity(account: AccountSnapshot) -> bridge_pb2.TerminalIdentity:
    """Return who a terminal says it is."""
    return bridge_pb2.TerminalIdentity(
        login=account.login,
        broker_server=account.server,
        trade_mode=words.TRADE_MODES[account.trade_mode],
        margin_mode=words.MARGIN_MODES[account.margin_mode],
        currency=account.currency,
        company=account.company,
    )


def bound_identity(bound: BoundAccount) -> bridge_pb2.TerminalIdentity:
    """Return the account that a bridge is bound to."""
    return bridge_pb2.TerminalIdentity(
        login=bound.login, broker_server=bound.server, trade_mode=words.TRADE_MODES[bound.trade_mode]
    )


def terminal_status(status: CoreStatus) -> account_pb2.TerminalStatus:
    """Return the terminal behind the bridge, with ages and no wall clock."""
    terminal = status.terminal
    return account_pb2.TerminalStatus(
        state=_terminal_state(terminal),
        broker_connected=terminal.connected,
        trade_allowed=terminal.trade_allowed,
        trade_api_disabled=terminal.tradeapi_disabled,
        ping_milliseconds=(None if terminal.ping_microseconds is None else terminal.ping_microseconds / 1000),
        build=terminal.build,
        error_code=terminal.error_code,
        error_text=terminal.error_text,
        guard_age_seconds=status.guard_age_seconds,
        blind_seconds=status.blind_seconds,
        broker_offset_seconds=terminal.utc_offset_seconds,
        broker_offset_source="" if terminal.utc_offset_seconds is None else "fresh tick",
        guarded_count=status.guarded_count,
    )


def _terminal_state(terminal: TerminalStatus) -> account_pb2.TerminalState.ValueType:
    if TradingBlock.WRONG_ACCOUNT in terminal.blocks:
        return account_pb2.TERMINAL_STATE_ACCOUNT_MISMATCH
    return words.TERMINAL_STATES[terminal.state]


def heartbeat(
    *,
    beat_number: int,
    loop_lag_seconds: float,
    status: CoreStatus,
    wall_msc: int,
    next_event_seq: int,
    state_hash: str,
) -> bridge_pb2.BridgeHeartbeat:
    """Return regular word."""
    return bridge_pb2.BridgeHeartbeat(
        number=beat_number,
        loop_lag=duration_of(loop_lag_seconds),
        terminal=terminal_status(status),
        bridge_time=timestamp_of(wall_msc),
        next_event_seq=next_event_seq,
        state_hash=state_hash,
        tick_age_seconds=status.tick_age_seconds,
        read_age_seconds=status.read_age_seconds,
    )


def receipt(value: Receipt, now: float) -> bridge_pb2.CommandReceipt:
    """Return a receipt that is sent now."""
    return bridge_pb2.CommandReceipt(
        command_id=value.command_id,
        state=words.command_state(value.state),
        age_seconds=max(0.0, now - value.at),
    )


def standings(values: Iterable[Standing]) -> bridge_pb2.CommandStates:
    """Return where commands stand."""
    return bridge_pb2.CommandStates(
        standings=[
            bridge_pb2.CommandStanding(
                command_id=value.command_id,
                never_seen=value.state is None,
                state=(
                    command_pb2.COMMAND_STATE_UNSPECIFIED
                    if value.state is None
                    else words.command_state(value.state)
                ),
            )
            for value in values
        ]
    )


def rejection(command_id: str, reason: str, message: str) -> bridge_pb2.CommandOutcome:
    """Return the outcome of a command that never reached the journal because it says nothing sensible."""
    return bridge_pb2.CommandOutcome(
        command_id=command_id,
        outcome_number=1,
        state=words.command_state(CommandState.REJECTED),
        reason=reason,
        message=message,
    )


def outcome(value: Outcome, age_seconds: float | None) -> bridge_pb2.CommandOutcome:
    """Return what became of a command that has been in the journal for so long; None: that is not known."""
    local = None
    if value.local is not None:
        local = bridge_pb2.LocalCommand(
            origin=words.command_origin(value.local.origin),
            action=action(value.local.action),
            cause=value.local.cause,
            start_bridge_time=timestamp_of(value.local.start_wall_msc),
            stop_id=value.local.stop_id,
        )
    return bridge_pb2.CommandOutcome(
        command_id=value.command_id,
        outcome_number=value.outcome_number,
        state=words.command_state(value.state),
        reason=value.reason,
        message=value.message,
        legs=[_leg(leg) for leg in value.legs],
        asked_volume_lots=float(value.asked_volume_lots),
        filled_volume_lots=float(value.filled_volume_lots),
        queue_seconds=value.queue_seconds,
        terminal_seconds=value.terminal_seconds,
        local=local,
        age_seconds=age_seconds,
    )


def _leg(leg: LegReport) -> command_pb2.Leg:
    return command_pb2.Leg(
        index=leg.index,
        state=words.leg_state(leg.state),
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


def action(value: Action) -> command_pb2.Action:
    """Return what a command asks."""
    match value:
        case OpenAction():
            return command_pb2.Action(open=open_action(value))
        case CloseAction(identifier, fraction, volume_lots):
            return command_pb2.Action(
                close=command_pb2.CloseAction(
                    position_identifier=identifier,
                    fraction=number(fraction),
                    volume_lots=number(volume_lots),
                )
            )
        case ModifyAction(identifier, set_stop, stop_loss, set_take, take_profit):
            return command_pb2.Action(
                modify=command_pb2.ModifyAction(
                    position_identifier=identifier,
                    set_stop_loss=set_stop,
                    stop_loss=number(stop_loss),
                    set_take_profit=set_take,
                    take_profit=number(take_profit),
                )
            )
        case ModifyOrderAction(ticket, price, set_stop, stop_loss, set_take, take_profit):
            return command_pb2.Action(
                modify_order=command_pb2.ModifyOrderAction(
                    order_ticket=ticket,
                    price=number(price),
                    set_stop_loss=set_stop,
                    stop_loss=number(stop_loss),
                    set_take_profit=set_take,
                    take_profit=number(take_profit),
                )
            )
        case CancelOrderAction(ticket):
            return command_pb2.Action(cancel_order=command_pb2.CancelOrderAction(order_ticket=ticket))
        case CloseAllAction(external, symbol):
            return command_pb2.Action(close_all=command_pb2.CloseAllAction(external=external, symbol=symbol))
        case AdoptAction(identifier):
            return command_pb2.Action(adopt=command_pb2.AdoptAction(position_identifier=identifier))
        case BreakEvenAction(identifier, offset):
            return command_pb2.Action(
                break_even=command_pb2.BreakEvenAction(position_identifier=identifier, offset=float(offset))
            )


def open_action(value: OpenAction) -> command_pb2.OpenAction:
    """Return an open."""
    risk = None
    if value.risk is not None:
        risk = command_pb2.Risk()
        for name in ("equity_percent", "balance_percent", "money"):
            if (amount := getattr(value.risk, name)) is not None:
                setattr(risk, name, float(amount))
    return command_pb2.OpenAction(
        symbol=value.symbol,
        side=words.SIDES[value.side],
        order_type=words.OPEN_KINDS[value.kind],
        volume_lots=number(value.volume_lots),
        risk=risk,
        price=number(value.price),
        stop_loss=number(value.stop_loss),
        take_profits=[float(level) for level in value.take_profits],
        deviation_points=value.deviation_points,
        expire_after=(
            None if value.expire_after_seconds is None else duration_of(value.expire_after_seconds)
        ),
        comment=value.comment,
        protection=plans.protection_plan(value.protection),
    )


def alert(value: Alert) -> bridge_pb2.BridgeAlert:
    """Return something that a person has to know."""
    return bridge_pb2.BridgeAlert(
        alert_key=value.key,
        severity=words.alert_severity(value.severity),
        code=value.code,
        message=value.message,
        known=value.known,
        advice=value.advice,
        command_id=value.command_id,
        position_identifier=value.position_identifier,
        ended=value.ended,
    )


def critical(code: str, message: str, known: str, advice: str) -> bridge_pb2.BridgeAlert:
    """Return an alert of the link's own."""
    return bridge_pb2.BridgeAlert(
        alert_key=code,
        severity=alert_pb2.ALERT_SEVERITY_CRITICAL,
        code=code,
        message=message,
        known=known,
        advice=advice,
    )


def live(update: LiveUpdate) -> bridge_pb2.LiveUpdate:
    """Return prices, profits and money. A position whose price is not known is left out."""
    return bridge_pb2.LiveUpdate(
        positions=[
            bridge_pb2.LivePosition(
                identifier=position.identifier,
                current_price=float(position.current_price),
                profit=float(position.profit),
                swap=float(position.swap),
            )
            for position in update.positions
            if position.current_price is not None
        ],
        account=None if update.account is None else account_state(update.account),
        read_age_seconds=update.read_age_seconds,
        quotes=[
            bridge_pb2.Quote(
                symbol=tick.symbol,
                bid=float(tick.bid),
                ask=float(tick.ask),
                broker_milliseconds=tick.time_msc,
            )
            for tick in update.quotes
            if tick.bid is not None and tick.ask is not None
        ],
    )


def account_state(account: AccountSnapshot) -> account_pb2.AccountState:
    """Return an account's money."""
    return account_pb2.AccountState(
        balance=float(account.balance),
        equity=float(account.equity),
        margin=float(account.margin),
        free_margin=float(account.free_margin),
        margin_level_percent=number(account.margin_level_percent),
        profit=float(account.profit),
        credit=float(account.credit),
        leverage=account.leverage,
    )


def symbol_tables(specs: Iterable[SymbolSpec]) -> list[bridge_pb2.SymbolTable]:
    """Return the account's symbols, a hundred to a frame; the first one starts a new table."""
    symbols = [_symbol(spec) for spec in specs]
    pages = [symbols[at : at + _SYMBOLS_A_FRAME] for at in range(0, len(symbols), _SYMBOLS_A_FRAME)]
    return [bridge_pb2.SymbolTable(symbols=page, first=index == 0) for index, page in enumerate(pages)]


def _symbol(spec: SymbolSpec) -> account_pb2.Symbol:
    return account_pb2.Symbol(
        symbol=spec.name,
        description=spec.description,
        digits=spec.digits,
        point=float(spec.point),
        tick_size=float(spec.tick_size),
        # What is counted with it are losses, which brokers convert at the worse side of a quote.
        tick_value=float(spec.tick_value_loss or spec.tick_value),
        contract_size=float(spec.contract_size),
        volume_minimum_lots=float(spec.volume_min_lots),
        volume_maximum_lots=float(spec.volume_max_lots),
        volume_step_lots=float(spec.volume_step_lots),
        stops_level_points=spec.stops_level_points,
        freeze_level_points=spec.freeze_level_points,
        trade_mode=words.SYMBOL_TRADE_MODES[spec.trade_mode],
        base_currency=spec.currency_base,
        profit_currency=spec.currency_profit,
    )


def check_result(check_id: str, check: OpenCheck) -> bridge_pb2.CheckResult:
    """Return what an order would be."""
    return bridge_pb2.CheckResult(
        check_id=check_id,
        unknown_symbol=check.unknown_symbol,
        unavailable=check.unavailable,
        retcode=check.retcode,
        problems=check.problems,
        volume_lots=number(check.volume_lots),
        price=number(check.price),
        risk_money=number(check.risk_money),
        reward_money=number(check.reward_money),
        margin=number(check.margin),
        currency=check.currency,
        spread_points=number(check.spread_points),
    )


def held_stop(stop: HeldStop) -> bridge_pb2.HeldStop:
    """Return a stop in force."""
    return bridge_pb2.HeldStop(
        stop_id=stop.stop_id,
        close_positions=stop.close_positions,
        reason=stop.reason,
        local=stop.local,
        latch_bridge_time=timestamp_of(stop.latched_wall_msc),
    )


def audit_head(head: AuditHead) -> bridge_pb2.AuditHead:
    """Return a kept head of the server's audit."""
    return bridge_pb2.AuditHead(chain=head.chain, number=head.number, hash=head.hash)


def stop_stage(stage: Stage, now: float) -> bridge_pb2.StopStage:
    """Return how far a stop has come; the stop itself goes along where it was made here."""

    def ago(instant: float | None) -> float | None:
        return None if instant is None else max(0.0, now - instant)

    def until(instant: float | None) -> float | None:
        return None if instant is None else max(0.0, instant - now)

    progress = stage.progress
    return bridge_pb2.StopStage(
        stop_id=progress.stop_id,
        latched_seconds_ago=ago(stage.latched_at),
        quiet_seconds_ago=ago(progress.quiet_at),
        cancelled_seconds_ago=ago(progress.cancelled_at),
        flat_seconds_ago=ago(progress.flat_at),
        tickets=[
            control_pb2.StopTicket(
                ticket=ticket.ticket,
                order=ticket.is_order,
                symbol=ticket.symbol,
                external=ticket.external,
                state=words.stop_ticket_state(ticket.state),
                message=ticket.message,
                attempt_count=ticket.attempt_count,
                next_attempt_seconds=until(progress.next_attempts.get((ticket.is_order, ticket.ticket))),
            )
            for ticket in progress.tickets
        ],
        external_order_count=progress.external_order_count,
        problem=stage.problem,
        unrecalled_command_ids=progress.unrecalled_command_ids,
        held=held_stop(stage.stop) if stage.stop.local else None,
        complete=stage.complete,
    )


def limits(value: Limits) -> control_pb2.Limits:
    """Return limits; None is unset."""
    message = control_pb2.Limits(
        maximum_order_lots=number(value.maximum_order_lots),
        maximum_positions=value.maximum_positions,
        maximum_spread_points=number(value.maximum_spread_points),
        minimum_equity=number(value.minimum_equity),
    )
    if value.minimum_equity_action is not FloorAction.BLOCK:
        message.minimum_equity_action = words.floor_action(value.minimum_equity_action)
    return message


def setting(
    control: Control, kept_limits: Limits, stealth_settings: StealthSettings
) -> control_pb2.ControlSetting:
    """Return what the bridge keeps to now."""
    kept = control.kept
    return control_pb2.ControlSetting(
        revision=kept.revision,
        stop_generation=control.stop_generation,
        stopped=control.stopped,
        stop_ids=[stop.stop_id for stop in control.held],
        paused=kept.paused,
        stealth=kept.stealth,
        lapse_policy=words.lapse_policy(kept.lapse_policy),
        limits=limits(kept_limits),
        stealth_settings=_stealth_settings(stealth_settings),
    )


def _stealth_settings(settings: StealthSettings) -> control_pb2.StealthSettings:
    message = control_pb2.StealthSettings(
        mandatory_stop=settings.mandatory_stop,
        take_profit_maximum_spread_points=number(settings.target_spread_points),
        hidden_over_weekend=settings.hidden_over_weekend,
        link_losses=settings.link_losses,
    )
    if settings.target_delay_seconds:
        message.take_profit_delay.FromMicroseconds(round(settings.target_delay_seconds * 1e6))
    return message
