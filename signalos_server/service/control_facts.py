"""What a bridge says of desired state and stops becomes record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from signalos_server.domain import control
from signalos_server.domain import stop as stops
from signalos_server.domain.audit import SYSTEM_CHAIN, AuditHead, contradicts
from signalos_server.domain.control import Applied, ControlDocument, HeldStop
from signalos_server.domain.frames import Hello, Nack, RearmResult
from signalos_server.domain.happenings import (
    NewAlert,
    Paused,
    StealthChanged,
    StopCalled,
    StopMoved,
    TradingStanding,
    TrailingChanged,
)
from signalos_server.domain.records import trade_id_of
from signalos_server.domain.stop import AccountStop, Stage, Stop
from signalos_server.domain.words import Severity
from signalos_server.service.records import Records
from signalos_server.service.unit_effects import (
    AppliedSaved,
    DocumentSaved,
    Effect,
    LeaseSeen,
    Scene,
)

# One of the account and one of the system, each with one that was contradicted before.
_MOST_HEADS = 4


def standing_of(records: Records, account_id: str, lease: LeaseSeen) -> TradingStanding:
    """Return whether an account may trade: as on record, with the lease that memory knows."""
    wanted = records.control.get(account_id)
    return TradingStanding(
        document=wanted.document,
        applied=wanted.applied,
        apply_time=wanted.apply_time,
        problem=wanted.problem,
        lease_held=lease.held,
        lease_expire_time=lease.expire_time,
        flatten_running=bool(flattening_stops(records, account_id)),
    )


def flattening_stops(records: Records, account_id: str) -> frozenset[str]:
    """Return the stops in force that have still to close positions of the account."""
    if records.bridges.of_account(account_id) is None:
        # Nothing is there that could close; a bridge that is paired later latches what is in force then.
        return frozenset()
    return frozenset(
        stop_id
        for stop_id, account in records.control.closing_at(account_id)
        if stops.flattening(True, account)
    )


def _save_document(records: Records, before: ControlDocument, after: ControlDocument) -> list[Effect]:
    if after is before:
        return []
    records.control.save(after)
    return [DocumentSaved(after)]


def adopt_held(
    records: Records, scene: Scene, held: tuple[HeldStop, ...], stop_generation: int, now: datetime
) -> tuple[ControlDocument, list[Effect]]:
    """Take over the stops that a bridge holds and that are not on record.

    One that is on record for other accounts alone is latched here too, and shares no record with them.
    """
    before = records.control.lock(scene.account_id).document
    after = control.adopt_held(before, held, stop_generation)
    effects = _save_document(records, before, after)
    for stop_id in set(after.stop_ids) - set(before.stop_ids):
        adopted = next(stop for stop in held if stop.stop_id == stop_id)
        stop = Stop(
            stop_id=stop_id,
            create_time=now,
            user_id="",
            reason=adopted.reason,
            close_positions=adopted.close_positions,
            source="bridge" if adopted.local else "restored",
            accounts=(AccountStop(scene.account_id, reached=True),),
        )
        known = records.control.stop(stop_id)
        covered = [one.account_id for one in known.accounts] if known is not None else []
        shared = bool(covered) and scene.account_id not in covered
        if not shared:
            records.control.insert_stop(stop)
            records.control.reinstate(stop_id, scene.account_id)
        records.audit(
            scene.account_id,
            "",
            "stop_adopted",
            {"stop_id": stop_id, "reason": adopted.reason, "local": adopted.local},
        )
        records.alert(
            NewAlert(
                account_id=scene.account_id,
                severity=Severity.CRITICAL,
                code="STOPPED_AT_BRIDGE",
                key=stop_id,
                message=f"trading was stopped at the bridge: {adopted.reason or 'no reason was given'}",
                advice="find out why before re-arming",
            )
        )
        records.happened(
            scene.account_id,
            StopCalled(
                f"stop:{stop_id}:{scene.account_id}",
                stop,
                standing_of(records, scene.account_id, scene.lease),
            ),
        )
    return after, effects


def adopt_hello(
    records: Records, scene: Scene, hello: Hello, now: datetime
) -> tuple[ControlDocument, list[Effect]]:
    """Take over what a bridge holds when Control opens, and hold the audit against the heads that it kept."""
    for head in hello.audit_heads[:_MOST_HEADS]:
        _compare_head(records, scene, head)
    document, effects = adopt_held(records, scene, hello.held_stops, hello.stop_generation, now)
    held = tuple(stop.stop_id for stop in hello.held_stops)
    confirmed = control.rearm_confirmed(document, held, hello.stop_generation)
    return confirmed, [*effects, *_save_document(records, document, confirmed)]


def _compare_head(records: Records, scene: Scene, head: AuditHead) -> None:
    """Say so where the audit here is not the one that the bridge once was told of."""
    if head.chain not in (SYSTEM_CHAIN, scene.account_id):
        # Not of this bridge's business.
        return
    found = contradicts(head, records.audit_hash(head.chain, head.number))
    if not found:
        return
    records.alert(
        NewAlert(
            account_id=scene.account_id,
            severity=Severity.CRITICAL,
            code="AUDIT_CONTRADICTED",
            key=f"{head.chain}:{head.number}:{head.hash[:16]}",
            message=f"the audit is not the one that the bridge knows: chain {head.chain}, {found}",
            known="somebody changed the database, or it was restored from an older backup",
            advice="compare with a backup; the bridge keeps the contradicted head in audit_heads.json",
        )
    )
    detail = {"chain": head.chain, "number": head.number, "hash": head.hash, "found": found}
    records.audit(scene.account_id, "", "audit_contradicted", detail)


def apply_applied(records: Records, scene: Scene, applied: Applied, now: datetime) -> list[Effect]:
    """The bridge keeps to a revision."""
    before = records.control.lock(scene.account_id)
    if before.applied is not None and applied == before.applied and not before.problem:
        return [AppliedSaved(scene.account_id, applied.revision, "")]
    records.control.save_applied(scene.account_id, applied, "", now)
    document = control.rearm_confirmed(before.document, applied.stop_ids, applied.stop_generation)
    effects = _save_document(records, before.document, document)
    if before.problem:
        records.alert_ended(
            scene.account_id,
            "POLICY_NOT_APPLIED",
            scene.account_id,
            f"the bridge keeps to revision {applied.revision}",
        )
    _tell_applied(records, scene, before.applied, applied)
    return [*effects, AppliedSaved(scene.account_id, applied.revision, "")]


def _tell_applied(records: Records, scene: Scene, before: Applied | None, applied: Applied) -> None:
    account_id = scene.account_id
    standing = standing_of(records, account_id, scene.lease)
    key = f"{account_id}:{scene.epoch}:{applied.revision}"
    if before is None or before.stealth != applied.stealth:
        records.happened(account_id, StealthChanged(f"stealth-applied:{key}", standing))
    if before is None or before.paused != applied.paused:
        records.happened(account_id, Paused(f"pause-applied:{key}", standing, applied.paused))
    since = before.revision if before is not None else 0
    for policy in standing.document.trade_policies:
        trade = records.book.trade(trade_id_of(account_id, policy.position_identifier))
        if since < policy.revision <= applied.revision and trade is not None:
            told = TrailingChanged(
                f"trailing-applied:{policy.position_identifier}:{key}",
                trade,
                policy.trailing_stop,
                True,
                "the bridge keeps to it",
            )
            records.happened(account_id, told)


def apply_nack(records: Records, scene: Scene, nack: Nack, now: datetime) -> list[Effect]:
    """The bridge could not keep to a revision."""
    before = records.control.lock(scene.account_id)
    if before.problem != nack.problem:
        records.control.save_applied(scene.account_id, None, nack.problem, now)
        records.alert(
            NewAlert(
                account_id=scene.account_id,
                severity=Severity.CRITICAL,
                code="POLICY_NOT_APPLIED",
                key=scene.account_id,
                message=f"the bridge could not apply revision {nack.revision}: {nack.problem}",
                known=f"it keeps to revision {nack.held_revision}; nothing new is opened",
                advice="change the setting, or look at the bridge",
            )
        )
    return [AppliedSaved(scene.account_id, nack.revision, nack.problem)]


def apply_stage(records: Records, scene: Scene, stage: Stage, now: datetime) -> list[Effect]:
    """A stop came further."""
    effects: list[Effect] = []
    cleared = records.control.get(scene.account_id).document.cleared_stop_ids
    # What is said again, late, of a stop that was led out of does not put it in force anew; a bridge that
    # holds it after all says so in its hello.
    if stage.held is not None and stage.held.stop_id not in cleared:
        _, effects = adopt_held(records, scene, (stage.held,), 0, now)
    stop = records.control.stop_at(stage.stop_id, scene.account_id)
    if stop is None:
        # From memory, and not committed yet; what calls it catches up once it is.
        return effects
    before = stop.accounts[0] if stop.accounts else None
    if before is None:
        document = records.control.get(scene.account_id).document
        if records.control.covers_any(stop.stop_id) or stage.stop_id not in (
            *document.stop_ids,
            *document.cleared_stop_ids,
        ):
            # Another account's stop: what this bridge says of it is not on record, nor is it told of it.
            return effects
        records.control.insert_stop(replace(stop, accounts=(AccountStop(scene.account_id),)))
        before = AccountStop(scene.account_id)
    after = stops.on_stage(before, stage, now)
    save_progress(records, stop, before, after)
    return effects


def save_progress(records: Records, stop: Stop, before: AccountStop, after: AccountStop) -> None:
    """Store how far a stop has come at an account, tell of it, and put its milestones on the audit."""
    if after == before:
        return
    account_id, stop_id = after.account_id, stop.stop_id
    version = records.control.save_progress(stop_id, after)
    shown = replace(stop, accounts=(after,))
    records.happened(account_id, StopMoved(f"stop:{stop_id}:{account_id}:{version}", shown))
    if after.latch_time is not None and before.latch_time is None:
        records.alert_ended(account_id, "STOP_NOT_REACHED", stop_id, "the bridge has latched the stop")
        records.audit(account_id, "", "stop_latched", {"stop_id": stop_id, "time": str(after.latch_time)})
    if after.complete and not before.complete:
        records.audit(
            account_id,
            "",
            "stop_complete",
            {"stop_id": stop_id, "could_not_recall": list(after.unrecalled_command_ids)},
        )


def apply_rearm_result(records: Records, scene: Scene, result: RearmResult, now: datetime) -> list[Effect]:
    """The bridge has cleared stops, or refused to."""
    before = records.control.lock(scene.account_id).document
    pending = next((one for one in before.rearms if one.rearm_id == result.rearm_id), None)
    if pending is None:
        return []
    if not result.problem:
        held = tuple(stop.stop_id for stop in result.held_stops)
        after = control.rearm_confirmed(before, held, pending.stop_generation)
        return _save_document(records, before, after)
    after = replace(before, rearms=tuple(one for one in before.rearms if one is not pending))
    effects = _save_document(records, before, after)
    # What the bridge still holds is in force again, whatever was wished.
    _, adopted = adopt_held(records, scene, result.held_stops, 0, now)
    records.audit(
        scene.account_id, "", "rearm_refused", {"rearm_id": result.rearm_id, "problem": result.problem}
    )
    records.alert(
        NewAlert(
            account_id=scene.account_id,
            severity=Severity.CRITICAL,
            code="REARM_REFUSED",
            key=result.rearm_id,
            message=f"the bridge refused a re-arm: {result.problem}",
            advice="trading is still stopped; re-arm again once the reason is gone",
        )
    )
    return [*effects, *adopted]
