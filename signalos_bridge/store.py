"""The bridge's memory: what the journal holds, in memory as well. Memory changes only after the disk has.

Readers look at memory and never wait. Writers make a `Batch` of rows and of what to change in memory, and
commit it. Events and the record are changed under `record_lock`, so that sequence numbers have no holes.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from signalos_bridge import journal_rows as rows
from signalos_bridge.clock import Clock
from signalos_bridge.domain.command import CommandRecord, HiddenLevels, Leg, Verdict, outcome_of
from signalos_bridge.domain.difference import Difference, Told
from signalos_bridge.domain.facts import BridgeEvent
from signalos_bridge.domain.orders import CloseBy, ClosePosition
from signalos_bridge.domain.record import KnownOrder, KnownPosition, Owner, Record, cause_of_origin
from signalos_bridge.domain.stop_task import StopTask
from signalos_bridge.domain.trailing import MoveCount
from signalos_bridge.domain.values import (
    CommandOrigin,
    CommandState,
    OpenAction,
    Outcome,
    Policies,
    StealthSettings,
    TradePolicy,
)
from signalos_bridge.journal import Journal, JournalUnavailable, SqlValue, Statement

log = logging.getLogger(__name__)

# Deals are remembered for this long behind the newest one; a sync looks back less far.
_DEAL_MEMORY_MSC = 3 * 24 * 3600 * 1000
_ENDED_MEMORY_MSC = 7 * 24 * 3600 * 1000
_CLOSED_MEMORY = 2000
_META_OF_RECORD = (
    "acknowledged_seq",
    "acknowledged_event_id",
    "last_deal_msc",
    "floor_msc",
    "begun",
    "resting",
)
# Between two starts of one machine's clock the difference of wall and monotonic time changes by more.
_SAME_BOOT_SECONDS = 2.0


class Batch:
    """Rows to write in one unit, and what changes in memory once they are on disk."""

    __slots__ = ("effects", "statements")

    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.effects: list[Callable[[], None]] = []

    def row(self, sql: str, *parameters: SqlValue) -> None:
        """Add a statement."""
        self.statements.append((sql, parameters))

    def then(self, effect: Callable[[], None]) -> None:
        """Add what happens in memory after the commit."""
        self.effects.append(effect)


class Store:
    """Commands, outcomes, events, record, policies and stop tasks of one journal."""

    def __init__(self, journal: Journal, clock: Clock, account_id: str) -> None:
        self.journal = journal
        self.account_id = account_id
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget everything, before anything was written."""
        self.record_lock = asyncio.Lock()
        self.commands: dict[str, CommandRecord] = {}
        self.owners: dict[int, Owner] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.unacknowledged: dict[str, Outcome] = {}
        self.events: deque[BridgeEvent] = deque()
        self.next_seq = 1
        # The last event that the server has, which is forgotten here but for this; 0: none.
        self.acknowledged: tuple[int, str] = (0, "")
        self.record = Record()
        self.prefix = 0
        self.prefixes: frozenset[int] = frozenset()
        self.policies: Policies | None = None
        self.trade_policies: dict[int, TradePolicy] = {}
        self.stop_tasks: dict[str, StopTask] = {}
        # Commands of which a person has said what became of them.
        self.resolved: set[str] = set()
        self.moves = MoveCount()
        # Why ladders, trailing stops and moves of levels rest; empty: they do not.
        self.resting = ""
        self._next_number = 1

    # -- writing ---------------------------------------------------------------------------------------

    async def commit(self, batch: Batch) -> None:
        """Sync a batch, then change memory. Raises `JournalUnavailable`, and memory stays as it was."""
        if not batch.statements:
            _carry_out(batch)
            return
        over = False
        late: asyncio.Future[None] | None = None

        def then(error: JournalUnavailable | None) -> None:
            nonlocal over
            over = True
            if error is None:
                _carry_out(batch)
            if late is not None and not late.done():
                late.set_result(None)

        try:
            await self.journal.write(batch.statements, then)
        except asyncio.CancelledError:
            # A cancelled writer must not go, and give up its lock, while the disk is ahead of memory.
            if not over:
                late = asyncio.get_running_loop().create_future()
                await asyncio.wait([late])
            raise

    def _commit_later(self, batch: Batch) -> asyncio.Future[None]:
        """Sync a batch with what is written next, then change memory; nobody need wait for the future."""

        def then(error: JournalUnavailable | None) -> None:
            if error is None:
                _carry_out(batch)

        return self.journal.write_later(batch.statements, then)

    def next_number(self) -> int:
        """Return a number for a new command; they rise in the order of arrival."""
        number, self._next_number = self._next_number, self._next_number + 1
        return number

    def put_command(self, batch: Batch, record: CommandRecord) -> None:
        """Write a command without its legs."""
        kind, action, data = rows.command_columns(record)
        batch.row(
            # What its indexes hold never changes, and replacing the row would write them anew.
            "INSERT INTO commands VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (command_id) DO UPDATE SET "
            "state = excluded.state, action_kind = excluded.action_kind, action = excluded.action, "
            "data = excluded.data",
            record.command.command_id,
            record.number,
            record.state.value,
            kind,
            action,
            data,
            record.received_wall_msc,
        )
        batch.then(lambda: self._keep(record))

    def put_leg(self, batch: Batch, record: CommandRecord, leg: Leg) -> None:
        """Write one leg; `record` is the command with that leg in it."""
        order_kind, order, data = rows.leg_columns(leg)
        batch.row(
            "INSERT OR REPLACE INTO legs VALUES (?, ?, ?, ?, ?, ?, ?)",
            record.command.command_id,
            leg.index,
            leg.state.value,
            leg.magic,
            order_kind,
            order,
            data,
        )
        batch.then(lambda: self._keep(record))

    def put_hidden(self, batch: Batch, magic: int, levels: HiddenLevels | None) -> None:
        """Write other hidden levels of a working order, to be guarded from its fill on."""
        owner = self.owners[magic]
        record = self.commands[owner.command_id]
        legs = tuple(replace(leg, hidden=levels) if leg.magic == magic else leg for leg in record.legs or ())
        record = replace(record, legs=legs)
        for leg in legs:
            if leg.magic == magic:
                self.put_leg(batch, record, leg)

        def keep() -> None:
            self.owners[magic] = replace(owner, hidden=levels)

        batch.then(keep)

    def put_attempt(self, batch: Batch, command_id: str, leg: Leg, result: str) -> None:
        """Write what is known of the latest attempt of a leg: `intent`, then what came of it."""
        batch.row(
            "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?)",
            command_id,
            leg.index,
            leg.attempt_count,
            self._clock.wall_msc(),
            result,
        )

    def put_outcome(self, batch: Batch, record: CommandRecord, verdict: Verdict) -> CommandRecord:
        """Write the next outcome of a command whose state is set, and return the record with its number."""
        record = replace(record, outcome_number=record.outcome_number + 1)
        outcome = outcome_of(record, verdict)
        self.put_command(batch, record)
        batch.row(
            "INSERT OR REPLACE INTO outcomes VALUES (?, ?, 0, ?)",
            outcome.command_id,
            outcome.outcome_number,
            rows.outcome_text(outcome),
        )

        def keep() -> None:
            self.outcomes[outcome.command_id] = outcome
            # Newest last, so that the oldest is sent first.
            self.unacknowledged.pop(outcome.command_id, None)
            self.unacknowledged[outcome.command_id] = outcome

        batch.then(keep)
        return record

    def _keep(self, record: CommandRecord) -> None:
        self.commands[record.command.command_id] = record
        self._own(record)

    def _own(self, record: CommandRecord) -> None:
        command = record.command
        for leg in record.legs or ():
            if leg.order is None or leg.magic in self.owners:
                continue
            stop_loss = None
            if command.origin is CommandOrigin.GUARD:
                stop_loss = "stop loss" in command.cause
            self.owners[leg.magic] = Owner(
                command.command_id,
                command.origin,
                isinstance(leg.order, ClosePosition | CloseBy),
                cause_of_origin(command.origin, stop_loss=stop_loss),
                leg.hidden,
                command.action.protection if isinstance(command.action, OpenAction) else None,
            )

    # -- events and record (under record_lock) ---------------------------------------------------------

    def put_events(self, batch: Batch, told: Iterable[Told]) -> None:
        """Write events with the next sequence numbers. The caller holds `record_lock` until it committed."""
        seq = self.next_seq
        wall = self._clock.wall_msc()
        events: list[BridgeEvent] = []
        for item in told:
            event = BridgeEvent(seq, item.event_id, wall, item.command_id, item.fact)
            batch.row(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                seq,
                event.event_id,
                wall,
                event.command_id,
                type(event.fact).__name__,
                rows.text(event.fact),
            )
            events.append(event)
            seq += 1

        def keep() -> None:
            self.events.extend(events)
            self.next_seq = seq

        batch.then(keep)

    def put_position(self, batch: Batch, known: KnownPosition) -> None:
        """Write what is known of a position."""
        known = known.with_initial_stop()
        identifier = known.identifier
        batch.row("INSERT OR REPLACE INTO positions VALUES (?, ?)", identifier, rows.text(known))

        def keep() -> None:
            self.record.positions[identifier] = known
            self.record.edition += 1
            self.record.closed.pop(identifier, None)

        batch.then(keep)

    def put_difference(self, batch: Batch, found: Difference) -> None:
        """Write a difference: the record's changes and the events that tell them."""
        record = self.record
        for known in found.positions:
            self.put_position(batch, known)
        for identifier in found.closed:
            batch.row("DELETE FROM positions WHERE identifier = ?", identifier)
            batch.row("DELETE FROM policies WHERE identifier = ?", identifier)
        for order in found.orders:
            batch.row("INSERT OR REPLACE INTO orders VALUES (?, ?)", order.record.ticket, rows.text(order))
        for ticket in found.ended_orders:
            batch.row("DELETE FROM orders WHERE ticket = ?", ticket)
        for deal in found.deals:
            batch.row("INSERT OR REPLACE INTO deals VALUES (?, ?)", deal.ticket, deal.time_msc)
        newest = max((deal.time_msc for deal in found.deals), default=0)
        if newest > record.last_deal_msc:
            batch.row(
                "INSERT OR REPLACE INTO meta VALUES ('last_deal_msc', ?)",
                str(newest),
            )
        self.put_events(batch, found.told)

        def keep() -> None:
            for identifier, closed_msc in found.closed.items():
                record.positions.pop(identifier, None)
                self.trade_policies.pop(identifier, None)
                if len(record.closed) >= _CLOSED_MEMORY:
                    record.closed.clear()
                record.closed[identifier] = closed_msc
            for order in found.orders:
                record.orders[order.record.ticket] = order
            for ticket in found.ended_orders:
                record.orders.pop(ticket, None)
            for deal in found.deals:
                record.seen_deals[deal.ticket] = deal.time_msc
            record.last_deal_msc = max(record.last_deal_msc, newest)

        batch.then(keep)

    def put_order(self, batch: Batch, order: KnownOrder) -> None:
        """Write what is known of an order."""
        ticket = order.record.ticket
        batch.row("INSERT OR REPLACE INTO orders VALUES (?, ?)", ticket, rows.text(order))

        def keep() -> None:
            self.record.orders[ticket] = order

        batch.then(keep)

    def put_floor(
        self, batch: Batch, floor_msc: int, last_deal_msc: int, tickets: Sequence[int] = ()
    ) -> None:
        """Note up to where an earlier journal told all deals of the account, and which later ones."""
        batch.row("INSERT OR REPLACE INTO meta VALUES ('floor_msc', ?)", str(floor_msc))
        batch.row("INSERT OR REPLACE INTO meta VALUES ('last_deal_msc', ?)", str(last_deal_msc))
        for ticket in tickets:
            # When each of them was does not matter; they are forgotten with the last.
            batch.row("INSERT OR REPLACE INTO deals VALUES (?, ?)", ticket, last_deal_msc)

        def keep() -> None:
            self.record.floor_msc, self.record.last_deal_msc = floor_msc, last_deal_msc
            self.record.seen_deals.update(dict.fromkeys(tickets, last_deal_msc))

        batch.then(keep)

    def put_begun(self, batch: Batch) -> None:
        """Note that the record has had its first reading."""
        if self.record.fresh:
            batch.row("INSERT OR REPLACE INTO meta VALUES ('begun', '1')")

            def keep() -> None:
                self.record.fresh = False

            batch.then(keep)

    # -- the rest --------------------------------------------------------------------------------------

    def put_prefix(self, batch: Batch, prefix: int) -> None:
        """Write the installation's magic prefix; earlier ones stay known as ours."""
        prefixes = self.prefixes | {prefix}
        batch.row("INSERT OR REPLACE INTO meta VALUES ('prefix', ?)", str(prefix))
        batch.row("INSERT OR REPLACE INTO meta VALUES ('prefixes', ?)", rows.text(sorted(prefixes)))

        def keep() -> None:
            self.prefix, self.prefixes = prefix, prefixes

        batch.then(keep)

    def put_resting(self, batch: Batch, why: str) -> None:
        """Write whether plans rest, and why; empty: they go on."""
        batch.row("INSERT OR REPLACE INTO meta VALUES ('resting', ?)", why)

        def keep() -> None:
            self.resting = why

        batch.then(keep)

    def put_renewed(self, batch: Batch) -> str:
        """Begin a new journal that knows commands, and nothing of positions and orders; return its id."""
        journal_id = uuid.uuid4().hex
        batch.row("UPDATE meta SET value = ? WHERE name = 'journal_id'", journal_id)
        for table in ("events", "positions", "orders", "deals"):
            batch.row(f"DELETE FROM {table}")  # noqa: S608 (constants)
        for name in _META_OF_RECORD:
            batch.row("DELETE FROM meta WHERE name = ?", name)

        def keep() -> None:
            self.journal.journal_id = journal_id
            self.record = Record()
            self.events.clear()
            self.next_seq = 1
            self.acknowledged = (0, "")
            self.resting = ""

        batch.then(keep)
        return journal_id

    def put_policies(self, batch: Batch, policies: Policies) -> None:
        """Write the account's policies (those of single trades apart)."""
        kept = replace(policies, trades=())
        batch.row("INSERT OR REPLACE INTO meta VALUES ('policies', ?)", rows.text(kept))

        def keep() -> None:
            self.policies = kept

        batch.then(keep)

    def put_trade_policy(self, batch: Batch, policy: TradePolicy) -> None:
        """Write what is wanted of one trade."""
        identifier = policy.position_identifier
        batch.row("INSERT OR REPLACE INTO policies VALUES (?, ?)", identifier, rows.text(policy))

        def keep() -> None:
            self.trade_policies[identifier] = policy

        batch.then(keep)

    def put_resolution(self, batch: Batch, command_id: str, executed: bool, reason: str) -> None:
        """Write what a person said of a command that nobody knew."""
        batch.row(
            "INSERT OR REPLACE INTO resolutions VALUES (?, ?, ?, ?)",
            command_id,
            int(executed),
            reason,
            self._clock.wall_msc(),
        )
        batch.then(lambda: self.resolved.add(command_id))

    def put_moves(self, batch: Batch, moves: MoveCount) -> None:
        """Write how many requests the trailing stops of the account have sent."""
        batch.row("INSERT OR REPLACE INTO meta VALUES ('moves', ?)", rows.text(moves))

        def keep() -> None:
            self.moves = moves

        batch.then(keep)

    def put_stop_task(self, batch: Batch, task: StopTask) -> None:
        """Write how far a stop has come."""
        batch.row("INSERT OR REPLACE INTO stop_tasks VALUES (?, ?)", task.stop_id, rows.text(task))

        def keep() -> None:
            self.stop_tasks[task.stop_id] = task

        batch.then(keep)

    def drop_stop_tasks(self, batch: Batch, stop_ids: Sequence[str]) -> None:
        """Forget stops that were led out of."""
        for stop_id in stop_ids:
            batch.row("DELETE FROM stop_tasks WHERE stop_id = ?", stop_id)

        def keep() -> None:
            for stop_id in stop_ids:
                self.stop_tasks.pop(stop_id, None)

        batch.then(keep)

    def acknowledge_outcome(self, command_id: str, number: int) -> asyncio.Future[None]:
        """Note that outcomes of a command up to a number are committed at the server; see `_commit_later`."""
        batch = Batch()
        batch.row(
            "UPDATE outcomes SET acknowledged = 1 WHERE command_id = ? AND number <= ?", command_id, number
        )

        def keep() -> None:
            waiting = self.unacknowledged.get(command_id)
            if waiting is not None and waiting.outcome_number <= number:
                del self.unacknowledged[command_id]

        batch.then(keep)
        return self._commit_later(batch)

    def acknowledge_events(self, seq: int) -> asyncio.Future[None]:
        """Note that events up to `seq` are committed at the server, and forget them; see `_commit_later`."""
        batch = Batch()
        last = min(seq, self.next_seq - 1)
        batch.row("DELETE FROM events WHERE seq <= ?", last)
        # Sequence numbers are never given twice, also when no event is left.
        batch.row("INSERT OR REPLACE INTO meta VALUES ('acknowledged_seq', ?)", str(last))
        event_id = self.event_id(last)
        batch.row("INSERT OR REPLACE INTO meta VALUES ('acknowledged_event_id', ?)", event_id)

        def keep() -> None:
            self.acknowledged = (last, event_id)
            while self.events and self.events[0].seq <= last:
                self.events.popleft()

        batch.then(keep)
        return self._commit_later(batch)

    async def prune(self) -> None:
        """Forget ended, acknowledged commands of what is gone after a week and deals after three days."""
        before = self._clock.wall_msc() - _ENDED_MEMORY_MSC
        # What is still there is told apart, and has its hidden levels, by the command that made it.
        alive = {order.record.magic for order in self.record.orders.values()}
        alive |= {known.position.magic for known in self.record.positions.values()}
        old = [
            command_id
            for command_id, record in self.commands.items()
            if record.received_wall_msc < before
            and record.state.is_final
            and command_id not in self.unacknowledged
            and not any(leg.magic in alive for leg in record.legs or ())
        ]
        batch = Batch()
        for command_id in old:
            for table in ("commands", "legs", "attempts", "outcomes", "resolutions"):
                batch.row(f"DELETE FROM {table} WHERE command_id = ?", command_id)  # noqa: S608 (constants)
        oldest = self.record.last_deal_msc - _DEAL_MEMORY_MSC
        batch.row("DELETE FROM deals WHERE time_msc < ?", oldest)

        def keep() -> None:
            for command_id in old:
                record = self.commands.pop(command_id, None)
                self.outcomes.pop(command_id, None)
                self.resolved.discard(command_id)
                for leg in (record.legs if record else None) or ():
                    self.owners.pop(leg.magic, None)
            deals = self.record.seen_deals
            for ticket in [ticket for ticket, time in deals.items() if time < oldest]:
                del deals[ticket]

        batch.then(keep)
        await self.commit(batch)

    # -- reading at start ------------------------------------------------------------------------------

    def load(self) -> None:
        """Fill memory from the journal. Raises `journal_rows.CorruptRow`."""
        meta = {str(name): str(value) for name, value in self.journal.read("SELECT name, value FROM meta")}
        self.prefix = int(meta.get("prefix", "0"))
        self.prefixes = frozenset(rows.read(meta.get("prefixes", "[]"), list[int]))
        self.record.fresh = "begun" not in meta
        self.record.last_deal_msc = int(meta.get("last_deal_msc", "0"))
        self.record.floor_msc = int(meta.get("floor_msc", "0"))
        self.acknowledged = (int(meta.get("acknowledged_seq", "0")), meta.get("acknowledged_event_id", ""))
        self.next_seq = self.acknowledged[0] + 1
        self.resting = meta.get("resting", "")
        if "policies" in meta:
            self.policies = rows.read(meta["policies"], Policies)
        if "moves" in meta:
            self.moves = rows.read(meta["moves"], MoveCount)
        self._load_commands()
        self._load_record()
        for columns in self.journal.read("SELECT * FROM events ORDER BY seq"):
            seq, event_id, wall, command_id, kind, data = columns
            event = rows.event_of(_int(seq), str(event_id), _int(wall), str(command_id), str(kind), str(data))
            self.events.append(event)
            self.next_seq = event.seq + 1
        self.resolved = {str(one) for (one,) in self.journal.read("SELECT command_id FROM resolutions")}
        for (data,) in self.journal.read("SELECT data FROM stop_tasks"):
            task = rows.read(str(data), StopTask)
            self.stop_tasks[task.stop_id] = task

    def _load_commands(self) -> None:
        legs: dict[str, list[Leg]] = {}
        for command_id, order_kind, request, data in self.journal.read(
            "SELECT command_id, order_kind, request, data FROM legs ORDER BY command_id, leg"
        ):
            leg = rows.leg_of(str(order_kind), str(request), str(data))
            legs.setdefault(str(command_id), []).append(leg)
        for columns in self.journal.read("SELECT * FROM commands ORDER BY number"):
            command_id, number, state, kind, action, data, wall = columns
            found = legs.get(str(command_id))
            record = rows.command_of(
                _int(number),
                str(state),
                str(kind),
                str(action),
                str(data),
                _int(wall),
                tuple(found) if found is not None else None,
            )
            self._keep(record)
            self._next_number = record.number + 1
        for command_id, acknowledged, data in self.journal.read(
            "SELECT command_id, acknowledged, data FROM outcomes ORDER BY number"
        ):
            outcome = rows.outcome_of(str(data), self.commands.get(str(command_id)))
            self.outcomes[outcome.command_id] = outcome
            self.unacknowledged.pop(outcome.command_id, None)
            if not acknowledged:
                self.unacknowledged[outcome.command_id] = outcome
        ordered = sorted(self.unacknowledged.items(), key=lambda item: self._age(item[0]))
        self.unacknowledged = dict(ordered)

    def _age(self, command_id: str) -> int:
        record = self.commands.get(command_id)
        return record.number if record is not None else 0

    def _load_record(self) -> None:
        for (data,) in self.journal.read("SELECT data FROM positions"):
            known = rows.position_of(str(data))
            self.record.positions[known.identifier] = known
        for (data,) in self.journal.read("SELECT data FROM orders"):
            order: KnownOrder = rows.order_of(str(data))
            self.record.orders[order.record.ticket] = order
        for ticket, time_msc in self.journal.read("SELECT ticket, time_msc FROM deals"):
            self.record.seen_deals[_int(ticket)] = _int(time_msc)
        for (data,) in self.journal.read("SELECT data FROM policies"):
            policy = rows.read(str(data), TradePolicy)
            self.trade_policies[policy.position_identifier] = policy

    # -- questions -------------------------------------------------------------------------------------

    @property
    def equity_floor(self) -> Decimal | None:
        """Return the equity below which nothing may be risked; None: there is no such limit."""
        return None if self.policies is None else self.policies.limits.minimum_equity

    @property
    def stealth_settings(self) -> StealthSettings:
        """Return how levels are hidden."""
        return StealthSettings() if self.policies is None else self.policies.stealth_settings

    def wall_msc(self) -> int:
        """Return what time it is, in milliseconds since 1970."""
        return self._clock.wall_msc()

    def age_seconds(self, record: CommandRecord) -> float | None:
        """Return for how long the journal has held a command; None: it is from another start of the machine.

        Monotonic clocks begin anew with the machine; a wall clock that jumped tells nothing either.
        """
        now = self._clock.seconds()
        begun_then = record.received_wall_msc / 1000 - record.received_at
        begun_now = self._clock.wall_msc() / 1000 - now
        if abs(begun_now - begun_then) >= _SAME_BOOT_SECONDS:
            return None
        return max(0.0, now - record.received_at)

    def event_id(self, seq: int) -> str:
        """Return the id of the event of that number; empty: it is not remembered."""
        if seq == self.acknowledged[0]:
            return self.acknowledged[1]
        index = seq - self.events[0].seq if self.events else -1
        return self.events[index].event_id if 0 <= index < len(self.events) else ""

    def open_commands(self) -> list[CommandRecord]:
        """Return the commands that have not reached a final state, oldest first."""
        return [record for record in self.commands.values() if not record.state.is_final]

    def unknown_commands(self) -> list[CommandRecord]:
        """Return the commands whose outcome nobody knows."""
        return [record for record in self.commands.values() if record.state is CommandState.UNKNOWN]


def _carry_out(batch: Batch) -> None:
    for effect in batch.effects:
        effect()


def _int(value: SqlValue) -> int:
    if not isinstance(value, int):
        raise rows.CorruptRow(f"{value!r} is not a whole number")
    return value
