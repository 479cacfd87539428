"""What a self-test found, for people and for programs."""

from __future__ import annotations

import dataclasses
import json
import statistics
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from signalos_cli.console import out, tell_done, tell_warning

if TYPE_CHECKING:
    from signalos_bridge.domain.selftest import Report

_COLOURS = {"agrees": "green", "differs": "red", "not tried": "yellow"}


def show(report: Report) -> None:
    """Print every expectation beside what was seen, how long calls took, and the differences in words."""
    out.print(
        f"account {report.login} at {escape(report.server)}, terminal build {report.build or 'unknown'} "
        f"of {escape(report.company or 'unknown')}, {escape(report.symbol)}"
    )
    table = Table("step", "expectation", "expected", "seen", "")
    for finding in report.findings:
        verdict = finding.verdict.value
        table.add_row(
            finding.step,
            escape(finding.what),
            escape(finding.expected),
            escape(finding.seen),
            f"[{_COLOURS[verdict]}]{verdict}[/]",
        )
    out.print(table)
    times = Table("call", "times", "median ms", "longest ms")
    for name, values in sorted(report.milliseconds.items()):
        times.add_row(name, str(len(values)), f"{statistics.median(values):.1f}", f"{max(values):.1f}")
    out.print(times)
    for finding in report.differences:
        advice = f" ({finding.advice})" if finding.advice else ""
        tell_warning(
            f"{finding.step}: {finding.what}: expected {finding.expected}, seen {finding.seen}{advice}"
        )
    if not report.differences:
        tell_done("this terminal behaves as the bridge expects")


def as_json(report: Report) -> str:
    """Return the report as JSON."""
    whole = dataclasses.asdict(report)
    whole["findings"] = [
        {**dataclasses.asdict(finding), "verdict": finding.verdict.value} for finding in report.findings
    ]
    return json.dumps(whole, indent=2, default=str) + "\n"
