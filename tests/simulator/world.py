"""One run: a seed's wishes and faults, step by step, then healing, settling, and the promises once more."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import structlog

from signalos_bridge import controller as bridge_controller
from signalos_bridge import core as bridge_core
from signalos_bridge.domain.control import HeldStop
from signalos_bridge.domain.market import (
    AccountSnapshot,
    ExecutionMode,
    ExpirationModes,
    FillingMask,
    MarginMode,
    OrderModes,
    SymbolSpec,
    SymbolTradeMode,
    Tick,
    TradeMode,
)
from signalos_bridge.domain.orders import Order
from signalos_bridge.link import connect_link, control_link, driver
from signalos_server.domain.caller import Caller, CallerKind, Role, scopes_of_role
from signalos_server.domain.errors import CommitUnknown, Refusal, StorageUnavailable
from signalos_server.domain.stop_scope import StopWish
from signalos_server.domain.words import CommandState, GuardState, StopScope, TradeState
from signalos_server.service import bridge_facts
from signalos_server.service import hub as server_hub
from signalos_server.service.records import BridgeRef
from tests.simulator import actions
from tests.simulator.checks import Checks
from tests.simulator.disk import Disk, SimHeads, SimJournal, SimKept, SimLatch
from tests.simulator.exchange import Exchange
from tests.simulator.loop import Stuck, VirtualLoop
from tests.simulator.network import Network, SimStub, send_together
from tests.simulator.profiles import Profile, profile_of
from tests.simulator.programs import ACCOUNT, BRIDGE, PREFIX, USER, Bridge, Machine, Server
from tests.simulator.records import Tables, an_account

_MONEY = Decimal("10000.00")
_ACCOUNT = AccountSnapshot(
    5001, "Server", "Trader", "Broker", "USD", 2, TradeMode.DEMO, MarginMode.RETAIL_HEDGING, 100, _MONEY,
    Decimal(0), Decimal(0), _MONEY, Decimal(0), _MONEY, None, Decimal(100), Decimal(50), True, None, False,
    True, True,
)  # fmt: skip
EURUSD = SymbolSpec(
    name="EURUSD", description="Euro vs US Dollar", path="Forex\\EURUSD", digits=5, point=Decimal("0.00001"),
    tick_size=Decimal("0.00001"), tick_value=Decimal(1), tick_value_profit=Decimal(1),
    tick_value_loss=Decimal(1), contract_size=Decimal(100000), volume_min_lots=Decimal("0.01"),
    volume_max_lots=Decimal(100), volume_step_lots=Decimal("0.01"), volume_limit_lots=None,
    stops_level_points=10, freeze_level_points=5, filling_mask=FillingMask.FOK | FillingMask.IOC,
    execution_mode=ExecutionMode.MARKET, trade_mode=SymbolTradeMode.FULL, order_modes=OrderModes(127),
    expiration_modes=ExpirationModes(15), calc_mode=0, currency_base="EUR", currency_profit="USD",
    currency_margin="EUR", visible=True,
)  # fmt: skip
# A level was crossed: also between two attempts the close goes on.
_GUARD_CLOSES = (GuardState.TRIGGERED, GuardState.CLOSING, GuardState.CLOSE_FAILED)
# Frames that a trace does not show.
_DULL = frozenset({"heartbeat", "lease_grant", "live", "symbols", "snapshot", "event_ack"})
SYMBOLS = ("EURUSD", "GBPUSD")
# Real seconds that everything has to be well again after the last fault has healed.
SETTLE_SECONDS = 90.0


class ServerGone(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """The server died under the call: whether it was accepted is not known."""


@dataclass(slots=True)
class Wish:
    """Something that a client asks for under one key, until it knows."""

    request_id: str
    kind: str
    caller: Caller
    ask: Callable[[Server, Wish], Awaitable[Any]]
    at: float
    seconds: float | None
    calm: bool
    done: bool = False
    refused: str = ""
    command_id: str = ""


@dataclass(slots=True)
class Report:
    """What came of a run."""

    seed: int
    profile: str
    steps: int
    # On record, those that the bridge started itself among them.
    commands: int
    # What clients asked for that is a command, the refused ones among them.
    asked: int
    crashes: int
    succeeded: int
    seconds: float
    turns: int
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)


class World:
    """Everything of one run."""

    def __init__(self, seed: int, *, trace: bool = False, profile: str = "") -> None:
        self.seed = seed
        self.random = Random(seed)
        self.loop = VirtualLoop(lambda: self.random.choice((0.0003, 0.001, 0.004)))
        self.counts: Counter[str] = Counter()
        self.step = 0
        self.crashes = 0
        self.healed = False
        self.trace: list[str] | None = [] if trace else None
        self.profile: Profile = profile_of(self.random, profile)
        self.loop.on_error = self._on_error
        self.checks = Checks(self)
        self.tables = Tables()
        self.tables.accounts[ACCOUNT] = an_account(ACCOUNT, USER, PREFIX)
        self.tables.bridges[BRIDGE] = BridgeRef(BRIDGE, ACCOUNT, "bridge", 0, "", "", 0)
        self.server_machine = Machine(self.loop, 5000.0)
        self.bridge_machine = Machine(self.loop, 90.0)
        self.disk = Disk(Random(seed))
        gbp = replace(EURUSD, name="GBPUSD")
        self.exchange = Exchange(
            _ACCOUNT, (EURUSD, gbp), self.loop, self.random, self.bridge_machine.wall_msc()
        )
        self.exchange.on_execution = self.checks.on_execution
        self.exchange.fate = self._fate
        self.network = Network(self.loop, self.random, self._count)
        self.network.arrived = self._arrived
        self.network.on_error = self.unexpected
        if trace:
            self.network.note = self._frame
        self.network.on_lease = self.checks.on_lease
        self.server: Server | None = None
        self.bridge: Bridge | None = None
        self._servers = 0
        self._bridges = 0
        self._asked: dict[asyncio.Future[Any], Server] = {}
        self.wishes: list[Wish] = []
        # Stops that are on record or latched, and that nobody has led out of, by the world's own book.
        self.stops_wanted: set[str] = set()
        # When each was first on record or latched.
        self._stops_seen: dict[str, float] = {}
        self.rearm_named: set[str] = set()
        self._audited = 0
        self.disk.on_held = self._latched
        self.user = Caller(USER, "user", Role.TRADER, scopes_of_role(Role.TRADER), CallerKind.SESSION, "ses")
        self.program = Caller(USER, "user", Role.TRADER, scopes_of_role(Role.TRADER), CallerKind.TOKEN, "tok")
        self.prices = {"EURUSD": 110000, "GBPUSD": 127000}
        self.disturbed_at = 0.0
        self.faults = 0
        # What a program is killed at, once it happens: the instants between two steps of its own.
        self.traps: list[tuple[str, str]] = []
        self.latched_at = 0.0

    # -- telling ---------------------------------------------------------------------------------------

    def note(self, words: str) -> None:
        """Write into the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.loop.now - 1000.0:9.3f} [{self.step:3}] {words}")

    def _arrived(self, frame: Any) -> None:
        if self.traps:
            self.spring(f"{frame.WhichOneof('message')} arrives")

    def _frame(self, direction: Any, frame: Any) -> None:
        kind = frame.WhichOneof("message")
        if kind == "batch":
            for each in frame.batch.DESCRIPTOR.fields:
                for inner in getattr(frame.batch, each.name):
                    self._frame(direction, inner)
        elif kind not in _DULL:
            words = " ".join(str(getattr(frame, kind)).split())
            self.note(f"{direction.name}: {frame.epoch} {kind} {words[:160]}")

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _on_error(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.checks.violated("internal", f"{context.get('message')}: {error!r}")

    def unexpected(self, words: str) -> None:
        """A program logged an error that it did not foresee."""
        self.checks.violated("internal", words)

    # -- the programs ----------------------------------------------------------------------------------

    def start_server(self) -> None:
        self._servers += 1
        server = Server(self._servers, self.loop, self.server_machine, self.tables, self.random)
        self.server = self.network.server = server
        server.storage.away = self.storage_away
        server.storage.unknown = self.profile.commit_unknown if not self.healed else 0.0
        server.start()
        assert server.main is not None
        server.main.add_done_callback(lambda task: self._ended(server.process, task))
        self.note(f"server {self._servers} starts")

    storage_away = False

    def start_bridge(self) -> None:
        self._bridges += 1
        bridge = Bridge(
            self._bridges,
            self.loop,
            self.bridge_machine,
            self.disk,
            self.exchange,
            self.network,
            self.random,
            _ACCOUNT.bound(),
            self.checks.on_submit,
            self._journal_behind,
        )
        self.bridge = bridge
        bridge.start(first_start=self._bridges == 1)
        assert bridge.main is not None
        bridge.main.add_done_callback(lambda task: self._ended(bridge.process, task))
        self.note(f"bridge {self._bridges} starts")

    def _journal_behind(self, words: str) -> None:
        self.checks.violated("internal", f"the journal is behind: {words}")

    def _ended(self, process: Any, task: asyncio.Task[None]) -> None:
        if process.dead or task.cancelled():
            return
        error = task.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if process.name.startswith("bridge") and self.disk.full:
            # Without a journal a bridge does not run; its supervisor starts it again.
            self.kill_bridge(silently=False, restart_after=1.0)
            return
        self.checks.violated("internal", f"{process.name} ended by itself: {error!r}")

    def kill_server(self, *, silently: bool, restart_after: float) -> None:
        server = self.server
        if server is None or server.process.dead:
            return
        self.note(f"{server.process.name} is killed")
        self.crashes += 1
        server.process.dead = True
        self.network.server_died(server, silently)
        for future, asked in list(self._asked.items()):
            if asked is server and not future.done():
                future.set_exception(ServerGone())
        self.network.after(restart_after, self.start_server)

    def kill_bridge(self, *, silently: bool, restart_after: float) -> None:
        bridge = self.bridge
        if bridge is None or bridge.process.dead:
            return
        self.note(f"{bridge.process.name} is killed")
        self.crashes += 1
        bridge.process.dead = True
        bridge.terminal.detach()
        self.network.bridge_died(bridge.process, silently)
        self.network.after(restart_after, self._start_bridge_again)

    def _start_bridge_again(self) -> None:
        if self.bridge is None or self.bridge.process.dead:
            self.start_bridge()

    def spring(self, what: str) -> None:
        """Something happened that a trap may wait for."""
        for trap in [trap for trap in self.traps if trap[0] == what]:
            self.traps.remove(trap)
            self.counts[f"killed as {what}"] += 1
            kill = self.kill_server if trap[1] == "server" else self.kill_bridge
            after = self.random.choice((0.0, 0.0, 0.0004, 0.002, 0.006))
            again = self.random.choice((0.05, 0.5, 2.0))
            silently = self.random.random() < 0.2
            self.network.after(after, partial(kill, silently=silently, restart_after=again))

    @property
    def server_lives(self) -> bool:
        return self.server is not None and not self.server.process.dead

    @property
    def bridge_lives(self) -> bool:
        return self.bridge is not None and not self.bridge.process.dead

    # -- clients ---------------------------------------------------------------------------------------

    async def ask(self, work: Callable[[Server], Awaitable[Any]]) -> Any:
        """Call the server; raises `ServerGone` where it dies under the call."""
        server = self.server
        if server is None or server.process.dead:
            raise ServerGone
        future: asyncio.Future[Any] = self.loop.create_future()
        self._asked[future] = server

        async def call() -> None:
            try:
                result = await work(server)
            except Exception as error:  # noqa: BLE001 (it is the client's)
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.loop.create_task(call(), context=server.process.context.copy())
        try:
            return await future
        finally:
            self._asked.pop(future, None)

    def wish(
        self,
        kind: str,
        ask: Callable[[Server, Wish], Awaitable[Any]],
        *,
        caller: Caller | None = None,
        seconds: float | None = None,
    ) -> Wish:
        """Let a client ask, again and again under one key until it knows."""
        wish = Wish(f"r{len(self.wishes)}", kind, caller or self.user, ask, self.loop.now, seconds, self.calm)
        self.wishes.append(wish)
        self.counts[f"asked {kind}"] += 1
        self.spawn(self._wish(wish))
        return wish

    async def _wish(self, wish: Wish) -> None:
        while not wish.done:
            try:
                result = await self.ask(lambda server: wish.ask(server, wish))
            except (ServerGone, StorageUnavailable, CommitUnknown):
                await asyncio.sleep(self.random.choice((0.1, 0.4, 1.0)))
                continue
            except Refusal as error:
                wish.refused = type(error).__name__
                self.note(f"{wish.kind} {wish.request_id} is refused: {error.message}")
                self.counts[f"refused {wish.refused}"] += 1
            else:
                wish.command_id = getattr(result, "command_id", "")
                if wish.command_id:
                    self.note(f"{wish.kind} {wish.request_id} is command {wish.command_id[:8]}")
                    self.checks.judge(result)
            wish.done = True

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something of the world's own, which no kill ends."""
        task = self.loop.create_task(work)
        task.add_done_callback(self._spawned)

    def _spawned(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.checks.violated("internal", f"a client failed: {error!r}")

    # -- calm ------------------------------------------------------------------------------------------

    def disturb(self) -> None:
        """Something is being done to the programs now."""
        self.disturbed_at = self.loop.now
        self.faults += 1

    @property
    def calm(self) -> bool:
        """Return whether nothing was done to the programs for a while, and all of them serve."""
        return (
            self.loop.now - self.disturbed_at > 8.0
            and self.server_lives
            and self.bridge_lives
            and not self.storage_away
        )

    def _fate(self, order: Order) -> str:
        profile = self.profile
        if self.healed or self.random.random() >= profile.broker_faults:
            return "done"
        fate = self.random.choice(profile.fates)
        self.counts[f"broker: {fate}"] += 1
        return fate

    # -- the market ------------------------------------------------------------------------------------

    def quote(self, symbol: str, points: int) -> None:
        """Move a price by so many points."""
        self.prices[symbol] += points
        bid = Decimal(self.prices[symbol]).scaleb(-5)
        self.exchange.tick_time()
        tick = Tick(symbol, bid, bid + Decimal("0.00010"), self.exchange.now_msc)
        self.exchange.move(tick)
        if self.bridge is not None and not self.bridge.process.dead:
            self.bridge.terminal.quoted(tick)

    # -- the run ---------------------------------------------------------------------------------------

    def run(self) -> Report:
        """Run it all; never raises for what the programs do."""
        with _installed(self):
            main = self.loop.create_task(self._run())
            try:
                self.loop.run_until(main)
            except Stuck:
                self.checks.violated("internal", "nothing is left to happen")
            except Exception as error:
                if not main.done():
                    raise
                self.checks.violated("internal", f"the run itself failed: {error!r}")
                if self.trace is not None:
                    raise
            finally:
                report = self._report()
                _heard.tell = lambda _words: None
                self.loop.end()
                self.disk.close()
        return report

    async def _run(self) -> None:
        for symbol in SYMBOLS:
            self.quote(symbol, 0)
        self.start_server()
        self.start_bridge()
        await self._until(self._trades, 30.0)
        self.disturbed_at = self.loop.now
        if "stealth" in self.profile.weights and self.random.random() < 0.6:
            actions.hide(self)
        plan = actions.plan(self)
        for self.step, act in enumerate(plan, 1):
            act(self)
            await asyncio.sleep(self.random.choice(self.profile.pauses))
            self.checks.look()
            if self.checks.violations:
                return
        if not self.crashes:
            # No trap sprang.
            self.kill_bridge(silently=False, restart_after=0.5)
            await asyncio.sleep(0.3)
        await self._heal()

    def _trades(self) -> bool:
        """Return whether everything is up."""
        server, bridge = self.server, self.bridge
        if server is None or bridge is None or server.process.dead or bridge.process.dead:
            return False
        session = server.hub.session(ACCOUNT)
        return (
            session is not None
            and session.machine.may_send(increases_risk=not self.stops_wanted)
            and bridge.core.status().in_sync
        )

    async def _until(self, reached: Callable[[], bool], seconds: float) -> bool:
        until = self.loop.now + seconds
        while not reached():
            if self.loop.now >= until:
                return False
            await asyncio.sleep(0.25)
            self.checks.look()
        return True

    async def _heal(self) -> None:
        """Undo every fault, let everything settle, and ask for all that is held to be let go."""
        self.note("everything heals")
        self.healed = True
        self.traps.clear()
        self.network.down = False
        self.network.repeat = 0.0
        self.network.slow = 0.0
        self.storage_away = False
        self.disk.full = False
        self.exchange.book_lag = self.exchange.history_lag = 0.0
        self.set_linked(True)
        self.bridge_machine.wake_up()
        for program in (self.server, self.bridge):
            if program is not None and program.process.frozen:
                self.loop.thaw(program.process)
        if self.server is not None:
            self.server.storage.away = False
            self.server.storage.unknown = 0.0
        if self.bridge is not None:
            self.bridge.terminal.set_up(True)
        settled = await self._until(self._settled, 20.0)
        wanted = self.tables.control.get(ACCOUNT)
        if not settled and wanted is not None and wanted.problem:
            # The bridge says what it cannot keep to; somebody takes the wish back.
            actions.take_plans_back(self)
        settled = settled or await self._until(self._settled, SETTLE_SECONDS)
        self.checks.look()
        if not settled:
            self.note(f"not settled: {self._unsettled()}")
        self.checks.at_the_end()
        if self.checks.violations:
            return
        await self._use_again()
        self._judge_success()

    def _settled(self) -> bool:
        return not self._unsettled()

    def _unsettled(self) -> str:
        """Return what is not over yet; empty: nothing."""
        bridge = self.bridge
        if not self._trades():
            return "not everything is up"
        assert bridge is not None
        if not self.exchange.settled:
            return "the broker is at work"
        if any(not wish.done for wish in self.wishes):
            return "a client waits"
        if self.tables.open_commands:
            return f"{len(self.tables.open_commands)} commands are open"
        for trade in self.tables.trades.values():
            if trade.state is TradeState.OPEN and trade.position.guard_state in _GUARD_CLOSES:
                return f"the guard closes position {trade.position.identifier}"
        if bridge.core.unacknowledged_outcomes():
            return "outcomes are not acknowledged"
        if bridge.core.next_event_seq - 1 != self.tables.bridges[BRIDGE].committed_event_seq:
            return "events are not committed"
        wanted = self.tables.control.get(ACCOUNT)
        if wanted is not None and (
            wanted.document.rearms
            or wanted.applied is None
            or wanted.applied.revision != wanted.document.revision
        ):
            return "policies are not applied"
        if wanted is not None and set(wanted.document.stop_ids) != self.stops_wanted:
            return "stops are not on record"
        for record in self.tables.stops.values():
            for account, rearmed, _ in record.accounts.values():
                if rearmed is None and not account.complete:
                    return f"stop {record.stop.stop_id} goes on"
        if self.checks.shown_positions() != self.checks.true_positions():
            return "positions are not on record"
        if self.checks.shown_orders() != set(self.exchange.orders):
            return "orders are not on record"
        if any((ACCOUNT, deal.ticket) not in self.tables.deals for deal in self.exchange.deals):
            return "deals are not on record"
        return ""

    async def _use_again(self) -> None:
        """Who looks now finds a system that trades: lead out of stops, resume, open and close once."""
        for _ in range(3):
            if not self.stops_wanted:
                break
            await self._lead_out()
        if self.stops_wanted:
            self.checks.violated("P7", "stops cannot be led out of")
            return
        resume = self.wish(
            "resume", lambda server, wish: server.control.pause(wish.caller, ACCOUNT, False, 3.0)
        )
        await self._until(lambda: resume.done and self._settled(), 30.0)
        if self.stops_wanted:
            # What the bridge had begun by itself ended in doubt, and that was one too many.
            await self._lead_out()
        opened = actions.open_market(self, seconds=60.0, levels=False)
        await self._until(lambda: opened.done and self._settled(), 30.0)
        self.checks.look()
        found = self.tables.commands.get(opened.command_id)
        if found is None or found[0].state is not CommandState.SUCCEEDED:
            what = opened.refused or (found[0].state.name + " " + found[0].message if found else "lost")
            self.checks.violated("P7", f"an open after everything has healed: {what}")
            return
        self.checks.at_the_end()

    async def _lead_out(self) -> None:
        actions.rearm_all(self)
        await self._until(self._settled, 30.0)

    def _judge_success(self) -> None:
        """Doing nothing does not pass: nine tenths of what could succeed have, and most could."""
        total = good = touched = 0
        for wish in self.wishes:
            found = self.tables.commands.get(wish.command_id)
            if found is None:
                continue
            command = found[0]
            done = command.state is CommandState.SUCCEEDED
            total += 1
            touched += not done and self._could_not(command)
            good += done or _nothing_left_to_do(command)
            self.counts[f"ended {command.state.name}"] += 1
        self.counts["succeeded"] += good
        self.counts["counted"] += total
        able = total - touched
        if self.profile.endures and total and (good < 0.9 * able or able < 0.5 * total):
            asked = [self.tables.commands[wish.command_id][0] for wish in self.wishes if wish.command_id]
            ends = Counter(f"{one.state.name} {one.reason}".strip() for one in asked)
            words = f"only {good} of {able} ({total}) commands succeeded: {dict(ends)}"
            self.checks.violated("success", words)

    def _could_not(self, command: Any) -> bool:
        """Return whether a command was kept from success by a kill, or by the market.

        What was in doubt (the bridge was killed in the call) is not sent again, opens of its symbol are
        refused meanwhile, and three such end in a stop; and the market may have left what was asked for.
        """
        kept = command.reason in ("NOT_EXECUTED", "UNKNOWN_OPEN", "WRONG_SIDE", "TOO_CLOSE")
        return kept or command.state is CommandState.FENCED or self.checks.doubted(command.command_id)

    def set_linked(self, linked: bool) -> None:
        """The terminal's link to its trade server breaks or comes back."""
        if self.exchange.linked != linked:
            self.exchange.linked = linked
            if self.bridge is not None and not self.bridge.process.dead:
                self.bridge.terminal.link_changed()
                if linked:
                    self.bridge.terminal._begin("the link came back")

    def _report(self) -> Report:
        return Report(
            seed=self.seed,
            profile=self.profile.name,
            steps=self.step,
            commands=len(self.tables.commands),
            asked=sum(self.counts[f"asked {kind}"] for kind in actions.COMMANDS),
            crashes=self.crashes,
            succeeded=self.counts["succeeded"],
            seconds=self.loop.now - 1000.0,
            turns=self.loop.turns,
            counts=self.counts,
            violations=[str(one) for one in self.checks.violations],
            trace=self.trace or [],
        )

    # -- stops -----------------------------------------------------------------------------------------

    def _latched(self, stop_id: str) -> None:
        self._stop_seen(stop_id)
        # A stop that a full disk did not take is latched late; it is as old as it is.
        self.latched_at = max(self.latched_at, self._stops_seen[stop_id])

    def _stop_seen(self, stop_id: str) -> None:
        if stop_id not in self._stops_seen:
            self._stops_seen[stop_id] = self.loop.now
            self.stops_wanted.add(stop_id)

    def follow_stops(self) -> None:
        """Keep the book of stops: on record or latched is in force, until a re-arm that names it."""
        for stop_id in self.tables.stops:
            self._stop_seen(stop_id)
        news, self._audited = self.tables.audit[self._audited :], len(self.tables.audit)
        if any(action == "rearm_refused" for _, action, _ in news):
            # What the bridge could not let go of is in force again, and that is told.
            again = {str(detail["stop_id"]) for _, action, detail in news if action == "stop_adopted"}
            again &= self.rearm_named
            self.rearm_named -= again
            self.stops_wanted |= again
        wanted = self.tables.control.get(ACCOUNT)
        if wanted is not None:
            self.stops_wanted -= self.rearm_named & set(wanted.document.cleared_stop_ids)

    def call_stop(self, close: bool) -> None:
        """Somebody calls an emergency stop at the server; called again until somebody hears it."""

        async def call() -> None:
            wanted = StopWish(close, StopScope.UNSPECIFIED, (), f"stop at step {self.step}")
            while not self.healed:
                try:
                    answer = await self.ask(lambda server: server.stops.call(self.user, wanted, 1.0))
                except ServerGone:
                    await asyncio.sleep(0.2)
                    continue
                self.note(f"stop {answer.stop.stop_id[:8]} is answered, recorded {answer.recorded}")
                # Not on record yet: whoever called it looks again until it is.
                while self.server_lives:
                    if answer.recorded or answer.stop.stop_id in self.tables.stops:
                        return
                    await asyncio.sleep(0.2)

        self.spawn(call())

    def stop_locally(self, close: bool) -> None:
        """Somebody stops at the bridge's machine, whether the bridge runs or not."""
        stop = HeldStop(
            str(uuid.uuid4()), close, f"local at step {self.step}", True, self.bridge_machine.wall_msc()
        )
        if self.disk.full or self.disk.latch is None:
            return
        SimLatch(self.disk).hold(stop, 0)
        self.note(f"stop {stop.stop_id[:8]} is made at the bridge's machine")


def _nothing_left_to_do(command: Any) -> bool:
    """A close of what was closed meanwhile was not needed any more."""
    gone = ("POSITION_GONE", "ORDER_GONE", "POSITION_CLOSED", "INVALID_REQUEST")
    return command.reason in gone or "not there any more" in command.message


# -- standing in for the world below -----------------------------------------------------------------------


class _Shim:
    BridgeServiceStub = SimStub


class _Heard(logging.Handler):
    """Errors that a program logged because it did not foresee them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.tell: Callable[[str], None] = lambda _: None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.tell(f"{record.getMessage()}: {record.exc_info[1]!r}")


_heard = _Heard()


def _structured(logger: Any, method: str, event: Any) -> Any:
    if event.get("exc_info"):
        _heard.tell(f"{event.get('event')}: {sys.exc_info()[1]!r}")
    raise structlog.DropEvent


@contextlib.contextmanager
def _installed(world: World) -> Iterator[None]:
    """Let the programs find the simulation where they look for sockets, disks and dice."""
    random = Random(world.seed ^ 0x5EED)

    def new_uuid() -> uuid.UUID:
        return uuid.UUID(int=random.getrandbits(128), version=4)

    def guarded(unit: Callable[..., Any]) -> Callable[..., Any]:
        def run(records: Any, scene: Any, *args: Any, **names: Any) -> Any:
            result = unit(records, scene, *args, **names)
            owner = records.tables.bridges[scene.bridge_id].session_epoch
            if owner != scene.epoch and records.tables.wrote:
                world.checks.violated("P6", f"session {scene.epoch} wrote while {owner} owns the bridge")
            return result

        return run

    patches: list[tuple[Any, str, Any]] = [
        (bridge_core, "Journal", SimJournal),
        (bridge_controller, "Latch", SimLatch),
        (bridge_controller, "kept", SimKept),
        (bridge_controller, "kept_heads", SimHeads),
        (bridge_controller, "_LOOK_SECONDS", 0.4),
        (connect_link, "bridge_service_grpc", _Shim),
        (control_link, "bridge_service_grpc", _Shim),
        (driver, "_send_together", send_together),
        (uuid, "uuid4", new_uuid),
        (server_hub, "apply_all", guarded(bridge_facts.apply_all)),
        (server_hub, "offer_waiting", guarded(bridge_facts.offer_waiting)),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in patches]
    _heard.tell = world.unexpected
    structlog.configure(processors=[_structured], cache_logger_on_first_use=False)
    root = logging.getLogger()
    level, handlers = root.level, root.handlers
    root.handlers, root.level = [_heard], logging.ERROR
    collected = gc.isenabled()
    gc.disable()
    for owner, name, value in patches:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
        if collected:
            gc.enable()
