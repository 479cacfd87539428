"""Hundreds of bridges in a few processes: real link, control, latch, core and journal; terminals in memory.

`provision` pairs them straight in the server's database; `LightBridges` runs them. A process takes one word a
line on its standard input: `stall` ends the credit of every data stream, `flow` gives it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvloop
from h2.exceptions import ProtocolError

from signalos_bridge import credentials, logs
from signalos_bridge.clock import SystemClock
from signalos_bridge.controller import Controller
from signalos_bridge.core import Core, CoreSettings
from signalos_bridge.credentials import Credential
from signalos_bridge.domain.market import AccountSnapshot, BoundAccount, MarginMode, Tick, TradeMode
from signalos_bridge.domain.session import ConnectSession, Ended
from signalos_bridge.latch import Latch
from signalos_bridge.link.channel import BridgeChannel
from signalos_bridge.link.link import Link, LinkSettings
from signalos_bridge.link.loop_meter import LoopMeter
from signalos_bridge.pairing import JOURNAL_FILE
from signalos_bridge.terminal.memory import MemoryTerminal
from signalos_server.adapters.clock import SystemClock as ServerClock
from signalos_server.adapters.clock import make_identifier
from signalos_server.adapters.storage import database_url, open_database
from signalos_server.adapters.storage.account_book import SqlAccounts
from signalos_server.adapters.storage.migrate import upgrade
from signalos_server.adapters.storage.people import SqlPeople
from signalos_server.adapters.storage.units import SqlUnits
from signalos_server.domain.caller import Caller, CallerKind, scopes_of_role
from signalos_server.domain.frames import Identity
from signalos_server.domain.words import MarginMode as ServerMarginMode
from signalos_server.domain.words import TradeMode as ServerTradeMode
from signalos_server.rpc.convert_events import event_of
from signalos_server.service.accounts import Accounts, ServerAddress
from tests.signalos_bridge.domain.market_samples import EURUSD

BROKER_SERVER = "Memory-Demo"
FIRST_LOGIN = 700_000
# A window of the data stream that a handful of commands fills.
STALLED_WINDOW_BYTES = 4096
_MONEY = Decimal("10000.00")


@dataclass(frozen=True, slots=True)
class Provisioned:
    """One account with its paired bridge."""

    user_name: str
    account_id: str
    bridge_id: str
    directory: Path


def provision(
    server_directory: Path,
    directory: Path,
    users: Sequence[str],
    count: int,
    *,
    server_address: str,
    url: str | None = None,
) -> list[Provisioned]:
    """Make `count` accounts, dealt out to users that exist, with a paired bridge each below `directory`.

    Blocks. The server may run or not; its pairing limit for one address is kept out of the way.
    """
    return asyncio.run(_provision(server_directory, directory, users, count, server_address, url))


async def _provision(
    server_directory: Path,
    directory: Path,
    users: Sequence[str],
    count: int,
    server_address: str,
    url: str | None,
) -> list[Provisioned]:
    where = database_url(url, server_directory)
    await upgrade(where)
    database = open_database(where)
    clock = ServerClock()
    units = SqlUnits(database, lambda session: SqlAccounts(session, clock, event_of, lambda *_: None))
    accounts = Accounts(
        units,
        clock,
        lambda prefix: make_identifier(prefix, clock),
        lambda: ServerAddress(server_address, b""),
    )
    made = []
    try:
        callers = [await _caller(database, name) for name in users]
        for number in range(count):
            caller, login = callers[number % len(callers)], FIRST_LOGIN + number
            code, _ = await accounts.create_code(caller, "", f"light {number}")
            identity = Identity(
                login, BROKER_SERVER, ServerTradeMode.DEMO, ServerMarginMode.HEDGING, "USD", "Memory"
            )
            paired = await accounts.pair(code, "", identity, "light", f"10.0.{number >> 8}.{number & 255}")
            home = directory / f"light-{number:04}"
            home.mkdir(parents=True, mode=0o700)
            bound = BoundAccount(login, BROKER_SERVER, TradeMode.DEMO)
            credential = Credential(
                paired.bridge_id, paired.account_id, paired.credential, server_address, None, bound
            )
            credentials.store(home, credential)
            Latch(home).create()
            made.append(Provisioned(caller.user_name, paired.account_id, paired.bridge_id, home))
    finally:
        await database.close()
    return made


async def _caller(database: object, name: str) -> Caller:
    user = await database.read(  # type: ignore[attr-defined]  # a Database
        lambda session: SqlPeople(session, ServerClock()).user_by_name(name)
    )
    assert user is not None, f"there is no user {name}"
    kind = CallerKind.SESSION
    return Caller(user.user_id, user.user_name, user.role, scopes_of_role(user.role), kind, "operator")


class LightBridges:
    """Bridges that were provisioned, spread over processes."""

    def __init__(self, homes: Sequence[Path], address: str, log: Path, *, processes: int = 2) -> None:
        """`address`: where they find the server, e.g. a proxy's."""
        self._groups = [homes[number::processes] for number in range(processes)]
        self._address = address
        self._log = log
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        """Return once every process runs its bridges; they connect by themselves."""
        for group in self._groups:
            with self._log.open("ab") as log:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.support.light_bridges", self._address, *map(str, group),
                    env=os.environ.copy(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                    stderr=log,
                )  # fmt: skip
            self._processes.append(process)
        for process in self._processes:
            assert process.stdout is not None
            async with asyncio.timeout(120):
                assert (await process.stdout.readline()).strip() == b"running", self._log.read_text()[-3000:]

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._processes]

    async def stall(self) -> None:
        """Give no more credit for the data streams of all bridges; control flows as ever."""
        await self._say("stall")

    async def flow(self) -> None:
        """Let them flow again."""
        await self._say("flow")

    async def _say(self, word: str) -> None:
        for process in self._processes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{word}\n".encode())
            assert (await process.stdout.readline()).strip() == word.encode()

    async def close(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                assert process.stdin is not None
                process.stdin.close()
        for process in self._processes:
            try:
                async with asyncio.timeout(20):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


class _StallableLink(Link):
    """A link whose data stream can be left without credit."""

    stalled = False
    _data: BridgeChannel | None = None
    _dials_data = False

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        # What was read and not acknowledged, by stream.
        self._owed: list[tuple[int, int]] = []

    async def _connect(self, machine: ConnectSession) -> Ended:
        self._dials_data = True
        return await super()._connect(machine)

    def _dial(self) -> BridgeChannel:
        channel = super()._dial()
        if self._dials_data:
            self._dials_data = False
            # Below what grpclib lets one ask for; HTTP/2 has no least window.
            object.__setattr__(channel._config, "http2_stream_window_size", STALLED_WINDOW_BYTES)
            self._data = channel
        return channel

    def stall(self, stalled: bool) -> None:
        """Stop or go on giving the server credit for the data stream; pings are answered all the while."""
        self.stalled = stalled
        protocol = None if self._data is None else self._data._protocol
        if protocol is None:
            return
        connection: Any = protocol.connection
        if stalled:
            connection.ack = lambda stream_id, size: self._owed.append((stream_id, size))
        else:
            vars(connection).pop("ack", None)
            owed, self._owed = self._owed, []
            # A connection that is over takes no more.
            with contextlib.suppress(ProtocolError):
                for stream_id, size in owed:
                    connection.ack(stream_id, size)


class _LightBridge:
    """One bridge, put together as the program does, on a terminal in memory."""

    def __init__(self, home: Path, address: str) -> None:
        credential = replace(credentials.load(home), server_address=address)
        self._clock = SystemClock()
        now_msc = int(time.time() * 1000)
        self._terminal = MemoryTerminal(_snapshot(credential.bound.login), (EURUSD,), now_msc)
        self._tick()
        self._controller = Controller(
            home, self._clock, lease_seconds=30.0, busy_seconds=lambda: None, on_outgoing=self._wake_control
        )
        settings = CoreSettings(
            home / JOURNAL_FILE, credential.account_id, credential.bound, background_sync_seconds=3600.0
        )
        self._core = Core(settings, self._terminal, self._controller, self._wake, self._clock)
        self._meter = LoopMeter(self._clock)
        self.link = _StallableLink(
            core=self._core,
            controller=self._controller,
            credential=credential,
            clock=self._clock,
            meter=self._meter,
            random=random.random,
            version="light",
            boot_id=str(uuid.uuid4()),
            settings=LinkSettings(),
        )
        self._first_start = not (home / JOURNAL_FILE).exists()

    def _wake(self) -> None:
        # Called by the controller and the core before the link is there.
        if hasattr(self, "link"):
            self.link.wake()

    def _wake_control(self) -> None:
        if hasattr(self, "link"):
            self.link.wake_control()

    def _tick(self) -> None:
        now_msc = int(time.time() * 1000)
        self._terminal.set_time(self._clock.awake_seconds(), now_msc)
        self._terminal.set_tick(Tick("EURUSD", Decimal("1.10000"), Decimal("1.10010"), now_msc))

    async def run(self, running: asyncio.Event) -> None:
        self._controller.load(first_start=self._first_start)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._controller.run())
            group.create_task(self._meter.run())
            await self._terminal.run()
            await self._core.start()
            self._controller.give_body(self._core)
            group.create_task(self._core.run())
            group.create_task(self.link.run())
            running.set()
            while True:
                # Reads are as fresh as those of a terminal that answers.
                self._tick()
                await asyncio.sleep(1.0)


def _snapshot(login: int) -> AccountSnapshot:
    return AccountSnapshot(
        login, BROKER_SERVER, "Light", "Memory", "USD", 2, TradeMode.DEMO, MarginMode.RETAIL_HEDGING, 100,
        _MONEY, Decimal(0), Decimal(0), _MONEY, Decimal(0), _MONEY, None, Decimal(100), Decimal(50), True,
        None, False, True, True,
    )  # fmt: skip


async def _serve(address: str, homes: Sequence[Path]) -> None:
    loop = asyncio.get_running_loop()
    # Each bridge has a machine, and so threads for its disk, of its own.
    loop.set_default_executor(ThreadPoolExecutor(len(homes)))
    bridges = [_LightBridge(home, address) for home in homes]
    started = [asyncio.Event() for _ in bridges]
    tasks = [asyncio.create_task(bridge.run(event)) for bridge, event in zip(bridges, started, strict=True)]
    waiting = asyncio.gather(*(event.wait() for event in started))
    while not waiting.done():
        for task in tasks:
            if task.done():
                task.result()
        await asyncio.sleep(0.05)
    print("running", flush=True)  # noqa: T201 - told to the parent
    while word := (await loop.run_in_executor(None, sys.stdin.readline)).strip():
        for bridge in bridges:
            bridge.link.stall(word == "stall")
        print(word, flush=True)  # noqa: T201 - told to the parent
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    logs.configure("console")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(sys.argv[1], [Path(argument) for argument in sys.argv[2:]]))
    # The journals' threads have nothing more to say.
    os._exit(0)
