"""Whether this bridge may increase exposure: stops, fence, lease and pause, in one object without I/O.

What reduces exposure never asks here. The set of held stops is the union of what the disk, the server and
this machine say; nothing but a re-arm that names a stop takes it out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from signalos_bridge.domain.values import CommandOrigin, LapsePolicy, Policies, Refusal


@dataclass(frozen=True, slots=True)
class HeldStop:
    """A stop in force. `local`: made at this machine. `latched_wall_msc` is UTC, for the audit only."""

    stop_id: str
    close_positions: bool
    reason: str
    local: bool
    latched_wall_msc: int


@dataclass(frozen=True, slots=True)
class Desired:
    """One revision of what the server wants of this bridge."""

    revision: int
    stop_generation: int
    paused: bool
    lapse_policy: LapsePolicy
    policies: Policies
    stops: tuple[HeldStop, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a desired state must outlive the process. `incarnation` is the server's."""

    incarnation: int
    revision: int
    paused: bool
    lapse_policy: LapsePolicy
    stealth: bool


@dataclass(frozen=True, slots=True)
class Rearm:
    """What to do about an order to re-arm: `problem` set: nothing."""

    clear: tuple[str, ...]
    problem: str = ""


class Control:
    """The judge. Told what arrived and what time it is; asked before each call that increases exposure."""

    def __init__(self, *, now: float, lease_seconds: float) -> None:
        """Begin with no lease, as though one had been granted just now for the sake of its lapse only."""
        self._held: dict[str, HeldStop] = {}
        self._cleared: set[str] = set()
        self._doubt = ""
        self._stop_generation = 0
        self._incarnation = 0
        self._revision = 0
        self._paused = False
        self._stealth = False
        self._lapse_policy = LapsePolicy.CANCEL_PENDINGS
        self._epoch = 0
        self._connected = False
        self._confirmed = False
        self._lease_until: float | None = None
        self._lapse_at: float | None = now + lease_seconds
        # A newer bridge has the account.
        self._superseded = False

    # -- what is ---------------------------------------------------------------------------------------

    @property
    def held(self) -> tuple[HeldStop, ...]:
        """Return the stops in force, oldest first."""
        return tuple(sorted(self._held.values(), key=lambda stop: (stop.latched_wall_msc, stop.stop_id)))

    @property
    def stop_generation(self) -> int:
        """Return the highest stop generation seen."""
        return self._stop_generation

    @property
    def stopped(self) -> bool:
        """Return whether any stop is held, or the latch on the disk cannot be read."""
        return bool(self._held) or bool(self._doubt)

    @property
    def doubt(self) -> str:
        """Return why the latch on the disk cannot be believed; empty: it can."""
        return self._doubt

    @property
    def kept(self) -> Kept:
        """Return what must outlive the process."""
        return Kept(self._incarnation, self._revision, self._paused, self._lapse_policy, self._stealth)

    @property
    def connected(self) -> bool:
        """Return whether a control stream lives."""
        return self._connected

    def lease_left(self, now: float) -> float | None:
        """Return the seconds left of the lease; None: there is none."""
        if self._lease_until is None or now >= self._lease_until:
            return None
        return self._lease_until - now

    def is_cleared(self, stop_id: str) -> bool:
        """Return whether a re-arm has named this stop."""
        return stop_id in self._cleared

    @property
    def cleared(self) -> tuple[str, ...]:
        """Return the stops that re-arms have named, as far as the disk remembers."""
        return tuple(sorted(self._cleared))

    # -- the judgement ---------------------------------------------------------------------------------

    def refusal(
        self, now: float, stop_generation: int, automated: bool, origin: CommandOrigin
    ) -> Refusal | None:
        """Return why exposure may not be increased now; None: it may."""
        # What the server sent while a stop is held here was issued before it knew of the stop.
        stop_code = "STOPPED" if origin.is_bridge else "FENCED"
        if self._held:
            oldest = self.held[0]
            more = "" if len(self._held) == 1 else f" and {len(self._held) - 1} more"
            return Refusal(stop_code, f"trading is stopped ({oldest.stop_id}{more}): {oldest.reason}")
        if self._doubt:
            return Refusal(stop_code, f"trading is stopped: {self._doubt}")
        if not origin.is_bridge and stop_generation < self._stop_generation:
            return Refusal(
                "FENCED",
                f"issued under stop generation {stop_generation}, and {self._stop_generation} is in force",
            )
        if not self._connected:
            return Refusal("CONTROL_LOST", "the control stream is down, so that a stop could not arrive")
        if not self._confirmed:
            return Refusal("CONTROL_LOST", "the control stream has not yet said what is wanted")
        if self._lease_until is None:
            return Refusal("NO_LEASE", "the server has not granted a trading lease")
        if now >= self._lease_until:
            return Refusal("NO_LEASE", f"the trading lease ended {now - self._lease_until:.1f} s ago")
        if self._paused and (automated or origin is CommandOrigin.SIGNAL):
            return Refusal("PAUSED", "opens from signals, webhooks and API tokens are paused")
        return None

    # -- stops -----------------------------------------------------------------------------------------

    def stop(self, stop: HeldStop, stop_generation: int = 0) -> bool:
        """Hold a stop; return whether it is new. One that a re-arm has named does not come back."""
        self._stop_generation = max(self._stop_generation, stop_generation)
        if stop.stop_id in self._cleared:
            return False
        known = self._held.get(stop.stop_id)
        if known is not None and (known.close_positions or not stop.close_positions):
            return False
        # Also where the same stop now asks for closing too.
        self._held[stop.stop_id] = stop
        return True

    def latch_read(self, held: Iterable[HeldStop], cleared: Collection[str], generation: int) -> list[str]:
        """Take over what is on the disk; return the ids that are new here."""
        self._doubt = ""
        # Also where nothing is held any more: what was issued before the last re-arm stays fenced.
        self._stop_generation = max(self._stop_generation, generation)
        self._cleared.update(cleared)
        for stop_id in cleared:
            self._held.pop(stop_id, None)
        return [stop.stop_id for stop in held if self.stop(stop, generation)]

    def latch_unreadable(self, why: str) -> None:
        """Count as stopped until the latch can be read: what is not known to be clear is not clear."""
        self._doubt = why

    def judge_rearm(self, stop_ids: Collection[str], flattening: Collection[str]) -> Rearm:
        """Return what a re-arm may clear. Nothing changes before `rearmed`, which follows the disk."""
        busy = [stop_id for stop_id in stop_ids if stop_id in flattening and stop_id in self._held]
        if busy:
            return Rearm((), f"a flatten is still running for {', '.join(busy)}")
        # Ids that are not held any more are named as well, so that they can never come back.
        return Rearm(tuple(stop_id for stop_id in stop_ids if stop_id not in self._cleared))

    def rearmed(self, stop_ids: Collection[str], stop_generation: int) -> None:
        """Let go of stops whose clearing is on the disk."""
        self._stop_generation = max(self._stop_generation, stop_generation)
        self._cleared.update(stop_ids)
        for stop_id in stop_ids:
            self._held.pop(stop_id, None)

    # -- desired state ---------------------------------------------------------------------------------

    def restore(self, kept: Kept) -> None:
        """Take over what an earlier process was told."""
        self._incarnation = kept.incarnation
        self._revision = kept.revision
        self._paused = kept.paused
        self._lapse_policy = kept.lapse_policy
        self._stealth = kept.stealth

    def judge_desired(self, desired: Desired, incarnation: int) -> str:
        """Return why a desired state is not taken; empty: it is. Its stops count in any case."""
        if incarnation < self._incarnation:
            return f"it is of incarnation {incarnation}, and {self._incarnation} has been seen"
        if incarnation == self._incarnation and desired.revision < self._revision:
            return f"revision {desired.revision} is older than {self._revision}, which is kept to"
        return ""

    def desired(self, desired: Desired, incarnation: int) -> None:
        """Keep to a desired state that was judged."""
        self._incarnation = incarnation
        self._revision = desired.revision
        self._stop_generation = max(self._stop_generation, desired.stop_generation)
        self._paused = desired.paused
        self._stealth = desired.policies.stealth
        self._lapse_policy = desired.lapse_policy

    def confirm(self, epoch: int) -> None:
        """Say that a desired state of this epoch is kept to: opening needs that."""
        if self._connected and epoch == self._epoch:
            self._confirmed = True

    # -- lease -----------------------------------------------------------------------------------------

    def control_opened(self, epoch: int) -> None:
        """Say that a control stream lives. A lease of another epoch does not count in this one."""
        if epoch != self._epoch:
            self._lease_until = None
        if self._superseded:
            # What became of the account meanwhile was the other's matter; the next lease counts again.
            self._superseded, self._lapse_at = False, None
        self._epoch = epoch
        self._connected = True
        self._confirmed = False

    def control_lost(self, epoch: int) -> None:
        """Say that the control stream of an epoch is over."""
        if epoch == self._epoch:
            self._connected = False
            self._confirmed = False

    def lease_held(self, epoch: int, until: float) -> None:
        """Hold a lease that was granted in this epoch."""
        if epoch != self._epoch or not self._connected:
            return
        self._lease_until = until if self._lease_until is None else max(until, self._lease_until)
        self._lapse_at = self._lease_until

    def superseded(self) -> None:
        """Say that a newer bridge has the account, until a control stream lives here again.

        Its lease is the one that counts, and its orders and positions are not for this one to end.
        """
        self._superseded = True

    def lapsed(self, now: float) -> LapsePolicy | None:
        """Return what to do about a lease that has lapsed, once for each lapse; None: nothing."""
        if self._superseded or self._lapse_at is None or now < self._lapse_at:
            return None
        self._lapse_at = None
        return self._lapse_policy

    def lapse_at(self) -> float | None:
        """Return when the lease lapses; None: it has, and that was answered."""
        return self._lapse_at
