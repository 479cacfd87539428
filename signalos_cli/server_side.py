"""What the command line asks of the server's own parts, in its own words.

An operator at the server's machine works on the database itself, whether the server runs or not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from signalos_cli.datadir import DataDir, make_private
from signalos_cli.errors import EXIT_FAILED, EXIT_WRONG_USE, UserError
from signalos_cli.extras import needs
from signalos_cli.supervisor import ProgramFile

if TYPE_CHECKING:
    from signalos_server.admin import AuditFindings
    from signalos_server.domain.alerts import EscalationPolicy

_HEADS_FILE = "audit_heads.json"
_NAME = re.compile(r"[A-Za-z0-9._@-]{3,64}")
_PASSWORD_LENGTHS = range(10, 201)
_SHORTEST_WAIT, _LONGEST_WAIT = 5, 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A user as `signalos user list` shows it."""

    name: str
    role: str
    disabled: bool
    made: str


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the server refuses, or cannot do here, into a `UserError`."""
    with needs("server"):
        from signalos_server.domain.errors import InvalidField, Refusal
        from signalos_server.rpc.server import UnsafeAddress
    try:
        yield
    except UnsafeAddress as error:
        raise UserError(str(error)) from error
    except Refusal as error:
        code = EXIT_WRONG_USE if isinstance(error, InvalidField) else EXIT_FAILED
        raise UserError(error.message, exit_code=code) from error


def escalation(critical: str, warning: str) -> EscalationPolicy:
    """Return how often alerts are told again. Raises `UserError` for waits that make no sense."""
    with needs("server"):
        from signalos_server.domain.alerts import EscalationPolicy
        from signalos_server.domain.words import Severity
    return EscalationPolicy(
        {
            Severity.CRITICAL: _waits("--critical-alert-waits", critical),
            Severity.WARNING: _waits("--warning-alert-waits", warning),
            Severity.INFO: (),
        }
    )


def _waits(option: str, text: str) -> tuple[timedelta, ...]:
    try:
        waits = [float(part) for part in text.split(",")]
    except ValueError:
        waits = []
    # An alert that is told once only would be one that nobody has to acknowledge.
    if not waits or not all(_SHORTEST_WAIT <= wait <= _LONGEST_WAIT for wait in waits):
        raise UserError(
            f"{option}: {text!r} is no list of seconds from {_SHORTEST_WAIT} to {_LONGEST_WAIT}, like 60,240"
        )
    return tuple(timedelta(seconds=wait) for wait in waits)


def check_database_url(url: str | None) -> None:
    """Raises `UserError` for a URL that names no database of ours."""
    with needs("server"):
        from sqlalchemy.exc import ArgumentError

        from signalos_server.adapters.storage import database_url
    try:
        database_url(url, Path())
    except (ValueError, ArgumentError) as error:
        # The URL itself is not repeated: it holds a password.
        words = str(error) if isinstance(error, ValueError) else "it cannot be read as a URL"
        raise UserError(f"--database-url: {words}") from error


def add_user(data: DataDir, database_url: str | None, name: str, password: str, *, admin: bool) -> None:
    """Make a user. Raises `UserError`."""
    _check_name(name)
    _check_password(password)
    with _operating(data, database_url):
        from signalos_server import admin as operator

        operator.add_user(data.server, database_url, name, password, admin=admin)


def ensure_user(data: DataDir, database_url: str | None, name: str, password: str) -> None:
    """See to it that `name`, made an administrator, can sign in with `password`. Raises `UserError`."""
    _check_name(name)
    _check_password(password)
    with _operating(data, database_url):
        from signalos_server import admin as operator

        operator.ensure_user(data.server, database_url, name, password, admin=True)


def users(data: DataDir, database_url: str | None) -> list[ListedUser]:
    """All users by name. Raises `UserError`."""
    with _operating(data, database_url):
        from signalos_server import admin as operator

        return [
            ListedUser(
                each.user_name,
                "administrator" if each.role.name == "ADMIN" else "trader",
                each.disabled,
                f"{each.create_time:%Y-%m-%d %H:%M} UTC",
            )
            for each in operator.users(data.server, database_url)
        ]


def has_users(data: DataDir, database_url: str | None) -> bool:
    """Whether there is anybody to sign in. Raises `UserError`."""
    with _operating(data, database_url):
        from signalos_server import admin as operator

        return operator.has_users(data.server, database_url)


def disable_user(data: DataDir, database_url: str | None, name: str) -> None:
    """Take a user's right to sign in, and end the user's sessions. Raises `UserError`."""
    with _operating(data, database_url):
        from signalos_server import admin as operator

        operator.disable_user(data.server, database_url, name)


def set_password(data: DataDir, database_url: str | None, name: str, password: str) -> None:
    """Set a user's password, and end the user's sessions. Raises `UserError`."""
    _check_password(password)
    with _operating(data, database_url):
        from signalos_server import admin as operator

        operator.set_password(data.server, database_url, name, password)


def pairing_code(
    data: DataDir,
    database_url: str | None,
    user_name: str,
    *,
    server_address: str,
    account_id: str = "",
    tls_cert: Path | None = None,
) -> str:
    """Make a code for a bridge that calls `server_address`. Raises `UserError`."""
    with _operating(data, database_url):
        from signalos_server import admin as operator

        code, _ = operator.create_pairing_code(
            data.server,
            database_url,
            user_name,
            server_address=server_address,
            account_id=account_id or None,
            tls_cert=tls_cert,
        )
        return code


def listening_address(data: DataDir) -> str:
    """Where the server of this machine listens. Raises `UserError` when that tells a bridge nothing."""
    running = ProgramFile.read(data.server / "server.json")
    if running is None:
        raise UserError("no server runs here", hint="say where bridges reach it: --server-address HOST:PORT")
    if running.address.rpartition(":")[0] in ("0.0.0.0", "[::]"):  # noqa: S104 - compared, not bound
        raise UserError(
            "the server listens on every address of this machine",
            hint="say by which name bridges reach it: --server-address HOST:PORT",
        )
    return running.address


def upgrade(data: DataDir, database_url: str | None) -> None:
    """Bring the database up to date. Raises `UserError`."""
    with _operating(data, database_url):
        from signalos_server import admin as operator

        operator.upgrade_database(data.server, database_url)


def verify_audit(data: DataDir, database_url: str | None, heads: Sequence[Path] = ()) -> AuditFindings:
    """Read every chain of the audit, and hold it against heads that bridges keep.

    `heads`: files of bridges elsewhere; those of this directory's bridges are found. Raises `UserError`, also
    where there is no database to read.
    """
    with needs("server"):
        from signalos_server.adapters.storage import database_url as full_url
    check_database_url(database_url)
    url = full_url(database_url, data.server)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        # An audit that is not there must not read as one that is whole.
        raise UserError(
            f"there is no database in {data.server}: nothing was checked",
            hint="say where the server keeps it: signalos audit verify --data-dir DIRECTORY",
        )
    with _operating(data, database_url):
        from signalos_server import admin as operator

        files = dict.fromkeys([*sorted(data.root.glob(f"bridge*/{_HEADS_FILE}")), *heads])
        kept = [head for file in files for head in _heads_in(file)]
        return operator.verify_audit(data.server, database_url, kept)


def _heads_in(file: Path) -> list[tuple[str, int, str]]:
    """Return chain, number and hash of each head that a bridge keeps, contradicted ones too."""
    try:
        found = json.loads(file.read_bytes())
        return [
            (str(row["chain"]), int(row["number"]), str(row["hash"]))
            for name in ("heads", "contradicted")
            for row in found[name]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is not what a bridge keeps of the audit: {error}") from error


@contextmanager
def _operating(data: DataDir, database_url: str | None) -> Iterator[None]:
    """Around the server's own operator functions: what they refuse is told in words."""
    check_database_url(database_url)
    make_private(data.server)
    with needs("server"), in_words():
        yield


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no user name: 3 to 64 letters, digits and . _ - @")


def _check_password(password: str) -> None:
    if len(password) not in _PASSWORD_LENGTHS:
        raise UserError(
            f"a password has {_PASSWORD_LENGTHS.start} to {_PASSWORD_LENGTHS.stop - 1} characters"
        )
