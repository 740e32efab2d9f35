"""What only a terminal gets: tables drawn by rich, and signs of work in progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symconv.verification.verdict import Verdict

_HEAD = ("", "check", "figure", "bound", "what was compared")


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on standard error, if that is a terminal, what is being done while it lasts."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.text import Text

    with Console(stderr=True).status(Text(text)):
        yield


def show_verdict(verdict: Verdict, title: str) -> None:
    """Print one line per check: a drawn table on a terminal, plain aligned lines elsewhere."""
    if sys.stdout.isatty():
        _draw(verdict, title)
    else:
        sys.stdout.write(f"{title}\n{verdict}\n")


def _draw(verdict: Verdict, title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    table = Table(title=Text(title), title_justify="left")
    for heading in _HEAD:
        table.add_column(heading)
    for check in verdict.checks:
        status = Text("ok", style="green") if check.passed else Text("FAILED", style="bold red")
        table.add_row(status, *map(Text, (check.name, check.figure, check.bound, check.detail)))
    console.print(table)
    for note in verdict.notes:
        console.print(Text(f"not applicable: {note}"))
