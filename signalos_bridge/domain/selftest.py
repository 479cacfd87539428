"""What a self-test found at a terminal: each expectation of the adapter beside what was seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum


class Verdict(Enum):
    """What became of one expectation."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation. `expected` and `seen` carry the numbers; `advice` what a difference means."""

    step: str
    what: str
    verdict: Verdict
    expected: str
    seen: str
    advice: str = ""


@dataclass(slots=True)
class Report:
    """The findings so far, and how long calls took, in milliseconds by name."""

    login: int
    server: str
    company: str
    build: int | None
    symbol: str
    findings: list[Finding] = field(default_factory=list)
    milliseconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def differences(self) -> list[Finding]:
        """Return what is not as the adapter expects."""
        return [finding for finding in self.findings if finding.verdict is Verdict.DIFFERS]

    def hold(
        self, step: str, what: str, agrees: bool, expected: object, seen: object, advice: str = ""
    ) -> bool:
        """Note one expectation; return whether it holds."""
        verdict = Verdict.AGREES if agrees else Verdict.DIFFERS
        self.findings.append(
            Finding(step, what, verdict, words(expected), words(seen), "" if agrees else advice)
        )
        return agrees

    def equal(self, step: str, what: str, expected: object, seen: object, advice: str = "") -> bool:
        """Note that two values should be the same."""
        return self.hold(step, what, expected == seen, expected, seen, advice)

    def skipped(self, step: str, what: str, why: str) -> None:
        """Note what could not be tried."""
        self.findings.append(Finding(step, what, Verdict.NOT_TRIED, "", why))

    def took(self, name: str, seconds: float) -> None:
        """Note how long a call took."""
        self.milliseconds.setdefault(name, []).append(seconds * 1000.0)


def words(value: object) -> str:
    """Return a value as it is shown: decimals plainly, nothing as `none`."""
    if value is None:
        return "none"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    if isinstance(value, Enum):
        return value.name
    return str(value)


def relative_difference(expected: Decimal, seen: Decimal) -> Decimal:
    """Return by how much, as a share of the expected; 0 where both are 0."""
    if expected == 0:
        return Decimal(0) if seen == 0 else Decimal(1)
    return abs(seen - expected) / abs(expected)
