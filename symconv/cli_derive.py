"""`symconv derive` and `symconv jacobian`: derivations printed, Jacobians written out or drawn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from symconv import cli_options as options
from symconv.errors import ParameterError

if TYPE_CHECKING:
    import sympy

    from symconv.operator import Operator
    from symconv.report import Style

_F = TypeVar("_F", bound=Callable[..., Any])


def _notation(function: _F) -> _F:
    """The options for notation where the literature differs."""
    function = click.option("--layout", type=click.Choice(["numerator", "denominator"]),
                            default="numerator", help="Which axes of a Jacobian come first: "
                            "those of the output (default) or of the operand.")(function)
    return click.option("--index-base", "base", type=click.Choice(["0", "1"]), default="0",
                        help="What the first index is called in formulas.")(function)


@click.command("derive", cls=options.Words, context_settings=options.OPEN)
@options.operand
@options.wrt
@click.option("--kind", type=click.Choice(["vjp", "jvp", "jacobian"]), default="vjp",
              help="Gradient (default), Jacobian-vector product, or Jacobian.")
@click.option("--format", "form", type=click.Choice(["text", "latex", "markdown", "html", "json"]),
              help="By default that of FILE's ending, or text.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en")
@click.option("--depth", type=click.Choice(["result", "steps", "full"]), default="steps")
@_notation
@click.option("-o", "output", metavar="FILE", help="Write to FILE instead of standard output.")
@options.force
def derive_command(op: str, words: Sequence[str], settings: Sequence[str], wrt: Sequence[str],
                   kind: str, form: str | None, lang: str, depth: str, base: str, layout: str,
                   output: str | None, force: bool) -> None:
    """Derive a gradient of OP and print every step; parameters not given stay symbolic."""
    from symconv import report
    from symconv.invocation import operator_for
    from symconv.terminal import working

    operator = operator_for(op, words, settings, "all")
    form = form or options.form_of(output)
    names = _names(wrt)
    if kind == "vjp":
        derived = operator.vjp(*names).derived
    elif kind == "jvp":
        if names:
            raise ParameterError("--wrt does not go with --kind jvp: a tangent is of all operands")
        derived = operator.jvp().derived
    else:
        derived = operator.jacobian(_one(names, operator)).derived
    if form == "text":
        _plain_notation(base, layout)
    with working("confirming every step by evaluation"):
        shown = report.text(derived, lang=lang, depth=depth) if form == "text" else \
            _printer(form)(derived, lang, depth, style=_style(base, layout))
    options.deliver(shown, form, output, force)


@click.command("jacobian", cls=options.Words, context_settings=options.OPEN)
@options.operand
@options.wrt
@options.shape
@click.option("--format", "form", type=click.Choice(["text", "latex", "svg", "png"]),
              help="By default that of FILE's ending, or text. svg and png draw the pattern.")
@_notation
@click.option("-o", "output", metavar="FILE", help="Write to FILE instead of standard output.")
@options.force
def jacobian_command(op: str, words: Sequence[str], settings: Sequence[str], wrt: Sequence[str],
                     texts: Sequence[str], form: str | None, base: str, layout: str,
                     output: str | None, force: bool) -> None:
    """Write the Jacobian of OP out as a matrix: rows are outputs, columns inputs, in C order."""
    from symconv import report
    from symconv.confirmation import confirm
    from symconv.invocation import operator_for, shapes

    given = shapes(texts)
    operator = operator_for(op, words, settings).for_shapes(given)
    form = form or options.form_of(output)
    name = _one(_names(wrt), operator)
    style = _style(base, layout)
    jacobian = operator.jacobian(name)
    confirm(jacobian.derived)
    matrix = report.restyled_matrix(jacobian.matrix(**_complete(operator, given)), style)
    match form:
        case "latex":
            options.deliver(report.matrix_latex(matrix), form, output, force)
        case "svg" | "png":
            _draw(matrix, (name, style.layout == "denominator"), form, output, force)
        case "text":
            options.deliver(report.matrix_text(matrix), form, output, force)
        case _:
            raise ParameterError(f"a Jacobian has no format {form}: choose among text, latex, "
                                 "svg, png")


def _printer(form: str) -> Callable[..., str]:
    from symconv import report

    match form:
        case "latex":
            return report.latex
        case "markdown":
            return report.markdown
        case "html":
            return report.html
        case "json":
            return report.json
    raise ParameterError(f"a derivation has no format {form}: choose among text, latex, markdown, "
                         "html, json")


def _draw(matrix: sympy.Matrix, wrt: tuple[str, bool], form: str, output: str | None,
          force: bool) -> None:
    """The pattern of a matrix as a picture; `wrt` names the operand, and tells whether its
    elements are the rows."""
    from symconv.notes.pictures.matrices import pattern

    name, transposed = wrt
    sides = (name, "y") if transposed else ("y", name)
    drawing = pattern(matrix, *sides)
    if form == "svg":
        from symconv.notes.pictures.svg import svg

        options.deliver(svg(drawing, f"Jacobian with respect to {name}", standalone=True) + "\n",
                        form, output, force)
        return
    from symconv.files import write_file
    from symconv.notes.pictures.png import png

    content = png(drawing)
    if output is not None:
        write_file(Path(output), content, force=force)
    elif sys.stdout.isatty():
        raise ParameterError("a PNG is no text for a terminal: give -o FILE, or redirect it")
    else:
        sys.stdout.buffer.write(content)


def _style(base: str, layout: str) -> Style:
    from symconv.report import Style

    return Style(1 if base == "1" else 0,
                 "denominator" if layout == "denominator" else "numerator")


def _plain_notation(base: str, layout: str) -> None:
    if (base, layout) != ("0", "numerator"):
        raise ParameterError("plain text is in the definition language, whose indices start at 0 "
                             "and whose outputs come first; choose another --format")


def _names(wrt: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for text in wrt for name in text.split(","))


def _one(names: tuple[str, ...], operator: Operator) -> str:
    if len(names) != 1:
        raise ParameterError("a Jacobian is with respect to one operand: give one --wrt, of "
                             f"{', '.join(operator.inputs)}")
    return names[0]


def _complete(operator: Operator, given: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """The shapes with those that follow from the others filled in."""
    from symconv.shapes import bind, stored_shape

    program = operator.definition
    full, _ = operator.batched(given)
    values = bind(program, full)
    return {tensor.name: stored_shape(tensor, values) for tensor in program.inputs}
