"""A terminal that answers, for as long as a piece of work needs it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from signalos_bridge.domain.market import AccountSnapshot
from signalos_bridge.terminal.metatrader5 import AdapterSettings, ModuleUnusable
from signalos_bridge.terminal.port import TerminalUnavailable
from signalos_bridge.terminal.process import ProcessSettings
from signalos_bridge.terminal.remote import RemoteTerminal

_RETRY_SECONDS = 0.25


@asynccontextmanager
async def opened(
    adapter: AdapterSettings, wait_seconds: float
) -> AsyncIterator[tuple[RemoteTerminal, AccountSnapshot]]:
    """Give a terminal in a child process, with the account that it is logged in to.

    Raises `TerminalUnavailable` when it does not say who it is in time, and `ModuleUnusable` as soon as it is
    clear that the module never will.
    """
    terminal = RemoteTerminal(ProcessSettings(adapter=adapter))
    running = asyncio.ensure_future(terminal.run())
    try:
        yield terminal, await _account(terminal, wait_seconds)
    finally:
        await terminal.close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _account(terminal: RemoteTerminal, wait_seconds: float) -> AccountSnapshot:
    why = TerminalUnavailable("the terminal does not answer")
    try:
        async with asyncio.timeout(wait_seconds):
            while True:
                if terminal.module_unusable is not None:
                    raise ModuleUnusable(terminal.module_unusable)
                try:
                    account = await terminal.account()
                    if account.login:
                        return account
                    why = TerminalUnavailable("the terminal is not logged in")
                except TerminalUnavailable as error:
                    why = error
                await asyncio.sleep(_RETRY_SECONDS)
    except TimeoutError:
        raise why from None
