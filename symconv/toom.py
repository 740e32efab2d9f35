"""Toom-Cook's short correlations (Winograd's in signal processing), from interpolation points.

F(m, r) computes m outputs of a correlation with r taps from m + r - 1 products:

    y = A^T ((G g) * (B^T d)),     d of length m + r - 1

Nothing is tabulated: a polynomial product is evaluated at the points, multiplied, interpolated,
and transposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from symconv.errors import ParameterError

if TYPE_CHECKING:
    import sympy

POINTS: dict[int, tuple[tuple[Fraction | int, ...], ...]] = {
    3: ((0, 1, -1),),
    5: tuple((0, p, -p, q, -q) for p in (Fraction(1, 2), Fraction(3, 4), 1)
             for q in (1, Fraction(5, 4), Fraction(3, 2), 2) if p < q),
    7: ((0, Fraction(1, 2), Fraction(-1, 2), 1, -1, 2, -2),),
}
"""Binary fractions to choose from, by their number: zero and pairs, whose sums are shared."""

LIMIT = Fraction(90)
"""The largest `noise`, multiplied over all axes of a tile, for which errors in float32 stay below
5e-6 of the largest result; they are half of that at the limit."""


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

    def noise(self) -> Fraction:
        """How much larger the mean square of the sum of all rounding errors of the products is
        than that of a direct sum, for operands that are independent of each other:

            max over i of  sum over p of  A[i,p]^2 |G[p]|^2 |B[p]|^2 / r
        """
        weights = [sum(_square(value) for value in self.g.row(p))
                   * sum(_square(value) for value in self.b.row(p)) for p in range(self.n)]
        return max(sum((_square(self.a[i, p]) * weights[p] for p in range(self.n)), Fraction(0))
                   for i in range(self.m)) / self.r

    def holds(self) -> bool:
        """Whether the matrices give a correlation, whatever the operands are: in output i the
        factor of d_j g_t is one where j = i + t, and zero elsewhere."""
        a, g, b = ([[fraction(value) for value in matrix.row(row)] for row in range(matrix.rows)]
                   for matrix in (self.a, self.g, self.b))
        return all(sum(a[i][p] * g[p][t] * b[p][j] for p in range(self.n)) == (j == i + t)
                   for i in range(self.m) for t in range(self.r) for j in range(self.n))


def evaluation(points: Sequence[Any], count: int) -> sympy.Matrix:
    """The values of a polynomial with `count` coefficients at the points and at infinity, where
    the value is the leading coefficient."""
    import sympy

    rows = [[rational(point) ** power for power in range(count)] for point in points]
    return sympy.Matrix([*rows, [0] * (count - 1) + [1]])


def scheme(m: int, r: int, points: Sequence[Any]) -> Scheme:
    """The matrices from m + r - 2 distinct points, and infinity.

    Each row of B^T is multiplied, and that of G divided, by the denominator of its Lagrange
    polynomial, so that integer points give integers in A and B, and binary fractions give binary
    fractions. ParameterError where the points are not distinct or of another number.
    """
    import sympy

    chosen = [rational(point) for point in points]
    if len(chosen) != m + r - 2 or len(set(chosen)) != len(chosen):
        raise ParameterError(f"F({m}, {r}) needs {m + r - 2} distinct points, got {chosen}")
    back = evaluation(chosen, m + r - 1).inv().T
    scales = [*(sympy.Mul(*(abs(one - other) for other in chosen if other != one))
                for one in chosen), sympy.Integer(1)]
    scale = sympy.diag(*scales)
    return Scheme(m, r, evaluation(chosen, m).T, scale.inv() * evaluation(chosen, r),
                  scale * back)


@lru_cache(maxsize=32)
def quietest(m: int, r: int) -> Scheme | None:
    """The scheme of least noise among `POINTS`, which `holds`; None without points."""
    found = [scheme(m, r, points) for points in POINTS.get(m + r - 2, ())]
    best = min(found, key=Scheme.noise, default=None)
    return best if best is not None and best.holds() else None


@lru_cache(maxsize=32)
def least_noise(m: int, r: int) -> Fraction | None:
    """The noise of that scheme."""
    found = quietest(m, r)
    return None if found is None else found.noise()


def rational(value: Any) -> sympy.Rational:
    """A number as SymPy's."""
    import sympy

    return sympy.Rational(value.numerator, value.denominator) if isinstance(
        value, Fraction) else sympy.Rational(value)


def fraction(value: Any) -> Fraction:
    """A number of SymPy's as Python's."""
    return Fraction(int(value.p), int(value.q))


def _square(value: Any) -> Fraction:
    return fraction(value) ** 2
