"""The demo: a user, an account at an emulated broker with a few positions, and a bridge paired to it.

Every step first looks whether it is done, so that a restart, also after a kill in the middle, carries on.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from signalos_cli import bridge_side, server_side
from signalos_cli.datadir import DataDir, is_owned, make_private, write_private
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs
from signalos_cli.parent import GRACE_SECONDS
from signalos_cli.supervisor import Addresses

USER = "demo"
LOGIN = 5001
ACCOUNT = f"{LOGIN}:USD:100000:hedging:100:demo"
TERMINAL_MODULE = "signalos_bridge.emulator.metatrader5"
PASSWORD_VARIABLE = "SIGNALOS_DEMO_PASSWORD"  # noqa: S105 - the name of a variable
_SHORTEST_PASSWORD = 10
_DONE = 10009  # TRADE_RETCODE_DONE


@dataclass(frozen=True, slots=True)
class OpeningPosition:
    """What somebody traded by hand before the demo begins. Distances are parts of the price."""

    symbol: str
    buy: bool
    volume_lots: Decimal
    stop_distance: Decimal
    target_distance: Decimal


OPENING_POSITIONS = (
    OpeningPosition("EURUSD", True, Decimal("0.50"), Decimal("0.010"), Decimal("0.020")),
    OpeningPosition("GBPUSD", False, Decimal("0.30"), Decimal("0.010"), Decimal("0.015")),
    OpeningPosition("USDJPY", True, Decimal("0.20"), Decimal("0.010"), Decimal("0.015")),
    OpeningPosition("XAUUSD", True, Decimal("0.10"), Decimal("0.020"), Decimal("0.040")),
    OpeningPosition("BTCUSD", False, Decimal("0.05"), Decimal("0.050"), Decimal("0.080")),
)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What `demo.json` keeps. `password` only where it was made here."""

    password: str | None = None
    shown: bool = False


class Demo:
    """Sets the demo up in `data`. `prepare` blocks, and belongs into a thread."""

    def __init__(self, data: DataDir, database_url: str | None) -> None:
        self._data = data
        self._database_url = database_url
        self._lock = threading.Lock()
        self._has_user = False

    @property
    def _file(self) -> Path:
        return self._data.root / "demo.json"

    def terminal_path(self, addresses: Addresses) -> str:
        """What the bridge attaches to."""
        return f"emulator://{addresses['emulator'].address}/{LOGIN}"

    def prepare_server(self, addresses: Addresses) -> None:
        """Before the server starts first: the user, so that it offers no set-up code. Raises `UserError`."""
        with self._lock:
            _wait_for_predecessor(self._data.server)
            if not self._has_user:
                server_side.ensure_user(self._data, self._database_url, USER, self.password())
                self._has_user = True

    def server_port(self) -> int:
        """The port at which the paired bridge knows the server, while it is free; 0: any."""
        with needs("bridge"):
            from signalos_bridge import credentials
        try:
            port = int(credentials.load(self._data.bridge()).server_address.rpartition(":")[2])
        except (credentials.NotPaired, credentials.CredentialUnreadable, ValueError):
            return 0
        with socket.socket() as trial:
            # As the server itself will, past connections that are still closing.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                return 0
        return port

    def prepare_bridge(self, addresses: Addresses) -> None:
        """Once server and broker serve: positions, and pairing. Raises `UserError`."""
        with self._lock:
            self.open_positions()
            self._pair(addresses)

    def welcome(self, address: str) -> str:
        """What a person needs to know, with the password the first time it is told."""
        kept = self._read()
        if kept.password is None:
            words = f"with the password in {PASSWORD_VARIABLE}"
        elif kept.shown:
            words = f"with the password that was shown the first time (it is kept in {self._file})"
        else:
            words = f"with the password {kept.password}"
            self._write(_Kept(kept.password, shown=True))
        return (
            f"The demo: open {address} and sign in as {USER}, {words}\n"
            f"Stop at the machine itself: signalos bridge stop --data-dir {self._data.root}"
        )

    def password(self) -> str:
        """The one given in the environment, else the one made at the first start."""
        given = os.environ.get(PASSWORD_VARIABLE)
        kept = self._read()
        if given:
            if len(given) < _SHORTEST_PASSWORD:
                raise UserError(f"{PASSWORD_VARIABLE} needs {_SHORTEST_PASSWORD} characters or more")
            if kept.password is not None:
                self._write(_Kept())
            return given
        if kept.password is None:
            kept = _Kept(secrets.token_urlsafe(12))
            self._write(kept)
        assert kept.password is not None
        return kept.password

    def open_positions(self) -> None:
        """Trade by hand at the emulated broker what was never traded there. Raises `UserError`."""
        with needs("bridge"):
            from signalos_bridge.emulator.admin import AdminRefused, BrokerAdmin
            from signalos_bridge.emulator.operator_messages import PlaceByHand
        try:
            with BrokerAdmin.of(self._data.emulator) as broker:
                traded = {deal.symbol for deal in broker.deals(LOGIN)}
                digits = {spec.name: spec.digits for spec in broker.symbol_specs()}
                for opening in OPENING_POSITIONS:
                    if opening.symbol in traded:
                        continue
                    bid, ask = broker.quote(opening.symbol)
                    price, away = (ask, 1) if opening.buy else (bid, -1)
                    places = digits[opening.symbol]
                    placed = broker.place_by_hand(
                        LOGIN,
                        PlaceByHand(
                            action=1,  # TRADE_ACTION_DEAL
                            symbol=opening.symbol,
                            volume=float(opening.volume_lots),
                            type=0 if opening.buy else 1,  # ORDER_TYPE_BUY, ORDER_TYPE_SELL
                            price=float(price),
                            sl=float(round(price * (1 - away * opening.stop_distance), places)),
                            tp=float(round(price * (1 + away * opening.target_distance), places)),
                            type_filling=1,  # ORDER_FILLING_IOC
                        ),
                    )
                    if placed.retcode != _DONE:
                        raise AdminRefused(placed.retcode, f"{opening.symbol}: retcode {placed.retcode}")
        except FileNotFoundError as error:
            raise UserError("the emulated broker does not serve yet", exit_code=EXIT_FAILED) from error
        except (AdminRefused, OSError) as error:
            raise UserError(
                f"the emulated broker did not open the demo's positions: {error}", exit_code=EXIT_FAILED
            ) from error

    def _pair(self, addresses: Addresses) -> None:
        with needs("bridge"):
            from signalos_bridge import credentials
        directory = make_private(self._data.bridge())
        address = addresses["server"].address
        account_id = ""
        try:
            held = credentials.load(directory)
        except (credentials.NotPaired, credentials.CredentialUnreadable):
            pass
        else:
            if held.server_address == address:
                return
            account_id = held.account_id  # the same account, at a server that listens elsewhere now
        _wait_for_predecessor(directory)
        code = server_side.pairing_code(
            self._data, self._database_url, USER, server_address=address, account_id=account_id
        )
        bridge_side.pair(code, directory, TERMINAL_MODULE, self.terminal_path(addresses))

    def _read(self) -> _Kept:
        try:
            held = json.loads(self._file.read_text(encoding="utf-8"))
            return _Kept(held.get("password"), bool(held.get("shown")))
        except FileNotFoundError:
            return _Kept()
        except (ValueError, AttributeError) as error:
            raise UserError(f"{self._file} is damaged; remove it to have a new password made") from error

    def _write(self, kept: _Kept) -> None:
        write_private(self._file, json.dumps({"user": USER, "password": kept.password, "shown": kept.shown}))


def _wait_for_predecessor(directory: Path) -> None:
    """A program whose supervisor was killed ends by itself, a moment later."""
    deadline = time.monotonic() + GRACE_SECONDS + 5.0
    while is_owned(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
