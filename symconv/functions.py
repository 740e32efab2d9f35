"""The scalar functions of the definition language: names, arguments, meaning.

One table for every stage: the parser accepts these names, `calculus` gives each its derivative,
the emitters its spelling. The meaning at the exceptional points is part of the contract:

    exp, log, sqrt, tanh, sigmoid    as in IEEE arithmetic (log of 0 is -inf, of -1 NaN)
    sign(x)                          -1, 0 or 1; NaN at NaN; derivative 0
    abs(x; at_zero)                  |x|, derivative abs_slope
    abs_slope(x; at_zero)            -1, at_zero or 1; 0 at NaN
    relu(x; at_zero)                 max(x, 0), NaN at NaN; derivative relu_slope
    relu_slope(x; at_zero)           0, at_zero or 1; 1 at NaN
    abs_power(x; exponent)           |x|**exponent; for a negative exponent 0 at x = 0;
                                     derivative exponent * signed_power(x; exponent - 1)
    signed_power(x; exponent)        sign(x) * |x|**exponent, 0 at x = 0 for every exponent;
                                     derivative exponent * abs_power(x; exponent - 1)
    maximum(a, b; share)             the larger, NaN where either is NaN
    maximum_share(a, b; share)       the part of the derivative that a gets: 1 if a > b, 0 if
                                     a < b, `share` if equal; a NaN wins, the first of two
    minimum, minimum_share           the same with the order reversed
    same(a, b)                       1 where a = b or both are NaN, otherwise 0

The slopes, the shares, `sign` and `same` are frozen: their derivative is 0 everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant parameter of a scalar function: its name, default and closed range."""

    name: str
    default: Fraction
    low: Fraction
    high: Fraction


@dataclass(frozen=True, slots=True)
class Function:
    """A scalar function: how many arguments it takes, and its constant parameters."""

    name: str
    arity: int
    constants: tuple[Constant, ...] = ()
    frozen: bool = False


_ABS_AT_ZERO = Constant("at_zero", Fraction(0), Fraction(-1), Fraction(1))
_RELU_AT_ZERO = Constant("at_zero", Fraction(0), Fraction(0), Fraction(1))
_EXPONENT = Constant("exponent", Fraction(2), Fraction(-1000), Fraction(1000))
_SHARE = Constant("share", Fraction(1, 2), Fraction(0), Fraction(1))

FUNCTIONS: dict[str, Function] = {function.name: function for function in (
    Function("exp", 1),
    Function("log", 1),
    Function("sqrt", 1),
    Function("tanh", 1),
    Function("sigmoid", 1),
    Function("sign", 1, frozen=True),
    Function("abs", 1, (_ABS_AT_ZERO,)),
    Function("abs_slope", 1, (_ABS_AT_ZERO,), frozen=True),
    Function("relu", 1, (_RELU_AT_ZERO,)),
    Function("relu_slope", 1, (_RELU_AT_ZERO,), frozen=True),
    Function("abs_power", 1, (_EXPONENT,)),
    Function("signed_power", 1, (_EXPONENT,)),
    Function("maximum", 2, (_SHARE,)),
    Function("maximum_share", 2, (_SHARE,), frozen=True),
    Function("minimum", 2, (_SHARE,)),
    Function("minimum_share", 2, (_SHARE,), frozen=True),
    Function("same", 2, frozen=True),
)}
