"""Reads and writes stay inside their arrays, for all sizes.

Each subscript is shown to lie in 0 .. extent-1 of its logical axis, under what encloses the
access: rows of a definition, or loops and tests of a routine. The flat offset follows by the
Horner step (`by_z3.horner_step`), and that the logical extents of an axis multiply to the stored
one is shown too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from symconv.integers import Int, product
from symconv.ir import Access, AtLeast, Equal, Program, Row, Scalar
from symconv.loops import Routine
from symconv.prove.by_z3 import Reader, implied
from symconv.prove.leaves import leaves
from symconv.prove.pieces import box, facts
from symconv.prove.statement import Judgement, every
from symconv.rewrite import accesses, row_expressions, scalar_integers


@dataclass(frozen=True, slots=True)
class _Use:
    """Arrays read or written, each at a place, where the rows hold."""

    rows: tuple[Row, ...]
    places: tuple[tuple[str, tuple[Int, ...]], ...]


def definitions_in_bounds(program: Program, names: Sequence[str]) -> Judgement:
    """Every access of the definitions of `names`, at every point of their relations."""
    uses: list[_Use] = []
    for name in names:
        definition = program.definition(name)
        for term in definition.terms:
            start = (*box(definition.free), *box(term.bound))
            place = Access(name, tuple(Int.of(index.name) for index in definition.free))
            uses += _uses(start, term.rows, place, term.body, term.witness)
    return _judged(program, uses)


def routine_in_bounds(routine: Routine) -> Judgement:
    """Every access of a routine, under its loops and tests as they are written."""
    uses: list[_Use] = []
    for leaf in leaves(routine):
        uses += _uses((), leaf.path, leaf.target, leaf.value, leaf.witness)
    return _judged(routine.program, uses)


def _uses(start: tuple[Row, ...], rows: Sequence[Row], target: Access, value: Scalar | None,
          witness: Int | None) -> Iterator[_Use]:
    """What a point touches: first the integers that its rows read, each under the rows before."""
    path = start
    for row in rows:
        yield _Use(path, tuple(_elements(row_expressions(row))))
        path = (*path, row)
    integers = [*target.subscripts, *(() if value is None else scalar_integers(value)),
                *(() if witness is None else (witness,))]
    reads = () if value is None else accesses(value)
    yield _Use(path, ((target.tensor, target.subscripts),
                      *((read.tensor, read.subscripts) for read in reads),
                      *_elements(integers)))


def _elements(expressions: Iterable[Int]) -> Iterator[tuple[str, tuple[Int, ...]]]:
    for expression in expressions:
        for element in expression.elements():
            yield element.tensor, element.subscripts


def _judged(program: Program, uses: Iterable[_Use]) -> Judgement:
    known = facts(program)
    tensors = [*program.inputs, *(definition.target for definition in program.definitions)]
    answers = [_implied(known, (), [
        Equal(axis.stored - product(axis.logical)) for tensor in tensors for axis in tensor.axes])]
    for use in dict.fromkeys(uses):
        inside: list[Row] = []
        for name, subscripts in use.places:
            for subscript, extent in zip(subscripts, program.tensor(name).logical, strict=True):
                inside += [AtLeast(subscript), AtLeast(extent - 1 - subscript)]
        # a bound that encloses the use needs no solver
        inside = [row for row in dict.fromkeys(inside) if row not in use.rows]
        answers.append(_implied(known, use.rows, inside))
        if not answers[-1]:
            break
    return every(answers)


def _implied(known: Sequence[Row], path: Sequence[Row], wanted: Sequence[Row]) -> Judgement:
    wanted = [row for row in wanted if row != Equal(Int.of(0))]
    if not wanted:
        return Judgement(True, "z3")
    reader = Reader()
    hypotheses = [reader.rows(known), reader.rows(path)]
    return implied(reader, hypotheses, reader.rows(wanted))
