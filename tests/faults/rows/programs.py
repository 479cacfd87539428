"""F11, F24: the server stands still, and a server that is restarted for an upgrade."""

from __future__ import annotations

import asyncio
import time

from tests.faults.run import Missed, Row, Run
from tests.support.world import eventually


async def _server_frozen(run: Run) -> None:
    """SIGSTOP and CONT: what it still had to write comes late."""
    began = time.time()
    if run.dice.random() < 0.5:
        point = run.dice.choice(("before_hand_over", "after_commit", "before_facts_record"))
        run.world.arm("server", f"{point}:{run.dice.randint(1, 3)}=stop")
        aim = f"server:stopped at {point}"

        async def struck() -> bool:
            return run.world.struck("server", began) is not None

        try:
            await eventually(struck, within=10)
        except AssertionError:
            run.world.disarm("server")
            raise Missed(f"the server did not pass {point}") from None
    else:
        aim = "server:stopped"
    run.world.freeze("server")
    await asyncio.sleep(60 * run.scale)
    healed_at = time.time()
    run.world.thaw("server")
    await run.healed(aim, began, healed_at)


async def _rolling(run: Run) -> None:
    """A clean end and a new start under load: calls meanwhile are told UNAVAILABLE, none is lost."""
    for _ in range(2):
        program = run.dice.choice(("server", "server", "bridge", "gateway"))
        began = time.time()
        code = await run.world.end(program)
        if code != 0:
            run.violated(f"F24 {program} ended with {code}")
        healed_at = time.time()
        await run.world.start_again(program)
        await run.healed(f"{program}:restarted", began, healed_at)
        await asyncio.sleep(0.5)


ROWS = (
    Row("F11", "SIGSTOP server, CONT", "its late writes are fenced", _server_frozen, 15),
    Row("F24", "rolling restart under load, one node", "UNAVAILABLE, never lost", _rolling, 15, settles=True),
)
