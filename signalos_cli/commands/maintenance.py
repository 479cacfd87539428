"""`signalos db` and `signalos audit`: care for the server's database."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signalos_cli import options, server_side
from signalos_cli.console import err, tell_done
from signalos_cli.errors import EXIT_FAILED, UserError

database = typer.Typer(help="Care for the server's database.", no_args_is_help=True)
audit = typer.Typer(help="Who did what, in chains that show tampering.", no_args_is_help=True)


@database.callback()
def _database() -> None:
    """Care for the server's database."""


@database.command()
def upgrade(data_dir: options.DataDirOption = None, database_url: options.DatabaseOption = None) -> None:
    """Bring the database up to date, all or nothing. The server also does this when it starts.

    Example:

      SIGNALOS_DATABASE_URL=postgresql://signalos@db/signalos signalos db upgrade
    """
    server_side.upgrade(options.data_dir(data_dir), database_url)
    tell_done("the database is up to date")


@audit.callback()
def _audit() -> None:
    """Who did what, in chains that show tampering."""


@audit.command()
def verify(
    data_dir: options.DataDirOption = None,
    database_url: options.DatabaseOption = None,
    heads: Annotated[
        list[Path] | None,
        typer.Option(
            "--heads",
            envvar="SIGNALOS_AUDIT_HEADS",
            exists=True,
            dir_okay=False,
            help="A bridge's audit_heads.json: shows an end that was cut together with its head. "
            "Those of bridges in the data directory are read in any case.",
        ),
    ] = None,
) -> None:
    """Check every chain of the audit from its first entry to its last; exit with 1 if one is broken.

    Example:

      signalos audit verify --heads audit_heads.json
    """
    found = server_side.verify_audit(options.data_dir(data_dir), database_url, heads or [])
    for problem in found.problems:
        err.print(f"[red]broken:[/] {problem}")
    if found.problems:
        raise UserError(f"the audit is broken in {len(found.problems)} places", exit_code=EXIT_FAILED)
    kept = f", and as {found.heads} heads kept at bridges have it" if found.heads else ""
    tell_done(f"{found.entries} entries in {found.chains} chains, every one whole{kept}")
