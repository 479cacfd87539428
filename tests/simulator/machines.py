"""The session machines of both programs alone, drawn by a seed: far more runs, of far less.

What is around the machines is `tests.machines.both_sides`: a commit, a journal and a socket in their simplest
right form. A run has at least 200 steps, 20 commands and a crash, and is held against the same words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from tests.machines.both_sides import BothSides
from tests.machines.promises import agree, holds, stop_and_lead_out, stop_as_the_link_breaks
from tests.simulator.world import Report

STEPS = 220
COMMANDS = 24

Act = Callable[[BothSides, Random], None]


def run_machines(seed: int) -> Report:
    """Run one seed."""
    random = Random(seed)
    counts: Counter[str] = Counter()
    sides = BothSides()
    violations: list[str] = []
    step = crashes = 0
    names = random.choices(list(_ACTS), [weight for weight, _ in _ACTS.values()], k=STEPS)
    places = random.sample(range(STEPS), COMMANDS + 2)
    for place in places[:COMMANDS]:
        names[place] = "trade"
    names[places[-1]], names[places[-2]] = "kill bridge", "kill server"
    try:
        _begin(sides)
        for name in names:
            step += 1
            counts[f"machines: {name}"] += 1
            crashes += name.startswith("kill")
            _ACTS[name][1](sides, random)
            holds(sides)
        agree(sides)
    except AssertionError as error:
        violations.append(f"at step {step} of the machines' run: {error or 'a promise does not hold'}")
    return Report(
        seed=seed,
        profile="machines",
        steps=step,
        commands=len(sides.rows),
        asked=COMMANDS,
        crashes=crashes,
        succeeded=sum(row.state.name == "SUCCEEDED" for row in sides.rows.values()),
        seconds=sides.now,
        turns=step,
        counts=counts,
        violations=violations,
    )


def _begin(sides: BothSides) -> None:
    sides.dial()
    sides.flow(8)
    sides.dial_control()
    sides.flow(8)


def _dial(sides: BothSides, random: Random) -> None:
    for control in (False, True):
        sides.bridge_notices(control)
    sides.dial()
    sides.dial_control()


def _commit(sides: BothSides, random: Random) -> None:
    for _ in range(random.randint(1, 6)):
        sides.commit()
    sides.read_owner()


_ACTS: dict[str, tuple[float, Act]] = {
    "flow": (6.0, lambda sides, random: sides.flow(random.randint(1, 6))),
    "server takes": (2.0, lambda sides, random: sides.server_takes(random.random() < 0.5)),
    "bridge takes": (2.0, lambda sides, random: sides.bridge_takes(random.random() < 0.5)),
    "dial": (3.0, _dial),
    "commit": (2.0, _commit),
    "execute": (3.0, lambda sides, random: sides.execute()),
    "trade": (2.0, lambda sides, random: sides.accept(random.random() < 0.7)),
    "event": (2.0, lambda sides, random: sides.event()),
    "stop": (0.3, lambda sides, random: sides.stop_at_the_server()),
    "stop locally": (0.2, lambda sides, random: sides.stop_at_the_bridge()),
    "record stops": (1.0, lambda sides, random: sides.record_stops()),
    "rearm": (1.5, lambda sides, random: sides.rearm()),
    "stop and lead out": (0.3, lambda sides, random: stop_and_lead_out(sides)),
    "stop as the link breaks": (
        0.3,
        lambda sides, random: stop_as_the_link_breaks(sides, random.randint(1, 12)),
    ),
    "cut": (0.5, lambda sides, random: sides.cut(random.random() < 0.5)),
    "server notices": (0.5, lambda sides, random: sides.server_notices(random.random() < 0.5)),
    "bridge notices": (0.5, lambda sides, random: sides.bridge_notices(random.random() < 0.5)),
    "kill bridge": (0.3, lambda sides, random: sides.bridge_dies()),
    "kill server": (0.3, lambda sides, random: sides.server_dies()),
    "time": (2.0, lambda sides, random: sides.pass_time(random.choice((0.1, 1.0, 5.0, 13.0)))),
}
