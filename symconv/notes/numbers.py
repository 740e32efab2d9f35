"""Computed values in LaTeX: integers with thin spaces, fractions, rows, matrices, expressions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symconv.errors import ParameterError

_GROUPED = 10_000                       # smaller integers are easily read as they are


def shown(value: object) -> str:
    """A value as it stands in a formula.

    A list of numbers is a row (1, 2, 3), a list of lists a matrix; deeper lists are rows of
    matrices. Text is taken as LaTeX, a bool as a word. Raises ParameterError for other types.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    match value:
        case bool():
            return rf"\text{{{str(value).lower()}}}"
        case str():
            return value
        case int():
            return integer(value)
        case Fraction():
            return fraction(value)
        case float():
            return f"{value:.6g}"
        case list() | tuple() if value and isinstance(value[0], list | tuple):
            if isinstance(value[0][0], list | tuple):
                return r",\; ".join(map(shown, value))
            return matrix(value)
        case list() | tuple():
            return f"({', '.join(map(shown, value))})"
    if hasattr(value, "free_symbols") or hasattr(value, "is_Matrix"):
        import sympy

        return str(sympy.latex(value))
    raise ParameterError(f"a value of type {type(value).__name__} has no form in the notes")


def integer(value: int) -> str:
    """36000000 as 36\\,000\\,000."""
    if abs(value) < _GROUPED:
        return str(value)
    return f"{value:,}".replace(",", r"\,")


def fraction(value: Fraction) -> str:
    """A fraction, or an integer where it is one."""
    if value.denominator == 1:
        return integer(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\tfrac{{{integer(abs(value.numerator))}}}{{{integer(value.denominator)}}}"


def matrix(rows: Any) -> str:
    """A matrix in brackets, as wide as needed."""
    cells = [[shown(entry) for entry in row] for row in rows]
    high = any("frac" in cell for row in cells for cell in row)
    body = (r" \\[3pt] " if high else r" \\ ").join(map(" & ".join, cells))
    return rf"\left[\begin{{array}}{{{'c' * len(rows[0])}}} {body} \end{{array}}\right]"
