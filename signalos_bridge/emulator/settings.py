"""What a broker is started with."""

import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from pathlib import Path

from signalos_bridge.emulator.domain.codes import MarginMode
from signalos_bridge.emulator.domain.entities import AccountTerms
from signalos_bridge.emulator.domain.market import MarketRules
from signalos_bridge.emulator.domain.server_time import ServerClock


class ClockMode(Enum):
    """`REAL` follows the machine's clock; `STEPPED` stands still until an operator steps it."""

    REAL = "real"
    STEPPED = "stepped"


STEPPED_START_MS = 1_767_607_200_000
"""Monday 2026-01-05 10:00 UTC."""


@dataclass(frozen=True, slots=True)
class OpeningAccount:
    """An account that exists from the first start on."""

    terms: AccountTerms
    deposit: Decimal


def default_account() -> OpeningAccount:
    return OpeningAccount(AccountTerms(login=5001, margin_mode=MarginMode.HEDGING), Decimal(100_000))


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """`rules`, `accounts` and `start_ms` matter at the first start only; later the ledger knows."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 0
    clock_mode: ClockMode = ClockMode.REAL
    start_ms: int = STEPPED_START_MS
    """Where a stepped clock begins, in UTC."""
    rules: MarketRules = field(default_factory=MarketRules)
    server_clock: ServerClock = field(default_factory=ServerClock)
    accounts: tuple[OpeningAccount, ...] = field(default_factory=lambda: (default_account(),))
    replay_file: Path | None = None
    """Lines of `milliseconds,symbol,bid,ask`, the time from the first start of the broker."""
    comment_limit: int = 29
    """Characters of an order's comment beyond which the package refuses it."""
    admin_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
