"""P2 and P3: nothing is done twice, and what is said of a command is what the broker did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from signalos_verify.domain.broker import Broker, LegDone, leg_magics, request_evidence
from signalos_verify.domain.findings import Evidence, Finding, Promise, Severity
from signalos_verify.domain.quoting import command_evidence, leg_evidence
from signalos_verify.domain.records import (
    ACCEPTED,
    DUST,
    EXECUTED,
    FINAL,
    NOT_EXECUTED,
    UNCHANGED,
    Account,
    BrokerRequest,
    Command,
    Leg,
    Records,
    Terms,
)


def check_executions(records: Records, broker: Broker, terms: Terms) -> Iterator[Finding]:
    """Yield what the ledgers and the clients' words say against the commands."""
    accounts = records.database.accounts
    explained: set[tuple[int, int]] = set()
    for command in records.database.commands.values():
        account = accounts.get(command.account_id)
        if not broker.covers(account):
            continue
        assert account is not None
        assert account.login is not None
        for leg in command.legs:
            done = broker.leg(account.login, leg.magic)
            explained.add((account.login, leg.magic))
            yield from _leg(command, leg, done)
        if not command.legs:
            yield from _legless(command, account, broker, explained)
        yield from _command(command, account.login, broker)
    yield from _orphans(records, broker, explained, terms)
    yield from _statements(records)
    yield from _keys(records)


def _leg(command: Command, leg: Leg, done: LegDone) -> Iterator[Finding]:
    accepted = done.accepted
    evidence = (command_evidence(command), leg_evidence(command, leg), *done.evidence())
    if len(accepted) > 1:
        yield Finding(
            Promise.NO_DOUBLE,
            Severity.VIOLATION,
            "DOUBLE_EXECUTION",
            f"{len(accepted)} orders were accepted for leg {leg.index} of command {command.command_id}",
            "the broker takes at most one order for each leg",
            evidence,
        )
    if done.volume > leg.asked_volume_lots + DUST and (leg.asked_volume_lots or len(accepted) > 0):
        yield Finding(
            Promise.NO_DOUBLE,
            Severity.VIOLATION,
            "EXECUTED_TOO_MUCH",
            f"{done.volume} lots were executed for leg {leg.index} of command {command.command_id}, "
            f"{leg.asked_volume_lots} were asked",
            "executed volume never exceeds what was asked",
            evidence,
        )
    yield from _repeats(command, leg, done)
    if command.state in NOT_EXECUTED and (accepted or done.volume):
        if command.resolved_by_person:
            yield Finding(
                Promise.NO_LIE,
                Severity.NOTICE,
                "RESOLVED_OTHERWISE",
                f"a person resolved command {command.command_id} as {command.state}; the broker executed it",
                "the person's word stands on record; the ledger says otherwise",
                evidence,
            )
        else:
            yield Finding(
                Promise.NO_LIE,
                Severity.VIOLATION,
                "EXECUTED_BUT_DENIED",
                f"command {command.command_id} is {command.state}, and the broker executed it",
                f"{command.state} says that nothing of it is in the broker's ledger",
                evidence,
            )


def _legless(
    command: Command, account: Account, broker: Broker, explained: set[tuple[int, int]]
) -> Iterator[Finding]:
    """A command whose legs the server was never told: what the broker did for it bears their marks."""
    assert account.login is not None
    for magic in leg_magics(account.magic_prefix, command.command_id):
        done = broker.leg(account.login, magic)
        if not done.accepted:
            continue
        explained.add((account.login, magic))
        if command.state in NOT_EXECUTED and not command.resolved_by_person:
            yield Finding(
                Promise.NO_LIE,
                Severity.VIOLATION,
                "EXECUTED_BUT_DENIED",
                f"command {command.command_id} is {command.state}, and the broker executed it",
                f"{command.state} says that nothing of it is in the broker's ledger",
                (command_evidence(command), *done.evidence()),
            )


def _repeats(command: Command, leg: Leg, done: LegDone) -> Iterator[Finding]:
    """A further attempt follows only a definite "not done"."""
    doubtful: BrokerRequest | None = None
    for request in done.requests:
        if doubtful is not None:
            yield Finding(
                Promise.NO_DOUBLE,
                Severity.VIOLATION,
                "SENT_AGAIN_IN_DOUBT",
                f"leg {leg.index} of command {command.command_id} was sent again after an answer that left "
                "room for doubt, or after it was accepted",
                "a further attempt follows only an answer that definitely means: not done",
                (
                    command_evidence(command),
                    request_evidence(done.path, doubtful),
                    request_evidence(done.path, request),
                ),
            )
            return
        if request.accepted or request.told_ambiguously:
            doubtful = request


def _command(command: Command, login: int, broker: Broker) -> Iterator[Finding]:
    if command.state not in EXECUTED:
        return
    legs = [(leg, broker.leg(login, leg.magic)) for leg in command.legs]
    evidence: tuple[Evidence, ...] = (
        command_evidence(command),
        *(quoted for _, done in legs for quoted in done.evidence()),
    )
    severity = Severity.NOTICE if command.resolved_by_person else Severity.VIOLATION
    if command.deals_at_once:
        real = sum((done.volume for _, done in legs), Decimal(0))
        if abs(real - command.filled_volume_lots) > DUST:
            yield Finding(
                Promise.NO_LIE,
                severity,
                "NOT_IN_LEDGER" if not real else "VOLUME_DIFFERS",
                f"command {command.command_id} is {command.state} with {command.filled_volume_lots} lots; "
                f"the broker executed {real}",
                "SUCCEEDED and PARTIAL say: in the broker's ledger, with that volume",
                evidence,
            )
        return
    for leg, done in legs:
        if leg.state == "DONE" and leg.attempt_count and not _changed(command, leg, login, done, broker):
            yield Finding(
                Promise.NO_LIE,
                severity,
                "NOT_IN_LEDGER",
                f"leg {leg.index} of command {command.command_id} ({command.kind}) is DONE, and the broker "
                "accepted no such request",
                "SUCCEEDED and PARTIAL say: the broker did it",
                (command_evidence(command), leg_evidence(command, leg), *done.evidence()),
            )


def _changed(command: Command, leg: Leg, login: int, done: LegDone, broker: Broker) -> bool:
    if command.kind == "open":
        return bool(done.accepted)
    fine = ACCEPTED | {UNCHANGED}
    if any(request.retcode in fine for request in (*done.changes, *done.requests)):
        return True
    # Requests that move or remove a pending order carry no magic.
    return any(request.retcode in fine for request in broker.order_changes.get((login, leg.ticket), ()))


def _orphans(
    records: Records, broker: Broker, explained: set[tuple[int, int]], terms: Terms
) -> Iterator[Finding]:
    before = records.database.read_at - (0 if terms.at_rest else terms.grace_seconds)
    journalled = {magic: journal.path for journal in records.journals for magic in journal.legs}
    for account in records.database.accounts.values():
        if not broker.covers(account):
            continue
        for magic, done in broker.of_ours(account):
            assert account.login is not None
            if (account.login, magic) in explained:
                continue
            done_before = [request for request in done.accepted if request.at < before]
            if not done_before:
                continue
            where = journalled.get(magic)
            known = f"the journal {where} knows it" if where else "no journal that was given knows it"
            yield Finding(
                Promise.NO_LIE,
                Severity.VIOLATION,
                "ORPHAN_EXECUTION",
                f"the broker accepted an order with magic {magic} of account {account.account_id} that no "
                "command explains",
                f"every order with this account's mark belongs to a leg of a command on record; {known}",
                done.evidence(),
            )


def _statements(records: Records) -> Iterator[Finding]:
    """What clients were told for good, against what is on record."""
    commands = records.database.commands
    said: set[tuple[str, str]] = set()
    for told in records.told.statements:
        key = (told.command_id, told.state)
        if key in said:
            continue
        said.add(key)
        command = commands.get(told.command_id)
        quoted = Evidence(told.source, f"command {told.command_id} {told.state} at {told.at:.3f}")
        if command is None:
            yield Finding(
                Promise.NO_LOSS,
                Severity.VIOLATION,
                "COMMAND_LOST",
                f"a client was told of command {told.command_id}, and it is not on record",
                "the answer comes after the commit: what a client was told outlives any crash",
                (quoted,),
            )
        elif told.state in FINAL and told.state != command.state:
            corrected = any(
                alert.command_id == command.command_id and alert.code == "COMMAND_CORRECTED"
                for alert in records.database.alerts
            )
            yield Finding(
                Promise.NO_LIE,
                Severity.VIOLATION,
                "TOLD_OTHERWISE",
                f"a client was told that command {told.command_id} is {told.state}; it is {command.state}",
                "a final state never changes; "
                + (
                    "the correction was alerted, and counts against us"
                    if corrected
                    else "no alert tells of it"
                ),
                (quoted, command_evidence(command)),
            )


def _keys(records: Records) -> Iterator[Finding]:
    """One key of a caller, one command, for ever."""
    by_key: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for answer in records.told.keyed:
        by_key[answer.client, answer.key].setdefault(answer.command_id, answer.source)
    for (client, key), found in by_key.items():
        if len(found) > 1:
            yield Finding(
                Promise.NO_DOUBLE,
                Severity.VIOLATION,
                "KEY_WITH_TWO_COMMANDS",
                f"client {client or '-'} was given {len(found)} commands for one key {key}",
                "a repeat of a request returns the same command",
                tuple(Evidence(source, f"command {one}") for one, source in found.items()),
            )
    by_request: dict[tuple[str, str], list[Command]] = defaultdict(list)
    for command in records.database.commands.values():
        if command.request_id:
            by_request[command.user_id, command.request_id].append(command)
    for (user_id, request_id), commands in by_request.items():
        if len(commands) > 1:
            yield Finding(
                Promise.NO_DOUBLE,
                Severity.VIOLATION,
                "KEY_WITH_TWO_COMMANDS",
                f"user {user_id} has {len(commands)} commands for one request {request_id}",
                "a request id makes one command, for ever",
                tuple(command_evidence(one) for one in commands),
            )
