"""Views of an account that lag behind it, for the fault that makes a terminal show the past."""

from collections.abc import Callable
from dataclasses import dataclass

from signalos_bridge.emulator.domain.entities import Account, Deal, Order, Position
from signalos_bridge.emulator.faults import Faults


@dataclass(frozen=True, slots=True)
class AccountView:
    """What a terminal shows of an account."""

    positions: dict[int, Position]
    orders: dict[int, Order]
    order_history: dict[int, Order]
    deals: dict[int, Deal]

    def without(self, unseen: frozenset[int]) -> "AccountView":
        """Return the same without these positions, their orders and deals, and without these orders."""
        if not unseen:
            return self
        return AccountView(
            {key: one for key, one in self.positions.items() if one.identifier not in unseen},
            {key: one for key, one in self.orders.items() if not unseen & {key, one.position_id}},
            {key: one for key, one in self.order_history.items() if not unseen & {key, one.position_id}},
            {key: one for key, one in self.deals.items() if one.position_id not in unseen},
        )


@dataclass(frozen=True, slots=True)
class _Past:
    until_ms: int
    view: AccountView


class LaggingViews:
    """Keeps an account's past as long as the fault says that it still shows."""

    def __init__(self, faults: Faults, now_ms: Callable[[], int]) -> None:
        self._faults = faults
        self._now_ms = now_ms
        self._pasts: dict[int, list[_Past]] = {}

    def before_change(self, account: Account) -> None:
        """Keep how the account looks now, if what comes is to show later only."""
        lag_ms = self._faults.lag_of(account.terms.login)
        if not lag_ms:
            return
        pasts = self._pasts.setdefault(account.terms.login, [])
        until = self._now_ms() + lag_ms
        # The changes of one deal belong together: the first of them has kept what was before.
        if not pasts or pasts[-1].until_ms < until:
            pasts.append(
                _Past(
                    until,
                    AccountView(
                        dict(account.positions),
                        dict(account.orders),
                        dict(account.order_history),
                        dict(account.deals),
                    ),
                )
            )

    def view(self, account: Account) -> AccountView:
        """Return what shows of the account at this moment."""
        pasts = self._pasts.get(account.terms.login)
        if pasts:
            now = self._now_ms()
            while pasts and pasts[0].until_ms <= now:
                pasts.pop(0)
            if pasts:
                return pasts[0].view
        return AccountView(account.positions, account.orders, account.order_history, account.deals)
