"""The bridge as a program: everything is built here, and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import structlog

from signalos.v1 import bridge_pb2
from signalos_bridge import credentials, files, logs, poke
from signalos_bridge.clock import Clock
from signalos_bridge.controller import Controller
from signalos_bridge.convert import outgoing
from signalos_bridge.core import Core, CoreSettings
from signalos_bridge.credentials import Credential
from signalos_bridge.domain.facts import RecordedState
from signalos_bridge.domain.values import Alert, AlertSeverity
from signalos_bridge.equity_floor import EquityFloor
from signalos_bridge.journal import JournalUnavailable, set_aside
from signalos_bridge.journal_rows import CorruptRow
from signalos_bridge.link import standing
from signalos_bridge.link.link import Link, LinkSettings
from signalos_bridge.link.loop_meter import LoopMeter
from signalos_bridge.link.standing import LinkState, Standing
from signalos_bridge.moved_clock import bridge_clock
from signalos_bridge.pairing import JOURNAL_FILE
from signalos_bridge.renewal import renew
from signalos_bridge.terminal.frames import PollSettings
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.process import ProcessSettings
from signalos_bridge.terminal.remote import RemoteTerminal

log = structlog.get_logger(__name__)

PROGRAM_FILE = "bridge.json"
_UNHIDE_SECONDS = 5.0
_EMULATOR = "signalos_bridge.emulator.metatrader5"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one bridge runs. Times in seconds."""

    data_dir: Path
    terminal_module: str = "MetaTrader5"
    # The terminal to attach to; None: the one that runs.
    terminal_path: str | None = None
    poll: PollSettings = field(default_factory=PollSettings)
    link: LinkSettings = field(default_factory=LinkSettings)
    # After a start without a server, when the lease counts as lapsed.
    lease_seconds: float = 30.0
    background_sync_seconds: float = 20.0
    # Multiplies how long "it did not happen" takes to be believed; below 1 only in tests.
    settle_scale: float = 1.0
    # Hidden levels are shown to the broker before a planned end, since nobody guards them afterwards.
    unhide_on_shutdown: bool = True
    log_format: str = "console"


def run(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM, and end cleanly.

    Raises `NotPaired` or `CredentialUnreadable` before anything is started.
    """
    logs.configure(settings.log_format)
    credential = credentials.load(settings.data_dir)
    # What was loaded by now stays; collections need not look at it again and again.
    gc.freeze()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings, credential))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def serve(settings: Settings, credential: Credential, ending: asyncio.Event | None = None) -> None:
    """Run until the event is set, or until a signal where there is no event."""
    if ending is not None:
        await _serve(settings, credential, ending)
        return
    ending = asyncio.Event()
    with _signals(ending.set):
        await _serve(settings, credential, ending)


async def _serve(settings: Settings, credential: Credential, ending: asyncio.Event) -> None:
    journal_path = settings.data_dir / JOURNAL_FILE
    first_start = not journal_path.exists()
    told: bridge_pb2.BridgeAlert | None = None
    resting = ""
    while True:
        bridge = _Bridge(settings, credential, told, resting)
        await bridge.run(ending, first_start=first_start)
        if ending.is_set():
            return
        first_start = False
        if bridge.outdated is not None:
            told, resting = await _renewed(journal_path, credential, *bridge.outdated)
            continue
        if not bridge.journal_behind:
            return
        # It was restored from an older copy. What it forgot was perhaps executed, so that nothing it says of
        # commands may be believed: a new one has no memory, and the server's record is its beginning.
        kept_as = await asyncio.to_thread(set_aside, journal_path, "behind")
        log.error("journal set aside", why=bridge.journal_behind, kept_as=kept_as.name)
        told = _behind(bridge.journal_id, f"{bridge.journal_behind}; it is kept as {kept_as.name}")
        resting = ""


async def _renewed(
    path: Path, credential: Credential, words: str, record: RecordedState
) -> tuple[bridge_pb2.BridgeAlert | None, str]:
    """Put the server's record in the place of the journal's own; return what to tell, or why plans rest."""
    try:
        done = await renew(path, credential.account_id, bridge_clock(), record)
    except (JournalUnavailable, CorruptRow) as error:
        # The next welcome says so again.
        log.error("the journal was not renewed", problem=str(error))
        return None, words
    log.warning("journal renewed", why=words, before=done.before, after=done.after)
    untold = (
        f"{done.untold_events} events of the old journal were never told; the sync finds the deals among "
        "them, and hidden levels of theirs count no more"
        if done.untold_events
        else "every event of the old journal was told"
    )
    alert = outgoing.alert(
        Alert(
            done.after,
            AlertSeverity.WARNING,
            "JOURNAL_OUTDATED",
            f"{words}: it goes on with the server's record of positions, levels and ladders",
            known=f"it has {len(record.positions)} positions and {len(record.orders)} orders; {untold}",
            advice="run one bridge for each account; hold hidden levels and ladders against what you want",
        )
    )
    return alert, ""


def _behind(journal_id: str, why: str) -> bridge_pb2.BridgeAlert:
    """Return the alert of a journal that was set aside; the server's own of the same has the same key."""
    alert = outgoing.critical(
        "JOURNAL_BEHIND",
        f"the bridge's journal was put back; it goes on with a new one: {why}",
        "what the old one did after it was copied is known to the server alone",
        "commands that were under way are UNKNOWN; look at the disk of the bridge's machine",
    )
    alert.alert_key = journal_id
    return alert


class _Bridge:
    """The parts of one bridge, and their order."""

    def __init__(
        self, settings: Settings, credential: Credential, told: bridge_pb2.BridgeAlert | None, resting: str
    ) -> None:
        """`told`: an alert of what became of the journal. `resting`: why plans rest; empty: as journalled."""
        self._settings = settings
        self._told = told
        self._resting = resting
        self._credential = credential
        self._stood: tuple[LinkState, str] | None = None
        self._clock: Clock = bridge_clock()
        self._terminal = RemoteTerminal(
            ProcessSettings(
                adapter=AdapterSettings(module=settings.terminal_module, path=settings.terminal_path),
                poll=settings.poll,
                account=credential.bound,
            )
        )
        self._controller = Controller(
            settings.data_dir,
            self._clock,
            lease_seconds=settings.lease_seconds,
            busy_seconds=self._busy_seconds,
            on_outgoing=self._wake_control,
        )
        self._core = Core(
            CoreSettings(
                journal_path=settings.data_dir / JOURNAL_FILE,
                account_id=credential.account_id,
                bound=credential.bound,
                background_sync_seconds=settings.background_sync_seconds,
                settle_scale=settings.settle_scale,
                market_week=settings.terminal_module != _EMULATOR,
            ),
            self._terminal,
            self._controller,
            self._wake,
            self._clock,
        )
        self._floor = EquityFloor(
            self._core.funds, lambda: self._controller.held, self._controller.stop, self._clock
        )
        self._meter = LoopMeter(self._clock)
        self._link: Link | None = None
        self._over = asyncio.Event()
        self.journal_behind = ""
        # Why the journal's record is outdated, and the server's.
        self.outdated: tuple[str, RecordedState] | None = None

    async def run(self, ending: asyncio.Event, *, first_start: bool) -> None:
        """Run until the event is set, or until the journal turns out to have lost its end."""
        # The latch comes first: what is stopped stays stopped whatever else fails to start.
        self._controller.load(first_start=first_start)
        transport, port = await poke.listen(self._settings.data_dir, self._controller.poked)
        try:
            async with asyncio.TaskGroup() as group:
                terminal = group.create_task(self._terminal.run(), name="terminal")
                controller = group.create_task(self._controller.run(), name="controller")
                meter = group.create_task(self._meter.run(), name="loop meter")
                await self._core.start()
                if self._resting:
                    self._core.rest(self._resting)
                self._controller.give_body(self._core)
                core = group.create_task(self._core.run(), name="core")
                floor = group.create_task(self._floor.run(), name="equity floor")
                self._link = Link(
                    core=self._core,
                    controller=self._controller,
                    credential=self._credential,
                    clock=self._clock,
                    meter=self._meter,
                    random=random.random,
                    version=version("signalos"),
                    boot_id=str(uuid.uuid4()),
                    on_journal_behind=self._journal_is_behind,
                    on_journal_outdated=self._journal_is_outdated,
                    on_standing=self._stand,
                    settings=self._settings.link,
                )
                if self._told is not None:
                    self._link.tell(self._told)
                link = group.create_task(self._link.run(), name="link")
                self._stand(LinkState.AWAY, "not connected yet")
                self._write_program_file(port)
                log.info(
                    "bridge serves", bridge_id=self._credential.bridge_id, login=self._credential.bound.login
                )
                await _first(ending, self._over)
                log.info("bridge ends")
                await _cancelled(link)
                if not self.journal_behind and self.outdated is None:
                    await self._unhide()
                await self._core.close()
                await self._terminal.close()
                for task in (floor, core, controller, meter, terminal):
                    await _cancelled(task)
        finally:
            transport.close()

    @property
    def journal_id(self) -> str:
        """Return which journal it has."""
        return self._core.journal_id

    async def _unhide(self) -> None:
        if not self._settings.unhide_on_shutdown:
            return
        try:
            async with asyncio.timeout(_UNHIDE_SECONDS):
                left = await self._core.unhide_all("planned shutdown")
        except TimeoutError:
            log.warning("levels stay hidden behind their disaster stops: the terminal did not answer in time")
        else:
            for problem in left:
                log.warning("a level stays hidden behind its disaster stop", problem=problem)

    def _write_program_file(self, port: int) -> None:
        told = {"pid": os.getpid(), "address": f"127.0.0.1:{port}"}
        files.write_whole(self._settings.data_dir / PROGRAM_FILE, json.dumps(told).encode())

    def _stand(self, state: LinkState, words: str) -> None:
        if (state, words) != self._stood:
            self._stood = (state, words)
            told = Standing(state, words, self._clock.wall_msc())
            standing.store(self._settings.data_dir, told)

    def _journal_is_behind(self, words: str) -> None:
        self.journal_behind = words
        self._over.set()

    def _journal_is_outdated(self, words: str, record: RecordedState) -> None:
        self.outdated = (words, record)
        self._over.set()

    def _wake(self) -> None:
        if self._link is not None:
            self._link.wake()

    def _wake_control(self) -> None:
        if self._link is not None:
            self._link.wake_control()

    def _busy_seconds(self) -> float | None:
        since = self._terminal.busy_since
        return None if since is None else max(0.0, self._clock.awake_seconds() - since)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _first(*events: asyncio.Event) -> None:
    """Wait for any of the events."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


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
