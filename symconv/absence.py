"""Extrema that data may leave without a point.

The rows of a relation may read integer tensors, as in max[a]([k[a] <= i] * x[a]): whether an
element has a point is then known with the values alone. Shapes decide all other cases before
(`windows`). The function that computes such an extremum looks at every element and refuses.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace
from fractions import Fraction

from symconv.ir import Definition, Number, Tensor
from symconv.rewrite import row_expressions
from symconv.text import row_text

_MOST_TEXT = 160        # characters of the rows in a message


def refusal(definition: Definition) -> str | None:
    """What to say where an element of an extremum has no point; None where shapes exclude it."""
    if definition.reduction == "sum":
        return None
    rows = {row: [element.tensor for expression in row_expressions(row)
                  for element in expression.elements()]
            for term in definition.terms for row in term.rows}
    tensors = sorted({tensor for read in rows.values() for tensor in read})
    if not tensors:
        return None
    over = ", ".join(index.name for term in definition.terms for index in term.bound)
    needed = textwrap.shorten(" and ".join(row_text(row) for row, read in rows.items() if read),
                              _MOST_TEXT, placeholder=" ...")
    kind = definition.reduction.removeprefix("arg")
    return (f"{definition.target.name}: the {kind} over {over} has no point at some element, "
            f"where {needed} holds nowhere; give values of {', '.join(tensors)} that leave every "
            "element one")


def number_of_points(definition: Definition, name: str) -> Definition:
    """name[F] = the number of points that the extremum has at F."""
    (term,) = definition.terms
    return replace(definition, target=Tensor(name, definition.target.axes, "integer"),
                   terms=(replace(term, body=Number(Fraction(1)), witness=None),),
                   reduction="sum", ties="first")
