"""A small world in which every promise holds: the ground on which single violations are planted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from signalos_verify.domain.records import (
    Account,
    Alert,
    Bridge,
    BrokerDeal,
    BrokerPosition,
    BrokerRequest,
    Command,
    Database,
    Deal,
    HeldStop,
    Journal,
    JournalOutcome,
    KeyedAnswer,
    Ledger,
    Leg,
    Probe,
    ProbeFrame,
    Records,
    Statement,
    StopAt,
    StopStatement,
    Stream,
    StreamEvent,
    Told,
    Trade,
)

ACCOUNT = "acc_1"
OWNER = "usr_1"
LOGIN = 5001
PREFIX = 77
EPOCH = "e1"
LOTS = Decimal("0.1")


def magic(number: int) -> int:
    return (PREFIX << 48) | number


def leg(number: int, state: str = "DONE", filled: Decimal = LOTS, position: int = 0) -> Leg:
    return Leg(
        index=0,
        state=state,
        magic=magic(number),
        ticket=0,
        asked_volume_lots=LOTS,
        filled_volume_lots=filled,
        order_ticket=number,
        deal_ticket=number + 1000,
        attempt_count=1,
        position_identifier=position or number,
    )


def command(number: int, state: str = "SUCCEEDED", kind: str = "open", position: int = 0) -> Command:
    executed = state in ("SUCCEEDED", "PARTIAL")
    return Command(
        command_id=f"c{number}",
        account_id=ACCOUNT,
        user_id=OWNER,
        request_id=f"r{number}",
        origin="USER",
        state=state,
        kind=kind,
        order_type="MARKET" if kind == "open" else "",
        symbol="EURUSD",
        legs=(leg(number, position=position),) if executed else (),
        increases_risk=kind == "open",
        created=100.0 + number,
        time_to_live=5.0,
        ended=101.0 + number,
        offered_epoch=3,
        outcome_number=1,
        asked_volume_lots=LOTS,
        filled_volume_lots=LOTS if executed else Decimal(0),
        resolved_by_person=False,
        reason="",
    )


def request(number: int, serial: int, position: int = 0, at: float | None = None) -> BrokerRequest:
    return BrokerRequest(
        line=serial,
        serial=serial,
        login=LOGIN,
        at=100.5 + number if at is None else at,
        action=1,
        magic=magic(number),
        position=position,
        order=0,
        volume=LOTS,
        retcode=10009,
        order_ticket=number,
        told_retcode=10009,
        answered=True,
    )


def deal(number: int, serial: int, position: int, entry: int = 0) -> BrokerDeal:
    return BrokerDeal(
        line=serial + 100,
        login=LOGIN,
        ticket=number + 1000,
        order=number,
        position=position,
        entry=entry,
        magic=magic(number),
        volume=LOTS,
        symbol="EURUSD",
        at=100.5 + number,
        serial=serial,
        trading=True,
    )


def event(seq: int, kind: str, subject: str, bridge_epoch: int = 3) -> StreamEvent:
    return StreamEvent(
        user_id=OWNER,
        seq=seq,
        event_id=f"ev{seq}",
        kind=kind,
        account_id=ACCOUNT,
        subject=subject,
        time=100.0 + seq,
        bridge_id="brg_1",
        bridge_epoch=bridge_epoch,
    )


def frame(seq: int, kind: str, **more: object) -> ProbeFrame:
    made = ProbeFrame(f"probe.jsonl:{seq}", kind, seq, "", f"ev{seq}", ACCOUNT)
    return replace(made, **more)  # type: ignore[arg-type]


def healthy() -> Records:
    """Position 1 is open; position 2 was closed by command 3; command 4 was fenced by a stop."""
    commands = [
        command(1),
        command(2),
        command(3, kind="close", position=2),
        command(4, state="FENCED"),
    ]
    events = (
        event(1, "trade_opened", "1"),
        event(2, "command_update", "c1 SUCCEEDED"),
        event(3, "trade_opened", "2"),
        event(4, "command_update", "c2 SUCCEEDED"),
        event(5, "trade_closed", "2"),
        event(6, "command_update", "c3 SUCCEEDED"),
        event(7, "command_update", "c4 FENCED"),
    )
    database = Database(
        read_at=1000.0,
        accounts={ACCOUNT: Account(ACCOUNT, OWNER, LOGIN, PREFIX)},
        bridges=(Bridge("brg_1", ACCOUNT, 3, False, "j1", {"j1": 7}),),
        commands={one.command_id: one for one in commands},
        requests={(OWNER, one.request_id): one.command_id for one in commands},
        trades=(
            Trade("trd_1", ACCOUNT, "OPEN", 1, "EURUSD", 1, LOTS, None, None),
            Trade("trd_2", ACCOUNT, "CLOSED", 2, "EURUSD", 1, Decimal(0), None, None),
        ),
        orders=(),
        deals=tuple(
            Deal(ACCOUNT, number + 1000, number, position, magic(number), LOTS, entry)
            for number, position, entry in ((1, 1, 1), (2, 2, 1), (3, 2, 2))
        ),
        alerts=(),
        stops=(StopAt("s1", ACCOUNT, 103.8, False, 103.9, None, None),),
        streams={OWNER: Stream(OWNER, EPOCH, 7, 0, False)},
        events=events,
    )
    journal = Journal(
        path="bridge/journal.db",
        journal_id="j1",
        prefix=PREFIX,
        acknowledged_seq=7,
        last_seq=7,
        commands={one.command_id: one.state for one in commands},
        outcomes=tuple(JournalOutcome(one.command_id, 1, True, one.state) for one in commands),
        legs={magic(number): (f"c{number}", 1) for number in (1, 2, 3)},
        positions={1: LOTS},
        orders=frozenset(),
        latch=(HeldStop("s1", 103.8, False),),
        oldest_command=101.0,
    )
    ledger = Ledger(
        path="ledger.jsonl",
        requests=(request(1, 11), request(2, 12), request(3, 13, position=2)),
        deals=(deal(1, 11, 1), deal(2, 12, 2), deal(3, 13, 2, entry=1)),
        positions=(BrokerPosition(LOGIN, 1, 1, "EURUSD", 0, LOTS, Decimal(0), Decimal(0)),),
        orders=frozenset(),
        logins=frozenset({LOGIN}),
    )
    told = Told(
        calls=5,
        statements=tuple(
            Statement(f"clients.jsonl:{number}", 102.0 + number, one.command_id, one.state, LOTS)
            for number, one in enumerate(commands)
        ),
        stops=(StopStatement("clients.jsonl:9", 104.0, "s1", ACCOUNT),),
        keyed=tuple(KeyedAnswer("clients.jsonl:1", "u", one.request_id, one.command_id) for one in commands),
    )
    probe = Probe(
        "p1",
        (
            ProbeFrame("probe.jsonl:1", "open"),
            ProbeFrame("probe.jsonl:2", "snapshot", 2, EPOCH, "s", trades=(("trd_1", "OPEN", LOTS),)),
            frame(3, "trade_opened", trades=(("trd_2", "OPEN", LOTS),)),
            frame(4, "command_update", commands=(("c2", "SUCCEEDED"),)),
            ProbeFrame("probe.jsonl:5", "closed"),
            ProbeFrame("probe.jsonl:6", "open", 4, EPOCH),
            frame(5, "trade_closed", trades=(("trd_2", "CLOSED", Decimal(0)),)),
            frame(6, "command_update", commands=(("c3", "SUCCEEDED"),)),
            frame(7, "command_update", commands=(("c4", "FENCED"),)),
        ),
    )
    return Records(database, (journal,), (ledger,), told, (probe,))


def unknown_alert(number: int) -> Alert:
    return Alert("alr_1", ACCOUNT, "COMMAND_UNKNOWN", f"c{number}", False)
