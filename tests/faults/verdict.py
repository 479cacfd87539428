"""What a run proves: it hit its window, nothing was lost, doubled or untrue, and it did enough to tell."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from signalos_bridge.emulator.ledger import Received, read_ledger
from signalos_verify.app import Settings, verify
from tests.faults.load import Asked
from tests.faults.world import FaultWorld

_GOOD = frozenset({"SUCCEEDED", "PARTIAL"})
# No call of the terminal begins later than this after a command's time to live.
_LATE_SECONDS = 1.0
_ENOUGH = 0.9
# What it was asked of had gone: by an order of the fault itself, or by a lapse of the lease.
_REFUSALS = frozenset({"WRONG_STATE", "NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class Window:
    """One fault: from its first effect to its heal, and until all was well again."""

    aim: str
    began_at: float
    healed_at: float
    recovered_at: float | None
    struck: bool

    @property
    def recovery_seconds(self) -> float | None:
        return None if self.recovered_at is None else self.recovered_at - self.healed_at


@dataclass
class Expectation:
    """What a row expects to be otherwise than said in general."""

    # Reasons of refusals that are right while this row's fault lasts.
    refusals: frozenset[str] = frozenset()
    # Findings of the checker that this row's fault makes right, by their codes.
    findings: frozenset[str] = frozenset()
    # What may end as UNKNOWN because only a person can tell.
    unknown_allowed: bool = False
    # The wall clock was moved: times of different programs cannot be compared.
    clocks_moved: bool = False
    # The part of all commands that has to succeed.
    enough: float = _ENOUGH


@dataclass
class Verdict:
    """The findings of one run."""

    violations: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


async def judge(
    world: FaultWorld, asked: Sequence[Asked], windows: Sequence[Window], expected: Expectation
) -> Verdict:
    """Hold the records against each other, once everything has come to rest."""
    verdict = Verdict()
    report = await asyncio.to_thread(verify, _settings(world, expected))
    verdict.violations += [
        finding.text() for finding in report.violations if finding.code not in expected.findings
    ]
    verdict.violations += _keys(asked)
    verdict.violations += enough(asked, windows, expected)
    if not expected.clocks_moved:
        verdict.violations += await asyncio.to_thread(_late, world, await _all_commands(world))
    verdict.violations += [f"P4 {hole}" for probe in world.probes for hole in probe.holes]
    states: dict[str, int] = defaultdict(int)
    for one in asked:
        states[one.state or f"refused {one.refused}"] += 1
    verdict.counts = dict(sorted(states.items()))
    return verdict


def _settings(world: FaultWorld, expected: Expectation) -> Settings:
    return Settings(
        data_dir=world.directory,
        database_url=world.database_url,
        bridge_dirs=tuple(world.directory / name for name in world.bridge_names),
        ledgers=(_ledger(world),),
        clients=(world.client.lines.path,),
        probes=tuple(probe.lines.path for probe in world.probes),
        at_rest=True,
        server_clock=not expected.clocks_moved,
    )


def _ledger(world: FaultWorld) -> Path:
    return world.directory / "emulator"


async def _all_commands(world: FaultWorld) -> list[dict[str, Any]]:
    commands: list[dict[str, Any]] = []
    token = ""
    while True:
        page = await world.caller.get("/api/commands", pageSize="500", pageToken=token)
        commands += page["commands"]
        token = page["nextPageToken"]
        if not token:
            return commands


def _keys(asked: Sequence[Asked]) -> list[str]:
    """The same key is the same command, however often it is sent."""
    return [f"P2 key {one.key}: commands {sorted(one.other_ids)}" for one in asked if len(one.other_ids) > 1]


def enough(asked: Sequence[Asked], windows: Sequence[Window], expected: Expectation) -> list[str]:
    """So that doing nothing does not pass."""
    counted = [one for one in asked if not one.refused and one.reason not in expected.refusals]
    found = [
        f"P3 {one.key}: refused as {one.refused}: {one.words}"
        for one in asked
        if one.refused and one.refused not in _REFUSALS | expected.refusals
    ]
    for one in counted:
        if one.state == "UNKNOWN" and not expected.unknown_allowed:
            found.append(f"P1 {one.key}: UNKNOWN after heal and settle")
        touched = any(
            one.began_at <= (window.recovered_at or float("inf")) and one.ended_at >= window.began_at
            for window in windows
        )
        if not touched and one.state != "SUCCEEDED":
            found.append(f"P1 {one.key}: {one.state} {one.reason}, though no fault touched it")
    good = sum(one.state in _GOOD for one in counted)
    if good < expected.enough * len(counted):
        bad = [f"{one.key} {one.state} {one.reason}" for one in counted if one.state not in _GOOD]
        found.append(f"P1 only {good} of {len(counted)} commands succeeded: {bad}")
    if not counted:
        found.append("P1 nothing was asked")
    return found


def _late(world: FaultWorld, commands: Iterable[dict[str, Any]]) -> list[str]:
    """No order begins later than its time to live and a second after its commit."""
    ends: dict[int, tuple[str, float]] = {}
    for command in commands:
        lives = float(str(command["timeToLive"] or "0s").removesuffix("s"))
        if not lives:
            continue
        created = datetime.fromisoformat(command["createTime"]).timestamp()
        for leg in command["legs"]:
            ends[int(leg["magic"])] = (f"{command['commandId']} {command['state']}", created + lives)
    found = []
    for record in read_ledger(_ledger(world)):
        if isinstance(record, Received) and (end := ends.get(int(record.request.get("magic", 0)))):
            late = record.wall_ns / 1e9 - end[1]
            if late > _LATE_SECONDS:
                found.append(f"F12 {end[0]}: sent to the broker {late:.2f} s after its time to live")
    return found
