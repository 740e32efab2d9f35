"""Pieces: the integer points of a term, or of a store in a loop nest, read as constraints.

A `Piece` is a set of points over its variables with the coordinates at which each point meets
the arrays. Two descriptions of the same sum, such as a definition and its loops, have the same
coordinates at the same points: that is what the judges decide.

Nothing here solves, and nothing of `solve`, `elimination` or `lower` is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symconv.integers import Floor, Int, parts
from symconv.ir import AtLeast, Definition, Divides, Equal, Index, Program, Row, Scalar, Term
from symconv.rewrite import map_integers, row_expressions, scalar_integers


@dataclass(frozen=True, slots=True)
class Piece:
    """Points of `variables` at which all `rows` hold, each with its `coordinates`.

    `values` are the variables whose value a row fixes: names of loop constants.
    """

    variables: tuple[str, ...]
    rows: tuple[Row, ...]
    coordinates: tuple[Int, ...]
    values: tuple[str, ...] = ()

    def beside(self, names: Sequence[str]) -> Piece:
        """The piece with some of its variables as coordinates too."""
        return replace(self, coordinates=(*self.coordinates, *map(Int.of, names)))


def box(indices: Sequence[Index]) -> tuple[Row, ...]:
    """0 <= index < extent, for each."""
    return tuple(row for index in indices for row in (
        AtLeast(Int.of(index.name)), AtLeast(index.extent - 1 - Int.of(index.name))))


def term_piece(definition: Definition, term: Term, coordinates: Sequence[Int]) -> Piece:
    """The relation of a term with the box of all of its indices."""
    indices = (*definition.free, *term.bound)
    return Piece(tuple(index.name for index in indices), (*box(indices), *term.rows),
                 tuple(coordinates))


def body_coordinates(target: Sequence[Int], value: Scalar, witness: Int | None) -> tuple[Int, ...]:
    """Every integer that a point contributes: where it goes, what it reads, what it counts."""
    kept = () if witness is None else (witness,)
    return (*target, *scalar_integers(value), *kept)


def skeleton(value: Scalar) -> Scalar:
    """The body with every integer set to 0: what is left must be the same on both sides."""
    return map_integers(value, lambda _: Int.of(0))


def facts(program: Program) -> tuple[Row, ...]:
    """What is known of sizes and parameters: the requirements, what sizes are computed from, and
    the signs: a parameter that divides is at least 1; other parameters and sizes are not
    negative. That a size which divides is not 0 has to follow from the requirements."""
    divisors = {name for expression in _expressions(program)
                for name in _divisors(expression)}
    rows: list[Row] = [AtLeast(Int.of(name) - (1 if name in divisors else 0))
                       for name in program.parameters]
    rows += [AtLeast(Int.of(s.name)) for s in program.sizes if s.value is None]
    rows += [Equal(Int.of(s.name) - s.value) for s in program.sizes if s.value is not None]
    rows += [need.row for need in program.requirements]
    for tensor in program.inputs:
        for axis in tensor.axes:
            product = Int.of(1)
            for extent in axis.logical:
                product = product * extent
            rows.append(Equal(axis.stored - product))
    return tuple(row for row in rows if row != Equal(Int.of(0)))


def _expressions(program: Program) -> Iterator[Int]:
    for size in program.sizes:
        if size.value is not None:
            yield size.value
    for definition in program.definitions:
        for index in definition.free:
            yield index.extent
        for term in definition.terms:
            yield from (index.extent for index in term.bound)
            yield from scalar_integers(term.body)
            for row in term.rows:
                yield from row_expressions(row)
                if isinstance(row, Divides):
                    yield Int.atom(Floor(row.expression, row.modulus))


def _divisors(expression: Int) -> Iterator[str]:
    for monomial, _ in expression.terms:
        for atom in monomial:
            if isinstance(atom, Floor) and atom.denominator.name is not None:
                yield atom.denominator.name
            for part in parts(atom):
                yield from _divisors(part)
