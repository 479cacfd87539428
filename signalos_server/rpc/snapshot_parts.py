"""What accounts and alerts add to a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from signalos.v1 import alert_pb2, event_pb2
from signalos_server.domain.happenings import AccountView
from signalos_server.rpc.convert_accounts import account_to_proto, money_to_proto
from signalos_server.service.live import Live


def accounts_filler(accounts: Sequence[AccountView], live: Live) -> Callable[[event_pb2.Snapshot], None]:
    """Return what adds accounts with their bridges as they live, and money where it is known."""

    def fill(snapshot: event_pb2.Snapshot) -> None:
        snapshot.accounts.extend(account_to_proto(live.view(account)) for account in accounts)
        for account in accounts:
            money = live.money(account.account_id)
            if money is not None:
                snapshot.account_states.append(money_to_proto(money))

    return fill


def alerts_filler(alerts: Sequence[alert_pb2.Alert]) -> Callable[[event_pb2.Snapshot], None]:
    """Return what adds the alerts that nobody has acknowledged."""
    return lambda snapshot: snapshot.alerts.extend(alerts)
