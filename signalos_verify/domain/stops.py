"""P5: once a stop is latched, nothing that increases exposure reaches the broker until a re-arm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from signalos_verify.domain.broker import Broker, request_evidence
from signalos_verify.domain.findings import Evidence, Finding, Promise, Severity
from signalos_verify.domain.quoting import command_evidence, stop_evidence
from signalos_verify.domain.records import (
    ACTION_DEAL,
    ACTION_PENDING,
    Account,
    BrokerRequest,
    Command,
    Journal,
    Records,
    Terms,
)

# A latch's record is made just before it is written and synced.
_LATCH_WRITE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Blocked:
    """From when until when nothing may open at an account, and why that is known."""

    start: float
    end: float
    unrecalled: tuple[str, ...]
    evidence: Evidence


def check_stops(records: Records, broker: Broker, terms: Terms) -> Iterator[Finding]:
    """Yield what opened under a stop, and stops that were forgotten."""
    blocked = _blocked(records, terms)
    commands = {
        (command.account_id, leg.magic): command
        for command in records.database.commands.values()
        for leg in command.legs
    }
    accounts = {
        account.login: account for account in records.database.accounts.values() if account.login is not None
    }
    for ledger in broker.ledgers:
        for request in ledger.requests:
            account = accounts.get(request.login)
            if account is None or account.account_id not in blocked:
                continue
            command = commands.get((account.account_id, request.magic))
            if not _increases(request, account, command):
                continue
            for span in blocked[account.account_id]:
                if not span.start < request.at < span.end:
                    continue
                if command is not None and command.command_id in span.unrecalled:
                    continue
                yield Finding(
                    Promise.STOP,
                    Severity.VIOLATION,
                    "OPEN_AFTER_LATCH",
                    f"an order that increases exposure reached the broker {request.at - span.start:.3f} s "
                    f"after a stop was latched at account {account.account_id}",
                    "after the latch nothing that opens or increases exposure is submitted, until a re-arm "
                    "that names the stop",
                    (
                        span.evidence,
                        request_evidence(ledger.path, request),
                        *([command_evidence(command)] if command is not None else []),
                    ),
                )
                break
    yield from _forgotten(records, terms)


def _increases(request: BrokerRequest, account: Account, command: Command | None) -> bool:
    if command is not None:
        return command.increases_risk and request.action in (ACTION_DEAL, ACTION_PENDING)
    ours = request.magic >> 48 == account.magic_prefix
    return ours and (
        request.action == ACTION_PENDING or (request.action == ACTION_DEAL and not request.position)
    )


def _blocked(records: Records, terms: Terms) -> dict[str, list[_Blocked]]:
    found: dict[str, list[_Blocked]] = defaultdict(list)
    rearmed: dict[tuple[str, str], float] = {}
    unrecalled: dict[tuple[str, str], tuple[str, ...]] = {}
    known: set[tuple[str, str]] = set()
    for stop in records.database.stops:
        key = (stop.stop_id, stop.account_id)
        known.add(key)
        rearmed[key] = stop.rearmed if stop.rearmed is not None else float("inf")
        unrecalled[key] = stop.unrecalled_command_ids
        if stop.latched is not None and terms.server_clock:
            found[stop.account_id].append(
                _Blocked(stop.latched, rearmed[key], stop.unrecalled_command_ids, stop_evidence(stop))
            )
    for told in records.told.stops:
        key = (told.stop_id, told.account_id)
        # The re-arm's time is the server's: where its clock is not to be compared, only open stops count.
        end = rearmed.get(key, float("inf"))
        if end != float("inf") and not terms.server_clock:
            continue
        quoted = Evidence(told.source, f"stop {told.stop_id} latched, known at {told.at:.3f}")
        found[told.account_id].append(_Blocked(told.at, end, unrecalled.get(key, ()), quoted))
    for journal in records.journals:
        account_id = records.database.account_of(journal.journal_id)
        for held in journal.latch:
            if account_id is None or held.cleared or (held.stop_id, account_id) in known or not held.latched:
                continue
            # Made at the bridge, and the server never heard of it.
            quoted = Evidence(f"{journal.path}: stops.latch", f"stop {held.stop_id} at {held.latched:.3f}")
            found[account_id].append(_Blocked(held.latched + _LATCH_WRITE_SECONDS, float("inf"), (), quoted))
    return found


def _forgotten(records: Records, terms: Terms) -> Iterator[Finding]:
    latches: dict[str, Journal] = {}
    for journal in records.journals:
        account_id = records.database.account_of(journal.journal_id)
        if account_id is not None:
            latches[account_id] = journal
    known = {(stop.stop_id, stop.account_id): stop for stop in records.database.stops}
    for stop in records.database.stops:
        latch = latches.get(stop.account_id)
        if latch is None or stop.rearmed is not None or stop.latched is None:
            continue
        if not any(held.stop_id == stop.stop_id and not held.cleared for held in latch.latch):
            yield Finding(
                Promise.STOP,
                Severity.VIOLATION,
                "LATCH_LOST",
                f"stop {stop.stop_id} is in force at {stop.account_id}; the bridge's latch does not hold it",
                "a stop that was latched survives everything, until a re-arm that names it",
                (stop_evidence(stop), Evidence(f"{latch.path}: stops.latch", _latch_words(latch))),
            )
    if not terms.at_rest:
        return
    for account_id, journal in latches.items():
        for held in journal.latch:
            if not held.cleared and (held.stop_id, account_id) not in known:
                yield Finding(
                    Promise.RECOVERY,
                    Severity.VIOLATION,
                    "STOP_NOT_ADOPTED",
                    f"the bridge of {account_id} holds stop {held.stop_id}, and the server does not know it",
                    "the server adopts what a bridge holds before it says what it wants",
                    (Evidence(f"{journal.path}: stops.latch", _latch_words(journal)),),
                )
    for stop in records.database.stops:
        if stop.rearmed is None and stop.latched is None and stop.account_id in latches:
            yield Finding(
                Promise.RECOVERY,
                Severity.VIOLATION,
                "STOP_NOT_LATCHED",
                f"stop {stop.stop_id} never reached the bridge of {stop.account_id}",
                "a bridge that was away latches the stop when it is back",
                (stop_evidence(stop),),
            )


def _latch_words(journal: Journal) -> str:
    held = [stop.stop_id for stop in journal.latch if not stop.cleared]
    return f"holds {', '.join(held) if held else 'nothing'}"
