"""What only a person can tell: what became of commands that a lost journal knew."""

from __future__ import annotations

import asyncio
import time

from signalos_bridge.domain.tags import leg_magic
from tests.faults.run import Run
from tests.support.records import broker_legs


async def resolve_lost(run: Run) -> None:
    """What only a person can tell: looks at the broker's own records, and resolves what is UNKNOWN."""
    client = run.world.client
    deadline = time.time() + 20
    quiet = 0
    while time.time() < deadline and quiet < 10:
        await asyncio.sleep(0.3)
        listed = await client.call("GET", "/api/commands", state="UNKNOWN", pageSize="100")
        commands = listed.response["commands"] if listed.accepted else []
        quiet = 0 if commands or not listed.accepted else quiet + 1
        done = await asyncio.to_thread(broker_legs, run.world.directory / "emulator")
        for command in commands:
            if command["reason"] not in ("JOURNAL_LOST", "BRIDGE_REVOKED"):
                continue
            magics = [int(leg["magic"]) for leg in command["legs"]] or [_magic(run, command)]
            executed = any(magic in done and done[magic].accepted for magic in magics)
            finding = {"executedTicket": "1"} if executed else {"notExecuted": True}
            await client.call(
                "POST",
                f"/api/commands/{command['commandId']}/resolve",
                {**finding, "reason": "looked at the broker's records"},
            )


def _magic(run: Run, command: dict[str, str]) -> int:
    return leg_magic(run.world.magic_prefix, command["commandId"], 0)


async def marks_are_explained(run: Run) -> None:
    """Legs that only the lost journal knew are on no record; their marks still name commands that are."""
    commands: list[dict[str, str]] = []
    token = ""
    while True:
        page = await run.world.caller.get("/api/commands", pageSize="500", pageToken=token)
        commands += page["commands"]
        token = page["nextPageToken"]
        if not token:
            break
    known = {_magic(run, command) for command in commands}
    known |= {int(leg["magic"]) for command in commands for leg in command["legs"]}  # type: ignore[index]
    done = await asyncio.to_thread(broker_legs, run.world.directory / "emulator")
    for magic in {magic for magic, leg in done.items() if leg.accepted} - known:
        run.violated(f"F19 magic {magic} was executed, and no command explains it")
