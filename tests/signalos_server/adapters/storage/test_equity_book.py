"""How equity went, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from signalos_server.adapters.storage import Database
from signalos_server.adapters.storage.equity_book import SqlEquity
from signalos_server.adapters.storage.tables.accounts import AccountRow
from signalos_server.adapters.storage.tables.equity import EquitySampleRow
from signalos_server.adapters.storage.tables.users import UserRow
from signalos_server.domain.equity import EquitySample, due_coarser, forgotten_before

DAY = 86_400_000
NOW = 20_000 * DAY + 43_200_123


async def accounts(database: Database, *ids: str) -> None:
    when = datetime(2026, 1, 31, tzinfo=UTC)

    def unit(session: Session) -> None:
        session.add(
            UserRow(
                user_id="usr_1",
                user_name="ann",
                user_name_key="ann",
                password_hash="",
                role=1,
                disabled=False,
                create_time=when,
            )
        )
        session.flush()
        for number, account_id in enumerate(ids):
            session.add(
                AccountRow(
                    account_id=account_id,
                    owner_user_id="usr_1",
                    name=account_id,
                    create_time=when,
                    magic_prefix=number,
                )
            )

    await database.run(unit)


def sample(milliseconds: int, equity: float = 100.25) -> EquitySample:
    return EquitySample(milliseconds, equity, 100.0, 60.0)


async def test_samples_are_read_by_time_and_account_and_one_on_record_stays(database: Database) -> None:
    await accounts(database, "acc_1", "acc_2")
    book = SqlEquity(database)
    await book.add([("acc_1", sample(NOW)), ("acc_2", sample(NOW, 7.0))])
    await book.add([("acc_1", sample(NOW, 1.0)), ("acc_1", EquitySample(NOW + 60_000, 99.5, None, 60.0))])

    assert await book.between("acc_1", NOW, NOW + 60_001) == [
        sample(NOW),
        EquitySample(NOW + 60_000, 99.5, None, 60.0),
    ]
    assert await book.between("acc_1", NOW + 1, NOW + 60_000) == []
    assert await book.between("acc_2", 0, 2 * NOW) == [sample(NOW, 7.0)]


async def test_old_samples_get_coarser_and_the_oldest_go(database: Database) -> None:
    await accounts(database, "acc_1", "acc_2")
    book = SqlEquity(database)
    fine = [sample(NOW - 2 * DAY + minute * 60_000, float(minute)) for minute in range(60)]
    today = [sample(NOW - minute * 60_000) for minute in range(5)]
    ancient = [sample(NOW - 731 * DAY)]
    coarse = [sample(NOW - 40 * DAY + hour * 3_600_000, float(hour)) for hour in range(24)]
    for account_id in ("acc_1", "acc_2"):
        await book.add([(account_id, one) for one in (*fine, *today, *ancient, *coarse)])

    steps, oldest = due_coarser(NOW, 60.0), forgotten_before(NOW, 60.0)
    await book.tidy(steps, oldest)
    after = await book.between("acc_1", 0, 2 * NOW)

    assert after[0].time_milliseconds >= oldest
    by_span = {span: [one for one in after if one.span_seconds == span] for span in (60.0, 900.0, 21_600.0)}
    assert len(by_span[60.0]) == 5
    assert 4 <= len(by_span[900.0]) <= 5
    assert by_span[900.0][-1].equity == 59.0, "the last of a stretch stands for it"
    assert 4 <= len(by_span[21_600.0]) <= 5
    assert await book.tidy(steps, oldest) == 0, "a second time changes nothing"
    assert await book.between("acc_1", 0, 2 * NOW) == after
    assert await book.between("acc_2", 0, 2 * NOW) == after


async def test_two_years_of_minutes_are_bounded(database: Database) -> None:
    """A day of minutes at a time, as it grows: what is kept of each month does not grow with its samples."""
    await accounts(database, "acc_1")
    book = SqlEquity(database)
    for day in range(40):
        begun = NOW - (40 - day) * DAY
        await book.add([("acc_1", sample(begun + minute * 300_000)) for minute in range(288)])
        await book.tidy(due_coarser(begun + DAY, 60.0), forgotten_before(begun + DAY, 60.0))

    kept = await database.read(
        lambda session: session.scalar(select(func.count()).select_from(EquitySampleRow))
    )
    assert kept is not None
    # A day by five minutes, thirty by quarters, nine by six hours; a stretch at each edge.
    assert kept <= 289 + 30 * 96 + 10 * 4 + 4
