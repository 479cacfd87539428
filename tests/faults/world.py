"""A whole SignalOS whose every line can be cut and whose every program can be struck at a named instant."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.ledger import Received
from signalos_bridge.emulator.operator_messages import SymbolChange
from tests.faults.probe import LastingProbe
from tests.faults.records import Client, Lines
from tests.support.postgres import PostgresCluster
from tests.support.proxy import FaultProxy
from tests.support.world import Caller, World, eventually

LOGIN = 5001
# Nobody trades it through us.
OTHER_LOGIN = 5002
_RULES = ("UNKNOWN_OUTCOMES", "OPEN_RATE", "IDENTICAL_OPENS", "CLOCK_JUMP", "LOOP_LAG")
SYMBOLS = ("EURUSD", "GBPUSD", "USDJPY", "XAUUSD")


@dataclass(frozen=True, slots=True)
class Shape:
    """How a world is made."""

    # Multiplies heartbeats, leases and the like; 1.0 are the times of a deployment.
    time_scale: float = 0.2
    # Multiplies how long the terminal's silence lasts before it is believed.
    settle_scale: float = 0.05
    # The server keeps its record in a PostgreSQL of its own instead of in SQLite.
    postgresql: bool = False
    keep_events: int = 100_000
    # Size of the small disk that a program keeps its things on.
    bridge_disk_mib: int | None = None
    server_disk_mib: int | None = None
    probes: int = 2
    environment: dict[str, str] = field(default_factory=dict)


class FaultWorld(World):
    """One account with its bridge behind a proxy, clients and probes on record."""

    # Several worlds start side by side.
    start_seconds = 120.0

    def __init__(self, directory: Path, shape: Shape) -> None:
        super().__init__(
            directory,
            {
                "SIGNALOS_TIME_SCALE": str(shape.time_scale),
                "SIGNALOS_SETTLE_SCALE": str(shape.settle_scale),
                "SIGNALOS_KEEP_EVENTS": str(shape.keep_events),
                **shape.environment,
            },
        )
        self.shape = shape
        self.postgres: PostgresCluster | None = None
        self.database_url: str | None = None
        self.caller: Caller
        self.client: Client
        self.link: FaultProxy
        self.door: FaultProxy
        self.probes: list[LastingProbe] = []
        # Where bridges keep their journals: more than one where a row copies one.
        self.bridge_names: list[str] = ["bridge"]
        # How long each program's machine has slept so far.
        self.slept: dict[str, float] = {}
        self._disks: list[Path] = []
        for name in ("failpoints", "clocks"):
            (directory / name).mkdir(parents=True, exist_ok=True)

    # -- life ------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Starts everything, pairs the bridge through a proxy, and waits until it may open."""
        for program, mib in (("bridge", self.shape.bridge_disk_mib), ("server", self.shape.server_disk_mib)):
            if mib is not None:
                self._disks.append(await mount_disk(self.directory / program, mib))
        if self.shape.postgresql:
            self.postgres = await asyncio.to_thread(PostgresCluster)
            self.database_url = f"postgresql://postgres@/postgres?host={self.postgres.socket_directory}"
            self.environment["SIGNALOS_DATABASE_URL"] = self.database_url
        await self.start_broker(f"{LOGIN}:USD:1000000:hedging", f"{OTHER_LOGIN}:USD:1000:hedging")
        with self.admin() as broker:
            for symbol in SYMBOLS:
                broker.set_symbol(symbol, SymbolChange(closed=False))
        await self.start_server()
        await self.add_user("trader", "--admin")
        self.door = await self._proxy("server")
        await self.start_gateway("--server-address", self.door.address)
        self.caller = await eventually(self._signed_in, within=30)
        self.client = Client(self.caller, Lines(self.directory / "clients.jsonl"))
        answer = await self.caller.post("/api/bridges/pair", {})
        assert answer.status_code == 200, answer.text
        await self.pair(answer.json()["code"], LOGIN)
        self.link = await self._proxy("server")
        self.redirect(self.link.address)
        await self.start_bridge(LOGIN)
        await eventually(self.caller.bridge_connected, within=30)
        await eventually(self.caller.may_open, within=30)
        self.caller.account_id = (await self.caller.get("/api/accounts"))["accounts"][0]["accountId"]
        # A rule that stops by itself would hide what a fault does; rows that are about one switch it on.
        await self.set_rules(*_RULES, enabled=False)
        for number in range(self.shape.probes):
            self.probes.append(
                LastingProbe(f"p{number}", lambda: self.address("gateway"), self.caller.token, self.directory)
            )
        await eventually(self._probes_listen, within=20)

    async def set_rules(self, *kinds: str, enabled: bool) -> None:
        """Switches rules that stop by themselves on or off."""
        body = {"triggers": [{"kind": kind, "enabled": enabled} for kind in kinds], "wait": "5s"}
        answer = await self.caller.client.put("/api/trading/stop-settings", json=body)
        assert answer.status_code == 200, answer.text

    async def _signed_in(self) -> Caller | None:
        try:
            return await self.sign_in("trader")
        except AssertionError:
            # The gateway serves before its server could be reached.
            return None

    async def _proxy(self, program: str) -> FaultProxy:
        host, port = self.address(program).rsplit(":", 1)
        return await FaultProxy(host, int(port)).__aenter__()

    async def _probes_listen(self) -> bool:
        return all(probe.connected and probe.seq is not None for probe in self.probes)

    async def close(self) -> None:
        for probe in self.probes:
            await probe.close()
        await super().close()
        for proxy in (getattr(self, "link", None), getattr(self, "door", None)):
            if proxy is not None:
                await proxy.__aexit__(None, None, None)
        if hasattr(self, "client"):
            self.client.lines.close()
        for disk in self._disks:
            await unmount_disk(disk)
        if self.postgres is not None:
            await asyncio.to_thread(self.postgres.close)

    async def start_again(self, name: str) -> None:
        """Starts a program as it was started before."""
        if name == "server":
            await self.start_server()
        elif name == "gateway":
            await self.start_gateway("--server-address", self.door.address)
        elif name == "broker":
            await self.start_broker()
        else:
            await self.start_bridge(LOGIN, name.removeprefix("bridge").removeprefix("-"))

    async def revive(self) -> None:
        """Start again what a fault has struck that then missed its aim: it is not there to be judged."""
        for name, program in list(self.programs.items()):
            self.disarm(name)
            if program.process.returncode is not None:
                await self.start_again(name)

    async def ended(self, name: str, within: float) -> bool:
        """Whether a program has ended by itself, waiting at most `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self.programs[name].process.wait()
        except TimeoutError:
            return False
        return True

    def admin(self) -> BrokerAdmin:
        return BrokerAdmin.of(self.directory / "emulator")

    # -- failpoints and clocks -------------------------------------------------------------------------

    async def _start(
        self, name: str, arguments: list[str], ready: Path, environment: dict[str, str] | None = None
    ) -> None:
        own = {
            "SIGNALOS_FAILPOINTS": f"@{self._points(name)}",
            "SIGNALOS_TEST_CLOCK": str(self.directory / "clocks" / name),
        }
        await super()._start(name, arguments, ready, {**own, **(environment or {})})

    def _points(self, name: str) -> Path:
        return self.directory / "failpoints" / name

    def arm(self, name: str, points: str) -> None:
        """Arms failpoints of a running program, e.g. `after_intent:3`."""
        _write_whole(self._points(name), points)

    def disarm(self, name: str) -> None:
        self._points(name).unlink(missing_ok=True)

    def passings(self, name: str, since: float = 0.0) -> list[tuple[float, str, str]]:
        """The points that a program has passed since then: time, name and what happened."""
        log = Path(f"{self._points(name)}.log")
        if not log.exists():
            return []
        lines = (line.split() for line in log.read_text().splitlines())
        found = [(float(line[0]), line[1], line[2]) for line in lines if len(line) == 3]
        return [one for one in found if one[0] >= since]

    def struck(self, name: str, since: float) -> tuple[float, str] | None:
        """When and where a program was struck since then."""
        for at, point, what in self.passings(name, since):
            if what != "passed":
                return at, point
        return None

    def move_clock(self, name: str, *, wall: float = 0.0, slept: float = 0.0) -> None:
        """Sets a program's wall clock off by so much, and lets its machine have slept so long in all.

        A sleeping machine's wall clock goes on.
        """
        _write_whole(self.directory / "clocks" / name, f"{wall + slept} {slept}")

    @property
    def magic_prefix(self) -> int:
        """What all magic numbers of this account begin with."""
        with self.admin() as broker:
            for record in broker.ledger():
                if isinstance(record, Received) and int(record.request.get("magic", 0)):
                    return int(record.request["magic"]) >> 48
        return 0

    # -- the broker's truth ----------------------------------------------------------------------------

    def broker_positions(self) -> dict[int, Decimal]:
        """Volume by ticket."""
        with self.admin() as broker:
            return {position.ticket: position.volume for position in broker.positions(LOGIN)}


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{time.monotonic_ns()}")
    beside.write_text(text)
    os.replace(beside, path)


class CannotMount(Exception):  # noqa: N818 - a condition of the machine
    """This machine does not let us mount a small disk."""


async def mount_disk(directory: Path, mib: int) -> Path:
    """Mounts a disk of that size on a new directory. Raises `CannotMount`."""
    await asyncio.to_thread(directory.mkdir, 0o700, parents=True)
    await _mount("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "tmpfs", str(directory))
    return directory


async def unmount_disk(directory: Path) -> None:
    await _mount("umount", "--lazy", str(directory))


async def _mount(*command: str) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        raise CannotMount(str(error)) from error
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise CannotMount(output.decode().strip())
