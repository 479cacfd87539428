"""What one account does with a signal, and the steps that say why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.actions import Open, Risk
from signalos_server.domain.dealing.decide import (
    AccountFacts,
    Decision,
    Outcome,
    SourcePolicy,
    Trust,
    decide,
)
from signalos_server.domain.dealing.sizing import Funds, Sizing, SizingMode
from signalos_server.domain.order_rules import Market
from signalos_server.domain.pipeline.words import TargetSplit
from signalos_server.domain.signals.model import Gate, Parse
from signalos_server.domain.signals.parse import parse
from signalos_server.domain.words import OrderType, Side, SymbolTradeMode
from tests.signalos_server.domain.dealing.test_sizing import a_spec

D = Decimal
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SIGNAL = parse("EURUSD BUY 1.1000 SL 1.0950 TP 1.1050 1.1100")
AUTO = SourcePolicy(trust=Trust.AUTO, split=TargetSplit.ORDERS)
ACCOUNT = AccountFacts(
    stopped=False,
    paused=False,
    specs=[a_spec()],
    markets={"EURUSD": Market(D("1.09990"), D("1.10000"))},
    funds=Funds(D(10_000), D(10_000)),
    open_positions=0,
)


def decided(
    signal: Parse = SIGNAL,
    source: SourcePolicy = AUTO,
    account: AccountFacts = ACCOUNT,
    *,
    age: float = 1,
    approved: bool = False,
    sender: str = "provider",
) -> Decision:
    said_at = NOW - timedelta(seconds=age)
    return decide(signal, source, account, sender=sender, said_at=said_at, now=NOW, approved=approved)


def test_a_trusted_source_trades_sized_by_its_risk() -> None:
    decision = decided()

    assert decision.outcome is Outcome.TRADE
    assert decision.plan is not None
    assert decision.plan.action == Open(
        symbol="EURUSD",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        risk=Risk(equity_percent=D("0.5")),
        stop_loss=D("1.0950"),
        take_profits=(D("1.1050"), D("1.1100")),
    )
    assert (decision.plan.sized.volume_lots, decision.plan.sized.risk_money) == (D("0.10"), D(50))
    assert [leg.volume_lots for leg in decision.plan.legs] == [D("0.05"), D("0.05")]


def test_every_step_on_the_way_is_told_in_order() -> None:
    steps = [step.name for step in decided().steps]

    assert steps == [
        *("sender", "gate", "age", "state", "session", "symbol", "quote", "prices", "entry", "stop"),
        *("drift", "spread", "symbol_use", "positions", "size", "limits", "legs", "trust"),
    ]


@pytest.mark.parametrize(
    ("changes", "outcome", "code"),
    [
        ({"source": SourcePolicy()}, Outcome.SKIP, "OBSERVED"),
        ({"source": SourcePolicy(trust=Trust.APPROVE)}, Outcome.ASK, "APPROVAL_NEEDED"),
        ({"source": replace(AUTO, senders=frozenset({"boss"}))}, Outcome.DENY, "SENDER"),
        ({"signal": replace(SIGNAL, gate=Gate.POLICY)}, Outcome.ASK, "HELD_BY_GATE"),
        ({"signal": replace(SIGNAL, gate=Gate.REJECT)}, Outcome.DENY, "GATE"),
        ({"signal": replace(SIGNAL, gate=Gate.REJECT), "approved": True}, Outcome.DENY, "GATE"),
        ({"signal": replace(SIGNAL, gate=Gate.POLICY), "approved": True}, Outcome.TRADE, ""),
        ({"signal": replace(SIGNAL, side=None)}, Outcome.ASK, "INCOMPLETE"),
        ({"signal": replace(SIGNAL, stop_loss=None)}, Outcome.DENY, "NO_STOP"),
        ({"age": 60}, Outcome.TRADE, ""),
        ({"age": 61}, Outcome.DENY, "TOO_OLD"),
        ({"age": 86_400}, Outcome.DENY, "TOO_OLD"),
        ({"age": -5}, Outcome.TRADE, ""),
        ({"age": -6}, Outcome.DENY, "FUTURE_DATED"),
        ({"account": replace(ACCOUNT, paused=True)}, Outcome.SKIP, "PAUSED"),
        ({"account": replace(ACCOUNT, stopped=True)}, Outcome.DENY, "STOPPED"),
        ({"account": replace(ACCOUNT, stopped=True, paused=True)}, Outcome.DENY, "STOPPED"),
        ({"account": replace(ACCOUNT, stopped=True), "approved": True}, Outcome.DENY, "STOPPED"),
        ({"account": replace(ACCOUNT, markets={})}, Outcome.DENY, "STALE_QUOTE"),
        ({"account": replace(ACCOUNT, funds=None)}, Outcome.DENY, "STALE_ACCOUNT"),
        ({"account": replace(ACCOUNT, specs=[])}, Outcome.DENY, "SYMBOL_UNKNOWN"),
        ({"account": replace(ACCOUNT, open_positions=10)}, Outcome.DENY, "MAX_POSITIONS"),
        (
            {"account": replace(ACCOUNT, busy_symbols=frozenset({"EURUSD"}))},
            Outcome.DENY,
            "NETTING_SYMBOL_BUSY",
        ),
        (
            {"account": replace(ACCOUNT, held_sides={"EURUSD": frozenset({Side.SELL})})},
            Outcome.DENY,
            "OPPOSITE_HELD",
        ),
        ({"account": replace(ACCOUNT, funds=Funds(D(90), D(90)))}, Outcome.DENY, "BELOW_MINIMUM_LOT"),
        (
            {"source": replace(AUTO, sizing=Sizing(SizingMode.EQUITY_PERCENT, D(2)))},
            Outcome.DENY,
            "MAX_RISK",
        ),
        (
            {"account": replace(ACCOUNT, markets={"EURUSD": Market(D("1.1011"), D("1.1012"))})},
            # Out of the tolerance: a limit waits at the entry.
            Outcome.TRADE,
            "",
        ),
        (
            {"account": replace(ACCOUNT, markets={"EURUSD": Market(D("1.0990"), D("1.1000"))})},
            Outcome.DENY,
            "MAX_SPREAD",
        ),
        (
            {"account": replace(ACCOUNT, markets={"EURUSD": Market(D("1.5"), D("1.5001"))})},
            Outcome.DENY,
            "PRICE_MISMATCH",
        ),
        (
            {"account": replace(ACCOUNT, specs=[a_spec(trade_mode=SymbolTradeMode.CLOSE_ONLY)])},  # type: ignore[arg-type]
            Outcome.DENY,
            "SYMBOL_CLOSED",
        ),
    ],
)
def test_what_decides_is_told_by_its_code(changes: dict[str, object], outcome: Outcome, code: str) -> None:
    decision = decided(**changes)  # type: ignore[arg-type]

    assert (decision.outcome, decision.code) == (outcome, code)


def test_a_market_that_ran_from_a_market_order_is_denied_with_the_numbers() -> None:
    account = replace(ACCOUNT, markets={"EURUSD": Market(D("1.1013"), D("1.1014"))})
    decision = decided(parse("EURUSD BUY NOW 1.1000 SL 1.0950 TP 1.1050"), account=account)

    assert decision.steps[-1].numbers == (("limit", "0.0010000"), ("current", "0.0014"))


def test_lots_in_a_message_count_only_where_the_source_may_say_them() -> None:
    signal = parse("EURUSD BUY 1.1000 SL 1.0950 TP 1.1050 lot 0.04")
    ignored = decided(signal).plan
    taken = decided(signal, replace(AUTO, lots_from_signal=True)).plan

    assert ignored is not None
    assert taken is not None
    assert (ignored.action.risk, ignored.action.volume_lots) == (Risk(equity_percent=D("0.5")), None)
    assert (taken.action.risk, taken.action.volume_lots) == (None, D("0.04"))


def test_an_observed_signal_shows_what_would_have_been_sent() -> None:
    decision = decided(source=SourcePolicy())

    assert decision.outcome is Outcome.SKIP
    assert decision.plan is not None


def test_distances_become_prices_from_the_entry() -> None:
    plan = decided(parse("EURUSD BUY NOW SL 50 pips TP 40 pips TP 80 pips")).plan

    assert plan is not None
    assert plan.action.stop_loss == D("1.09500")
    assert plan.action.take_profits == (D("1.10400"), D("1.10800"))


@given(
    age=st.floats(-100, 1000),
    paused=st.booleans(),
    stopped=st.booleans(),
    gate=st.sampled_from(list(Gate)),
    approved=st.booleans(),
    trust=st.sampled_from(list(Trust)),
)
def test_nothing_trades_while_stopped_paused_refused_or_too_old(
    age: float, paused: bool, stopped: bool, gate: Gate, approved: bool, trust: Trust
) -> None:
    decision = decided(
        replace(SIGNAL, gate=gate),
        SourcePolicy(trust=trust),
        replace(ACCOUNT, paused=paused, stopped=stopped),
        age=age,
        approved=approved,
    )

    if decision.outcome is Outcome.TRADE:
        assert not paused
        assert not stopped
        assert gate is Gate.OK or (gate is Gate.POLICY and approved)
        assert approved or (trust is Trust.AUTO and -5 <= age <= 60)
    else:
        assert decision.code


@pytest.mark.parametrize("pips", ["11000", "20000"])
def test_a_stop_that_lies_at_zero_or_below_is_denied_since_to_a_terminal_it_is_none(pips: str) -> None:
    signal = replace(SIGNAL, stop_loss=None, stop_loss_pips=D(pips))
    source = replace(AUTO, sizing=Sizing(SizingMode.FIXED_LOTS, D("0.01")), risk_ceiling_percent=D(100))

    decision = decided(signal, source, replace(ACCOUNT, funds=Funds(D(1_000_000), D(1_000_000))))

    assert (decision.outcome, decision.code) == (Outcome.DENY, "STOP_ON_WRONG_SIDE")
