"""Notation where the literature differs: where indices start, and which axes of a Jacobian come
first.

    base 0      i = 0, ..., H-1, as in programs           base 1      i = 1, ..., H
    numerator   J[output axes, operand axes], the layout in which J maps tangents: dy = J dx
    denominator J[operand axes, output axes], its transpose: the gradient of a scalar is a column

Only what is printed changes. A definition is rewritten for base 1 by replacing every index i by
i - 1 (and every integer element k, which is a place itself, by k - 1); subscripts, ranges and
witnesses are then printed one larger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from symconv.errors import ParameterError
from symconv.integers import Atom, Element, Extremum, Floor, Int, floor_div, largest, smallest
from symconv.ir import Axis, Definition, Tensor, Term
from symconv.rewrite import map_integers, map_row

Layout: TypeAlias = Literal["numerator", "denominator"]


@dataclass(frozen=True, slots=True)
class Style:
    """How formulas are written. Raises ParameterError for a base or a layout that is unknown."""

    base: Literal[0, 1] = 0
    layout: Layout = "numerator"

    def __post_init__(self) -> None:
        if self.base not in (0, 1):
            raise ParameterError(f"the index base is {self.base!r}, but must be 0 or 1")
        if self.layout not in ("numerator", "denominator"):
            raise ParameterError(f"the layout is {self.layout!r}, but must be numerator or "
                                 "denominator")


PLAIN = Style()


def restyled(definition: Definition, style: Style, outputs: int | None) -> Definition:
    """The definition in another notation; `outputs` counts the output axes of a Jacobian, and is
    None for everything else."""
    if style.layout == "denominator" and outputs is not None:
        free = definition.free[outputs:] + definition.free[:outputs]
        extents = [(index.name, extent) for index, extent
                   in zip(definition.free, definition.target.logical, strict=True)]
        moved = dict(extents)
        target = Tensor(definition.target.name, tuple(
            axis_of(moved[index.name]) for index in free), definition.target.kind)
        definition = replace(definition, target=target, free=free)
    return definition if style.base == 0 else _one_based(definition)


def axis_of(extent: Int) -> Axis:
    """A stored axis that is one logical axis."""
    return Axis(extent, (extent,))


def _one_based(definition: Definition) -> Definition:
    names = {index.name for index in definition.free}
    return replace(definition, terms=tuple(
        _shifted(term, names | {index.name for index in term.bound})
        for term in definition.terms))


def _shifted(term: Term, indices: set[str]) -> Term:
    def change(expression: Int) -> Int:
        return expression.rebuild(leaf)

    def leaf(atom: Atom) -> Int:
        match atom:
            case str():
                return Int.of(atom) - 1 if atom in indices else Int.of(atom)
            case Floor(numerator, denominator):
                return floor_div(change(numerator), change(denominator))
            case Extremum(kind, arguments):
                return (smallest if kind == "min" else largest)(*map(change, arguments))
            case Element(tensor, subscripts):
                return Int.atom(Element(tensor, tuple(map(change, subscripts)))) - 1

    return Term(term.bound, tuple(map_row(row, change) for row in term.rows),
                map_integers(term.body, change),
                None if term.witness is None else change(term.witness))
