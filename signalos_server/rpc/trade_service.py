"""Trades on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from decimal import Decimal
from typing import Any

from grpc.aio import ServicerContext

from signalos.v1 import trade_service_pb2 as pb
from signalos.v1 import trade_service_pb2_grpc
from signalos_server.domain.actions import Modify, Open, Risk
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.frames import CheckResult
from signalos_server.domain.records import TrailingStop
from signalos_server.domain.words import DistanceUnit, OrderType, Side, TradeState
from signalos_server.rpc.call import caller
from signalos_server.rpc.convert import decimal_of, optional_decimal, seconds_of
from signalos_server.rpc.convert_commands import command_to_proto
from signalos_server.rpc.convert_protection import plan_of, plan_to_proto, start_of
from signalos_server.rpc.convert_records import (
    active_to_proto,
    deal_to_proto,
    live_to_proto,
    trade_to_proto,
    trailing_to_proto,
)
from signalos_server.rpc.requests import asked_of, milliseconds_of, next_token, page_of
from signalos_server.service.trades import Trades, TradeWishes

Context = ServicerContext[Any, Any]

_NO_PLAN = "give targets or breakEven in it, or {} to take ladder and break-even away"


class TradeServicer(trade_service_pb2_grpc.TradeServiceServicer):
    """Translates `TradeService`."""

    def __init__(self, trades: Trades) -> None:
        self._trades = trades

    async def OpenTrade(self, request: pb.OpenTradeRequest, context: Context) -> pb.OpenTradeResponse:
        """Open a trade or place a pending order, or only count it."""
        action = _open_of(request)
        if request.validate_only:
            result = await self._trades.preview(caller(), request.account_id, action)
            return pb.OpenTradeResponse(preview=_preview(result))
        command = await self._trades.open(asked_of(request), request.account_id, action)
        return pb.OpenTradeResponse(command=command_to_proto(command))

    async def CloseTrade(self, request: pb.CloseTradeRequest, context: Context) -> pb.CloseTradeResponse:
        """Close a trade."""
        command = await self._trades.close(asked_of(request), request.trade_id)
        return pb.CloseTradeResponse(command=command_to_proto(command))

    async def PartialCloseTrade(
        self, request: pb.PartialCloseTradeRequest, context: Context
    ) -> pb.PartialCloseTradeResponse:
        """Close a part of a trade."""
        percentage = optional_decimal(request, "percentage")
        command = await self._trades.partial_close(
            asked_of(request),
            request.trade_id,
            None if percentage is None else percentage / Decimal(100),
            optional_decimal(request, "volume_lots"),
        )
        return pb.PartialCloseTradeResponse(command=command_to_proto(command))

    async def ModifyTrade(self, request: pb.ModifyTradeRequest, context: Context) -> pb.ModifyTradeResponse:
        """Set or remove levels."""
        paths = request.update_mask.paths
        levels = Modify(
            position_identifier=0,
            set_stop_loss="stop_loss" in paths,
            stop_loss=optional_decimal(request, "stop_loss") if "stop_loss" in paths else None,
            set_take_profit="take_profit" in paths,
            take_profit=optional_decimal(request, "take_profit") if "take_profit" in paths else None,
        )
        command = await self._trades.modify(asked_of(request), request.trade_id, levels)
        return pb.ModifyTradeResponse(command=command_to_proto(command))

    async def SetTrailingStop(
        self, request: pb.SetTrailingStopRequest, context: Context
    ) -> pb.SetTrailingStopResponse:
        """Set or remove a trailing stop."""
        trailing = None
        if not request.HasField("enabled") or request.enabled:
            step = optional_decimal(request, "step")
            trailing = TrailingStop(
                distance=decimal_of(request.distance),
                unit=DistanceUnit(request.unit) if request.unit else DistanceUnit.PRICE,
                step=Decimal(0) if step is None else step,
                activation=optional_decimal(request, "activation"),
                start=start_of(request.start) if request.HasField("start") else None,
                min_interval_seconds=seconds_of(request.min_interval)
                if request.HasField("min_interval")
                else 1.0,
            )
        answer = await self._trades.set_trailing(asked_of(request), request.trade_id, trailing)
        return pb.SetTrailingStopResponse(
            trade=trade_to_proto(answer.trade),
            wanted=trailing_to_proto(answer.policy.trailing_stop) if answer.policy is not None else None,
            revision=answer.revision,
            applied=answer.applied,
            problem=answer.problem,
        )

    async def SetProtection(
        self, request: pb.SetProtectionRequest, context: Context
    ) -> pb.SetProtectionResponse:
        """Set or remove a ladder and a move to break-even.

        Without a plan it is refused: what was forgotten must not take away what guards a trade.
        """
        if not request.HasField("plan"):
            raise InvalidField("plan", _NO_PLAN)
        plan = plan_of(request.plan)
        answer = await self._trades.set_protection(
            asked_of(request), request.trade_id, None if plan.empty else plan
        )
        return pb.SetProtectionResponse(
            trade=trade_to_proto(answer.trade),
            wanted=plan_to_proto(answer.policy.protection) if answer.policy is not None else None,
            revision=answer.revision,
            applied=answer.applied,
            problem=answer.problem,
        )

    async def SetTradeStealth(
        self, request: pb.SetTradeStealthRequest, context: Context
    ) -> pb.SetTradeStealthResponse:
        """Hide or show the levels of one trade."""
        stealth = request.stealth_mode if request.HasField("stealth_mode") else None
        answer = await self._trades.set_stealth(asked_of(request), request.trade_id, stealth)
        return pb.SetTradeStealthResponse(
            trade=trade_to_proto(answer.trade),
            wanted=None if answer.policy is None else answer.policy.stealth,
            revision=answer.revision,
            applied=answer.applied,
            problem=answer.problem,
        )

    async def BreakEvenTrade(
        self, request: pb.BreakEvenTradeRequest, context: Context
    ) -> pb.BreakEvenTradeResponse:
        """Move the stop to where leaving costs nothing."""
        command = await self._trades.break_even(
            asked_of(request), request.trade_id, optional_decimal(request, "offset") or Decimal(0)
        )
        return pb.BreakEvenTradeResponse(command=command_to_proto(command))

    async def CloseAllTrades(
        self, request: pb.CloseAllTradesRequest, context: Context
    ) -> pb.CloseAllTradesResponse:
        """Close all trades of an account."""
        command = await self._trades.close_all(
            asked_of(request), request.account_id, external=request.external, symbol=request.symbol
        )
        return pb.CloseAllTradesResponse(command=command_to_proto(command))

    async def AdoptTrade(self, request: pb.AdoptTradeRequest, context: Context) -> pb.AdoptTradeResponse:
        """Take a trade under management."""
        command = await self._trades.adopt(asked_of(request), request.trade_id)
        return pb.AdoptTradeResponse(command=command_to_proto(command))

    async def ListTrades(self, request: pb.ListTradesRequest, context: Context) -> pb.ListTradesResponse:
        """List trades, newest first."""
        page = page_of("trades", request, 50, 500)
        found = await self._trades.page(
            caller(),
            request.account_id,
            page,
            state=TradeState(request.state) if request.state else None,
            symbol=request.symbol,
            start=milliseconds_of(request, "start_time"),
            end=milliseconds_of(request, "end_time"),
        )
        response = pb.ListTradesResponse(trades=[trade_to_proto(trade) for trade in found])
        if found:
            last = found[-1]
            response.next_page_token = next_token(
                "trades", page, len(found), last.position.open_broker_milliseconds, last.trade_id
            )
        return response

    async def ListLiveTrades(
        self, request: pb.ListLiveTradesRequest, context: Context
    ) -> pb.ListLiveTradesResponse:
        """List open trades with their numbers."""
        found = await self._trades.open_trades(caller(), request.account_id)
        return pb.ListLiveTradesResponse(
            trades=[active_to_proto(one.trade, one.live, one.age_seconds) for one in found]
        )

    async def GetTrade(self, request: pb.GetTradeRequest, context: Context) -> pb.GetTradeResponse:
        """Read a trade with its deals and what is wanted of it."""
        read = await self._trades.get(caller(), request.trade_id)
        one = read.trade
        return pb.GetTradeResponse(
            trade=trade_to_proto(one.trade),
            live=live_to_proto(one.live),
            deals=[deal_to_proto(one.trade.account_id, deal) for deal in read.deals],
            wishes=_wishes(read.wishes),
        )

    async def ListDeals(self, request: pb.ListDealsRequest, context: Context) -> pb.ListDealsResponse:
        """List deals, newest first."""
        page = page_of("deals", request, 50, 500)
        found = await self._trades.deals(
            caller(),
            request.account_id,
            page,
            start=milliseconds_of(request, "start_time"),
            end=milliseconds_of(request, "end_time"),
        )
        response = pb.ListDealsResponse(deals=[deal_to_proto(account_id, deal) for account_id, deal in found])
        if found:
            account_id, last = found[-1]
            response.next_page_token = next_token(
                "deals", page, len(found), last.broker_milliseconds, f"{account_id}:{last.ticket}"
            )
        return response


def _wishes(wishes: TradeWishes | None) -> pb.TradeWishes | None:
    if wishes is None:
        return None
    policy = wishes.policy
    return pb.TradeWishes(
        trailing_stop=trailing_to_proto(policy.trailing_stop),
        trailing_stop_revision=policy.revision,
        protection=plan_to_proto(policy.protection),
        protection_revision=policy.protection_revision,
        stealth=policy.stealth,
        stealth_revision=policy.stealth_revision,
        applied_revision=wishes.applied_revision,
        problem=wishes.problem,
    )


def _open_of(request: pb.OpenTradeRequest) -> Open:
    risk = None
    if request.HasField("risk"):
        risk = Risk(
            equity_percent=optional_decimal(request.risk, "equity_percent"),
            balance_percent=optional_decimal(request.risk, "balance_percent"),
            money=optional_decimal(request.risk, "money"),
        )
    take_profit = optional_decimal(request, "take_profit")
    several = tuple(decimal_of(price) for price in request.take_profits)
    return Open(
        symbol=request.symbol,
        side=Side(request.side),
        order_type=OrderType(request.order_type) if request.order_type else OrderType.MARKET,
        volume_lots=optional_decimal(request, "volume_lots"),
        risk=risk,
        price=optional_decimal(request, "price"),
        stop_loss=optional_decimal(request, "stop_loss"),
        take_profits=several if take_profit is None else (take_profit,),
        deviation_points=request.deviation_points if request.HasField("deviation_points") else 20,
        expire_after_seconds=seconds_of(request.expire_after) if request.HasField("expire_after") else None,
        comment=request.comment,
        protection=plan_of(request.protection) if request.HasField("protection") else None,
    )


def _preview(result: CheckResult) -> pb.OrderPreview:
    return pb.OrderPreview(
        acceptable=not result.problems,
        problems=result.problems,
        volume_lots=result.volume_lots,
        price=result.price,
        risk_money=result.risk_money,
        reward_money=result.reward_money,
        margin=result.margin,
        currency=result.currency,
        spread_points=result.spread_points,
    )
