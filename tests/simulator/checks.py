"""The promises, held against the broker's ledger at every step of a run.

Nothing here asks the programs what they think they did: tags are computed anew from the words of the
contract, and the ledger is the broker's own.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from signalos_bridge.domain.orders import (
    CancelPending,
    ClosePosition,
    ModifyPending,
    OpenMarket,
    Order,
    PlacePending,
)
from signalos_server.domain.actions import Adopt, CancelOrder, Close, CloseAll, Modify, ModifyOrder, Open
from signalos_server.domain.command import Command
from signalos_server.domain.happenings import CommandChanged
from signalos_server.domain.words import CommandState, OrderState, TradeState
from tests.simulator.exchange import Entry, accepts
from tests.simulator.programs import ACCOUNT, BRIDGE, LEASE, PREFIX

if TYPE_CHECKING:
    from tests.simulator.programs import Bridge
    from tests.simulator.world import World

_DONE = (CommandState.SUCCEEDED, CommandState.PARTIAL)
_NOT_DONE = (CommandState.REJECTED, CommandState.EXPIRED, CommandState.FENCED, CommandState.CANCELLED)
_REDUCING = (Close, CloseAll, CancelOrder)
_MOST_LEGS = 12


def magic_of(command_id: str, leg: int) -> int:
    """Return the magic number of a leg, as the contract says it is made."""
    digest = hashlib.sha256(f"{command_id}:{leg}".encode()).digest()
    return (PREFIX << 48) | int.from_bytes(digest[:6], "big")


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    promise: str
    words: str
    at: float
    step: int

    def __str__(self) -> str:
        return f"{self.promise} at step {self.step} ({self.at:.3f} s): {self.words}"


class Checks:
    """Watches one run."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.violations: list[Violation] = []
        self._by_magic: defaultdict[int, list[Entry]] = defaultdict(list)
        self._owner: dict[int, str] = {}
        self._told: dict[str, Command] = {}
        self._doubted: set[str] = set()
        self._seen = 0
        # What clients were told with a final word.
        self._final: dict[str, CommandState] = {}
        self._leases: dict[object, float] = {}

    def doubted(self, command_id: str) -> bool:
        """Return whether a command was ever told UNKNOWN."""
        return command_id in self._doubted

    def violated(self, promise: str, words: str) -> None:
        """Note a broken promise, once for each kind of words."""
        if len(self.violations) < 20:
            world = self._world
            self.violations.append(Violation(promise, words, world.loop.now - 1000.0, world.step))
            world.note(f"VIOLATION {promise}: {words}")

    def on_lease(self, process: object, sent_at: float) -> None:
        """A lease has reached a bridge: it runs from the sending of the heartbeat that it answers."""
        self._leases[process] = max(self._leases.get(process, 0.0), sent_at + LEASE)

    # -- the terminal is asked -------------------------------------------------------------------------

    def on_submit(self, bridge: Bridge, order: Order) -> None:
        """A call leaves for the terminal: the instant that stops, leases and times to live are about."""
        world = self._world
        world.note(f"terminal asked: {_words(order)}")
        if bridge is not world.bridge or bridge.process.dead:
            self.violated("P9", "a dead bridge asked the terminal")
        world.spring("terminal asked")
        if not order.increases_risk:
            return
        held = world.disk.held
        if held:
            self.violated("P5", f"{_words(order)} was submitted while {', '.join(held)} is latched")
        until = self._leases.get(bridge.process)
        if until is None or until < world.loop.now - 1e-6:
            self.violated("P5 lease", f"{_words(order)} was submitted without a lease")
        command = self._command_of(getattr(order, "magic", 0))
        if command is None:
            return
        begun = world.loop.now
        accepted = command.accepted.monotonic_seconds - world.server_machine.offset
        if begun > accepted + command.time_to_live.total_seconds() + 1.0:
            late = begun - accepted - command.time_to_live.total_seconds()
            self.violated("P3 time to live", f"{_words(order)} began {late:.2f} s after its time to live")
        wanted = world.tables.control.get(ACCOUNT)
        if accepted < world.latched_at and isinstance(command.action, Open):
            self.violated("P5 fence", f"{_words(order)} was issued before a stop that was latched since")
        paused = wanted is not None and wanted.applied is not None and wanted.applied.paused
        if command.automated and wanted is not None and wanted.document.paused and paused:
            self.violated("P5 pause", f"{_words(order)} of a program was submitted while paused")

    def _command_of(self, magic: int) -> Command | None:
        command_id = self._owner.get(magic)
        if command_id is None:
            for known in self._world.tables.commands:
                for leg in range(_MOST_LEGS):
                    self._owner.setdefault(magic_of(known, leg), known)
            command_id = self._owner.get(magic)
        found = self._world.tables.commands.get(command_id or "")
        return None if found is None else found[0]

    # -- the broker acts -------------------------------------------------------------------------------

    def on_execution(self, entry: Entry) -> None:
        """The broker carried a request out, or refused it."""
        self._world.note(f"broker: {_words(entry.order)} -> {entry.retcode} {entry.executed_lots or ''}")
        self._world.spring("broker acts")
        magic = entry.magic
        if not magic:
            return
        entries = self._by_magic[magic]
        entries.append(entry)
        if not accepts(entry.order):
            return
        effective = [one for one in entries if one.took_effect]
        if len(effective) > 1:
            self.violated("P2", f"leg {magic & 0xFFFF:x} has {len(effective)} accepted broker orders")
        asked = max(getattr(one.order, "volume_lots", Decimal(0)) for one in entries)
        executed = sum((one.executed_lots for one in entries), Decimal(0))
        if executed > asked:
            self.violated("P2", f"leg {magic & 0xFFFF:x} asked {asked} lots, executed {executed}")
        if entry.took_effect:
            command = self._command_of(magic)
            if command is not None and command.state in _NOT_DONE:
                self.violated(
                    "P3", f"{command.state.name} was told of {_named(command)}, then it was executed"
                )

    # -- clients are told ------------------------------------------------------------------------------

    def look(self) -> None:
        """Hold what was committed since the last look against the ledger."""
        self._world.follow_stops()
        stream = self._world.tables.stream
        while self._seen < len(stream):
            told = stream[self._seen]
            self._seen += 1
            if told.seq != self._seen:
                self.violated("P4", f"event {told.seq} came at place {self._seen}")
            if isinstance(told.happening, CommandChanged):
                self._changed(told.happening.command)

    def _changed(self, command: Command) -> None:
        self._world.note(
            f"told: {_named(command)} is {command.state.name} {command.reason} {command.message}".rstrip()
        )
        if command.state is CommandState.UNKNOWN:
            self._doubted.add(command.command_id)
        before = self._told.get(command.command_id)
        self._told[command.command_id] = command
        ended = before is not None and before.state.is_final and not before.resolved_by_person
        if before is not None and ended and command.state is not before.state:
            self.violated("P3", f"{_named(command)} was told {before.state.name}, now {command.state.name}")
        self.judge(command)

    def judge(self, command: Command) -> None:
        """Hold one command's state against the ledger."""
        if command.state in _DONE:
            self._judge_done(command)
        elif command.state in _NOT_DONE:
            for leg in range(max(len(command.legs), 3)):
                entries = self._by_magic.get(magic_of(command.command_id, leg), ())
                effective = [one for one in entries if one.took_effect and not self._overtaken(one)]
                if effective:
                    what = f"the ledger has {_words(effective[0].order)}"
                    self.violated("P3", f"{_named(command)} was told {command.state.name}, and {what}")
            if command.state is CommandState.FENCED and isinstance(command.action, _REDUCING):
                self.violated("P5", f"{_named(command)} reduces exposure, and was fenced")

    def _levels_are_there(self, ticket: int, magic: int, entries: Sequence[Entry]) -> bool:
        """Return whether a position has, or had, the levels that were asked for, whoever has set them."""
        exchange = self._world.exchange
        if any(one.took_effect or one.no_change for one in [*entries, *exchange.of_ticket(ticket)]):
            return True
        position = exchange.positions.get(ticket)
        return position is None or any(
            (getattr(one.order, "stop_loss", None), getattr(one.order, "take_profit", None))
            == (position.stop_loss, position.take_profit)
            for one in exchange.ledger
            if one.magic == magic
        )

    def _levels_were_there(self, ticket: int, action: object) -> bool:
        """Return whether a position has ever had what a command asks for.

        A bridge that was killed between the attempt's record and the call finds the levels there, by another
        request, and has nothing to send.
        """
        return isinstance(action, Modify) and any(
            (not action.set_stop_loss or action.stop_loss == stop)
            and (not action.set_take_profit or action.take_profit == target)
            for stop, target in self._world.exchange.levels.get(ticket, ())
        )

    def _overtaken(self, entry: Entry) -> bool:
        """Return whether levels were changed again since: nothing at the terminal tells of it any more."""
        if accepts(entry.order):
            return False
        ticket = getattr(entry.order, "ticket", 0)
        position = self._world.exchange.positions.get(ticket)
        if position is None:
            return True
        wanted = (getattr(entry.order, "stop_loss", None), getattr(entry.order, "take_profit", None))
        return wanted != (position.stop_loss, position.take_profit)

    def _judge_done(self, command: Command) -> None:
        action = command.action
        if command.resolved_by_person:
            return
        if isinstance(action, Open | Close | CloseAll):
            total = Decimal(0)
            placed = False
            for leg in range(max(len(command.legs), 1)):
                for entry in self._by_magic.get(magic_of(command.command_id, leg), ()):
                    total += entry.executed_lots
                    placed |= entry.took_effect and isinstance(entry.order, PlacePending)
            if isinstance(action, Open) and action.order_type.name != "MARKET":
                if not placed:
                    self.violated(
                        "P3", f"{_named(command)} was told {command.state.name}, and no order was placed"
                    )
            elif total != command.filled_volume_lots:
                self.violated(
                    "P3",
                    f"{_named(command)} was told {command.state.name} with {command.filled_volume_lots} "
                    f"lots, and the ledger has {total}",
                )
            elif isinstance(action, Open) and total == 0:
                self.violated(
                    "P3", f"{_named(command)} was told {command.state.name}, and nothing was executed"
                )
        elif isinstance(action, CancelOrder):
            if action.order_ticket in self._world.exchange.orders:
                self.violated("P3", f"{_named(command)} was told {command.state.name}, and the order works")
        elif isinstance(action, ModifyOrder):
            if not any(
                isinstance(entry.order, ModifyPending)
                and entry.order.ticket == action.order_ticket
                and (entry.took_effect or entry.no_change)
                for entry in self._world.exchange.ledger
            ):
                self.violated(
                    "P3", f"{_named(command)} was told {command.state.name}, and no order was moved"
                )
        elif not isinstance(action, Adopt):
            for told in command.legs:
                entries = self._by_magic.get(magic_of(command.command_id, told.index), ())
                if (
                    told.attempt_count
                    and not self._levels_are_there(told.ticket, told.magic, entries)
                    and not self._levels_were_there(told.ticket, action)
                ):
                    self.violated(
                        "P3", f"{_named(command)} was told {command.state.name}, and changed nothing"
                    )

    # -- the end ---------------------------------------------------------------------------------------

    def at_the_end(self) -> None:
        """All has healed and settled: nothing may be open, lost, or different from the broker."""
        world, tables = self._world, self._world.tables
        for command, _ in tables.commands.values():
            if command.state is CommandState.UNKNOWN:
                self.violated("P1", f"{_named(command)} is still UNKNOWN: {command.message}")
            elif not command.state.is_final:
                self.violated("P1", f"{_named(command)} is still {command.state.name}")
            self.judge(command)
            if self._told.get(command.command_id) != command:
                told = self._told.get(command.command_id)
                if told is None or told.state is not command.state:
                    self.violated("P1", f"nobody was told that {_named(command)} is {command.state.name}")
        keys = Counter((one.user_id, one.request_id) for one, _ in tables.commands.values() if one.request_id)
        for (_, request_id), count in keys.items():
            if count > 1:
                self.violated("P2", f"one key, {request_id}, has {count} commands")
        known = {ticket for account, ticket in tables.deals if account == ACCOUNT}
        for deal in world.exchange.deals:
            if deal.ticket not in known:
                self.violated("P1", f"deal {deal.ticket} of position {deal.position_id} was never told")
        if self.shown_positions() != self.true_positions():
            self.violated(
                "P7",
                f"positions on record {self.shown_positions()}, at the broker {self.true_positions()}",
            )
        if self.shown_orders() != set(world.exchange.orders):
            self.violated(
                "P7",
                f"orders on record {sorted(self.shown_orders())}, "
                f"at the broker {sorted(world.exchange.orders)}",
            )
        self._bridge_and_server_agree()
        self._levels_held()

    def shown_positions(self) -> dict[int, Decimal]:
        """Return the volumes of positions that are open on record."""
        return {
            trade.position.identifier: trade.position.volume_lots
            for trade in self._world.tables.trades.values()
            if trade.state is not TradeState.CLOSED
        }

    def true_positions(self) -> dict[int, Decimal]:
        """Return the volumes of positions at the broker."""
        return {one.identifier: one.volume_lots for one in self._world.exchange.positions.values()}

    def shown_orders(self) -> set[int]:
        """Return the orders that work on record."""
        return {
            order.pending.ticket
            for order in self._world.tables.orders.values()
            if order.pending.state is OrderState.WORKING
        }

    def _bridge_and_server_agree(self) -> None:
        world, tables = self._world, self._world.tables
        bridge = world.bridge
        assert bridge is not None
        left = bridge.core.unacknowledged_outcomes()
        if left:
            self.violated("P7", f"{len(left)} outcomes are not acknowledged")
        row = tables.bridges[BRIDGE]
        if bridge.core.next_event_seq - 1 != row.committed_event_seq:
            self.violated(
                "P7",
                f"the bridge told {bridge.core.next_event_seq - 1} events, "
                f"{row.committed_event_seq} are committed",
            )
        wanted = tables.control.get(ACCOUNT)
        document = wanted.document if wanted is not None else None
        on_record = set(document.stop_ids) if document is not None else set()
        at_bridge = {stop.stop_id for stop in bridge.controller.held}
        if on_record != at_bridge or at_bridge != set(world.disk.held):
            self.violated(
                "P5",
                f"stops on record {sorted(on_record)}, at the bridge {sorted(at_bridge)}, "
                f"on its disk {sorted(world.disk.held)}",
            )
        if world.stops_wanted != on_record:
            lost = sorted(world.stops_wanted - on_record)
            more = sorted(on_record - world.stops_wanted)
            self.violated("P5", f"stops that are lost: {lost}; that nobody wants: {more}")
        if document is not None and document.rearms:
            self.violated("P7", "a re-arm is still on its way")
        if document is not None and (wanted is None or wanted.applied is None):
            self.violated("P7", "the bridge has applied nothing")
        elif wanted is not None and wanted.applied is not None and document is not None:
            if wanted.applied.revision != document.revision:
                self.violated(
                    "P7", f"revision {document.revision} is wanted, {wanted.applied.revision} is applied"
                )
            if wanted.applied.paused != document.paused or wanted.applied.stealth != document.stealth:
                self.violated("P3", "what was said to be applied is not what is wanted")
        for record in tables.stops.values():
            for account, rearmed, _ in record.accounts.values():
                if rearmed is None and account.account_id == ACCOUNT and not account.complete:
                    self.violated("P5", f"stop {record.stop.stop_id} is not complete: {account.problem}")

    def _levels_held(self) -> None:
        """No hidden level is crossed by the price that has stood since everything healed."""
        world = self._world
        for trade in world.tables.trades.values():
            position = trade.position
            if trade.state is not TradeState.OPEN:
                continue
            tick = world.exchange.ticks[position.symbol]
            buy = position.side.name == "BUY"
            price = tick.bid if buy else tick.ask
            assert price is not None
            stop, target = position.virtual_stop_loss, position.virtual_take_profit
            sign = 1 if buy else -1
            if stop is not None and (price - stop) * sign <= 0:
                self.violated("guard", f"position {position.identifier} is open beyond its stop {stop}")
            if target is not None and (price - target) * sign >= 0:
                self.violated("guard", f"position {position.identifier} is open beyond its target {target}")


def _words(order: Order) -> str:
    match order:
        case OpenMarket():
            return f"open {order.side.name} {order.volume_lots} {order.symbol} [{order.magic & 0xFFFF:x}]"
        case PlacePending():
            return f"place {order.side.name} {order.volume_lots} at {order.price} [{order.magic & 0xFFFF:x}]"
        case ClosePosition():
            return f"close {order.volume_lots} of #{order.ticket} [{order.magic & 0xFFFF:x}]"
        case CancelPending() | ModifyPending():
            return f"{type(order).__name__} #{order.ticket}"
        case _:
            return f"{type(order).__name__} #{order.ticket} [{order.magic & 0xFFFF:x}]"


def _named(command: Command) -> str:
    kind = type(command.action).__name__.lower()
    return f"{command.origin.name.lower()} {kind} {command.command_id[:8]}"
