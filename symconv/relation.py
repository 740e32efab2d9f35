"""Relations: the rows of a term, simplified without solving anything that can fail.

Three identities, all exact over the integers:

* renaming   sum over b of [b = q] f(b) = f(q), with q in the range of b      (`contract`)
* dropping   a row that the ranges and the other rows imply holds anyway     (`drop_implied`)
* range      an expression affine in indices is smallest at a corner of the box (`least`)

`[u = s*i + d*a - p]` is left alone: relations stay unsolved, so that they can be derived again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from symconv.integers import Element, Int
from symconv.ir import AtLeast, Equal, Index, Row, Term
from symconv.ranges import Logical, read_conditions
from symconv.rewrite import row_expressions, substitute_row, substitute_term


def solution(row: Row, name: str) -> Int | None:
    """The value of `name` forced by an equality in which it has the coefficient 1 or -1."""
    if not isinstance(row, Equal) or not row.expression.is_affine((name,)):
        return None
    coefficient = row.expression.coefficient(name).constant
    if coefficient not in (1, -1):
        return None
    return row.expression.without((name,)) * -coefficient


def least(expression: Int, ranges: Mapping[str, Int]) -> Int | None:
    """A lower bound, free of indices, of an expression over 0 <= index < ranges[index].

    Exact where it is not None: the corner at which the minimum of an affine form is attained.
    None where a coefficient's sign is unknown or the expression is not affine.
    """
    inside = [name for name in ranges if name in expression.names()]
    if not expression.is_affine(inside):
        return None
    bound = expression.without(inside)
    for name in inside:
        coefficient = expression.coefficient(name)
        if not is_nonnegative(coefficient):
            if not is_nonnegative(-coefficient):
                return None
            bound = bound + coefficient * (ranges[name] - 1)
    return bound


def is_nonnegative(expression: Int) -> bool:
    """Certain to be >= 0, given that plain names (sizes, strides, dilations) are."""
    return all(coefficient > 0 and all(isinstance(atom, str) for atom in monomial)
               for monomial, coefficient in expression.terms)


def is_implied(row: Row, ranges: Mapping[str, Int], signed: Collection[str] = ()) -> bool:
    """Whether a row holds at every point of the box alone; `signed` names may be negative."""
    match row:
        case AtLeast(expression):
            if not expression.names().isdisjoint(signed):
                return False
            bound = least(expression, ranges)
            return bound is not None and is_nonnegative(bound)
        case Equal(expression):
            return not expression
    return False


def drop_implied(rows: Sequence[Row], ranges: Mapping[str, Int],
                 signed: Collection[str] = (),
                 certain: Collection[Element] = ()) -> tuple[Row, ...]:
    """The rows without those that the box, or the box and an equality, implies.

    `signed` are names whose sign is not known; other names outside the box are sizes. With the
    equality e = 0, the row r >= 0 is the same as r + e >= 0 and as r - e >= 0. Where a row reads
    integers between r and e, r stays: it may keep that read in range, unless it is a `certain`
    one.
    """
    equalities = [(place, row.expression) for place, row in enumerate(rows)
                  if isinstance(row, Equal)]
    reading = [place for place, row in enumerate(rows)
               if not elements_of(row) <= set(certain)]
    kept: list[Row] = []
    for place, row in enumerate(rows):
        same: list[Row] = [row]
        if isinstance(row, AtLeast):
            same += [AtLeast(row.expression + sign * e) for other, e in equalities
                     if not any(place < between < other for between in reading)
                     for sign in (1, -1)]
        if row not in kept and not any(
                is_implied(candidate, ranges, signed) for candidate in same):
            kept.append(row)
    return tuple(kept)


def elements_of(row: Row) -> frozenset[Element]:
    """The reads of integer tensors in a row."""
    return frozenset(e for expression in row_expressions(row) for e in expression.elements())


def certain_reads(term: Term, free: Sequence[Index], logical: Logical) -> frozenset[Element]:
    """The reads in the rows of a term that are in range for all values of its indices."""
    box = ranges(free, term.bound)
    return frozenset(element for row in term.rows for element in elements_of(row) if all(
        is_implied(AtLeast(condition), box) for condition in read_conditions(
            (element.tensor, element.subscripts), logical)))


def contract(term: Term, free: Sequence[Index], logical: Logical) -> Term:
    """Remove each bound index that a row sets equal to another index or to a number.

    sum over b of [b = q] f(b) = [q in range of b] f(q). `logical` gives the extents of tensors.
    """
    while (found := _renaming(term)) is not None:
        row, index, value = found
        rows = tuple(substitute_row(other, {index.name: value})
                     for other in (AtLeast(Int.of(index.name)),
                                   AtLeast(index.extent - 1 - Int.of(index.name)),
                                   *(r for r in term.rows if r is not row)))
        rest = replace(term, bound=tuple(b for b in term.bound if b is not index), rows=())
        term = replace(substitute_term(rest, {index.name: value}), rows=rows)
    return replace(term, rows=drop_implied(term.rows, ranges(free, term.bound), (),
                                           certain_reads(term, free, logical)))


def ranges(*groups: Iterable[Index]) -> dict[str, Int]:
    """name -> extent of all the indices."""
    return {index.name: index.extent for group in groups for index in group}


def _renaming(term: Term) -> tuple[Row, Index, Int] | None:
    for row in term.rows:
        for index in term.bound:
            value = solution(row, index.name)
            if value is not None and (value.name is not None or value.constant is not None):
                return row, index, value
    return None
