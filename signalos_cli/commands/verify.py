"""`signalos verify`: does what is on record agree with what the broker did?"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signalos_cli import options, server_side
from signalos_cli.console import out
from signalos_cli.datadir import default_data_dir
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs

if TYPE_CHECKING:
    from signalos_verify.domain.findings import Report

RECORDS = "Records"


class Format(StrEnum):
    """How the findings are told."""

    TEXT = "text"
    JSON = "json"


def verify(
    data_dir: options.DataDirOption = None,
    database_url: options.DatabaseOption = None,
    bridge_dir: Annotated[
        list[Path] | None,
        typer.Option(
            "--bridge-dir",
            envvar="SIGNALOS_BRIDGE_DIR",
            help="A bridge's directory with its journal and latch. May be repeated.",
            show_default="those in the data directory",
            rich_help_panel=RECORDS,
        ),
    ] = None,
    ledger: Annotated[
        list[Path] | None,
        typer.Option(
            "--ledger",
            envvar="SIGNALOS_LEDGER",
            help="A broker's ledger.jsonl, or its directory. May be repeated.",
            show_default="that in the data directory",
            rich_help_panel=RECORDS,
        ),
    ] = None,
    clients: Annotated[
        list[Path] | None,
        typer.Option(
            "--clients",
            envvar="SIGNALOS_CLIENTS",
            help="What clients were told, as JSON lines. May be repeated.",
            rich_help_panel=RECORDS,
        ),
    ] = None,
    probes: Annotated[
        list[Path] | None,
        typer.Option(
            "--probes",
            envvar="SIGNALOS_PROBES",
            help="What WebSocket probes received, as JSON lines. May be repeated.",
            rich_help_panel=RECORDS,
        ),
    ] = None,
    at_rest: Annotated[
        bool,
        typer.Option(
            "--at-rest",
            envvar="SIGNALOS_AT_REST",
            help="Nothing moves any more: everything must be final, and all records must agree.",
        ),
    ] = False,
    output: Annotated[
        Format, typer.Option("--format", envvar="SIGNALOS_VERIFY_FORMAT", help="How findings are told.")
    ] = Format.TEXT,
) -> None:
    """Hold the server's record against the bridges' journals and the broker's ledger.

    Says each broken promise with its evidence. Reads only, also while everything runs. Exits with 0 where no
    promise is broken, 1 where one is, 2 where a record could not be read.

    Example:

      signalos verify --bridge-dir /srv/bridge-a --bridge-dir /srv/bridge-b
    """
    with needs("server"):
        from signalos_verify.app import RecordUnreadable, Settings, found_in
        from signalos_verify.app import verify as check
    server_side.check_database_url(database_url)
    # Nothing is made where nothing is: a check changes nothing.
    root = (data_dir or default_data_dir()).expanduser().absolute()
    bridges, ledgers = found_in(root)
    settings = Settings(
        data_dir=root,
        database_url=database_url,
        bridge_dirs=tuple(bridge_dir or bridges),
        ledgers=tuple(ledger or ledgers),
        clients=tuple(clients or ()),
        probes=tuple(probes or ()),
        at_rest=at_rest,
    )
    try:
        report = check(settings)
    except RecordUnreadable as error:
        raise UserError(f"nothing was checked: {error}") from error
    out.print(_json(report) if output is Format.JSON else report.text(), markup=False)
    if report.violations:
        raise UserError(
            f"{len(report.violations)} promises are broken",
            hint="the evidence stands above; docs/reliability.md says what each finding means",
            exit_code=EXIT_FAILED,
        )


def _json(report: Report) -> str:
    return json.dumps(
        {
            "findings": [
                {
                    "promise": one.promise.value,
                    "severity": one.severity.value,
                    "code": one.code,
                    "what": one.what,
                    "explained": one.explained,
                    "evidence": [{"source": each.source, "text": each.text} for each in one.evidence],
                }
                for one in report.findings
            ],
            "counts": report.counts,
            "notChecked": list(report.not_checked),
            "seconds": round(report.seconds, 3),
        },
        indent=1,
    )
