"""Contractions: a term with the body A*B as affine accesses over a box, seen without its operator.

For fixed sizes, elimination leaves loop variables with numbers as ranges. Where the body is a
product of two reads,

    target[f(u)] (+)= factor * sum over r of A[g(u, r)] * B[h(u, r)],    u outer, r inner,

and all subscripts are affine, the relation says everything that a fast schedule needs. A strided
gradient is several of these: the residue rho of each split index is a number in each of them, so
that floors and remainders of rho become numbers as well and every class is affine.

Rows with several variables must be ranges of one subscript of one operand (`valid`): a copy of
that operand with zeros outside may then stand for the row, as long as no zero meets an infinity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from symconv.element import Element
from symconv.integers import Int

Strides: TypeAlias = tuple[Sequence[int], Sequence[int]]
"""The elements between neighbours along each axis, in the arrays of both operands."""


@dataclass(frozen=True, slots=True)
class Span:
    """A variable with low <= name < stop."""

    name: str
    low: int
    stop: int

    @property
    def extent(self) -> int:
        return self.stop - self.low


@dataclass(frozen=True, slots=True)
class Operand:
    """A read with one affine subscript per logical axis.

    `valid` are the ranges (low, stop) of the subscripts at the points of the relation; `guarded`
    tells the axes whose subscript leaves its range somewhere in the box.
    """

    tensor: str
    subscripts: tuple[Int, ...]
    valid: tuple[tuple[int, int], ...]
    guarded: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Contraction:
    """One residue class of a term. `outer` visits its part of the target, each element once; a
    variable with one value is a number already. `is_empty`: no point, the sums are zero. All arrays
    have the same `element`."""

    target: tuple[Int, ...]
    outer: tuple[Span, ...]
    inner: tuple[Span, ...]
    operands: tuple[Operand, Operand]
    factor: Fraction
    is_empty: bool
    element: Element


def bounds(expression: Int, spans: Mapping[str, Span]) -> tuple[int, int] | None:
    """The least and the largest value of an affine expression over the box of its names."""
    low = high = 0
    for monomial, coefficient in expression.terms:
        match monomial:
            case ():
                ends = (coefficient, coefficient)
            case (str() as name,) if name in spans:
                ends = (coefficient * spans[name].low, coefficient * (spans[name].stop - 1))
            case _:
                return None
        low, high = low + min(ends), high + max(ends)
    return low, high


def narrowing(guard: Int, subscripts: Sequence[Int],
              valid: Sequence[tuple[int, int]]) -> tuple[int, tuple[int, int]] | None:
    """An axis, and what guard >= 0, as k*subscript + rest >= 0, leaves of its valid range; None
    where the guard is of no subscript."""
    for axis, place in enumerate(subscripts):
        name = min(place.names() & guard.names(), default=None)
        if name is None:
            continue
        ours, theirs = place.coefficient(name).constant, guard.coefficient(name).constant
        if not ours or not theirs or theirs % ours:
            continue
        k = theirs // ours
        rest = (guard - place * k).constant
        if rest is None:
            continue
        low, stop = valid[axis]
        return axis, (max(low, -(rest // k)), stop) if k > 0 else (low, min(stop, rest // -k + 1))
    return None


def is_affine(expression: Int) -> bool:
    """Whether every monomial is a name or a number."""
    return all(not monomial or (len(monomial) == 1 and isinstance(monomial[0], str))
               for monomial, _ in expression.terms)
