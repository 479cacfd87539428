"""Control at the bridge: what is in force when, and what outlives a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from signalos.v1 import bridge_pb2, bridge_service_pb2, control_pb2
from signalos_bridge import kept
from signalos_bridge.clock import SystemClock
from signalos_bridge.controller import Controller
from signalos_bridge.domain.audit_heads import AuditHead
from signalos_bridge.domain.values import CommandOrigin, Refusal
from signalos_bridge.journal import JournalUnavailable
from signalos_bridge.latch import LATCH_FILE, Latch, stop_locally
from tests.signalos_bridge.scripted_core import ScriptedCore


def a_controller(data_dir: Path, *, first_start: bool = True) -> Controller:
    controller = Controller(
        data_dir,
        SystemClock(),
        lease_seconds=30,
        busy_seconds=lambda: None,
        on_outgoing=lambda: None,
    )
    controller.load(first_start=first_start)
    return controller


@asynccontextmanager
async def running(controller: Controller) -> AsyncIterator[ScriptedCore]:
    core = ScriptedCore(controller, SystemClock().seconds, lambda: None)
    controller.give_body(core)
    task = asyncio.ensure_future(controller.run())
    try:
        yield core
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def connect(controller: Controller, epoch: int = 1) -> None:
    controller.opened(epoch)
    controller.lease_held(epoch, SystemClock().seconds() + 30)


def refusal(controller: Controller, generation: int = 100, *, automated: bool = False) -> Refusal | None:
    return controller.refusal(generation, automated, CommandOrigin.USER)


async def answer(
    controller: Controller, wanted: Callable[[bridge_service_pb2.ControlRequest], bool]
) -> bridge_service_pb2.ControlRequest:
    async with asyncio.timeout(5):
        while True:
            for each in controller.take_answers():
                if wanted(each):
                    return each
            await asyncio.sleep(0.005)


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while True:
            if reached():
                return
            await asyncio.sleep(0.005)


async def desire(controller: Controller, state: bridge_pb2.DesiredState) -> bridge_service_pb2.ControlRequest:
    controller.receive(state, 1, 0)
    return await answer(controller, lambda each: each.HasField("applied") or each.HasField("nack"))


async def test_a_stop_is_in_force_when_the_call_that_brings_it_returns(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller):
        connect(controller)
        await desire(controller, bridge_pb2.DesiredState(revision=1))
        assert refusal(controller) is None

        controller.receive(bridge_pb2.StopOrder(stop_id="s", stop_generation=3, reason="news"), 1, 0)

        assert controller.latched
        assert refusal(controller) is not None
        stage = await answer(controller, lambda each: each.stop_stage.HasField("latched_seconds_ago"))
        assert stage.stop_stage.stop_id == "s"
        assert [stop.stop_id for stop in Latch(tmp_path).read().held] == ["s"]


async def test_a_stop_and_a_pause_outlive_a_restart_without_a_server(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller):
        connect(controller)
        state = bridge_pb2.DesiredState(revision=4, paused=True, lapse_policy=control_pb2.LAPSE_POLICY_HOLD)
        applied = await desire(controller, state)
        assert applied.applied.setting.paused
        controller.receive(bridge_pb2.StopOrder(stop_id="s", close_positions=True, stop_generation=3), 1, 0)
        await answer(controller, lambda each: each.stop_stage.HasField("latched_seconds_ago"))

    again = a_controller(tmp_path, first_start=False)
    async with running(again) as core:
        assert [stop.stop_id for stop in again.held] == ["s"]
        assert again.stop_generation == 3
        assert again.revision == 4
        await answer(again, lambda each: each.stop_stage.complete)
        assert core.stops == ["s"]
        found = kept.load(tmp_path)
        assert found is not None
        assert found[0].paused


async def test_only_a_rearm_that_names_a_stop_leads_out_of_it(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller):
        connect(controller)
        await desire(controller, bridge_pb2.DesiredState(revision=1))
        controller.receive(bridge_pb2.StopOrder(stop_id="a", stop_generation=1), 1, 0)
        local = await asyncio.to_thread(stop_locally, tmp_path, "by hand", wait_seconds=0)
        await answer(controller, lambda each: each.stop_stage.stop_id == local.stop_id)
        controller.receive(bridge_pb2.RearmOrder(stop_ids=["a"], stop_generation=2, rearm_id="r1"), 1, 0)
        first = await answer(controller, lambda each: each.HasField("rearm_result"))
        assert [stop.stop_id for stop in first.rearm_result.held_stops] == [local.stop_id]
        await desire(controller, bridge_pb2.DesiredState(revision=2))
        assert controller.latched

        controller.receive(
            bridge_pb2.RearmOrder(stop_ids=[local.stop_id], stop_generation=3, rearm_id="r2"), 1, 0
        )
        await answer(controller, lambda each: each.rearm_result.rearm_id == "r2")

        assert not controller.latched
        assert refusal(controller, 2) is not None
        assert refusal(controller, 3) is None
    again = a_controller(tmp_path, first_start=False)
    assert again.held == ()
    async with running(again) as core:
        await until(lambda: sorted(core.released) == sorted(["a", local.stop_id]))


async def test_the_core_forgets_the_stops_that_a_rearm_has_cleared(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller) as core:
        connect(controller)
        for stop_id in ("a", "b"):
            controller.receive(bridge_pb2.StopOrder(stop_id=stop_id, stop_generation=1), 1, 0)
            await answer(controller, lambda each, held=stop_id: each.stop_stage.stop_id == held)  # type: ignore[misc]
        controller.receive(bridge_pb2.RearmOrder(stop_ids=["a"], stop_generation=2, rearm_id="r1"), 1, 0)
        await answer(controller, lambda each: each.HasField("rearm_result"))
        await until(lambda: core.released == ["a"])


async def test_a_rearm_is_refused_while_the_flatten_runs(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller) as core:
        connect(controller)
        core.quiet.clear()
        controller.receive(bridge_pb2.StopOrder(stop_id="a", close_positions=True), 1, 0)
        controller.receive(bridge_pb2.RearmOrder(stop_ids=["a"], rearm_id="r1"), 1, 0)

        result = await answer(controller, lambda each: each.HasField("rearm_result"))

        assert "flatten is still running" in result.rearm_result.problem
        assert controller.latched
        core.quiet.set()
        await answer(controller, lambda each: each.stop_stage.complete)
        controller.receive(bridge_pb2.RearmOrder(stop_ids=["a"], rearm_id="r2"), 1, 0)
        result = await answer(controller, lambda each: each.HasField("rearm_result"))
        assert not result.rearm_result.problem


async def test_a_stop_that_another_process_wrote_counts_at_the_next_question(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    connect(controller)
    await asyncio.to_thread(stop_locally, tmp_path, "by hand", wait_seconds=0)

    found = refusal(controller)

    assert found is not None
    assert "by hand" in found.message


async def test_removing_the_latch_is_no_way_out_of_a_stop(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller):
        controller.receive(bridge_pb2.StopOrder(stop_id="a"), 1, 0)
        await answer(controller, lambda each: each.stop_stage.HasField("latched_seconds_ago"))
        (tmp_path / LATCH_FILE).unlink()
        assert controller.latched
    (tmp_path / LATCH_FILE).unlink()

    again = a_controller(tmp_path, first_start=False)

    assert again.latched
    (held,) = again.held
    assert "missing" in held.reason


async def test_policies_that_cannot_be_kept_to_are_said_and_stops_in_them_count(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller) as core:
        connect(controller)
        core.problems = ["no such symbol"]
        state = bridge_pb2.DesiredState(revision=5, stops=[bridge_pb2.HeldStop(stop_id="s")])

        answered = await desire(controller, state)

        assert answered.nack.problem == "no such symbol"
        assert answered.nack.held_revision == 0
        assert controller.latched


async def test_policies_that_a_full_disk_did_not_take_are_kept_to_once_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalos_bridge.controller._APPLY_RETRY_SECONDS", 0.02)
    controller = a_controller(tmp_path)
    async with running(controller) as core:
        connect(controller)
        core.policies_fail = JournalUnavailable("disk full")

        refused = await desire(controller, bridge_pb2.DesiredState(revision=5))
        core.policies_fail = None
        taken = await answer(controller, lambda each: each.HasField("applied"))

    assert "disk full" in refused.nack.problem
    assert taken.applied.revision == 5


async def test_a_policy_that_is_refused_is_tried_until_what_stood_in_its_way_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("signalos_bridge.controller._APPLY_RETRY_SECONDS", 0.02)
    controller = a_controller(tmp_path)
    async with running(controller) as core:
        connect(controller)
        core.problems = ["the target is behind the market"]

        refused = await desire(controller, bridge_pb2.DesiredState(revision=5))
        await until(lambda: len(core.policies) > 3)
        again = [each for each in controller.take_answers() if each.HasField("nack")]
        core.problems = []
        taken = await answer(controller, lambda each: each.HasField("applied"))

    assert refused.nack.problem == "the target is behind the market"
    assert again == []
    assert taken.applied.revision == 5


async def test_a_damaged_control_file_counts_as_paused(tmp_path: Path) -> None:
    (tmp_path / kept.KEPT_FILE).write_bytes(b"00000000 {}")
    controller = a_controller(tmp_path)
    async with running(controller):
        assert [alert.code for alert in controller.take_alerts()] == ["CONTROL_FILE_DAMAGED"]
        controller.opened(1)
        state = bridge_pb2.DesiredState(revision=1, paused=False)
        assert (await desire(controller, state)).HasField("applied")


async def test_the_audits_heads_outlive_a_restart_and_a_cut_chain_raises_an_alert(tmp_path: Path) -> None:
    controller = a_controller(tmp_path)
    async with running(controller):
        connect(controller)
        controller.receive((AuditHead("system", 7, "a" * 64),), 1, 0)
        await until(lambda: bool(controller.audit_heads.heads))
        controller.receive((AuditHead("system", 8, "b" * 64),), 1, 0)
        await until(lambda: controller.audit_heads.heads[0].number == 8)
        assert controller.take_alerts() == []
    again = a_controller(tmp_path, first_start=False)
    assert again.audit_heads.heads == (AuditHead("system", 8, "b" * 64),)
    async with running(again):
        connect(again, 2)
        again.receive((AuditHead("system", 5, "c" * 64),), 2, 0)
        await until(lambda: bool(again.audit_heads.contradicted))

        (alert,) = again.take_alerts()

    assert alert.code == "AUDIT_CONTRADICTED"
    assert "entry 8 of system" in alert.message


async def test_a_lapse_is_said_before_it_is_acted_on_and_ends_with_a_new_lease(tmp_path: Path) -> None:
    controller = Controller(
        tmp_path, SystemClock(), lease_seconds=0.05, busy_seconds=lambda: None, on_outgoing=lambda: None
    )
    controller.load(first_start=True)
    core = ScriptedCore(controller, SystemClock().seconds, lambda: None)
    begun, ended = asyncio.Event(), asyncio.Event()

    async def never_done(_policy: object) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    core.lapse = never_done  # type: ignore[method-assign,assignment]
    controller.give_body(core)
    task = asyncio.ensure_future(controller.run())
    try:
        await asyncio.wait_for(begun.wait(), 5)
        assert controller.lapsed
        assert [alert.code for alert in controller.take_alerts()] == ["LEASE_LAPSED"]

        connect(controller)
        await asyncio.wait_for(ended.wait(), 5)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert not controller.lapsed
