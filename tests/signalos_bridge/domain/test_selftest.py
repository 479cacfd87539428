"""What a self-test notes."""

from __future__ import annotations

from decimal import Decimal

from signalos_bridge.domain.selftest import Report, Verdict, relative_difference, words


def test_a_difference_keeps_what_was_expected_and_seen_with_what_it_means() -> None:
    report = Report(1, "Broker-Demo", "Broker", 5000, "EURUSD")
    assert report.equal("open", "its volume", Decimal("0.10"), Decimal("0.1"), "look")
    assert not report.equal("open", "its stop", Decimal("1.1"), None, "look")
    report.skipped("hedging", "both sides", "a netting account")
    (difference,) = report.differences
    assert (difference.expected, difference.seen, difference.advice) == ("1.1", "none", "look")
    assert [finding.verdict for finding in report.findings] == list(Verdict)
    assert report.findings[0].advice == ""


def test_values_are_shown_plainly() -> None:
    assert words(Decimal("1E+2")) == "100"
    assert words(Verdict.AGREES) == "AGREES"


def test_a_difference_is_a_share_of_what_was_expected() -> None:
    assert relative_difference(Decimal(10), Decimal(9)) == Decimal("0.1")
    assert relative_difference(Decimal(0), Decimal(0)) == 0
    assert relative_difference(Decimal(0), Decimal(1)) == 1
