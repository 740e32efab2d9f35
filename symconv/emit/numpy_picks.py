"""Terms in which a place of a maximum picks one point of a window: what stands for the rows.

The place is one of the window's points, so that what the rows of the maximum say holds there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symconv.emit.numpy_scalars import split
from symconv.integers import Int
from symconv.ir import Access, AtLeast, Definition, Equal, Index, Program, Row, Scalar, Term
from symconv.ranges import Facts
from symconv.relation import ranges, solution
from symconv.rewrite import accesses, scalar_names, substitute_row, substitute_scalar
from symconv.selectors import place


@dataclass(frozen=True, slots=True)
class Pick:
    """target[...] += body at all points of `grid`, the taps being those of number `at`[grid]."""

    at: str
    grid: tuple[Index, ...]
    taps: tuple[Index, ...]
    target: tuple[Int, ...]
    body: Scalar


def find_pick(definition: Definition, term: Term, program: Program) -> Pick | None:
    """The term with its place of a maximum; None where none picks."""
    if definition.reduction != "sum" or definition.target.kind != "real":
        return None
    for row in term.rows:
        pick = _picked(definition, term, row, program)
        if pick is not None:
            return pick
    return None


def _picked(definition: Definition, term: Term, row: Row, program: Program) -> Pick | None:
    """The term with `row` as what picks."""
    if not isinstance(row, Equal) or len(row.expression.elements()) != 1:
        return None
    (element,) = row.expression.elements()
    chooser = next((d for d in program.definitions if d.target.name == element.tensor), None)
    if chooser is None or not chooser.reduction.startswith("arg"):
        return None
    (window,) = chooser.terms
    taps = tuple(index for index in term.bound if index.name in row.expression.names()
                 and index.name not in {name for sub in element.subscripts for name in sub.names()})
    number = place(taps) - Int.atom(element)
    if row.expression not in (number, -number) or window.witness != place(window.bound) or [
            index.extent for index in taps] != [index.extent for index in window.bound]:
        return None
    indices = (*definition.free, *term.bound)
    grid = tuple(index for sub in element.subscripts for index in indices
                 if index.name == sub.name and index not in taps)
    if [index.extent for index in grid] != list(chooser.target.logical) or len(
            {index.name for index in grid}) != len(element.subscripts):
        return None
    known = {index.name: value for index, value in zip(chooser.free, element.subscripts,
                                                       strict=True)}
    known |= {one.name: Int.of(two.name) for one, two in zip(window.bound, taps, strict=True)}
    found = _solved(definition, term, row, {index.name for index in (*grid, *taps)})
    facts = Facts({size.name: size.value for size in program.sizes if size.value is not None})
    given = [substitute_row(one, known) for one in window.rows]
    if found is None or not all(_holds(one, given, facts, ranges(grid, taps))
                                for one in found[0]):
        return None
    pick = Pick(element.tensor, grid, taps, *found[1:])
    return pick if grid and _is_possible(pick) else None


def _solved(definition: Definition, term: Term, chosen: Row,
            kept: set[str]) -> tuple[list[Row], tuple[Int, ...], Scalar] | None:
    """Rows, target and body with the kept indices alone: the rows give all others."""
    rows = [row for row in term.rows if row is not chosen]
    others = {index.name: index.extent for index in (*definition.free, *term.bound)
              if index.name not in kept}
    target, body = [Int.of(index.name) for index in definition.free], term.body
    while others:
        for row in rows:
            values = {name: value for name in others
                      if isinstance(row, Equal) and (value := solution(row, name)) is not None}
            if values:
                break
        else:
            return None
        name, value = next(iter(values.items()))
        extent = others.pop(name)
        rows = [AtLeast(value), AtLeast(extent - 1 - value),
                *(substitute_row(one, {name: value}) for one in rows if one is not row)]
        target = [subscript.substitute({name: value}) for subscript in target]
        body = substitute_scalar(body, {name: value})
    return rows, tuple(target), body


def _holds(row: Row, given: Sequence[Row], facts: Facts, box: Mapping[str, Int]) -> bool:
    """Whether a row holds where the given ones do."""
    return row in given or (isinstance(row, AtLeast) and facts.holds(row.expression, box, given))


def _is_possible(pick: Pick) -> bool:
    """Whether taps move whole reads, or all of the target, and each subscript adds what the taps
    and what the grid give; a target that they do not move has an axis for each index."""
    taps, grid = ({index.name for index in group} for group in (pick.taps, pick.grid))
    moved = [pick.target] if names(pick.target) & taps else []
    if not moved and ({sub.name for sub in pick.target} != grid or len(pick.target) != len(grid)):
        return False
    _, over, under = split((pick.body,))
    for factor in (*over, *under):
        if scalar_names(factor) & taps:
            if not isinstance(factor, Access):
                return False
            moved.append(factor.subscripts)
        elif any(sub.elements() or (sub.constant is None and sub.name not in grid)
                 for access in accesses(factor) for sub in access.subscripts):
            return False
    return bool(moved) and all(
        taps <= names(subscripts) and all(isinstance(atom, str) for atom in monomial)
        and len((taps | grid).intersection(monomial)) <= 1
        for subscripts in moved for subscript in subscripts for monomial, _ in subscript.terms)


def names(subscripts: Sequence[Int]) -> frozenset[str]:
    return frozenset[str]().union(*(subscript.names() for subscript in subscripts))
