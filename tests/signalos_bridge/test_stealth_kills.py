"""The core is killed while it hides levels and while it closes at one: the same protection holds after it."""

from __future__ import annotations

import signal
import time
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.signalos_bridge.emulator.processes import BrokerProcess
from tests.signalos_bridge.test_core_kills import LOGIN, CoreProcess

pytestmark = pytest.mark.integration

WITHIN_SECONDS = 20.0


@pytest.fixture(params=["hedging", "netting"])
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[BrokerProcess]:
    account = f"{LOGIN}:USD:1000000:{request.param}"
    process = BrokerProcess(tmp_path / "broker", "--tick-interval", "0", "--account", account)
    process.start()
    yield process
    process.stop()


def quote(broker: BrokerProcess, bid: str) -> None:
    with broker.admin() as admin:
        admin.set_price("EURUSD", bid, Decimal(bid) + Decimal("0.00004"))


def levels(broker: BrokerProcess) -> list[tuple[Decimal, Decimal]]:
    with broker.admin() as admin:
        return [(position.sl, position.tp) for position in admin.positions(LOGIN)]


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.02)


@pytest.mark.parametrize("failpoint", ["after_hidden", "after_deliver:2", "after_intent:2", "after_call:2"])
def test_hiding_that_is_killed_at_any_instant_is_done_after_the_restart(
    failpoint: str, broker: BrokerProcess, tmp_path: Path
) -> None:
    quote(broker, "1.10000")
    command_id = str(uuid.uuid4())
    first = CoreProcess(tmp_path, broker, failpoint)
    first.until("ready")
    first.say(f"protect {command_id} 0.01")
    assert first.until(f"outcome {command_id}")[2] == "SUCCEEDED"
    first.say("stealth - on")
    assert first.died() == -signal.SIGKILL
    # The stop that the broker holds is the real one or the disaster stop: never none.
    assert levels(broker)[0][0] in (Decimal("1.095"), Decimal("1.09"))

    second = CoreProcess(tmp_path, broker)
    try:
        second.until("ready")
        eventually(lambda: levels(broker) == [(Decimal("1.09"), Decimal(0))])
        quote(broker, "1.09490")
        eventually(lambda: not levels(broker))
    finally:
        second.end()


@pytest.mark.parametrize(
    "failpoint", ["after_deliver:2", "after_intent:2", "after_call:2", "after_outcome:2"]
)
def test_a_crossing_that_is_killed_at_any_instant_closes_once_though_the_market_comes_back(
    failpoint: str, broker: BrokerProcess, tmp_path: Path
) -> None:
    quote(broker, "1.10000")
    command_id = str(uuid.uuid4())
    first = CoreProcess(tmp_path, broker, failpoint)
    first.until("ready")
    first.say("stealth - on")
    first.say(f"protect {command_id} 0.01")
    assert first.until(f"outcome {command_id}")[2] == "SUCCEEDED"
    eventually(lambda: levels(broker) == [(Decimal("1.09"), Decimal(0))])
    time.sleep(0.5)
    quote(broker, "1.09490")
    assert first.died() == -signal.SIGKILL
    quote(broker, "1.10000")

    second = CoreProcess(tmp_path, broker)
    try:
        second.until("ready")
        eventually(lambda: not levels(broker))
    finally:
        second.end()
    with broker.admin() as admin:
        closing = [deal for deal in admin.deals(LOGIN) if deal.position_id and deal.entry != 0]
    assert len(closing) == 1
