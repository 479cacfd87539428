"""The checker itself: records in, findings out. Knows no file, no clock and no network."""

from __future__ import annotations

from signalos_verify.domain.agreement import check_agreement
from signalos_verify.domain.broker import Broker
from signalos_verify.domain.delivery import check_delivery
from signalos_verify.domain.executions import check_executions
from signalos_verify.domain.findings import Finding, Report, ordered
from signalos_verify.domain.history import check_history
from signalos_verify.domain.records import Records, Terms
from signalos_verify.domain.stops import check_stops
from signalos_verify.domain.streams import check_streams


def check(records: Records, terms: Terms) -> Report:
    """Join the records and return each broken promise with its evidence."""
    broker = Broker(records.ledgers)
    findings: list[Finding] = []
    findings += check_executions(records, broker, terms)
    findings += check_history(records, broker)
    findings += check_delivery(records, broker, terms)
    findings += check_streams(records)
    findings += check_stops(records, broker, terms)
    if terms.at_rest:
        findings += check_agreement(records, broker, terms)
    return Report(ordered(findings), _counts(records), _not_checked(records, broker, terms))


def _counts(records: Records) -> dict[str, int]:
    database = records.database
    return {
        "accounts": len(database.accounts),
        "commands": len(database.commands),
        "events": len(database.events),
        "deals": len(database.deals),
        "stops": len(database.stops),
        "alerts": len(database.alerts),
        "journals": len(records.journals),
        "outcomes": sum(len(journal.outcomes) for journal in records.journals),
        "broker requests": sum(len(ledger.requests) for ledger in records.ledgers),
        "executions": sum(len(ledger.deals) for ledger in records.ledgers),
        "client calls": records.told.calls,
        "probes": len(records.probes),
        "frames": sum(len(probe.frames) for probe in records.probes),
    }


def _not_checked(records: Records, broker: Broker, terms: Terms) -> tuple[str, ...]:
    words = []
    if not records.ledgers:
        words.append(
            "P2, P3 and P5 against the broker: no ledger was given; P2 and P3 against recorded deals only"
        )
    else:
        missing = [
            account.account_id
            for account in records.database.accounts.values()
            if account.login is not None and not broker.covers(account)
        ]
        if missing:
            words.append(
                f"P2, P3 and P5 of {', '.join(missing)}: in none of the ledgers; against recorded deals only"
            )
    if not records.journals:
        words.append("the bridges' journals: none was given")
    if not records.told.calls:
        words.append("what clients were told: no record was given")
    if not records.probes:
        words.append("what subscribers received: no record was given")
    if not terms.at_rest:
        words.append("P7 (agreement in the end): the system is not at rest")
    return tuple(words)
