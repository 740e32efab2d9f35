"""The points of a relation, listed: which element of the output meets which of the operands.

Rows are tested one by one at every point, as the interpreter does; nothing is solved.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from symconv.integers import Int, evaluate
from symconv.ir import Program
from symconv.operator import Operator
from symconv.rewrite import accesses
from symconv.shapes import bind, holds

Place = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """One point: the element of the output, and the element that each operand is read at."""

    output: Place
    reads: Mapping[str, Place]


def meetings(operator: Operator, shapes: Mapping[str, Place]) -> tuple[Meeting, ...]:
    """All points of the terms of an operator's last definition, outputs in order.

    Raises ShapeError as `bind` does; for relations without integer operands.
    """
    program = operator.for_shapes(shapes).definition
    return tuple(_points(program, bind(program, dict(shapes))))


def _points(program: Program, sizes: Mapping[str, int]) -> Iterator[Meeting]:
    definition = program.definitions[-1]
    for place in itertools.product(*_ranges([i.extent for i in definition.free], sizes)):
        here = dict(zip([i.name for i in definition.free], place, strict=True))
        for term in definition.terms:
            for inner in itertools.product(*_ranges([i.extent for i in term.bound], sizes)):
                values = {**sizes, **here,
                          **dict(zip([i.name for i in term.bound], inner, strict=True))}
                if all(holds(row, values) for row in term.rows):
                    yield Meeting(place, {
                        access.tensor: tuple(evaluate(part, values) for part in access.subscripts)
                        for access in accesses(term.body)})


def _ranges(extents: list[Int], sizes: Mapping[str, int]) -> list[range]:
    return [range(evaluate(extent, sizes)) for extent in extents]
