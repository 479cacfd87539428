"""Running what the bridge starts itself to its end: it does not expire, and nothing of it is tried twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from decimal import Decimal

from signalos_bridge.domain.command import POSITION_GONE, CommandRecord
from signalos_bridge.domain.values import Command, CommandState
from signalos_bridge.executor import Executor
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.running import Running
from signalos_bridge.store import Store

_JOURNAL_RETRY_SECONDS = 0.25
_UNKNOWN_POLL_SECONDS = 0.25
# The first pauses between attempts; the last is repeated.
_RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0)


class OwnCommands:
    """Delivers commands of the bridge's own and waits for what became of them."""

    def __init__(self, store: Store, executor: Executor, market_closed_seconds: float) -> None:
        self._store = store
        self._executor = executor
        self._market_closed_seconds = market_closed_seconds

    async def deliver(self, command: Command) -> Running:
        """Journal a command and begin it, however long the journal takes to be writable.

        Nothing is sent that is not on disk; the broker's own stop stands meanwhile.
        """
        while True:
            try:
                return await self._executor.deliver(command)
            except JournalUnavailable:
                await asyncio.sleep(_JOURNAL_RETRY_SECONDS)

    async def run(self, command: Command) -> CommandRecord:
        """Deliver a command and return its record once it is final."""
        running = await self.deliver(command)
        await running.ended.wait()
        return await self.final(command.command_id)

    async def final(self, command_id: str) -> CommandRecord:
        """Return a command once it is final: what nobody knows is not tried again."""
        while True:
            record = self._store.commands[command_id]
            if record.state.is_final:
                return record
            await asyncio.sleep(_UNKNOWN_POLL_SECONDS)

    async def attempts(
        self, id_of: Callable[[int], str], theirs: Collection[int] = ()
    ) -> list[CommandRecord]:
        """Return what earlier attempts of one step came to, also those before a restart, each final.

        `theirs`: the numbers of attempts that another bridge has made.
        """
        return [
            await self.final(command_id)
            for number in range(1, self.next_attempt(id_of, theirs))
            if (command_id := id_of(number)) in self._store.commands
        ]

    def next_attempt(self, id_of: Callable[[int], str], theirs: Collection[int] = ()) -> int:
        """Return the number that the next attempt has: nobody's before."""
        number = 1
        while number in theirs or id_of(number) in self._store.commands:
            number += 1
        return number

    def pause_seconds(self, record: CommandRecord, failures: int) -> float:
        """Return how long to wait before the next attempt; a closed market is not hammered."""
        if any(leg.code == "MARKET_CLOSED" for leg in record.legs or ()):
            return self._market_closed_seconds
        return _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS)) - 1]


def has_closed(record: CommandRecord) -> bool:
    """Return whether a close left nothing to close."""
    return record.state is CommandState.SUCCEEDED or is_gone(record)


def is_gone(record: CommandRecord) -> bool:
    """Return whether a command found its position closed."""
    return record.refusal_code == POSITION_GONE or any(leg.code == POSITION_GONE for leg in record.legs or ())


def filled_lots(record: CommandRecord) -> Decimal:
    """Return what a command's legs executed in all."""
    return sum((leg.filled_volume_lots for leg in record.legs or ()), Decimal(0))


def why_not(record: CommandRecord) -> str:
    """Return why a command was not carried out, in the broker's or the bridge's words."""
    said = next((leg.message for leg in record.legs or () if leg.message), record.refusal_message)
    return said or record.state.value
