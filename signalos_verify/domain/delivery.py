"""P1: every command ends and its owner learns how; every execution is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from signalos_verify.domain.broker import Broker, deal_evidence
from signalos_verify.domain.findings import Evidence, Finding, Promise, Severity
from signalos_verify.domain.quoting import command_evidence
from signalos_verify.domain.records import Database, Journal, Records, Terms

_TRADE_EVENTS = frozenset({"trade_opened", "trade_update", "trade_closed"})
_ENTRY_IN = 0


def check_delivery(records: Records, broker: Broker, terms: Terms) -> Iterator[Finding]:
    """Yield commands and executions that were lost on the way."""
    yield from _unfinished(records, terms)
    yield from _unknown(records, terms)
    for journal in records.journals:
        yield from _journal(records.database, journal, terms)
    yield from _told_of_commands(records.database)
    yield from _executions(records, broker, terms)


def _unfinished(records: Records, terms: Terms) -> Iterator[Finding]:
    now = records.database.read_at
    for command in records.database.commands.values():
        if command.final or command.state == "UNKNOWN":
            continue
        deadline = command.created + command.time_to_live + terms.final_seconds + terms.settle_seconds
        if terms.at_rest or now > deadline:
            late = "everything is at rest" if terms.at_rest else f"{now - deadline:.0f} s beyond its deadline"
            yield Finding(
                Promise.NO_LOSS,
                # A bridge that stays away keeps its commands open, and that is as promised.
                Severity.VIOLATION if terms.at_rest else Severity.NOTICE,
                "NOT_FINAL",
                f"command {command.command_id} is still {command.state}: {late}",
                "every accepted command reaches a final state within 60 s after its time to live, the settle "
                "time and the bridge's return, whichever is last",
                (command_evidence(command),),
            )


def _unknown(records: Records, terms: Terms) -> Iterator[Finding]:
    alerted = {alert.command_id for alert in records.database.alerts if alert.code == "COMMAND_UNKNOWN"}
    for command in records.database.commands.values():
        if command.state != "UNKNOWN":
            continue
        if command.command_id not in alerted:
            yield Finding(
                Promise.NO_LOSS,
                Severity.VIOLATION,
                "UNKNOWN_NOT_ALERTED",
                f"command {command.command_id} is UNKNOWN, and no alert asks a person",
                "UNKNOWN is shown, counted and alerted; a person is asked",
                (command_evidence(command),),
            )
        yield Finding(
            Promise.NO_LIE,
            Severity.VIOLATION if terms.at_rest else Severity.NOTICE,
            "UNKNOWN_REMAINS",
            f"nobody knows whether command {command.command_id} was executed",
            "look at the broker's own records and resolve it"
            + ("; after healing and settling none may remain" if terms.at_rest else ""),
            (command_evidence(command),),
        )


def _journal(database: Database, journal: Journal, terms: Terms) -> Iterator[Finding]:
    # What another journal of the account remembers is overtaken: only the present one goes on telling.
    present = database.account_of(journal.journal_id) is not None
    last: dict[str, tuple[int, str]] = {}
    for outcome in journal.outcomes:
        command = database.commands.get(outcome.command_id)
        quoted = Evidence(
            f"{journal.path}: outcomes",
            f"{outcome.command_id} number {outcome.number} {outcome.state} "
            f"{'acknowledged' if outcome.acknowledged else 'not acknowledged'}",
        )
        if outcome.acknowledged and (command is None or command.outcome_number < outcome.number):
            yield Finding(
                Promise.NO_LOSS,
                Severity.VIOLATION,
                "OUTCOME_LOST",
                f"the bridge was told that outcome {outcome.number} of command {outcome.command_id} is "
                "committed, and it is not on record",
                "an outcome is acknowledged after its commit only",
                (quoted, *([command_evidence(command)] if command is not None else [])),
            )
        elif not outcome.acknowledged and terms.at_rest and present:
            yield Finding(
                Promise.RECOVERY,
                Severity.VIOLATION,
                "OUTCOME_NOT_TOLD",
                f"outcome {outcome.number} of command {outcome.command_id} waits at the bridge",
                "at rest no backlog is left",
                (quoted,),
            )
        if outcome.number >= last.get(outcome.command_id, (0, ""))[0]:
            last[outcome.command_id] = (outcome.number, outcome.state)
    for command_id, (number, state) in last.items() if present else ():
        command = database.commands.get(command_id)
        if command is None or command.outcome_number != number or command.state == state:
            continue
        if not command.resolved_by_person:
            yield Finding(
                Promise.NO_LIE,
                Severity.VIOLATION,
                "OUTCOME_DIFFERS",
                f"the bridge's last word on command {command_id} is {state}; on record it is {command.state}",
                "server and bridge agree on what became of a command",
                (
                    Evidence(f"{journal.path}: outcomes", f"number {number} {state}"),
                    command_evidence(command),
                ),
            )
    for bridge in database.bridges:
        committed = bridge.journals.get(journal.journal_id)
        if committed is not None and journal.acknowledged_seq > committed:
            yield Finding(
                Promise.NO_LOSS,
                Severity.VIOLATION,
                "EVENTS_LOST",
                f"the bridge forgot its events up to {journal.acknowledged_seq}; the server has them up to "
                f"{committed}",
                "events are acknowledged, and forgotten at the bridge, after their commit only; a server "
                "that was restored from a backup looks the same",
                (Evidence(f"{journal.path}: meta", f"journal {journal.journal_id}"),),
            )
        elif committed is not None and terms.at_rest and present and journal.last_seq > committed:
            yield Finding(
                Promise.RECOVERY,
                Severity.VIOLATION,
                "EVENTS_NOT_TOLD",
                f"the bridge's events {committed + 1} to {journal.last_seq} are not on record",
                "at rest no backlog is left",
                (Evidence(f"{journal.path}: events", f"last {journal.last_seq}"),),
            )


def _told_of_commands(database: Database) -> Iterator[Finding]:
    """The owner's stream has said the state in which each command is."""
    said: dict[tuple[str, str], str] = {}
    oldest: dict[str, float] = {}
    for event in database.events:
        oldest.setdefault(event.user_id, event.time)
        if event.kind == "command_update":
            command_id, _, state = event.subject.partition(" ")
            said[event.user_id, command_id] = state
    for command in database.commands.values():
        account = database.accounts.get(command.account_id)
        stream = database.streams.get(account.owner_user_id) if account is not None else None
        if stream is None or not command.final:
            continue
        if stream.forgotten_seq and (command.ended or 0) <= oldest.get(stream.user_id, float("inf")):
            continue
        if said.get((stream.user_id, command.command_id)) != command.state:
            yield Finding(
                Promise.NO_LOSS,
                Severity.VIOLATION,
                "OUTCOME_WITHOUT_EVENT",
                f"command {command.command_id} is {command.state}, and its owner's stream does not say so",
                "every change commits its event in the same transaction",
                (command_evidence(command),),
            )


def _executions(records: Records, broker: Broker, terms: Terms) -> Iterator[Finding]:
    database = records.database
    before = database.read_at - (0 if terms.at_rest else terms.grace_seconds)
    recorded = {(deal.account_id, deal.ticket) for deal in database.deals}
    told: dict[tuple[str, str], set[str]] = defaultdict(set)
    oldest: dict[str, float] = {}
    for event in database.events:
        oldest.setdefault(event.user_id, event.time)
        if event.kind in _TRADE_EVENTS and event.subject:
            told[event.user_id, f"{event.account_id}/{event.subject}"].add(event.kind)
    accounts = {account.login: account for account in database.accounts.values() if account.login is not None}
    bound = {
        bridge.account_id
        for bridge in database.bridges
        if any(bridge.journals.values()) and not bridge.revoked
    }
    for ledger in broker.ledgers:
        first_ours = _first_of_ours(records, ledger.logins)
        for deal in ledger.deals:
            account = accounts.get(deal.login)
            if account is None or account.account_id not in bound or not deal.trading or deal.at >= before:
                continue
            if deal.at < first_ours.get(deal.login, float("inf")):
                # What was done by hand before SignalOS did anything is not all taken up.
                continue
            if (account.account_id, deal.ticket) not in recorded:
                yield Finding(
                    Promise.NO_LOSS,
                    Severity.VIOLATION if terms.at_rest else Severity.NOTICE,
                    "EXECUTION_NOT_RECORDED",
                    f"deal {deal.ticket} of account {account.account_id} is not on record",
                    "every execution at the broker reaches the server"
                    + ("" if terms.at_rest else "; a bridge that is away tells it when it is back"),
                    (deal_evidence(ledger.path, deal),),
                )
                continue
            stream = database.streams.get(account.owner_user_id)
            if stream is None or (
                stream.forgotten_seq and deal.at <= oldest.get(stream.user_id, float("inf"))
            ):
                continue
            if not told[stream.user_id, f"{account.account_id}/{deal.position}"]:
                yield Finding(
                    Promise.NO_LOSS,
                    Severity.VIOLATION,
                    "EXECUTION_WITHOUT_EVENT",
                    f"deal {deal.ticket} of position {deal.position} is on record, and no event of the "
                    "owner's stream tells of the position",
                    "every execution at the broker appears as an event to every subscriber",
                    (deal_evidence(ledger.path, deal),),
                )
    yield from _closes_told(database, oldest, told)


def _first_of_ours(records: Records, logins: frozenset[int]) -> dict[int, float]:
    """Return when each login's first command was made: an account has a life before."""
    first: dict[int, float] = {}
    for command in records.database.commands.values():
        account = records.database.accounts.get(command.account_id)
        if account is not None and account.login in logins:
            first[account.login] = min(command.created, first.get(account.login, command.created))
    return first


def _closes_told(
    database: Database, oldest: dict[str, float], told: dict[tuple[str, str], set[str]]
) -> Iterator[Finding]:
    for trade in database.trades:
        account = database.accounts.get(trade.account_id)
        stream = database.streams.get(account.owner_user_id) if account is not None else None
        if stream is None or stream.forgotten_seq or trade.state != "CLOSED":
            continue
        kinds = told.get((stream.user_id, f"{trade.account_id}/{trade.position_identifier}"), set())
        if "trade_closed" not in kinds:
            yield Finding(
                Promise.NO_LOSS,
                Severity.VIOLATION,
                "EXECUTION_WITHOUT_EVENT",
                f"trade {trade.trade_id} is closed, and its owner's stream does not say so",
                "every change commits its event in the same transaction",
                (Evidence("database: trades", f"{trade.trade_id} position {trade.position_identifier}"),),
            )
