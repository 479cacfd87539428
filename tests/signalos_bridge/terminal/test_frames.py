from __future__ import annotations

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain import outcomes
from signalos_bridge.domain.market import BoundAccount, Filling, Side, Tick, TradeMode
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PendingKind,
    PlacePending,
)
from signalos_bridge.domain.outcomes import Outcome, Retry
from signalos_bridge.terminal import frames
from signalos_bridge.terminal.dealing import Submission
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.port import SentRequest, TerminalChange, TicksArrived, Watch, WatchStarted

LOT = Decimal("0.10")
PRICE = Decimal("1.08500")


def over_the_pipe(frame: frames.ToChild) -> frames.ToChild:
    body = frames.read_frame(io.BytesIO(frames.pack(frame)))
    assert body is not None
    decoded: frames.ToChild = frames.to_child_decoder.decode(body)
    return decoded


@pytest.mark.parametrize(
    "order",
    [
        OpenMarket("EURUSD", Side.SELL, LOT, PRICE, None, 2**62, "tag-1"),
        PlacePending("EURUSD", Side.BUY, PendingKind.STOP_LIMIT, LOT, PRICE, None, PRICE, 1, "t", PRICE, 99),
        ClosePosition(7, "EURUSD", Side.BUY, LOT, 1, ""),
        CloseBy(7, 8, "EURUSD", 1, ""),
        ModifyLevels(7, "EURUSD", None, PRICE, loosening=True),
        ModifyLevels(7, "EURUSD", PRICE, None, loosening=False, only_tighter=True),
        ModifyPending(7, "EURUSD", PRICE, None, None),
        CancelPending(7, "EURUSD"),
    ],
)
def test_every_order_arrives_as_it_was_sent(order: Order) -> None:
    call = over_the_pipe(frames.Call(1, "submit", frames.raw(frames.submit_of(order)), latched=False))

    assert isinstance(call, frames.Call)
    assert not call.latched
    assert frames.order_of(frames.arguments_of(call)) == order


@pytest.mark.parametrize(
    "outcome",
    [
        outcomes.Executed(1, 2, LOT, PRICE),
        outcomes.PartlyExecuted(1, None, LOT, LOT, None),
        outcomes.Placed(None, awaits_deal=True),
        outcomes.NoChange(),
        outcomes.NotDone("REQUOTE", "words", Retry.NEW_QUOTE, retcode=10004),
        outcomes.Ambiguous("why", 120, error_code=-10005),
    ],
)
def test_every_outcome_arrives_as_it_was_judged(outcome: Outcome) -> None:
    sent = Submission(outcome, None, SentRequest(1, "EURUSD", volume=LOT, type_filling=Filling.IOC))
    reply = frames.Reply(1, frames.raw(frames.submitted_of(sent)))

    assert frames.submission_of(frames.result_of("submit", reply)) == sent


def test_a_start_carries_everything_that_a_child_needs() -> None:
    start = frames.Start(
        AdapterSettings("module", "path", portable=True),
        frames.PollSettings(),
        BoundAccount(5001, "Server", TradeMode.REAL),
        Watch(frozenset({"EURUSD"}), frozenset({"XAUUSD"})),
        "reason",
    )

    assert over_the_pipe(start) == start


@given(cuts=st.lists(st.integers(1, 40), min_size=1))
def test_frames_are_found_however_the_stream_is_cut(cuts: list[int]) -> None:
    tick = Tick("EURUSD", PRICE, None, 5)
    changes: list[TerminalChange] = [
        WatchStarted("reason", 1.0),
        TicksArrived("EURUSD", (tick, tick), True, 2.0),
    ]
    stream = b"".join(frames.pack(frames.changed_of(change)) for change in changes)
    splitter = frames.Splitter()
    found = []
    position, turn = 0, 0
    while position < len(stream):
        size = cuts[turn % len(cuts)]
        for body in splitter.feed(stream[position : position + size]):
            frame = frames.from_child_decoder.decode(body)
            assert isinstance(frame, frames.Changed)
            found.append(frames.change_of(frame))
        position, turn = position + size, turn + 1

    assert found == changes


def test_a_torn_frame_is_the_end_and_a_giant_one_an_error() -> None:
    whole = frames.pack(frames.Stop())

    assert frames.read_frame(io.BytesIO(whole[:-1])) is None
    assert frames.read_frame(io.BytesIO(b"\x01")) is None
    with pytest.raises(ValueError, match="bytes"):
        list(frames.Splitter().feed(b"\xff\xff\xff\xff"))


def test_an_unknown_call_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown call"):
        frames.arguments_of(frames.Call(1, "format_disk", frames.raw(None)))
