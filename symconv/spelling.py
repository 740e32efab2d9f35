"""Constants, and the rows of relations, as text that reads back as it was."""

from __future__ import annotations

from fractions import Fraction

from symconv.integers import Int
from symconv.integers import text as integer_text
from symconv.ir import AtLeast, Divides, Equal, Row

SUM, PRODUCT, POWER, ATOM = range(4)          # how tightly a text holds together
_MOST_DIGITS = 18                             # of an integer before 1e30 is clearer
_PLAIN_PLACES = 6                             # decimal places before 1e-7 is clearer


def row_text(row: Row, indices: tuple[str, ...] = ()) -> str:
    """A comparison: a == b, a < b, a >= b or e % m == 0."""
    match row:
        case Divides(modulus, expression):
            top, bottom = integer_text(expression, indices), integer_text(modulus, indices)
            top = top if tightness(expression) == ATOM else f"({top})"
            bottom = bottom if tightness(modulus) == ATOM else f"({bottom})"
            return f"{top} % {bottom} == 0"
        case Equal(expression):
            left, right = _sides(expression)
            return f"{integer_text(left, indices)} == {integer_text(right, indices)}"
        case AtLeast(expression):
            left, right = _sides(expression + 1)
            if _constant(expression) == -1 and right:
                return f"{integer_text(right, indices)} < {integer_text(left, indices)}"
            left, right = _sides(expression)
            if right and left.constant is not None:
                return f"{integer_text(right, indices)} < {left.constant + 1}"
            if right.names().intersection(indices) and not left.names().intersection(indices):
                return f"{integer_text(right, indices)} <= {integer_text(left, indices)}"
            return f"{integer_text(left, indices)} >= {integer_text(right, indices)}"


def needs(row: Row) -> str:
    """The message of a requirement that is written as a statement."""
    return f"the definition needs {row_text(row)}"


def number_text(value: Fraction) -> str:
    """An exact constant that reads back as the same: 3, 1/2, 0.01, 1e-12."""
    if value.denominator == 1:
        return _integer_text(value.numerator)
    rest, places = value.denominator, 0
    for prime in (2, 5):
        power = 0
        while rest % prime == 0:
            rest, power = rest // prime, power + 1
        places = max(places, power)
    digits = abs(value.numerator) * 10**places // value.denominator
    if rest > 1 or value.denominator <= 16 or len(str(digits)) > 2 * _MOST_DIGITS:
        return f"{_integer_text(value.numerator)}/{_integer_text(value.denominator)}"
    sign = "-" if value < 0 else ""
    if places > _PLAIN_PLACES:
        return f"{sign}{digits}e-{places}"
    shown = str(digits).rjust(places + 1, "0")
    return f"{sign}{shown[:-places]}.{shown[-places:]}"


def is_quotient(value: Fraction) -> bool:
    """Whether the text of a constant is a division, 2/3 and not 0.06."""
    return "/" in number_text(value)


def _integer_text(value: int) -> str:
    """An integer; with many digits it becomes 1e30."""
    shown = str(abs(value))
    if len(shown) > _MOST_DIGITS:
        short = shown.rstrip("0")
        shown = f"{short}e{len(shown) - len(short)}"
    return f"-{shown}" if value < 0 else shown


def _sides(expression: Int) -> tuple[Int, Int]:
    """expression = left - right, both with positive coefficients only."""
    left = Int(tuple(term for term in expression.terms if term[1] > 0))
    right = Int(tuple(term for term in expression.terms if term[1] < 0))
    return left, -right


def _constant(expression: Int) -> int:
    return next((coefficient for monomial, coefficient in expression.terms if not monomial), 0)


def tightness(value: Int) -> int:
    """How tightly the text of an integer expression holds together."""
    if not value.terms:
        return ATOM
    if len(value.terms) > 1 or value.terms[0][1] < 0:
        return SUM
    monomial, coefficient = value.terms[0]
    return ATOM if not monomial or (coefficient == 1 and len(monomial) == 1) else PRODUCT
