"""Scalar bodies in the normal form of the parser.

Sums and products are flat; neighbouring numbers, and neighbouring integers, are one; factors 1
and summands 0 are dropped; a product has its sign in front; a division is a product with a power
-1. Printing a body in this form and reading it again gives the same body: of a fraction beside an
integer expression, the factor that the text gives to one of them is with that one,

    1/2 * 2N = N          2/3 * 5N = 10/3 * N          N * 2/3 = 2N * 1/3
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from symconv.errors import ParameterError
from symconv.integers import Int
from symconv.ir import Bracket, Number, Plus, Power, Scalar, Times, Whole
from symconv.spelling import is_quotient

LARGEST_COEFFICIENT = 2**63 - 1
MOST_MONOMIALS = 300
_LARGEST_NUMBER = 10**450
_LARGEST_POWER = 1000


def checked(value: Int) -> Int:
    """The integer expression, or ParameterError where it is too large for a kernel."""
    if len(value.terms) > MOST_MONOMIALS:
        raise ParameterError(f"the product has more than {MOST_MONOMIALS} terms")
    if any(abs(coefficient) > LARGEST_COEFFICIENT for _, coefficient in value.terms):
        raise ParameterError("an integer exceeds 64 bits")
    return value


def product(left: Int, right: Int) -> Int:
    """left * right, refused (ParameterError) where it would grow out of hand."""
    if len(left.terms) * len(right.terms) > MOST_MONOMIALS:
        raise ParameterError(f"the product has more than {MOST_MONOMIALS} terms")
    return checked(left * right)


def whole(value: Int) -> Scalar:
    """An integer expression as a body: a number where it is one."""
    constant = checked(value).constant
    return Whole(value) if constant is None else number(Fraction(constant))


def number(value: Fraction) -> Number:
    """A constant. Raises ParameterError beyond any floating-point range."""
    if abs(value.numerator) > _LARGEST_NUMBER or value.denominator > _LARGEST_NUMBER:
        raise ParameterError("the constant has too many digits")
    return Number(value)


def plus(parts: Iterable[Scalar]) -> Scalar:
    """The sum."""
    flat: list[Scalar] = []
    for part in parts:
        for item in part.arguments if isinstance(part, Plus) else (part,):
            while flat and (merged := _merge_sum(flat[-1], item)) is not None:
                flat.pop()
                item = merged
            flat.append(item)
    flat = [item for item in flat if item != Number(Fraction(0))]
    return _single(flat, Plus(tuple(flat)), Number(Fraction(0)))


def times(parts: Iterable[Scalar]) -> Scalar:
    """The product."""
    flat: list[Scalar] = []
    negative = False
    for part in parts:
        for item in part.arguments if isinstance(part, Times) else (part,):
            if flat and (positive := _without_sign(item)) is not None:
                negative, item = not negative, positive
            _append(flat, item)
    if negative:
        rest, flat = flat, []
        for item in (Number(Fraction(-1)), *rest):
            _append(flat, item)
    return _single(flat, Times(tuple(flat)), Number(Fraction(1)))


def _append(flat: list[Scalar], item: Scalar) -> None:
    """Multiply a product in normal form by one more factor."""
    if item == Number(Fraction(1)):
        return
    instead = _neighbours(flat[-1], item) if flat else None
    if instead is None:
        flat.append(item)
        return
    flat.pop()
    for factor in instead:
        _append(flat, factor)


def _neighbours(left: Scalar, right: Scalar) -> tuple[Scalar, ...] | None:
    """The same product of two neighbours in normal form; None where it has that already."""
    merged = _merge_product(left, right)
    if merged is not None:
        return (merged,)
    match left, right:
        case Number(fraction), Whole(Int(((monomial, factor),))) if factor != 1:
            return number(fraction * factor), Whole(Int(((monomial, 1),)))
        case Whole(value), Number(fraction) if fraction.numerator != 1 and is_quotient(fraction):
            return (whole(product(value, Int.of(fraction.numerator))),
                    Number(Fraction(1, fraction.denominator)))
    return None


def _without_sign(item: Scalar) -> Scalar | None:
    """-item, where the text of a factor starts with a minus: the sign goes to the front."""
    match item:
        case Number(value) if value < 0:
            return Number(-value)
        case Whole(Int(((_, coefficient),)) as value) if coefficient < 0:
            return Whole(-value)
    return None


def negative(body: Scalar) -> Scalar:
    """-body."""
    return times((Number(Fraction(-1)), body))


def power(base: Scalar, exponent: Fraction) -> Scalar:
    """base ** exponent; ParameterError for 0 to a negative power and for enormous constants."""
    if exponent == 1:
        return base
    if not isinstance(base, Number) or exponent.denominator != 1:
        return Power(base, exponent)
    if base.value == 0 and exponent < 0:
        raise ParameterError("division by 0")
    bits = max(base.value.numerator.bit_length(), base.value.denominator.bit_length())
    if bits * abs(exponent) > 1500:
        raise ParameterError("the constant has too many digits")
    return number(Fraction(base.value ** int(exponent)))


def inverse(body: Scalar) -> Scalar:
    """1 / body."""
    return power(body, Fraction(-1))


def allowed_exponent(value: Fraction) -> bool:
    """Whether a constant may be an exponent: a small rational."""
    return abs(value.numerator) <= _LARGEST_POWER and value.denominator <= _LARGEST_POWER


def is_integral(body: Scalar) -> bool:
    """Whether a body is certainly an integer, without reading real tensors."""
    match body:
        case Number(value):
            return value.denominator == 1
        case Whole() | Bracket():
            return True
        case Plus(arguments) | Times(arguments):
            return all(is_integral(argument) for argument in arguments)
    return False


def _merge_sum(left: Scalar, right: Scalar) -> Scalar | None:
    if isinstance(left, Number) and isinstance(right, Number):
        return number(left.value + right.value)
    first, second = _integer(left), _integer(right)
    return None if first is None or second is None else whole(first + second)


def _merge_product(left: Scalar, right: Scalar) -> Scalar | None:
    if isinstance(left, Number) and isinstance(right, Number):
        return number(left.value * right.value)
    first, second = _integer(left), _integer(right)
    return None if first is None or second is None else whole(product(first, second))


def _integer(body: Scalar) -> Int | None:
    match body:
        case Whole(value):
            return value
        case Number(value) if value.denominator == 1:
            return Int.of(value.numerator)
    return None


def _single(flat: list[Scalar], several: Scalar, none: Scalar) -> Scalar:
    return several if len(flat) > 1 else flat[0] if flat else none
