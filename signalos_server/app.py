"""The server's composition root: builds every part once, serves until told to end, and ends cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import grpc.aio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer as AsyncHealthServicer
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client import start_http_server as start_metrics_server
from sqlalchemy.orm import Session

from signalos.v1 import (
    account_service_pb2_grpc,
    alert_service_pb2_grpc,
    auth_service_pb2_grpc,
    event_service_pb2_grpc,
    system_service_pb2_grpc,
)
from signalos_server.adapters import logs
from signalos_server.adapters.bus import InProcessBus
from signalos_server.adapters.clock import SystemClock, make_identifier
from signalos_server.adapters.files import gateway_key, write_private
from signalos_server.adapters.moments import MachineMoments
from signalos_server.adapters.moved_clock import server_clocks
from signalos_server.adapters.passwords import Argon2Passwords
from signalos_server.adapters.storage import Database, StorageLimits, database_url, open_database
from signalos_server.adapters.storage.account_book import OnRevoke, SqlAccounts
from signalos_server.adapters.storage.alert_book import AlertFilter, alert_message, list_alerts
from signalos_server.adapters.storage.equity_book import SqlEquity
from signalos_server.adapters.storage.migrate import upgrade
from signalos_server.adapters.storage.overview import SqlAlerts, SqlAudit, SqlProbe
from signalos_server.adapters.storage.people import SqlPeople
from signalos_server.adapters.storage.streams import Fill, SnapshotPart, SqlSnapshots, SqlStreams, Viewer
from signalos_server.adapters.storage.trading.storage import SqlStorage
from signalos_server.adapters.storage.units import SqlUnits
from signalos_server.domain.alerts import EscalationPolicy
from signalos_server.domain.bridge_session import SessionTimings
from signalos_server.domain.rate import Buckets, Rate
from signalos_server.rpc.account_service import AccountServicer
from signalos_server.rpc.alert_service import AlertServicer
from signalos_server.rpc.auth_service import AuthServicer
from signalos_server.rpc.convert_events import event_of
from signalos_server.rpc.edge import Edge
from signalos_server.rpc.event_messages import ContractEncoder
from signalos_server.rpc.event_service import EventServicer
from signalos_server.rpc.metrics import AlertMetrics, RpcMetrics
from signalos_server.rpc.server import Tls, bind, make_server
from signalos_server.rpc.snapshot_parts import accounts_filler, alerts_filler
from signalos_server.rpc.symbols import StoredSymbols
from signalos_server.rpc.system_service import SystemServicer
from signalos_server.service.account_records import AccountRecords
from signalos_server.service.accounts import Accounts, ServerAddress
from signalos_server.service.alerts import AlertWatch
from signalos_server.service.auth import Auth
from signalos_server.service.equity import Equity
from signalos_server.service.events import EventHub, HubSettings
from signalos_server.service.live import Live
from signalos_server.service.people_records import PeopleRecords
from signalos_server.service.signals.ground import SignalTimings
from signalos_server.service.system import System
from signalos_server.service.verified import VerifiedCallers
from signalos_server.signals import SignalPart
from signalos_server.trading import TradingPart

log = structlog.get_logger(__name__)

PROGRAM_FILE = "server.json"

# More unacknowledged alerts than this are not read by anybody; the newest are shown.
_SNAPSHOT_ALERTS = 200


@dataclass(frozen=True, slots=True)
class Timings:
    """How long things take; tests make them shorter."""

    session: SessionTimings = field(default_factory=SessionTimings)
    events: HubSettings = field(default_factory=HubSettings)
    storage: StorageLimits = field(default_factory=StorageLimits)
    # Calls under way have this long to end once the server is told to.
    drain_seconds: float = 5.0
    health_seconds: float = 5.0
    # How long an alert that nobody acknowledges waits for each telling, and how often that is looked at.
    escalation: EscalationPolicy = field(default_factory=EscalationPolicy)
    alert_seconds: float = 5.0
    signals: SignalTimings = field(default_factory=SignalTimings)
    # How often each account's equity is recorded.
    equity_seconds: float = 60.0

    @classmethod
    def scaled(cls, scale: float, *, keep_events: int) -> Timings:
        """Return the times of sessions and retention, multiplied by `scale`; others stay."""
        session, events = SessionTimings(), HubSettings(keep_events=keep_events)
        return cls(
            session=SessionTimings(
                session.heartbeat * scale, session.dead_after * scale, session.lease * scale
            ),
            events=replace(events, retention_seconds=events.retention_seconds * scale),
            escalation=EscalationPolicy().scaled(scale),
            alert_seconds=5.0 * scale,
            signals=SignalTimings().scaled(scale),
            equity_seconds=60.0 * scale,
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is run. `grpc_port` 0 is any free one; `database_url` None is SQLite in `data_dir`."""

    data_dir: Path
    grpc_host: str = "127.0.0.1"
    grpc_port: int = 50051
    database_url: str | None = None
    bus_url: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    registration_open: bool = False
    dev: bool = False
    metrics_port: int | None = None
    log_format: str = "console"
    # Changes that one user may make: at once, and then each second.
    change_rate: Rate = field(default_factory=lambda: Rate(burst=1000, per_second=200))
    timings: Timings = field(default_factory=Timings)


class Part(Protocol):
    """Something that is served beside the foundation: its servicers, its background work, its end."""

    def add_to(self, server: grpc.aio.Server) -> tuple[str, ...]:
        """Add servicers; return the full names of their services."""

    async def run(self) -> None:
        """Do the background work, until cancelled."""

    async def drain(self) -> None:
        """Tell bridges to come back later, and finish what is under way; new calls are refused by now."""


@dataclass(slots=True)
class Foundation:
    """What every part is built on."""

    settings: Settings
    node: str
    database: Database
    bus: InProcessBus
    clock: SystemClock
    moments: MachineMoments
    storage: SqlStorage
    live: Live
    passwords: Argon2Passwords
    auth: Auth
    callers: VerifiedCallers
    accounts: Accounts
    streams: SqlStreams
    snapshots: SqlSnapshots
    hub: EventHub
    system: System
    alerts: SqlAlerts
    equity: Equity
    registry: CollectorRegistry
    # Parts add to these while they are built.
    snapshot_parts: list[SnapshotPart]
    on_revoke: list[OnRevoke]
    # Known once the port is.
    address: str = ""

    async def close(self) -> None:
        """Let go of everything, in the order of use."""
        await self.callers.close()
        await self.database.close()
        await self.bus.close()
        self.passwords.close()


def build(settings: Settings) -> Foundation:
    """Build the foundation; the schema is up to date by now."""
    node = f"{os.getpid()}-{secrets.token_hex(4)}"
    bus = _bus(settings.bus_url)
    clock, moments = server_clocks()

    def wake(subjects: frozenset[str]) -> None:
        for subject in subjects:
            bus.publish(subject)

    url = database_url(settings.database_url, settings.data_dir)
    database = open_database(url, settings.timings.storage, wake)
    policy = settings.timings.escalation
    storage = SqlStorage(database, event_of, moments, policy)
    live = Live(moments)
    snapshot_parts: list[SnapshotPart] = []
    on_revoke: list[OnRevoke] = []

    def revoked(session: Session, account_id: str, bridge_id: str, now: object) -> None:
        for hook in on_revoke:
            hook(session, account_id, bridge_id, now)  # type: ignore[arg-type]  # a datetime

    def new_identifier(prefix: str) -> str:
        return make_identifier(prefix, clock)

    people: SqlUnits[PeopleRecords] = SqlUnits(database, lambda session: SqlPeople(session, clock))
    account_units: SqlUnits[AccountRecords] = SqlUnits(
        database, lambda session: SqlAccounts(session, clock, event_of, revoked)
    )
    passwords = Argon2Passwords()
    auth = Auth(people, clock, passwords, new_identifier, registration_open=settings.registration_open)
    tls = _tls(settings)
    fingerprint = bytes.fromhex(tls.fingerprint()) if tls is not None else b""
    accounts = Accounts(
        account_units, clock, new_identifier, lambda: ServerAddress(foundation.address, fingerprint)
    )
    streams = SqlStreams(database)
    snapshots = SqlSnapshots(database, clock, snapshot_parts)
    hub = EventHub(streams, snapshots, ContractEncoder(), bus, moments, live.ages, settings.timings.events)
    live.listen(hub.numbers)
    registry = CollectorRegistry()
    probe = SqlProbe(database, clock, node)
    foundation = Foundation(
        settings=settings,
        node=node,
        database=database,
        bus=bus,
        clock=clock,
        moments=moments,
        storage=storage,
        live=live,
        passwords=passwords,
        auth=auth,
        callers=VerifiedCallers(people, clock, bus),
        accounts=accounts,
        streams=streams,
        snapshots=snapshots,
        hub=hub,
        system=System(probe, SqlAudit(database), accounts, live, bus, clock),
        alerts=SqlAlerts(database, clock, policy),
        equity=Equity(SqlEquity(database), live, clock, settings.timings.equity_seconds),
        registry=registry,
        snapshot_parts=snapshot_parts,
        on_revoke=on_revoke,
    )
    snapshot_parts += [_accounts_part(foundation), _alerts_part]
    return foundation


def parts(foundation: Foundation) -> list[Part]:
    """Build what is served beside the foundation."""
    trading = TradingPart(foundation)
    return [trading, SignalPart(foundation, trading)]


def _accounts_part(foundation: Foundation) -> SnapshotPart:
    def part(session: Session, viewer: Viewer) -> Fill:
        book = SqlAccounts(session, foundation.clock, event_of, lambda *_: None)
        views = book.accounts(None if viewer.sees_all else viewer.user_id, None, None)
        return accounts_filler(views, foundation.live)

    return part


def _alerts_part(session: Session, viewer: Viewer) -> Fill:
    rows = list_alerts(
        session, AlertFilter(None if viewer.sees_all else viewer.account_ids), _SNAPSHOT_ALERTS
    )
    return alerts_filler([alert_message(row) for row in rows])


def _bus(bus_url: str | None) -> InProcessBus:
    if bus_url is not None:
        raise ValueError("a bus between nodes is not part of this version: run one node, without a bus URL")
    return InProcessBus()


def _tls(settings: Settings) -> Tls | None:
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise ValueError("TLS needs both files: the certificate and its key")
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Tls(settings.tls_cert, settings.tls_key)


@dataclass(slots=True)
class Serving:
    """A server that takes calls."""

    foundation: Foundation
    server: grpc.aio.Server
    edge: Edge
    health: AsyncHealthServicer
    parts: list[Part]

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return self.foundation.address


async def start(settings: Settings) -> Serving:
    """Prepare the database, build everything and take calls."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = database_url(settings.database_url, settings.data_dir)
    await upgrade(url)
    foundation = build(settings)
    built = parts(foundation)
    edge = Edge(
        foundation.callers,
        gateway_key=gateway_key(settings.data_dir),
        changes=Buckets(settings.change_rate),
        metrics=RpcMetrics(foundation.registry),
        monotonic=foundation.clock.monotonic,
    )
    server = make_server([edge])
    checks = AsyncHealthServicer()
    names = _add_servicers(server, foundation, checks)
    for part in built:
        names += part.add_to(server)
    reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)
    foundation.address = bind(server, settings.grpc_host, settings.grpc_port, _tls(settings))
    await server.start()
    return Serving(foundation, server, edge, checks, built)


def _add_servicers(
    server: grpc.aio.Server, foundation: Foundation, checks: AsyncHealthServicer
) -> tuple[str, ...]:
    auth_service_pb2_grpc.add_AuthServiceServicer_to_server(AuthServicer(foundation.auth), server)
    symbols = StoredSymbols(foundation.storage, foundation.live)
    account_service_pb2_grpc.add_AccountServiceServicer_to_server(
        AccountServicer(foundation.accounts, foundation.live, symbols, foundation.equity), server
    )
    alert_service_pb2_grpc.add_AlertServiceServicer_to_server(AlertServicer(foundation.alerts), server)
    event_service_pb2_grpc.add_EventServiceServicer_to_server(
        EventServicer(foundation.hub, foundation.streams, foundation.snapshots, foundation.callers), server
    )
    system_service_pb2_grpc.add_SystemServiceServicer_to_server(
        SystemServicer(foundation.system, foundation.auth, foundation.clock, dev=foundation.settings.dev),
        server,
    )
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    services = ("Auth", "Account", "Alert", "Event", "System")
    return (*(f"signalos.v1.{name}Service" for name in services), health.SERVICE_NAME)


async def stop(serving: Serving) -> None:
    """Refuse new calls, finish those under way, end streams, and let go of everything."""
    foundation = serving.foundation
    foundation.system.drain()
    await serving.health.enter_graceful_shutdown()
    serving.edge.stop_serving()
    for part in serving.parts:
        await part.drain()
    foundation.hub.stop()
    await serving.server.stop(foundation.settings.timings.drain_seconds)
    await serving.edge.finish()


async def background(serving: Serving) -> None:
    """Run what works beside the calls, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(serving.foundation.hub.run(), name="events")
        group.create_task(_watch_health(serving), name="health")
        group.create_task(_alert_watch(serving.foundation).run(), name="alerts")
        group.create_task(serving.foundation.equity.run(), name="equity")
        for part in serving.parts:
            group.create_task(part.run(), name=type(part).__name__)


def _alert_watch(foundation: Foundation) -> AlertWatch:
    seconds = foundation.settings.timings.alert_seconds
    return AlertWatch(foundation.alerts, AlertMetrics(foundation.registry), seconds)


async def _watch_health(serving: Serving) -> None:
    states = health_pb2.HealthCheckResponse
    while True:
        problem = await serving.foundation.system.problem()
        if problem:
            log.error("the server does not serve", problem=problem)
        await serving.health.set("", states.NOT_SERVING if problem else states.SERVING)
        await asyncio.sleep(serving.foundation.settings.timings.health_seconds)


async def serve(settings: Settings, ending: asyncio.Event) -> None:
    """Serve until `ending` is set."""
    serving = await start(settings)
    foundation = serving.foundation
    working = asyncio.create_task(background(serving))
    waiting = asyncio.create_task(ending.wait())
    metrics = None
    if settings.metrics_port is not None:
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=foundation.registry)
        metrics, _ = start_metrics_server(settings.metrics_port, "127.0.0.1", foundation.registry)
    program_file = settings.data_dir / PROGRAM_FILE
    try:
        await _offer_set_up(foundation.auth)
        write_private(program_file, json.dumps({"pid": os.getpid(), "address": foundation.address}))
        log.info("server serves", address=foundation.address)
        # Whichever is first: told to end, or background work that failed.
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        log.info("server ends")
        await stop(serving)
    finally:
        waiting.cancel()
        working.cancel()
        program_file.unlink(missing_ok=True)
        if metrics is not None:
            await asyncio.to_thread(metrics.shutdown)
        try:
            # What failed in the background is raised here.
            with contextlib.suppress(asyncio.CancelledError):
                await working
        finally:
            await foundation.close()


async def _offer_set_up(auth: Auth) -> None:
    code = await auth.offer_set_up()
    if code is not None:
        # The one secret that is meant to be read here; it is good once, and only while there is no user.
        log.warning("there is no user yet; the one-time set-up code is", setup=code)


def run(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM; raises what keeps the server from serving."""
    logs.configure(settings.log_format)
    # What was loaded by now stays; collections need not look at it again and again.
    gc.freeze()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(settings))


async def _run(settings: Settings) -> None:
    ending = asyncio.Event()
    with _signals(ending.set):
        await serve(settings, ending)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


@contextlib.contextmanager
def _signals(end: Callable[[], None]) -> Iterator[None]:
    """Call `end` on SIGINT and SIGTERM. On Windows handlers run between two turns of the loop."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    try:
        for number in numbers:
            loop.add_signal_handler(number, end)
    except NotImplementedError:
        before = {
            number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(end)) for number in numbers
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        return
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
