"""The checker is silent about a healthy world, and names each kind of broken promise planted in it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from signalos_verify.domain.broker import leg_magics
from signalos_verify.domain.check import check
from signalos_verify.domain.findings import Promise, Report, Severity
from signalos_verify.domain.records import (
    BrokerPosition,
    Command,
    Database,
    HeldStop,
    JournalOutcome,
    KeyedAnswer,
    Order,
    ProbeFrame,
    Records,
    Statement,
    StopAt,
    Terms,
)
from tests.signalos_verify.healthy import (
    ACCOUNT,
    EPOCH,
    LOGIN,
    LOTS,
    PREFIX,
    command,
    deal,
    event,
    frame,
    healthy,
    leg,
    magic,
    request,
    unknown_alert,
)

AT_REST = Terms(at_rest=True)
Plant = Callable[[Records], Records]


def at_database(**changes: object) -> Plant:
    return lambda records: replace(
        records,
        database=replace(records.database, **changes),  # type: ignore[arg-type]
    )


def of_command(number: int, **changes: object) -> Plant:
    """Changes one command on record, and what its owner's stream says of it."""

    def plant(records: Records) -> Records:
        before = records.database.commands[f"c{number}"]
        after: Command = replace(before, **changes)  # type: ignore[arg-type]
        events = tuple(
            replace(one, subject=f"c{number} {after.state}") if one.subject.startswith(f"c{number} ") else one
            for one in records.database.events
        )
        commands = {**records.database.commands, after.command_id: after}
        journals = tuple(
            replace(
                one,
                outcomes=tuple(
                    replace(outcome, state=after.state) if outcome.command_id == after.command_id else outcome
                    for outcome in one.outcomes
                ),
            )
            for one in records.journals
        )
        told = replace(
            records.told,
            statements=tuple(one for one in records.told.statements if one.command_id != after.command_id),
        )
        probes = tuple(
            replace(
                probe,
                frames=tuple(
                    replace(one, commands=((after.command_id, after.state),))
                    if one.commands and one.commands[0][0] == after.command_id
                    else one
                    for one in probe.frames
                ),
            )
            for probe in records.probes
        )
        database = replace(records.database, commands=commands, events=events)
        return replace(records, database=database, journals=journals, told=told, probes=probes)

    return plant


def at_ledger(**changes: object) -> Plant:
    return lambda records: replace(
        records,
        ledgers=(replace(records.ledgers[0], **changes),),  # type: ignore[arg-type]
    )


def more_requests(*requests: object) -> Plant:
    return lambda records: at_ledger(requests=(*records.ledgers[0].requests, *requests))(records)


def more_deals(*deals: object) -> Plant:
    return lambda records: at_ledger(deals=(*records.ledgers[0].deals, *deals))(records)


def at_journal(**changes: object) -> Plant:
    return lambda records: replace(
        records,
        journals=(replace(records.journals[0], **changes),),  # type: ignore[arg-type]
    )


def at_probe(change: Callable[[tuple[ProbeFrame, ...]], tuple[ProbeFrame, ...]]) -> Plant:
    return lambda records: replace(
        records, probes=(replace(records.probes[0], frames=change(records.probes[0].frames)),)
    )


def events_but(seq: int) -> Plant:
    return lambda records: at_database(
        events=tuple(one for one in records.database.events if one.seq != seq)
    )(records)


def told_of(number: int, state: str) -> Plant:
    statement = Statement("clients.jsonl:7", 200.0, f"c{number}", state, LOTS)
    return lambda records: replace(
        records, told=replace(records.told, statements=(*records.told.statements, statement))
    )


def both(*plants: Plant) -> Plant:
    def plant(records: Records) -> Records:
        for one in plants:
            records = one(records)
        return records

    return plant


def lower_epoch(records: Records) -> Records:
    events = tuple(replace(one, bridge_epoch=2) if one.seq == 6 else one for one in records.database.events)
    return at_database(events=events)(records)


def without_deal(records: Records) -> Records:
    return at_database(deals=records.database.deals[:-1])(records)


def another_key(records: Records) -> Records:
    keyed = (*records.told.keyed, KeyedAnswer("clients.jsonl:8", "u", "r1", "c2"))
    return replace(records, told=replace(records.told, keyed=keyed))


def foreign_event(records: Records) -> Records:
    foreign = replace(
        records.database.accounts[ACCOUNT], account_id="acc_2", owner_user_id="usr_2", login=None
    )
    events = tuple(
        replace(one, account_id="acc_2") if one.seq == 7 else one for one in records.database.events
    )
    accounts = {**records.database.accounts, "acc_2": foreign}
    return at_database(accounts=accounts, events=events)(records)


UNRESOLVED = replace(command(5, state="UNKNOWN"), legs=(leg(5, "UNKNOWN", Decimal(0)),), ended=None)


def unresolved(*alerts: object) -> Plant:
    def plant(records: Records) -> Records:
        database: Database = records.database
        return at_database(commands={**database.commands, "c5": UNRESOLVED}, alerts=alerts)(records)

    return plant


LATE_OPEN = more_requests(replace(request(5, 15, at=110.0), retcode=10006, told_retcode=10006))
REDUCING = replace(command(5, "REJECTED", kind="close"), legs=(leg(5, "NOT_DONE", Decimal(0)),))

PLANTED: list[tuple[str, Promise, str, Plant]] = [
    (
        "a command that a client was told of is not there",
        Promise.NO_LOSS,
        "COMMAND_LOST",
        told_of(9, "PENDING"),
    ),
    (
        "a command never ends",
        Promise.NO_LOSS,
        "NOT_FINAL",
        of_command(4, state="DELIVERED", ended=None),
    ),
    ("an unknown outcome alerts nobody", Promise.NO_LOSS, "UNKNOWN_NOT_ALERTED", unresolved()),
    ("an unknown outcome is left", Promise.NO_LIE, "UNKNOWN_REMAINS", unresolved(unknown_alert(5))),
    (
        "an acknowledged outcome is not on record",
        Promise.NO_LOSS,
        "OUTCOME_LOST",
        at_journal(outcomes=(JournalOutcome("c1", 2, True, "SUCCEEDED"),)),
    ),
    (
        "an outcome waits at the bridge",
        Promise.RECOVERY,
        "OUTCOME_NOT_TOLD",
        at_journal(outcomes=(JournalOutcome("c1", 2, False, "SUCCEEDED"),)),
    ),
    (
        "bridge and server say different things",
        Promise.NO_LIE,
        "OUTCOME_DIFFERS",
        at_journal(outcomes=(JournalOutcome("c1", 1, True, "REJECTED"),)),
    ),
    ("the bridge forgot events too early", Promise.NO_LOSS, "EVENTS_LOST", at_journal(acknowledged_seq=9)),
    ("the bridge's events wait", Promise.RECOVERY, "EVENTS_NOT_TOLD", at_journal(last_seq=8)),
    (
        "an outcome has no event",
        Promise.NO_LOSS,
        "OUTCOME_WITHOUT_EVENT",
        lambda records: at_database(
            events=tuple(
                replace(one, subject="c4 PENDING") if one.seq == 7 else one for one in records.database.events
            )
        )(records),
    ),
    ("an execution is not on record", Promise.NO_LOSS, "EXECUTION_NOT_RECORDED", without_deal),
    (
        "an execution has no event",
        Promise.NO_LOSS,
        "EXECUTION_WITHOUT_EVENT",
        lambda records: at_database(
            events=tuple(
                replace(one, kind="order_update", subject="") if one.subject == "1" else one
                for one in records.database.events
            )
        )(records),
    ),
    (
        "a close has no event",
        Promise.NO_LOSS,
        "EXECUTION_WITHOUT_EVENT",
        lambda records: at_database(
            events=tuple(
                replace(one, kind="trade_update") if one.kind == "trade_closed" else one
                for one in records.database.events
            )
        )(records),
    ),
    ("a leg is executed twice", Promise.NO_DOUBLE, "DOUBLE_EXECUTION", more_requests(request(1, 14))),
    (
        "more is executed than was asked",
        Promise.NO_DOUBLE,
        "EXECUTED_TOO_MUCH",
        more_deals(replace(deal(1, 11, 1), ticket=1099)),
    ),
    (
        "a leg is sent again after a time-out",
        Promise.NO_DOUBLE,
        "SENT_AGAIN_IN_DOUBT",
        lambda records: at_ledger(
            requests=(
                replace(request(1, 10), retcode=10012, told_retcode=None, order_ticket=0),
                *records.ledgers[0].requests,
            )
        )(records),
    ),
    ("a key makes two commands", Promise.NO_DOUBLE, "KEY_WITH_TWO_COMMANDS", another_key),
    (
        "a request makes two commands",
        Promise.NO_DOUBLE,
        "KEY_WITH_TWO_COMMANDS",
        of_command(4, request_id="r1"),
    ),
    (
        "a success is not in the ledger",
        Promise.NO_LIE,
        "NOT_IN_LEDGER",
        lambda records: at_ledger(
            requests=records.ledgers[0].requests[1:], deals=records.ledgers[0].deals[1:]
        )(records),
    ),
    (
        "another volume is told than was executed",
        Promise.NO_LIE,
        "VOLUME_DIFFERS",
        of_command(1, filled_volume_lots=Decimal("0.2")),
    ),
    (
        "a modify that the broker refused is told as done",
        Promise.NO_LIE,
        "NOT_IN_LEDGER",
        of_command(4, state="SUCCEEDED", kind="modify", legs=(leg(4),), increases_risk=False),
    ),
    ("a refusal was executed", Promise.NO_LIE, "EXECUTED_BUT_DENIED", of_command(1, state="REJECTED")),
    (
        "an order that no command explains",
        Promise.NO_LIE,
        "ORPHAN_EXECUTION",
        more_requests(request(6, 16, at=103.0)),
    ),
    ("a client was told otherwise for good", Promise.NO_LIE, "TOLD_OTHERWISE", told_of(1, "REJECTED")),
    (
        "a deal on record never happened",
        Promise.NO_LIE,
        "DEAL_NOT_IN_LEDGER",
        lambda records: at_ledger(deals=records.ledgers[0].deals[1:])(records),
    ),
    ("the stream has a hole", Promise.ORDER, "SEQ_HOLE", events_but(3)),
    ("the stream has lost its end", Promise.ORDER, "SEQ_HOLE", events_but(7)),
    (
        "the stream has a number twice",
        Promise.ORDER,
        "SEQ_REPEAT",
        lambda records: at_database(
            events=(*records.database.events, replace(event(7, "error_alert", ""), event_id="other"))
        )(records),
    ),
    (
        "one fact has two events",
        Promise.ORDER,
        "EVENT_TWICE",
        lambda records: at_database(
            events=tuple(
                replace(one, event_id="ev3") if one.seq == 4 else one for one in records.database.events
            )
        )(records),
    ),
    (
        "a probe misses an event",
        Promise.ORDER,
        "SEQ_HOLE",
        at_probe(lambda frames: frames[:-2] + frames[-1:]),
    ),
    ("a probe gets an event twice", Promise.ORDER, "SEQ_REPEAT", at_probe(lambda f: (*f[:-1], f[-2], f[-1]))),
    (
        "a probe gets events of another epoch with no snapshot",
        Promise.ORDER,
        "EPOCH_WITHOUT_SNAPSHOT",
        at_probe(lambda frames: (*frames[:5], replace(frames[5], epoch="e0"), *frames[6:])),
    ),
    (
        "a probe gets an event before its snapshot",
        Promise.ORDER,
        "EPOCH_WITHOUT_SNAPSHOT",
        at_probe(lambda frames: (frames[0], frame(2, "command_update"), *frames[1:])),
    ),
    (
        "a probe gets another event than the stream has",
        Promise.ORDER,
        "EVENT_DIFFERS",
        at_probe(lambda frames: (*frames[:-1], replace(frames[-1], event_id="other"))),
    ),
    (
        "a snapshot goes back",
        Promise.ORDER,
        "SNAPSHOT_WENT_BACK",
        at_probe(lambda frames: (*frames[:4], frames[1], frames[2], frames[3], *frames[4:])),
    ),
    ("an open reaches the broker under a latch", Promise.STOP, "OPEN_AFTER_LATCH", LATE_OPEN),
    ("the latch was lost", Promise.STOP, "LATCH_LOST", at_journal(latch=())),
    (
        "the latch was cleared by nobody",
        Promise.STOP,
        "LATCH_LOST",
        at_journal(latch=(HeldStop("s1", 103.8, True),)),
    ),
    (
        "a stop never reached its bridge",
        Promise.RECOVERY,
        "STOP_NOT_LATCHED",
        lambda records: at_database(
            stops=(*records.database.stops, StopAt("s2", ACCOUNT, 300.0, False, None, None, None))
        )(records),
    ),
    (
        "the server does not know a stop of the bridge",
        Promise.RECOVERY,
        "STOP_NOT_ADOPTED",
        lambda records: at_journal(latch=(*records.journals[0].latch, HeldStop("s3", 300.0, False)))(records),
    ),
    ("a lower session wrote", Promise.FENCING, "LOWER_EPOCH_WRITE", lower_epoch),
    (
        "a command was offered in a session to come",
        Promise.FENCING,
        "EPOCH_AHEAD",
        of_command(4, offered_epoch=9),
    ),
    (
        "the broker has a position that is not on record",
        Promise.RECOVERY,
        "BROKER_DISAGREES",
        lambda records: at_ledger(
            positions=(
                *records.ledgers[0].positions,
                BrokerPosition(LOGIN, 9, 9, "XAUUSD", 0, LOTS, Decimal(0), Decimal(0)),
            )
        )(records),
    ),
    (
        "the broker's stop is another",
        Promise.RECOVERY,
        "BROKER_DISAGREES",
        lambda records: at_ledger(
            positions=(replace(records.ledgers[0].positions[0], stop_loss=Decimal("1.05")),)
        )(records),
    ),
    (
        "an order works on record only",
        Promise.RECOVERY,
        "BROKER_DISAGREES",
        at_database(orders=(Order("ord_1", ACCOUNT, "WORKING", 99, "EURUSD", LOTS),)),
    ),
    ("the bridge has other positions", Promise.RECOVERY, "BRIDGE_DISAGREES", at_journal(positions={})),
    ("the bridge has other orders", Promise.RECOVERY, "BRIDGE_DISAGREES", at_journal(orders=frozenset({99}))),
    ("a subscriber is behind", Promise.RECOVERY, "SUBSCRIBER_BEHIND", at_probe(lambda frames: frames[:-1])),
    (
        "a subscriber believes in a trade that is closed",
        Promise.RECOVERY,
        "SUBSCRIBER_DISAGREES",
        at_probe(
            lambda frames: tuple(
                replace(one, trades=(("trd_2", "OPEN", LOTS),)) if one.kind == "trade_closed" else one
                for one in frames
            )
        ),
    ),
    (
        "a subscriber has an event that is not on record",
        Promise.NO_LOSS,
        "EVENT_LOST",
        at_probe(lambda frames: (*frames, frame(8, "error_alert"))),
    ),
    ("an event of another user's account", Promise.TENANCY, "TENANT_CROSSED", foreign_event),
]


def judged(plant: Plant, terms: Terms = AT_REST) -> Report:
    return check(plant(healthy()), terms)


def test_a_healthy_world_has_no_finding() -> None:
    report = check(healthy(), AT_REST)

    assert not report.findings, report.text()
    assert not report.not_checked


@pytest.mark.parametrize(
    ("promise", "code", "plant"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED]
)
def test_a_planted_violation_is_found(promise: Promise, code: str, plant: Plant) -> None:
    report = judged(plant)

    found = [one for one in report.violations if one.code == code]
    assert found, report.text()
    assert {one.promise for one in found} == {promise}
    assert all(one.evidence and one.explained for one in found)


def test_an_open_that_was_at_the_terminal_is_no_violation_where_the_report_names_it() -> None:
    named = both(
        LATE_OPEN,
        lambda records: at_database(
            commands={
                **records.database.commands,
                "c5": replace(command(5, "REJECTED"), legs=(leg(5, "NOT_DONE", Decimal(0)),)),
            },
            stops=(replace(records.database.stops[0], unrecalled_command_ids=("c5",)),),
        )(records),
    )

    assert "OPEN_AFTER_LATCH" not in judged(named).codes


def test_a_close_under_a_latch_is_no_violation() -> None:
    closes = both(
        LATE_OPEN,
        lambda records: at_database(commands={**records.database.commands, "c5": REDUCING})(records),
    )

    assert "OPEN_AFTER_LATCH" not in judged(closes).codes


def test_an_open_after_the_re_arm_is_no_violation() -> None:
    rearmed = both(
        LATE_OPEN,
        at_journal(latch=(HeldStop("s1", 103.8, True),)),
        lambda records: at_database(stops=(replace(records.database.stops[0], rearmed=105.0),))(records),
    )

    assert "OPEN_AFTER_LATCH" not in judged(rearmed).codes


def test_what_clients_were_told_of_a_latch_counts_where_clocks_do_not_agree() -> None:
    report = judged(LATE_OPEN, Terms(at_rest=True, server_clock=False))

    (found,) = [one for one in report.violations if one.code == "OPEN_AFTER_LATCH"]
    assert found.evidence[0].source.startswith("clients.jsonl")


def test_a_stop_that_the_server_never_heard_of_blocks_from_the_latchs_own_record() -> None:
    local = both(
        LATE_OPEN,
        at_database(stops=()),
        lambda records: replace(records, told=replace(records.told, stops=())),
    )

    (found,) = [one for one in judged(local).violations if one.code == "OPEN_AFTER_LATCH"]
    assert "stops.latch" in found.evidence[0].source


def test_a_persons_word_against_the_ledger_is_a_notice() -> None:
    report = judged(of_command(1, state="REJECTED", resolved_by_person=True))

    assert "EXECUTED_BUT_DENIED" not in report.codes
    assert [one.code for one in report.findings if one.severity is Severity.NOTICE] == ["RESOLVED_OTHERWISE"]


def test_a_request_after_a_definite_refusal_is_a_further_attempt() -> None:
    requoted = replace(request(1, 10), retcode=10004, told_retcode=10004, order_ticket=0)

    report = judged(lambda records: at_ledger(requests=(requoted, *records.ledgers[0].requests))(records))

    assert not report.violations, report.text()


def test_on_a_live_system_what_is_under_way_is_no_violation() -> None:
    under_way = both(
        of_command(4, state="DELIVERED", ended=None, created=995.0),
        at_journal(last_seq=9),
        more_deals(replace(deal(1, 11, 1), ticket=1099, volume=Decimal(0), at=999.0)),
        more_requests(request(6, 16, at=999.0)),
        at_database(stops=()),
        at_journal(latch=()),
        lambda records: replace(records, told=replace(records.told, stops=())),
    )

    report = judged(under_way, Terms())

    assert not report.violations, report.text()
    assert any("P7" in words for words in report.not_checked)


def test_events_that_retention_took_are_not_asked_for() -> None:
    def forgotten(records: Records) -> Records:
        stream = replace(next(iter(records.database.streams.values())), forgotten_seq=4)
        kept = tuple(one for one in records.database.events if one.seq > 4)
        return at_database(streams={stream.user_id: stream}, events=kept)(records)

    report = judged(forgotten)

    assert not report.violations, report.text()


def test_a_gap_that_is_said_and_covered_by_a_snapshot_is_no_hole() -> None:
    def gap(frames: tuple[ProbeFrame, ...]) -> tuple[ProbeFrame, ...]:
        said = ProbeFrame("probe.jsonl:7", "gap", 4, EPOCH)
        covered = ProbeFrame("probe.jsonl:8", "snapshot", 7, EPOCH, "s2", trades=(("trd_1", "OPEN", LOTS),))
        return (*frames[:6], said, covered)

    report = judged(at_probe(gap))

    assert not report.violations, report.text()


def test_what_was_not_given_is_said() -> None:
    records = healthy()

    report = check(Records(records.database), Terms())

    assert len(report.not_checked) == 5
    assert "no ledger" in report.text()


def test_magic_numbers_of_others_are_no_orphans() -> None:
    foreign = replace(request(6, 16, at=103.0), magic=magic(6) + (1 << 48))

    assert "ORPHAN_EXECUTION" not in judged(more_requests(foreign)).codes


def of_lost_journal(state: str, *, by_person: bool = False) -> Plant:
    """A command whose legs nobody told, and which the broker executed."""

    def plant(records: Records) -> Records:
        lost = replace(command(5, state), legs=(), resolved_by_person=by_person, ended=104.0)
        mark = next(iter(leg_magics(PREFIX, lost.command_id)))
        events = (*records.database.events, event(8, "command_update", f"c5 {state}"))
        stream = replace(next(iter(records.database.streams.values())), seq=8)
        records = at_database(
            commands={**records.database.commands, "c5": lost},
            events=events,
            streams={stream.user_id: stream},
            alerts=(unknown_alert(5),),
            stops=(),
        )(records)
        records = replace(records, told=replace(records.told, stops=()), probes=())
        records = at_journal(latch=())(records)
        return more_requests(replace(request(5, 15), magic=mark))(records)

    return plant


def test_what_a_lost_journal_sent_is_recognised_by_its_mark() -> None:
    report = judged(of_lost_journal("UNKNOWN"), Terms())

    assert "ORPHAN_EXECUTION" not in report.codes, report.text()


def test_what_a_lost_journal_sent_is_denied_by_nobody() -> None:
    assert "EXECUTED_BUT_DENIED" in judged(of_lost_journal("EXPIRED"), Terms()).codes


def test_a_journal_that_another_has_replaced_is_not_held_against_the_present() -> None:
    def replaced(records: Records) -> Records:
        bridge = replace(records.database.bridges[0], journal_id="j1", journals={"j0": 3, "j1": 7})
        old = replace(
            records.journals[0],
            path="other/journal.db",
            journal_id="j0",
            acknowledged_seq=3,
            last_seq=5,
            outcomes=(JournalOutcome("c1", 2, False, "REJECTED"),),
            positions={},
            latch=(),
        )
        records = at_database(bridges=(bridge,))(records)
        return replace(records, journals=(*records.journals, old))

    report = judged(replaced)

    assert not report.violations, report.text()


def without_ledger(plant: Plant) -> Report:
    return check(replace(plant(healthy()), ledgers=()), Terms())


def more_recorded(**changes: object) -> Plant:
    def plant(records: Records) -> Records:
        first = replace(records.database.deals[0], **changes)  # type: ignore[arg-type]
        return at_database(deals=(*records.database.deals, first))(records)

    return plant


@pytest.mark.parametrize(
    ("code", "plant"),
    [
        ("DOUBLE_EXECUTION", more_recorded(ticket=1099, order_ticket=99, volume_lots=Decimal(0))),
        ("EXECUTED_TOO_MUCH", more_recorded(ticket=1099)),
        ("VOLUME_DIFFERS", more_recorded(ticket=1099)),
        ("EXECUTED_BUT_DENIED", of_command(1, state="REJECTED")),
    ],
)
def test_without_a_ledger_the_recorded_deals_are_held_against_the_commands(code: str, plant: Plant) -> None:
    assert code in without_ledger(plant).codes


def test_a_stop_loss_deals_under_the_magic_of_the_open_and_is_no_second_execution() -> None:
    stopped_out = more_recorded(ticket=1099, order_ticket=99, entry=2)

    assert not without_ledger(stopped_out).violations


@pytest.mark.parametrize(("age_seconds", "behind"), [(4.0, False), (6.0, True)])
def test_an_event_of_this_moment_may_still_be_on_its_way_to_a_subscriber(
    age_seconds: float, behind: bool
) -> None:
    def told_just_now(records: Records) -> Records:
        event_ = replace(event(8, "error_alert", ""), time=records.database.read_at - age_seconds)
        stream = replace(next(iter(records.database.streams.values())), seq=8)
        events = (*records.database.events, event_)
        return at_database(events=events, streams={stream.user_id: stream})(records)

    assert ("SUBSCRIBER_BEHIND" in judged(told_just_now).codes) is behind
