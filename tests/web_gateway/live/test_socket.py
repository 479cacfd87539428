from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.web_gateway.live.client import price_event, trade_event
from web_gateway.doors import Caller
from web_gateway.live.frames import EventFrame, FrameWriter
from web_gateway.live.phases import TRANSITIONS, Phase, Step, TransitionError, advance
from web_gateway.live.protocol import Listener
from web_gateway.live.socket import ACK_WINDOW, MAXIMUM_WAITING_FRAMES, Socket
from web_gateway.settings import Timings

WRITER = FrameWriter()
TIMINGS = Timings()


class RecordedWire:
    """A connection that keeps what it was given."""

    def __init__(self) -> None:
        self.listener: Listener | None = None
        self.paused = False
        self.sent: list[bytes] = []
        self.pings: list[bytes] = []
        self.closed: tuple[int, str] | None = None

    def write_frame(self, frame: bytes) -> None:
        self.sent.append(frame)

    def ping(self, payload: bytes) -> None:
        self.pings.append(payload)

    def close_now(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def abort(self) -> None:
        self.closed = (1006, "aborted")


def connected() -> tuple[Socket, RecordedWire]:
    wire = RecordedWire()
    caller = Caller("127.0.0.1", "", "t", by_cookie=False, secure=False)
    return Socket(wire, caller, WRITER, TIMINGS, now=0.0), wire


def live(after: int = 0) -> tuple[Socket, RecordedWire]:
    socket, wire = connected()
    for step in (Step.TOKEN_GIVEN, Step.TOKEN_GOOD, Step.SUBSCRIBED, Step.CAUGHT_UP):
        socket.step(step)
    socket.rebase("e", after)
    return socket, wire


def lossless(seq: int, size: int = 0) -> EventFrame:
    event = trade_event(seq, size)
    event.seq = seq
    event.time.FromSeconds(1_767_607_200 + seq)
    frame = WRITER.event(event)
    assert frame is not None
    return frame


def prices(**values: float) -> EventFrame:
    frame = WRITER.event(price_event(**values))
    assert frame is not None
    return frame


def test_a_socket_that_nobody_authenticates_is_closed_in_time() -> None:
    socket, wire = connected()
    socket.tick(9.9)
    assert wire.closed is None
    socket.tick(10.0)
    assert wire.closed == (4001, "not authenticated in time")


def test_the_same_event_is_given_once_and_older_ones_not_at_all() -> None:
    socket, wire = live(after=4)
    for seq in (3, 4, 5, 5, 6):
        socket.offer(lossless(seq), 1.0)
    assert wire.sent == [lossless(5).wire, lossless(6).wire]


def test_what_waits_goes_out_in_order_and_prices_as_the_newest_of_each_trade() -> None:
    socket, wire = live()
    wire.paused = True
    socket.paused(1.0)
    socket.offer(prices(a=1.0, b=1.0), 1.0)
    socket.offer(lossless(1), 1.0)
    socket.offer(prices(a=2.0), 1.0)
    socket.offer_heartbeat(b"old")
    socket.offer_heartbeat(b"new")
    assert wire.sent == []

    wire.paused = False
    socket.resumed()

    assert wire.sent[0] == lossless(1).wire
    assert b'"tradeId":"a","currentPrice":2.0' in wire.sent[1]
    assert b'"tradeId":"b","currentPrice":1.0' in wire.sent[1]
    assert wire.sent[2:] == [b"new"]


def test_a_reader_that_stalls_is_cut_after_five_seconds() -> None:
    socket, wire = live()
    wire.paused = True
    socket.paused(10.0)
    socket.tick(14.9)
    assert wire.closed is None
    socket.tick(15.0)
    assert wire.closed == (4008, "the reader has stalled")
    assert socket.was_cut


def test_a_reader_that_is_only_slow_is_not_cut() -> None:
    socket, wire = live()
    for second in range(1, 60):
        wire.paused = True
        socket.paused(float(second))
        wire.paused = False
        socket.resumed()
        socket.tick(second + 0.9)
        for payload in wire.pings:
            socket.pong(payload, second + 0.95)
    assert wire.closed is None


def test_more_than_may_wait_is_a_cut_and_memory_is_given_back() -> None:
    socket, wire = live()
    wire.paused = True
    for seq in range(1, MAXIMUM_WAITING_FRAMES + 10):
        socket.offer(lossless(seq), 1.0)
    assert wire.closed == (4008, "more waits than a reader may leave unread")
    assert socket.waiting == 0


def test_a_ping_goes_out_every_thirty_seconds_and_one_missed_is_the_end() -> None:
    socket, wire = live()
    socket.tick(29.0)
    assert wire.pings == []
    socket.tick(30.0)
    socket.pong(b"another", 31.0)
    socket.tick(34.9)
    assert len(wire.pings) == 1
    assert wire.closed is None
    socket.tick(35.0)
    assert wire.closed == (4008, "no answer to a ping")


def test_much_that_is_unanswered_is_asked_about_sooner() -> None:
    socket, wire = live()
    socket.offer(lossless(1, size=TIMINGS.ping_after_bytes), 1.0)
    socket.tick(2.0)
    assert len(wire.pings) == 1
    socket.pong(wire.pings[0], 2.1)
    socket.tick(3.0)
    assert len(wire.pings) == 1


def test_a_client_that_acknowledges_bounds_what_is_in_flight() -> None:
    socket, wire = live()
    socket.acknowledge(0)
    for seq in range(1, ACK_WINDOW + 11):
        socket.offer(lossless(seq), 1.0)
    assert len(wire.sent) == ACK_WINDOW
    socket.acknowledge(5)
    assert len(wire.sent) == ACK_WINDOW + 5
    socket.acknowledge(3)
    socket.acknowledge(ACK_WINDOW + 10)
    assert wire.sent[-1] == lossless(ACK_WINDOW + 10).wire


@given(st.sampled_from(Phase), st.sampled_from(Step))
def test_steps_outside_of_the_table_are_refused(phase: Phase, step: Step) -> None:
    if (phase, step) in TRANSITIONS:
        assert advance(phase, step) is TRANSITIONS[phase, step]
    else:
        try:
            advance(phase, step)
        except TransitionError:
            return
        raise AssertionError("taken")


actions = st.lists(
    st.sampled_from(["lossless", "price", "pause", "resume", "tick", "pong", "ack"]), max_size=80
)


@given(actions)
def test_lossless_events_come_in_order_without_a_hole_whatever_happens(todo: list[str]) -> None:
    socket, wire = live()
    seq = 0
    now = 0.0
    for action in todo:
        now += 0.3
        if action == "lossless":
            seq += 1
            socket.offer(lossless(seq), now)
        elif action == "price":
            socket.offer(prices(a=now), now)
        elif action == "pause" and not wire.paused:
            wire.paused = True
            socket.paused(now)
        elif action == "resume" and wire.paused:
            wire.paused = False
            socket.resumed()
        elif action == "tick":
            socket.tick(now)
        elif action == "pong" and wire.pings:
            socket.pong(wire.pings[-1], now)
        elif action == "ack":
            socket.acknowledge(seq)
    if wire.closed is None and wire.paused:
        wire.paused = False
        socket.resumed()
    given_numbers = [_numbered(frame) for frame in wire.sent if b'"seq":' in frame]
    # A cut socket has a part of them; it resumes after the last that it has.
    assert given_numbers == list(range(1, (len(given_numbers) if wire.closed else seq) + 1))


def _numbered(frame: bytes) -> int:
    return int(frame.split(b'"seq":')[1].split(b",")[0])
