"""Floating-point precisions, and functions in decimal arithmetic of 60 digits.

What the bounded arithmetic needs to know about a kernel's number format, and the accurate values
it compares with. Exceptional operations give infinities and NaNs as IEEE arithmetic does.
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

CONTEXT = decimal.Context(prec=60, traps=[], Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Precision:
    """p bits of significand: unit roundoff 2**-p, smallest positive, smallest normal, largest."""

    name: str
    bits: int
    tiny: float
    normal: float
    largest: float

    @property
    def unit(self) -> float:
        return math.ldexp(1.0, -self.bits)

    def gamma(self, n: int) -> float:
        """n*u / (1 - n*u), the bound of n roundings; infinite where it means nothing."""
        product = n * self.unit
        return product / (1 - product) if product < 1 else math.inf

    def representable(self, value: Fraction) -> bool:
        """Whether a rational is 0 or a normal number of the precision."""
        size = abs(value)
        if not size:
            return True
        if not self.normal <= size <= self.largest:
            return False
        return self._short(float(value)) and Fraction(float(value)) == value

    def fits(self, v: Decimal) -> bool:
        """Whether a decimal of 60 digits is exact and a normal number of the precision."""
        number = float(v)
        return (self.normal <= abs(number) <= self.largest
                and self._short(number) and Decimal(number) == v
                and len(v.as_tuple().digits) < CONTEXT.prec)

    def _short(self, number: float) -> bool:
        """Whether the significand has at most p bits."""
        return math.ldexp(math.frexp(number)[0], self.bits).is_integer()

    def exact_sum(self, values: Sequence[Decimal]) -> bool:
        """Whether numbers of the precision add up without rounding, in any order."""
        ratios = [value.as_integer_ratio() for value in values]
        grain = max(denominator for _, denominator in ratios)
        if grain & (grain - 1) or grain > 1 << 62:       # 2**-62 still fits into 60 digits
            return False
        total = sum(abs(numerator) * (grain // denominator) for numerator, denominator in ratios)
        return total <= 1 << self.bits


FLOAT32 = Precision("float32", 24, 2.0 ** -149, 2.0 ** -126, (2 - 2.0 ** -23) * 2.0 ** 127)
FLOAT64 = Precision("float64", 53, 5e-324, 2.0 ** -1022, (2 - 2.0 ** -52) * 2.0 ** 1023)


def power(base: Decimal, exponent: Fraction) -> Decimal:
    """base ** exponent; NaN for a fractional power of a negative number."""
    if exponent.denominator == 1:
        return CONTEXT.power(base, exponent.numerator)
    if not base:
        return ZERO if exponent > 0 else Decimal("Infinity")
    return CONTEXT.power(base, CONTEXT.divide(Decimal(exponent.numerator),
                                                Decimal(exponent.denominator)))


def tanh(x: Decimal) -> Decimal:
    """The hyperbolic tangent, to a relative error of about 1e-45."""
    if x.copy_abs() < Decimal("1e-15"):
        return CONTEXT.subtract(x, CONTEXT.divide(CONTEXT.power(x, 3), Decimal(3)))
    decay = CONTEXT.exp(CONTEXT.multiply(Decimal(-2), x.copy_abs()))
    size = CONTEXT.divide(CONTEXT.subtract(ONE, decay), CONTEXT.add(ONE, decay))
    return size.copy_sign(x) if size.is_finite() else size


def sigmoid(x: Decimal) -> Decimal:
    """1 / (1 + exp(-x)), without overflow."""
    if x > 0:
        return CONTEXT.divide(ONE, CONTEXT.add(ONE, CONTEXT.exp(x.copy_negate())))
    growth = CONTEXT.exp(x)
    return CONTEXT.divide(growth, CONTEXT.add(ONE, growth))
