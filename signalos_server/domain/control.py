"""What is wanted of an account: one versioned document of policies, and how each wish changes it.

`revision` rises with every change; `stop_generation` with stops and re-arms only. The set of uncleared stops
only grows, except by a re-arm that names what it clears.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalos_server.domain.errors import FlattenRunning, StaleStops
from signalos_server.domain.protection import ProtectionPlan
from signalos_server.domain.records import TrailingStop
from signalos_server.domain.risk_limits.terms import Limits
from signalos_server.domain.triggers import TriggerSetting
from signalos_server.domain.words import LapsePolicy


@dataclass(frozen=True, slots=True)
class StealthSettings:
    """How the bridge hides levels; see the contract. `target_spread_points` None: take profits never wait."""

    mandatory_stop: bool = False
    target_spread_points: Decimal | None = None
    target_delay_seconds: float = 0.0
    hidden_over_weekend: bool = False
    link_losses: int = 3


@dataclass(frozen=True, slots=True)
class HeldStop:
    """A stop in force at an account. `local`: made at the bridge's machine or by a trigger there."""

    stop_id: str
    close_positions: bool = False
    reason: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True)
class TradePolicy:
    """What is wanted of one trade.

    `revision` is the document's when the trailing stop was last changed, `protection_revision` when
    `protection` was, `stealth_revision` when `stealth` was; 0: nobody has asked for that. `stealth` None:
    as the account.
    """

    position_identifier: int
    trailing_stop: TrailingStop | None
    revision: int
    protection: ProtectionPlan | None = None
    protection_revision: int = 0
    stealth: bool | None = None
    stealth_revision: int = 0

    @property
    def latest_revision(self) -> int:
        """Return the document's revision when anything of it was last changed."""
        return max(self.revision, self.protection_revision, self.stealth_revision)


@dataclass(frozen=True, slots=True)
class PendingRearm:
    """A re-arm that the bridge has not confirmed: sent again in each session until it has."""

    rearm_id: str
    stop_ids: tuple[str, ...]
    stop_generation: int


@dataclass(frozen=True, slots=True)
class Applied:
    """What the bridge last said that it keeps to."""

    revision: int
    stop_generation: int
    paused: bool
    stealth: bool
    lapse_policy: LapsePolicy
    limits: Limits = field(default_factory=Limits)
    stop_ids: tuple[str, ...] = ()
    stealth_settings: StealthSettings = field(default_factory=StealthSettings)


@dataclass(frozen=True, slots=True)
class ControlDocument:
    """The policies of one account, as committed."""

    account_id: str
    revision: int = 1
    stop_generation: int = 0
    paused: bool = False
    stealth: bool = False
    lapse_policy: LapsePolicy = LapsePolicy.CANCEL_PENDINGS
    limits: Limits = field(default_factory=Limits)
    stops: tuple[HeldStop, ...] = ()
    trade_policies: tuple[TradePolicy, ...] = ()
    rearms: tuple[PendingRearm, ...] = ()
    cleared_stop_ids: tuple[str, ...] = ()
    """Stops that re-arms have named lately, so that a commit that is tried again does not bring one back."""
    triggers: tuple[TriggerSetting, ...] = ()
    """The rules that stop by themselves, where they differ from how they are shipped."""
    stealth_settings: StealthSettings = field(default_factory=StealthSettings)

    @property
    def stopped(self) -> bool:
        """Return whether at least one stop is in force."""
        return bool(self.stops)

    @property
    def stop_ids(self) -> tuple[str, ...]:
        """Return the stops in force."""
        return tuple(stop.stop_id for stop in self.stops)


# A cleared stop is remembered this long in number; a bridge confirms a re-arm long before so many follow.
_REMEMBERED_CLEARED = 200


def set_paused(document: ControlDocument, paused: bool) -> ControlDocument:
    """Hold back automated opens, or let them pass again. The same document where nothing changes."""
    if document.paused == paused:
        return document
    return replace(document, paused=paused, revision=document.revision + 1)


def set_stealth(document: ControlDocument, stealth: bool) -> ControlDocument:
    """Hide levels, or show them."""
    if document.stealth == stealth:
        return document
    return replace(document, stealth=stealth, revision=document.revision + 1)


def set_stealth_settings(document: ControlDocument, settings: StealthSettings) -> ControlDocument:
    """Replace how levels are hidden."""
    if document.stealth_settings == settings:
        return document
    return replace(document, stealth_settings=settings, revision=document.revision + 1)


def set_limits(document: ControlDocument, limits: Limits) -> ControlDocument:
    """Replace all limits."""
    if document.limits == limits:
        return document
    return replace(document, limits=limits, revision=document.revision + 1)


def set_stop_settings(
    document: ControlDocument, lapse_policy: LapsePolicy | None, triggers: tuple[TriggerSetting, ...]
) -> ControlDocument:
    """Set what the bridge does on a lapsed lease (None: as it was), and the rules that stop by themselves."""
    policy = document.lapse_policy if lapse_policy is None else lapse_policy
    if document.lapse_policy == policy and document.triggers == triggers:
        return document
    return replace(document, lapse_policy=policy, triggers=triggers, revision=document.revision + 1)


def set_trailing_stop(
    document: ControlDocument, position_identifier: int, trailing_stop: TrailingStop | None
) -> ControlDocument:
    """Set or remove what is wanted of one trade's stop."""
    revision = document.revision + 1
    held = policy_wanted(document, position_identifier) or TradePolicy(position_identifier, None, 0)
    return _with_policy(document, replace(held, trailing_stop=trailing_stop, revision=revision), revision)


def set_protection(
    document: ControlDocument, position_identifier: int, plan: ProtectionPlan | None
) -> ControlDocument:
    """Set or remove one trade's ladder and move to break-even."""
    revision = document.revision + 1
    held = policy_wanted(document, position_identifier) or TradePolicy(position_identifier, None, 0)
    return _with_policy(document, replace(held, protection=plan, protection_revision=revision), revision)


def set_trade_stealth(
    document: ControlDocument, position_identifier: int, stealth: bool | None
) -> ControlDocument:
    """Hide or show one trade's levels; None: as the account's."""
    revision = document.revision + 1
    held = policy_wanted(document, position_identifier) or TradePolicy(position_identifier, None, 0)
    return _with_policy(document, replace(held, stealth=stealth, stealth_revision=revision), revision)


def _with_policy(document: ControlDocument, policy: TradePolicy, revision: int) -> ControlDocument:
    kept = tuple(
        other for other in document.trade_policies if other.position_identifier != policy.position_identifier
    )
    return replace(document, trade_policies=(*kept, policy), revision=revision)


def forget_trade(document: ControlDocument, position_identifier: int) -> ControlDocument:
    """Drop the policy of a trade that has closed. No new revision: nobody has to act on it."""
    kept = tuple(
        other for other in document.trade_policies if other.position_identifier != position_identifier
    )
    if len(kept) == len(document.trade_policies):
        return document
    return replace(document, trade_policies=kept)


def policy_wanted(document: ControlDocument, position_identifier: int) -> TradePolicy | None:
    """Return what is wanted of one trade, None where nobody has said."""
    for policy in document.trade_policies:
        if policy.position_identifier == position_identifier:
            return policy
    return None


def add_stop(document: ControlDocument, stop: HeldStop, stop_generation: int = 0) -> ControlDocument:
    """Put a stop in force; adds, never replaces. `stop_generation` is the least that it raises to.

    A stop that is known already keeps the harder of both wishes. One that was cleared stays cleared.
    """
    if stop.stop_id in document.cleared_stop_ids:
        return document
    return _put(document, stop, stop_generation)


def _put(document: ControlDocument, stop: HeldStop, stop_generation: int) -> ControlDocument:
    known = next((held for held in document.stops if held.stop_id == stop.stop_id), None)
    generation = max(document.stop_generation, stop_generation)
    if known is not None:
        harder = replace(known, close_positions=known.close_positions or stop.close_positions)
        if harder == known and generation == document.stop_generation:
            return document
        stops = tuple(harder if held is known else held for held in document.stops)
    else:
        stops = (*document.stops, stop)
        generation = max(document.stop_generation + 1, stop_generation)
    return replace(
        document,
        stops=stops,
        stop_generation=generation,
        revision=document.revision + 1,
        # What is in force again is not cleared.
        cleared_stop_ids=tuple(one for one in document.cleared_stop_ids if one != stop.stop_id),
    )


def adopt_held(
    document: ControlDocument, held: tuple[HeldStop, ...], stop_generation: int
) -> ControlDocument:
    """Take over the stops that a bridge holds, and its generation where it is ahead.

    A stop that a re-arm on its way to the bridge names is not taken over. One that was cleared before, and
    that a bridge holds again (its disk was restored), is in force again: the latch outranks the record.
    """
    on_the_way = {stop_id for pending in document.rearms for stop_id in pending.stop_ids}
    for stop in held:
        if stop.stop_id not in on_the_way:
            document = _put(document, stop, 0)
    if stop_generation > document.stop_generation:
        document = replace(document, stop_generation=stop_generation, revision=document.revision + 1)
    return document


def rearm(
    document: ControlDocument, stop_ids: tuple[str, ...], flattening: frozenset[str], rearm_id: str
) -> ControlDocument:
    """Clear the stops that are named, and nothing else; `paused` stays as it was.

    Raises `StaleStops` where one of them is not in force, `FlattenRunning` where one still closes.
    """
    named = tuple(dict.fromkeys(stop_ids))
    if not named or not set(named) <= set(document.stop_ids):
        raise StaleStops(document.stop_ids)
    # Any unfinished flatten counts: what it closes must not be opened anew beside it.
    for stop in document.stops:
        if stop.stop_id in flattening:
            raise FlattenRunning(stop.stop_id)
    generation = document.stop_generation + 1
    return replace(
        document,
        stops=tuple(stop for stop in document.stops if stop.stop_id not in named),
        stop_generation=generation,
        revision=document.revision + 1,
        rearms=(*document.rearms, PendingRearm(rearm_id, named, generation)),
        cleared_stop_ids=(*document.cleared_stop_ids, *named)[-_REMEMBERED_CLEARED:],
    )


def rearm_confirmed(
    document: ControlDocument, held_stop_ids: tuple[str, ...], stop_generation: int
) -> ControlDocument:
    """Drop the re-arms whose stops the bridge, when it had seen this stop generation, no longer held.

    Words of a bridge are recorded late: one from before a re-arm's own generation may be from before its stop
    as well, and says nothing of either.
    """
    held = set(held_stop_ids)
    rearms = tuple(
        pending
        for pending in document.rearms
        if pending.stop_generation > stop_generation or held & set(pending.stop_ids)
    )
    return document if rearms == document.rearms else replace(document, rearms=rearms)


def generation_token(documents: tuple[ControlDocument, ...]) -> str:
    """Return a word that changes with every stop and re-arm of these accounts."""
    parts = sorted(
        f"{document.account_id}:{document.stop_generation}:{','.join(sorted(document.stop_ids))}"
        for document in documents
    )
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]
