from __future__ import annotations

import pytest

from web_gateway.routes import Found, MethodNotAllowed, RouteTable, contract_routes, contract_services

TABLE = RouteTable(contract_routes(contract_services()))


@pytest.mark.parametrize(
    ("method", "path", "name", "values"),
    [
        ("GET", b"/api/trades/live", "ListLiveTrades", {}),
        ("GET", b"/api/trades/active", "ListLiveTrades", {}),
        ("HEAD", b"/api/trades/active", "ListLiveTrades", {}),
        ("GET", b"/api/trades/trd_1", "GetTrade", {"trade_id": "trd_1"}),
        ("POST", b"/api/trades/close-all", "CloseAllTrades", {}),
        ("POST", b"/api/trades/live/close", "CloseTrade", {"trade_id": "live"}),
        ("POST", b"/api/trades/a%2Fb%20c/close", "CloseTrade", {"trade_id": "a/b c"}),
        ("GET", b"/api/mt5-status", "GetTerminalStatus", {}),
        ("GET", b"/api/mt5/status", "GetTerminalStatus", {}),
        ("DELETE", b"/api/orders/ord_1", "CancelOrder", {"order_id": "ord_1"}),
    ],
)
def test_a_path_finds_its_rpc(method: str, path: bytes, name: str, values: dict[str, str]) -> None:
    found = TABLE.find(method, path)
    assert isinstance(found, Found)
    assert (found.route.rpc.name, found.path_values) == (name, values)


@pytest.mark.parametrize(
    "path", [b"/api", b"/api/", b"/api/trades/", b"/api/trades//close", b"/api/trades/%ff", b"/api/Trades"]
)
def test_a_path_that_is_not_in_the_contract_is_not_found(path: bytes) -> None:
    assert TABLE.find("GET", path) is None


def test_another_method_is_told_which_there_are() -> None:
    assert TABLE.find("PATCH", b"/api/orders/ord_1") == MethodNotAllowed(("DELETE", "GET", "HEAD", "PUT"))


def test_every_unary_call_but_the_bridges_pairing_and_streams_has_a_path() -> None:
    bound = {route.rpc.full_name for route in TABLE.routes}
    without = {
        rpc.name for service in contract_services() for rpc in service.methods if rpc.full_name not in bound
    }
    # What a webhook is sent is no message of the contract: the gateway hands on its bytes.
    assert without == {"Pair", "Connect", "Control", "Subscribe", "SubmitWebhook"}
