"""What a bridge says becomes record: in one unit of work, in order, idempotently, fenced by its epoch.

Each function takes the records of a unit and answers with what is to be done once that unit has committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from signalos_server.domain import command as lifecycle
from signalos_server.domain.actions import Open
from signalos_server.domain.command import Change, Command, Moment
from signalos_server.domain.control import Applied, ControlDocument
from signalos_server.domain.frames import (
    BridgeAlert,
    BridgeEvent,
    Hello,
    Nack,
    OutcomeTold,
    RearmResult,
    Receipt,
    Resolution,
    Standing,
    SymbolTable,
    SyncReport,
    TerminalSnapshot,
)
from signalos_server.domain.happenings import (
    CommandChanged,
    NewAlert,
    SyncDone,
)
from signalos_server.domain.records import order_id_of, trade_id_of
from signalos_server.domain.stop import Stage
from signalos_server.domain.words import CommandOrigin, CommandState, OrderType, Severity
from signalos_server.service.control_facts import (
    adopt_hello,
    apply_applied,
    apply_nack,
    apply_rearm_result,
    apply_stage,
)
from signalos_server.service.records import JournalTaken, Records
from signalos_server.service.trade_facts import apply_event_fact, differs_from_record
from signalos_server.service.unit_effects import (
    Adopted,
    AlertCommitted,
    CommandSaved,
    Effect,
    EventsCommitted,
    OutcomeCommitted,
    Scene,
    SyncNeeded,
    SyncSaved,
)

Item = (
    BridgeEvent
    | OutcomeTold
    | Receipt
    | Standing
    | TerminalSnapshot
    | SymbolTable
    | BridgeAlert
    | SyncReport
    | Applied
    | Nack
    | Stage
    | RearmResult
    | Hello
)


class Fenced(Exception):  # noqa: N818 - named for what happened
    """A newer session owns the bridge, or it was revoked: nothing was written."""


@dataclass(frozen=True, slots=True)
class Told:
    """One item, and when it came."""

    item: Item
    at: Moment


def apply_all(records: Records, scene: Scene, told: Sequence[Told]) -> list[Effect]:
    """Make record of all that was told, in order. Raises `Fenced` where a newer session owns the bridge."""
    bridge = records.bridges.if_owner(scene.bridge_id, scene.epoch)
    if bridge is None:
        raise Fenced(scene.bridge_id)
    effects: list[Effect] = []
    committed, event_id = bridge.committed_event_seq, ""
    for one in told:
        item = one.item
        if isinstance(item, BridgeEvent):
            if item.seq > committed:
                effects += apply_event_fact(records, scene, item, one.at.wall)
                committed, event_id = item.seq, item.event_id
            continue
        effects += _apply(records, scene, item, one.at)
    if committed > bridge.committed_event_seq:
        records.bridges.commit_events(scene.bridge_id, committed, event_id)
    if any(isinstance(one.item, BridgeEvent) for one in told):
        effects.append(EventsCommitted(committed))
    return effects


def _apply(records: Records, scene: Scene, item: Item, at: Moment) -> list[Effect]:
    match item:
        case OutcomeTold():
            return _outcome(records, scene, item, at)
        case Receipt():
            return _receipt(records, scene, item, at)
        case Standing():
            return _standing(records, scene, item, at)
        case TerminalSnapshot():
            problem = differs_from_record(records, scene.account_id, item)
            return [SyncNeeded(problem)] if problem else []
        case SymbolTable():
            records.book.save_symbols(scene.account_id, item.symbols, first=item.first)
            return []
        case BridgeAlert():
            return _alert(records, scene, item)
        case SyncReport():
            return _sync(records, scene, item, at)
        case Applied():
            return apply_applied(records, scene, item, at.wall)
        case Nack():
            return apply_nack(records, scene, item, at.wall)
        case Stage():
            return apply_stage(records, scene, item, at.wall)
        case RearmResult():
            return apply_rearm_result(records, scene, item, at.wall)
        case Hello():
            document, effects = adopt_hello(records, scene, item, at.wall)
            return [*effects, Adopted(document)]
        case _:
            raise TypeError(f"{type(item).__name__} is not applied here")


def _own(records: Records, scene: Scene, command_id: str) -> Command | None:
    found = records.commands.lock(command_id)
    return found if found is not None and found.account_id == scene.account_id else None


def save_changed(records: Records, command: Command) -> CommandSaved:
    """Store a command that is in another state, and tell of it."""
    version = records.commands.save(command)
    event_id = f"command:{command.command_id}:{version}"
    records.happened(command.account_id, CommandChanged(event_id, command))
    return CommandSaved(command)


def _receipt(records: Records, scene: Scene, receipt: Receipt, at: Moment) -> list[Effect]:
    command = _own(records, scene, receipt.command_id)
    if command is None:
        return []
    since = max(command.create_time, at.wall - timedelta(seconds=receipt.age_seconds))
    after = lifecycle.on_receipt(command, receipt.state, since)
    return [] if after is command else [save_changed(records, after)]


def _standing(records: Records, scene: Scene, standing: Standing, at: Moment) -> list[Effect]:
    command = _own(records, scene, standing.command_id)
    if command is None or command.is_final:
        return []
    if standing.state is None:
        if command.state is CommandState.PENDING and scene.was_offered(command.offered_epoch):
            # No journal holds it, and frames of older sessions are refused on receipt: as if never offered.
            records.commands.save(replace(command, offered_epoch=None))
            return []
        lost = lifecycle.lose_memory(
            command, "JOURNAL_LOST", "the bridge's journal does not hold it any more"
        )
        return [] if lost is command else [save_changed(records, lost), *_told_unknown(records, lost)]
    if standing.state in (CommandState.DELIVERED, CommandState.RUNNING):
        return _receipt(records, scene, Receipt(standing.command_id, standing.state), at)
    # The outcome follows, with its details.
    return []


def _outcome(records: Records, scene: Scene, told: OutcomeTold, at: Moment) -> list[Effect]:
    outcome = told.outcome
    done: list[Effect] = [OutcomeCommitted(outcome)]
    command = records.commands.lock(outcome.command_id)
    if command is None and told.local is not None:
        command = _local_command(records, scene, told, at)
    elif command is None or command.account_id != scene.account_id:
        records.alert(
            NewAlert(
                account_id=scene.account_id,
                severity=Severity.CRITICAL,
                code="OUTCOME_WITHOUT_COMMAND",
                key=outcome.command_id,
                message=f"the bridge told {outcome.state.name} of a command that is not on record",
                known=f"filled {outcome.filled_volume_lots} lots; {outcome.message}",
                advice="look at the account's positions; the record may have been restored from a backup",
            )
        )
        return done
    after, change = lifecycle.on_outcome(command, outcome, at.wall)
    if change is Change.NOTHING:
        return done
    after = _linked(after)
    saved = save_changed(records, after)
    if change is Change.CORRECTED:
        records.alert(
            NewAlert(
                account_id=scene.account_id,
                severity=Severity.CRITICAL,
                code="COMMAND_CORRECTED",
                key=f"{outcome.command_id}:{outcome.outcome_number}",
                message=f"a command that was told {command.state.name} is {after.state.name}",
                known=after.message,
                advice="check the account's positions against what you expected",
                command_id=after.command_id,
                trade_id=after.trade_id,
            )
        )
        records.audit(
            scene.account_id,
            "",
            "command_corrected",
            {"command_id": after.command_id, "before": command.state.name, "after": after.state.name},
        )
    if command.state is CommandState.UNKNOWN and after.is_final:
        records.alert_ended(
            after.account_id, "COMMAND_UNKNOWN", after.command_id, f"it is {after.state.name} after all"
        )
    return [saved, *_told_unknown(records, after), *done]


def _told_unknown(records: Records, command: Command) -> list[Effect]:
    if command.state is CommandState.UNKNOWN:
        records.alert(
            NewAlert(
                account_id=command.account_id,
                severity=Severity.CRITICAL,
                code="COMMAND_UNKNOWN",
                key=command.command_id,
                message="nobody knows yet whether a command was executed",
                known=command.message,
                advice="it is being looked for in the terminal's records; if it stays, look at the broker's "
                "own records and resolve it by hand",
                command_id=command.command_id,
                trade_id=command.trade_id,
            )
        )
    return []


def _local_command(records: Records, scene: Scene, told: OutcomeTold, at: Moment) -> Command:
    """Take up a command that the bridge started itself."""
    assert told.local is not None
    local = told.local
    command = Command(
        command_id=told.outcome.command_id,
        account_id=scene.account_id,
        origin=local.origin,
        state=CommandState.PENDING,
        action=local.action,
        create_time=at.wall,
        time_to_live=timedelta(0),
        stop_generation=0,
        increases_risk=False,
        accepted=at,
        offered_epoch=scene.epoch,
        message=local.cause,
    )
    records.commands.insert(command)
    if local.origin in (CommandOrigin.STOP, CommandOrigin.LOCAL):
        records.audit(
            scene.account_id,
            "",
            "bridge_command",
            {
                "command_id": command.command_id,
                "cause": local.cause,
                "stop_id": local.stop_id,
                "bridge_time": local.start_bridge_time.isoformat() if local.start_bridge_time else "",
            },
        )
    return command


def _linked(command: Command) -> Command:
    """Return the command with the trade and order that its legs name."""
    trade_id, order_id = command.trade_id, command.order_id
    for leg in command.legs:
        if not trade_id and leg.position_identifier and not _is_placed(command):
            trade_id = trade_id_of(command.account_id, leg.position_identifier)
        if not order_id and leg.order_ticket and _is_placed(command):
            order_id = order_id_of(command.account_id, leg.order_ticket)
    return replace(command, trade_id=trade_id, order_id=order_id)


def _is_placed(command: Command) -> bool:
    return isinstance(command.action, Open) and command.action.order_type is not OrderType.MARKET


# The server raises its own with the fact that the bridge tells as well.
_TOLD_BY_FACT = frozenset({"COMMAND_UNKNOWN", "COMMAND_CORRECTED", "POSITION_MISSING"})


def _alert(records: Records, scene: Scene, alert: BridgeAlert) -> list[Effect]:
    done: list[Effect] = [AlertCommitted(alert.telling_id)] if alert.telling_id else []
    code, key = alert.code[:64], alert.alert_key[:200]
    if code in _TOLD_BY_FACT:
        return done
    if alert.ended:
        records.alert_ended(scene.account_id, code, key, alert.message)
        return done
    trade_id = trade_id_of(scene.account_id, alert.position_identifier) if alert.position_identifier else ""
    records.alert(
        NewAlert(
            account_id=scene.account_id,
            severity=alert.severity,
            code=code,
            key=key,
            message=alert.message,
            known=alert.known,
            advice=alert.advice,
            command_id=alert.command_id[:64],
            trade_id=trade_id,
            telling_id=alert.telling_id[:64],
        )
    )
    return done


def _sync(records: Records, scene: Scene, report: SyncReport, at: Moment) -> list[Effect]:
    """A dry run, or one that could not be done; others come as events."""
    timed = replace(report, start_time=report.start_time or at.wall, end_time=report.end_time or at.wall)
    records.control.save_sync(scene.account_id, timed)
    records.happened(scene.account_id, SyncDone(f"sync:{report.sync_id}", scene.account_id, timed))
    return [SyncSaved(timed)]


def resolution_of(command: Command) -> Resolution:
    """Return what a person said of a command, for its bridge."""
    return Resolution(command.command_id, command.state.executed, command.message)


@dataclass(frozen=True, slots=True)
class Offered:
    """What became of an account's waiting commands."""

    sent: tuple[Command, ...]
    effects: tuple[Effect, ...]


def offer_waiting(records: Records, scene: Scene, now: Moment, *, opens: bool) -> Offered:
    """Mark commands that no bridge was handed as offered to this session, or end those whose time is over.

    What is offered to it already is among those to be sent: of a commit whose end was not seen, nobody knows
    whether the mark holds. The session knows what it has sent.
    """
    if records.bridges.if_owner(scene.bridge_id, scene.epoch) is None:
        raise Fenced(scene.bridge_id)
    document = records.control.get(scene.account_id).document
    sent: list[Command] = []
    effects: list[Effect] = []
    for command in records.commands.pending(scene.account_id):
        if command.offered_epoch is not None:
            if command.offered_epoch == scene.epoch and (
                opens or not command.increases_risk or _is_over(command, now, document)
            ):
                sent.append(command)
            continue
        ended = end_unseen(records, command, now, document)
        if ended is not None:
            effects.append(ended)
        elif opens or not command.increases_risk:
            offered = replace(command, offered_epoch=scene.epoch)
            records.commands.save(offered)
            sent.append(offered)
    return Offered(tuple(sent), tuple(effects))


def _is_over(command: Command, now: Moment, document: ControlDocument) -> bool:
    """Return whether nothing is left but to let the bridge end it, as it may have been handed it."""
    fate = lifecycle.fate_of_unseen(
        command, now=now, stop_generation=document.stop_generation, stopped=document.stopped
    )
    return fate is not lifecycle.Fate.SEND


def end_unseen(
    records: Records, command: Command, now: Moment, document: ControlDocument
) -> CommandSaved | None:
    """End a command that was handed to no bridge, where its time or its permission is over."""
    fate = lifecycle.fate_of_unseen(
        command, now=now, stop_generation=document.stop_generation, stopped=document.stopped
    )
    event, reason, message = {
        lifecycle.Fate.EXPIRE: (
            lifecycle.CommandEvent.TIME_OVER,
            "EXPIRED_IN_QUEUE",
            f"no bridge took it within {command.time_to_live.total_seconds():g} s",
        ),
        lifecycle.Fate.FENCE: (
            lifecycle.CommandEvent.FENCED,
            "STOPPED",
            "trading was stopped before a bridge took it",
        ),
        lifecycle.Fate.TAKE_BACK: (
            lifecycle.CommandEvent.TAKEN_BACK,
            "CANCELLED_BY_CALLER",
            "its caller took it back before a bridge took it",
        ),
        lifecycle.Fate.SEND: (None, "", ""),
    }[fate]
    if event is None:
        return None
    return save_changed(records, lifecycle.end_unoffered(command, event, reason, message, now.wall))


def take_session(
    records: Records, hello: Hello, scene: Scene, at: Moment
) -> tuple[list[Command], list[Effect], JournalTaken]:
    """Note the journal of a new session; return its open commands, effects, and how the journal stands."""
    journal = records.bridges.take_journal(scene.bridge_id, hello.journal_id)
    effects: list[Effect] = []
    still_open: list[Command] = []
    for command in records.commands.open_of(scene.account_id, lock=True):
        if command.offered_epoch is None:
            continue
        if not journal.changed:
            still_open.append(command)
            continue
        lost = lifecycle.lose_memory(
            command, "JOURNAL_LOST", "the bridge came back with a new journal and does not remember it"
        )
        if lost is not command:
            effects += [save_changed(records, lost), *_told_unknown(records, lost)]
    return still_open, effects, journal


def forget_bridge(records: Records, account_id: str, message: str) -> list[Effect]:
    """A bridge was revoked: what it was handed and never told is unknown."""
    effects: list[Effect] = []
    for command in records.commands.open_of(account_id, lock=True):
        lost = lifecycle.lose_memory(command, "BRIDGE_REVOKED", message)
        if lost is not command:
            effects += [save_changed(records, lost), *_told_unknown(records, lost)]
    return effects
