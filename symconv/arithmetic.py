"""The arithmetics that the reference interpreter can compute in.

    EXACT       rational numbers; for definitions made of + * / and comparisons
    SYMBOLIC    SymPy expressions; for Jacobians of a few elements
    BOUNDED     numbers with a bound on what a kernel may return instead (`bounded.py`)

Each is a small object with the operations of the `Arithmetic` protocol; the interpreter knows
nothing else about values.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Protocol, TypeAlias

from symconv.errors import ParameterError

Value: TypeAlias = Any      # what an arithmetic computes with; opaque to the interpreter


class Arithmetic(Protocol):
    """Constants, reading, and the operations that bodies and reductions are made of."""

    def number(self, value: Fraction) -> Value:
        """A constant of the definition."""

    def read(self, entry: object) -> Value:
        """An element of an input array."""

    def total(self, values: Sequence[Value]) -> Value:
        """The sum of the values, in any order; 0 without values."""

    def product(self, values: Sequence[Value]) -> Value:
        """The product of the values, in any order."""

    def power(self, base: Value, exponent: Fraction) -> Value:
        """base ** exponent."""

    def apply(self, function: str, arguments: Sequence[Value],
              constants: Sequence[Fraction]) -> Value:
        """A function of `functions.FUNCTIONS`."""

    def extremum(self, kind: str, values: Sequence[Value]) -> Value:
        """The "max" or "min" of one or more values."""

    def place(self, kind: str, values: Sequence[Value], last: bool) -> int:
        """The place of the first or last "max" or "min"."""


class Exact:
    """Rational arithmetic on `int` and `Fraction`. Floats are read as the dyadic they are."""

    def number(self, value: Fraction) -> Value:
        return value.numerator if value.denominator == 1 else value

    def read(self, entry: object) -> Value:
        return self.number(exact(entry))

    def total(self, values: Sequence[Value]) -> Value:
        return sum(values)

    def product(self, values: Sequence[Value]) -> Value:
        return math.prod(values)

    def power(self, base: Value, exponent: Fraction) -> Value:
        if exponent.denominator != 1:
            raise _not_rational(f"the power {exponent}")
        if exponent < 0:
            if not base:
                raise ParameterError(f"0 ** ({exponent}) has no rational value: choose inputs "
                                     "without a division by 0")
            return self.number(1 / Fraction(base) ** -exponent.numerator)
        return base ** exponent.numerator

    def apply(self, function: str, arguments: Sequence[Value],
              constants: Sequence[Fraction]) -> Value:
        found = compare(function, arguments, constants)
        if found is None:
            raise _not_rational(function)
        return self.number(Fraction(found))

    def extremum(self, kind: str, values: Sequence[Value]) -> Value:
        return max(values) if kind == "max" else min(values)

    def place(self, kind: str, values: Sequence[Value], last: bool) -> int:
        return first_place(values, self.extremum(kind, values), last)


class Symbolic:
    """SymPy expressions. What a comparison of symbols would decide needs values instead."""

    def number(self, value: Fraction) -> Value:
        import sympy

        return sympy.Rational(value.numerator, value.denominator)

    def read(self, entry: object) -> Value:
        import sympy

        return entry if isinstance(entry, sympy.Expr) else self.number(exact(entry))

    def total(self, values: Sequence[Value]) -> Value:
        import sympy

        return sympy.Add(*values)

    def product(self, values: Sequence[Value]) -> Value:
        import sympy

        return sympy.Mul(*values)

    def power(self, base: Value, exponent: Fraction) -> Value:
        return base ** self.number(exponent)

    def apply(self, function: str, arguments: Sequence[Value],
              constants: Sequence[Fraction]) -> Value:
        import sympy

        if function == "sigmoid":
            return 1 / (1 + sympy.exp(-arguments[0]))
        if function in ("abs_power", "signed_power"):
            if arguments[0] == 0 and constants[0] < 0:      # 0 at 0, where the power has a pole
                return self.number(Fraction(0))
            size = sympy.Abs(arguments[0]) ** self.number(constants[0])
            return size if function == "abs_power" else sympy.sign(arguments[0]) * size
        if function in ("exp", "log", "sqrt", "tanh"):
            return getattr(sympy, function)(*arguments)
        found = compare(function, [self._number(function, a) for a in arguments], constants)
        return self.number(Fraction(found)) if isinstance(found, int | Fraction) else found

    def extremum(self, kind: str, values: Sequence[Value]) -> Value:
        return values[self.place(kind, values, last=False)]

    def place(self, kind: str, values: Sequence[Value], last: bool) -> int:
        found = [self._number(kind, value) for value in values]
        return first_place(found, max(found) if kind == "max" else min(found), last)

    def _number(self, function: str, value: Value) -> Value:
        if value.is_Rational:
            return Fraction(int(value.p), int(value.q))
        if value.is_number and value.is_extended_real:
            return value
        raise ParameterError(f"{function} compares values, and {value} is a symbol: "
                             "give numbers for the inputs")


EXACT = Exact()
SYMBOLIC = Symbolic()


def exact(entry: object) -> Fraction:
    """The rational number that an element of an input array is; a float is a dyadic one."""
    match item(entry):
        case float() as number if math.isfinite(number):
            return Fraction(number)
        case float() as number:
            raise ParameterError(f"{number} has no exact value: give finite inputs")
        case numbers.Rational() as number:
            return Fraction(int(number.numerator), int(number.denominator))
    raise ParameterError(f"an element {entry!r} of type {type(entry).__name__} given, "
                         "a number is needed")


def item(entry: object) -> object:
    """The Python number inside a NumPy scalar; other objects unchanged."""
    convert = getattr(entry, "item", None)
    return convert() if callable(convert) else entry


def compare(function: str, arguments: Sequence[Value], constants: Sequence[Fraction]) -> Value:
    """The functions that compare, negate, choose and multiply; None for any other function."""
    a = arguments[0]
    b = arguments[1] if len(arguments) > 1 else 0
    match function:
        case "sign":
            return (a > 0) - (a < 0)
        case "abs":
            return a if a >= 0 else -a
        case "abs_slope":
            return (a > 0) - (a < 0) if a != 0 else constants[0]
        case "abs_power" | "signed_power" if constants[0].denominator == 1:
            exponent = constants[0].numerator
            if a == 0:
                return int(exponent == 0 and function == "abs_power")
            size = abs(Fraction(a)) ** exponent if isinstance(a, int) else abs(a) ** exponent
            return -size if a < 0 and function == "signed_power" else size
        case "relu":
            return a if a > 0 else 0
        case "relu_slope":
            return int(a > 0) if a != 0 else constants[0]
        case "maximum":
            return a if a >= b else b
        case "minimum":
            return a if a <= b else b
        case "maximum_share":
            return int(a > b) if a != b else constants[0]
        case "minimum_share":
            return int(a < b) if a != b else constants[0]
        case "same":
            return int(a == b)
    return None


def first_place(values: Sequence[Value], wanted: Value, last: bool) -> int:
    """The first or last place at which `wanted` stands."""
    places = [place for place, value in enumerate(values) if value == wanted]
    return places[-1 if last else 0]


def _not_rational(what: str) -> ParameterError:
    return ParameterError(f"{what} is no rational function, so it has no exact value: "
                          "evaluate in bounded arithmetic")
