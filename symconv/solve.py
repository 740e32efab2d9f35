"""Solving equalities of a relation for bound indices, exactly over the integers.

Every equality that a derivative leaves behind is affine. `solve` names, for one of them, the
cheapest rule that applies; `lower` turns the answer into loops and `gather` into printed terms.
For loops, equalities that no unit coefficient separates are solved together (`coupled`).

`Unit`       i + r = 0:            i = -r.
`Classes`    s*i + d*a = r:        with g = gcd(s, d), r = s*M + rho, 0 <= rho < s, the solutions
                                   exist only where g | rho, and then are, for integers t,
                                       a = a0 + (s/g)*t,       a0 = (rho/g) * (d/g)^-1 mod s/g
                                       i = M + c - (d/g)*t,    c  = (rho - d*a0) / s, exact.
`Quotient`   s*i = r:              i = r/s where s | r; serves symbolic s and d too, with the
                                   other unknowns inside r as guarded loops.
`System`     A x = r:              all solutions by the Hermite form of A (`lattice`).

The index that is solved for is the longest one (an output axis rather than a kernel axis), so
that the loops which remain are short. The formulas for residue classes are the extended
Euclidean algorithm; see any text on linear Diophantine equations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from symconv.integers import Int, floor_div
from symconv.ir import Equal, Row
from symconv.relation import is_nonnegative


@dataclass(frozen=True, slots=True)
class Unit:
    """name = value."""

    name: str
    value: Int


@dataclass(frozen=True, slots=True)
class Classes:
    """s*long + d*short = rest, with numbers s > 1 and d != 0."""

    long: str
    short: str
    s: int
    d: int
    rest: Int

    @property
    def gcd(self) -> int:
        return math.gcd(self.s, self.d)

    @property
    def step(self) -> int:
        """s/g: how far `short` moves when t grows by one."""
        return self.s // self.gcd

    @property
    def back(self) -> int:
        """d/g: how far `long` moves back when t grows by one."""
        return self.d // self.gcd

    def first(self, rho: Int) -> Int:
        """a0, for rho divisible by g; in 0 .. s/g - 1."""
        if self.step == 1:
            return Int.of(0)
        inverse, reduced = pow(self.back, -1, self.step), floor_div(rho, self.gcd)
        if inverse == 1:                       # 0 <= rho/g < s/g
            return reduced
        return reduced * inverse - floor_div(reduced * inverse, self.step) * self.step

    def shift(self, rho: Int, first: Int) -> Int:
        """c = (rho - d*a0) / s, which is an integer."""
        if self.step == 1 or self.back == 1:   # rho = 0, and rho = d*a0
            return Int.of(0)
        return floor_div(rho - first * self.d, self.s)


@dataclass(frozen=True, slots=True)
class Quotient:
    """divisor * name = dividend, with divisor > 0 (a symbolic divisor is taken to be)."""

    name: str
    divisor: Int
    dividend: Int


Solution: TypeAlias = Unit | Classes | Quotient


@dataclass(frozen=True, slots=True)
class System:
    """matrix * names = rests, the equalities `rows` with numbers as coefficients; the names are
    in order from short to long."""

    names: tuple[str, ...]
    rows: tuple[Equal, ...]
    matrix: tuple[tuple[int, ...], ...]
    rests: tuple[Int, ...]


def solve(row: Equal, unknown: Mapping[str, Int], derived: frozenset[str]) -> Solution | None:
    """The cheapest rule for an equality; `unknown` maps bound indices to extents.

    `derived` are the sizes that are computed from others, such as the extents of outputs; an
    index that runs over one counts as long. None where no unknown can be isolated.
    """
    names = sorted((name for name in unknown if name in row.expression.names()),
                   key=lambda name: length(unknown[name], derived), reverse=True)
    names = [name for name in names if row.expression.is_affine((name,))]
    if not names or not row.expression.is_affine(names):
        return None
    long = names[0]
    s = row.expression.coefficient(long)
    for name in names:                      # the longest index that needs no division, unless
        coefficient = row.expression.coefficient(name).constant      # classes leave less to do
        if coefficient in (1, -1) and (name == long or len(names) > 2 or not _splits(row, names)):
            return Unit(name, row.expression.without((name,)) * -coefficient)
    if _splits(row, names):
        sign = 1 if (s.constant or 0) > 0 else -1
        d = row.expression.coefficient(names[1]).constant or 0
        return Classes(long, names[1], (s.constant or 0) * sign, d * sign,
                       row.expression.without(names[:2]) * -sign)
    return quotient(row, long)


def quotient(row: Equal, name: str) -> Quotient:
    """The equality as divisor * name = dividend; `name` is affine in it."""
    factor, rest = row.expression.coefficient(name), row.expression.without((name,))
    if is_nonnegative(-factor):
        return Quotient(name, -factor, rest)
    return Quotient(name, factor, -rest)


def coupled(rows: Iterable[Row], unknown: Mapping[str, Int],
            derived: frozenset[str]) -> System | None:
    """The first equalities that share unknowns, two or more, or one with three or more unknowns.

    Unknowns that occur in any of them with other coefficients than numbers are left inside
    `rests`. None where there are no such equalities.
    """
    known = [row for row in rows if isinstance(row, Equal) and not row.expression.elements()]
    free = {name for name in unknown if not any(
        name in row.expression.names() and not _is_numeric(row, name) for row in known)}
    for first in known:
        names, group = set(free & first.expression.names()), [first]
        while more := [row for row in known
                       if row not in group and names & row.expression.names()]:
            group += more
            names = names.union(*(free & row.expression.names() for row in more))
        if names and (len(group) > 1 or len(names) > 2):
            order = sorted(sorted(names), key=lambda name: length(unknown[name], derived))
            equations = [_positive(row.expression, order) for row in group]
            return System(
                tuple(order), tuple(group),
                tuple(tuple(e.coefficient(name).constant or 0 for name in order)
                      for e in equations),
                tuple(-e.without(order) for e in equations))
    return None


def _positive(expression: Int, order: Sequence[str]) -> Int:
    """The expression or its negative, so that the first name has a positive coefficient."""
    first = next(name for name in order if name in expression.names())
    return expression if (expression.coefficient(first).constant or 0) > 0 else -expression


def _is_numeric(row: Equal, name: str) -> bool:
    return (row.expression.is_affine((name,))
            and row.expression.coefficient(name).constant is not None)


def length(extent: Int, derived: frozenset[str]) -> tuple[int, int]:
    """Orders extents from short to long: small numbers, sizes, derived sizes."""
    if extent.constant is not None:
        return 0, extent.constant
    return (2 if extent.names() & derived or extent.name is None else 1), 0


def _splits(row: Equal, names: list[str]) -> bool:
    """Whether the two longest unknowns have numbers as coefficients, the longest above 1."""
    if len(names) < 2:
        return False
    s, d = (row.expression.coefficient(name).constant for name in names[:2])
    return s is not None and abs(s) > 1 and d is not None
