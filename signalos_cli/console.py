"""Where words go: results to standard output, everything else to standard error."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from signalos_cli.errors import UserError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def tell_error(error: UserError) -> None:
    err.print(f"[bold red]error:[/] {escape(error.message)}")
    if error.hint:
        err.print(f"[dim]hint:[/]  {escape(error.hint)}")


def tell_done(text: str) -> None:
    err.print(f"[green]done:[/]  {escape(text)}")


def tell_note(text: str) -> None:
    err.print(f"[cyan]note:[/]  {escape(text)}")


def tell_warning(text: str) -> None:
    err.print(f"[yellow]warning:[/] {escape(text)}")
