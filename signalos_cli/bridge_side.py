"""What the command line asks of the bridge's own parts, in its own words."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from signalos_cli.datadir import is_owned, make_private
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs


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
                'on Windows: pip install "signalos[bridge]"; elsewhere that package does not exist: ' + hint
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
        from signalos_bridge.domain.market import TradeMode
    check_terminal_module(terminal_module)
    make_private(directory)
    if is_owned(directory):
        raise UserError(f"the bridge of {directory} runs; end it before it is paired anew")
    try:
        paired = pairing.pair(code, directory, terminal_module, terminal_path, bridge_name=bridge_name)
    except pairing.BadPairingCode as error:
        raise UserError(f"that is no pairing code: {error}", hint="copy the whole code") from error
    except pairing.TerminalUnavailable as error:
        raise UserError(
            f"the terminal does not say which account it is logged in to: {error}",
            hint="start MetaTrader 5, log in, and switch Algo Trading on; or name it with --terminal-path",
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
