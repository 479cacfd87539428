"""A broker whose clock stands still until a test moves it, and a terminal at it."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from signalos_bridge.emulator import metatrader5
from signalos_bridge.emulator.admin import BrokerAdmin
from tests.signalos_bridge.emulator.processes import BrokerProcess


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    process = BrokerProcess(
        tmp_path / "broker",
        *("--clock", "stepped", "--tick-interval", "0"),
        *("--account", "5001", "--account", "5002:EUR:50000:netting:30:real"),
    )
    process.start()
    yield process
    process.stop()


@pytest.fixture
def admin(broker: BrokerProcess) -> Iterator[BrokerAdmin]:
    with broker.admin() as connected:
        connected.set_price("EURUSD", "1.08500", "1.08510")
        yield connected


@pytest.fixture
def mt5(broker: BrokerProcess, admin: BrokerAdmin) -> Iterator[ModuleType]:
    """The module as a program has it that is connected to account 5001."""
    assert metatrader5.initialize(broker.url(5001))
    yield metatrader5
    metatrader5.shutdown()
