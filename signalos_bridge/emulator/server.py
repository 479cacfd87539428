"""The broker's socket: frames in, calls to the broker, answers out when the ledger has them."""

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from signalos_bridge.emulator import admin_calls, calls, order_calls
from signalos_bridge.emulator.broker import Broker
from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.faults import CallKey, Plan
from signalos_bridge.emulator.instance import single_instance
from signalos_bridge.emulator.order_calls import Caller
from signalos_bridge.emulator.settings import BrokerSettings
from signalos_bridge.emulator.wire import Answer, FrameReader, FrameTooLarge, encode

log = logging.getLogger(__name__)

ADDRESS_FILE = "address.json"
TICK_SECONDS = 0.05


class Address(msgspec.Struct, frozen=True):
    """Where a broker listens. The token makes a connection an operator's: the file is its owner's only."""

    host: str
    port: int
    pid: int
    admin_token: str
    logins: tuple[int, ...]

    def url(self, login: int | None = None) -> str:
        """Return what `initialize(path=...)` takes for that account's terminal."""
        return f"emulator://{self.host}:{self.port}/{login if login is not None else self.logins[0]}"


def read_address(data_dir: Path) -> Address:
    """Raises `FileNotFoundError` before the broker has come up."""
    return msgspec.json.decode((data_dir / ADDRESS_FILE).read_bytes(), type=Address)


class _Connection(asyncio.Protocol):
    """One client of a terminal, or one operator. A client has at most one call under way."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._broker = server.broker
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._terminal: str | None = None
        self._caller = Caller(0, 0, "")
        self._operator = False
        self._request_id = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        # What was sent goes on: a terminal does not recall an order because its caller died.
        self._server.connections.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        try:
            frames = self._reader.feed(data)
        except (FrameTooLarge, msgspec.DecodeError):
            self.close()
            return
        for frame in frames:
            try:
                self._handle(frame[0], frame[1:])
            except CallFailed as failure:
                self._fail(failure)
            except (TypeError, ValueError, IndexError, KeyError) as error:
                if self._terminal is None and not self._operator:
                    self.close()
                    return
                self._server.crash(error)
            except Exception as error:  # noqa: BLE001 - the outermost edge; the process ends with it
                self._server.crash(error)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _handle(self, function: str, args: list[Any]) -> None:
        if self._operator:
            value = admin_calls.handle(self._broker, function, args)
            self._broker.when_durable(lambda: self._answer(value))
        elif self._terminal is not None:
            self._call(function, args)
        elif function == "operator":
            if not secrets.compare_digest(str(args[0]), self._broker.settings.admin_token):
                raise CallFailed(LastError.AUTH_FAILED)
            self._operator = True
            self._answer(None)
        elif function == "hello":
            self._hello(*args)
        else:
            raise CallFailed(LastError.CONNECT)

    def _hello(self, name: str, pid: int, caller: str, login: int, password: str, server: str) -> None:
        broker = self._broker
        terminal = broker.terminal(name)
        plan = broker.faults.plan(CallKey("initialize", terminal.login))
        self._caller = Caller(self._server.next_connection(), pid, caller)
        if login:
            calls.login(broker, terminal, plan, [login, password, server])

        def greet() -> None:
            if plan.tell_none is not None:
                self._fail(CallFailed(plan.tell_none.code, plan.tell_none.text))
                return
            self._terminal = terminal.name
            self._answer({"comment_limit": broker.settings.comment_limit})

        self._staged(plan, greet)

    def _call(self, function: str, args: list[Any]) -> None:
        assert self._terminal is not None
        broker = self._broker
        terminal = broker.terminals[self._terminal]
        if function == "order_send":
            self._order(args[0])
            return
        call = calls.CALLS.get(function)
        if call is None:
            raise CallFailed(LastError.UNSUPPORTED)
        symbol = args[0] if function in calls.SYMBOL_FIRST else ""
        plan = broker.faults.plan(CallKey(function, terminal.login, symbol))
        if plan.faults:
            self._staged(plan, lambda: self._read(call, terminal.name, plan, args))
        else:
            self._answer(call(broker, terminal, plan, args))

    def _read(self, call: calls.Call, terminal: str, plan: Plan, args: list[Any]) -> None:
        if plan.tell_none is not None:
            self._finish(plan, CallFailed(plan.tell_none.code, plan.tell_none.text))
            return
        try:
            value = call(self._broker, self._broker.terminals[terminal], plan, args)
        except CallFailed as failure:
            self._finish(plan, failure)
        else:
            self._finish(plan, value)

    def _order(self, request: dict[str, Any]) -> None:
        assert self._terminal is not None
        broker, name = self._broker, self._terminal
        terminal = broker.terminals[name]
        key = CallKey("order_send", terminal.login, request.get("symbol", ""), request.get("action", 0))
        plan = broker.faults.plan(key)
        self._request_id += 1
        sent = order_calls.receive(broker, terminal, self._caller, request, self._request_id, plan)
        none = plan.tell_none
        withheld: CallFailed | None = None
        if terminal.tradeapi_disabled:
            withheld = CallFailed(LastError.AUTO_TRADING_DISABLED)
        elif none is not None and not none.executed:
            withheld = CallFailed(none.code, none.text)
        if withheld is not None:
            failure = order_calls.withhold(broker, sent, withheld)
            self._staged(plan, lambda: broker.when_durable(lambda: self._finish(plan, failure)))
            return

        def carry_out() -> None:
            told = order_calls.carry_out(broker, name, sent)
            broker.when_durable(lambda: self._finish(plan, told))

        self._staged(plan, carry_out)

    def _staged(self, plan: Plan, act: Callable[[], None]) -> None:
        """Do what comes before the broker acts, then let it act."""
        wait_ms = plan.delay_before_ms
        if plan.hold_before_ms:
            self._send([Answer.HOLD, plan.hold_before_ms * 1000])
            wait_ms += plan.hold_before_ms
        self._after(wait_ms, act)

    def _finish(self, plan: Plan, told: Any) -> None:
        """Answer, after what comes between the broker's act and the answer."""
        if plan.hold_after_ms:
            self._send([Answer.HOLD, plan.hold_after_ms * 1000])

        def answer() -> None:
            if isinstance(told, CallFailed):
                self._fail(told)
            else:
                self._answer(told)

        self._after(plan.delay_after_ms, answer)

    def _after(self, milliseconds: int, act: Callable[[], None]) -> None:
        if milliseconds:
            asyncio.get_running_loop().call_later(milliseconds / 1000, self._server.guarded, act)
        else:
            act()

    def _answer(self, value: Any) -> None:
        self._send([Answer.VALUE, value])

    def _fail(self, failure: CallFailed) -> None:
        self._send([Answer.FAILED, failure.code, failure.text])

    def _send(self, frame: list[Any]) -> None:
        if self._transport is not None:
            self._transport.write(encode(frame))


class Server:
    """Serves one broker on one address."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.connections: set[_Connection] = set()
        self.stopped = asyncio.Event()
        self._last_connection = 0
        self._error: BaseException | None = None

    def next_connection(self) -> int:
        self._last_connection += 1
        return self._last_connection

    def crash(self, error: BaseException) -> None:
        """End the process: a broker that failed halfway must be read again from its ledger."""
        self._error = error
        self.stopped.set()

    def guarded(self, act: Callable[[], None]) -> None:
        """Run what a timer brings."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the outermost edge of a timer
            self.crash(error)

    async def run(self) -> None:
        """Serve until `stopped` is set. Raises what made the broker fail."""
        loop = asyncio.get_running_loop()
        broker = self.broker
        broker.ledger.attach(loop, self.crash)
        listener = await loop.create_server(
            lambda: _Connection(self), broker.settings.host, broker.settings.port
        )
        host, port = listener.sockets[0].getsockname()[:2]
        _write_address(
            broker.settings.data_dir,
            Address(host, port, os.getpid(), broker.settings.admin_token, tuple(broker.book.accounts)),
        )
        for login in broker.book.accounts:
            log.info("emulated broker listens; terminal: emulator://%s:%d/%s", host, port, login)
        self._tick()
        try:
            await self.stopped.wait()
        finally:
            listener.close()
            for connection in list(self.connections):
                connection.close()
            await asyncio.sleep(0)
            if self._error is None:
                broker.close()
        if self._error is not None:
            raise self._error

    def _tick(self) -> None:
        if self.stopped.is_set() or self.broker.stepped:
            return
        self.guarded(self.broker.catch_up)
        asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)


def _write_address(data_dir: Path, address: Address) -> None:
    temporary = data_dir / f"{ADDRESS_FILE}.{os.getpid()}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(address))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(data_dir / ADDRESS_FILE)


async def serve(settings: BrokerSettings) -> None:
    """Run a broker until SIGINT or SIGTERM.

    Raises `AlreadyRunning` if another process serves this data directory.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with single_instance(settings.data_dir):
        server = Server(Broker(settings))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows has no signal handlers in the loop; there Ctrl-C ends the loop itself.
            with suppress(NotImplementedError):
                loop.add_signal_handler(number, server.stopped.set)
        await server.run()
