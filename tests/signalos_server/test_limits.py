"""Limits of accounts, over real sockets with bridges by hand."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from signalos.v1 import (
    account_pb2,
    alert_service_pb2,
    bridge_pb2,
    control_pb2,
    control_service_pb2,
    trade_pb2,
    trade_service_pb2,
)
from signalos.v1 import bridge_service_pb2 as pb
from signalos_server.domain.errors import StorageUnavailable
from signalos_server.service.emergency import EmergencyStops
from tests.signalos_server.serving import error_of
from tests.signalos_server.trading_world import Trader, eventually, trading
from tests.support.fake_bridge import EURUSD, FakeBridge, silent

pytestmark = pytest.mark.integration

OK, WARNING, SOFT, HARD = (
    control_pb2.LIMIT_STAGE_OK,
    control_pb2.LIMIT_STAGE_WARNING,
    control_pb2.LIMIT_STAGE_SOFT,
    control_pb2.LIMIT_STAGE_HARD,
)


def an_open(lots: float = 0.1, **more: object) -> trade_service_pb2.OpenTradeRequest:
    request = trade_service_pb2.OpenTradeRequest(
        request_id=uuid.uuid4().hex,
        symbol="EURUSD",
        side=trade_pb2.SIDE_BUY,
        volume_lots=lots,
        **more,  # type: ignore[arg-type]
    )
    request.wait.FromMilliseconds(0)
    return request


async def priced(bridge: FakeBridge) -> None:
    """Tell what a tick is worth, and a quote."""
    symbol = account_pb2.Symbol()
    symbol.CopyFrom(EURUSD)
    symbol.tick_value, symbol.contract_size = 1.0, 100_000
    symbol.base_currency, symbol.profit_currency = "EUR", "USD"
    await bridge.tell(pb.ConnectRequest(symbols=bridge_pb2.SymbolTable(symbols=[symbol], first=True)))
    await quoted(bridge)


async def quoted(bridge: FakeBridge, bid: float = 1.10000, ask: float = 1.10010) -> None:
    live = bridge_pb2.LiveUpdate(quotes=[bridge_pb2.Quote(symbol="EURUSD", bid=bid, ask=ask)])
    await bridge.tell(pb.ConnectRequest(live=live))


async def funded(bridge: FakeBridge, equity: float, balance: float = 10_000.0) -> None:
    """Tell the account's money, as just read."""
    state = account_pb2.AccountState(balance=balance, equity=equity, credit=0.0, margin=0.0)
    await bridge.tell(pb.ConnectRequest(live=bridge_pb2.LiveUpdate(account=state)))


async def limited(
    trader: Trader, limits: control_pb2.Limits, **more: object
) -> control_service_pb2.UpdateLimitsResponse:
    request = control_service_pb2.UpdateLimitsRequest(limits=limits, **more)  # type: ignore[arg-type]
    return await trader.control.UpdateLimits(request, metadata=trader.metadata)


async def use_of(trader: Trader, code: str) -> control_pb2.LimitUse:
    answer = await trader.control.GetLimits(control_service_pb2.GetLimitsRequest(), metadata=trader.metadata)
    return next(use for use in answer.uses if use.code == code)


async def refused(trader: Trader, request: trade_service_pb2.OpenTradeRequest) -> dict[str, str]:
    """Send an open that a limit refuses; return the metadata."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await trader.trades.OpenTrade(request, metadata=trader.metadata)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION, caught.value.details()
    name, reason, metadata = caught.value.code().name, *error_of(caught.value)[1:3]
    assert reason == "LIMIT", (name, reason)
    return dict(metadata)


async def told(trader: Trader, *codes: str) -> None:
    """Wait until alerts with these codes were raised."""

    async def look() -> bool | None:
        request = alert_service_pb2.ListAlertsRequest()
        answer = await trader.client.alerts.ListAlerts(request, metadata=trader.metadata)
        return {*codes} <= {alert.code for alert in answer.alerts} or None

    await eventually(look)


async def test_an_open_that_a_limit_forbids_is_refused_with_its_numbers_and_makes_no_command(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        ann = await world.trader("ann", 1)
        await limited(ann, control_pb2.Limits(maximum_order_lots=0.05))

        numbers = await refused(ann, an_open(0.1))

        assert numbers == {"code": "MAXIMUM_ORDER_LOTS", "limit": "0.05", "current": "0.1"}
        assert not ann.bridge.deliveries
        await ann.trades.OpenTrade(an_open(0.05), metadata=ann.metadata)


async def test_opens_that_are_under_way_count(tmp_path: Path, storage_url: str) -> None:
    async with trading(tmp_path, storage_url) as world:
        ann = await world.trader("ann", 1)
        ann.bridge.answer = silent
        await ann.with_position(71)
        await limited(ann, control_pb2.Limits(maximum_positions=3, maximum_total_lots=0.35))
        calls = [ann.trades.OpenTrade(an_open(0.1), metadata=ann.metadata) for _ in range(6)]

        answers = await asyncio.gather(*calls, return_exceptions=True)

        passed = [one for one in answers if not isinstance(one, BaseException)]
        assert len(passed) == 2
        use = await use_of(ann, "MAXIMUM_POSITIONS")
        assert (use.current, use.headroom, use.stage) == (3, 0, SOFT)
        assert (await refused(ann, an_open(0.01)))["code"] == "MAXIMUM_POSITIONS"


async def test_closing_passes_whatever_is_latched_or_used_up(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        trade_id = await ann.with_position(71)
        await limited(
            ann,
            control_pb2.Limits(
                maximum_positions=1,
                maximum_order_lots=0.01,
                minimum_equity=1e9,
                mandatory_stop=True,
                daily_loss=control_pb2.DailyLossLimit(percent=1),
            ),
        )

        await refused(ann, an_open(0.01))
        closed = await ann.trades.CloseTrade(ann.close_request(trade_id), metadata=ann.metadata)

        assert closed.command.reason == ""


async def test_the_worst_case_at_the_stop_has_to_fit_into_what_is_left_of_the_day(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        await priced(ann.bridge)
        loss = control_pb2.DailyLossLimit(money=500)
        await limited(ann, control_pb2.Limits(daily_loss=loss))
        assert (await refused(ann, an_open(stop_loss=1.09)))["code"] == "STALE_ACCOUNT"
        await funded(ann.bridge, 9_700)
        use = await use_of(ann, "MAX_DAILY_LOSS")
        assert (use.HasField("current"), use.HasField("headroom"), use.stage) == (False, False, 0)
        assert (await refused(ann, an_open(stop_loss=1.09)))["code"] == "DAY_BASE_UNKNOWN"
        await limited(ann, control_pb2.Limits(daily_loss=loss), day_balance=10_000)

        use = await use_of(ann, "MAX_DAILY_LOSS")
        assert (use.limit, use.current, use.headroom, use.headroom_money) == (500, 300, 200, 200)
        # 100 pips of 0.2 lots are 200.20 with the spread.
        numbers = await refused(ann, an_open(0.2, stop_loss=1.09))
        assert numbers == {
            "code": "MAX_DAILY_LOSS",
            "limit": "500.00",
            "current": "300.00",
            "worst_case": "502.00",
        }
        await ann.trades.OpenTrade(an_open(0.19, stop_loss=1.09), metadata=ann.metadata)


async def test_a_fall_warns_blocks_and_closes_and_only_a_person_leads_out(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url) as world:
        ann = await world.trader("ann", 1)
        await priced(ann.bridge)
        await funded(ann.bridge, 10_000)
        loss = control_pb2.DailyLossLimit(money=1_000)
        await limited(ann, control_pb2.Limits(daily_loss=loss), day_balance=10_000)

        async def stage_of(equity: float, wanted: int) -> control_pb2.LimitUse:
            async def look() -> control_pb2.LimitUse | None:
                await funded(ann.bridge, equity)
                use = await use_of(ann, "MAX_DAILY_LOSS")
                return use if use.stage == wanted and use.latched is (wanted >= SOFT) else None

            return await eventually(look)

        await quoted(ann.bridge)
        await stage_of(9_250, WARNING)
        await told(ann, "LIMIT_WARNING")
        await quoted(ann.bridge)
        await ann.trades.OpenTrade(an_open(0.01, stop_loss=1.09), metadata=ann.metadata)

        await stage_of(9_100, SOFT)
        assert (await refused(ann, an_open(0.01, stop_loss=1.09)))["stage"] == "SOFT"
        # Won back: still latched.
        await funded(ann.bridge, 9_900)
        assert (await use_of(ann, "MAX_DAILY_LOSS")).latched

        await stage_of(8_900, HARD)

        async def stopped() -> control_pb2.StopReport | None:
            request = control_service_pb2.ListStopsRequest(active_only=True)
            found = (await ann.control.ListStops(request, metadata=ann.metadata)).stops
            return found[0] if found else None

        stop = await eventually(stopped)
        assert (stop.trigger, stop.close_positions) == (control_pb2.STOP_TRIGGER_KIND_LIMIT, True)
        await told(ann, "LIMIT_SOFT", "LIMIT_HARD", "STOPPED_AUTOMATICALLY")

        rearm = control_service_pb2.RearmRequest(
            stop_ids=[stop.stop_id], reason="looked at", password="correct horse battery"
        )
        await ann.control.Rearm(rearm, metadata=ann.metadata)
        await funded(ann.bridge, 9_900)
        assert (await refused(ann, an_open(0.01, stop_loss=1.09)))["stage"] == "HARD"

        resume = control_service_pb2.ResumeLimitsRequest(reason="a new day")
        answer = await ann.control.ResumeLimits(resume, metadata=ann.metadata)
        assert list(answer.resumed_codes) == ["MAX_DAILY_LOSS"]
        await quoted(ann.bridge)
        await ann.trades.OpenTrade(an_open(0.01, stop_loss=1.09), metadata=ann.metadata)
        with pytest.raises(grpc.aio.AioRpcError) as nothing:
            await ann.control.ResumeLimits(resume, metadata=ann.metadata)
        assert error_of(nothing.value)[1] == "WRONG_STATE"


async def test_a_hard_stage_is_on_record_only_once_its_stop_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server that is killed between the two must not find a stage that has nothing left to do.
    away, commit = True, EmergencyStops._commit

    def late(self: EmergencyStops, *told: Any) -> Any:
        if away:
            raise StorageUnavailable("the database is away for a moment")
        return commit(self, *told)

    monkeypatch.setattr(EmergencyStops, "_commit", late)
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        await funded(ann.bridge, 10_000)
        loss = control_pb2.DailyLossLimit(money=1_000)
        await limited(ann, control_pb2.Limits(daily_loss=loss), day_balance=10_000)

        async def latched() -> bool | None:
            await funded(ann.bridge, 8_900)
            use = await use_of(ann, "MAX_DAILY_LOSS")
            return (use.stage == HARD and use.latched) or None

        async def held() -> bool | None:
            await funded(ann.bridge, 8_900)
            return bool(ann.bridge.held) or None

        # The bridge has it at once, from memory.
        await eventually(held)
        with pytest.raises(TimeoutError):
            await eventually(latched, 2)
        away = False

        await eventually(latched)
        await told(ann, "LIMIT_HARD", "STOPPED_AUTOMATICALLY")


async def heard(bridge: FakeBridge, state: account_pb2.TerminalStatus, read_age: float = 0.0) -> None:
    """Tell on the data stream how the terminal is."""
    beat = bridge_pb2.BridgeHeartbeat(number=99, terminal=state, read_age_seconds=read_age)
    await bridge.tell(pb.ConnectRequest(heartbeat=beat))


READY = account_pb2.TerminalStatus(state=account_pb2.TERMINAL_STATE_READY, broker_connected=True)


@pytest.mark.parametrize(
    ("terminal", "balance"),
    [
        (
            account_pb2.TerminalStatus(state=account_pb2.TERMINAL_STATE_READY, broker_connected=False),
            10_000.0,
        ),
        (account_pb2.TerminalStatus(state=account_pb2.TERMINAL_STATE_READY), 10_000.0),
        (
            account_pb2.TerminalStatus(
                state=account_pb2.TERMINAL_STATE_ACCOUNT_MISMATCH, broker_connected=True
            ),
            10_000.0,
        ),
        (
            account_pb2.TerminalStatus(state=account_pb2.TERMINAL_STATE_NOT_LOGGED_IN, broker_connected=True),
            10_000.0,
        ),
        # Right after a login the balance may be shown as nothing.
        (READY, 0.0),
        # A withdrawal whose deal is still to come.
        (READY, 4_000.0),
    ],
    ids=["broker away", "broker not known", "another login", "no login", "no balance", "unexplained"],
)
async def test_reads_that_are_not_plausible_trip_nothing(
    tmp_path: Path, terminal: account_pb2.TerminalStatus, balance: float
) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        await funded(ann.bridge, 10_000)
        await limited(
            ann, control_pb2.Limits(daily_loss=control_pb2.DailyLossLimit(money=500)), day_balance=10_000
        )
        await heard(ann.bridge, terminal)

        for _ in range(12):
            await funded(ann.bridge, min(balance, 4_000), balance=balance)
            await asyncio.sleep(0.15)

        assert not (await use_of(ann, "MAX_DAILY_LOSS")).latched
        assert not ann.bridge.held

        # The same loss, plausibly read.
        await heard(ann.bridge, READY)

        async def latched() -> bool | None:
            await funded(ann.bridge, 4_000)
            return (await use_of(ann, "MAX_DAILY_LOSS")).latched or None

        await eventually(latched)


async def test_a_read_of_before_the_link_was_lost_trips_nothing(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        await funded(ann.bridge, 10_000)
        await limited(
            ann, control_pb2.Limits(daily_loss=control_pb2.DailyLossLimit(money=500)), day_balance=10_000
        )
        await funded(ann.bridge, 4_000)
        await ann.bridge.close()
        await asyncio.sleep(1.5)

        assert not (await use_of(ann, "MAX_DAILY_LOSS")).latched


async def test_a_profile_is_listed_tried_and_applied_nearer_than_the_firms_own(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        listed = await ann.control.ListLimitProfiles(
            control_service_pb2.ListLimitProfilesRequest(), metadata=ann.metadata
        )
        assert {"ftmo-two-phase", "the5ers-like", "fundednext-like", "generic-4-8", "generic-5-10"} <= {
            profile.profile_id for profile in listed.profiles
        }
        assert all(profile.as_of and profile.caution and profile.phases for profile in listed.profiles)
        await limited(ann, control_pb2.Limits(maximum_positions=7))
        request = control_service_pb2.ApplyLimitProfileRequest(profile_id="generic-5-10", dry_run=True)

        tried = await ann.control.ApplyLimitProfile(request, metadata=ann.metadata)
        request.dry_run, request.start_balance = False, 50_000
        applied = await ann.control.ApplyLimitProfile(request, metadata=ann.metadata)

        assert tried.limits.daily_loss.percent == 4.25
        kept = (
            await ann.control.GetLimits(control_service_pb2.GetLimitsRequest(), metadata=ann.metadata)
        ).limits
        assert kept == applied.limits
        assert (kept.daily_loss.money, kept.total_loss.percent, kept.total_loss.start_balance) == (
            2_125,
            8.5,
            50_000,
        )
        assert (kept.maximum_positions, kept.profile_id) == (7, "generic-5-10")
        request.phase = "another"
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await ann.control.ApplyLimitProfile(request, metadata=ann.metadata)
        assert error_of(unknown.value)[1] == "NOT_FOUND"


async def test_bad_limits_are_refused_with_each_field(tmp_path: Path) -> None:
    async with trading(tmp_path) as world:
        ann = await world.trader("ann", 1)
        for limits, field in (
            (control_pb2.Limits(maximum_order_lots=-1), "limits.maximumOrderLots"),
            (control_pb2.Limits(maximum_leverage=float("nan")), "limits.maximumLeverage"),
            (control_pb2.Limits(day=control_pb2.TradingDay(time_zone="Mars/Olympus")), "limits.day.timeZone"),
            (
                control_pb2.Limits(
                    daily_loss=control_pb2.DailyLossLimit(
                        percent=5, levels=control_pb2.LimitLevels(warning_percent=90, soft_percent=80)
                    )
                ),
                "limits.dailyLoss.levels",
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await limited(ann, limits)
            code, reason, _, fields = error_of(caught.value)
            assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
            assert [name for name, _ in fields] == [field]
