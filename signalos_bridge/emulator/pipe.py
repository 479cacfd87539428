"""A client's connection to its terminal: blocking, one call at a time."""

import os
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec

from signalos_bridge.emulator.errors import CallFailed, LastError
from signalos_bridge.emulator.native import hold_gil
from signalos_bridge.emulator.wire import HEADER, Answer, decode, encode

ADDRESS_VARIABLE = "SIGNALOS_EMULATOR"
CALLER_VARIABLE = "SIGNALOS_EMULATOR_CALLER"
"""Names this process in the broker's ledger."""


class Made:
    """What was made of an answer, to be given again for an equal one."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self.make = make
        self.body = b""
        self.value: Any = None


class Endpoint(msgspec.Struct, frozen=True):
    """Where a terminal is. An empty terminal means the broker's first."""

    host: str
    port: int
    terminal: str


def parse_address(text: str) -> Endpoint:
    """Read `emulator://HOST:PORT/LOGIN`. Raises `CallFailed` for anything else."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "emulator" or not parts.hostname or not port:
        raise CallFailed(LastError.INIT, "IPC initialize failed, MetaTrader 5 x64 not found")
    return Endpoint(parts.hostname, port, parts.path.strip("/"))


class Pipe:
    """One connection. After any failure of the connection it is closed and stays so."""

    def __init__(self, endpoint: Endpoint, timeout_seconds: float) -> None:
        """Raises `CallFailed` if no broker listens there."""
        self.endpoint = endpoint
        # The package's calls hold the GIL and so never overlap; here a lock does that.
        self._lock = threading.Lock()
        try:
            opened = socket.create_connection((endpoint.host, endpoint.port), timeout_seconds)
        except TimeoutError as error:
            raise CallFailed(LastError.TIMEOUT) from error
        except OSError as error:
            raise CallFailed(LastError.INIT, "IPC initialize failed, Process create failed") from error
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket: socket.socket | None = opened
        self._rest = b""

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def greet(self, login: int, password: str, server: str) -> dict[str, Any]:
        """Introduce this process, within the time-out of the connection; calls have none."""
        answer: dict[str, Any] = self.call(
            "hello",
            self.endpoint.terminal,
            os.getpid(),
            os.environ.get(CALLER_VARIABLE, ""),
            login,
            password,
            server,
        )
        if self._socket is not None:
            self._socket.settimeout(None)
        return answer

    def call(self, function: str, *args: Any) -> Any:
        """Return the answer's value. Raises `CallFailed` with the code that the package would set."""
        return self._call([function, *args], self._decoded)

    def call_for(self, made: "Made", function: str, *args: Any) -> Any:
        """Return what `made` makes of the answer's value: the same object as before where the answer is."""

        def make(body: bytes) -> list[Any]:
            if body == made.body:
                return [Answer.VALUE, made.value]
            answer = self._decoded(body)
            if answer[0] == Answer.VALUE:
                made.value = answer[1] = made.make(answer[1])
                made.body = body
            return answer

        return self._call([function, *args], make)

    @staticmethod
    def _decoded(body: bytes) -> list[Any]:
        answer: list[Any] = decode(body)
        return answer

    def _call(self, frame: list[Any], read: Callable[[bytes], list[Any]]) -> Any:
        with self._lock:
            opened = self._socket
            if opened is None:
                raise CallFailed(LastError.CONNECT)
            try:
                opened.sendall(encode(frame))
            except OSError as error:
                self.close()
                raise CallFailed(LastError.SEND) from error
            while True:
                answer = read(self._receive(opened))
                kind = answer[0]
                if kind == Answer.VALUE:
                    return answer[1]
                if kind == Answer.FAILED:
                    raise CallFailed(answer[1], answer[2])
                hold_gil(answer[1])

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _receive(self, opened: socket.socket) -> bytes:
        data = self._rest
        while True:
            end = 4 + int(HEADER.unpack_from(data)[0]) if len(data) >= 4 else 4
            if len(data) >= end > 4:
                self._rest = data[end:]
                return data[4:end]
            try:
                more = opened.recv(max(65536, end - len(data)))
            except TimeoutError as error:
                self.close()
                raise CallFailed(LastError.TIMEOUT) from error
            except OSError as error:
                self.close()
                raise CallFailed(LastError.RECEIVE) from error
            if not more:
                self.close()
                raise CallFailed(LastError.RECEIVE)
            data += more
