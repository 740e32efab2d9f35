"""Winograd's short correlations in the notes: the usual points, and a bound for their error.

The matrices themselves are derived in `symconv.toom`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symconv.toom import Scheme as Scheme
from symconv.toom import evaluation as evaluation
from symconv.toom import rational as rational
from symconv.toom import scheme as derived

STANDARD: dict[tuple[int, int], tuple[Fraction | int, ...]] = {
    (2, 3): (0, 1, -1),
    (3, 2): (0, 1, -1),
    (4, 3): (0, 1, -1, 2, -2),
    (6, 3): (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2)),
    (2, 5): (0, 1, -1, 2, -2),
}


def scheme(m: int, r: int, points: Sequence[Any] | None = None) -> Scheme:
    """The matrices for some points, or for the usual ones."""
    return derived(m, r, STANDARD[m, r] if points is None else points)


def correlation(d: Sequence[Any], g: Sequence[Any]) -> list[Any]:
    """The sums that a scheme must give."""
    return [sum(d[i + a] * value for a, value in enumerate(g))
            for i in range(len(d) - len(g) + 1)]


def roundings(found: Scheme) -> int:
    """Factors 1 + delta on the longest path from the operands to an output: for each matrix the
    nonzeros of a row (a product, and sums), one more where a constant is not a binary fraction
    and must be rounded itself; and the product of the transforms."""
    total = 1
    for matrix in (found.a, found.g, found.b):
        total += max(sum(entry != 0 for entry in matrix.row(row)) for row in range(matrix.rows))
        total += any(entry.q & (entry.q - 1) for entry in matrix)
    return total


def magnitude(found: Scheme, d: Sequence[Any], g: Sequence[Any]) -> list[Any]:
    """|A^T| ((|G| |g|) * (|B^T| |d|)), the sums of the absolute values of all terms."""
    import sympy

    size = sympy.Abs
    left = found.g.applyfunc(size) * sympy.Matrix([size(value) for value in g])
    right = found.b.applyfunc(size) * sympy.Matrix([size(value) for value in d])
    return list(found.a.applyfunc(size) * left.multiply_elementwise(right))


def gamma(count: int) -> Fraction:
    """count*u / (1 - count*u) for float32, u = 2**-24."""
    unit = Fraction(1, 2 ** 24)
    return count * unit / (1 - count * unit)
