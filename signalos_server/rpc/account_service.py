"""Accounts and bridges on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from grpc.aio import ServicerContext

from signalos.v1 import account_pb2, account_service_pb2_grpc
from signalos.v1 import account_service_pb2 as pb
from signalos_server.domain.happenings import AccountView, BridgeView
from signalos_server.domain.pages import decode_page, encode_page, page_size
from signalos_server.domain.words import BridgeState, TerminalState
from signalos_server.rpc.call import caller
from signalos_server.rpc.convert_accounts import (
    account_to_proto,
    bridge_to_proto,
    equity_to_proto,
    money_to_proto,
)
from signalos_server.rpc.requests import milliseconds_of
from signalos_server.service.accounts import Accounts
from signalos_server.service.equity import Equity
from signalos_server.service.live import Live

Context = ServicerContext[Any, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SymbolMessages(Protocol):
    """Reads the symbols of an account."""

    async def symbols(self, account_id: str) -> Sequence[account_pb2.Symbol]:
        """Return the account's symbols by name, with their last quotes."""


class AccountServicer(account_service_pb2_grpc.AccountServiceServicer):
    """Translates `AccountService`."""

    def __init__(self, accounts: Accounts, live: Live, symbols: SymbolMessages, equity: Equity) -> None:
        self._accounts = accounts
        self._equity = equity
        self._live = live
        self._symbols = symbols

    async def ListAccounts(
        self, request: pb.ListAccountsRequest, context: Context
    ) -> pb.ListAccountsResponse:
        """List accounts, oldest first."""
        size = page_size(request.page_size, 100, 500)
        position = decode_page("accounts", request.page_token, int, str)
        after = None
        if position is not None:
            microseconds, account_id = position
            after = (_EPOCH + timedelta(microseconds=_bounded(int(microseconds))), str(account_id))
        found = await self._accounts.accounts(caller(), size + 1, after)
        response = pb.ListAccountsResponse(accounts=[self._account(account) for account in found[:size]])
        if len(found) > size:
            last = found[size - 1]
            microseconds = (last.create_time - _EPOCH) // timedelta(microseconds=1)
            response.next_page_token = encode_page("accounts", microseconds, last.account_id)
        return response

    async def GetAccount(self, request: pb.GetAccountRequest, context: Context) -> pb.GetAccountResponse:
        """Read an account with its money."""
        account = await self._accounts.account(caller(), request.account_id)
        money = self._live.money(account.account_id)
        return pb.GetAccountResponse(
            account=self._account(account), state=None if money is None else money_to_proto(money)
        )

    async def ListEquity(self, request: pb.ListEquityRequest, context: Context) -> pb.ListEquityResponse:
        """Tell how an account's equity went."""
        account = await self._accounts.account(caller(), request.account_id)
        found = await self._equity.samples(
            account.account_id, milliseconds_of(request, "since"), milliseconds_of(request, "until")
        )
        return pb.ListEquityResponse(samples=[equity_to_proto(sample) for sample in found])

    async def CreateAccount(
        self, request: pb.CreateAccountRequest, context: Context
    ) -> pb.CreateAccountResponse:
        """Make an account."""
        account = await self._accounts.create(caller(), request.name)
        return pb.CreateAccountResponse(account=self._account(account))

    async def UpdateAccount(
        self, request: pb.UpdateAccountRequest, context: Context
    ) -> pb.UpdateAccountResponse:
        """Rename an account."""
        account = await self._accounts.rename(caller(), request.account_id, request.name)
        return pb.UpdateAccountResponse(account=self._account(account))

    async def ListSymbols(self, request: pb.ListSymbolsRequest, context: Context) -> pb.ListSymbolsResponse:
        """List an account's symbols."""
        account = await self._accounts.only_account(caller(), request.account_id)
        return pb.ListSymbolsResponse(symbols=await self._symbols.symbols(account.account_id))

    async def GetTerminalStatus(
        self, request: pb.GetTerminalStatusRequest, context: Context
    ) -> pb.GetTerminalStatusResponse:
        """Tell how the terminals are."""
        if request.account_id:
            found = [await self._accounts.account(caller(), request.account_id)]
        else:
            found = await self._accounts.accounts(caller())
        return pb.GetTerminalStatusResponse(accounts=[self._status(account) for account in found])

    async def CreatePairingCode(
        self, request: pb.CreatePairingCodeRequest, context: Context
    ) -> pb.CreatePairingCodeResponse:
        """Make a pairing code."""
        code, expire_time = await self._accounts.create_code(
            caller(), request.account_id, request.bridge_name
        )
        response = pb.CreatePairingCodeResponse(code=code)
        response.expire_time.FromDatetime(expire_time)
        return response

    async def ListBridges(self, request: pb.ListBridgesRequest, context: Context) -> pb.ListBridgesResponse:
        """List bridges, live ones first, revoked ones last."""
        found = await self._accounts.bridges(caller(), request.account_id)
        bridges = [await self._bridge(bridge) for bridge in found]
        order = {BridgeState.CONNECTED: 0, BridgeState.DEGRADED: 1, BridgeState.REVOKED: 3}
        bridges.sort(key=lambda bridge: order.get(bridge.state, 2))
        return pb.ListBridgesResponse(bridges=[bridge_to_proto(bridge) for bridge in bridges])

    async def RevokeBridge(
        self, request: pb.RevokeBridgeRequest, context: Context
    ) -> pb.RevokeBridgeResponse:
        """End a bridge's credential and session."""
        bridge = await self._accounts.revoke_bridge(caller(), request.bridge_id)
        return pb.RevokeBridgeResponse(bridge=bridge_to_proto(bridge))

    def _account(self, account: AccountView) -> account_pb2.Account:
        return account_to_proto(self._live.view(account))

    async def _bridge(self, bridge: BridgeView) -> BridgeView:
        """Return a bridge with what memory knows of it; a revoked one has no session."""
        if bridge.state is BridgeState.REVOKED:
            return bridge
        account = await self._accounts.account(caller(), bridge.account_id)
        return self._live.view(account).bridge or bridge

    def _status(self, stored: AccountView) -> pb.AccountTerminalStatus:
        account = self._live.view(stored)
        bridge = account.bridge
        terminal = None if bridge is None else bridge.terminal
        connected = (
            bridge is not None
            and bridge.state is BridgeState.CONNECTED
            and terminal is not None
            and terminal.state is TerminalState.READY
            and terminal.broker_connected is True
        )
        money = self._live.money(account.account_id)
        status = pb.AccountTerminalStatus(
            account=account_to_proto(account),
            connected=connected,
            state=None if money is None else money_to_proto(money),
        )
        since = self._since(account, connected)
        status.since.FromDatetime(since)
        return status

    def _since(self, account: AccountView, connected: bool) -> datetime:
        bridge = account.bridge
        if bridge is None:
            return account.create_time
        link = bridge.state_time or bridge.pair_time
        live = bridge.state is BridgeState.CONNECTED
        # Live streams with a terminal that is not ready: since the terminal said so.
        if live and not connected and bridge.terminal_read_time is not None:
            return max(link, bridge.terminal_read_time)
        return link


def _bounded(microseconds: int) -> int:
    """Return what a `datetime` can hold; a forged token asks for a page that is empty."""
    return max(0, min(microseconds, 250_000_000_000_000_000))
