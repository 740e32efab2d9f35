"""Numbers with a running error bound: what may a kernel of a given precision return?

A value is a pair (v, e): v is the exact result of the definition for the given inputs, which are
numbers of that precision, kept to 60 decimal digits; e bounds |r - v| for the result r of any
kernel that evaluates the definition in the precision: sums and products in any order, factors
that do not depend on a summation index inside or outside of it, multiply-adds fused or not,
divisions as such or by a reciprocal, library functions within K = 4 units in the last place,
sigmoid as the formula 1 / (1 + exp(-x)), gradual underflow. A stored element is one number: who
reads it twice reads the same. With the unit roundoff u, the smallest positive number t and
gamma_n = n*u / (1 - n*u), which bounds n rounding factors (1 + d), |d| <= u (Higham, Accuracy and
Stability of Numerical Algorithms, lemma 3.1):

    sum of n values        gamma_(n-1) * sum(|v| + e) + sum(e)
    product of n factors   gamma_(n-1) * prod(|v| + e) + (prod(|v| + e) - prod|v|)
                           + 2*t*(n-1) * prod(max(1, |v| + e))         (underflow of a partial one)
    constant c             0 if representable, otherwise u*|c| + t
    x ** n                 the largest |(v +- e)**n - v**n| + (2*K + n)*u * |v +- e|**n + 2*t;
                           for fractional and negative n one rounding more, and m for t; where
                           n is rounded itself, |n*log(v +- e)| roundings more
    f(x), f monotone       max |f(v +- e) - f(v)| + c*u*|f(v +- e)| + m, with c = 1 for sqrt, 12
                           for sigmoid (exp, an addition, a division), otherwise 2*K, and m the
                           smallest normal number (libraries may flush)
    |x| ** n               as x ** n; exactly the stated value at x = 0; the sign of a signed power
                           is decided, or the bound is infinite
    abs, relu, max, min    e of the values that can be the chosen one
    slopes, shares, sign,  0 where the bounds decide the comparison; otherwise the largest
    same                   difference from v that any outcome makes
    arg max, arg min       refused where the bounds do not decide the place

Nothing is lost by rounding where all values are exact (e = 0), multiples of one power of two g,
and sum|v| < g * 2**p: then every order is exact, fused or not, and e stays 0. A number that may
overflow has e = inf, which allows anything. v may be infinite or NaN: with e = 0 the kernel must
return just that. The reference's own error (60 digits against at most 17) and the rounding of the
bounds themselves (floats) are covered by enlarging every bound by 2**-30 of itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from symconv.arithmetic import compare, exact, item
from symconv.certainty import LARGER, Bounded, apart, equal
from symconv.errors import ParameterError
from symconv.precision import CONTEXT, FLOAT32, FLOAT64, ONE, ZERO
from symconv.rounding import MONOTONE, K, Rounding


class BoundedArithmetic(Rounding):
    """The arithmetic that the module describes, for one precision."""

    def read(self, entry: object) -> Bounded:
        number = item(entry)
        if isinstance(number, float):
            return Bounded(Decimal(number), 0.0)
        return self.number(exact(number))

    def total(self, values: Sequence[Bounded]) -> Bounded:
        if len(values) < 2:
            return values[0] if values else Bounded(ZERO, 0.0)
        v = ZERO
        for value in values:
            v = CONTEXT.add(v, value[0])
        error = sum((value[1] for value in values), 0.0)
        if not v.is_finite():
            return Bounded(v, self.special(values))
        if error == 0.0 and self.precision.exact_sum([value[0] for value in values]):
            return Bounded(v, 0.0)
        size = sum(abs(float(value[0])) for value in values) + error
        return self.checked(v, self.precision.gamma(len(values) - 1) * size + error, size)

    def product(self, values: Sequence[Bounded]) -> Bounded:
        if len(values) == 1:
            return values[0]
        v, error = values[0]
        size = abs(float(v))
        largest, smallest = max(1.0, size + error), min(1.0, size)
        is_exact = error == 0.0
        for value, e in values[1:]:
            v = CONTEXT.multiply(v, value)
            other = abs(float(value))
            error = size * e + error * other + error * e if error or e else 0.0
            size *= other
            largest *= max(1.0, other + e)
            smallest *= min(1.0, other)
            is_exact = is_exact and e == 0.0
        if not v.is_finite():
            return Bounded(v, self.special(values))
        tiny, normal = self.precision.tiny, self.precision.normal
        if not v and error == 0.0 and largest <= self.precision.largest:
            return Bounded(v, 0.0)                       # a factor is exactly 0
        if is_exact and smallest >= normal and largest <= self.precision.largest \
                and self.precision.fits(v):
            return Bounded(v, 0.0)
        rounds = len(values) - 1
        error += self.precision.gamma(rounds) * (size + error)
        if smallest < normal * 2.0 ** self.precision.bits:
            error += 2 * tiny * rounds * largest
        return self.checked(v, error, largest)

    def power(self, base: Bounded, exponent: Fraction) -> Bounded:
        if exponent.denominator != 1 or exponent < 0:
            return self.general_power(base, exponent)
        n = exponent.numerator
        if n < 2:
            return base if n else Bounded(ONE, 0.0)
        if base.error == 0.0:
            plain = self.product([base] * n)
            if plain.error == 0.0 or not plain.value.is_finite():
                return plain
        return self.spread(lambda x: CONTEXT.power(x, n), base, 2 * K + n,
                            2 * self.precision.tiny, turning=True)

    def apply(self, function: str, arguments: Sequence[Bounded],
              constants: Sequence[Fraction]) -> Bounded:
        if function in MONOTONE:
            return self.monotone(function, arguments[0])
        if any(argument.value.is_nan() for argument in arguments):
            return self._at_nan(function, arguments)
        if function in ("abs_power", "signed_power"):
            return self._power_of_size(function, arguments[0], constants[0])
        if function in ("abs", "relu"):
            v, e = arguments[0]
            if function == "abs":
                return Bounded(v.copy_abs(), e)
            below = math.isfinite(e) and CONTEXT.add(v, Decimal(e)) <= 0
            return Bounded(max(v, ZERO), 0.0 if below else e)
        if function in ("maximum", "minimum"):
            return self.extremum("max" if function == "maximum" else "min", arguments)
        return self._decided(function, arguments, constants)

    def extremum(self, kind: str, values: Sequence[Bounded]) -> Bounded:
        for value in values:
            if value.value.is_nan():
                return Bounded(value.value, self.special(values))
        best = self._best(kind, values, last=False)
        rivals = [value for value in values if not apart(best, value)]
        if all(equal(best, value) for value in rivals):
            return best
        return Bounded(best.value, max(value.error for value in rivals))

    def place(self, kind: str, values: Sequence[Bounded], last: bool) -> int:
        for place, value in enumerate(values):
            if value.value.is_nan():
                return place
        best = self._best(kind, values, last)
        for value in values:
            if not equal(best, value) and not apart(best, value):
                raise ParameterError(
                    f"the arg {kind} of {float(best.value):.9g} and {float(value.value):.9g} is "
                    f"not decided in {self.precision.name}, where they may be off by "
                    f"{best.error:.1e} and {value.error:.1e}: give inputs that lie further apart")
        return next(place for place in (range(len(values) - 1, -1, -1) if last
                                        else range(len(values))) if values[place] is best)

    # --- parts ------------------------------------------------------------------------------

    def _power_of_size(self, function: str, argument: Bounded, exponent: Fraction) -> Bounded:
        """|x|**exponent, with the sign of x or without; 0 at 0 where a power has a pole."""
        v, e = argument
        if not v and e == 0.0:
            return Bounded(ONE if exponent == 0 and function == "abs_power" else ZERO, 0.0)
        found = self.power(Bounded(v.copy_abs(), e), exponent)
        if function == "abs_power":
            return found
        error = found.error if v.copy_abs() > Decimal(e) else math.inf     # the sign is not decided
        return Bounded(found.value.copy_sign(v), error)

    def _at_nan(self, function: str, arguments: Sequence[Bounded]) -> Bounded:
        if self.special(arguments):
            return Bounded(Decimal("NaN"), math.inf)
        nan = [argument.value.is_nan() for argument in arguments]
        match function:
            case "abs_slope":
                return Bounded(ZERO, 0.0)
            case "relu_slope":
                return Bounded(ONE, 0.0)
            case "maximum_share" | "minimum_share":
                return Bounded(ONE if nan[0] else ZERO, 0.0)
            case "same":
                return Bounded(ONE if all(nan) else ZERO, 0.0)
        return Bounded(Decimal("NaN"), 0.0)

    def _decided(self, function: str, arguments: Sequence[Bounded],
                 constants: Sequence[Fraction]) -> Bounded:
        """A function of the order of two arguments (or of one and 0)."""
        first = arguments[0]
        second = arguments[1] if len(arguments) > 1 else Bounded(ZERO, 0.0)
        outcomes = [self._outcome(function, sign, constants) for sign in (-1, 0, 1)]
        if equal(first, second):
            return outcomes[1]
        found = outcomes[1 + (first.value > second.value) - (first.value < second.value)]
        if apart(first, second):
            return found
        return Bounded(found.value, max(
            abs(float(CONTEXT.subtract(found.value, other.value))) + other.error
            for other in outcomes) * LARGER)

    def _outcome(self, function: str, sign: int, constants: Sequence[Fraction]) -> Bounded:
        return self.number(Fraction(compare(function, [sign, 0], constants)))

    def _best(self, kind: str, values: Sequence[Bounded], last: bool) -> Bounded:
        best = values[0]
        for value in values[1:]:
            ahead = value.value > best.value if kind == "max" else value.value < best.value
            if ahead or (last and value.value == best.value):
                best = value
        return best


def bounded(dtype: str) -> BoundedArithmetic:
    """The arithmetic for kernels of "float32" or "float64"."""
    for precision in (FLOAT32, FLOAT64):
        if precision.name == dtype:
            return BoundedArithmetic(precision)
    raise ParameterError(f"dtype {dtype!r} given; float32 or float64 is needed")
