"""Scalar bodies in LaTeX."""

from __future__ import annotations

from fractions import Fraction

from symconv.ir import (
    Access,
    Apply,
    Bracket,
    Number,
    Plus,
    Power,
    Scalar,
    Times,
    Whole,
)
from symconv.report.rows import conditions
from symconv.report.symbols import Scope, access_tex, factor_tex, integer_tex

_CALLS = {"exp": r"\exp", "log": r"\log", "tanh": r"\tanh", "sigmoid": r"\sigma",
          "sign": r"\operatorname{sgn}", "relu": r"\operatorname{relu}",
          "relu_slope": r"\operatorname{relu}'", "abs_slope": r"\operatorname{abs}'",
          "maximum": r"\max", "minimum": r"\min"}


def signed(body: Scalar) -> tuple[bool, Scalar]:
    """Whether a body starts with a minus sign, and the body without it."""
    match body:
        case Number(value) if value < 0:
            return True, Number(-value)
        case Times((Number(value), *rest)) if value < 0:
            if value == -1:
                return True, rest[0] if len(rest) == 1 else Times(tuple(rest))
            return True, Times((Number(-value), *rest))
    return False, body


def scalar_tex(body: Scalar, scope: Scope) -> str:
    """A body at the outermost level."""
    match body:
        case Number(value):
            return _number(value)
        case Whole(value):
            return integer_tex(value, scope)
        case Access(tensor, subscripts):
            return access_tex(tensor, subscripts, scope)
        case Plus(arguments):
            return _sum(arguments, scope)
        case Times(arguments):
            return _product(arguments, scope)
        case Power(base, exponent) if exponent < 0:
            return _product((body,), scope)
        case Power(base, exponent):
            return _power(base, exponent, scope)
        case Apply():
            return _apply(body, scope)
        case Bracket(rows):
            return "[" + r",\ ".join(conditions(rows, scope)) + "]"


def factor(body: Scalar, scope: Scope) -> str:
    """A body as a factor of a product."""
    shown = scalar_tex(body, scope)
    match body:
        case Whole(value):
            return factor_tex(value, scope)
        case Plus() | Times():
            return rf"\left({shown}\right)"
        case Number(value) if value < 0:
            return f"({shown})"
    return shown


def _sum(arguments: tuple[Scalar, ...], scope: Scope) -> str:
    """Positive parts first."""
    shown = ""
    for argument in sorted(arguments, key=lambda part: signed(part)[0]):
        negative, rest = signed(argument)
        piece = factor(rest, scope) if isinstance(rest, Plus) else scalar_tex(rest, scope)
        sign = "-" if negative else "+"
        shown += f" {sign} {piece}" if shown else f"{'-' if negative else ''}{piece}"
    return shown


def _product(arguments: tuple[Scalar, ...], scope: Scope) -> str:
    negative, rest = signed(Times(arguments))
    above: list[str] = []
    below: list[str] = []
    for argument in rest.arguments if isinstance(rest, Times) else (rest,):
        match argument:
            case Number(value) if value.denominator != 1 or value == 1:
                if value.numerator != 1:
                    above.insert(0, str(value.numerator))
                if value.denominator != 1:
                    below.insert(0, str(value.denominator))
            case Power(Times(factors), exponent) if exponent == -1:
                below += [factor(part, scope) for part in factors]
            case Power(base, exponent) if exponent < 0:
                below.append(factor(base, scope) if exponent == -1
                             else _power(base, -exponent, scope))
            case _:
                above.append(factor(argument, scope))
    shown = r"\, ".join(above) or "1"
    if below:
        divisor = r"\, ".join(below)
        shown = rf"\frac{{{shown}}}{{{divisor}}}"
    return f"-{shown}" if negative else shown


def _power(base: Scalar, exponent: Fraction, scope: Scope) -> str:
    if exponent == Fraction(1, 2):
        return rf"\sqrt{{{scalar_tex(base, scope)}}}"
    inside = scalar_tex(base, scope)
    plain = isinstance(base, Access) and "^" not in inside and not inside.startswith("\\")
    inside = inside if plain or inside.isalnum() else rf"\left({inside}\right)"
    return rf"{inside}^{{{_exponent(exponent)}}}"


def _apply(body: Apply, scope: Scope) -> str:
    inside = [scalar_tex(argument, scope) for argument in body.arguments]
    match body.function:
        case "abs":
            return rf"\left|{inside[0]}\right|"
        case "abs_power" | "signed_power":
            size = rf"\left|{inside[0]}\right|^{{{_exponent(body.constants[0])}}}"
            sign = rf"\operatorname{{sgn}}\left({inside[0]}\right)\, "
            return size if body.function == "abs_power" else sign + size
        case "sqrt":
            return rf"\sqrt{{{inside[0]}}}"
        case "same":
            return rf"\left[{inside[0]} = {inside[1]}\right]"
        case "maximum_share" | "minimum_share":
            order = ">" if body.function == "maximum_share" else "<"
            left, right = inside
            tie = rf"{_number(body.constants[0])} \left[{left} = {right}\right]"
            strict = rf"\left[{left} {order} {right}\right]"
            return strict if body.constants[0] == 0 else rf"\left({strict} + {tie}\right)"
    return rf"{_CALLS.get(body.function, body.function)}\left({', '.join(inside)}\right)"


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\tfrac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _exponent(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{value.numerator}/{value.denominator}"
