"""Which levels of an order or a position the broker does not see, as far as the server knows."""

from __future__ import annotations

from signalos_server.domain.actions import Open
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.order_rules import SHOWN, Hides


def hides_of_open(document: ControlDocument, action: Open) -> Hides:
    """Return what of an open's levels its bridge would hide."""
    if not document.stealth:
        return SHOWN
    if not document.stealth_settings.mandatory_stop:
        return Hides(stop_loss=True, take_profit=True)
    # Without a stop there is nothing that the broker could be shown instead of the take profit.
    return Hides(take_profit=action.stop_loss is not None and bool(action.take_profits))


def hides_of(document: ControlDocument, *, hidden: bool) -> Hides:
    """Return what is hidden of a position whose bridge says that it is `hidden`."""
    return Hides(stop_loss=hidden and not document.stealth_settings.mandatory_stop, take_profit=hidden)
