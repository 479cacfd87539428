"""Streams over a real port: snapshot, resume, gaps, live numbers, the end of a session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from signalos.v1 import account_service_pb2, auth_service_pb2, event_pb2
from signalos.v1 import event_service_pb2 as pb
from signalos_server.adapters.storage.outbox import append_events, new_event
from signalos_server.adapters.storage.tables.events import StreamRow
from signalos_server.domain.caller import Role
from signalos_server.domain.frames import LivePosition, LiveUpdate, Money
from tests.signalos_server.serving import Client, World, error_of

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


async def user_id(client: Client) -> str:
    answer = await client.auth.GetUser(auth_service_pb2.GetUserRequest(), metadata=client.metadata)
    return answer.user.user_id


async def append(world: World, users: list[str], *event_ids: str) -> None:
    def unit(session: Session) -> None:
        events = [
            new_event(event_id, NOW, event_pb2.Event(trade_opened=event_pb2.TradeOpened()))
            for event_id in event_ids
        ]
        append_events(session, users, events)

    await world.foundation.database.run(unit)


async def subscribe(
    client: Client, epoch: str = "", after_seq: int = 0, lossless_only: bool = True
) -> AsyncIterator[event_pb2.Event]:
    request = pb.SubscribeRequest(epoch=epoch, after_seq=after_seq, lossless_only=lossless_only)
    async for answer in client.events.Subscribe(request, metadata=client.metadata):
        yield answer.event


async def take(events: AsyncIterator[event_pb2.Event], count: int, *skip: str) -> list[event_pb2.Event]:
    found: list[event_pb2.Event] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            event = await anext(events)
            if event.WhichOneof("data") not in (skip or ("heartbeat",)):
                found.append(event)
    return found


async def test_a_stream_begins_with_a_snapshot_that_names_its_place(world: World) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    await append(world, [me], "before")

    events = subscribe(client)
    (snapshot,) = await take(events, 1)
    await append(world, [me], "after-1", "after-2")
    after = await take(events, 2)

    assert snapshot.snapshot.seq == 1
    assert [(event.seq, event.event_id) for event in after] == [(2, "after-1"), (3, "after-2")]
    assert {event.epoch for event in [snapshot, *after]} == {snapshot.snapshot.epoch}


async def test_a_cursor_resumes_with_every_event_after_it(world: World) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    snapshot = (await take(subscribe(client), 1))[0].snapshot
    await append(world, [me], *(f"e{n}" for n in range(1, 1201)))

    events = await take(subscribe(client, snapshot.epoch, 100), 1100)

    assert [event.seq for event in events] == list(range(101, 1201))


@pytest.mark.parametrize(
    ("epoch", "after_seq", "reason"), [("other", 1, "epoch"), ("", 99, "cursor"), ("", 2, "retention")]
)
async def test_a_cursor_that_cannot_be_served_is_told_of_and_followed_by_a_snapshot(
    world: World, epoch: str, after_seq: int, reason: str
) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    present = (await take(subscribe(client), 1))[0].snapshot.epoch
    await append(world, [me], *(f"e{n}" for n in range(1, 7)))
    await world.foundation.streams.forget(3, NOW)

    events = subscribe(client, epoch or present, after_seq)
    gap, snapshot = await take(events, 2)
    await append(world, [me], "next")
    (following,) = await take(events, 1)

    assert (gap.gap.after_seq, gap.gap.reason) == (after_seq, reason)
    assert (snapshot.snapshot.seq, following.seq) == (6, 7)


async def test_an_epoch_that_is_renewed_while_somebody_reads_is_a_gap(world: World) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    events = subscribe(client)
    await take(events, 1)

    await world.foundation.database.run(
        lambda session: session.execute(
            update(StreamRow).where(StreamRow.user_id == me).values(epoch="renewed")
        )
    )
    gap, snapshot = await take(events, 2)

    assert gap.gap.reason == "epoch"
    assert snapshot.snapshot.epoch == "renewed"


async def test_lost_wakes_cost_latency_only(world: World) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    events = subscribe(client)
    await take(events, 1)
    world.foundation.hub._subscription.close()

    await append(world, [me], "unheard")

    assert (await take(events, 1))[0].event_id == "unheard"


async def test_every_reader_of_many_sees_every_event_once_and_in_order(world: World) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    streams = [subscribe(client) for _ in range(40)]
    await asyncio.gather(*(take(stream, 1) for stream in streams))

    async def write(part: int) -> None:
        for number in range(25):
            await append(world, [me], f"{part}-{number}")

    writing = asyncio.gather(*(write(part) for part in range(4)))
    found = await asyncio.gather(*(take(stream, 100) for stream in streams))
    await writing

    for events in found:
        assert [event.seq for event in events] == list(range(1, 101))


async def test_nobody_hears_of_anothers_account_and_administrators_hear_of_all(world: World) -> None:
    alice, bob = await world.sign_in("alice"), await world.sign_in("bob")
    admin = await world.sign_in("root-user", Role.ADMIN)
    streams = [subscribe(client) for client in (alice, bob, admin)]
    await asyncio.gather(*(take(stream, 1) for stream in streams))

    made = await alice.accounts.CreateAccount(
        account_service_pb2.CreateAccountRequest(name="mine"), metadata=alice.metadata
    )

    for stream in (streams[0], streams[2]):
        (event,) = await take(stream, 1)
        assert event.mt5_status_update.account.account_id == made.account.account_id
    beats = await take(streams[1], 3, "nothing")
    assert {event.WhichOneof("data") for event in beats} == {"heartbeat"}
    assert all(not event.heartbeat.chains for event in beats)


async def test_prices_are_the_latest_only_and_take_no_number(world: World) -> None:
    client = await world.sign_in("alice")
    made = await client.accounts.CreateAccount(
        account_service_pb2.CreateAccountRequest(name="mine"), metadata=client.metadata
    )
    account_id = made.account.account_id
    events = subscribe(client, lossless_only=False)
    await take(events, 1)
    await asyncio.sleep(0.25)

    for price in range(1, 101):
        world.foundation.live.updated(
            account_id,
            LiveUpdate(
                positions=(LivePosition(7, float(price), 1.5, 0.0),),
                account=Money(balance=1000.0 + price),
                quotes=(),
                read_age_seconds=0.0,
            ),
        )
    update_, money = await take(events, 2)

    assert [trade.current_price for trade in update_.trade_update.live] == [100.0]
    assert money.account_update.state.balance == 1100.0
    assert not update_.HasField("seq")


async def test_a_stream_ends_when_its_token_is_revoked(world: World) -> None:
    client = await world.sign_in("alice")
    made = await client.auth.CreateApiToken(
        auth_service_pb2.CreateApiTokenRequest(name="watch"), metadata=client.metadata
    )
    events = subscribe(client.with_token(made.secret))
    await take(events, 1)

    await client.auth.RevokeApiToken(
        auth_service_pb2.RevokeApiTokenRequest(token_id=made.token.token_id), metadata=client.metadata
    )

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await take(events, 1000)
    assert error_of(caught.value)[1] == "NOT_AUTHENTICATED"


async def test_a_reader_that_stops_reading_delays_nobody(world: World) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    stalled = subscribe(client)
    await take(stalled, 1)
    reading = subscribe(client)
    await take(reading, 1)

    filler = "x" * 90
    for block in range(20):
        await append(world, [me], *(f"{block}-{n}-{filler}"[:100] for n in range(200)))
    events = await take(reading, 4000)

    assert events[-1].seq == 4000
    assert [event.seq for event in await take(stalled, 4000)] == list(range(1, 4001))


async def test_events_are_listed_after_a_cursor_with_a_gap_where_some_are_gone(world: World) -> None:
    client = await world.sign_in("alice")
    me = await user_id(client)
    await append(world, [me], *(f"e{n}" for n in range(1, 11)))
    await world.foundation.streams.forget(6, NOW)

    async def listed(**fields: Any) -> pb.ListEventsResponse:
        return await client.events.ListEvents(pb.ListEventsRequest(**fields), metadata=client.metadata)

    oldest, rest, gone = await listed(page_size=2), await listed(after_seq=8), await listed(after_seq=2)

    assert [event.seq for event in oldest.events] == [5, 6]
    assert [event.seq for event in rest.events] == [9, 10]
    assert (gone.gap, len(gone.events), gone.last_seq) == (True, 0, 10)
    assert (await listed(epoch="other", after_seq=8)).gap
