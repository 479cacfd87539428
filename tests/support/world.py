"""A whole SignalOS of real processes, started as an operator would: broker, server, gateway and bridges.

Every process is started through the CLI on a port that the system chose, and ended by its own pid.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from signalos_bridge import credentials

PASSWORD = "correct horse battery"


class World:
    """One server and gateway, one broker, and any number of bridges, below one directory."""

    # How long a program may take until it serves.
    start_seconds = 30.0

    def __init__(self, directory: Path, environment: dict[str, str] | None = None) -> None:
        self.directory = directory
        self.environment = environment or {}
        self.programs: dict[str, Program] = {}
        self._clients: list[httpx.AsyncClient] = []

    # -- programs --------------------------------------------------------------------------------------

    async def start_broker(self, *accounts: str, tick_interval: int = 250) -> None:
        """Starts the broker with accounts such as `5001:USD:100000:hedging`."""
        arguments = [argument for account in accounts for argument in ("--account", account)]
        await self._start(
            "broker",
            ["emulator", "--port", self._port("broker"), "--tick-interval", str(tick_interval), *arguments],
            self.directory / "emulator" / "address.json",
        )

    async def start_server(self, *arguments: str) -> None:
        await self._start(
            "server",
            ["server", "--grpc-port", self._port("server"), *arguments],
            self.directory / "server" / "server.json",
        )

    async def start_gateway(self, *arguments: str) -> None:
        await self._start(
            "gateway",
            [
                "gateway",
                "--http-port",
                self._port("gateway"),
                "--server-address",
                self.address("server"),
                *arguments,
            ],
            self.directory / "gateway" / "gateway.json",
        )

    async def start_bridge(self, login: int, name: str = "", **environment: str) -> None:
        program = f"bridge-{name}" if name else "bridge"
        await self._start(
            program,
            ["bridge", "run", *self._terminal(login), *(["--name", name] if name else [])],
            self.directory / program / "bridge.json",
            environment,
        )

    async def pair(self, code: str, login: int, name: str = "") -> None:
        """Pairs a bridge, as at its machine."""
        await self.run("bridge", "pair", code, *self._terminal(login), *(["--name", name] if name else []))

    def redirect(self, address: str, bridge: str = "bridge") -> None:
        """Lets a paired bridge that does not run find its server at `address`, e.g. a proxy's."""
        directory = self.directory / bridge
        credentials.store(directory, replace(credentials.load(directory), server_address=address))

    async def add_user(self, name: str, *arguments: str) -> None:
        """Makes a user with `PASSWORD`, as at the server's machine."""
        await self.run("user", "add", name, *arguments, environment={"SIGNALOS_PASSWORD": PASSWORD})

    async def run(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Runs `signalos …` to its end and returns its output; raises `AssertionError` when it fails."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*arguments),
            env={**os.environ, **self.environment, **(environment or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        text = output.decode()
        assert process.returncode == 0, f"signalos {' '.join(arguments)} ended {process.returncode}:\n{text}"
        return text

    def kill(self, name: str) -> None:
        """Ends a program as the system does when memory is short: at once, with no word."""
        self.programs[name].process.send_signal(signal.SIGKILL)

    async def kill_terminal_child(self, bridge: str) -> None:
        """Kills the process that holds a bridge's terminal; the bridge starts another."""
        parent = psutil.Process(self.programs[bridge].process.pid)
        children = [child for child in parent.children() if "terminal" in " ".join(child.cmdline())]
        assert children, f"{bridge} has no terminal child"
        for child in children:
            child.kill()

    def freeze(self, name: str) -> None:
        self.programs[name].process.send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.programs[name].process.send_signal(signal.SIGCONT)

    async def end(self, name: str) -> int:
        """Ends a program cleanly and returns its exit code."""
        process = self.programs[name].process
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(20):
            return await process.wait()

    async def gone(self, name: str) -> None:
        """Waits until a program that was killed is gone."""
        async with asyncio.timeout(20):
            await self.programs[name].process.wait()

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        for name in ("gateway", *[n for n in self.programs if n.startswith("bridge")], "server", "broker"):
            program = self.programs.get(name)
            if program is not None and program.process.returncode is None:
                program.process.send_signal(signal.SIGCONT)
                program.process.terminate()
        for program in self.programs.values():
            try:
                async with asyncio.timeout(15):
                    await program.process.wait()
            except TimeoutError:
                program.process.kill()
                await program.process.wait()

    def address(self, name: str) -> str:
        """HOST:PORT of a program that serves."""
        told = json.loads(self.programs[name].ready.read_text())
        return str(told["address"]) if "address" in told else f"{told['host']}:{told['port']}"

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text(errors="replace")

    # -- callers ---------------------------------------------------------------------------------------

    async def sign_in(self, user: str) -> Caller:
        """Signs in over REST and returns a caller that carries the session's token."""
        client = httpx.AsyncClient(base_url=f"http://{self.address('gateway')}", timeout=30)
        self._clients.append(client)
        answer = await client.post(
            "/api/login",
            json={"userName": user, "password": PASSWORD},
            headers={"X-Session-Token": "return"},
        )
        assert answer.status_code == 200, answer.text
        token = answer.json()["sessionToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        return Caller(self, client, token)

    # -- within ----------------------------------------------------------------------------------------

    def _terminal(self, login: int) -> list[str]:
        path = f"emulator://{self.address('broker')}/{login}"
        return ["--terminal-module", "emulator", "--terminal-path", path]

    def _port(self, name: str) -> str:
        """A program that is started again takes the port that it had, because others know it."""
        ready = self.programs[name].ready if name in self.programs else None
        return "0" if ready is None else str(self.programs[name].port)

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "signalos_cli", *arguments, "--data-dir", str(self.directory)]

    async def _start(
        self, name: str, arguments: list[str], ready: Path, environment: dict[str, str] | None = None
    ) -> None:
        with (self.directory / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._command(*arguments),
                env={**os.environ, **self.environment, **(environment or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        program = Program(process, ready)
        self.programs[name] = program
        deadline = asyncio.get_running_loop().time() + self.start_seconds
        while not program.serves():
            assert process.returncode is None, f"{name} ended {process.returncode}:\n{self.log(name)[-3000:]}"
            assert asyncio.get_running_loop().time() < deadline, (
                f"{name} is not ready:\n{self.log(name)[-3000:]}"
            )
            await asyncio.sleep(0.02)
        if name in ("broker", "server", "gateway"):
            program.port = int(self.address(name).rsplit(":", 1)[1])


@dataclass
class Program:
    """One process, and the file that it writes once it serves."""

    process: asyncio.subprocess.Process
    ready: Path
    port: int = 0

    def serves(self) -> bool:
        try:
            told = json.loads(self.ready.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return bool(told.get("pid") == self.process.pid)


@dataclass
class Caller:
    """One signed-in user of the REST door."""

    world: World
    client: httpx.AsyncClient
    token: str
    account_id: str = field(default="")

    async def get(self, path: str, **parameters: str) -> Any:
        answer = await self.client.get(path, params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def post(self, path: str, body: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body or {}, headers=headers)

    async def open(
        self, symbol: str = "EURUSD", side: str = "BUY", lots: float = 0.1, **more: Any
    ) -> httpx.Response:
        """Opens with an idempotency key of its own unless `key` is given."""
        key = str(more.pop("key", uuid.uuid4()))
        body = {"symbol": symbol, "side": side, "volumeLots": lots, **more}
        return await self.client.post("/api/trades", json=body, headers={"Idempotency-Key": key})

    async def live_trades(self) -> list[dict[str, Any]]:
        return list((await self.get("/api/trades/live"))["trades"])

    async def bridge_connected(self) -> bool:
        accounts = (await self.get("/api/mt5-status"))["accounts"]
        return bool(accounts) and all(account["connected"] for account in accounts)

    async def may_open(self) -> bool:
        """The bridge holds a lease and has applied what is wanted."""
        states = (await self.get("/api/trading/state"))["states"]
        return bool(states) and all(
            state["leaseHeld"] and (state["applied"] or {}).get("revision") == state["wanted"]["revision"]
            for state in states
        )


async def eventually(
    condition: Callable[[], Awaitable[Any]], within: float = 15.0, every: float = 0.05
) -> Any:
    """Waits until `condition` answers with something true and returns it; raises `AssertionError`."""
    deadline = asyncio.get_running_loop().time() + within
    while True:
        result = await condition()
        if result:
            return result
        assert asyncio.get_running_loop().time() < deadline, f"not within {within} s: {condition}"
        await asyncio.sleep(every)


@asynccontextmanager
async def traded_account(
    directory: Path,
    account: str = "5001:USD:100000:hedging",
    environment: dict[str, str] | None = None,
    before_bridge: Callable[[World], Awaitable[None]] | None = None,
) -> AsyncIterator[tuple[World, Caller]]:
    """A world with one user, one account and one bridge that may open.

    `before_bridge` is awaited once the bridge is paired and before it runs.
    """
    world = World(directory, environment)
    try:
        login = int(account.split(":")[0])
        await world.start_broker(account)
        await world.start_server()
        await world.add_user("trader", "--admin")
        await world.start_gateway()
        caller = await world.sign_in("trader")
        answer = await caller.post("/api/bridges/pair", {})
        assert answer.status_code == 200, answer.text
        await world.pair(answer.json()["code"], login)
        if before_bridge is not None:
            await before_bridge(world)
        await world.start_bridge(login)
        await eventually(caller.bridge_connected)
        await eventually(caller.may_open)
        caller.account_id = (await caller.get("/api/accounts"))["accounts"][0]["accountId"]
        yield world, caller
    finally:
        await world.close()
