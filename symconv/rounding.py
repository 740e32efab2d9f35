"""What rounding adds to the error bound of a single value: constants, monotone functions, powers.

The bounds are those that `bounded` lists; its sums and products are made of many values, those here
of one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from symconv.certainty import LARGER, Bounded
from symconv.precision import CONTEXT, ZERO, Precision, power, sigmoid, tanh

K = 4
"""Units in the last place by which a library function may be off."""

MONOTONE: dict[str, tuple[Callable[[Decimal], Decimal], int]] = {
    "exp": (CONTEXT.exp, 2 * K),
    "log": (CONTEXT.ln, 2 * K),
    "sqrt": (CONTEXT.sqrt, 1),
    "tanh": (tanh, 2 * K),
    "sigmoid": (sigmoid, 2 * K + 4),
}
"""The formula of each function, and how many units of rounding it has."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """The roundings of kernels of one precision."""

    precision: Precision

    def number(self, value: Fraction) -> Bounded:
        """A constant, as the kernel has it."""
        if self.precision.representable(value):
            return Bounded(Decimal(float(value)), 0.0)
        v = CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))
        size = abs(float(v))
        return self.checked(v, self.precision.unit * size + self.precision.tiny, size)

    def monotone(self, function: str, argument: Bounded) -> Bounded:
        """One of the functions of `MONOTONE`."""
        formula, roundings = MONOTONE[function]
        return self.spread(formula, argument, roundings,
                           0.0 if function == "sqrt" else self.precision.normal)

    def spread(self, formula: Callable[[Decimal], Decimal], argument: Bounded, roundings: float,
               underflow: float, turning: bool = False) -> Bounded:
        """A function that is monotone (`turning`: on each side of 0) between v - e and v + e."""
        v, e = argument
        middle = v if v.is_nan() else formula(v)
        if not middle.is_finite() or not math.isfinite(e):
            return Bounded(middle, 0.0 if e == 0.0 else math.inf)
        size, error = abs(float(middle)), 0.0
        if e:
            step = Decimal(e)
            ends = [formula(CONTEXT.subtract(v, step)), formula(CONTEXT.add(v, step))]
            if turning and v.copy_abs() <= step:
                ends.append(formula(ZERO))
            if not all(end.is_finite() for end in ends):
                return Bounded(middle, math.inf)
            error = max(abs(float(CONTEXT.subtract(end, middle))) for end in ends)
            size = max(size, *(abs(float(end)) for end in ends))
        elif not middle:
            return Bounded(middle, 0.0)                  # sqrt(0), log(1), tanh(0)
        error += roundings * self.precision.unit * size + underflow
        return self.checked(middle, error, size)

    def general_power(self, base: Bounded, exponent: Fraction) -> Bounded:
        """base**exponent where that is no product: a fractional or negative exponent."""
        v, e = base
        if v.is_nan() or not math.isfinite(e):
            return Bounded(power(v, exponent), 0.0 if e == 0.0 else math.inf)
        if v.copy_abs() <= Decimal(e) and (e or exponent < 0):
            return Bounded(power(v, exponent), math.inf)      # a pole or a branch point inside
        roundings: float = 2 * K + math.ceil(abs(exponent)) + 1
        if not self.precision.representable(exponent) and v > 0:
            low = CONTEXT.subtract(v, Decimal(e))
            logarithm = max(abs(float(CONTEXT.ln(x))) for x in (low, v, CONTEXT.add(v, Decimal(e))))
            roundings += abs(float(exponent)) * logarithm
        return self.spread(lambda x: power(x, exponent), base, roundings,
                            self.precision.normal)

    def checked(self, v: Decimal, error: float, size: float) -> Bounded:
        """With a bound of infinity where something of the given size may overflow."""
        if not size <= self.precision.largest / 8 or math.isnan(error):
            return Bounded(v, math.inf)
        return Bounded(v, error * LARGER)

    def special(self, values: Sequence[Bounded]) -> float:
        """The bound of a NaN or infinite result: certain where all arguments are."""
        return 0.0 if all(value.error == 0.0 for value in values) else math.inf
