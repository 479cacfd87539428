"""The link as a whole: sessions one after the other, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from signalos.v1 import bridge_pb2
from signalos_bridge.clock import Clock
from signalos_bridge.controller import Controller
from signalos_bridge.convert import incoming, outgoing
from signalos_bridge.convert.numbers import Malformed, timestamp_of
from signalos_bridge.core import Core
from signalos_bridge.credentials import Credential
from signalos_bridge.domain.facts import RecordedState
from signalos_bridge.domain.link_timing import Backoff, Ending
from signalos_bridge.domain.session import ConnectSession, Ended, Welcome
from signalos_bridge.link.channel import BridgeChannel, ServerUntrusted
from signalos_bridge.link.connect_link import AlertBox, ConnectLink, Parts
from signalos_bridge.link.control_link import ControlLink, Target, Words
from signalos_bridge.link.deliveries import Deliveries
from signalos_bridge.link.loop_meter import LoopMeter
from signalos_bridge.link.standing import LinkState

log = structlog.get_logger(__name__)

PROTOCOL_VERSION = 1

_STATES = {
    Ending.REFUSED: LinkState.REFUSED,
    Ending.MALFORMED: LinkState.REFUSED,
    Ending.SUPERSEDED: LinkState.SUPERSEDED,
}


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Times in seconds; the server's welcome lays down the rest."""

    connect_seconds: float = 5.0
    backoff_base_seconds: float = 0.5
    backoff_cap_seconds: float = 10.0
    superseded_seconds: float = 60.0
    resend_seconds: float = 10.0

    @classmethod
    def scaled(cls, scale: float) -> LinkSettings:
        """Return these times multiplied by `scale`; how long a connection may take stays."""
        plain = cls()
        return cls(
            backoff_base_seconds=plain.backoff_base_seconds * scale,
            backoff_cap_seconds=plain.backoff_cap_seconds * scale,
            superseded_seconds=plain.superseded_seconds * scale,
            resend_seconds=plain.resend_seconds * scale,
        )


class Link:
    """Keeps a session with the server, as well as the network allows. Needs nothing of it to be built."""

    def __init__(
        self,
        *,
        core: Core,
        controller: Controller,
        credential: Credential,
        clock: Clock,
        meter: LoopMeter,
        random: Callable[[], float],
        version: str,
        boot_id: str,
        on_journal_behind: Callable[[str], None] = lambda words: None,
        on_journal_outdated: Callable[[str, RecordedState], None] = lambda words, state: None,
        on_standing: Callable[[LinkState, str], None] = lambda state, words: None,
        settings: LinkSettings | None = None,
    ) -> None:
        """`on_journal_behind` is told why the journal cannot be gone on with; the link must be ended then.

        `on_journal_outdated` is told so too where another bridge has managed the account meanwhile, with the
        server's record of it.

        `on_standing` is told how each attempt to reach the server came out.
        """
        self._core = core
        self._controller = controller
        self._credential = credential
        self._clock = clock
        self._meter = meter
        self._random = random
        self._version = version
        self._boot_id = boot_id
        self._on_journal_behind = on_journal_behind
        self._on_journal_outdated = on_journal_outdated
        self._recorded = bridge_pb2.RecordedState()
        self._on_standing = on_standing
        self._settings = settings or LinkSettings()
        self._alerts = AlertBox((self._core_alerts, controller.take_alerts))
        self._deliveries = Deliveries(core, clock)
        self._metadata = {
            "authorization": f"Bearer {credential.secret}",
            "signalos-bridge": credential.bridge_id,
        }
        words = Words(self._hello, self._heartbeat)
        self._parts = Parts(
            core,
            clock,
            words,
            self._deliveries,
            self._alerts,
            self._welcomed,
            controller.keep_epoch,
            self._outdated,
        )
        self._control = ControlLink(
            controller=controller,
            clock=clock,
            words=words,
            dial=self._dial,
            metadata=self._metadata,
            backoff=self._backoff(),
            connect_seconds=self._settings.connect_seconds,
            on_superseded=self._control_superseded,
        )
        self._session: ConnectLink | None = None
        self._machine: ConnectSession | None = None
        self._first = True
        self.last_ended: Ended | None = None

    @property
    def connected(self) -> bool:
        """Return whether a data stream lives."""
        return self._machine is not None and self._machine.live

    def tell(self, alert: bridge_pb2.BridgeAlert) -> None:
        """Let an alert wait for a session."""
        self._alerts.add(alert)

    def wake(self) -> None:
        """Say that the core has something to send. Cheap."""
        if self._session is not None:
            self._session.wake()

    def wake_control(self) -> None:
        """Say that the controller has something to send, which may be an alert for the data stream. Cheap."""
        self.wake()
        self._control.wake()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._deliveries.run(), name="deliveries")
            group.create_task(self._control.run(), name="control link")
            group.create_task(self._sessions(), name="sessions")

    async def _sessions(self) -> None:
        backoff = self._backoff()
        while True:
            machine = ConnectSession(
                next_event_seq=self._core.next_event_seq,
                random=self._random,
                last_epoch=self._controller.last_epoch,
                resend_seconds=self._settings.resend_seconds,
                event_id=self._core.event_id,
            )
            try:
                ended = await self._connect(machine)
            except Exception:
                # The link may break in any way; guarding and local stops go on, and it is tried again.
                log.exception("session failed")
                ended = Ended(Ending.LOST, "internal error")
            now = self._clock.seconds()
            self.last_ended = ended
            self._session = self._machine = None
            self._alerts.stream_broke()
            pause = backoff.delay(ended.ending, machine.lived_seconds(now))
            log.warning(
                "no session", why=ended.words, ending=ended.ending.value, next_attempt_seconds=round(pause, 2)
            )
            self._on_standing(_STATES.get(ended.ending, LinkState.AWAY), ended.words)
            self._consider(ended, machine.epoch)
            await asyncio.sleep(pause)

    async def _connect(self, machine: ConnectSession) -> Ended:
        channel = self._dial()
        try:
            await channel.connect(self._settings.connect_seconds)
            self._machine = machine
            self._session = ConnectLink(self._parts, machine, first=self._first)
            return await self._session.run(channel, self._metadata)
        except ServerUntrusted as error:
            return Ended(Ending.REFUSED, str(error))
        except OSError as error:
            # TimeoutError is one of them.
            return Ended(Ending.LOST, f"no connection: {error or type(error).__name__}")
        finally:
            channel.abort()

    def _consider(self, ended: Ended, epoch: int) -> None:
        if ended.ending is Ending.SUPERSEDED:
            self._control.retarget(None)
            self._controller.superseded()
            self._core.rest(ended.words)
            self._alerts.add(
                outgoing.critical(
                    "SUPERSEDED",
                    f"another bridge runs with this bridge's credential: {ended.words}",
                    f"session {epoch} ended; hidden levels stayed guarded, nothing was opened, and ladders, "
                    "trailing stops and moves of levels rested",
                    "end one of the two, or revoke the credential and pair anew",
                )
            )
        elif ended.ending is Ending.JOURNAL_BEHIND:
            self._on_journal_behind(ended.words)
        elif ended.ending is Ending.JOURNAL_OUTDATED:
            self._renew(ended.words)
        elif ended.ending in (Ending.REFUSED, Ending.MALFORMED):
            log.error("the server refuses this bridge", why=ended.words)

    def _welcomed(self, welcome: Welcome) -> None:
        self._first = False
        self._controller.last_epoch = (welcome.incarnation, welcome.epoch)
        self._control.retarget(Target(welcome.epoch, welcome.incarnation, welcome.terms))
        self._on_standing(LinkState.CONNECTED, "")
        log.info("session", epoch=welcome.epoch, open_commands=len(welcome.open_command_ids))

    def _outdated(self, recorded: bridge_pb2.RecordedState) -> None:
        # From this very moment nothing follows from a plan that may be carried out already.
        self._core.rest("another bridge has managed the account")
        self._recorded = recorded

    def _renew(self, words: str) -> None:
        try:
            recorded = incoming.recorded_state(self._recorded)
        except Malformed as error:
            # Plans rest, levels stay guarded, and it is tried again.
            log.error("the server's record is not understood", problem=str(error))
        else:
            self._on_journal_outdated(words, recorded)

    def _control_superseded(self, epoch: int, words: str) -> None:
        # Our own next session supersedes our last control stream too.
        machine, session = self._machine, self._session
        if machine is not None and session is not None and machine.live and machine.epoch < epoch:
            session.supersede(words)

    def _dial(self) -> BridgeChannel:
        return BridgeChannel(self._credential.server_address, self._credential.fingerprint)

    def _backoff(self) -> Backoff:
        return Backoff(
            self._random,
            base_seconds=self._settings.backoff_base_seconds,
            cap_seconds=self._settings.backoff_cap_seconds,
            superseded_seconds=self._settings.superseded_seconds,
        )

    def _core_alerts(self) -> list[bridge_pb2.BridgeAlert]:
        return [outgoing.alert(alert) for alert in self._core.take_alerts()]

    def _hello(self) -> bridge_pb2.BridgeHello:
        status = self._core.status()
        return bridge_pb2.BridgeHello(
            bridge_id=self._credential.bridge_id,
            boot_id=self._boot_id,
            journal_id=self._core.journal_id,
            version=self._version,
            protocol_versions=[PROTOCOL_VERSION],
            identity=None if status.account is None else outgoing.identity(status.account),
            last_epoch=self._controller.last_epoch[1],
            next_event_seq=self._core.next_event_seq,
            revision=self._controller.revision,
            held_stops=[outgoing.held_stop(stop) for stop in self._controller.held],
            stop_generation=self._controller.stop_generation,
            state_hash=self._core.state_hash(),
            terminal=outgoing.terminal_status(status),
            bridge_time=timestamp_of(self._clock.wall_msc()),
            takes_batches=True,
            takes_resolutions=True,
            audit_heads=[outgoing.audit_head(head) for head in self._controller.audit_heads.heads],
        )

    def _heartbeat(self, number: int) -> bridge_pb2.BridgeHeartbeat:
        return outgoing.heartbeat(
            beat_number=number,
            loop_lag_seconds=self._meter.worst(),
            status=self._core.status(),
            wall_msc=self._clock.wall_msc(),
            next_event_seq=self._core.next_event_seq,
            state_hash=self._core.state_hash(),
        )
