"""When the equity of an account is recorded, and when it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from signalos_server.domain.bridge_session import LinkState
from signalos_server.domain.equity import Coarser, EquitySample
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.frames import Heartbeat, LiveUpdate, Money
from signalos_server.service.equity import Equity
from signalos_server.service.live import Live

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


class HandClock:
    """Goes as it is moved."""

    seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Kept:
    """Samples in memory."""

    def __init__(self) -> None:
        self.samples: list[tuple[str, EquitySample]] = []
        self.tidied = 0

    async def add(self, samples: Sequence[tuple[str, EquitySample]]) -> None:
        self.samples += samples

    async def between(self, account_id: str, since: int, until: int) -> list[EquitySample]:
        return [
            one for who, one in self.samples if who == account_id and since <= one.time_milliseconds < until
        ]

    async def tidy(self, coarser: Iterable[Coarser], forgotten_before: int) -> int:
        self.tidied += 1
        return 0


class Scene:
    """One account whose bridge lives."""

    def __init__(self) -> None:
        self.clock, self.kept = HandClock(), Kept()
        self.live = Live(self.clock)
        self.equity = Equity(self.kept, self.live, self.clock, 60.0)
        self.live.link_changed("acc_1", 1, LinkState.LIVE)

    def money(self, equity: float | None) -> None:
        self.live.updated(
            "acc_1", LiveUpdate(read_age_seconds=0.0, account=Money(balance=100.0, equity=equity))
        )

    async def minute(self) -> list[float]:
        """Lets a minute pass in which the bridge's beats say that it reads."""
        self.clock.seconds += 60
        self.live.heartbeat("acc_1", Heartbeat(number=1, read_age_seconds=0.1))
        return await self.look()

    async def look(self) -> list[float]:
        before = len(self.kept.samples)
        await self.equity.look()
        return [one.equity for _, one in self.kept.samples[before:]]


async def test_equity_is_recorded_each_minute_though_it_did_not_change() -> None:
    scene = Scene()
    scene.money(101.5)
    assert await scene.minute() == [101.5]
    assert await scene.minute() == [101.5]
    ((_, sample), _) = scene.kept.samples
    assert sample == EquitySample(int(START.timestamp() * 1000) + 60_000, 101.5, 100.0, 60.0)


async def test_what_nobody_reads_is_not_recorded() -> None:
    scene = Scene()
    scene.money(101.5)
    scene.clock.seconds += 60
    assert await scene.look() == [], "its terminal was last read a minute ago"

    scene.money(102.0)
    scene.live.link_changed("acc_1", 1, LinkState.ENDED)
    assert await scene.look() == [], "its bridge is away"

    scene.live.link_changed("acc_1", 2, LinkState.LIVE)
    assert await scene.look() == [102.0]
    scene.money(None)
    assert await scene.minute() == [], "its equity is not known"


async def test_old_samples_are_looked_after_at_the_start_and_then_once_an_hour() -> None:
    scene = Scene()
    for _ in range(61):
        await scene.minute()
    assert scene.kept.tidied == 2


async def test_a_day_is_told_unless_asked_otherwise_and_a_range_has_to_be_one() -> None:
    scene = Scene()
    scene.money(101.5)
    await scene.minute()
    now = int(scene.clock.now().timestamp() * 1000)
    assert len(await scene.equity.samples("acc_1", None, None)) == 1
    assert await scene.equity.samples("acc_1", None, now) == []
    scene.clock.seconds += 86_399
    assert await scene.equity.samples("acc_1", None, None) != []
    scene.clock.seconds += 1
    assert await scene.equity.samples("acc_1", None, None) == []
    assert len(await scene.equity.samples("acc_1", 0, None)) == 1
    with pytest.raises(InvalidField, match="until"):
        await scene.equity.samples("acc_1", now, now)
