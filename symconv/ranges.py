"""Which reads stay in range, which rows keep them there, and which extents follow from reads.

Shared by the parser, which adds range rows and infers extents, and by the printer, which leaves
out what the parser will add again.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from symconv.integers import Atom, Floor, Int, Monomial, floor_div, smallest
from symconv.ir import Access, AtLeast, Equal, Row, Scalar
from symconv.rewrite import row_expressions, scalar_children, scalar_integers

Read: TypeAlias = tuple[str, tuple[Int, ...]]
Logical: TypeAlias = Callable[[str], Sequence[Int]]
_EXPANSIONS = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of names: the values of derived sizes, who may be negative, what is equal.

    Sizes are at least 0; parameters (`signed`) may have any sign. `rows` are requirements.
    """

    values: Mapping[str, Int]
    signed: Container[str] = ()
    rows: Sequence[Row] = ()

    def holds(self, expression: Int, ranges: Mapping[str, Int], rows: Iterable[Row] = ()) -> bool:
        """Certainly expression >= 0 wherever 0 <= index < ranges[index] and the rows hold."""
        if self.nonnegative(expression):
            return True
        candidates = [expression]
        for row in (*self.rows, *rows):
            if isinstance(row, AtLeast):
                candidates.append(expression - row.expression)
            elif isinstance(row, Equal):
                candidates += [expression - row.expression, expression + row.expression]
        return any(self._certain(candidate, ranges) for candidate in candidates)

    def _certain(self, expression: Int, ranges: Mapping[str, Int]) -> bool:
        inside = [name for name in ranges if name in expression.names()]
        if not expression.is_affine(inside):
            return False
        bound = expression.without(inside)
        for name in inside:
            slope = expression.coefficient(name)
            if not self.nonnegative(slope):
                if not self.nonnegative(-slope):
                    return False
                bound = bound + slope * (ranges[name] - 1)
        for _ in range(_EXPANSIONS):
            if self.nonnegative(self._without_floors(bound)):
                return True
            if bound.names().isdisjoint(self.values):
                return False
            bound = bound.substitute(self.values)
        return False

    def nonnegative(self, expression: Int) -> bool:
        """Certainly >= 0: every monomial is a product of sizes with a positive coefficient."""
        return all(c > 0 and all(isinstance(atom, str) and atom not in self.signed
                                 for atom in monomial)
                   for monomial, c in expression.terms)

    def _without_floors(self, expression: Int) -> Int:
        """A lower bound: -c*floor(n/c) >= -n and c*floor(n/c) >= n - c + 1, for c > 0."""
        if not any(isinstance(atom, Floor) for monomial, _ in expression.terms
                   for atom in monomial):
            return expression
        total = Int.of(0)
        for monomial, coefficient in expression.terms:
            total = total + self._term(monomial, coefficient)
        return total

    def _term(self, monomial: Monomial, coefficient: int) -> Int:
        floors = [atom for atom in monomial if isinstance(atom, Floor)]
        rest = list(monomial)
        if len(floors) == 1:
            top, bottom = floors[0].numerator, floors[0].denominator
            rest.remove(floors[0])
            scale = 0
            if bottom.constant and coefficient % bottom.constant == 0:
                scale = coefficient // bottom.constant
            elif bottom.name in rest:
                rest.remove(bottom.name)
                scale = coefficient
            others = _product(rest)
            if scale < 0 and self.nonnegative(others):
                return others * top * scale
            if scale > 0 and self.nonnegative(others):
                return others * (top - bottom + 1) * scale
        return _product(monomial) * coefficient


def scalar_reads(body: Scalar) -> Iterator[Read]:
    """Every read of a body in order; what a subscript reads comes before its access."""
    if isinstance(body, Access):
        for subscript in body.subscripts:
            yield from integer_reads(subscript)
        yield body.tensor, body.subscripts
    elif children := scalar_children(body):
        for child in children:
            yield from scalar_reads(child)
    else:
        for expression in scalar_integers(body):
            yield from integer_reads(expression)


def integer_reads(expression: Int) -> Iterator[Read]:
    """The reads of integer tensors inside an expression, innermost first."""
    for element in expression.elements():
        for subscript in element.subscripts:
            yield from integer_reads(subscript)
        yield element.tensor, element.subscripts


def row_reads(row: Row) -> Iterator[Read]:
    """The reads of integer tensors inside a row."""
    for expression in row_expressions(row):
        yield from integer_reads(expression)


def read_conditions(read: Read, logical: Logical) -> tuple[Int, ...]:
    """What must be >= 0 for a read to be in range: per axis, subscript and extent-1-subscript."""
    return tuple(condition
                 for subscript, extent in zip(read[1], logical(read[0]), strict=True)
                 for condition in (subscript, extent - 1 - subscript))


def completed(rows: Sequence[Row], reads: Iterable[Read], ranges: Mapping[str, Int],
              logical: Logical, facts: Facts) -> tuple[Row, ...]:
    """The rows of a term, with those that its reads need besides.

    Rows for the reads of the body come first; those for what a row reads, just before it. A
    condition that surely holds, or stands among the rows already, is not added.
    """
    result: list[Row] = []

    def need(read: Read, given: Sequence[Row]) -> None:
        for condition in read_conditions(read, logical):
            row = AtLeast(condition)
            if row not in given and row not in result \
                    and not facts.holds(condition, ranges, [*given, *result]):
                for inner in row_reads(row):        # the rows given may be tested later
                    need(inner, ())
                result.append(row)

    for read in reads:
        need(read, rows)
    for row in rows:
        for read in row_reads(row):
            need(read, ())
        if row not in result:
            result.append(row)
    return tuple(result)


@dataclass(frozen=True, slots=True)
class Clash:
    """An index that runs alone over two axes of different extents."""

    index: str
    first: Read
    extent: Int
    second: Read
    other: Int


def infer(order: Sequence[str], known: Mapping[str, Int], reads: Sequence[Read],
          logical: Logical) -> tuple[dict[str, Int], tuple[Clash, ...]]:
    """The extents of the indices in `order` that follow from reads, `known` ones included.

    An index takes the extent of the first axis that it indexes alone. One that occurs in compound
    subscripts only gets the largest range from 0 with all reads inside, provided that every
    constant is >= 0. What does not follow is missing from the result.
    """
    extents = {name: known[name] for name in order if name in known}
    first: dict[str, Read] = {}
    clashes: dict[tuple[str, Int], Clash] = {}
    for read in reads:
        for subscript, extent in zip(read[1], logical(read[0]), strict=True):
            name = subscript.name
            if name is None or name not in order or name in known:
                continue
            if name not in extents:
                extents[name], first[name] = extent, read
            elif extents[name] != extent:
                clashes.setdefault((name, extent),
                                   Clash(name, first[name], extents[name], read, extent))
    waiting = [name for name in order if name not in extents]
    while True:
        found = {name: limit for name in waiting
                 if (limit := _compound(name, order, extents, reads, logical)) is not None}
        if not found:
            return extents, tuple(clashes.values())
        extents.update(found)
        waiting = [name for name in waiting if name not in found]


def _compound(name: str, order: Sequence[str], extents: Mapping[str, Int],
              reads: Sequence[Read], logical: Logical) -> Int | None:
    """1 + the largest value with every read in range, over all values of the other indices."""
    limits: list[Int] = []
    for read in reads:
        for subscript, extent in zip(read[1], logical(read[0]), strict=True):
            if name not in subscript.names():
                continue
            inside = [index for index in order if index in subscript.names()]
            if not subscript.is_affine(inside):
                return None
            rest = subscript.without(inside)
            slope = subscript.coefficient(name)
            room = extent - 1 - rest
            plain = _plain(rest) and _plain(slope)
            for other in inside:
                if other != name:
                    if other not in extents:
                        return None
                    factor = subscript.coefficient(other)
                    plain = plain and _plain(factor)
                    room = room - factor * (extents[other] - 1)
            if not plain:
                return None
            limits.append(floor_div(room, slope) + 1)
    return smallest(*limits) if limits else None


def _plain(expression: Int) -> bool:
    """Every constant is >= 0: a sum of products of names with positive coefficients."""
    return all(c > 0 and all(isinstance(atom, str) for atom in monomial)
               for monomial, c in expression.terms)


def _product(atoms: Iterable[Atom]) -> Int:
    total = Int.of(1)
    for atom in atoms:
        total = total * Int.atom(atom)
    return total
