"""What the command line asks of the bridge's own parts, in its own words."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.markup import escape

from signalos_cli.datadir import is_owned, make_private
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs

_TERMINAL_HINT = "start MetaTrader 5, log in, and switch Algo Trading on; or name it with --terminal-path"
_EMULATOR_HINT = (
    "start it with: signalos emulator; its address, emulator://HOST:PORT/LOGIN, is what --terminal-path takes"
)


@dataclass(frozen=True, slots=True)
class PairedWith:
    """The account that a bridge is bound to from now on, and the server that it calls."""

    login: int
    broker_server: str
    real_money: bool
    server_address: str


def check_terminal_module(name: str) -> None:
    """Raise `UserError` where the module that speaks to the terminal is not installed."""
    module = name.partition(":")[0]
    try:
        found = importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        found = False
    if not found:
        hint = "name another module with --terminal-module"
        if module == "MetaTrader5":
            hint = (
                'on Windows, in your copy of SignalOS: pip install ".[bridge]"; elsewhere that package '
                "does not exist: " + hint
            )
        raise UserError(
            f"the module {module} is not installed here, so no terminal can be reached", hint=hint
        )


def pair(
    code: str, directory: Path, terminal_module: str, terminal_path: str | None, bridge_name: str = ""
) -> PairedWith:
    """Pair the bridge of `directory`. Raises `UserError`; then nothing was stored."""
    with needs("bridge"):
        from signalos_bridge import pairing
        from signalos_bridge.domain import pairing_code
        from signalos_bridge.domain.market import TradeMode
    try:
        pairing_code.parse(code)
    except pairing.BadPairingCode as error:
        raise UserError(f"that is no pairing code: {error}", hint="copy the whole code") from error
    check_terminal_module(terminal_module)
    make_private(directory)
    if is_owned(directory):
        raise UserError(f"the bridge of {directory} runs; end it before it is paired anew")
    try:
        paired = pairing.pair(code, directory, terminal_module, terminal_path, bridge_name=bridge_name)
    except pairing.ModuleUnusable as error:
        raise UserError(str(error), hint="mend it, or name another module with --terminal-module") from error
    except pairing.TerminalUnavailable as error:
        raise UserError(
            f"the terminal does not say which account it is logged in to: {error}",
            hint=_EMULATOR_HINT if "emulator" in terminal_module else _TERMINAL_HINT,
            exit_code=EXIT_FAILED,
        ) from error
    except pairing.PairingFailed as error:
        hint = "make a new code if this one was used"
        if error.reason == "ALREADY_EXISTS":
            hint = "to pair it anew make the code for that account: signalos bridge code --account acc_..."
        raise UserError(f"not paired: {error}", hint=hint, exit_code=EXIT_FAILED) from error
    return PairedWith(
        paired.login, paired.broker_server, paired.trade_mode is TradeMode.REAL, paired.server_address
    )


def standing_of(directory: Path) -> str:
    """Say how the bridge that runs in `directory` stands with its server, in markup; empty: it tells not."""
    with needs("bridge"):
        from signalos_bridge.link import standing
        from signalos_bridge.link.standing import LinkState
    told = standing.load(directory)
    if told is None:
        return ""
    since = f"since {datetime.fromtimestamp(told.since_wall_msc / 1000, UTC):%Y-%m-%d %H:%M:%S}Z"
    why = f": {escape(told.words)}" if told.words else ""
    match told.state:
        case LinkState.CONNECTED:
            return f"[green]connected[/] {since}"
        case LinkState.REFUSED:
            return f"[red]refused[/] {since}{why}. It guards levels and opens nothing; pair it anew to trade"
        case LinkState.SUPERSEDED:
            return (
                f"[red]superseded[/] {since}{why}. Another bridge runs with its credential: end one of them"
            )
        case LinkState.AWAY:
            return f"[yellow]not connected[/] {since}{why}"
