"""What waits for a stream's writer."""

from __future__ import annotations

from signalos.v1 import bridge_service_pb2
from signalos_bridge.link.outbox import Outbox


def a_frame(epoch: int) -> bridge_service_pb2.ConnectRequest:
    return bridge_service_pb2.ConnectRequest(epoch=epoch)


async def test_what_waits_is_taken_in_order_as_far_as_it_may_go_together() -> None:
    outbox: Outbox[bridge_service_pb2.ConnectRequest] = Outbox()
    for epoch in (1, 2, 3, 4):
        outbox.put(a_frame(epoch))

    first = await outbox.take()
    further = outbox.take_waiting(2 * a_frame(2).ByteSize() + 1)

    assert [frame.epoch for frame in (first, *further)] == [1, 2, 3]
    assert outbox.waiting_bytes == a_frame(4).ByteSize()
    assert [frame.epoch for frame in outbox.take_waiting(100)] == [4]
    assert outbox.take_waiting(100) == []
