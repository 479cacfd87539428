"""Opening and keeping bridge sessions: who may, with which epoch, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from signalos_server.domain.audit import SYSTEM_CHAIN, AuditHead
from signalos_server.domain.bridge_session import BridgeSession, LinkState, SessionTimings
from signalos_server.domain.command import Command
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.errors import (
    AccountMismatch,
    CommitUnknown,
    NotAuthenticated,
    StorageUnavailable,
    VersionUnsupported,
    WrongState,
)
from signalos_server.domain.frames import Hello, Recorded, Resolution, Welcome
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.lease import OwnerReading
from signalos_server.domain.words import Severity
from signalos_server.service.bridge_facts import resolution_of, take_session
from signalos_server.service.hub import Clocks, Hub, LiveSession, Wire
from signalos_server.service.records import AccountRef, Reading, Records, Storage
from signalos_server.service.unit_effects import CommandSaved, Effect, Scene

log = structlog.get_logger(__name__)

PROTOCOL_VERSION = 1
_EVENT_CREDIT = 2_000
_OFFLINE_ALERT_SECONDS = 15.0
# A bridge remembers commands for as long.
_RESOLVED = timedelta(days=7)
# As the bridge calls it, so that both mean one alert.
ACCOUNT_KEY = "account"


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the unit that opens a session found."""

    account: AccountRef
    epoch: int
    document: ControlDocument
    open_commands: list[Command]
    effects: list[Effect]
    committed_event_seq: int
    recorded: Recorded | None
    journal_outdated: bool
    incarnation: int
    resolutions: tuple[Resolution, ...]
    committed_event_id: str


class BridgeSessions:
    """The sessions of this node, from hello to end."""

    def __init__(
        self, storage: Storage, hub: Hub, clocks: Clocks, node: str, timings: SessionTimings | None = None
    ) -> None:
        self._storage = storage
        self._hub = hub
        self._clocks = clocks
        self._node = node
        self._timings = timings or SessionTimings()
        hub.on_ended(self._ended)

    async def open(
        self, bridge_id: str, hello: Hello, make_wire: Callable[[int], Wire], address: str
    ) -> LiveSession:
        """Make a session for a bridge that showed its credential. The newest wins.

        Raises `VersionUnsupported`, `AccountMismatch`, `NotAuthenticated`.
        """
        if PROTOCOL_VERSION not in hello.protocol_versions:
            raise VersionUnsupported(hello.version, str(PROTOCOL_VERSION))
        try:
            opened = await self._storage.run(lambda records: self._open(records, bridge_id, hello))
        except AccountMismatch as error:
            await self._alert_mismatch(bridge_id, error)
            raise
        scene = Scene(opened.account.account_id, bridge_id, opened.epoch, last_epoch=hello.last_epoch)
        now = self._clocks.monotonic()
        welcome = Welcome(
            epoch=opened.epoch,
            account_id=scene.account_id,
            committed_event_seq=opened.committed_event_seq,
            magic_prefix=opened.account.magic_prefix,
            incarnation=opened.incarnation,
            heartbeat_seconds=self._timings.heartbeat,
            dead_after_seconds=self._timings.dead_after,
            lease_seconds=self._timings.lease,
            event_credit=_EVENT_CREDIT,
            server_time=self._clocks.moment().wall,
            bound_identity=hello.identity,
            recorded=opened.recorded,
            open_command_ids=tuple(command.command_id for command in opened.open_commands),
            resolutions=opened.resolutions,
            committed_event_id=opened.committed_event_id,
            journal_outdated=opened.journal_outdated,
        )
        machine = BridgeSession(welcome, opened.document, now)
        session = LiveSession(
            scene,
            machine,
            make_wire(opened.epoch),
            self._hub,
            owner_user_id=opened.account.owner_user_id,
            boot_id=hello.boot_id,
            takes_resolutions=hello.takes_resolutions,
            address=address,
        )
        before = self._hub.install(session)
        if before is not None:
            # Stops that are in memory only go on in the new session.
            for order in before.machine.take_stopping():
                machine.stop(order)
            self._supersede(before, session)
        live = self._hub.live
        live.link_changed(scene.account_id, scene.epoch, LinkState.DATA_ONLY)
        live.terminal_told(scene.account_id, hello.terminal)
        live.heard(scene.account_id)
        for effect in opened.effects:
            if isinstance(effect, CommandSaved):
                self._hub.command_saved(effect.command)
        session.perform(machine.start())
        self._hub.spawn(f"session-{bridge_id}", session.run)
        await self._read([session])
        return session

    def _open(self, records: Records, bridge_id: str, hello: Hello) -> _Opened:
        bridge = records.bridges.get(bridge_id)
        if bridge is None:
            raise NotAuthenticated("the bridge's credential is unknown or revoked; pair it again")
        account = records.lock_account(bridge.account_id)
        # Read again under the lock: two sessions of one bridge never get the same epoch.
        bridge = records.bridges.get(bridge_id)
        if account is None or bridge is None:
            raise NotAuthenticated("the bridge was revoked; pair it again")
        identity = hello.identity
        if identity is not None and account.login is not None:
            bound = (account.login, account.broker_server)
            if bound != (identity.login, identity.broker_server):
                raise AccountMismatch(*bound, identity.login, identity.broker_server)
        now = self._clocks.moment()
        epoch = bridge.session_epoch + 1
        records.bridges.own(bridge_id, epoch, self._node, hello.version, now.wall)
        if identity is not None:
            records.bridges.bind(account.account_id, identity)
        scene = Scene(account.account_id, bridge_id, epoch)
        records.alert_ended(
            account.account_id, "BRIDGE_OFFLINE", account.account_id, "the bridge is connected again"
        )
        if identity is not None:
            records.alert_ended(
                account.account_id, "ACCOUNT_MISMATCH", ACCOUNT_KEY, "the terminal is on the bound account"
            )
        open_commands, effects, journal = take_session(records, hello, scene, now)
        committed = journal.committed_event_seq
        if not journal.changed and not journal.outdated and hello.next_event_seq <= committed:
            records.alert(_journal_behind(account.account_id, hello, committed))
        # A welcome may be lost: nobody knows whether a journal without a committed event has the record.
        record_needed = journal.changed or journal.outdated or not committed
        return _Opened(
            account=account,
            epoch=epoch,
            document=records.control.get(account.account_id).document,
            open_commands=open_commands,
            effects=effects,
            committed_event_seq=committed,
            recorded=records.book.recorded(account.account_id) if record_needed else None,
            journal_outdated=journal.outdated,
            incarnation=records.incarnation(),
            resolutions=tuple(
                resolution_of(command)
                for command in records.commands.resolved_by_person(account.account_id, now.wall - _RESOLVED)
            ),
            committed_event_id=records.bridges.committed_event_id(bridge_id),
        )

    def find(self, bridge_id: str, account_id: str, epoch: int) -> LiveSession:
        """Return the session whose Control stream opens. Raises `WrongState` for any but the live one."""
        session = self._hub.session(account_id)
        if session is None or session.bridge_id != bridge_id or session.epoch != epoch:
            live = "none is" if session is None else f"session {session.epoch} is"
            raise WrongState("session", str(epoch), "OVER", f"session {epoch} is not live here; {live}")
        return session

    def _supersede(self, before: LiveSession, after: LiveSession) -> None:
        alive = before.machine.link in (LinkState.LIVE, LinkState.DATA_ONLY)
        before.perform(before.machine.supersede(after.epoch, after.address))
        if not alive or before.boot_id == after.boot_id:
            return
        alert = NewAlert(
            account_id=after.account_id,
            severity=Severity.WARNING,
            code="SESSION_SUPERSEDED",
            key=after.bridge_id,
            message="a second bridge connected with the same credential; the newer one goes on",
            known=f"from {after.address}; before it {before.address}",
            advice="run one bridge for each account; if the other is not yours, revoke the credential",
        )
        self._hub.spawn("alert-superseded", lambda: self._storage.run(lambda records: records.alert(alert)))

    async def _alert_mismatch(self, bridge_id: str, error: AccountMismatch) -> None:
        def unit(records: Records) -> None:
            bridge = records.bridges.get(bridge_id)
            if bridge is not None:
                records.alert(
                    NewAlert(
                        account_id=bridge.account_id,
                        severity=Severity.CRITICAL,
                        code="ACCOUNT_MISMATCH",
                        key=ACCOUNT_KEY,
                        message="the terminal is logged in to another account; nothing is traded there",
                        known=error.message,
                        advice="log the terminal in to the bound account, or pair a bridge for the other one",
                    )
                )

        await self._storage.run(unit)

    # Keeping.

    async def run(self) -> None:
        """Read who owns what from the database, and end silent streams, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_returns())
            group.create_task(self._poll())
            group.create_task(self._tick())
            group.create_task(self._spread_heads())

    async def _poll(self) -> None:
        while True:
            try:
                await self._read(self._hub.sessions())
            except StorageUnavailable as error:
                log.warning("owners cannot be read; leases run out", error=str(error))
            await asyncio.sleep(self._hub.timings.poll)

    async def _read(self, sessions: list[LiveSession]) -> None:
        if not sessions:
            return
        started = self._clocks.monotonic()
        account_ids = [session.account_id for session in sessions]
        readings = await self._storage.read(lambda records: records.bridges.readings(account_ids))
        stale: list[LiveSession] = []
        for session in sessions:
            reading = readings.get(session.account_id)
            if reading is None or reading.bridge_id != session.bridge_id:
                session.perform(session.machine.revoke())
            elif reading.session_epoch != session.epoch:
                session.perform(session.machine.supersede(reading.session_epoch, "another node"))
            else:
                read = session.machine.read_owner(_owner(reading, started), self._clocks.monotonic())
                session.perform(read)
                if reading.revision > session.machine.document.revision:
                    stale.append(session)
        for session in stale:
            await self._refresh(session)

    async def _refresh(self, session: LiveSession) -> None:
        account_id = session.account_id
        wanted = await self._storage.read(lambda records: records.control.get(account_id))
        session.perform(session.machine.desire(wanted.document))

    async def _spread_heads(self) -> None:
        """Let the bridges keep the audit's heads, so that they are not in one place alone."""
        while True:
            try:
                await self._read_heads(self._hub.sessions())
            except StorageUnavailable as error:
                log.warning("the audit's heads cannot be read", error=str(error))
            await asyncio.sleep(self._timings.heartbeat)

    async def _read_heads(self, sessions: list[LiveSession]) -> None:
        if not sessions:
            return
        chains = [SYSTEM_CHAIN, *(session.account_id for session in sessions)]
        heads = await self._storage.read(lambda records: records.audit_heads(chains))
        for session in sessions:
            kept = (SYSTEM_CHAIN, session.account_id)
            session.machine.keep_heads(
                tuple(AuditHead(chain, *heads[chain]) for chain in kept if chain in heads)
            )

    def look_now(self, bridge_id: str) -> None:
        """A bridge's credential may have been revoked: look at once."""
        for session in self._hub.sessions():
            if session.bridge_id == bridge_id:
                self._hub.spawn("look", lambda session=session: self._read([session]))  # type: ignore[misc]

    async def _tick(self) -> None:
        while True:
            now = self._clocks.monotonic()
            for session in self._hub.sessions():
                session.perform(session.machine.tick(now))
            await asyncio.sleep(min(self._hub.timings.tick, self._timings.dead_after / 4))

    def drain(self, window_seconds: float) -> None:
        """Tell every bridge that the server goes down."""
        for session in self._hub.sessions():
            session.perform(session.machine.drain(window_seconds))

    # Ends.

    def _ended(self, session: LiveSession) -> None:
        self._hub.spawn("session-ended", lambda: self._note_end(session))

    async def _note_end(self, session: LiveSession) -> None:
        now = self._clocks.moment().wall
        await self._retry(lambda records: records.bridges.ended(session.bridge_id, session.epoch, now))
        await self.alert_if_away(session.account_id)

    async def alert_if_away(self, account_id: str) -> None:
        """Raise an alert where the bridge stays away while positions are open."""
        await asyncio.sleep(_OFFLINE_ALERT_SECONDS)
        if self._hub.session(account_id) is not None:
            return

        def unit(records: Records) -> None:
            trades = records.book.open_trades([account_id])
            if trades and records.bridges.of_account(account_id) is not None:
                records.alert(
                    NewAlert(
                        account_id=account_id,
                        severity=Severity.CRITICAL,
                        code="BRIDGE_OFFLINE",
                        key=account_id,
                        message=f"the bridge is away while {len(trades)} positions are open",
                        known="levels at the broker hold; hidden levels are guarded only if the bridge runs",
                        advice="look at the machine of the terminal and its network",
                    )
                )

        await self._retry(unit)

    async def _retry(self, unit: Callable[[Records], object]) -> None:
        for _ in range(120):
            try:
                await self._storage.run(unit)
            except (StorageUnavailable, CommitUnknown):
                await asyncio.sleep(0.5)
            else:
                return

    async def _watch_returns(self) -> None:
        """Watch, after a start of the server, whether the bridges come back."""

        def unit(records: Records) -> list[str]:
            return [
                account.account_id
                for account in records.accounts_of(None)
                if records.bridges.of_account(account.account_id) is not None
            ]

        while True:
            try:
                account_ids = await self._storage.read(unit)
            except StorageUnavailable as error:
                # Stops work without a database: a server that finds none at its start is a server still.
                log.warning("bridges are looked for later", error=str(error))
                await asyncio.sleep(0.5)
            else:
                break
        for account_id in account_ids:
            self._hub.spawn("offline", lambda account_id=account_id: self.alert_if_away(account_id))  # type: ignore[misc]


def _journal_behind(account_id: str, hello: Hello, committed: int) -> NewAlert:
    return NewAlert(
        account_id=account_id,
        severity=Severity.CRITICAL,
        code="JOURNAL_BEHIND",
        key=hello.journal_id,
        message="the bridge's journal has lost its end; it goes on with a new one",
        known=f"it ends before event {hello.next_event_seq}; {committed} is committed here",
        advice="commands that were under way are UNKNOWN; look at the disk of the bridge's machine",
    )


def _owner(reading: Reading, read_at: float) -> OwnerReading:
    return OwnerReading(
        read_at=read_at,
        owner_epoch=reading.session_epoch,
        stop_generation=reading.stop_generation,
        stopped=reading.stopped,
        revision=reading.revision,
    )
