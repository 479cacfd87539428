"""Commands: accepted once, handed to a bridge at once, waited for, taken back, resolved.

Accepted means committed. What waits for a bridge is ended here when its time is over; what was offered to a
bridge is the bridge's to end.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

import structlog

from signalos_server.domain import command as lifecycle
from signalos_server.domain.actions import Action, Open
from signalos_server.domain.caller import Caller
from signalos_server.domain.command import Command
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.errors import (
    CommitUnknown,
    NoBridge,
    NotFound,
    PermissionDenied,
    RequestIdReused,
    StorageUnavailable,
    TooManyCommands,
    TradingPaused,
    TradingStopped,
    WrongState,
)
from signalos_server.domain.frames import CancelDelivery
from signalos_server.domain.happenings import CommandChanged
from signalos_server.domain.words import CommandOrigin, CommandState
from signalos_server.failpoints import reach
from signalos_server.service.access import seen_accounts
from signalos_server.service.bridge_facts import (
    end_unseen,
    forget_bridge,
    resolution_of,
    save_changed,
)
from signalos_server.service.hub import Clocks, Hub
from signalos_server.service.limit_gate import LimitGate, QuoteWanted
from signalos_server.service.records import AccountRef, Page, Records, Request, Standing, Storage
from signalos_server.service.unit_effects import CommandSaved

log = structlog.get_logger(__name__)

T = TypeVar("T")

OPEN_TIME_TO_LIVE = timedelta(seconds=5)
OTHER_TIME_TO_LIVE = timedelta(seconds=30)
DEFAULT_WAIT_SECONDS = 3.0

# Closing everything of a large account still fits; more is a program that has gone wrong.
MAXIMUM_OPEN_COMMANDS = 1_000
_SWEEP_SECONDS = 0.25
# Commands of a node that died are found by looking, not by being told.
_LOOK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What a use case wants done, once it has looked at the records."""

    account: AccountRef
    action: Action
    increases_risk: bool
    trade_id: str = ""
    order_id: str = ""


# Looks at the records and says what is to be done; raises a `Refusal` where it must not.
Prepare = Callable[[Records], Draft]


@dataclass(frozen=True, slots=True)
class Asked:
    """The call that a command comes from. `body` is the whole request, for telling repeats from others."""

    caller: Caller
    request_id: str
    body: bytes
    time_to_live: timedelta | None = None
    wait_seconds: float = DEFAULT_WAIT_SECONDS
    origin: CommandOrigin = CommandOrigin.USER
    # The signal that caused it; empty: none.
    signal_id: str = ""

    @property
    def automated(self) -> bool:
        """Return whether a program asks, by an API token: held back by a pause."""
        return not self.caller.is_person

    @property
    def body_hash(self) -> str:
        """Return what makes two calls the same."""
        return hashlib.sha256(self.body).hexdigest()


class Acceptance:
    """Accepts commands within a unit of work that decides more than that; see `CommandUseCases.within`."""

    def __init__(self, commands: CommandUseCases, records: Records) -> None:
        self._commands = commands
        self._records = records
        self.accepted: list[tuple[Asked, Command, ControlDocument]] = []
        self.desired: list[ControlDocument] = []

    def desire(self, document: ControlDocument) -> None:
        """Send a document that the unit has stored, once that is committed."""
        self.desired.append(document)

    def check(self, asked: Asked, draft: Draft) -> None:
        """Raise the `Refusal` that `accept` would; changes nothing."""
        self._commands.judge(self._records, asked, draft)

    def accept(self, asked: Asked, draft: Draft) -> Command:
        """Store a command. Raises `RequestIdReused` and what `check` raises; the unit must not go on then."""
        command_id = self._commands.new_command_id()
        command, document = self._commands.accept_within(
            self._records, asked, lambda _: draft, command_id, repeated=False
        )
        assert document is not None
        self.accepted.append((asked, command, document))
        return command


class CommandUseCases:
    """The life of commands at the server."""

    def __init__(self, storage: Storage, hub: Hub, clocks: Clocks, limits: LimitGate) -> None:
        self._storage = storage
        self._hub = hub
        self._clocks = clocks
        self.limits = limits
        # Commands that no bridge was handed: account and when their time is over, on the monotonic clock.
        self._waiting: dict[str, tuple[str, float]] = {}
        # When the records are looked at again, on the monotonic clock.
        self._look_at = 0.0
        # Told of each open that is committed, before it is handed on.
        self.on_open: Callable[[Caller, Command, ControlDocument], None] = lambda *_: None

    # Accepting.

    async def accept(self, asked: Asked, prepare: Prepare) -> Command:
        """Store a command, hand it to its bridge, and return it as it is after the wait.

        The same key with the same body returns the command of the first call. Raises what `prepare` raises,
        `RequestIdReused`, `NoBridge`, `TradingStopped`, `TradingPaused`, `LimitReached`, `TooManyCommands`.
        """
        command_id = self._hub.new_uuid()
        with self._hub.board.commands.watch(command_id) as watch:
            try:
                command, document = await self._store(asked, prepare, command_id)
            except CommitUnknown:
                # It may hold, marked as handed to a bridge that nobody will hand it to.
                self._look_at = 0.0
                raise
            if document is None:
                session = self._hub.session(command.account_id)
                if command.state is CommandState.PENDING and session is not None:
                    # The call before may not have come so far as to hand it over.
                    session.offer()
                return await self.wait(command, asked.wait_seconds)
            reach("before_hand_over")
            self._accepted(asked, command, document)
            last = await watch.until(asked.wait_seconds, _settled)
        return await self._as_it_is(last or command, asked.wait_seconds)

    async def _store(
        self, asked: Asked, prepare: Prepare, command_id: str
    ) -> tuple[Command, ControlDocument | None]:
        """Commit a command; where limits need a quote and none is known, ask for it in between."""
        try:
            return await self._storage.run(
                lambda records: self.accept_within(records, asked, prepare, command_id, last_try=False)
            )
        except QuoteWanted as wanted:
            await self.limits.quote(wanted)
        return await self._storage.run(
            lambda records: self.accept_within(records, asked, prepare, command_id)
        )

    async def within(self, unit: Callable[[Records, Acceptance], T]) -> T:
        """Run a unit that decides, and accepts the commands that come of it: both are committed, or neither.

        What was accepted is handed on once it is committed. Raises what the unit raises.
        """
        last: list[Acceptance] = []

        def whole(records: Records) -> T:
            # The unit may be run again; only what it did last counts.
            last[:] = [Acceptance(self, records)]
            return unit(records, last[0])

        try:
            result = await self._storage.run(whole)
        except CommitUnknown:
            # It may hold, marked as handed to a bridge that nobody will hand it to.
            self._look_at = 0.0
            raise
        if last[0].accepted:
            reach("before_hand_over")
        for asked, command, document in last[0].accepted:
            self._accepted(asked, command, document)
        for document in last[0].desired:
            self._hub.desire(document)
        return result

    def new_command_id(self) -> str:
        """Return the id of a new command."""
        return self._hub.new_uuid()

    def _accepted(self, asked: Asked, command: Command, document: ControlDocument) -> None:
        if isinstance(command.action, Open):
            self.on_open(asked.caller, command, document)
        self._hand_over(command)

    def judge(
        self,
        records: Records,
        asked: Asked,
        draft: Draft,
        *,
        accepting: bool = False,
        last_try: bool = True,
    ) -> Standing:
        """Return what a command would be accepted under. Raises the `Refusal` that stands against it.

        `accepting`: it is to be stored in this unit. Raises `QuoteWanted` too, unless it is the `last_try`.
        """
        account_id = draft.account.account_id
        standing = records.standing(account_id)
        if standing.bridge is None:
            raise NoBridge(account_id)
        self._check_control(records, standing.document, draft, asked)
        if standing.open_command_count >= MAXIMUM_OPEN_COMMANDS:
            raise TooManyCommands(account_id, MAXIMUM_OPEN_COMMANDS)
        if draft.increases_risk:
            if accepting and standing.document.limits.any:
                # Two orders that are accepted at once must not both be the last that fits.
                records.control.lock(account_id)
            self.limits.admit(
                records,
                standing.document,
                draft.action,
                trade_id=draft.trade_id,
                order_id=draft.order_id,
                last_try=last_try,
            )
        return standing

    def accept_within(
        self,
        records: Records,
        asked: Asked,
        prepare: Prepare,
        command_id: str,
        *,
        repeated: bool = True,
        last_try: bool = True,
    ) -> tuple[Command, ControlDocument | None]:
        """Return the command with the document that it was accepted under; None: it is one of before.

        `repeated` False: one of before is refused.
        """
        user_id = asked.caller.user_id
        moment = self._clocks.moment()
        request = Request(user_id, asked.request_id, asked.body_hash, command_id)
        before = records.commands.claim(request, moment.wall)
        if before is not None:
            if not repeated:
                raise RequestIdReused(before.request_id, before.command_id)
            return _repeated(records, before, asked.body_hash), None
        draft = prepare(records)
        account_id = draft.account.account_id
        standing = self.judge(records, asked, draft, accepting=True, last_try=last_try)
        bridge, document = standing.bridge, standing.document
        assert bridge is not None
        session = self._hub.session(account_id)
        offered = (
            session is not None
            and session.epoch == bridge.session_epoch
            and session.machine.may_send(draft.increases_risk)
        )
        is_open = isinstance(draft.action, Open)
        command = Command(
            command_id=command_id,
            account_id=account_id,
            origin=asked.origin,
            state=CommandState.PENDING,
            action=draft.action,
            create_time=moment.wall,
            time_to_live=asked.time_to_live or (OPEN_TIME_TO_LIVE if is_open else OTHER_TIME_TO_LIVE),
            stop_generation=document.stop_generation,
            increases_risk=draft.increases_risk,
            accepted=moment,
            user_id=user_id,
            request_id=asked.request_id,
            automated=asked.automated,
            offered_epoch=bridge.session_epoch if offered else None,
            trade_id=draft.trade_id,
            order_id=draft.order_id,
            signal_id=asked.signal_id,
        )
        records.commands.insert(command)
        records.happened(account_id, CommandChanged(f"command:{command_id}:1", command))
        if is_open:
            records.audit(
                account_id,
                user_id,
                "open",
                {
                    "command_id": command_id,
                    "request_id": asked.request_id,
                    "credential": asked.caller.credential_id,
                    "symbol": draft.action.symbol if isinstance(draft.action, Open) else "",
                },
            )
        return command, document

    def _check_control(self, records: Records, document: ControlDocument, draft: Draft, asked: Asked) -> None:
        account_id = document.account_id
        if draft.increases_risk:
            session = self._hub.session(account_id)
            stopping = session.machine.stopping if session is not None else ()
            if document.stopped or stopping:
                raise TradingStopped(account_id, tuple(dict.fromkeys((*document.stop_ids, *stopping))))
            if document.paused and asked.automated:
                raise TradingPaused(account_id)
        if isinstance(draft.action, Open):
            unknown = records.commands.unknown_open(account_id, draft.action.symbol)
            if unknown is not None and unknown.user_id == asked.caller.user_id:
                raise WrongState(
                    "command",
                    unknown.command_id,
                    CommandState.UNKNOWN.name,
                    f"an open of {draft.action.symbol} is UNKNOWN; another may double it: resolve that first",
                )

    def _hand_over(self, command: Command) -> None:
        session = self._hub.session(command.account_id)
        if command.offered_epoch is None:
            expires = command.accepted.monotonic_seconds + command.time_to_live.total_seconds()
            self._waiting[command.command_id] = (command.account_id, expires)
            if session is not None:
                # It may have become ready between the look and the commit.
                session.offer()
        elif session is not None and session.epoch == command.offered_epoch:
            session.deliver(command)
        # Else the session ended in between: the next one lists it and is asked whether it was seen.

    # Reading.

    async def get(self, caller: Caller, command_id: str) -> Command:
        """Return a command. Raises `NotFound` for another user's."""
        return await self._storage.read(lambda records: _seen(records, caller, command_id))

    async def page(
        self, caller: Caller, account_id: str, page: Page, state: CommandState | None, trade_id: str
    ) -> list[Command]:
        """Return commands of the caller's accounts, newest first."""

        def unit(records: Records) -> list[Command]:
            accounts = [account.account_id for account in seen_accounts(records, caller, account_id)]
            return records.commands.page(accounts, page, state, trade_id)

        return await self._storage.read(unit)

    async def wait(self, command: Command, seconds: float) -> Command:
        """Return the command once it has ended, or as it is after `seconds`."""
        if _settled(command) or seconds <= 0:
            return command
        with self._hub.board.commands.watch(command.command_id) as watch:
            # Read after listening began, so that an end in between is not missed.
            fresh = await self._storage.read(lambda records: records.commands.get(command.command_id))
            if fresh is None or _settled(fresh):
                return fresh or command
            last = await watch.until(seconds, _settled)
        return await self._as_it_is(last or fresh, seconds)

    async def _as_it_is(self, command: Command, waited_seconds: float) -> Command:
        """Return what is on record of a command whose end was waited for in vain.

        It may have ended unheard: at another node, or in a commit whose end was in doubt.
        """
        if _settled(command) or waited_seconds <= 0:
            return command
        try:
            return (
                await self._storage.read(lambda records: records.commands.get(command.command_id)) or command
            )
        except StorageUnavailable:
            return command

    # Taking back, resolving.

    async def cancel(self, caller: Caller, command_id: str, seconds: float) -> Command:
        """Take a command back: at once where no bridge was handed it, else the bridge decides."""

        def unit(records: Records) -> Command:
            command = _traded(records, caller, command_id)
            if command.is_final or command.state is CommandState.UNKNOWN:
                raise WrongState("command", command_id, command.state.name)
            if command.offered_epoch is None:
                event = lifecycle.CommandEvent.TAKEN_BACK
                message = "its caller took it back before a bridge took it"
                ended = lifecycle.end_unoffered(
                    command, event, "CANCELLED_BY_CALLER", message, self._clocks.moment().wall
                )
                save_changed(records, ended)
                return ended
            wanted = replace(command, cancel_wanted=True)
            records.commands.save(wanted)
            return wanted

        command = await self._storage.run(unit)
        self._tell(command)
        if command.is_final:
            return command
        session = self._hub.session(command.account_id)
        if session is not None:
            session.perform(session.machine.send(CancelDelivery(command_id)))
        return await self.wait(command, seconds)

    async def resolve(
        self, caller: Caller, command_id: str, executed_ticket: int | None, reason: str
    ) -> Command:
        """Say, as a person who looked at the broker's records, what became of an UNKNOWN command."""
        if not caller.is_person:
            raise PermissionDenied("a person's session")

        def unit(records: Records) -> Command:
            command = _traded(records, caller, command_id)
            if command.state is not CommandState.UNKNOWN:
                raise WrongState("command", command_id, command.state.name)
            found = f"ticket {executed_ticket}" if executed_ticket else "not executed"
            resolved = lifecycle.resolve(
                command,
                executed_ticket=executed_ticket,
                message=f"{found}: {reason}",
                now=self._clocks.moment().wall,
            )
            save_changed(records, resolved)
            records.alert_ended(
                resolved.account_id, "COMMAND_UNKNOWN", resolved.command_id, "a person has resolved it"
            )
            records.audit(
                command.account_id,
                caller.user_id,
                "command_resolved",
                {"command_id": command_id, "executed_ticket": executed_ticket or 0, "reason": reason},
            )
            return resolved

        command = await self._storage.run(unit)
        self._tell(command)
        session = self._hub.session(command.account_id)
        # One that comes later is told by its welcome.
        if session is not None and session.takes_resolutions:
            session.perform(session.machine.send(resolution_of(command)))
        return command

    def _tell(self, command: Command) -> None:
        self._hub.command_saved(command)

    def revoked(self, records: Records, account_id: str) -> None:
        """A bridge was revoked, in this unit: what it was handed and never told is unknown."""
        for effect in forget_bridge(records, account_id, "its bridge was revoked before it told the outcome"):
            if isinstance(effect, CommandSaved):
                log.warning("command is unknown", command_id=effect.command.command_id)

    # Ending what no bridge takes.

    async def run(self) -> None:
        """End, when their time is over, the commands that no bridge was handed."""
        while True:
            try:
                if self._clocks.monotonic() >= self._look_at:
                    # Before the look: somebody may ask for the next one meanwhile.
                    before, self._look_at = self._look_at, self._clocks.monotonic() + _LOOK_SECONDS
                    try:
                        await self._look()
                    except (StorageUnavailable, CommitUnknown):
                        self._look_at = before
                        raise
                await self._sweep()
            except (StorageUnavailable, CommitUnknown) as error:
                log.warning("expiry waits for storage", error=str(error))
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _look(self) -> None:
        """Find the commands that wait for a bridge: those of a node that died, and of commits in doubt."""

        def unit(records: Records) -> list[Command]:
            return [
                command
                for account_id in records.commands.accounts_with_pending()
                for command in records.commands.pending(account_id, lock=False)
            ]

        for command in await self._storage.read(unit):
            if command.offered_epoch is not None:
                session = self._hub.session(command.account_id)
                if session is not None and not session.handed(command.command_id):
                    session.offer()
                continue
            moment = self._clocks.moment()
            left = lifecycle.time_left(command, moment)
            if not lifecycle.outlives_restart(command, moment):
                left = timedelta(0)
            expires = moment.monotonic_seconds + left.total_seconds()
            self._waiting.setdefault(command.command_id, (command.account_id, expires))

    async def _sweep(self) -> None:
        # A moment late, so that rounding never makes it early.
        now = self._clocks.monotonic() - 0.001
        due = [command_id for command_id, (_, expires) in self._waiting.items() if expires <= now]
        if not due:
            return
        await self._end_waiting(due)
        for command_id in due:
            self._waiting.pop(command_id, None)

    async def _end_waiting(self, command_ids: list[str]) -> None:
        def unit(records: Records) -> list[Command]:
            ended: list[Command] = []
            for command_id in command_ids:
                command = records.commands.lock(command_id)
                if (
                    command is None
                    or command.offered_epoch is not None
                    or command.state is not CommandState.PENDING
                ):
                    continue
                document = records.control.get(command.account_id).document
                saved = end_unseen(records, command, self._clocks.moment(), document)
                if saved is not None:
                    ended.append(saved.command)
            return ended

        for command in await self._storage.run(unit):
            self._tell(command)


def _settled(command: Command) -> bool:
    return command.is_final or command.state is CommandState.UNKNOWN


def _repeated(records: Records, before: Request, body_hash: str) -> Command:
    if before.body_hash != body_hash:
        raise RequestIdReused(before.request_id, before.command_id)
    command = records.commands.get(before.command_id)
    if command is None:
        raise RequestIdReused(before.request_id, before.command_id)
    return command


def _seen(records: Records, caller: Caller, command_id: str) -> Command:
    command = records.commands.get(command_id)
    account = None if command is None else records.account(command.account_id)
    if command is None or account is None or not (caller.sees_all or account.owner_user_id == caller.user_id):
        raise NotFound("command", command_id)
    return command


def _traded(records: Records, caller: Caller, command_id: str) -> Command:
    """Return a command of the caller's own account, locked."""
    seen = _seen(records, caller, command_id)
    account = records.account(seen.account_id)
    if account is None or account.owner_user_id != caller.user_id:
        raise PermissionDenied("OWNER")
    command = records.commands.lock(command_id)
    assert command is not None
    return command
