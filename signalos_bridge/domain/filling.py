"""Which filling mode a request should carry.

The bits of a symbol's mask are not the values of `type_filling`; RETURN has no bit and is refused in market
execution. Brokers contradict their masks, so a refusal (retcode 10030) is remembered and the rest is walked
once. BOC is for pending orders that must not take liquidity and is never chosen here.
"""

from __future__ import annotations

from signalos_bridge.domain.market import ExecutionMode, Filling, FillingMask, SymbolSpec


def candidates(mask: FillingMask, execution: ExecutionMode, *, pending: bool) -> tuple[Filling, ...]:
    """Return every mode worth trying, the likeliest first. Never empty."""
    declared = [
        filling
        for bit, filling in ((FillingMask.IOC, Filling.IOC), (FillingMask.FOK, Filling.FOK))
        if mask & bit
    ]
    # All or nothing is the safer of the two for an order that has one leg and one fate.
    declared.sort()
    undeclared = [filling for filling in (Filling.FOK, Filling.IOC) if filling not in declared]
    if pending:
        # The terminal itself places pending orders with RETURN whatever the mask says.
        return (Filling.RETURN, *declared, *undeclared)
    if execution is ExecutionMode.MARKET:
        return (*declared, *undeclared)
    if execution is ExecutionMode.EXCHANGE:
        return (*declared, Filling.RETURN, *undeclared)
    return (*declared, Filling.RETURN, *undeclared) if declared else (Filling.RETURN, *undeclared)


class FillingMemory:
    """What brokers have said about filling modes, for each symbol and kind of order."""

    def __init__(self) -> None:
        self._accepted: dict[tuple[str, bool], Filling] = {}
        self._refused: dict[tuple[str, bool], set[Filling]] = {}

    def choose(self, spec: SymbolSpec, *, pending: bool) -> Filling | None:
        """Return the mode to send next; None: all have been refused."""
        key = (spec.name, pending)
        if (known := self._accepted.get(key)) is not None:
            return known
        refused = self._refused.get(key, set())
        for filling in candidates(spec.filling_mask, spec.execution_mode, pending=pending):
            if filling not in refused:
                return filling
        return None

    def refuse(self, spec: SymbolSpec, filling: Filling, *, pending: bool) -> bool:
        """Remember that the broker answered 10030 to this mode; return whether another is left to try."""
        key = (spec.name, pending)
        if self._accepted.get(key) is filling:
            del self._accepted[key]
        refused = self._refused.setdefault(key, set())
        refused.add(filling)
        if self.choose(spec, pending=pending) is not None:
            return True
        # Walked once. A later order starts afresh: brokers change a symbol's rules over night.
        del self._refused[key]
        return False

    def accept(self, spec: SymbolSpec, filling: Filling, *, pending: bool) -> None:
        """Remember that the broker took this mode."""
        self._accepted[spec.name, pending] = filling
