"""What this bridge keeps of the audit: the newest head of each chain, and heads that were contradicted.

An audit whose end was cut, or that was written anew, is caught by whoever remembers how it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# Evidence, not a log: more contradictions than this say nothing new.
_MOST_CONTRADICTED = 20


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The last entry of a chain, as the server once told it: its number and hash."""

    chain: str
    number: int
    hash: str


@dataclass(frozen=True, slots=True)
class KeptHeads:
    """The newest head of each chain, and those that a later word contradicted, oldest first."""

    heads: tuple[AuditHead, ...] = ()
    contradicted: tuple[AuditHead, ...] = ()


def keep(kept: KeptHeads, told: Iterable[AuditHead]) -> tuple[KeptHeads, tuple[AuditHead, ...]]:
    """Return what is kept after the server's word, and the heads that the word contradicts.

    A chain only grows: a lower number, or another hash for the same number, says that it was cut or written
    anew. The old head is kept as evidence, and the new one counts from then on.
    """
    heads = {head.chain: head for head in kept.heads}
    contradicted = []
    for head in told:
        before = heads.get(head.chain)
        if before is not None and _contradicts(before, head):
            contradicted.append(before)
        heads[head.chain] = head
    evidence = (*kept.contradicted, *contradicted)[-_MOST_CONTRADICTED:]
    return KeptHeads(tuple(heads.values()), evidence), tuple(contradicted)


def _contradicts(before: AuditHead, after: AuditHead) -> bool:
    return after.number < before.number or (after.number == before.number and after.hash != before.hash)
