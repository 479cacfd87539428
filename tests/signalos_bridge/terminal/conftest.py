"""A broker of the emulator as a process, and our terminal process in front of it."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from signalos_bridge.domain.orders import Order, Priority
from signalos_bridge.emulator.admin import AdminRefused, BrokerAdmin
from signalos_bridge.emulator.server import read_address
from signalos_bridge.terminal.calls import CallLimits
from signalos_bridge.terminal.frames import PollSettings
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.port import Clearance, TerminalAnswer, TerminalChange
from signalos_bridge.terminal.process import ProcessSettings
from signalos_bridge.terminal.remote import RemoteTerminal

EMULATOR = "signalos_bridge.emulator.metatrader5"
HEDGING, NETTING = 5001, 5002

_C = TypeVar("_C")


def clear() -> Clearance:
    return Clearance(latched=False)


class Bench:
    """A terminal under test, everything that it told, and the broker's own view."""

    def __init__(self, terminal: RemoteTerminal, broker: BrokerAdmin, login: int) -> None:
        self.terminal = terminal
        self.broker = broker
        self.login = login
        self.told: list[TerminalChange] = []

    async def listen(self) -> None:
        async for change in self.terminal.changes():
            self.told.append(change)

    async def submit(self, order: Order, priority: Priority | None = None) -> TerminalAnswer:
        return await self.terminal.submit(order, gate=clear, priority=priority)

    def heard(self, kind: type[_C]) -> list[_C]:
        return [change for change in self.told if isinstance(change, kind)]

    async def bind(self) -> None:
        await eventually(lambda: self.terminal.status.login == self.login)
        self.terminal.bind((await self.terminal.account()).bound())


async def eventually(holds: Callable[[], bool], within_seconds: float = 10.0) -> None:
    give_up = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come to hold"
        await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def broker_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("broker")
    command = [sys.executable, "-m", "signalos_bridge.emulator", "--data-dir", str(directory)]
    accounts = ["--account", f"{HEDGING}:USD:1000000:hedging", "--account", f"{NETTING}:USD:1000000:netting"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([*command, *accounts, "--tick-interval", "200"], stderr=log)
        try:
            give_up = time.monotonic() + 20
            while not (directory / "address.json").exists():
                assert process.poll() is None
                assert time.monotonic() < give_up
                time.sleep(0.02)
            yield directory
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture
def broker(broker_directory: Path) -> Iterator[BrokerAdmin]:
    with BrokerAdmin.of(broker_directory) as admin:
        # An order that a killed child left under way may be carried out after the test that sent it.
        _clear(admin)
        yield admin
        _clear(admin)


def _clear(admin: BrokerAdmin) -> None:
    """End what is open and what works, in both accounts; also what the broker is carrying out meanwhile."""
    admin.clear_faults()
    give_up = time.monotonic() + 10
    for login in (HEDGING, NETTING):
        while (orders := admin.orders(login)) or admin.positions(login):
            assert time.monotonic() < give_up, "the broker does not come to rest"
            # Each may end by itself between the question and this.
            for order in orders:
                with contextlib.suppress(AdminRefused):
                    admin.cancel_by_hand(login, order.ticket)
            for position in admin.positions(login):
                with contextlib.suppress(AdminRefused):
                    admin.close_by_hand(login, position.ticket)


@pytest.fixture
def login() -> int:
    return HEDGING


@pytest.fixture
async def unbound(broker: BrokerAdmin, broker_directory: Path, login: int) -> AsyncIterator[Bench]:
    address = read_address(broker_directory)
    settings = ProcessSettings(
        AdapterSettings(EMULATOR, address.url(login)),
        PollSettings(),
        limits=CallLimits(read_seconds=1.0, stop_seconds=0.5),
    )
    terminal = RemoteTerminal(settings)
    bench = Bench(terminal, broker, login)
    async with asyncio.TaskGroup() as group:
        group.create_task(terminal.run())
        group.create_task(bench.listen())
        try:
            yield bench
        finally:
            broker.clear_faults()
            await terminal.close()


@pytest.fixture
async def bench(unbound: Bench) -> Bench:
    await unbound.bind()
    return unbound
