"""F14: wall clocks that are wrong by an hour, and machines that sleep: nothing expires early or late."""

from __future__ import annotations

import asyncio
import time

from tests.faults.run import Missed, Row, Run
from tests.faults.stops import STOP_REASONS, rearm
from tests.faults.verdict import Expectation
from tests.support.world import eventually

_HOUR = 3600.0


async def _wall(run: Run) -> None:
    """A command waits in a held line while the wall clock jumps: it lives as long as was said."""
    who = run.dice.choice((("server",), ("bridge",), ("server", "bridge")))
    shift = run.dice.choice((-_HOUR, _HOUR))
    began = time.time()
    run.world.link.pause()
    command_id = await _ask(run, 30.0)
    for program in who:
        run.world.move_clock(program, wall=shift, slept=_slept(run, program))
    await asyncio.sleep(run.dice.uniform(0.2, 0.6) * 12 * run.scale)
    run.world.link.resume()
    state = await _ended(run, command_id)
    if state != "SUCCEEDED":
        run.violated(
            f"F14 a command with a life of 30 s is {state} after the wall clock moved by {shift:g} s"
        )
    await asyncio.sleep(run.dice.uniform(0.5, 1.5))
    for program in who:
        run.world.move_clock(program, slept=_slept(run, program))
    await run.healed(f"{'+'.join(who)}: wall {shift:+g} s", began, time.time())


async def _wall_with_rule(run: Run) -> None:
    """The rule that watches the clocks stops trading, and the audit says why."""
    who, shift = run.dice.choice(("server", "bridge")), run.dice.choice((-_HOUR, _HOUR))
    await run.world.set_rules("CLOCK_JUMP", enabled=True)
    began = time.time()
    run.stopped = True
    run.world.move_clock(who, wall=shift, slept=_slept(run, who))

    async def audited() -> str:
        call = await run.world.client.call("GET", "/api/audit", pageSize="100")
        for entry in call.response["entries"] if call.accepted else []:
            if "wall clock" in str(entry) and f"of the {who}" in str(entry):
                return str(entry)
        return ""

    async def held() -> list[str]:
        call = await run.world.client.call("GET", "/api/trading/state")
        return list(call.response["states"][0]["wanted"]["stopIds"]) if call.accepted else []

    try:
        await eventually(audited, within=20)
    except AssertionError:
        run.violated(f"F14 the audit does not show that the wall clock of the {who} jumped")
    await run.world.set_rules("CLOCK_JUMP", enabled=False)
    run.world.move_clock(who, slept=_slept(run, who))
    await rearm(run, *await held())
    run.stopped = False
    await run.healed(f"{who}: wall {shift:+g} s, with the rule", began, time.time())


async def _sleeps(run: Run) -> None:
    """The machine of server and bridge sleeps for longer than a command in the line lives."""
    lives, sleeps = run.dice.uniform(3, 8), run.dice.uniform(15, 25)
    began = time.time()
    run.world.link.pause()
    command_id = await _ask(run, lives)
    # In either order: for a moment one of them does not know it yet.
    for program in run.dice.sample(("server", "bridge"), 2):
        run.world.slept[program] = _slept(run, program) + sleeps
        run.world.move_clock(program, slept=_slept(run, program))
    await asyncio.sleep(0.5)
    run.world.link.resume()
    await run.healed(f"machine: slept {sleeps:.0f} s", began, time.time())
    state = await _ended(run, command_id)
    if state not in ("EXPIRED", "REJECTED"):
        run.violated(f"F14 a command with a life of {lives:.1f} s is {state} after {sleeps:.0f} s of sleep")


def _slept(run: Run, program: str) -> float:
    """A machine that slept stays so much older."""
    return run.world.slept.get(program, 0.0)


async def _ask(run: Run, lives: float) -> str:
    body = {
        "symbol": "EURUSD",
        "side": "BUY",
        "volumeLots": 0.12,
        "timeToLive": f"{lives:.3f}s",
        "wait": "0s",
    }
    call = await run.world.client.call("POST", "/api/trades", body, f"clock-{run.row.name}-{run.seed}")
    if call.command is None:
        raise Missed(f"the open was not accepted: {call.status} {call.response}")
    return str(call.command["commandId"])


async def _ended(run: Run, command_id: str) -> str:
    async def ended() -> str | None:
        call = await run.world.client.call("GET", f"/api/commands/{command_id}")
        command = call.command
        return str(command["state"]) if command is not None and command["endTime"] is not None else None

    return str(await eventually(ended, within=60))


async def _clock(run: Run) -> None:
    await run.dice.choice((_wall, _wall_with_rule, _sleeps))(run)


ROWS = (
    Row(
        "F14",
        "wall clock +-1 h; machine sleeps",
        "no early or late expiry; the audit shows the jump",
        _clock,
        None,
        settles=True,
        # A machine that slept has no lease until its server says so again.
        expected=Expectation(clocks_moved=True, refusals=STOP_REASONS | {"NO_LEASE", "CONTROL_LOST"}),
    ),
)
