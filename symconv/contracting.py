"""From an eliminated term to its contractions (`contraction`), one per residue class.

Residues become numbers first, then the values that elimination computes from them, then every
variable with a single value. Rows that no inner variable is in give the ranges of outer ones;
the others are guards: where one fails the term has no point, but its element is still there.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symconv.contraction import Contraction, Operand, Span, bounds, is_affine, narrowing
from symconv.element import Element
from symconv.integers import Int
from symconv.ir import (
    Access,
    AtLeast,
    Divides,
    Equal,
    Index,
    Number,
    Power,
    Row,
    Scalar,
    Tensor,
    Term,
    Times,
    Whole,
)
from symconv.rewrite import row_names, substitute_row
from symconv.unknowns import Eliminated


def contractions(free: Sequence[Index], term: Term, parts: Eliminated,
                 tensor: Mapping[str, Tensor],
                 element: Element) -> tuple[Contraction, ...] | None:
    """The classes of an eliminated term; None where it is no product of two affine reads, where
    sizes are not fixed, or where rows say more than ranges of subscripts.

    `tensor` gives the operands by name, `element` is that of all arrays.
    """
    split = factors(term.body)
    if split is None or not parts.covers:
        return None
    named = {index.name for index in free}
    residues = [v for v in parts.outer if v.name not in named and v.extent is not None]
    extents = [None if v.extent is None else v.extent.constant for v in residues]
    found: list[Contraction] = []
    for values in itertools.product(*(range(extent or 0) for extent in extents)):
        numbers = {v.name: Int.of(value) for v, value in zip(residues, values, strict=True)}
        made = _Class(free, parts, split, numbers, tensor, element).contraction()
        if made is None:
            return None
        if all(span.extent > 0 for span in made.outer):
            found.append(made)
    return tuple(found)


def factors(body: Scalar) -> tuple[Fraction, Access, Access] | None:
    """A body as constant * read * read; the constant must be no rounded one, or sums of integers
    would not stay exact."""
    constant, reads = Fraction(1), list[Access]()
    for argument in body.arguments if isinstance(body, Times) else (body,):
        match argument:
            case Access():
                reads.append(argument)
            case Power(Access() as base, exponent) if exponent == 2:
                reads += [base, base]
            case _:
                value = _number(argument)
                if value is None:
                    return None
                constant *= value
    exact = constant.denominator & (constant.denominator - 1) == 0
    return (constant, reads[0], reads[1]) if len(reads) == 2 and exact else None


def _number(body: Scalar) -> Fraction | None:
    match body:
        case Number(value):
            return value
        case Whole(value) if value.constant is not None:
            return Fraction(value.constant)
        case Power(base, exponent) if exponent.denominator == 1:
            inside = _number(base)
            return inside ** exponent.numerator if inside else None
    return None


@dataclass(slots=True)
class _Class:
    """One residue class on its way: numbers for the residues, then ranges, then guards."""

    free: Sequence[Index]
    parts: Eliminated
    split: tuple[Fraction, Access, Access]
    numbers: dict[str, Int]
    tensor: Mapping[str, Tensor]
    element: Element

    def contraction(self) -> Contraction | None:
        for name, value in self.parts.lets:
            known = value.substitute(self.numbers)
            if not is_affine(known):
                return None
            self.numbers[name] = known
        variables = (*self.parts.outer, *self.parts.inner)
        spans: dict[str, Span] | None = {}
        inner_names = {v.name for v in self.parts.inner}
        rows = [substitute_row(row, self.numbers) for row in self.parts.rows]
        domain = [row for row in rows if not row_names(row) & inner_names]
        guards = [row for row in rows if row not in domain]
        while True:                             # a variable with one value becomes a number
            outside = self._decided([substitute_row(row, self.numbers) for row in domain])
            inside = self._decided([substitute_row(row, self.numbers) for row in guards])
            if outside is None or inside is None:
                return None
            names = [v.name for v in variables if v.name not in self.numbers]
            spans = self._spans(names, [*outside, *(
                row for row in inside if row.names() <= inner_names)])
            if spans is None:
                return None
            single = {s.name: Int.of(s.low) for s in spans.values() if s.extent == 1}
            if not single:
                break
            self.numbers |= single
        target = tuple(self._value(Int.of(index.name)) for index in self.free)
        outer = tuple(spans[v.name] for v in self.parts.outer if v.name in spans)
        inner = tuple(spans[v.name] for v in self.parts.inner if v.name in spans)
        factor, left, right = self.split
        if Int.of(-1) in (*outside, *inside) or any(span.extent <= 0 for span in inner):
            nothing = (Operand(left.tensor, (), (), ()), Operand(right.tensor, (), (), ()))
            return Contraction(target, outer, (), nothing, factor, True, self.element)
        operands = self._operands([row for row in (*outside, *inside) if len(row.names()) > 1
                                   or not row.names() <= inner_names], spans)
        if operands is None or not all(is_affine(place) for place in target):
            return None
        return Contraction(target, outer, inner, operands, factor, False, self.element)

    def _value(self, expression: Int) -> Int:
        return expression.substitute(self.parts.values).substitute(self.numbers)

    def _decided(self, rows: Iterable[Row]) -> list[Int] | None:
        """What must be >= 0, without what is; -1 where a row never holds. None where a row of
        another kind is no mere number."""
        kept: list[Int] = []
        for row in rows:
            match row:
                case AtLeast(expression) if is_affine(expression):
                    value = expression.constant
                    if value is None or value < 0:
                        kept.append(expression if value is None else Int.of(-1))
                case Equal(expression) if expression.constant is not None:
                    kept += [Int.of(-1)] if expression.constant else []
                case Divides(modulus, expression) if (
                        modulus.constant is not None and expression.constant is not None):
                    kept += [Int.of(-1)] if expression.constant % modulus.constant else []
                case _:
                    return None
        return kept

    def _spans(self, names: Sequence[str], rows: Sequence[Int]) -> dict[str, Span] | None:
        """The range of each variable, from its extent and the rows in it alone."""
        found: dict[str, Span] = {}
        extents = {v.name: v.extent for v in (*self.parts.outer, *self.parts.inner)}
        for name in names:
            extent = extents[name]
            lows = [] if extent is None else [0]
            stops = [] if extent is None else [extent.constant]
            for row in rows:
                if row.names() == {name}:
                    coefficient = row.coefficient(name).constant or 0
                    rest = row.without((name,)).constant or 0
                    if coefficient > 0:
                        lows.append(-(rest // coefficient))
                    else:
                        stops.append(rest // -coefficient + 1)
            numbers = [stop for stop in stops if stop is not None]
            if not lows or not numbers or len(numbers) < len(stops):
                return None
            found[name] = Span(name, max(lows), min(numbers))
        return found

    def _operands(self, guards: Sequence[Int],
                  spans: Mapping[str, Span]) -> tuple[Operand, Operand] | None:
        """The two reads with their ranges; None where a guard is no range of a subscript."""
        made: list[Operand] = []
        for read in self.split[1:]:
            places = tuple(self._value(place) for place in read.subscripts)
            extents = [extent.constant for extent in self.tensor[read.tensor].logical]
            if not all(is_affine(place) for place in places) or None in extents:
                return None
            made.append(Operand(read.tensor, places, tuple((0, e or 0) for e in extents),
                                (False,) * len(places)))
        for guard in guards:
            ends = bounds(guard, spans)
            if ends is None:
                return None
            if ends[0] >= 0:
                continue
            for number, operand in enumerate(made):
                narrowed = _narrowed(operand, guard)
                if narrowed is not None:
                    made[number] = narrowed
                    break
            else:
                return None
        # where no guard stands, every read of the box must be in range
        for operand in made:
            for place, valid, guarded in zip(operand.subscripts, operand.valid, operand.guarded,
                                             strict=True):
                ends = bounds(place, spans)
                if ends is None or not (guarded or (valid[0] <= ends[0] and ends[1] < valid[1])):
                    return None
        return made[0], made[1]


def _narrowed(operand: Operand, guard: Int) -> Operand | None:
    """The operand with the range that guard >= 0 gives to one axis."""
    found = narrowing(guard, operand.subscripts, operand.valid)
    if found is None:
        return None
    axis, ends = found
    valid, guarded = list(operand.valid), list(operand.guarded)
    valid[axis], guarded[axis] = ends, True
    return replace(operand, valid=tuple(valid), guarded=tuple(guarded))
