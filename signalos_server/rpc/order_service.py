"""Pending orders on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from typing import Any

from grpc.aio import ServicerContext

from signalos.v1 import order_service_pb2 as pb
from signalos.v1 import order_service_pb2_grpc
from signalos_server.domain.actions import ModifyOrder
from signalos_server.domain.words import OrderState
from signalos_server.rpc.call import caller
from signalos_server.rpc.convert import optional_decimal
from signalos_server.rpc.convert_commands import command_to_proto
from signalos_server.rpc.convert_records import order_to_proto
from signalos_server.rpc.requests import asked_of, next_token, page_of
from signalos_server.service.orders import Orders

Context = ServicerContext[Any, Any]


class OrderServicer(order_service_pb2_grpc.OrderServiceServicer):
    """Translates `OrderService`."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    async def ListOrders(self, request: pb.ListOrdersRequest, context: Context) -> pb.ListOrdersResponse:
        """List pending orders, newest first."""
        page = page_of("orders", request, 100, 500)
        state = OrderState(request.state) if request.state else OrderState.WORKING
        found = await self._orders.page(caller(), request.account_id, page, state)
        response = pb.ListOrdersResponse(orders=[order_to_proto(order) for order in found])
        if found:
            last = found[-1]
            response.next_page_token = next_token(
                "orders", page, len(found), last.pending.place_broker_milliseconds, last.order_id
            )
        return response

    async def GetOrder(self, request: pb.GetOrderRequest, context: Context) -> pb.GetOrderResponse:
        """Read a pending order."""
        return pb.GetOrderResponse(order=order_to_proto(await self._orders.get(caller(), request.order_id)))

    async def ModifyOrder(self, request: pb.ModifyOrderRequest, context: Context) -> pb.ModifyOrderResponse:
        """Move a pending order or its levels."""
        paths = request.update_mask.paths
        change = ModifyOrder(
            order_ticket=0,
            price=optional_decimal(request, "price") if "price" in paths else None,
            set_stop_loss="stop_loss" in paths,
            stop_loss=optional_decimal(request, "stop_loss") if "stop_loss" in paths else None,
            set_take_profit="take_profit" in paths,
            take_profit=optional_decimal(request, "take_profit") if "take_profit" in paths else None,
        )
        command = await self._orders.modify(asked_of(request), request.order_id, change)
        return pb.ModifyOrderResponse(command=command_to_proto(command))

    async def CancelOrder(self, request: pb.CancelOrderRequest, context: Context) -> pb.CancelOrderResponse:
        """Cancel a pending order."""
        command = await self._orders.cancel(asked_of(request), request.order_id)
        return pb.CancelOrderResponse(command=command_to_proto(command))
