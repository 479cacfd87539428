"""Holds what clients were told of their commands against the broker's own ledger, and names each lie.

A command's orders carry the magic numbers of its legs, so that the join needs nothing but the two records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from signalos_bridge.emulator.ledger import Answered, DealRecord, Received, read_ledger

NOT_EXECUTED = frozenset({"REJECTED", "EXPIRED", "FENCED", "CANCELLED"})
EXECUTED = frozenset({"SUCCEEDED", "PARTIAL"})
_ACCEPTED = frozenset({10008, 10009, 10010})
_DEAL, _PENDING = 1, 5
# A double that carries lots, as JSON shows it, against the ledger's exact decimal.
_DUST = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Executions:
    """What the broker did for the requests of one magic number."""

    accepted_orders: int
    volume: Decimal


def executions(ledger: Path) -> dict[int, Executions]:
    """Accepted market and pending orders, and the volume dealt by requests, for each magic number."""
    requests: dict[int, Received] = {}
    accepted: dict[int, int] = defaultdict(int)
    volume: dict[int, Decimal] = defaultdict(Decimal)
    for record in read_ledger(ledger):
        match record:
            case Received():
                requests[record.serial] = record
            case Answered() if record.retcode in _ACCEPTED:
                request = requests[record.serial].request
                if request.get("action") in (_DEAL, _PENDING):
                    accepted[int(request.get("magic", 0))] += 1
            case DealRecord() if record.deal.serial is not None:
                volume[int(requests[record.deal.serial].request.get("magic", 0))] += record.deal.volume
    return {magic: Executions(accepted[magic], volume[magic]) for magic in accepted.keys() | volume.keys()}


def violations(commands: Iterable[dict[str, Any]], ledger: Path) -> Sequence[str]:
    """What of the promises P1-P3 the finished commands (as REST shows them) break, in words."""
    done = executions(ledger)
    found: list[str] = []
    told: set[int] = set()
    for command in commands:
        name = f"{command['commandId']} {command['state']}"
        trading = _deals_at_once(command)
        for leg in command["legs"]:
            magic = int(leg["magic"])
            told.add(magic)
            real = done.get(magic, Executions(0, Decimal(0)))
            if real.accepted_orders > 1:
                found.append(f"{name}: {real.accepted_orders} orders accepted for one leg")
            if real.volume > Decimal(str(leg["askedVolumeLots"])) + _DUST:
                found.append(f"{name}: {real.volume} executed, {leg['askedVolumeLots']} asked")
            if command["state"] in NOT_EXECUTED and real.accepted_orders:
                found.append(f"{name}: it is in the broker's ledger")
        if command["state"] in EXECUTED and trading:
            real_volume = sum((done[m].volume for m in _magics(command) if m in done), Decimal(0))
            told_volume = Decimal(str(command["filledVolumeLots"]))
            if abs(real_volume - told_volume) > _DUST:
                found.append(f"{name}: {told_volume} told, {real_volume} in the broker's ledger")
        if command["state"] not in NOT_EXECUTED | EXECUTED:
            found.append(f"{name}: not final")
    found += [
        f"magic {magic}: {real.volume} lots executed that no command explains"
        for magic, real in done.items()
        if magic and magic not in told
    ]
    return found


def _deals_at_once(command: dict[str, Any]) -> bool:
    """Whether success means deals: not for levels, orders that wait, and what is only recorded."""
    asked = {name: value for name, value in command["action"].items() if value is not None}
    if "open" in asked:
        return asked["open"]["orderType"] in ("MARKET", "UNSPECIFIED")
    return bool(asked.keys() & {"close", "closeAll"})


def _magics(command: dict[str, Any]) -> list[int]:
    return [int(leg["magic"]) for leg in command["legs"]]
