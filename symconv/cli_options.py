"""What several commands share: arguments that name an operator, options, and writing a result."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])

PARAMETERS = """OP is a name of the catalogue (see `symconv list`) or a .sym file. Parameters of
the operator follow it, spelled as in Python with dashes: --stride 2,1 (a value per axis),
--padding 1:2,0:0 (low:high per axis), --padding-mode reflect, --no-bias, --kernel-size 3; a name
such as --stride s stays symbolic. A .sym file takes --set s=2."""

OPEN = {"ignore_unknown_options": True}


class Words(click.Command):
    """A command whose operator brings its own options; its help says how they are written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.epilog = PARAMETERS


def operand(function: _F) -> _F:
    """The arguments OP and its parameters, and --set."""
    function = click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
                            help="A parameter of a .sym file.")(function)
    function = click.argument("words", nargs=-1, metavar="[PARAMETERS]",
                              type=click.UNPROCESSED)(function)
    return click.argument("op", metavar="OP")(function)


shape = click.option("--shape", "texts", multiple=True, metavar="NAME=EXTENTS",
                     help="Shape of an operand, as in x=1,3,8,8. Repeatable.")
force = click.option("--force", is_flag=True, help="Overwrite files that symconv did not make.")
wrt = click.option("--wrt", multiple=True, metavar="OPERAND",
                   help="The operand to differentiate by. Repeatable.")


class Seconds(click.FloatRange):
    """A time to measure for: long enough for one call, and not without end."""

    def __init__(self) -> None:
        super().__init__(min=0.01)

    def convert(self, value: Any, param: click.Parameter | None,
                ctx: click.Context | None) -> float:
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is no length of time", param, ctx)
        return found


def say(text: str) -> None:
    """Print a text that brings its own end of line."""
    click.echo(text, nl=False)


def deliver(text: str, form: str, output: str | None, force: bool) -> None:
    """Print a report, or write it to a file whose first line bears symconv's mark."""
    if output is None:
        say(text)
        return
    from symconv.files import MARK, write_file

    opening = {"latex": f"% {MARK}\n", "text": f"# {MARK}\n", "json": ""}.get(
        form, f"<!-- {MARK} -->\n")
    write_file(Path(output), opening + text, force=force)


def form_of(output: str | None) -> str:
    """The format that a file's ending asks for, or text."""
    ending = Path(output).suffix if output is not None else ""
    return {".tex": "latex", ".md": "markdown", ".html": "html", ".json": "json",
            ".svg": "svg", ".png": "png"}.get(ending, "text")
