"""The checker on the world of a test: what it finds, and what the broker did for a leg."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from signalos_verify.app import Settings, found_in, read_records
from signalos_verify.domain.broker import Broker, LegDone
from signalos_verify.domain.check import check
from signalos_verify.domain.records import FINAL, Statement, Terms, Told
from signalos_verify.reading.ledger import read_ledger


def broker_legs(emulator: Path) -> dict[int, LegDone]:
    """What the broker did for each magic number; `emulator` is its data directory."""
    return {magic: done for (_, magic), done in Broker([read_ledger(emulator)]).legs.items()}


def violations(
    commands: Iterable[dict[str, Any]], directory: Path, database_url: str | None = None
) -> list[str]:
    """What of the promises the records of a running world break, in words.

    `commands` are as clients were told, and all are expected to be final. Without `database_url` the database
    is the file of the world.
    """
    told = list(commands)
    bridges, ledgers = found_in(directory)
    assert ledgers, f"no broker's ledger below {directory}"
    settings = Settings(data_dir=directory, database_url=database_url, bridge_dirs=bridges, ledgers=ledgers)
    records = read_records(settings)
    statements = tuple(
        Statement("REST", 0.0, one["commandId"], one["state"], Decimal(str(one["filledVolumeLots"])))
        for one in told
    )
    report = check(replace(records, told=Told(len(told), statements)), Terms(grace_seconds=0.0))
    words = [one.text() for one in report.violations]
    return words + [f"{one['commandId']} is {one['state']}" for one in told if one["state"] not in FINAL]
