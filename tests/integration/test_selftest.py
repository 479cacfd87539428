"""The self-test of a terminal, on an emulated broker that behaves, and on one that does not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.domain.selftest import Report
from signalos_bridge.emulator.faults import AnyFault, Lag, Reject, RewriteComment, TellNone
from signalos_bridge.emulator.operator_messages import SymbolChange
from signalos_bridge.selftest import SelfTestRefused, selftest
from tests.signalos_bridge.emulator.processes import BrokerProcess

pytestmark = pytest.mark.integration

MODULE = "signalos_bridge.emulator.metatrader5"
ACCOUNTS = ("5001:USD:100000:hedging", "5002:EUR:100000:netting", "5003:USD:100000:hedging:100:real")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    options = [option for account in ACCOUNTS for option in ("--account", account)]
    process = BrokerProcess(tmp_path_factory.mktemp("broker"), *options)
    process.start()
    with process.admin() as admin:
        # Open at any hour, and quiet enough for stops to stand.
        admin.set_symbol("EURUSD", SymbolChange(closed=False, swing_points=0, stops_level_points=10))
        admin.set_price("EURUSD", "1.10000", "1.10004")
    yield process
    process.stop()


def run(broker: BrokerProcess, login: int = 5001) -> Report:
    said: list[str] = []
    report = selftest(MODULE, broker.url(login), "EURUSD", said.append)
    assert len(said) >= 4
    with broker.admin() as admin:
        assert not admin.positions(login)
        assert not admin.orders(login)
    return report


def differing(report: Report) -> dict[str, str]:
    return {finding.what: finding.seen for finding in report.differences}


@pytest.fixture
def faults(broker: BrokerProcess) -> Iterator[None]:
    yield
    with broker.admin() as admin:
        admin.clear_faults()


def inject(broker: BrokerProcess, *injected: AnyFault) -> None:
    with broker.admin() as admin:
        for fault in injected:
            admin.add_fault(fault)


@pytest.mark.parametrize("login", [5001, 5002])
def test_a_terminal_that_behaves_differs_in_nothing_and_is_left_flat(
    broker: BrokerProcess, login: int
) -> None:
    report = run(broker, login)
    assert differing(report) == {}
    assert len(report.findings) > 30
    assert report.milliseconds["order_send (open)"]


@pytest.mark.usefixtures("faults")
def test_a_rewritten_comment_is_reported_as_it_was_seen(broker: BrokerProcess) -> None:
    inject(broker, RewriteComment(comment="sent by broker"))
    found = differing(run(broker))
    assert found == {"it carries our comment": "sent by broker"}


@pytest.mark.usefixtures("faults")
def test_trades_that_show_late_are_reported_with_the_delay(broker: BrokerProcess) -> None:
    inject(broker, Lag(milliseconds=900))
    found = differing(run(broker))
    late = found["the position shows soon after the result"]
    assert 500 < int(late.removesuffix(" ms")) < 5000


@pytest.mark.usefixtures("faults")
def test_a_refusal_is_reported_with_its_return_code_and_nothing_is_left(broker: BrokerProcess) -> None:
    inject(broker, Reject(retcode=10017, count=100))
    report = run(broker)
    found = differing(report)
    assert "10017" in found["a market order is executed"]
    assert "10017" in found["a limit order can be placed"]
    assert "10017" in found["a buy is executed"]
    assert not any("netting" in finding.advice for finding in report.findings)


@pytest.mark.usefixtures("faults")
def test_an_answer_of_none_after_execution_is_reported_and_what_it_opened_is_closed(
    broker: BrokerProcess,
) -> None:
    inject(broker, TellNone(function="order_send", executed=True, count=1))
    found = differing(run(broker))
    assert found["a market order is executed"] == "Ambiguous"


def test_a_real_account_is_refused_before_anything_is_sent(broker: BrokerProcess) -> None:
    with pytest.raises(SelfTestRefused, match="demo accounts only"):
        selftest(MODULE, broker.url(5003), "EURUSD", lambda _: None)
    with broker.admin() as admin:
        assert not admin.deals(5003) or all(deal.volume == Decimal(0) for deal in admin.deals(5003))


def test_a_symbol_that_the_broker_has_not_got_is_refused(broker: BrokerProcess) -> None:
    with pytest.raises(SelfTestRefused, match="no symbol NONSENSE"):
        selftest(MODULE, broker.url(5001), "NONSENSE", lambda _: None)


def test_the_command_says_what_it_found_in_a_table_and_as_json(broker: BrokerProcess, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "signalos_cli", "bridge", "selftest", "--yes"]
    command += ["--terminal-module", "emulator", "--terminal-path", broker.url(5001)]
    ended = subprocess.run(
        [*command, "--report", str(report)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "agrees" in ended.stdout
    findings = json.loads(report.read_text())["findings"]
    assert {finding["verdict"] for finding in findings} <= {"agrees", "not tried"}
