"""`signalos signals backtest`: what a file of messages would have done, on an emulated broker."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as Remaining
from rich.table import Table

from signalos_cli.commands.signals import commands
from signalos_cli.console import err, out, tell_done, tell_note, tell_warning
from signalos_cli.datadir import make_private
from signalos_cli.domain.backtest_report import Report
from signalos_cli.domain.past_messages import PastMessage, UnreadableFile, read_messages
from signalos_cli.domain.past_prices import UnreadablePrices, read_ticks, replay_line
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs

if TYPE_CHECKING:
    from signalos_cli.backtest.stage import Stage

_LEAD = timedelta(minutes=1)
_TAIL = timedelta(hours=4)
_PANEL = "The account"
_PRICES = "Prices and time"

_ONCE = (
    "A test of how messages are read, decided, sized and carried out, by the programs that trade for real; "
    "no forecast."
)
_NOT_THE_MARKET = (
    "The prices are the emulator's: a seeded random walk. Whether a trade wins says nothing about the "
    "provider. Give past prices with --ticks to ask that."
)
_PLACED = (
    "Where nothing of an instrument was open, its price was put where the next order for it expected it (at "
    "its entry; without one midway between stop and target). Else nearly all would have been denied for "
    "their prices."
)
_GAPS = "Of the time between two messages the broker saw at most {gap}."
_LAST_VERSION = "{count} messages were edited later: the file holds their last version only."
_DUPLICATES = (
    "Repetitions are recognised by the clock of this machine: the same order again is taken for one within "
    "an hour of this run, however far apart in the file."
)
_TICKS_ONLY = "Instruments without prices in that file stood still."
_AGAIN = "{count} decisions were asked for anew, because this machine did not know prices or money in time."
_STEPS = (
    "While something was open the bridge could act once in {step} of the broker's time (ladders, break-even)."
)


class Split(StrEnum):
    """How several targets are traded."""

    LADDER = "ladder"
    ORDERS = "orders"


@commands.command()
def backtest(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="result.json of Telegram Desktop, or JSON lines: time, text, sender?, id?, reply_to?",
        ),
    ],
    ticks: Annotated[
        Path | None,
        typer.Option(
            "--ticks",
            envvar="SIGNALOS_BACKTEST_TICKS",
            exists=True,
            dir_okay=False,
            help="Past prices, as lines of time,symbol,bid,ask.",
            show_default="a random walk of the emulator",
            rich_help_panel=_PRICES,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            "--seed", envvar="SIGNALOS_BACKTEST_SEED", help="Of the random walk.", rich_help_panel=_PRICES
        ),
    ] = 1,
    longest_gap: Annotated[
        int,
        typer.Option(
            "--longest-gap",
            envvar="SIGNALOS_BACKTEST_LONGEST_GAP",
            min=1,
            max=1440,
            help="Minutes that pass at most between two messages, where no past prices are given.",
            rich_help_panel=_PRICES,
        ),
    ] = 30,
    step: Annotated[
        int,
        typer.Option(
            "--step",
            envvar="SIGNALOS_BACKTEST_STEP",
            min=1,
            max=3600,
            help="Seconds of the broker's clock in one step while something is open; smaller is slower.",
            rich_help_panel=_PRICES,
        ),
    ] = 60,
    account: Annotated[
        str,
        typer.Option(
            "--account",
            envvar="SIGNALOS_BACKTEST_ACCOUNT",
            help="CURRENCY:BALANCE:hedging or netting:LEVERAGE.",
            rich_help_panel=_PANEL,
        ),
    ] = "USD:10000:hedging:100",
    risk_percent: Annotated[
        float | None,
        typer.Option(
            "--risk-percent",
            envvar="SIGNALOS_BACKTEST_RISK_PERCENT",
            min=0.01,
            max=100,
            help="What a signal may lose at its stop, in percent of equity.",
            show_default="0.5",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    split: Annotated[
        Split,
        typer.Option(
            "--split",
            envvar="SIGNALOS_BACKTEST_SPLIT",
            help="ladder: one position, the bridge closes a share at each target. orders: one for each "
            "target.",
            rich_help_panel=_PANEL,
        ),
    ] = Split.LADDER,
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            envvar="SIGNALOS_BACKTEST_COUNT",
            min=1,
            help="Only so many messages, the last ones.",
            show_default="all",
        ),
    ] = None,
    report_file: Annotated[
        Path,
        typer.Option(
            "--report", envvar="SIGNALOS_BACKTEST_REPORT", help="Where the report is written, as HTML."
        ),
    ] = Path("backtest.html"),
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            envvar="SIGNALOS_BACKTEST_KEEP",
            help="Keeps the database, the ledger and the logs of the run there.",
            show_default="removed",
        ),
    ] = None,
) -> None:
    """Replay a file of messages through a SignalOS of its own, against an emulated broker.

    Server, bridge and broker run in a directory of their own and are gone afterwards; nothing of yours is
    touched. Each message is read, decided, sized and carried out as a live one of a trusted source would be.
    Without past prices (--ticks) the prices are made up: then it tests how messages are understood and
    decided, and not whether they would have earned money.

    Examples:

      signalos signals backtest ChatExport_2026-05-04/result.json

      signalos signals backtest result.json --ticks gold.csv --risk-percent 0.25 --report gold.html
    """
    messages = _messages(file)
    if count is not None:
        messages = messages[-count:]
    terms = _account_terms(account)
    with _directory(keep) as root:
        report = _replayed(
            root, file.name, messages, ticks, seed, timedelta(minutes=longest_gap), timedelta(seconds=step),
            terms, risk_percent, split,
        )  # fmt: skip
        from signalos_cli.backtest.page import page

        report_file.write_text(page(report), encoding="utf-8")
    _show(report)
    tell_done(f"the report with plots is {report_file}")
    if keep is not None:
        tell_note(f"database, ledger and logs are in {keep}")


def _messages(file: Path) -> list[PastMessage]:
    try:
        messages = read_messages(file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8: {error}") from error
    except UnreadableFile as error:
        raise UserError(f"{file}: {error}") from error
    if not messages:
        raise UserError(f"there is no message in {file}")
    return messages


def _account_terms(account: str) -> list[str]:
    parts = [*account.split(":"), "", "", "", ""][:4]
    currency, balance, mode, leverage = (
        given or usual for given, usual in zip(parts, ("USD", "10000", "hedging", "100"), strict=True)
    )
    if mode not in ("hedging", "netting") or not leverage.isdigit() or not balance.isdigit():
        raise UserError(f"--account: {account!r} is not CURRENCY:BALANCE:hedging|netting:LEVERAGE")
    return [currency, balance, mode, leverage]


@contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise UserError(f"--keep: {keep} is not empty", hint="a run begins in a directory of its own")
        yield make_private(keep.absolute())
        return
    with tempfile.TemporaryDirectory(prefix="signalos-backtest-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _replayed(
    root: Path,
    name: str,
    messages: Sequence[PastMessage],
    ticks: Path | None,
    seed: int,
    longest_gap: timedelta,
    step: timedelta,
    terms: Sequence[str],
    risk_percent: float | None,
    split: Split,
) -> Report:
    with needs("bridge"), needs("server"):
        from signalos_cli.backtest.replay import Pace, Run, closed_trades, replay
        from signalos_cli.backtest.stage import stage
    began = time.monotonic()
    begin, end = messages[0].time - _LEAD, messages[-1].time + _TAIL
    options = ["--clock", "stepped", "--seed", str(seed)]
    prices, notes = _told(messages, ticks, longest_gap, step)
    if ticks is None:
        # One tick in ten seconds is plenty for a walk that means nothing.
        options += ["--tick-interval", "10000"]
    else:
        replayed = root / "ticks.csv"
        counts = _write_ticks(ticks, replayed, begin, end)
        prices += f" ({', '.join(f'{symbol} {each:,}' for symbol, each in counts.items())} ticks)"
        options += ["--tick-interval", "0", "--replay", str(replayed)]
    pace = Pace(None if ticks is not None else longest_gap, step, _TAIL, places_prices=ticks is None)
    run, interrupted = Run(), False
    err.print("[dim]starting a broker, a server and a bridge of their own[/]")
    with stage(root / "stage", f"5001:{':'.join(terms)}:demo", options) as set_up:
        if ticks is not None:
            set_up.broker.step(int(_LEAD.total_seconds() * 1000))
        source_id = _source(set_up, risk_percent, split)
        columns = (
            TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), Remaining(),
        )  # fmt: skip
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("messages", total=len(messages))
            try:
                replay(
                    set_up, source_id, messages, pace, run, lambda done: progress.update(task, completed=done)
                )
            except KeyboardInterrupt:
                interrupted = True
        closed, still_open = closed_trades(set_up, run)
    if run.decided_again:
        notes.append(_AGAIN.format(count=run.decided_again))
    return Report(
        file=name,
        prices=prices,
        notes=tuple(notes),
        currency=terms[0],
        results=tuple(run.results),
        equity=tuple(run.equity),
        closed=tuple(closed),
        still_open=still_open,
        seconds=time.monotonic() - began,
        interrupted=interrupted,
    )


def _told(
    messages: Sequence[PastMessage], ticks: Path | None, longest_gap: timedelta, step: timedelta
) -> tuple[str, list[str]]:
    """In words: which prices these are, and what the run is worth."""
    notes = [_ONCE]
    if ticks is None:
        prices = "made up by the emulator"
        notes += [_NOT_THE_MARKET, _PLACED, _GAPS.format(gap=longest_gap)]
    else:
        prices = f"past ones, of {ticks.name}"
        notes += [_TICKS_ONLY]
    notes += [_STEPS.format(step=step), _DUPLICATES]
    edited = sum(message.edited for message in messages)
    if edited:
        notes.append(_LAST_VERSION.format(count=edited))
    return prices, notes


def _write_ticks(source: Path, target: Path, begin: datetime, end: datetime) -> dict[str, int]:
    """Writes what the emulator can replay of a file of prices; returns the ticks of each symbol."""
    from signalos_bridge.emulator.domain.symbols import catalogue

    known = {spec.name for spec in catalogue()}
    counts: dict[str, int] = {}
    try:
        with source.open(encoding="utf-8-sig") as lines, target.open("w", encoding="utf-8") as written:
            for tick in read_ticks(lines, known, begin, end):
                counts[tick.symbol] = counts.get(tick.symbol, 0) + 1
                written.write(f"{replay_line(tick, begin)}\n")
    except (UnreadablePrices, UnicodeDecodeError) as error:
        raise UserError(f"{source}: {error}") from error
    if not counts:
        raise UserError(
            f"{source} has no price of an instrument of the emulator between {begin:%Y-%m-%d %H:%M} and "
            f"{end:%Y-%m-%d %H:%M} UTC",
            hint=f"it knows {', '.join(sorted(known))}",
        )
    return counts


def _source(set_up: Stage, risk_percent: float | None, split: Split) -> str:
    """A trusted source that the account follows."""
    from signalos.v1.signal_pb2 import SourceKind, SourceTrust, TargetSplit
    from signalos.v1.signal_service_pb2 import CreateSourceRequest

    request = CreateSourceRequest(name="backtest", kind=SourceKind.SOURCE_KIND_API)
    request.policy.trust = SourceTrust.SOURCE_TRUST_AUTO
    subscription = request.subscriptions.add(
        account_id=set_up.account_id, split=TargetSplit.Value(f"TARGET_SPLIT_{split.name}")
    )
    if risk_percent is not None:
        subscription.sizing.equity_percent = risk_percent
        subscription.maximum_risk_percent = max(1.0, risk_percent)
    answer = set_up.server.call(set_up.server.signals.CreateSource, request)
    return str(answer.source.source_id)


def _show(report: Report) -> None:
    if report.interrupted:
        tell_warning("interrupted: the rest of the file was not replayed")
    table = Table(title=f"Backtest of {report.file}", show_header=False, title_justify="left")
    money = report.currency
    for name, value in (
        ("prices", report.prices),
        ("messages", f"{len(report.results)}, {report.with_text} with text"),
        ("read as", ", ".join(f"{kind} {count}" for kind, count in report.kinds().items())),
        ("orders traded", f"[bold]{report.traded}[/] of {report.opening}"),
        ("updates carried out", f"{report.updates_done} of {report.updates}"),
        (
            "positions closed",
            f"{len(report.closed)}, {report.won} with a gain; {report.still_open} still open",
        ),
        ("on closed positions", f"{report.profit:+.2f} {money}"),
        ("equity", f"{report.change:+.2f} {money}, deepest fall {report.drawdown:.2f}"),
    ):
        table.add_row(name, value)
    out.print(table)
    refusals = report.refusals()
    if refusals:
        why = Table("not traded because", "messages")
        for code, number in refusals.items():
            why.add_row(code, str(number))
        out.print(why)
    for note in report.notes:
        tell_note(note)
    if not report.results:
        raise UserError("nothing was replayed", exit_code=EXIT_FAILED)
