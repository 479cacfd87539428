"""Pairing: a code from the dashboard becomes a credential of this bridge's own."""

from __future__ import annotations

import asyncio
import contextlib
import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from grpclib.exceptions import GRPCError, ProtocolError, StreamTerminatedError

from signalos.v1 import bridge_service_grpc, bridge_service_pb2
from signalos_bridge import credentials, kept
from signalos_bridge.convert import outgoing
from signalos_bridge.credentials import Credential
from signalos_bridge.domain import pairing_code
from signalos_bridge.domain.market import TradeMode
from signalos_bridge.domain.pairing_code import BadPairingCode, PairingCode
from signalos_bridge.latch import Latch
from signalos_bridge.link.channel import BridgeChannel, ServerUntrusted, reason_of
from signalos_bridge.terminal.metatrader5 import AdapterSettings, ModuleUnusable
from signalos_bridge.terminal.opened import opened
from signalos_bridge.terminal.port import TerminalUnavailable

__all__ = ["BadPairingCode", "ModuleUnusable", "Paired", "PairingFailed", "TerminalUnavailable", "pair"]

JOURNAL_FILE = "journal.db"


class PairingFailed(Exception):  # noqa: N818 (it names what happened)
    """The server did not take the code, or could not be reached; nothing was stored."""

    def __init__(self, words: str, reason: str = "") -> None:
        super().__init__(words)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Paired:
    """What this bridge is now."""

    bridge_id: str
    account_id: str
    server_address: str
    login: int
    broker_server: str
    trade_mode: TradeMode


def pair(
    code: str,
    data_dir: Path,
    terminal_module: str = "MetaTrader5",
    terminal_path: str | None = None,
    *,
    bridge_name: str = "",
    terminal_wait_seconds: float = 30.0,
) -> Paired:
    """Pair the bridge of this data directory with the account that the terminal is logged in to.

    Blocking. Raises `BadPairingCode`, `PairingFailed`, `ModuleUnusable`, or `TerminalUnavailable` when the
    terminal does not say who it is in time. A stop that is latched here stays latched.
    """
    told = pairing_code.parse(code)
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return asyncio.run(
        _pair(
            code.strip(),
            told,
            data_dir,
            AdapterSettings(module=terminal_module, path=terminal_path),
            bridge_name or platform.node(),
            terminal_wait_seconds,
        )
    )


async def _pair(
    code: str,
    told: PairingCode,
    data_dir: Path,
    adapter: AdapterSettings,
    bridge_name: str,
    terminal_wait_seconds: float,
) -> Paired:
    async with opened(adapter, terminal_wait_seconds) as (_, account):
        pass
    request = bridge_service_pb2.PairRequest(
        code=code,
        bridge_name=bridge_name[:100],
        identity=outgoing.identity(account),
        version=version("signalos"),
    )
    channel = BridgeChannel(told.address, told.fingerprint)
    try:
        await channel.connect(10.0)
        stub = bridge_service_grpc.BridgeServiceStub(channel)
        response = await stub.Pair(request, timeout=20.0)
    except ServerUntrusted as error:
        raise PairingFailed(str(error)) from error
    except GRPCError as error:
        words = error.message or error.status.name
        raise PairingFailed(words, reason_of(error)) from error
    except (OSError, StreamTerminatedError, ProtocolError) as error:
        raise PairingFailed(f"the server at {told.address} does not answer: {error}") from error
    finally:
        channel.abort()
    if not response.bridge_id or not response.credential:
        raise PairingFailed("the server's answer carries no credential")
    credential = Credential(
        bridge_id=response.bridge_id,
        account_id=response.account_id,
        secret=response.credential,
        server_address=told.address,
        fingerprint=told.fingerprint,
        bound=account.bound(),
    )
    _settle(data_dir, credential)
    return Paired(
        credential.bridge_id,
        credential.account_id,
        credential.server_address,
        account.login,
        account.server,
        account.trade_mode,
    )


def _settle(data_dir: Path, credential: Credential) -> None:
    """Store the credential, and part with what belonged to another server or account."""
    before: Credential | None = None
    with contextlib.suppress(credentials.NotPaired, credentials.CredentialUnreadable):
        before = credentials.load(data_dir)
    if before is not None and before.account_id != credential.account_id:
        # Its events and commands are another account's; kept for whoever wants to look.
        for path in sorted(data_dir.glob(f"{JOURNAL_FILE}*")):
            path.rename(path.with_name(f"{before.account_id}-{path.name}"))
    latch = Latch(data_dir)
    latch.create()
    with contextlib.suppress(kept.KeptDamaged):
        if (found := kept.load(data_dir)) is not None:
            # Another server counts its epochs and revisions anew; a pause stays until it says otherwise.
            kept.store(data_dir, replace(found[0], incarnation=0, revision=0), (0, 0))
    credentials.store(data_dir, credential)
