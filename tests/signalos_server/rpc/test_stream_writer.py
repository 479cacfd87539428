"""What waits for a stream goes together where the other side reads that; acknowledgements do not hurry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from itertools import count

from signalos.v1 import bridge_service_pb2 as pb
from signalos_server.domain.frames import CancelDelivery, EventAck, OutcomeAck, ToData, Welcome
from signalos_server.rpc.convert_frames import batch_to_proto, data_frame_to_proto
from signalos_server.rpc.stream_writer import StreamWriter

WELCOME = Welcome(7, "acc_1", 0, 1, 1, 5.0, 12.0, 30.0, 100, datetime(2026, 1, 1, tzinfo=UTC))


def a_writer(*, batches: bool) -> StreamWriter[ToData, pb.ConnectResponse]:
    ticks = count(1)
    return StreamWriter(
        partial(data_frame_to_proto, 7),
        lambda: next(ticks),
        maximum_bytes=1 << 20,
        combine=batch_to_proto if batches else None,
    )


async def next_of(messages: AsyncIterator[pb.ConnectResponse]) -> pb.ConnectResponse:
    async with asyncio.timeout(2.0):
        return await anext(messages)


async def test_what_waits_together_is_one_message_in_the_order_it_was_written() -> None:
    writer = a_writer(batches=True)
    writer.write(OutcomeAck("c1", 1))
    writer.write(EventAck(4))
    writer.write(CancelDelivery("c2"))

    message = await next_of(writer.messages())

    kinds = [frame.WhichOneof("message") for frame in message.batch.frames]
    assert kinds == ["outcome_ack", "event_ack", "cancel_command"]
    assert message.epoch == 7
    assert message.sent_nanoseconds > 0
    assert {(frame.epoch, frame.sent_nanoseconds) for frame in message.batch.frames} == {(0, 0)}


async def test_a_bridge_that_reads_no_batches_gets_each_frame_by_itself() -> None:
    writer = a_writer(batches=False)
    writer.write(CancelDelivery("c1"))
    writer.write(CancelDelivery("c2"))
    messages = writer.messages()

    told = [await next_of(messages), await next_of(messages)]

    assert [message.cancel_command.command_id for message in told] == ["c1", "c2"]
    assert [message.epoch for message in told] == [7, 7]


async def test_the_welcome_goes_alone_and_a_single_frame_is_no_batch() -> None:
    writer = a_writer(batches=True)
    writer.write(WELCOME)
    writer.write(CancelDelivery("c1"))
    messages = writer.messages()

    assert (await next_of(messages)).WhichOneof("message") == "welcome"
    assert (await next_of(messages)).cancel_command.command_id == "c1"


async def test_what_is_too_much_for_one_message_goes_in_several_and_none_is_lost() -> None:
    writer = a_writer(batches=True)
    ids = [f"{number}" * 2_000 for number in range(9)] * 4
    for command_id in ids:
        writer.write(CancelDelivery(command_id))
    writer.close()

    told = [message async for message in writer.messages()]

    assert len(told) > 1
    assert all(message.ByteSize() < 34_000 for message in told)
    assert [frame.cancel_command.command_id for message in told for frame in message.batch.frames] == ids


async def test_an_acknowledgement_goes_with_the_next_frame_or_soon_by_itself() -> None:
    writer = a_writer(batches=True)
    messages = writer.messages()
    waiting = asyncio.ensure_future(anext(messages))
    await asyncio.sleep(0)

    writer.write(EventAck(4))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    writer.write(CancelDelivery("c1"))
    together = await asyncio.wait_for(waiting, 2.0)
    writer.write(EventAck(5))
    alone = await next_of(messages)

    assert [frame.WhichOneof("message") for frame in together.batch.frames] == ["event_ack", "cancel_command"]
    assert alone.event_ack.seq == 5
