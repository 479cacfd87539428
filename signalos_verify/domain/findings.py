"""What the checker finds: which promise, how sure, what, and the records that show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Promise(Enum):
    """The promises, by their numbers."""

    NO_LOSS = "P1"
    NO_DOUBLE = "P2"
    NO_LIE = "P3"
    ORDER = "P4"
    STOP = "P5"
    FENCING = "P6"
    RECOVERY = "P7"
    TENANCY = "P8"


class Severity(Enum):
    """How sure a finding is."""

    # A promise is broken, and the evidence shows it.
    VIOLATION = "violation"
    # Worth a person's look; no promise is broken by it alone.
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One record, quoted. `source` says where it stands, e.g. `ledger.jsonl:17` or `database: commands`."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `code` is stable; `explained` says why it counts, and what else it may be."""

    promise: Promise
    severity: Severity
    code: str
    what: str
    explained: str
    evidence: tuple[Evidence, ...] = ()

    def text(self) -> str:
        """Return the finding with its evidence, for a person."""
        lines = [
            f"{self.promise.value} {self.severity.value} {self.code}: {self.what}",
            f"    {self.explained}",
        ]
        lines += [f"    {one.source}: {one.text}" for one in self.evidence]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, and what was looked at: a check over nothing proves nothing."""

    findings: tuple[Finding, ...]
    counts: dict[str, int]
    not_checked: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def violations(self) -> tuple[Finding, ...]:
        """Return the findings that break a promise."""
        return tuple(one for one in self.findings if one.severity is Severity.VIOLATION)

    @property
    def codes(self) -> frozenset[str]:
        """Return the codes of the violations."""
        return frozenset(one.code for one in self.violations)

    def text(self, most: int = 50) -> str:
        """Return the report for a person, with at most so many findings in full."""
        lines = [one.text() for one in self.findings[:most]]
        if len(self.findings) > most:
            lines.append(f"... and {len(self.findings) - most} more findings")
        looked = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        lines.append(f"looked at: {looked or 'nothing'}")
        lines += [f"not checked: {words}" for words in self.not_checked]
        by_promise = Counter(one.promise.value for one in self.violations)
        if by_promise:
            told = ", ".join(f"{name}: {count}" for name, count in sorted(by_promise.items()))
            lines.append(f"{len(self.violations)} violations ({told})")
        else:
            lines.append("no violation")
        return "\n".join(lines)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return violations first, by promise, in the order in which they were found."""
    return tuple(sorted(findings, key=lambda one: (one.severity is Severity.NOTICE, one.promise.value)))
