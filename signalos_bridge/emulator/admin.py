"""The operator's side of a running broker: for tests, the command line and benchmarks."""

import socket
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from signalos_bridge.emulator.domain.codes import Reason
from signalos_bridge.emulator.domain.entities import AccountTerms, Deal, Order, Position
from signalos_bridge.emulator.domain.symbols import SymbolSpec
from signalos_bridge.emulator.faults import ActiveFault, AnyFault
from signalos_bridge.emulator.ledger import Record, read_ledger
from signalos_bridge.emulator.operator_messages import (
    AccountFigures,
    ClockState,
    PlaceByHand,
    SymbolChange,
    TerminalChange,
    TermsChange,
)
from signalos_bridge.emulator.server import Address, read_address
from signalos_bridge.emulator.terminals import TerminalState
from signalos_bridge.emulator.wire import Answer, FrameReader, encode

_T = TypeVar("_T")

ANSWER_SECONDS = 300.0
"""A step over a day of ticks takes the better part of a minute."""


class AdminRefused(Exception):  # noqa: N818 - an answer, not an error of the program
    """The broker did not do what the operator asked, and says why."""


class HandResult(msgspec.Struct, frozen=True, array_like=True):
    """What became of an order placed by hand."""

    retcode: int
    order: int
    deal: int


class BrokerAdmin:
    """A blocking connection with the operator's rights. Every answer is on the broker's disk."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._reader = FrameReader()
        self._socket = socket.create_connection((address.host, address.port), ANSWER_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._call("operator", address.admin_token)

    @classmethod
    def of(cls, data_dir: Path) -> "BrokerAdmin":
        """Connect to the broker that serves a data directory."""
        return cls(read_address(data_dir))

    def __enter__(self) -> "BrokerAdmin":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    # Time and prices

    def clock(self) -> ClockState:
        return self._typed(ClockState, "clock")

    def step(self, milliseconds: int) -> ClockState:
        """Let that much time pass at a broker whose clock is stepped."""
        return self._typed(ClockState, "step", milliseconds)

    def quote(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return bid and ask."""
        bid, ask = self._call("quote", symbol)
        return Decimal(bid), Decimal(ask)

    def set_price(self, symbol: str, bid: Decimal | str, ask: Decimal | str) -> None:
        """Make a tick with these prices, from which the symbol goes on."""
        self._call("set_price", symbol, str(bid), str(ask))

    def jump(self, symbol: str, points: int) -> None:
        """Make a gap: one tick that far from the last, with no price between."""
        self._call("jump", symbol, points)

    def set_symbol(self, symbol: str, change: SymbolChange) -> None:
        """Close its market, widen its spread, change its levels, its steps or its modes."""
        self._call("set_symbol", symbol, _plain(change))

    def symbol_specs(self) -> list[SymbolSpec]:
        return self._typed(list[SymbolSpec], "symbol_specs")

    # Faults

    def add_fault(self, fault: AnyFault) -> int:
        """Switch a fault on; return the number by which it is switched off."""
        return int(self._call("add_fault", _plain(fault)))

    def clear_faults(self, identifier: int | None = None) -> list[int]:
        """Switch one fault off, or all."""
        return self._typed(list[int], "clear_faults", identifier)

    def faults(self) -> list[ActiveFault]:
        """Return the faults with how often each has struck."""
        return self._typed(list[ActiveFault], "list_faults")

    # Terminals and accounts

    def terminals(self) -> list[TerminalState]:
        return self._typed(list[TerminalState], "terminals")

    def set_terminal(self, terminal: int | str, change: TerminalChange) -> None:
        """Turn a terminal's switches, cut it off from its server, or switch its account."""
        self._call("set_terminal", str(terminal), _plain(change))

    def create_account(self, terms: AccountTerms, deposit: Decimal | int) -> None:
        """Open an account, with a terminal of the same name that is logged in to it."""
        self._call("create_account", _plain(terms), str(deposit))

    def set_account(self, login: int, change: TermsChange) -> None:
        self._call("set_account", login, _plain(change))

    def account(self, login: int) -> AccountFigures:
        return self._typed(AccountFigures, "account", login)

    def deposit(
        self, login: int, amount: Decimal | int, *, comment: str = "Deposit", credit: bool = False
    ) -> int:
        """Book money, or take it if negative; return the deal's ticket."""
        return int(self._call("deposit", login, str(amount), comment, credit))

    # By hand

    def close_by_hand(
        self,
        login: int,
        ticket: int,
        volume: Decimal | str | None = None,
        *,
        reason: Reason = Reason.CLIENT,
    ) -> int:
        """Close a position, or a part, as a person would, or another program; return the deal's ticket."""
        lots = None if volume is None else str(volume)
        return int(self._call("close_by_hand", login, ticket, lots, int(reason)))

    def modify_by_hand(self, login: int, ticket: int, sl: Decimal | str, tp: Decimal | str) -> None:
        """Set a position's levels; 0 removes one."""
        self._call("modify_by_hand", login, ticket, str(sl), str(tp))

    def charge_swap(self, login: int, ticket: int, amount: Decimal | str) -> None:
        """Book swap on a position, as at the broker's midnight; negative is charged."""
        self._call("charge_swap", login, ticket, str(amount))

    def cancel_by_hand(self, login: int, ticket: int) -> None:
        """Cancel a working order."""
        self._call("cancel_by_hand", login, ticket)

    def place_by_hand(self, login: int, order: PlaceByHand) -> HandResult:
        """Send an order as a person would, or another program: its deal has the order's `reason`."""
        return self._typed(HandResult, "place_by_hand", login, _plain(order))

    # The broker's own truth

    def positions(self, login: int) -> list[Position]:
        return self._typed(list[Position], "positions", login)

    def orders(self, login: int) -> list[Order]:
        """Return the working orders."""
        return self._typed(list[Order], "orders", login)

    def order_history(self, login: int) -> list[Order]:
        return self._typed(list[Order], "order_history", login)

    def deals(self, login: int) -> list[Deal]:
        return self._typed(list[Deal], "deals", login)

    def ledger(self) -> list[Record]:
        """Return everything that the ledger holds at this moment."""
        return list(read_ledger(Path(self._call("ledger_path"))))

    def _typed(self, kind: type[_T], function: str, *args: Any) -> _T:
        return msgspec.convert(self._call(function, *args), kind, strict=False)

    def _call(self, function: str, *args: Any) -> Any:
        self._socket.sendall(encode([function, *args]))
        answers: list[Any] = []
        while not answers:
            data = self._socket.recv(1 << 20)
            if not data:
                raise ConnectionError("the broker is gone")
            answers = self._reader.feed(data)
        kind, *rest = answers[0]
        if kind == Answer.FAILED:
            raise AdminRefused(*rest)
        return rest[0]


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)
