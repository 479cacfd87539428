"""P4, P6 and P8 in the streams of events: at the database and at every probe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from signalos_verify.domain.findings import Evidence, Finding, Promise, Severity
from signalos_verify.domain.quoting import command_evidence, event_evidence
from signalos_verify.domain.records import Database, Probe, ProbeFrame, Records, Stream, StreamEvent


def check_streams(records: Records) -> Iterator[Finding]:
    """Yield holes, repeats, crossings and writes out of turn."""
    database = records.database
    yield from _numbers(database)
    yield from _tenants(database)
    yield from _epochs(database)
    events = {(event.user_id, event.seq): event for event in database.events}
    facts = {(event.seq, event.event_id) for event in database.events}
    by_epoch = {stream.epoch: stream for stream in database.streams.values()}
    for probe in records.probes:
        yield from _probe(probe, by_epoch, events, facts, database)


def _numbers(database: Database) -> Iterator[Finding]:
    last = {stream.user_id: stream.forgotten_seq for stream in database.streams.values()}
    seen: dict[str, set[str]] = {}
    for event in database.events:
        before = last.get(event.user_id)
        if before is None:
            yield _seq("SEQ_HOLE", f"events of {event.user_id} belong to no stream", event_evidence(event))
            last[event.user_id] = event.seq
            continue
        if event.seq > before + 1:
            yield _seq(
                "SEQ_HOLE",
                f"stream {event.user_id} has no event {before + 1} before {event.seq}",
                event_evidence(event),
            )
        elif event.seq <= before and event.seq > database.streams[event.user_id].forgotten_seq:
            yield _seq("SEQ_REPEAT", f"stream {event.user_id} has {event.seq} twice", event_evidence(event))
        last[event.user_id] = max(before, event.seq)
        ids = seen.setdefault(event.user_id, set())
        if event.event_id in ids:
            yield _seq("EVENT_TWICE", f"stream {event.user_id} has one fact twice", event_evidence(event))
        ids.add(event.event_id)
    for stream in database.streams.values():
        if last[stream.user_id] != stream.seq:
            yield _seq(
                "SEQ_HOLE",
                f"stream {stream.user_id} has given number {stream.seq}, and its last event is "
                f"{last[stream.user_id]}",
                Evidence("database: streams", f"{stream.user_id} epoch {stream.epoch} seq {stream.seq}"),
            )


def _seq(code: str, what: str, *evidence: Evidence) -> Finding:
    return Finding(
        Promise.ORDER,
        Severity.VIOLATION,
        code,
        what,
        "within an epoch `seq` rises by exactly one, and a fact has one event",
        evidence,
    )


def _tenants(database: Database) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for event in database.events:
        account = database.accounts.get(event.account_id)
        stream = database.streams.get(event.user_id)
        if account is None or stream is None or stream.administrator:
            continue
        if account.owner_user_id != event.user_id and (event.user_id, account.account_id) not in told:
            told.add((event.user_id, account.account_id))
            yield Finding(
                Promise.TENANCY,
                Severity.VIOLATION,
                "TENANT_CROSSED",
                f"the stream of {event.user_id} tells of {account.account_id} ({account.owner_user_id}'s)",
                "no user sees another's; one who was an administrator then looks the same",
                (event_evidence(event),),
            )


def _epochs(database: Database) -> Iterator[Finding]:
    """Every word of a bridge stands in the stream with its session; sessions never go back."""
    highest: dict[tuple[str, str], StreamEvent] = {}
    for event in database.events:
        if not event.bridge_epoch:
            continue
        before = highest.get((event.user_id, event.bridge_id))
        if before is not None and event.bridge_epoch < before.bridge_epoch:
            yield Finding(
                Promise.FENCING,
                Severity.VIOLATION,
                "LOWER_EPOCH_WRITE",
                f"a word of session {event.bridge_epoch} of {event.bridge_id} was recorded after one of "
                f"session {before.bridge_epoch}",
                "no write from a lower session epoch is accepted",
                (event_evidence(before), event_evidence(event)),
            )
        else:
            highest[event.user_id, event.bridge_id] = event
    newest: dict[str, int] = {}
    for bridge in database.bridges:
        newest[bridge.account_id] = max(bridge.session_epoch, newest.get(bridge.account_id, 0))
    for command in database.commands.values():
        if command.offered_epoch is not None and command.offered_epoch > newest.get(command.account_id, 0):
            yield Finding(
                Promise.FENCING,
                Severity.VIOLATION,
                "EPOCH_AHEAD",
                f"command {command.command_id} was offered in session {command.offered_epoch}; the account's "
                f"newest is {newest.get(command.account_id, 0)}",
                "epochs only rise; a database that was put back without a new incarnation looks so",
                (command_evidence(command),),
            )


@dataclass(slots=True)
class _Cursor:
    """Where a probe stands: what it has, and what it may be sent next."""

    epoch: str = ""
    seq: int | None = None
    # A gap was said, or the socket begins from a snapshot: nothing counts before the snapshot.
    awaits_snapshot: bool = True


def _probe(
    probe: Probe,
    by_epoch: dict[str, Stream],
    events: dict[tuple[str, int], StreamEvent],
    facts: set[tuple[int, str]],
    database: Database,
) -> Iterator[Finding]:
    cursor = _Cursor()
    for frame in probe.frames:
        if frame.kind == "open":
            _opened(cursor, frame)
        elif frame.kind == "gap":
            cursor.awaits_snapshot = True
        elif frame.kind == "snapshot":
            yield from _snapshot(probe, cursor, frame)
        elif frame.kind != "closed":
            yield from _event(probe, cursor, frame, by_epoch, events, facts)
            yield from _foreign(probe, frame, by_epoch.get(cursor.epoch), database)


def _opened(cursor: _Cursor, frame: ProbeFrame) -> None:
    """The probe says from where it goes on; an empty epoch: from a snapshot."""
    cursor.awaits_snapshot = not frame.epoch
    if frame.epoch:
        cursor.seq, cursor.epoch = frame.seq, frame.epoch


def _snapshot(probe: Probe, cursor: _Cursor, frame: ProbeFrame) -> Iterator[Finding]:
    if cursor.seq is not None and frame.epoch == cursor.epoch and frame.seq < cursor.seq:
        yield _seq(
            "SNAPSHOT_WENT_BACK",
            f"probe {probe.name} has event {cursor.seq}, and was given a snapshot as of {frame.seq}",
            _quote(frame),
        )
    cursor.epoch, cursor.seq, cursor.awaits_snapshot = frame.epoch, frame.seq, False


def _event(
    probe: Probe,
    cursor: _Cursor,
    frame: ProbeFrame,
    by_epoch: dict[str, Stream],
    events: dict[tuple[str, int], StreamEvent],
    facts: set[tuple[int, str]],
) -> Iterator[Finding]:
    if cursor.awaits_snapshot or cursor.seq is None:
        yield _seq(
            "EPOCH_WITHOUT_SNAPSHOT",
            f"probe {probe.name} was sent event {frame.seq} before the snapshot that it belongs to",
            _quote(frame),
        )
        cursor.seq, cursor.awaits_snapshot = frame.seq, False
        return
    if frame.seq > cursor.seq + 1:
        yield _seq(
            "SEQ_HOLE",
            f"probe {probe.name} was sent {frame.seq} after {cursor.seq}, with no gap said",
            _quote(frame),
        )
    elif frame.seq <= cursor.seq:
        yield _seq("SEQ_REPEAT", f"probe {probe.name} was sent {frame.seq} after {cursor.seq}", _quote(frame))
    cursor.seq = max(cursor.seq, frame.seq)
    stream = by_epoch.get(cursor.epoch)
    if stream is None and (frame.seq, frame.event_id) in facts:
        yield _seq(
            "EPOCH_WITHOUT_SNAPSHOT",
            f"probe {probe.name} stands in epoch {cursor.epoch} and was sent event {frame.seq} of another",
            _quote(frame),
        )
    stored = events.get((stream.user_id, frame.seq)) if stream is not None else None
    if stored is not None and frame.event_id and stored.event_id != frame.event_id:
        yield _seq(
            "EVENT_DIFFERS",
            f"probe {probe.name} was sent another event {frame.seq} than the stream has; where the numbers "
            "began anew, the epoch did not",
            _quote(frame),
            event_evidence(stored),
        )


def _foreign(probe: Probe, frame: ProbeFrame, stream: Stream | None, database: Database) -> Iterator[Finding]:
    account = database.accounts.get(frame.account_id)
    if account is None or stream is None or stream.administrator:
        return
    if account.owner_user_id != stream.user_id:
        yield Finding(
            Promise.TENANCY,
            Severity.VIOLATION,
            "TENANT_CROSSED",
            f"probe {probe.name} of {stream.user_id} was told of account {account.account_id}",
            "no user sees another's",
            (_quote(frame),),
        )


def _quote(frame: ProbeFrame) -> Evidence:
    return Evidence(frame.source, f"{frame.kind} seq {frame.seq} epoch {frame.epoch} {frame.event_id}")
