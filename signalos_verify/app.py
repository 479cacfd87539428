"""The checker's composition root: reads the records in an order that a live system allows, and joins them."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from signalos_verify.domain.check import check
from signalos_verify.domain.findings import Report
from signalos_verify.domain.records import Records, Terms
from signalos_verify.reading.database import read_database
from signalos_verify.reading.errors import RecordUnreadable
from signalos_verify.reading.journal import JOURNAL_FILE, read_bridge
from signalos_verify.reading.ledger import LEDGER_FILE, read_ledger
from signalos_verify.reading.transcripts import read_clients, read_probes

__all__ = ["RecordUnreadable", "Settings", "found_in", "read_records", "verify"]

DATABASE_FILE = "signalos.sqlite3"


@dataclass(frozen=True, slots=True)
class Settings:
    """What to check. Without `database_url` the database is the SQLite file below `data_dir`/server."""

    data_dir: Path
    database_url: str | None = None
    bridge_dirs: tuple[Path, ...] = ()
    ledgers: tuple[Path, ...] = ()
    clients: tuple[Path, ...] = ()
    probes: tuple[Path, ...] = ()
    at_rest: bool = False
    server_clock: bool = True
    terms: Terms = field(default_factory=Terms)


def found_in(data_dir: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the bridges' data directories and the ledgers below a directory that `signalos up` laid out."""
    if not data_dir.is_dir():
        return (), ()
    below = sorted(path for path in data_dir.iterdir() if path.is_dir())
    bridges = tuple(path for path in below if (path / JOURNAL_FILE).is_file())
    ledgers = tuple(path for path in below if (path / LEDGER_FILE).is_file())
    return bridges, ledgers


def read_records(settings: Settings) -> Records:
    """Return the records, changing none. Raises `RecordUnreadable`.

    First what follows the database (clients, probes, journals' acknowledgements), then the database, then the
    ledger, which is ahead of it: on a live system nothing then looks lost that is only under way.
    """
    url = settings.database_url or f"sqlite:///{(settings.data_dir / 'server' / DATABASE_FILE).resolve()}"
    told = read_clients(settings.clients)
    probes = read_probes(settings.probes)
    journals = tuple(read_bridge(path) for path in settings.bridge_dirs)
    database = read_database(url)
    ledgers = tuple(read_ledger(path) for path in settings.ledgers)
    return Records(database, journals, ledgers, told, probes)


def verify(settings: Settings) -> Report:
    """Read the records and return what they show. Raises `RecordUnreadable`."""
    began = time.perf_counter()
    terms = replace(settings.terms, at_rest=settings.at_rest, server_clock=settings.server_clock)
    with _no_collections():
        report = check(read_records(settings), terms)
    return replace(report, seconds=time.perf_counter() - began)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the collector from looking again and again at records that all stay, and hold no cycle."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
