"""Sources: what their messages may do, the accounts that they feed, and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from signalos_server.domain.dealing.decide import SourcePolicy, Trust
from signalos_server.domain.dealing.sizing import Sizing
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.pipeline.words import (
    LadderStopPlan,
    OppositeRule,
    SourceKind,
    SourceTrust,
    TargetSplit,
)
from signalos_server.domain.signals.machine_build import symbol_of

DUPLICATE_WINDOW = timedelta(hours=1)
APPROVE_WITHIN = timedelta(seconds=120)


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week by the wall clock of a zone: `days` (1 Monday) are those that it begins on."""

    days: tuple[int, ...]
    start: str
    end: str
    time_zone: str

    def holds(self, now: datetime) -> bool:
        """Return whether `now` (aware) is within it."""
        zone = _zone(self.time_zone)
        local = now.astimezone(zone).date()
        return any(self._from(local - timedelta(days=back), zone, now) for back in (0, 1))

    def _from(self, day: date, zone: ZoneInfo, now: datetime) -> bool:
        if day.isoweekday() not in self.days:
            return False
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        last = day if end > start else day + timedelta(days=1)
        begins = datetime.combine(day, start, zone)
        # Of an hour that comes twice the second counts, so that the window is not shorter for it.
        ends = datetime.combine(last, end, zone).replace(fold=1)
        return begins.timestamp() <= now.timestamp() < ends.timestamp()


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@dataclass(frozen=True, slots=True)
class SourceRules:
    """What the messages of a source may do. The defaults send nothing."""

    trust: SourceTrust = SourceTrust.OBSERVE
    senders: tuple[str, ...] = ()
    default_symbol: str = ""
    maximum_age: timedelta = timedelta(seconds=60)
    duplicate_window: timedelta = DUPLICATE_WINDOW
    duplicates_across_sources: bool = False
    approve_within: timedelta = APPROVE_WITHIN
    maximum_drift_percent: Decimal = Decimal(20)
    maximum_spread_percent: Decimal = Decimal(15)
    filling_limits: bool = False
    symbol_map: tuple[tuple[str, str], ...] = ()
    symbols: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    chats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """How one account follows a source."""

    account_id: str
    suspended: bool = False
    sizing: Sizing = field(default_factory=Sizing)
    maximum_risk_percent: Decimal = Decimal(1)
    maximum_positions: int = 10
    symbol_map: tuple[tuple[str, str], ...] = ()
    opposite: OppositeRule = OppositeRule.DENY
    split: TargetSplit = TargetSplit.LADDER
    stop_plan: LadderStopPlan = LadderStopPlan.FOLLOW
    commission_per_lot: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Source:
    """A place that messages come from. `deleted`: it has ended; its signals stay on record."""

    source_id: str
    user_id: str
    name: str
    kind: SourceKind
    create_time: datetime
    enabled: bool = True
    rules: SourceRules = field(default_factory=SourceRules)
    subscriptions: tuple[Subscription, ...] = ()
    last_signal_time: datetime | None = None
    token_hash: str = ""
    token_hint: str = ""
    revision: int = 1
    deleted: bool = False

    def subscription(self, account_id: str) -> Subscription | None:
        """Return how an account follows it; None: it does not."""
        return next((one for one in self.subscriptions if one.account_id == account_id), None)


def policy_of(source: Source, subscription: Subscription) -> SourcePolicy:
    """Return what is decided by at one account."""
    rules = source.rules
    return SourcePolicy(
        trust=Trust[rules.trust.name],
        sizing=subscription.sizing,
        senders=frozenset(rules.senders),
        symbol_map={**dict(rules.symbol_map), **dict(subscription.symbol_map)},
        symbols=frozenset(rules.symbols),
        oldest=rules.maximum_age,
        spread_share=rules.maximum_spread_percent / 100,
        drift_share=rules.maximum_drift_percent / 100,
        filling_limits=rules.filling_limits,
        risk_ceiling_percent=subscription.maximum_risk_percent,
        positions=subscription.maximum_positions,
        opposite=subscription.opposite,
        split=subscription.split,
        stop_plan=subscription.stop_plan,
    )


def in_session(rules: SourceRules, now: datetime) -> bool:
    """Return whether a source may open now."""
    return not rules.windows or any(window.holds(now) for window in rules.windows)


def check_rules(kind: SourceKind, rules: SourceRules, field_name: str = "policy") -> SourceRules:
    """Return the rules with instruments in their one spelling. Raises `InvalidField`."""
    default = ""
    if rules.default_symbol:
        default = symbol_of(rules.default_symbol) or ""
        if not default:
            raise InvalidField(f"{field_name}.defaultSymbol", "names no known instrument")
    for number, window in enumerate(rules.windows):
        try:
            _zone(window.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidField(
                f"{field_name}.windows[{number}].timeZone",
                f"{window.time_zone} is no time zone of the IANA list, e.g. Europe/London",
            ) from None
    if rules.chats and kind is not SourceKind.TELEGRAM:
        raise InvalidField(f"{field_name}.chats", "only a Telegram source has chats")
    return replace(
        rules,
        default_symbol=default,
        symbols=tuple(
            dict.fromkeys(
                canonical(name, f"{field_name}.symbols[{at}]") for at, name in enumerate(rules.symbols)
            )
        ),
        symbol_map=check_map(rules.symbol_map, f"{field_name}.symbolMap"),
    )


def check_map(pairs: tuple[tuple[str, str], ...], field_name: str) -> tuple[tuple[str, str], ...]:
    """Return a symbol map with instruments in their one spelling. Raises `InvalidField`."""
    found: dict[str, str] = {}
    for number, (name, broker_symbol) in enumerate(pairs):
        symbol = canonical(name, f"{field_name}[{number}].symbol")
        if found.get(symbol, broker_symbol) != broker_symbol:
            raise InvalidField(
                f"{field_name}[{number}].symbol", f"{symbol} is mapped to {found[symbol]} already"
            )
        found[symbol] = broker_symbol
    return tuple(found.items())


def canonical(name: str, field_name: str) -> str:
    """Return an instrument in broker-neutral spelling; one that is not known stands as it is written."""
    stripped = name.strip()
    if not stripped:
        raise InvalidField(field_name, "names no instrument")
    return symbol_of(stripped) or stripped.upper()
