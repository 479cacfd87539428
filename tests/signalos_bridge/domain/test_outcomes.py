from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.orders import Operation
from signalos_bridge.domain.outcomes import (
    LONG_SETTLE_SECONDS,
    REFUSAL_RETCODES,
    UNCLEAR_RETCODES,
    Ambiguous,
    BrokerAnswer,
    Executed,
    NoChange,
    NotDone,
    NotSent,
    PartlyExecuted,
    Placed,
    Retry,
    classify,
    not_sent,
)

LOTS = Decimal("0.10")

# Every code of the package's `__init__.py`, and the one that only MQL5 documents.
ALL_RETCODES = {
    10004, *range(10006, 10037), *range(10038, 10047),
}  # fmt: skip
ACCEPTED = {10008, 10009, 10010}
NO_CHANGES = 10025


def an_answer(
    retcode: int | None,
    *,
    order: int | None = None,
    deal: int | None = None,
    volume: Decimal | None = None,
    error_code: int = 1,
    error_text: str = "Success",
) -> BrokerAnswer:
    price = Decimal("1.08515") if deal else None
    return BrokerAnswer(retcode, None, order, deal, volume, price, None, None, "", error_code, error_text)


def test_every_documented_retcode_has_a_meaning() -> None:
    assert REFUSAL_RETCODES | UNCLEAR_RETCODES | ACCEPTED | {NO_CHANGES} == ALL_RETCODES
    assert not REFUSAL_RETCODES & UNCLEAR_RETCODES


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("retcode", sorted(REFUSAL_RETCODES))
def test_a_refusal_is_not_done_whatever_was_asked(retcode: int, operation: Operation) -> None:
    outcome = classify(operation, LOTS, an_answer(retcode))

    assert isinstance(outcome, NotDone)
    assert outcome.retcode == retcode
    assert outcome.words


@pytest.mark.parametrize(
    ("retcode", "retry"),
    [
        (10004, Retry.NEW_QUOTE),
        (10020, Retry.NEW_QUOTE),
        (10021, Retry.FRESH_TICK),
        (10030, Retry.OTHER_FILLING),
        (10024, Retry.SHORT_BACKOFF),
        (10028, Retry.SHORT_BACKOFF),
        (10029, Retry.SHORT_BACKOFF),
        (10023, Retry.REREAD),
        (10036, Retry.REREAD),
        (10038, Retry.REREAD),
        (10039, Retry.REREAD),
    ],
)
def test_these_refusals_may_be_tried_again_after_something_has_changed(retcode: int, retry: Retry) -> None:
    outcome = classify(Operation.OPEN, LOTS, an_answer(retcode))

    assert isinstance(outcome, NotDone)
    assert outcome.retry is retry


def test_all_other_refusals_are_never_tried_again() -> None:
    retried = {10004, 10020, 10021, 10030, 10024, 10028, 10029, 10023, 10036, 10038, 10039}

    for retcode in REFUSAL_RETCODES - retried:
        outcome = classify(Operation.OPEN, LOTS, an_answer(retcode))
        assert isinstance(outcome, NotDone)
        assert outcome.retry is Retry.NEVER


@pytest.mark.parametrize("retcode", [10026, 10027])
def test_switched_off_trading_is_an_alert(retcode: int) -> None:
    outcome = classify(Operation.OPEN, LOTS, an_answer(retcode))

    assert isinstance(outcome, NotDone)
    assert outcome.alert


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("retcode", [10011, 10012, 10031, 0, 1, 10005, 10037, 10047, 20000])
def test_unclear_and_unknown_retcodes_are_ambiguous(retcode: int, operation: Operation) -> None:
    outcome = classify(operation, LOTS, an_answer(retcode))

    assert isinstance(outcome, Ambiguous)
    assert outcome.settle_seconds == LONG_SETTLE_SECONDS


@pytest.mark.parametrize("error_code", [-2, -7, -8, -10003, -10004])
def test_none_that_never_left_the_process_is_not_done(error_code: int) -> None:
    outcome = classify(Operation.OPEN, LOTS, an_answer(None, error_code=error_code))

    assert isinstance(outcome, NotDone)
    assert outcome.error_code == error_code


@given(error_code=st.integers(-11000, 100).filter(lambda code: code not in {-2, -7, -8, -10003, -10004}))
def test_every_other_none_is_ambiguous(error_code: int) -> None:
    outcome = classify(Operation.CLOSE, LOTS, an_answer(None, error_code=error_code))

    assert isinstance(outcome, Ambiguous)
    assert outcome.settle_seconds == LONG_SETTLE_SECONDS


def test_a_market_order_done_in_full_is_executed() -> None:
    outcome = classify(Operation.OPEN, LOTS, an_answer(10009, order=7, deal=8, volume=LOTS))

    assert outcome == Executed(7, 8, LOTS, Decimal("1.08515"))


@pytest.mark.parametrize("retcode", [10009, 10010])
def test_less_volume_than_asked_is_a_part_whatever_the_code_says(retcode: int) -> None:
    outcome = classify(Operation.OPEN, LOTS, an_answer(retcode, order=7, deal=8, volume=Decimal("0.03")))

    assert outcome == PartlyExecuted(7, 8, Decimal("0.03"), Decimal("0.07"), Decimal("1.08515"))


def test_more_volume_than_asked_is_nobodys_success() -> None:
    outcome = classify(Operation.CLOSE, LOTS, an_answer(10009, order=7, deal=8, volume=Decimal("0.2")))

    assert isinstance(outcome, Ambiguous)


@pytest.mark.parametrize("operation", [Operation.OPEN, Operation.CLOSE, Operation.CLOSE_BY])
def test_a_placed_market_order_awaits_its_deal(operation: Operation) -> None:
    assert classify(operation, LOTS, an_answer(10008, order=7)) == Placed(7, awaits_deal=True)


def test_done_without_a_volume_awaits_the_deal_that_tells_it() -> None:
    assert classify(Operation.OPEN, LOTS, an_answer(10009, order=7)) == Placed(7, awaits_deal=True)


@pytest.mark.parametrize("retcode", [10008, 10009])
def test_a_pending_order_stands_once_accepted(retcode: int) -> None:
    assert classify(Operation.PLACE, LOTS, an_answer(retcode, order=7)) == Placed(7, awaits_deal=False)


@pytest.mark.parametrize("operation", [Operation.MODIFY_LEVELS, Operation.MODIFY_ORDER, Operation.CANCEL])
def test_a_change_is_done_without_any_volume(operation: Operation) -> None:
    assert classify(operation, None, an_answer(10009)) == Executed(None, None, None, None)
    assert classify(operation, None, an_answer(10008)) == Placed(None, awaits_deal=True)
    assert isinstance(classify(operation, None, an_answer(10010)), Ambiguous)


def test_nothing_to_change_is_a_success_of_a_change_and_of_nothing_else() -> None:
    assert classify(Operation.MODIFY_LEVELS, None, an_answer(10025)) == NoChange()
    assert classify(Operation.MODIFY_ORDER, None, an_answer(10025)) == NoChange()
    assert isinstance(classify(Operation.OPEN, LOTS, an_answer(10025)), NotDone)


def test_a_refusal_that_names_a_deal_is_ambiguous() -> None:
    outcome = classify(Operation.OPEN, LOTS, an_answer(10006, order=7, deal=8, volume=LOTS))

    assert isinstance(outcome, Ambiguous)


@given(
    operation=st.sampled_from(list(Operation)),
    retcode=st.none() | st.integers(0, 11000),
    error_code=st.integers(-10010, 2),
    deal=st.none() | st.integers(1, 9),
    volume=st.none() | st.decimals("0.01", "1", places=2),
)
def test_nothing_that_names_a_deal_is_ever_called_not_done(
    operation: Operation, retcode: int | None, error_code: int, deal: int | None, volume: Decimal | None
) -> None:
    answer = an_answer(retcode, order=1, deal=deal, volume=volume, error_code=error_code)

    outcome = classify(operation, LOTS, answer)

    if isinstance(outcome, NotDone) and retcode not in (None, NO_CHANGES):
        assert deal is None


@pytest.mark.parametrize("reason", list(NotSent))
def test_what_was_kept_from_the_terminal_is_not_done_and_says_why(reason: NotSent) -> None:
    outcome = not_sent(reason, "detail")

    assert outcome.code == reason.name
    assert outcome.words == f"{reason.value}: detail"
    assert outcome.retcode is None


def test_another_account_is_an_alert_and_never_tried_again() -> None:
    outcome = not_sent(NotSent.ACCOUNT_MISMATCH)

    assert outcome.alert
    assert outcome.retry is Retry.NEVER
