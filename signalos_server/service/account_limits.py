"""What the account's own limits say of an order that a signal makes, before it is sent."""

from __future__ import annotations

from typing import Protocol

from signalos_server.domain.dealing.decide import PlannedOrder
from signalos_server.domain.dealing.denial import Denial
from signalos_server.service.records import AccountRef, Records


class AccountLimits(Protocol):
    """Asked between the size and the legs of every order of a signal, in the unit that sends it."""

    def check(self, records: Records, account: AccountRef, order: PlannedOrder) -> Denial | None:
        """Return why the order may not be sent, with its numbers; None is a go. Changes nothing."""
