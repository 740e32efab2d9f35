"""Checks of operator parameters, shared by the catalogue.

Every function takes the operator and parameter by name, returns the value in the form that the
definitions use, and raises ParameterError with the parameter, the axis, what was given, what is
needed and the remedy. A string stands for a symbol and becomes an `Int` name. NumPy's integers
are integers here; Python's bools are not.
"""

from __future__ import annotations

import math
import operator
import re
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import SupportsIndex, TypeAlias

from symconv.errors import ParameterError, shown
from symconv.integers import Int
from symconv.language.names import is_name

Size: TypeAlias = int | str
PerAxis: TypeAlias = int | str | Sequence[int | str]
Padding: TypeAlias = int | str | Sequence[int | str | Sequence[int | str]]
Real: TypeAlias = int | float | Fraction | str

_OPERANDS = frozenset({"x", "y", "w", "b"})


def refuse(name: str, parameter: str, given: object, needed: str, remedy: str,
           axis: str | None = None) -> ParameterError:
    """The error of every check, worded in one place."""
    where = f" for axis {axis}" if axis else ""
    return ParameterError(
        f"{name}: {parameter}{where} is {shown(given)}, but must be {needed}; {remedy}")


def integer(name: str, parameter: str, value: object, least: int | None = 1,
            axis: str | None = None) -> Int:
    """An integer of at least `least` (None: any), or a symbol."""
    low = -LARGEST_INTEGER if least is None else least
    if isinstance(value, str):
        return symbol(name, parameter, value, axis)
    number = _whole(value)
    if number is None or not low <= number <= LARGEST_INTEGER:
        needed = "an integer" if least is None else f"an integer of at least {least}"
        if number is not None and number >= low:
            needed += f" and at most {LARGEST_INTEGER}"
        raise refuse(name, parameter, value, needed,
                     f"give such a number, or a name such as {parameter}=\"{parameter[0]}\" "
                     "to keep it symbolic", axis)
    return Int.of(number)


def symbol(name: str, parameter: str, value: str, axis: str | None = None) -> Int:
    """A parameter left symbolic: a lower-case name that means nothing else in a definition."""
    tensor = value in _OPERANDS or (value[:1] in "dtv" and value[1:] in _OPERANDS)
    if tensor or not is_name(value) or value != value.lower():
        raise refuse(name, parameter, value, "a number or a free lower-case name",
                     f"write for instance {parameter}=\"{parameter[0]}1\"", axis)
    return Int.of(value)


def per_axis(name: str, parameter: str, value: object, axes: Sequence[str],
             least: int = 1) -> tuple[Int, ...]:
    """One integer or symbol for every spatial axis, spread from a single one."""
    items = _items(value)
    if items is None:
        return tuple(integer(name, parameter, value, least, axis) for axis in axes)
    if len(items) != len(axes):
        raise refuse(name, parameter, value, f"one value or {_one_per(axes)}",
                     f"give {len(axes)} of them")
    return tuple(integer(name, parameter, item, least, axis)
                 for item, axis in zip(items, axes, strict=True))


def pads(name: str, value: object, axes: Sequence[str]) -> tuple[tuple[Int, Int], ...]:
    """(low, high) for every axis: from one value, one per axis, or one pair per axis.

    Negative numbers (crops) are taken in pairs alone.
    """
    items = _items(value) or ()
    pairs = [pair for pair in map(_items, items) if pair is not None]
    if not pairs:
        both = per_axis(name, "padding", value, axes, least=0)
        return tuple((side, side) for side in both)
    if len(items) != len(axes) or len(pairs) != len(axes) or any(len(p) != 2 for p in pairs):
        example = ", ".join("(1, 2)" for _ in axes) + ("," if len(axes) == 1 else "")
        raise refuse(name, "padding", value, f"a (low, high) pair {_one_per(axes)}",
                     f"write for instance ({example})")
    return tuple((integer(name, "padding", pair[0], None, axis),
                  integer(name, "padding", pair[1], None, axis))
                 for pair, axis in zip(pairs, axes, strict=True))


def flag(name: str, parameter: str, value: object) -> bool:
    """True or False, and no number in their place."""
    if value is True or value is False:
        return value is True
    raise refuse(name, parameter, value, "True or False", "give one of the two")


def choice(name: str, parameter: str, value: object, allowed: Sequence[str]) -> str:
    """One of the allowed words."""
    if isinstance(value, str) and value in allowed:
        return value
    raise refuse(name, parameter, value, "one of " + ", ".join(f'"{word}"' for word in allowed),
                 "choose one of them")


def real(name: str, parameter: str, value: object, low: Fraction | int | None = None,
         high: Fraction | int | None = None) -> Fraction:
    """An exact rational; a float means the decimal that it prints as (0.01 is 1/100)."""
    number = rational(value)
    fits = (number is not None and (low is None or number >= low)
            and (high is None or number <= high) and abs(number) <= sys.float_info.max)
    if number is None or not fits:
        span = "a finite number" if low is None and high is None else (
            f"a number of at least {low}" if high is None else f"a number from {low} to {high}")
        raise refuse(name, parameter, value, span, "give such a number")
    return number


def rank(name: str, ndim: object, least: int = 0) -> int | None:
    """A number of axes, or None to take it from the arrays."""
    if ndim is None:
        return None
    number = _whole(ndim)
    if number is None or not least <= number <= MAXIMAL_RANK:
        raise refuse(name, "ndim", ndim, f"an integer from {least} to {MAXIMAL_RANK}",
                     "give the number of axes, or None to take it from the arrays")
    return number


def whole(name: str, parameter: str, value: object, low: int, high: int, remedy: str) -> int:
    """An integer from low to high that cannot stay symbolic: the definition's form hangs on it."""
    number = _whole(value)
    if number is None or not low <= number <= high:
        raise refuse(name, parameter, value, f"an integer from {low} to {high}", remedy)
    return number


def spatial_rank(name: str, ndim: object) -> int:
    """A number of spatial axes: 1, 2 or 3."""
    return whole(name, "ndim", ndim, 1, 3, "give the number of spatial axes")


def axis_numbers(name: str, value: object, ndim: int) -> tuple[int, ...]:
    """Distinct axes in ascending order; None means all, negative ones count from the end."""
    if value is None:
        return tuple(range(ndim))
    found: list[int] = []
    for item in (value,) if (items := _items(value)) is None else items:
        number = _whole(item)
        if number is None or not -ndim <= number < ndim:
            raise refuse(name, "axes", value, f"axes from {-ndim} to {ndim - 1}",
                         f"the operand has {ndim} axes")
        if number % ndim in found:
            raise refuse(name, "axes", value, "distinct axes", f"drop one of axis {number}")
        found.append(number % ndim)
    return tuple(sorted(found))


def label(kind: str, name: object) -> str | None:
    """The name that a user gave to an operator: an identifier, or None."""
    if name is None or (isinstance(name, str) and is_name(name)):
        return name
    raise refuse(kind, "name", name, "an identifier that is no "
                 "keyword or function", "use letters, digits and single underscores")


MAXIMAL_RANK = 8

LARGEST_INTEGER = 2**31 - 1
"""Of a parameter: subscripts made of it and of sizes must fit into 64 bits."""

_DECIMAL = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?(/[0-9]{1,40}|[eE][+-]?[0-9]{1,3})?")


def _whole(value: object) -> int | None:
    if value is True or value is False or type(value).__name__ in ("bool", "bool_"):
        return None
    if not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:                        # an array that is no scalar
        return None


def rational(value: object) -> Fraction | None:
    """An integer, a float, a Fraction, or a text such as 2, 0.5, 1e-3 or 1/3, exactly; None for
    anything else."""
    whole = _whole(value)
    if whole is not None:
        return Fraction(whole)
    if isinstance(value, Fraction):
        return value
    if isinstance(value, float):             # NumPy's float64 is one
        return Fraction(repr(float(value))) if math.isfinite(value) else None
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        try:
            return Fraction(value)
        except ZeroDivisionError:
            return None
    return None


def _items(value: object) -> tuple[object, ...] | None:
    """The items of a tuple, a list or an array of one axis; None for anything else."""
    if isinstance(value, str | bytes):
        return None
    if isinstance(value, Sequence) or (isinstance(value, Iterable)
                                       and getattr(value, "ndim", 0) == 1):
        return tuple(value)
    return None


def _one_per(axes: Sequence[str]) -> str:
    return f"one per axis ({', '.join(axes)})"
