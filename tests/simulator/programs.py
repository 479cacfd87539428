"""The two programs as the simulation starts and kills them: their own parts, together as in `app.py`."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from signalos_bridge.controller import Controller
from signalos_bridge.core import Core, CoreSettings
from signalos_bridge.credentials import Credential
from signalos_bridge.link.link import Link, LinkSettings
from signalos_server.domain.bridge_session import SessionTimings
from signalos_server.domain.command import Moment
from signalos_server.domain.errors import NotAuthenticated
from signalos_server.domain.happenings import BridgeView
from signalos_server.domain.words import BridgeState
from signalos_server.rpc.bridge_service import BridgeServicer
from signalos_server.service.bridge_sessions import BridgeSessions
from signalos_server.service.commands import CommandUseCases
from signalos_server.service.control import ControlUseCases
from signalos_server.service.emergency import EmergencyStops
from signalos_server.service.hub import Board, Hub, HubTimings
from signalos_server.service.limit_facts import LimitFacts
from signalos_server.service.limit_gate import LimitGate
from signalos_server.service.live import Live
from signalos_server.service.orders import Orders
from signalos_server.service.quotes import Quotes
from signalos_server.service.trades import Trades
from signalos_server.service.triggers import StopTriggers
from tests.simulator.loop import Process, VirtualLoop
from tests.simulator.network import Network, SimChannel
from tests.simulator.records import SimStorage, Tables
from tests.simulator.terminal import SimTerminal

if TYPE_CHECKING:
    from signalos_bridge.domain.market import BoundAccount
    from tests.simulator.disk import Disk
    from tests.simulator.exchange import Exchange

ACCOUNT, BRIDGE, USER, SECRET = "acc_1", "brg_1", "usr_1", "sbr_secret"
PREFIX = 77
# All patience is a fifth of what it is in production; what is waited for keeps its proportions.
HEARTBEAT, DEAD_AFTER, LEASE = 1.0, 2.6, 6.0
SETTLE_SCALE = 0.05
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


class Machine:
    """One machine's clocks: monotonic, awake and wall, each with its own beginning."""

    def __init__(self, loop: VirtualLoop, offset: float) -> None:
        self._loop = loop
        self.offset = offset
        self._slept = 0.0
        self._asleep_at: float | None = None
        self.wall_jump = 0.0
        self.boot = f"boot{offset}"

    def seconds(self) -> float:
        return self._loop.now + self.offset

    def awake_seconds(self) -> float:
        now = self._loop.now if self._asleep_at is None else self._asleep_at
        return now + self.offset - self._slept

    def fall_asleep(self) -> None:
        """From now on only the clocks that count sleep go on."""
        self._asleep_at = self._loop.now

    def wake_up(self) -> None:
        if self._asleep_at is not None:
            self._slept += self._loop.now - self._asleep_at
            self._asleep_at = None

    def wall_msc(self) -> int:
        return round((_BEGAN.timestamp() + self._loop.now + self.wall_jump) * 1000)

    def wall(self) -> datetime:
        return _BEGAN + timedelta(seconds=self._loop.now + self.wall_jump)


class Moments:
    """What `MachineMoments` is to the server."""

    def __init__(self, machine: Machine, boot: str) -> None:
        self._machine = machine
        self._boot = boot

    def monotonic(self) -> float:
        return self._machine.seconds()

    def monotonic_nanoseconds(self) -> int:
        return round(self._machine.seconds() * 1e9)

    def now(self) -> datetime:
        return self._machine.wall()

    def moment(self) -> Moment:
        return Moment(self.now(), self.monotonic(), self._boot, self._machine.boot)


class _Accounts:
    """What the servicer asks of accounts."""

    async def authenticate_bridge(self, bridge_id: str, bearer: str) -> BridgeView:
        if (bridge_id, bearer) != (BRIDGE, SECRET):
            raise NotAuthenticated("unknown bridge")
        return BridgeView(BRIDGE, ACCOUNT, "bridge", BridgeState.PAIRED, None, _BEGAN, "1", 0)


class _Passwords:
    async def check_password(self, caller: Any, password: str) -> None:
        return None


class Server:
    """One life of the server."""

    def __init__(
        self, number: int, loop: VirtualLoop, machine: Machine, tables: Tables, random: Random
    ) -> None:
        self.process = Process(f"server {number}")
        self._loop = loop
        moments = Moments(machine, f"server{number}")
        self.storage = SimStorage(tables, random)
        self.live = Live(moments)
        self.hub = Hub(self.storage, self.live, moments, Board(), HubTimings(poll=0.5, tick=0.5))
        quotes = Quotes(self.hub, moments)
        gate = LimitGate(self.storage, LimitFacts(self.live, quotes, moments), quotes)
        self.commands = CommandUseCases(self.storage, self.hub, moments, gate)
        timings = SessionTimings(HEARTBEAT, DEAD_AFTER, LEASE)
        self.sessions = BridgeSessions(self.storage, self.hub, moments, f"node{number}", timings)
        self.trades = Trades(self.storage, self.hub, self.commands, quotes, moments)
        self.orders = Orders(self.storage, self.commands, quotes)
        self.control = ControlUseCases(self.storage, self.hub, moments, _Passwords())
        self.stops = EmergencyStops(self.storage, self.hub, moments)
        self._triggers = StopTriggers(self.hub, self.stops, moments)
        self.commands.on_open = self._triggers.opened
        self.servicer = BridgeServicer(
            _Accounts(),  # type: ignore[arg-type]  # only what the servicer asks
            self.sessions,
            moments.monotonic_nanoseconds,
            moments.monotonic,
        )
        self.main: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.main = self._loop.create_task(self._run(), context=self.process.context.copy())

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.sessions.run())
            group.create_task(self.commands.run())
            group.create_task(self.stops.run())
            group.create_task(self._triggers.run())


class _SimLink(Link):
    """The link, dialling in the simulation's network."""

    network: Network

    def __init__(self, network: Network, **parts: Any) -> None:
        self.network = network
        super().__init__(**parts)

    def _dial(self) -> Any:
        return SimChannel(self.network)


class _NoMeter:
    def worst(self) -> float:
        return 0.0


class Bridge:
    """One life of the bridge."""

    def __init__(
        self,
        number: int,
        loop: VirtualLoop,
        machine: Machine,
        disk: Disk,
        exchange: Exchange,
        network: Network,
        random: Random,
        bound: BoundAccount,
        on_submit: Any,
        on_journal_behind: Any,
    ) -> None:
        self.process = Process(f"bridge {number}")
        self._loop = loop
        self.number = number
        self.machine = machine
        self._link: Link | None = None
        self._disk = disk
        self._random = random
        self._network = network
        self._on_journal_behind = on_journal_behind
        self.terminal = SimTerminal(exchange, machine, random, lambda order: on_submit(self, order))
        self.controller = Controller(
            disk,  # type: ignore[arg-type]  # what stands for a directory here
            machine,
            lease_seconds=LEASE,
            busy_seconds=self._busy_seconds,
            on_outgoing=self._wake,
        )
        self.core = Core(
            CoreSettings(
                journal_path=disk,  # type: ignore[arg-type]
                account_id=ACCOUNT,
                bound=bound,
                background_sync_seconds=15.0,
                settle_scale=SETTLE_SCALE,
                resolve_interval_seconds=0.4,
                stop_retry_seconds=0.3,
                market_closed_retry_seconds=2.0,
            ),
            self.terminal,
            self.controller,
            self._wake,
            machine,
        )
        self._credential = Credential(BRIDGE, ACCOUNT, SECRET, "127.0.0.1:1", None, bound)
        self.main: asyncio.Task[None] | None = None

    def start(self, *, first_start: bool) -> None:
        self.main = self._loop.create_task(self._run(first_start), context=self.process.context.copy())

    def _busy_seconds(self) -> float | None:
        since = self.terminal.busy_since
        return None if since is None else max(0.0, self.machine.awake_seconds() - since)

    def _wake(self) -> None:
        if self._link is not None:
            self._link.wake()

    @property
    def connected(self) -> bool:
        return self._link is not None and self._link.connected

    async def _run(self, first_start: bool) -> None:
        self.controller.load(first_start=first_start)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.terminal.run())
            group.create_task(self.controller.run())
            await self.core.start()
            self.controller.give_body(self.core)
            group.create_task(self.core.run())
            self._link = _SimLink(
                self._network,
                core=self.core,
                controller=self.controller,
                credential=self._credential,
                clock=self.machine,
                meter=_NoMeter(),
                random=self._random.random,
                version="1",
                boot_id=f"boot{self.number}",
                on_journal_behind=self._on_journal_behind,
                settings=LinkSettings(
                    connect_seconds=2.0,
                    backoff_base_seconds=0.2,
                    backoff_cap_seconds=1.5,
                    superseded_seconds=4.0,
                    resend_seconds=2.0,
                ),
            )
            group.create_task(self._link.run())

    async def close(self) -> None:
        """End as a planned end does."""
        if self.main is not None:
            self.main.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.main
