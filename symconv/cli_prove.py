"""`symconv prove`: one line per statement; exit status 1 where one is not proved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from symconv.errors import ParameterError

if TYPE_CHECKING:
    from symconv.prove import Statement

_RANK = 2               # of an operator for any number of axes


@click.command("prove", context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, metavar="[OP] [PARAMETERS]", type=click.UNPROCESSED)
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="A parameter of a .sym file.")
@click.option("--all", "everything", is_flag=True,
              help="The whole catalogue, and strides and dilations up to 4.")
def prove_command(words: Sequence[str], settings: Sequence[str], everything: bool) -> int:
    """Prove for all sizes what OP's gradients and loops do; needs the extra `verify`.

    Parameters not given are symbols in the statements about relations; the loops are those of
    their defaults.
    """
    if everything:
        if words or settings:
            raise ParameterError("--all proves the catalogue: give it alone")
        from symconv.prove import standard_proofs

        return _show(standard_proofs())
    if not words or words[0].startswith("-"):
        raise ParameterError("name an operator or a .sym file first, or give --all")
    return _show(_proofs(words[0], words[1:], settings))


def _proofs(op: str, words: Sequence[str],
            settings: Sequence[str]) -> Iterator[tuple[str, tuple[Statement, ...]]]:
    """With every open parameter symbolic, then with its default where that is another program."""
    from symconv.invocation import operator_for
    from symconv.prove import prove

    general = operator_for(op, words, settings, "all").with_rank(_RANK)
    usual = operator_for(op, words, settings, "needed").with_rank(_RANK)
    yield _title(general.name, general.definition.parameters), prove(general)
    if usual.definition != general.definition:
        yield _title(usual.name, usual.definition.parameters), prove(usual)


def _title(name: str, parameters: Sequence[str]) -> str:
    return f"{name} for all {', '.join(parameters)}" if parameters else name


def _show(proofs: Iterable[tuple[str, tuple[Statement, ...]]]) -> int:
    """Print the statements as they come; the exit status."""
    wanting = total = 0
    for title, statements in proofs:
        click.echo(title)
        for statement in statements:
            click.echo(f"  {'proved' if statement.proved else 'NOT PROVED':<10}  "
                       f"{statement.text}  ({statement.how}, {statement.seconds:.2f} s)")
        total += len(statements)
        wanting += sum(not statement.proved for statement in statements)
    click.echo(f"{total - wanting} of {total} statements proved, for all sizes")
    return 1 if wanting else 0
