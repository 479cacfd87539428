"""P7: at rest all subscribers agree with the database, and the database with bridge and broker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from signalos_verify.domain.broker import Broker
from signalos_verify.domain.findings import Evidence, Finding, Promise, Severity
from signalos_verify.domain.records import (
    FINAL,
    Account,
    BrokerPosition,
    Database,
    Journal,
    Ledger,
    Probe,
    Records,
    Stream,
    Terms,
    Trade,
)

_MOST_NAMED = 10
_ON_ITS_WAY_SECONDS = 5.0


def check_agreement(records: Records, broker: Broker, terms: Terms) -> Iterator[Finding]:
    """Yield where the records disagree in the end. Meaningful only at rest."""
    database = records.database
    for ledger in broker.ledgers:
        for account in database.accounts.values():
            if account.login in ledger.logins:
                yield from _broker(database, account, ledger)
    for journal in records.journals:
        yield from _journal(database, journal)
    by_epoch = {stream.epoch: stream for stream in database.streams.values()}
    for probe in records.probes:
        yield from _probe(database, probe, by_epoch, terms)


def _open_trades(database: Database, account_id: str) -> dict[int, Trade]:
    return {
        trade.position_identifier: trade
        for trade in database.trades
        if trade.account_id == account_id and trade.state == "OPEN"
    }


def _working(database: Database, account_id: str) -> set[int]:
    return {
        order.ticket
        for order in database.orders
        if order.account_id == account_id and order.state == "WORKING"
    }


def _broker(database: Database, account: Account, ledger: Ledger) -> Iterator[Finding]:
    trades = _open_trades(database, account.account_id)
    positions = {
        position.identifier: position for position in ledger.positions if position.login == account.login
    }
    for identifier in sorted(trades.keys() | positions.keys()):
        trade, position = trades.get(identifier), positions.get(identifier)
        words = _difference(trade, position)
        if words:
            yield _differs(
                "BROKER_DISAGREES",
                f"position {identifier} of account {account.account_id}: {words}",
                Evidence("database: trades", _trade_words(trade)),
                Evidence(f"{ledger.path}: positions", _position_words(position)),
            )
    working = _working(database, account.account_id)
    real = {ticket for login, ticket in ledger.orders if login == account.login}
    if working != real:
        yield _differs(
            "BROKER_DISAGREES",
            f"working orders of account {account.account_id} differ",
            Evidence("database: orders", _tickets(working)),
            Evidence(f"{ledger.path}: orders", _tickets(real)),
        )
    recorded = {deal.ticket: deal for deal in database.deals if deal.account_id == account.account_id}
    executed = {deal.ticket: deal for deal in ledger.deals if deal.login == account.login}
    invented = [ticket for ticket in recorded if ticket not in executed]
    if invented:
        yield Finding(
            Promise.NO_LIE,
            Severity.VIOLATION,
            "DEAL_NOT_IN_LEDGER",
            f"{len(invented)} deals on record of account {account.account_id} are not in the broker's ledger",
            "nothing is shown as done that the terminal has not confirmed",
            (Evidence("database: deals", _tickets(set(invented))),),
        )
    for ticket, deal in recorded.items():
        other = executed.get(ticket)
        if other is not None and deal.volume_lots != other.volume and other.trading:
            yield _differs(
                "BROKER_DISAGREES",
                f"deal {ticket}: {deal.volume_lots} lots on record, {other.volume} at the broker",
                Evidence("database: deals", f"{ticket} {deal.volume_lots}"),
                Evidence(f"{ledger.path}:{other.line}", f"deal {ticket} volume {other.volume}"),
            )


def _difference(trade: Trade | None, position: BrokerPosition | None) -> str:
    if trade is None:
        return "open at the broker, not on record"
    if position is None:
        return "open on record, not at the broker"
    words = []
    if trade.volume_lots != position.volume:
        words.append(f"{trade.volume_lots} lots on record, {position.volume} at the broker")
    # The contract counts sides from 1, MetaTrader from 0.
    if trade.side - 1 != position.side:
        words.append("the sides differ")
    for name, ours, real in (
        ("stop loss", trade.stop_loss, position.stop_loss),
        ("take profit", trade.take_profit, position.take_profit),
    ):
        if (ours or Decimal(0)) != real:
            words.append(f"{name} {ours} on record, {real} at the broker")
    return "; ".join(words)


def _trade_words(trade: Trade | None) -> str:
    if trade is None:
        return "none"
    return f"{trade.trade_id} {trade.state} {trade.symbol} {trade.volume_lots} lots"


def _position_words(position: BrokerPosition | None) -> str:
    if position is None:
        return "none"
    return f"ticket {position.ticket} {position.symbol} {position.volume} lots"


def _tickets(tickets: set[int]) -> str:
    named = ", ".join(str(ticket) for ticket in sorted(tickets)[:_MOST_NAMED])
    return f"{len(tickets)}: {named}" if tickets else "none"


def _differs(code: str, what: str, *evidence: Evidence) -> Finding:
    return Finding(
        Promise.RECOVERY,
        Severity.VIOLATION,
        code,
        what,
        "after a fault has healed all subscribers agree with the database, and the database with the broker",
        evidence,
    )


def _journal(database: Database, journal: Journal) -> Iterator[Finding]:
    account_id = database.account_of(journal.journal_id)
    if account_id is None:
        return
    trades = {
        identifier: trade.volume_lots for identifier, trade in _open_trades(database, account_id).items()
    }
    if trades != dict(journal.positions):
        odd = {*trades.items()} ^ {*journal.positions.items()}
        yield _differs(
            "BRIDGE_DISAGREES",
            f"open positions of {account_id} differ between server and bridge: "
            f"{', '.join(str(identifier) for identifier in sorted({one for one, _ in odd})[:_MOST_NAMED])}",
            Evidence("database: trades", _volumes(trades)),
            Evidence(f"{journal.path}: positions", _volumes(journal.positions)),
        )
    working = _working(database, account_id)
    if working != journal.orders:
        yield _differs(
            "BRIDGE_DISAGREES",
            f"working orders of {account_id} differ between server and bridge",
            Evidence("database: orders", _tickets(working)),
            Evidence(f"{journal.path}: orders", _tickets(set(journal.orders))),
        )


def _volumes(volumes: Mapping[int, Decimal]) -> str:
    named = ", ".join(f"{one} {lots}" for one, lots in sorted(volumes.items())[:_MOST_NAMED])
    return named or "none"


class View:
    """What a subscriber believes, from a snapshot and the events after it."""

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.trades: dict[str, tuple[str, Decimal]] = {}
        self.orders: dict[str, str] = {}
        self.commands: dict[str, str] = {}

    def follow(self, probe: Probe) -> None:
        """Take in all that the probe received."""
        for frame in probe.frames:
            if frame.kind == "snapshot":
                self.trades.clear()
                self.orders.clear()
                self.commands.clear()
                self.epoch = frame.epoch
            elif frame.kind in ("open", "closed", "gap"):
                continue
            self.seq = frame.seq
            self.trades.update({trade_id: (state, lots) for trade_id, state, lots in frame.trades})
            self.orders.update(dict(frame.orders))
            self.commands.update(dict(frame.commands))


def _is_fresh(database: Database, stream: Stream, seq: int) -> bool:
    """Return whether all that comes after an event is so new that it may still be on its way.

    Also at rest something may be told, e.g. again of an alert that nobody acknowledges.
    """
    return all(
        event.time >= database.read_at - _ON_ITS_WAY_SECONDS
        for event in database.events
        if event.user_id == stream.user_id and event.seq > seq
    )


def _probe(database: Database, probe: Probe, by_epoch: dict[str, Stream], terms: Terms) -> Iterator[Finding]:
    view = View()
    view.follow(probe)
    stream = by_epoch.get(view.epoch)
    if stream is None:
        yield _differs(
            "SUBSCRIBER_BEHIND",
            f"probe {probe.name} never had a snapshot of a stream that is there now",
            Evidence(f"probe {probe.name}", f"epoch {view.epoch or 'none'}"),
        )
        return
    if view.seq < stream.seq:
        if terms.server_clock and _is_fresh(database, stream, view.seq):
            return
        yield _differs(
            "SUBSCRIBER_BEHIND",
            f"probe {probe.name} has event {view.seq}, its stream {stream.seq}",
            Evidence(f"probe {probe.name}", f"last seq {view.seq}"),
            Evidence("database: streams", f"{stream.user_id} seq {stream.seq}"),
        )
        return
    if view.seq > stream.seq:
        # Read before the database: what a subscriber has, the record must have.
        yield Finding(
            Promise.NO_LOSS,
            Severity.VIOLATION,
            "EVENT_LOST",
            f"probe {probe.name} has event {view.seq}, its stream ends with {stream.seq}",
            "events are told after their commit",
            (Evidence(f"probe {probe.name}", f"last seq {view.seq}"),),
        )
        return
    seen = {
        account.account_id
        for account in database.accounts.values()
        if stream.administrator or account.owner_user_id == stream.user_id
    }
    recorded = {
        trade.trade_id: trade.volume_lots
        for trade in database.trades
        if trade.account_id in seen and trade.state == "OPEN"
    }
    believed = {trade_id: lots for trade_id, (state, lots) in view.trades.items() if state == "OPEN"}
    yield from _view(probe, "open trades", recorded, believed)
    working = {
        order.order_id: "WORKING"
        for order in database.orders
        if order.account_id in seen and order.state == "WORKING"
    }
    shown = {order_id: state for order_id, state in view.orders.items() if state == "WORKING"}
    yield from _view(probe, "working orders", working, shown)
    for command_id, state in view.commands.items():
        command = database.commands.get(command_id)
        if command is not None and command.state != state and (command.state in FINAL or state in FINAL):
            yield _differs(
                "SUBSCRIBER_DISAGREES",
                f"probe {probe.name} believes command {command_id} to be {state}; it is {command.state}",
                Evidence(f"probe {probe.name}", f"{command_id} {state}"),
            )


def _view(
    probe: Probe, what: str, recorded: Mapping[str, object], believed: Mapping[str, object]
) -> Iterator[Finding]:
    if recorded == believed:
        return
    odd = sorted({*recorded.items()} ^ {*believed.items()}, key=str)[:_MOST_NAMED]
    yield _differs(
        "SUBSCRIBER_DISAGREES",
        f"probe {probe.name} believes in other {what} than are on record",
        Evidence(
            f"probe {probe.name}", ", ".join(f"{one}" for one in odd if one in believed.items()) or "none"
        ),
        Evidence("database", ", ".join(f"{one}" for one in odd if one in recorded.items()) or "none"),
    )
