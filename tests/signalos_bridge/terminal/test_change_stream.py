from __future__ import annotations

from signalos_bridge.terminal.change_stream import ChangeStream
from signalos_bridge.terminal.port import PositionsChanged, TerminalChange, WatchStarted


def a_change(ticket: int) -> PositionsChanged:
    return PositionsChanged((), (ticket,), False, 0.0)


async def drain(stream: ChangeStream) -> list[TerminalChange]:
    stream.close()
    return [change async for change in stream]


async def test_changes_arrive_in_order() -> None:
    stream = ChangeStream(lambda reason: None)
    for ticket in range(5):
        stream.put(a_change(ticket))

    assert await drain(stream) == [a_change(ticket) for ticket in range(5)]


async def test_who_falls_behind_gets_a_new_beginning_and_no_silent_hole() -> None:
    asked: list[str] = []
    stream = ChangeStream(asked.append, most_waiting=3)
    for ticket in range(10):
        stream.put(a_change(ticket))
    start = WatchStarted("the bridge fell behind", 1.0)
    stream.put(start)
    stream.put(a_change(99))

    assert asked == ["the bridge fell behind"]
    assert await drain(stream) == [start, a_change(99)]
