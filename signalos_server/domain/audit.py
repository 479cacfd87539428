"""The audit's chain of hashes: what an entry seals, and whether a chain is whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

SYSTEM_CHAIN = "system"

# The hash before the first entry.
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry, without its hash."""

    chain: str
    # From 1, without holes.
    number: int
    time: datetime
    # Of the server that wrote it, since its start.
    monotonic_microseconds: int
    # Empty: the system.
    user_id: str
    action: str
    # JSON with sorted keys.
    detail: str


@dataclass(frozen=True, slots=True)
class SealedEntry:
    """An entry and the hash that seals it with all before it."""

    entry: AuditEntry
    hash: str


@dataclass(frozen=True, slots=True)
class AuditHead:
    """A chain's last entry as it once was, kept elsewhere: by it a cut or rewritten tail shows."""

    chain: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a chain is not whole, and why."""

    chain: str
    number: int
    reason: str


def detail_text(detail: Mapping[str, object]) -> str:
    """Return `detail` as the one JSON text that it has."""
    return json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def seal(previous_hash: str, entry: AuditEntry) -> str:
    """Return the hash of `entry` after the entry with `previous_hash`."""
    fields = (
        previous_hash,
        entry.chain,
        str(entry.number),
        entry.time.isoformat(timespec="microseconds"),
        str(entry.monotonic_microseconds),
        entry.user_id,
        entry.action,
        entry.detail,
    )
    # Lengths before the values, so that no two entries read the same.
    text = "".join(f"{len(field)}:{field}" for field in fields)
    return hashlib.sha256(text.encode()).hexdigest()


def contradicts(head: AuditHead, hash_now: str | None) -> str:
    """Return how a kept head contradicts the chain of today, empty where it does not.

    `hash_now`: of the entry with the head's number; None: there is no such entry.
    """
    if hash_now is None:
        return f"entry {head.number} was there once and is missing: the end of the chain was cut"
    if hash_now != head.hash:
        return f"entry {head.number} was another one once: the chain was written anew"
    return ""


def verify(chain: str, entries: Iterable[SealedEntry], head: tuple[int, str]) -> Broken | None:
    """Return the first place where `chain` is not whole, or None.

    `head` is the number and hash of the last entry as kept elsewhere; it shows a cut tail.
    """
    number, previous = 0, GENESIS
    for sealed in entries:
        entry = sealed.entry
        number += 1
        if entry.number != number:
            return Broken(chain, number, f"entry {number} is missing")
        if entry.chain != chain:
            return Broken(chain, number, "the entry belongs to another chain")
        previous = seal(previous, entry)
        if previous != sealed.hash:
            return Broken(chain, number, "the entry or its hash was changed")
    if number < head[0]:
        return Broken(chain, number + 1, f"the chain had {head[0]} entries; the last ones are missing")
    if (number, previous) != head:
        return Broken(chain, number, "the chain's head was changed")
    return None
