"""Winograd's short correlations, derived from interpolation points with SymPy.

F(m, r) computes m outputs of a correlation with r taps from m + r - 1 products:

    y = A^T ((G g) * (B^T d)),     d of length m + r - 1

Nothing is tabulated: a polynomial product is evaluated at the points, multiplied, interpolated,
and transposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symconv.errors import ParameterError

if TYPE_CHECKING:
    import sympy

STANDARD: dict[tuple[int, int], tuple[Fraction | int, ...]] = {
    (2, 3): (0, 1, -1),
    (3, 2): (0, 1, -1),
    (4, 3): (0, 1, -1, 2, -2),
    (6, 3): (0, 1, -1, 2, -2, Fraction(1, 2), Fraction(-1, 2)),
    (2, 5): (0, 1, -1, 2, -2),
}


@dataclass(frozen=True, slots=True)
class Scheme:
    """The three matrices, for m outputs and r taps."""

    m: int
    r: int
    a: sympy.Matrix                   # A^T, m by n
    g: sympy.Matrix                   # G, n by r
    b: sympy.Matrix                   # B^T, n by n

    @property
    def n(self) -> int:
        """Products, and inputs of a tile."""
        return self.m + self.r - 1

    def apply(self, d: Sequence[Any], g: Sequence[Any]) -> list[Any]:
        """The outputs, exactly, for numbers or symbols."""
        import sympy

        left, right = self.g * sympy.Matrix(list(g)), self.b * sympy.Matrix(list(d))
        return list(self.a * left.multiply_elementwise(right))

    def apply2(self, d: sympy.Matrix, g: sympy.Matrix) -> sympy.Matrix:
        """A tile of m by m outputs: the scheme along rows and along columns."""
        left, right = self.g * g * self.g.T, self.b * d * self.b.T
        return self.a * left.multiply_elementwise(right) * self.a.T


def evaluation(points: Sequence[Any], count: int) -> sympy.Matrix:
    """The values of a polynomial with `count` coefficients at the points and at infinity, where
    the value is the leading coefficient."""
    import sympy

    rows = [[rational(point) ** power for power in range(count)] for point in points]
    return sympy.Matrix([*rows, [0] * (count - 1) + [1]])


def scheme(m: int, r: int, points: Sequence[Any] | None = None) -> Scheme:
    """The matrices from m + r - 2 distinct points, and infinity.

    Each row of B^T is multiplied, and that of G divided, by the denominator of its Lagrange
    polynomial, so that integer points give integers in A and B. ParameterError where the points
    are not distinct or of another number.
    """
    import sympy

    chosen = [rational(point) for point in (STANDARD[m, r] if points is None else points)]
    if len(chosen) != m + r - 2 or len(set(chosen)) != len(chosen):
        raise ParameterError(f"F({m}, {r}) needs {m + r - 2} distinct points, got {chosen}")
    back = evaluation(chosen, m + r - 1).inv().T
    scales = [*(sympy.Mul(*(abs(one - other) for other in chosen if other != one))
                for one in chosen), sympy.Integer(1)]
    scale = sympy.diag(*scales)
    return Scheme(m, r, evaluation(chosen, m).T, scale.inv() * evaluation(chosen, r),
                  scale * back)


def rational(value: Any) -> sympy.Rational:
    """A number as SymPy's."""
    import sympy

    return sympy.Rational(value.numerator, value.denominator) if isinstance(
        value, Fraction) else sympy.Rational(value)


def correlation(d: Sequence[Any], g: Sequence[Any]) -> list[Any]:
    """The sums that the scheme must give."""
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
