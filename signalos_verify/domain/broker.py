"""What the broker did for each leg: its ledger by magic number and by account."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from signalos_verify.domain.findings import Evidence
from signalos_verify.domain.records import (
    ACTION_CLOSE_BY,
    ACTION_DEAL,
    ACTION_PENDING,
    Account,
    BrokerDeal,
    BrokerRequest,
    Ledger,
)

_ORDERS = frozenset({ACTION_DEAL, ACTION_PENDING, ACTION_CLOSE_BY})
_MAGIC_PREFIX_SHIFT = 48


@dataclass(slots=True)
class LegDone:
    """What the broker received and did for the requests of one magic number of one login."""

    path: str
    # Orders only, oldest first; changes of levels and cancellations are `changes`.
    requests: list[BrokerRequest] = field(default_factory=list)
    changes: list[BrokerRequest] = field(default_factory=list)
    # Executions of the orders that these requests made, whenever they came.
    deals: list[BrokerDeal] = field(default_factory=list)

    @property
    def accepted(self) -> list[BrokerRequest]:
        """Return the orders that the broker took."""
        return [request for request in self.requests if request.accepted]

    @property
    def volume(self) -> Decimal:
        """Return what was executed."""
        return sum((deal.volume for deal in self.deals), Decimal(0))

    @property
    def asked_pending(self) -> bool:
        """Return whether it asked for an order that waits."""
        return any(request.action == ACTION_PENDING for request in self.requests)

    def evidence(self) -> tuple[Evidence, ...]:
        """Return the ledger's lines about it."""
        said = [request_evidence(self.path, request) for request in self.requests]
        said += [deal_evidence(self.path, deal) for deal in self.deals]
        return tuple(said[:8])


NOTHING = LegDone("")
# A command has at most so many legs; those of a close of everything name their tickets.
_MOST_LEGS = 32


def leg_magics(prefix: int, command_id: str) -> Iterable[int]:
    """Return the magic numbers that the legs of a command have: the account's mark, and 48 bits of a hash.

    What a journal that is lost sent to the broker is recognised by them.
    """
    for index in range(_MOST_LEGS):
        digest = hashlib.sha256(f"{command_id}:{index}".encode()).digest()
        yield (prefix << _MAGIC_PREFIX_SHIFT) | int.from_bytes(digest[:6], "big")


class Broker:
    """The ledgers of a run, joined by login and magic number."""

    def __init__(self, ledgers: Iterable[Ledger]) -> None:
        self.ledgers = tuple(ledgers)
        self.legs: dict[tuple[int, int], LegDone] = {}
        # Changes of orders carry no magic: by login and ticket.
        self.order_changes: dict[tuple[int, int], list[BrokerRequest]] = defaultdict(list)
        self.logins: frozenset[int] = frozenset().union(*(ledger.logins for ledger in self.ledgers))
        for ledger in self.ledgers:
            self._take(ledger)

    def _take(self, ledger: Ledger) -> None:
        of_order: dict[tuple[int, int], LegDone] = {}
        of_serial: dict[int, LegDone] = {}
        for request in ledger.requests:
            if request.order and request.action not in _ORDERS:
                self.order_changes[request.login, request.order].append(request)
            if not request.magic:
                continue
            leg = self.legs.setdefault((request.login, request.magic), LegDone(ledger.path))
            if request.action in _ORDERS:
                leg.requests.append(request)
                of_serial[request.serial] = leg
                if request.accepted and request.order_ticket:
                    of_order[request.login, request.order_ticket] = leg
            else:
                leg.changes.append(request)
        for deal in ledger.deals:
            found = of_order.get((deal.login, deal.order))
            if found is None and deal.serial is not None:
                found = of_serial.get(deal.serial)
            if found is not None:
                found.deals.append(deal)

    def leg(self, login: int | None, magic: int) -> LegDone:
        """Return what was done for a leg; `NOTHING` where the ledger does not know it."""
        return NOTHING if login is None else self.legs.get((login, magic), NOTHING)

    def covers(self, account: Account | None) -> bool:
        """Return whether the account's broker wrote one of these ledgers."""
        return account is not None and account.login is not None and account.login in self.logins

    def of_ours(self, account: Account) -> Iterable[tuple[int, LegDone]]:
        """Return the legs whose magic numbers carry the account's mark."""
        for (login, magic), leg in self.legs.items():
            if login == account.login and magic >> _MAGIC_PREFIX_SHIFT == account.magic_prefix:
                yield magic, leg


def request_evidence(path: str, request: BrokerRequest) -> Evidence:
    """Quote a request with the broker's answer."""
    told = "nothing" if not request.answered else f"{request.told_retcode}".lower()
    return Evidence(
        f"{path}:{request.line}",
        f"request {request.serial} login {request.login} action {request.action} magic {request.magic} "
        f"position {request.position} order {request.order} volume {request.volume} at {request.at:.3f}: "
        f"retcode {request.retcode} order {request.order_ticket}, told {told}",
    )


def deal_evidence(path: str, deal: BrokerDeal) -> Evidence:
    """Quote an execution."""
    return Evidence(
        f"{path}:{deal.line}",
        f"deal {deal.ticket} login {deal.login} order {deal.order} position {deal.position} "
        f"entry {deal.entry} magic {deal.magic} volume {deal.volume} {deal.symbol} at {deal.at:.3f}",
    )
