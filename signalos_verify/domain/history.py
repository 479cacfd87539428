"""P2 and P3 without a ledger: against the deals of the terminal's own history, as the bridge told them.

What a bridge never told cannot be found so; what it told twice, or said otherwise than it told, can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from signalos_verify.domain.broker import Broker
from signalos_verify.domain.findings import Evidence, Finding, Promise, Severity
from signalos_verify.domain.quoting import command_evidence, leg_evidence
from signalos_verify.domain.records import DUST, EXECUTED, NOT_EXECUTED, Command, Deal, Leg, Records

# Numbers of `signalos.v1.DealEntry`.
_IN, _INOUT = 1, 3


def check_history(records: Records, broker: Broker) -> Iterator[Finding]:
    """Yield what the deals on record say against the commands of accounts that no ledger covers."""
    database = records.database
    deals: dict[tuple[str, int], list[Deal]] = defaultdict(list)
    for deal in database.deals:
        if deal.magic:
            deals[deal.account_id, deal.magic].append(deal)
    for command in database.commands.values():
        if broker.covers(database.accounts.get(command.account_id)):
            continue
        done = [
            (leg, _of_leg(command, deals.get((command.account_id, leg.magic), ()))) for leg in command.legs
        ]
        for leg, found in done:
            yield from _leg(command, leg, found)
        yield from _told(command, [deal for _, found in done for deal in found])


def _of_leg(command: Command, deals: Sequence[Deal]) -> list[Deal]:
    """A position's stop loss deals under the magic number that opened it: that is not the leg's."""
    if command.kind != "open":
        return list(deals)
    return [deal for deal in deals if deal.entry in (_IN, _INOUT)]


def _leg(command: Command, leg: Leg, deals: Sequence[Deal]) -> Iterator[Finding]:
    evidence = (command_evidence(command), leg_evidence(command, leg), *map(_quote, deals))
    orders = {deal.order_ticket for deal in deals}
    if len(orders) > 1:
        yield Finding(
            Promise.NO_DOUBLE,
            Severity.VIOLATION,
            "DOUBLE_EXECUTION",
            f"{len(orders)} orders were executed for leg {leg.index} of command {command.command_id}",
            "the broker takes at most one order for each leg",
            evidence,
        )
    volume = sum((deal.volume_lots for deal in deals), Decimal(0))
    if volume > leg.asked_volume_lots + DUST:
        yield Finding(
            Promise.NO_DOUBLE,
            Severity.VIOLATION,
            "EXECUTED_TOO_MUCH",
            f"{volume} lots were executed for leg {leg.index} of command {command.command_id}, "
            f"{leg.asked_volume_lots} were asked",
            "executed volume never exceeds what was asked",
            evidence,
        )


def _told(command: Command, deals: Sequence[Deal]) -> Iterator[Finding]:
    evidence = (command_evidence(command), *map(_quote, deals[:8]))
    severity = Severity.NOTICE if command.resolved_by_person else Severity.VIOLATION
    volume = sum((deal.volume_lots for deal in deals), Decimal(0))
    if command.state in NOT_EXECUTED and deals:
        yield Finding(
            Promise.NO_LIE,
            severity,
            "RESOLVED_OTHERWISE" if command.resolved_by_person else "EXECUTED_BUT_DENIED",
            f"command {command.command_id} is {command.state}, and deals bear its mark",
            f"{command.state} says that the broker did nothing of it",
            evidence,
        )
    elif command.state in EXECUTED and command.deals_at_once and volume - command.filled_volume_lots > DUST:
        # Less is no sign: the history that is kept here may begin later.
        yield Finding(
            Promise.NO_LIE,
            severity,
            "VOLUME_DIFFERS",
            f"command {command.command_id} is {command.state} with {command.filled_volume_lots} lots; its "
            f"deals have {volume}",
            "SUCCEEDED and PARTIAL say: in the broker's books, with that volume",
            evidence,
        )


def _quote(deal: Deal) -> Evidence:
    return Evidence(
        "database: deals",
        f"{deal.ticket} order {deal.order_ticket} position {deal.position_identifier} magic {deal.magic} "
        f"volume {deal.volume_lots} entry {deal.entry}",
    )
