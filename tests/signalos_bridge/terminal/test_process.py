"""The child process under faults: held GIL, kill -9, stops, restarts. Real processes throughout."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal

import psutil
import pytest

from signalos_bridge.domain.market import BoundAccount, Side, TerminalState, TradeMode
from signalos_bridge.domain.orders import CancelPending, ClosePosition, OpenMarket, Priority
from signalos_bridge.domain.outcomes import Ambiguous, Executed, NotDone
from signalos_bridge.emulator.faults import Delay, HoldGil, Phase
from signalos_bridge.terminal import frames
from signalos_bridge.terminal.metatrader5 import AdapterSettings
from signalos_bridge.terminal.port import (
    Clearance,
    StatusChanged,
    TerminalUnavailable,
    TicksArrived,
    Watch,
    WatchStarted,
)
from signalos_bridge.terminal.process import ProcessSettings
from signalos_bridge.terminal.remote import RemoteTerminal
from tests.signalos_bridge.terminal.conftest import HEDGING, Bench, clear, eventually

pytestmark = pytest.mark.integration

LOT = Decimal("0.10")


def a_buy(magic: int = 1) -> OpenMarket:
    return OpenMarket("EURUSD", Side.BUY, LOT, None, None, magic, "tag")


async def worst_lag(stop: asyncio.Event) -> float:
    worst = 0.0
    while not stop.is_set():
        before = time.monotonic()
        await asyncio.sleep(0.01)
        worst = max(worst, time.monotonic() - before - 0.01)
    return worst


async def test_a_call_that_holds_the_gil_does_not_hold_the_parent(bench: Bench) -> None:
    bench.broker.add_fault(HoldGil(function="order_send", milliseconds=1_500, count=1))
    stop = asyncio.Event()
    lag = asyncio.create_task(worst_lag(stop))
    order = asyncio.create_task(bench.submit(a_buy()))
    await eventually(lambda: bench.terminal.busy_since is not None)

    assert bench.terminal.risk_in_flight
    assert not order.done()
    answer = await order
    stop.set()

    assert isinstance(answer.outcome, Executed)
    assert answer.call_seconds >= 1.5
    assert await lag < 0.25


async def test_an_order_that_outlives_its_time_costs_the_child_and_is_ambiguous(bench: Bench) -> None:
    bench.broker.add_fault(HoldGil(function="order_send", milliseconds=20_000, count=1, phase=Phase.AFTER))
    first = bench.terminal.pid

    answer = await bench.terminal.submit(a_buy(31), gate=clear, timeout_seconds=0.5)

    assert isinstance(answer.outcome, Ambiguous)
    assert answer.request is None
    await eventually(lambda: bench.terminal.pid not in (None, first))
    await eventually(lambda: bench.terminal.status.state is TerminalState.READY)
    trace = await bench.terminal.find_by_magic(31, from_msc=time.time_ns() // 1_000_000 - 3_600_000)
    assert len(trace.positions) == 1


async def test_a_stop_that_waits_shortens_the_running_call_and_is_served_by_the_next_child(
    bench: Bench,
) -> None:
    held = await bench.submit(a_buy(41))
    assert isinstance(held.outcome, Executed)
    (position,) = await bench.terminal.positions()
    bench.broker.add_fault(HoldGil(function="order_send", milliseconds=20_000, count=1))
    running = asyncio.create_task(bench.submit(a_buy(42)))
    await eventually(lambda: bench.terminal.busy_since is not None)

    began = time.monotonic()
    close = ClosePosition(position.ticket, "EURUSD", Side.BUY, LOT, 1, "stop")
    answer = await bench.submit(close, Priority.STOP)

    assert isinstance(answer.outcome, Executed)
    assert time.monotonic() - began < 4
    assert isinstance((await running).outcome, Ambiguous)


async def test_a_killed_child_leaves_its_order_ambiguous_and_comes_back(bench: Bench) -> None:
    bench.broker.add_fault(Delay(function="order_send", milliseconds=5_000, count=1, phase=Phase.AFTER))
    order = asyncio.create_task(bench.submit(a_buy(51)))
    await eventually(lambda: bench.broker.positions(HEDGING) != [])
    pid = bench.terminal.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)

    assert isinstance((await order).outcome, Ambiguous)
    await eventually(lambda: bench.terminal.status.state is TerminalState.READY)
    states = [change.status.state for change in bench.heard(StatusChanged)]
    assert TerminalState.NO_PIPE in states
    await eventually(lambda: len(bench.heard(WatchStarted)) >= 1)


async def test_a_reading_that_hangs_costs_the_child_and_blindness_is_known(bench: Bench) -> None:
    await bench.submit(a_buy())
    await eventually(lambda: bench.terminal.last_read_at is not None)
    first = bench.terminal.pid
    fault = bench.broker.add_fault(HoldGil(function="positions_get", milliseconds=20_000))
    await asyncio.sleep(0.8)

    assert bench.terminal.last_read_at is not None
    assert time.monotonic() - bench.terminal.last_read_at > 0.3

    await eventually(lambda: bench.terminal.pid not in (None, first))
    bench.broker.clear_faults(fault)
    await eventually(lambda: time.monotonic() - (bench.terminal.last_read_at or 0) < 0.5)


async def test_the_gate_is_asked_when_the_turn_comes_and_not_before(bench: Bench) -> None:
    bench.broker.add_fault(Delay(function="order_send", milliseconds=300, count=1))
    asked: list[float] = []

    def gate() -> Clearance:
        asked.append(time.monotonic())
        return Clearance(latched=False, refusal="EXPIRED", words="its time is over")

    first = asyncio.create_task(bench.submit(a_buy(61)))
    await eventually(lambda: bench.terminal.busy_since is not None)
    second = asyncio.create_task(bench.terminal.submit(a_buy(62), gate=gate))
    await asyncio.sleep(0.05)
    assert asked == []
    await first
    outcome = (await second).outcome

    assert len(asked) == 1
    assert isinstance(outcome, NotDone)
    assert outcome.code == "EXPIRED"
    assert [position.magic for position in await bench.terminal.positions()] == [61]


async def test_what_increases_risk_is_refused_under_the_latch_and_a_close_is_not(bench: Bench) -> None:
    await bench.submit(a_buy())
    (position,) = await bench.terminal.positions()

    def latched() -> Clearance:
        return Clearance(latched=True)

    refused = await bench.terminal.submit(a_buy(), gate=latched)
    closed = await bench.terminal.submit(
        ClosePosition(position.ticket, "EURUSD", Side.BUY, LOT, 1, ""), gate=latched
    )

    assert isinstance(refused.outcome, NotDone)
    assert refused.outcome.code == "LATCHED"
    assert isinstance(closed.outcome, Executed)


async def test_a_gate_that_fails_keeps_the_order_from_the_terminal(bench: Bench) -> None:
    def gate() -> Clearance:
        raise RuntimeError("disk full")

    answer = await bench.terminal.submit(a_buy(), gate=gate)

    assert isinstance(answer.outcome, NotDone)
    assert answer.outcome.code == "GATE_FAILED"
    assert await bench.terminal.positions() == ()


async def test_an_order_that_is_withdrawn_while_it_waits_is_never_made(bench: Bench) -> None:
    bench.broker.add_fault(Delay(function="order_send", milliseconds=300, count=1))
    first = asyncio.create_task(bench.submit(a_buy(71)))
    await eventually(lambda: bench.terminal.busy_since is not None)
    second = asyncio.create_task(bench.submit(a_buy(72)))
    await asyncio.sleep(0)
    second.cancel()
    await first
    await bench.submit(a_buy(73))

    assert {position.magic for position in await bench.terminal.positions()} == {71, 73}


async def test_closing_lets_the_running_order_end_and_refuses_those_that_wait(bench: Bench) -> None:
    bench.broker.add_fault(Delay(function="order_send", milliseconds=400, count=1))
    running = asyncio.create_task(bench.submit(a_buy(81)))
    await eventually(lambda: bench.terminal.busy_since is not None)
    waiting = asyncio.create_task(bench.submit(a_buy(82)))
    await asyncio.sleep(0)
    await bench.terminal.close()

    assert isinstance((await running).outcome, Executed)
    outcome = (await waiting).outcome
    assert isinstance(outcome, NotDone)
    assert outcome.code == "TERMINAL_DOWN"
    assert [position.magic for position in bench.broker.positions(HEDGING)] == [81]
    with pytest.raises(TerminalUnavailable):
        await bench.terminal.positions()


async def test_interrupting_the_child_does_not_end_it(bench: Bench) -> None:
    pid = bench.terminal.pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)

    assert isinstance((await bench.submit(a_buy())).outcome, Executed)
    assert bench.terminal.pid == pid


async def test_an_order_without_a_terminal_is_not_done_and_says_so() -> None:
    terminal = RemoteTerminal(
        ProcessSettings(AdapterSettings("signalos_bridge.emulator.metatrader5", "emulator://127.0.0.1:9/1"))
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(terminal.run())
        await eventually(lambda: terminal.status.error_code is not None)
        answer = await terminal.submit(CancelPending(1, "EURUSD"), gate=clear)
        status = terminal.status
        await terminal.close()

    assert isinstance(answer.outcome, NotDone)
    assert answer.outcome.code == "TERMINAL_DOWN"
    assert status.state is TerminalState.NO_PIPE
    assert status.error_text != ""


async def test_a_module_that_does_not_exist_is_named_in_the_status() -> None:
    terminal = RemoteTerminal(ProcessSettings(AdapterSettings("no_such_module_anywhere")))
    async with asyncio.TaskGroup() as group:
        group.create_task(terminal.run())
        await eventually(lambda: "no_such_module_anywhere" in terminal.status.error_text)
        await terminal.close()


def test_a_child_whose_parent_is_gone_ends_by_itself() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "signalos_bridge.terminal.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdout:
        start = frames.Start(
            AdapterSettings("signalos_bridge.emulator.metatrader5", "emulator://127.0.0.1:9/1"),
            frames.PollSettings(),
            None,
            Watch(),
            "test",
        )
        process.stdin.write(frames.pack(start))
        process.stdin.flush()
        assert process.stdout.read(1) != b""
        process.stdin.close()

        assert process.wait(10) in (0, 3)


async def test_a_quiet_account_costs_next_to_nothing(bench: Bench) -> None:
    for magic in range(5):
        await bench.submit(a_buy(magic))
    pid = bench.terminal.pid
    assert pid is not None
    child = psutil.Process(pid)
    before = child.cpu_times()
    await asyncio.sleep(2.0)
    after = child.cpu_times()

    # Twenty looks a second, each well under a millisecond of processor time.
    assert (after.user + after.system - before.user - before.system) / 2.0 < 0.06


async def test_an_account_bound_while_the_child_is_still_starting_is_not_forgotten(unbound: Bench) -> None:
    account = BoundAccount(HEDGING, "SignalOS-Emulator", TradeMode.DEMO)
    await eventually(lambda: unbound.terminal.pid is not None)
    unbound.terminal.bind(account)

    answer = await unbound.submit(a_buy())

    assert isinstance(answer.outcome, Executed)
    await eventually(lambda: unbound.terminal.status.account_matches is True)


async def test_a_restarted_child_knows_account_watch_and_clock_of_the_one_before(bench: Bench) -> None:
    bench.terminal.watch(Watch(guarded_symbols=frozenset({"EURUSD"})))
    await eventually(lambda: bench.terminal.status.utc_offset_seconds is not None, 15)
    offset = bench.terminal.status.utc_offset_seconds
    pid = bench.terminal.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: bench.terminal.pid not in (None, pid))
    told = len(bench.heard(TicksArrived))

    answer = await bench.submit(a_buy())
    assert isinstance(answer.outcome, Executed)
    await eventually(lambda: len(bench.heard(TicksArrived)) > told)
    offsets = {change.status.utc_offset_seconds for change in bench.heard(StatusChanged)[-3:]}
    assert offsets == {offset}


async def test_an_answer_that_came_while_the_bridge_itself_was_stopped_still_counts(bench: Bench) -> None:
    bench.broker.add_fault(Delay(function="order_send", milliseconds=200, count=1))
    order = asyncio.create_task(bench.terminal.submit(a_buy(91), gate=clear, timeout_seconds=0.5))
    await eventually(lambda: bench.terminal.busy_since is not None)
    pid = bench.terminal.pid
    # As after SIGSTOP and SIGCONT: time has passed, and nothing of it was seen.
    time.sleep(2.0)  # noqa: ASYNC251

    assert isinstance((await order).outcome, Executed)
    assert bench.terminal.pid == pid
