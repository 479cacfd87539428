"""What kind of trouble a run has: drawn from its seed, so that each kind gets its share of all runs."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tests.simulator.exchange import FATES, REFUSALS


@dataclass(frozen=True, slots=True)
class Profile:
    """Weights of what happens. `endures`: nine of ten commands have to succeed in spite of everything."""

    name: str
    commands: int
    # Weights by the names in `actions`; what is not named happens with weight 0.
    weights: dict[str, float]
    broker_faults: float = 0.0
    fates: tuple[str, ...] = FATES
    commit_unknown: float = 0.0
    repeat: float = 0.0
    long_lived: float = 0.5
    pauses: tuple[float, ...] = (0.0, 0.01, 0.05, 0.2, 0.6)
    crashes: int = 1
    endures: bool = False


_MARKET = {"tick": 6.0, "wait": 4.0, "jump": 0.4}
_HAND = {"close by hand": 0.5, "close part by hand": 0.3, "open by hand": 0.3, "stop by hand": 0.3}
_LINKS = {"cut data": 1.0, "cut control": 1.0, "cut both": 0.6, "half open": 0.8, "hold": 1.0, "down": 0.5,
          "slow": 0.4}  # fmt: skip
_PROCESSES = {"freeze bridge": 0.4, "freeze server": 0.4, "kill bridge": 0.4, "kill server": 0.4}
_STOPS = {"stop": 0.3, "stop and close": 0.2, "stop locally": 0.2, "rearm": 2.5, "pause": 0.3, "resume": 0.8}
_DISKS = {"storage away": 0.3, "disk full": 0.2}
_TERMINAL = {"terminal down": 0.3, "terminal unlinked": 0.3, "lag": 0.8}
_CLOCKS = {"wall jumps": 0.3}
_WISHES = {"cancel command": 0.6, "trailing": 0.6, "ladder": 0.6, "stealth": 0.4, "sync": 0.3, "drill": 0.1}

_AMBIGUOUS = tuple(fate for fate in FATES if fate not in REFUSALS and fate not in ("done", "partial"))

PROFILES: tuple[Profile, ...] = (
    Profile(
        "everything",
        30,
        {**_MARKET, **_HAND, **_LINKS, **_PROCESSES, **_STOPS, **_DISKS, **_TERMINAL, **_CLOCKS, **_WISHES},
        broker_faults=0.35,
        commit_unknown=0.02,
        repeat=0.05,
        crashes=2,
    ),
    Profile(
        "stops",
        30,
        {
            **_MARKET,
            **_STOPS,
            "cut control": 0.8,
            "cut data": 0.4,
            "hold": 0.5,
            "kill bridge": 0.5,
            "kill server": 0.5,
            "lag": 0.5,
            "trailing": 0.3,
            "stealth": 0.3,
            "storage away": 0.2,
        },
        broker_faults=0.15,
        repeat=0.03,
        crashes=2,
    ),
    Profile(
        "links",
        30,
        {
            **_MARKET,
            **_LINKS,
            "freeze bridge": 0.5,
            "freeze server": 0.5,
            "cancel command": 0.6,
            "pause": 0.2,
            "resume": 0.4,
            "trailing": 0.2,
        },
        broker_faults=0.05,
        repeat=0.15,
    ),
    Profile(
        "broker",
        32,
        {
            **_MARKET,
            **_HAND,
            **_TERMINAL,
            "kill bridge": 0.6,
            "cancel command": 0.4,
            "stealth": 0.6,
            "trailing": 1.0,
            "ladder": 1.0,
            "jump": 1.0,
        },
        broker_faults=0.6,
        crashes=1,
    ),
    Profile(
        "crashes",
        30,
        {
            **_MARKET,
            "kill bridge": 1.0,
            "kill server": 1.0,
            "cut both": 0.3,
            "storage away": 0.3,
            "stop": 0.2,
            "rearm": 0.5,
            "trailing": 0.3,
            "stealth": 0.3,
        },
        broker_faults=0.2,
        fates=_AMBIGUOUS,
        commit_unknown=0.05,
        crashes=3,
    ),
    Profile(
        "endurance",
        30,
        {
            "tick": 20.0,
            "wait": 12.0,
            **_LINKS,
            "kill bridge": 0.1,
            "kill server": 0.3,
            "freeze bridge": 0.3,
            "freeze server": 0.3,
            "lag": 0.5,
            "storage away": 0.3,
        },
        commit_unknown=0.03,
        repeat=0.1,
        long_lived=1.0,
        crashes=1,
        endures=True,
    ),
)


def profile_of(random: Random, name: str = "") -> Profile:
    """Return the profile of that name, or the one that the seed draws."""
    drawn = random.choice(PROFILES)
    return next((one for one in PROFILES if one.name == name), drawn)
