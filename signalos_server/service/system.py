"""Health, told honestly, and the audit, shown to those whom it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from signalos_server.domain.audit import SYSTEM_CHAIN, SealedEntry
from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import BadPageToken, CommitUnknown, NotFound, StorageUnavailable
from signalos_server.domain.happenings import AccountView
from signalos_server.domain.pages import decode_page, encode_page
from signalos_server.domain.words import BridgeState, TerminalState
from signalos_server.service.accounts import Accounts
from signalos_server.service.live import Live
from signalos_server.service.ports import Bus, Clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Health is asked often; a probe is a synced commit.
_PROBE_SECONDS = 2.0
_PROBE_LIMIT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class HealthPart:
    """How one part is."""

    name: str
    healthy: bool
    message: str
    account_id: str = ""


class AuditReader(Protocol):
    """Reads the audit."""

    async def entries(
        self, chains: Sequence[str] | None, size: int, before: tuple[datetime, str, int] | None
    ) -> list[SealedEntry]:
        """Return entries of `chains` (None: all), newest first."""


class Probe(Protocol):
    """Finds out whether the database commits."""

    async def write(self) -> None:
        """Commit something. Raises `StorageUnavailable` or `CommitUnknown`."""


@dataclass(frozen=True, slots=True)
class _Probed:
    at: float
    seconds: float
    problem: str


class System:
    """The use cases of `SystemService`."""

    def __init__(
        self, probe: Probe, audit: AuditReader, accounts: Accounts, live: Live, bus: Bus, clock: Clock
    ) -> None:
        self._probe = probe
        self._audit = audit
        self._accounts = accounts
        self._live = live
        self._bus = bus
        self._clock = clock
        self._probed: _Probed | None = None
        self._probing = asyncio.Lock()
        self._draining = False

    def drain(self) -> None:
        """Say from now on that the server does not serve."""
        self._draining = True

    async def problem(self) -> str:
        """Return why the server does not serve; empty: it takes calls and its database commits."""
        if self._draining:
            return "the server is going down"
        return (await self._database()).problem

    async def parts(self, caller: Caller) -> list[HealthPart]:
        """Return how each part is: the caller's own bridges, all for administrators."""
        database = await self._database()
        bus = self._bus.problem()
        parts = [
            HealthPart(
                "database",
                not database.problem,
                database.problem or f"the last commit took {database.seconds * 1000:.1f} ms",
            ),
            HealthPart("bus", not bus, bus or "carries messages"),
        ]
        try:
            accounts = await self._accounts.accounts(caller)
        except StorageUnavailable:
            return parts
        for account in accounts:
            parts.extend(self._account_parts(self._live.view(account)))
        return parts

    def _account_parts(self, account: AccountView) -> list[HealthPart]:
        bridge = account.bridge
        if bridge is None:
            return []
        ages = self._live.ages(account.account_id)
        connected = bridge.state is BridgeState.CONNECTED
        heard = "no session lives" if ages.bridge is None else f"last heard {ages.bridge:.1f} s ago"
        link = HealthPart(
            f"bridge:{bridge.bridge_id}",
            connected,
            f"{bridge.state.name.lower()}; {heard}",
            account.account_id,
        )
        terminal = bridge.terminal
        name = f"terminal:{account.account_id}"
        if terminal is None:
            return [link, HealthPart(name, False, "not known", account.account_id)]
        ready = terminal.state is TerminalState.READY and terminal.broker_connected is True and connected
        read = "never read" if ages.terminal is None else f"last read {ages.terminal:.1f} s ago"
        words = f"{terminal.state.name.lower().replace('_', ' ')}; {read}"
        if terminal.error_text:
            words += f"; {terminal.error_text}"
        return [link, HealthPart(name, ready, words, account.account_id)]

    async def _database(self) -> _Probed:
        async with self._probing:
            last = self._probed
            now = self._clock.monotonic()
            if last is not None and now - last.at < _PROBE_SECONDS:
                return last
            problem = ""
            try:
                async with asyncio.timeout(_PROBE_LIMIT_SECONDS):
                    await self._probe.write()
            except TimeoutError:
                problem = f"the database did not commit within {_PROBE_LIMIT_SECONDS:.0f} s"
            except (StorageUnavailable, CommitUnknown) as error:
                problem = error.message
            done = self._clock.monotonic()
            self._probed = _Probed(done, done - now, problem)
            return self._probed

    async def audit(
        self, caller: Caller, chain: str, size: int, page_token: str
    ) -> tuple[list[SealedEntry], str]:
        """Return a page of the audit, newest first, and the token of the next."""
        before = _position(chain, page_token)
        chains: list[str] | None = None
        if chain == SYSTEM_CHAIN:
            if not caller.sees_all:
                raise NotFound("chain", chain)
            chains = [chain]
        elif chain:
            chains = [(await self._accounts.account(caller, chain)).account_id]
        elif not caller.sees_all:
            chains = [account.account_id for account in await self._accounts.accounts(caller)]
        found = await self._audit.entries(chains, size + 1, before)
        if len(found) <= size:
            return found, ""
        last = found[size - 1].entry
        microseconds = (last.time - _EPOCH) // timedelta(microseconds=1)
        return found[:size], encode_page(f"audit:{chain}", microseconds, last.chain, last.number)


def _position(chain: str, page_token: str) -> tuple[datetime, str, int] | None:
    position = decode_page(f"audit:{chain}", page_token, int, str, int)
    if position is None:
        return None
    microseconds, last_chain, number = position
    try:
        return _EPOCH + timedelta(microseconds=int(microseconds)), str(last_chain), int(number)
    except OverflowError as error:
        raise BadPageToken from error
