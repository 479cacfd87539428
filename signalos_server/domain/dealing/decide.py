"""Whether one account trades one signal: every step with its code and numbers, in the order of the timeline.

Pure: the facts are arguments, the answer is a value. What is decided here is only what the server can know;
the bridge checks its own limits again, and has the last word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from signalos_server.domain.actions import Open, Risk
from signalos_server.domain.dealing.contracts import check_prices, resolve
from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.dealing.pips import pips_in_price
from signalos_server.domain.dealing.pricing import Placement, check_drift, check_spread, place
from signalos_server.domain.dealing.shape import disaster_loss, ladder_of, to_tick
from signalos_server.domain.dealing.sizing import Funds, Leg, Sized, Sizing, SizingMode, share, size
from signalos_server.domain.order_rules import Market
from signalos_server.domain.pipeline.words import LadderStopPlan, OppositeRule, TargetSplit
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.signals.model import Gate, Kind, Parse
from signalos_server.domain.words import OrderType, Side

_T = TypeVar("_T")

_CLOSES_OPPOSITE = "CLOSES_OPPOSITE_FIRST"
_CENT = Decimal("0.01")


class Trust(StrEnum):
    """How far a source is trusted."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


class Outcome(StrEnum):
    """What comes of a signal at an account."""

    # To be sent now.
    TRADE = "trade"
    # Waits for a person.
    ASK = "ask"
    # To be sent once what is held the other way is closed.
    CLEAR = "clear"
    # Not traded, and nobody is asked: observed, paused, or refused by a step.
    SKIP = "skip"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class SourcePolicy:
    """What a source may do. The defaults are those of a source that nobody has configured."""

    trust: Trust = Trust.OBSERVE
    sizing: Sizing = field(default_factory=Sizing)
    senders: frozenset[str] = frozenset()
    symbol_map: Mapping[str, str] = field(default_factory=dict)
    lots_from_signal: bool = False
    oldest: timedelta = timedelta(seconds=60)
    # A clock ahead of ours by more than this is not believed.
    ahead: timedelta = timedelta(seconds=5)
    spread_share: Decimal = Decimal("0.15")
    drift_share: Decimal = Decimal("0.20")
    filling_limits: bool = False
    # What one signal, and all signals of one side of a symbol, may risk at most, in percent of equity.
    risk_ceiling_percent: Decimal = Decimal(1)
    # Open positions and working orders at which nothing more is opened.
    positions: int = 10
    # Canonical; empty: all.
    symbols: frozenset[str] = frozenset()
    opposite: OppositeRule = OppositeRule.DENY
    split: TargetSplit = TargetSplit.LADDER
    stop_plan: LadderStopPlan = LadderStopPlan.FOLLOW


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What is known of an account now. `market` and `funds` None: not known, or too old to trade on."""

    stopped: bool
    paused: bool
    specs: Sequence[SymbolSpec]
    markets: Mapping[str, Market]
    funds: Funds | None
    # Open positions and working orders, external ones and those under way too.
    open_positions: int
    commission_per_lot: Decimal = Decimal(0)
    # Symbols at the broker that have a trade or order on a netting account.
    busy_symbols: frozenset[str] = frozenset()
    # Sides held on the instrument, for the rule on opposite signals.
    held_sides: Mapping[str, frozenset[Side]] = field(default_factory=dict)
    # The sides of those that SignalOS does not manage, or that are not open yet: never closed for a signal.
    foreign_sides: Mapping[str, frozenset[Side]] = field(default_factory=dict)
    # What signals' trades and orders of a symbol and side lose at their stops.
    at_stake: Mapping[tuple[str, Side], Decimal] = field(default_factory=dict)
    hedging: bool = True
    # Levels are hidden, so that the broker's own stop is a disaster stop further away.
    stealth: bool = False
    # The source's hours; False: it is outside of them.
    in_session: bool = True


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order before limits are asked. Money is in the account's currency; `entry` is where it would fill.

    `worst_case_money` is what is lost where the broker alone gives it up: the most that the limits have to
    allow for.
    """

    symbol: str
    side: Side
    order_type: OrderType
    volume_lots: Decimal
    entry: Decimal
    stop_loss: Decimal
    risk_money: Decimal
    worst_case_money: Decimal


# The account's own limits: None is a go, else the numbers that it was refused by.
Limits = Callable[[PlannedOrder], Denial | None]


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline."""

    name: str
    passed: bool
    code: str = ""
    text: str = ""
    numbers: tuple[tuple[str, str], ...] = ()
    # When it was taken, where that is known.
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent: one order with its legs. `worst_case_money` None: what is lost at the stop."""

    action: Open
    legs: tuple[Leg, ...]
    sized: Sized
    worst_case_money: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What comes of a signal at an account, and every step on the way."""

    outcome: Outcome
    steps: tuple[Step, ...]
    plan: Plan | None = None

    @property
    def code(self) -> str:
        """Return the code of the step that decided; empty where all passed."""
        return next((step.code for step in reversed(self.steps) if not step.passed), "")


class _Stopped(Exception):  # noqa: N818 - not an error: the end of a list of steps
    def __init__(self, outcome: Outcome, clearing: tuple[Plan, Denial] | None = None) -> None:
        self.outcome = outcome
        # The order, and what it is that is closed before it.
        self.clearing = clearing


class _Timeline:
    """Collects steps; a denied one ends the list."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def passed(self, name: str, text: str = "", **numbers: object) -> None:
        """Record a step that passed."""
        self.steps.append(
            Step(name, True, text=text, numbers=tuple((key, str(value)) for key, value in numbers.items()))
        )

    def end(self, name: str, outcome: Outcome, denial: Denial) -> None:
        """Record the step that decides."""
        self.steps.append(Step(name, False, denial.code, denial.text, denial.numbers))
        raise _Stopped(outcome)

    def check(self, name: str, found: _T | Denial | None) -> _T | None:
        """Record a step by what it found; a denial ends the list."""
        if isinstance(found, Denial):
            self.end(name, Outcome.DENY, found)
            raise AssertionError
        self.passed(name)
        return found


def decide(
    parse: Parse,
    source: SourcePolicy,
    account: AccountFacts,
    *,
    sender: str,
    said_at: datetime,
    now: datetime,
    approved: bool = False,
    limits: Limits | None = None,
) -> Decision:
    """Return what one account does with a signal that opens. `approved`: a person has said yes to it.

    Approval leads past the gate's POLICY and the trust level, never past REJECT, a stop or a limit.
    """
    line = _Timeline()
    clearing: Denial | None = None
    try:
        plan = _plan(line, parse, source, account, sender, said_at, now, limits, approved=approved)
    except _Stopped as stopped:
        if stopped.clearing is None:
            return Decision(stopped.outcome, tuple(line.steps))
        plan, clearing = stopped.clearing
    if not approved and source.trust is Trust.APPROVE:
        line.steps.append(Step("trust", False, "APPROVAL_NEEDED", "the source's signals wait for a person"))
        return Decision(Outcome.ASK, tuple(line.steps), plan)
    if not approved and source.trust is Trust.OBSERVE:
        line.steps.append(Step("trust", False, "OBSERVED", "the source is only observed"))
        return Decision(Outcome.SKIP, tuple(line.steps), plan)
    if not approved and parse.gate is Gate.POLICY:
        line.steps.append(Step("trust", False, "HELD_BY_GATE", "the message is held for a person"))
        return Decision(Outcome.ASK, tuple(line.steps), plan)
    line.passed("trust", "approved" if approved else source.trust.value)
    if clearing is not None:
        # Last, since it is done only where nothing else stands against the order.
        line.steps.append(Step("symbol_use", False, clearing.code, clearing.text, clearing.numbers))
        return Decision(Outcome.CLEAR, tuple(line.steps), plan)
    return Decision(Outcome.TRADE, tuple(line.steps), plan)


def _plan(
    line: _Timeline,
    parse: Parse,
    source: SourcePolicy,
    account: AccountFacts,
    sender: str,
    said_at: datetime,
    now: datetime,
    limits: Limits | None,
    *,
    approved: bool,
) -> Plan:
    _check_message(line, parse, source, sender, said_at, now, approved=approved)
    if account.stopped:
        line.end("state", Outcome.DENY, deny("STOPPED", "the account is stopped"))
    if account.paused:
        line.end("state", Outcome.SKIP, deny("PAUSED", "the account is paused; not made up for on resume"))
    line.passed("state")
    if not account.in_session:
        line.end(
            "session",
            Outcome.SKIP,
            deny("OUTSIDE_SESSION", "the source may not open at this time of the week"),
        )
    line.passed("session")
    assert parse.symbol is not None
    assert parse.side is not None
    if source.symbols and parse.symbol not in source.symbols:
        line.end(
            "symbol",
            Outcome.DENY,
            deny("SYMBOL_NOT_ALLOWED", f"{parse.symbol} is not one of this source", symbol=parse.symbol),
        )
    spec = line.check("symbol", resolve(parse.symbol, parse.side, account.specs, source.symbol_map))
    assert spec is not None
    market = line.check("quote", account.markets.get(spec.symbol) or _no_quote(spec))
    assert market is not None
    line.check("prices", check_prices(parse.symbol, _prices(parse), market))
    placement = line.check("entry", _placed(parse, spec, source, market))
    assert placement is not None
    entry = placement.price if placement.price is not None else market.opening(parse.side)
    stop = line.check("stop", _stop(parse, spec, source, entry))
    assert stop is not None
    if placement.order_type is OrderType.MARKET:
        line.check("drift", check_drift(parse.side, parse.entry, stop, market, source.drift_share))
        line.check("spread", check_spread(stop, parse.side, market, source.spread_share))
    rule = _symbol_use(spec, parse.side, source, account)
    clearing = rule is not None and rule.code == _CLOSES_OPPOSITE
    if not clearing:
        line.check("symbol_use", rule)
    line.check("positions", _positions(source, account, clearing=clearing))
    sized = line.check("size", _sized(parse, source, account, spec, entry, stop))
    assert sized is not None
    worst = disaster_loss(spec, parse.side, entry, stop, market, sized, hidden=account.stealth)
    order = PlannedOrder(
        symbol=spec.symbol,
        side=parse.side,
        order_type=placement.order_type,
        volume_lots=sized.volume_lots,
        entry=entry,
        stop_loss=stop,
        risk_money=sized.risk_money,
        worst_case_money=sized.risk_money if worst is None else worst,
    )
    line.check("limits", None if limits is None else limits(order))
    targets = _targets(parse, spec, entry)
    legs = share(sized.volume_lots, targets, spec)
    several = source.split is TargetSplit.ORDERS and account.hedging and len(legs) > 1
    if several and account.open_positions + len(legs) > source.positions:
        line.end("legs", Outcome.DENY, _too_many(source, account.open_positions + len(legs)))
    line.passed("legs", _about_legs(parse, source, sized, targets, legs), **_leg_numbers(legs, sized, worst))
    plan = Plan(
        _action(parse, source, spec, placement, stop, sized, legs, several=several), legs, sized, worst
    )
    if clearing and rule is not None:
        raise _Stopped(Outcome.CLEAR, (plan, rule))
    return plan


def _about_legs(
    parse: Parse,
    source: SourcePolicy,
    sized: Sized,
    targets: tuple[Decimal | None, ...],
    legs: tuple[Leg, ...],
) -> str:
    words = []
    if len(legs) < len(targets):
        words.append(f"{sized.volume_lots} lots for {len(targets)} targets make {len(legs)} legs")
    if _sizing(parse, source).mode is not SizingMode.SIGNAL_LOTS:
        if parse.volume_lots is not None:
            words.append(f"the message's {parse.volume_lots} lots are not what it is sized by")
        if parse.risk is not None:
            words.append("the risk that the message says is not what it is sized by")
    return "; ".join(words)


def _leg_numbers(legs: tuple[Leg, ...], sized: Sized, worst: Decimal | None) -> dict[str, object]:
    numbers: dict[str, object] = {
        "legs": len(legs),
        "volume_lots": sized.volume_lots,
        "risk": sized.risk_money.quantize(_CENT),
    }
    if worst is not None:
        numbers["worst_case"] = worst.quantize(_CENT)
    return numbers


def _check_message(
    line: _Timeline,
    parse: Parse,
    source: SourcePolicy,
    sender: str,
    said_at: datetime,
    now: datetime,
    *,
    approved: bool,
) -> None:
    if source.senders and sender not in source.senders:
        line.end("sender", Outcome.DENY, deny("SENDER", "not a sender of this source", sender=sender))
    line.passed("sender")
    if parse.kind is not Kind.OPEN or parse.gate not in (Gate.OK, Gate.POLICY):
        line.end("gate", Outcome.DENY, deny("GATE", "nothing that may open", gate=parse.gate.value))
    if parse.symbol is None or parse.side is None:
        line.end("gate", Outcome.ASK, deny("INCOMPLETE", "the instrument or the side is missing"))
    line.passed("gate", parse.gate.value)
    age = now - said_at
    if age > source.oldest and not approved:
        line.end(
            "age",
            Outcome.DENY,
            deny("TOO_OLD", "said too long ago", limit=_seconds(source.oldest), current=_seconds(age)),
        )
    if -age > source.ahead:
        line.end("age", Outcome.DENY, deny("FUTURE_DATED", "said in the future", current=_seconds(age)))
    line.passed("age", seconds=_seconds(age))


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.1f}s"


def _no_quote(spec: SymbolSpec) -> Denial:
    return deny("STALE_QUOTE", f"no fresh price of {spec.symbol}", symbol=spec.symbol)


def _prices(parse: Parse) -> list[Decimal]:
    return [
        *(parse.entry or ()),
        *([] if parse.stop_loss is None else [parse.stop_loss]),
        *parse.take_profits,
    ]


def _placed(parse: Parse, spec: SymbolSpec, source: SourcePolicy, market: Market) -> Placement | Denial:
    assert parse.side is not None
    assert parse.entry_type is not None
    tolerance = Decimal(0)
    if parse.entry is not None and parse.stop_loss is not None:
        near = parse.entry[1] if parse.side is Side.BUY else parse.entry[0]
        tolerance = abs(near - parse.stop_loss) * source.drift_share
    return place(
        parse.entry_type,
        parse.side,
        parse.entry,
        market,
        tolerance=tolerance,
        filling_limits=source.filling_limits,
    )


def _stop(parse: Parse, spec: SymbolSpec, source: SourcePolicy, entry: Decimal) -> Decimal | Denial:
    assert parse.side is not None
    stop = parse.stop_loss
    if stop is None and parse.stop_loss_pips is not None:
        stop = entry - parse.side.sign * pips_in_price(spec, parse.symbol, parse.stop_loss_pips)
    if stop is None:
        # Without a stop there is no distance to size by, whatever the policy.
        return deny("NO_STOP", "no stop loss, and so no risk to count")
    if (entry - stop) * parse.side.sign <= 0:
        return deny(
            "STOP_ON_WRONG_SIDE", f"the stop loss {stop} is not beyond {entry}", entry=entry, stop=stop
        )
    on_tick = to_tick(stop, spec)
    if on_tick <= 0:
        # A terminal takes a stop loss of 0 for none.
        return deny("STOP_ON_WRONG_SIDE", f"the stop loss {stop} is not above zero", entry=entry, stop=stop)
    return on_tick


def _targets(parse: Parse, spec: SymbolSpec, entry: Decimal) -> tuple[Decimal | None, ...]:
    assert parse.side is not None
    sign = parse.side.sign
    said = parse.take_profits or tuple(
        entry + sign * pips_in_price(spec, parse.symbol, pips) for pips in parse.take_profit_pips
    )
    prices = tuple(dict.fromkeys(to_tick(price, spec) for price in said))
    # A target that the market has passed is none any more.
    ahead = sorted((price for price in prices if (price - entry) * sign > 0), key=lambda price: price * sign)
    return (*ahead, *((None,) if parse.take_profit_open or not ahead else ()))


def _symbol_use(spec: SymbolSpec, side: Side, source: SourcePolicy, account: AccountFacts) -> Denial | None:
    opposite = Side.SELL if side is Side.BUY else Side.BUY
    held = account.held_sides.get(spec.symbol, frozenset())
    foreign = opposite in account.foreign_sides.get(spec.symbol, frozenset())
    same_on_netting = spec.symbol in account.busy_symbols and opposite not in held
    if opposite in held and source.opposite is OppositeRule.CLOSE_FIRST and not foreign:
        return deny(
            _CLOSES_OPPOSITE,
            f"what is held of {spec.symbol} the other way is closed first",
            symbol=spec.symbol,
        )
    if spec.symbol in account.busy_symbols and (same_on_netting or source.opposite is OppositeRule.HEDGE):
        return deny(
            "NETTING_SYMBOL_BUSY", f"{spec.symbol} has a trade on a netting account", symbol=spec.symbol
        )
    if opposite in held and source.opposite is not OppositeRule.HEDGE:
        text = f"{spec.symbol} is held the other way"
        if foreign and source.opposite is OppositeRule.CLOSE_FIRST:
            text += ", by what this source does not close: external, or not open yet"
        return deny("OPPOSITE_HELD", text, symbol=spec.symbol)
    return None


def _positions(source: SourcePolicy, account: AccountFacts, *, clearing: bool) -> Denial | None:
    # What is closed first makes room for it.
    if account.open_positions - clearing >= source.positions:
        return _too_many(source, account.open_positions)
    return None


def _too_many(source: SourcePolicy, current: int) -> Denial:
    return deny(
        "MAX_POSITIONS",
        "as many positions and orders as allowed are open",
        limit=source.positions,
        current=current,
    )


def _sized(
    parse: Parse, source: SourcePolicy, account: AccountFacts, spec: SymbolSpec, entry: Decimal, stop: Decimal
) -> Sized | Denial:
    if account.funds is None:
        return deny("STALE_ACCOUNT", "the account's balance and equity are not known now")
    sized = size(
        _sizing(parse, source),
        account.funds,
        spec,
        entry,
        stop,
        signal_lots=parse.volume_lots,
        commission_per_lot=account.commission_per_lot,
    )
    if isinstance(sized, Denial):
        return sized
    ceiling = account.funds.equity * source.risk_ceiling_percent / 100
    if sized.risk_money > ceiling:
        return deny("MAX_RISK", "more at risk than one signal may", limit=ceiling, current=sized.risk_money)
    assert parse.side is not None
    staked = account.at_stake.get((spec.symbol, parse.side), Decimal(0))
    if staked and staked + sized.risk_money > ceiling:
        return deny(
            "MAX_IDEA_RISK",
            f"with what signals have at risk on {spec.symbol} already it is more than one idea may",
            limit=ceiling,
            current=staked.quantize(_CENT),
            worst_case=(staked + sized.risk_money).quantize(_CENT),
        )
    return sized


def _sizing(parse: Parse, source: SourcePolicy) -> Sizing:
    if parse.volume_lots is not None and source.lots_from_signal:
        return Sizing(SizingMode.SIGNAL_LOTS)
    return source.sizing


def _risk(sizing: Sizing) -> Risk | None:
    if sizing.mode is SizingMode.EQUITY_PERCENT:
        return Risk(equity_percent=sizing.amount)
    if sizing.mode is SizingMode.BALANCE_PERCENT:
        return Risk(balance_percent=sizing.amount)
    return Risk(money=sizing.amount) if sizing.mode is SizingMode.MONEY else None


def _action(
    parse: Parse,
    source: SourcePolicy,
    spec: SymbolSpec,
    placement: Placement,
    stop: Decimal,
    sized: Sized,
    legs: tuple[Leg, ...],
    *,
    several: bool,
) -> Open:
    assert parse.side is not None
    risk = _risk(_sizing(parse, source))
    ladder = None if several else ladder_of(legs, source.stop_plan)
    return Open(
        symbol=spec.symbol,
        side=parse.side,
        order_type=placement.order_type,
        # What is sized by risk is counted by the bridge, with the equity and the calculation of its terminal.
        volume_lots=sized.volume_lots if risk is None else None,
        risk=risk,
        price=None if placement.price is None else to_tick(placement.price, spec),
        stop_loss=stop,
        take_profits=()
        if ladder is not None
        else tuple(leg.take_profit for leg in legs if leg.take_profit is not None),
        protection=ladder,
    )
