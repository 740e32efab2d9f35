"""`symconv notes`: the lecture notes, every line checked before anything is written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from symconv import cli_options as options

if TYPE_CHECKING:
    from symconv.notes.build import Progress
    from symconv.notes.model import Lang


@click.command("notes")
@click.option("-o", "output", required=True, metavar="DIR", help="The directory to write into.")
@click.option("--lang", "languages", multiple=True, type=click.Choice(["en", "zh"]),
              help="Both by default. Repeatable.")
@click.option("--format", "forms", multiple=True,
              type=click.Choice(["latex", "html", "markdown", "json", "svg"]),
              help="LaTeX, HTML and the pictures as SVG by default. Repeatable.")
@options.force
def notes_command(output: str, languages: Sequence[str], forms: Sequence[str],
                  force: bool) -> int:
    """Check every line of the lecture notes, and write them to DIR."""
    from symconv.files import write_files
    from symconv.notes.build import LANGUAGES, STANDARD, build
    from symconv.notes.examine import NotesError

    chosen = cast("Sequence[Lang]", languages) or LANGUAGES
    try:
        with _progress() as tell:
            files = build(chosen, forms or STANDARD, tell)
    except NotesError as error:
        click.echo(f"symconv: {error}", err=True)
        return 1
    write_files(Path(output), files, force=force)
    options.say(f"{len(files)} files in {output}\n")
    return 0


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None] | None]:
    """A bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("checking", total=None)

        def tell(state: Progress) -> None:
            bar.update(task, total=state.total, completed=state.done, description=state.doing)

        yield tell
