"""Exact values with a certificate that no kernel rounds on the way to them.

A value is the rational number that the interpreter's exact arithmetic gives, together with a
size, which bounds the sum of the absolute values of all terms that it is made of, and a grain: it
and all partial results are multiples of 2**-grain. As long as size * 2**grain <= 2**p, with p
bits of significand, sums and products are exact in any order, fused or not. Each input counts as
1 larger than it is, so that the certificate also holds for inputs that differ by up to 1.

A quotient has no such certificate, unless by a power of two: a kernel may multiply by a rounded
reciprocal. `divisors` collects all that was divided by.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from symconv.arithmetic import EXACT, Value
from symconv.precision import FLOAT32, FLOAT64

_BITS = {"float32": FLOAT32.bits, "float64": FLOAT64.bits}


class Certified(NamedTuple):
    """A rational value; `sure` says that a kernel returns just it."""

    value: Value
    size: Value
    grain: int
    sure: bool


class CertifyingArithmetic:
    """Exact arithmetic that keeps the books, for kernels of one precision."""

    def __init__(self, dtype: str) -> None:
        self._limit = 1 << _BITS[dtype]
        self.divisors: set[int] = set()
        self.decided = True             # no place of an extremum depends on rounding

    def number(self, value: Fraction) -> Certified:
        return self._quotient(value.numerator, value.denominator)

    def read(self, entry: object) -> Certified:
        found = self.number(Fraction(EXACT.read(entry)))
        return found._replace(size=found.size + 1)

    def total(self, values: Sequence[Certified]) -> Certified:
        if len(values) == 1:
            return values[0]
        return self._checked(sum([v[0] for v in values]), sum([v[1] for v in values]),
                             max([v[2] for v in values], default=0), all(v[3] for v in values))

    def product(self, values: Sequence[Certified]) -> Certified:
        value, size, grain, sure = values[0]
        for v in values[1:]:
            value, size, grain, sure = value * v[0], size * v[1], grain + v[2], sure and v[3]
        return self._checked(value, size, grain, sure)

    def power(self, base: Certified, exponent: Fraction) -> Certified:
        if exponent.denominator == 1 and exponent > 0:
            return self.product([base] * exponent.numerator)
        value = Fraction(EXACT.power(base.value, exponent))
        found = self._quotient(value.numerator, value.denominator)
        return found._replace(sure=found.sure and base.sure)

    def apply(self, function: str, arguments: Sequence[Certified],
              constants: Sequence[Fraction]) -> Certified:
        value = EXACT.apply(function, [argument.value for argument in arguments], constants)
        sure = all(argument.sure for argument in arguments)
        if function in ("abs", "relu", "maximum", "minimum"):
            return Certified(value, max(argument.size for argument in arguments),
                             max(argument.grain for argument in arguments), sure)
        found = self.number(Fraction(value))
        return found._replace(size=1, sure=found.sure and sure)

    def extremum(self, kind: str, values: Sequence[Certified]) -> Certified:
        value = EXACT.extremum(kind, [v[0] for v in values])
        return Certified(value, max(v[1] for v in values), max(v[2] for v in values),
                         all(v[3] for v in values))

    def place(self, kind: str, values: Sequence[Certified], last: bool) -> int:
        self.decided = self.decided and all(v[3] for v in values)
        return EXACT.place(kind, [v[0] for v in values], last)

    def _checked(self, value: Value, size: Value, grain: int, sure: bool) -> Certified:
        return Certified(value, size, grain, sure and size * (1 << grain) <= self._limit)

    def _quotient(self, numerator: int, denominator: int) -> Certified:
        value = numerator if denominator == 1 else Fraction(numerator, denominator)
        grain = denominator.bit_length() - 1
        if denominator > 1:
            self.divisors.add(denominator)
        if denominator & (denominator - 1):
            return Certified(value, abs(value), grain, False)
        return self._checked(value, abs(value), grain, True)
