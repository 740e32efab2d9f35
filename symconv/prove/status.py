"""Which programs are in the fragment that isl decides: indices and sizes occur linearly."""

from __future__ import annotations

from collections.abc import Iterator

from symconv.integers import Element, Extremum, Floor, Int
from symconv.ir import Definition, Divides, Program, Row
from symconv.rewrite import row_expressions, scalar_integers
from symconv.text import row_text


def nonlinear(program: Program) -> str | None:
    """What is not linear, as text; None where isl can decide everything.

    Numbers inside a body that no index enters, such as the count of a mean, do not matter.
    """
    for definition in program.definitions:
        for expression in _expressions(definition):
            if not is_linear(expression):
                return str(expression)
        for term in definition.terms:
            local = {index.name for index in (*definition.free, *term.bound)}
            for expression in scalar_integers(term.body):
                if not is_linear(expression) and expression.names() & local:
                    return str(expression)
            for row in term.rows:
                if not row_is_linear(row):
                    return row_text(row)
    return None


def is_linear(expression: Int) -> bool:
    """Whether isl can read it: no products of names, and floors by numbers alone."""
    for monomial, _ in expression.terms:
        if len(monomial) > 1:
            return False
        for atom in monomial:
            match atom:
                case Floor(numerator, denominator):
                    if denominator.constant is None or not is_linear(numerator):
                        return False
                case Extremum(_, arguments) | Element(_, arguments):
                    if not all(map(is_linear, arguments)):
                        return False
    return True


def row_is_linear(row: Row) -> bool:
    """The same for a row."""
    return all(map(is_linear, row_expressions(row))) and not (
        isinstance(row, Divides) and row.modulus.constant is None)


def _expressions(definition: Definition) -> Iterator[Int]:
    for index in definition.free:
        yield index.extent
    for term in definition.terms:
        for index in term.bound:
            yield index.extent
        if term.witness is not None:
            yield term.witness
