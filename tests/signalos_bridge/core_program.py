"""A core on a real terminal process, driven over its standard streams. Run as a program, to be killed.

Reads `open ID LOTS`, `close ID IDENTIFIER`, `protect ID LOTS` (an open with a stop and a target) and
`stealth - on|off` as lines. Writes `ready`, then `outcome ID STATE REASON NUMBER POSITION`.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from decimal import Decimal
from pathlib import Path

from signalos_bridge.clock import SystemClock
from signalos_bridge.core import Core, CoreSettings
from signalos_bridge.domain.facts import SyncTrigger
from signalos_bridge.domain.market import Side
from signalos_bridge.domain.values import (
    Action,
    CloseAction,
    Command,
    CommandOrigin,
    Limits,
    OpenAction,
    OpenKind,
    Policies,
    Refusal,
)
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.process import ProcessSettings
from signalos_bridge.terminal.remote import RemoteTerminal

EMULATOR = "signalos_bridge.emulator.metatrader5"
TIME_LEFT_SECONDS = 60.0
STOP, TARGET = Decimal("1.09500"), Decimal("1.11000")


class Open:
    """Nothing stands in the way."""

    latched = False
    lapsed = False

    def refusal(self, stop_generation: int, automated: bool, origin: CommandOrigin) -> Refusal | None:
        return None


async def main(journal: Path, url: str) -> None:
    terminal = RemoteTerminal(ProcessSettings(AdapterSettings(module=EMULATOR, path=url)))
    clock = SystemClock()
    running = asyncio.create_task(terminal.run())
    while not terminal.status.login:  # noqa: ASYNC110 (the status is all that there is to look at)
        await asyncio.sleep(0.01)
    bound = (await terminal.account()).bound()
    settings = CoreSettings(
        journal,
        "acc_test",
        bound,
        settle_scale=0.01,
        resolve_interval_seconds=0.05,
        market_week=False,
    )
    told: set[tuple[str, int]] = set()
    wake = asyncio.Event()
    core = Core(settings, terminal, Open(), wake.set, clock)
    await core.start()
    core.set_magic_prefix(77)
    while not (  # noqa: ASYNC110 (a sync is asked for again and again)
        await core.sync(SyncTrigger.START, str(uuid.uuid4()), False)
    ).succeeded:
        await asyncio.sleep(0.05)
    _say("ready")
    reader = asyncio.create_task(_read(core, clock))
    while not reader.done():
        for outcome in core.unacknowledged_outcomes():
            if (outcome.command_id, outcome.outcome_number) not in told:
                told.add((outcome.command_id, outcome.outcome_number))
                reason = outcome.reason or "-"
                opened = outcome.legs[0].position_identifier if outcome.legs else 0
                _say(
                    f"outcome {outcome.command_id} {outcome.state.value} {reason} "
                    f"{outcome.outcome_number} {opened}"
                )
        wake.clear()
        await asyncio.wait([asyncio.ensure_future(wake.wait()), reader], timeout=0.1)
    await core.close()
    await terminal.close()
    running.cancel()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _read(core: Core, clock: SystemClock) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        verb, command_id, value = line.split()
        action: Action
        if verb == "stealth":
            await core.apply_policies(Policies(1, value == "on", Limits(), ()))
            continue
        if verb == "open":
            action = OpenAction("EURUSD", Side.BUY, OpenKind.MARKET, Decimal(value))
        elif verb == "protect":
            action = OpenAction(
                "EURUSD",
                Side.BUY,
                OpenKind.MARKET,
                Decimal(value),
                stop_loss=STOP,
                take_profits=(TARGET,),
            )
        else:
            action = CloseAction(int(value))
        deadline = clock.seconds() + TIME_LEFT_SECONDS
        await core.deliver(Command(command_id, CommandOrigin.USER, action, 1, False, deadline))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
