"""Bodies as Python text that works on NumPy arrays, in the arithmetic of their element type."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symconv.emit.numpy_integers import (
    ATOM,
    POWER,
    PRODUCT,
    SUM,
    Code,
    Reader,
    integer,
    row_varies,
    rows,
)
from symconv.ir import Access, Apply, Bracket, Number, Plus, Power, Scalar, Times, Whole
from symconv.rewrite import accesses, scalar_integers

_PLAIN = {"exp": "np.exp", "log": "np.log", "sqrt": "np.sqrt", "tanh": "np.tanh",
          "sign": "np.sign", "abs": "np.abs"}


def scalar(body: Scalar, reader: Reader) -> Code:
    """A body in the arithmetic of `reader.dtype`."""
    match body:
        case Number(value):
            return _number(value)
        case Whole(value):
            code = integer(value, reader)
            if reader.varies(value) or value.elements():
                return Code(f"{code.at(ATOM)}.astype({reader.dtype})")
            return code
        case Access():
            return Code(reader.access(body))
        case Bracket(conditions):
            code = rows(conditions, reader)
            if any(row_varies(condition, reader) for condition in conditions):
                return Code(f"({code.text}).astype({reader.dtype})")
            return Code(f"int({code.text})")
        case Plus(arguments):
            shown = [scalar(argument, reader).at(SUM) for argument in arguments]
            return Code(shown[0] + "".join(
                f" - {part[1:]}" if part.startswith("-") else f" + {part}"
                for part in shown[1:]), SUM)
        case Times():
            return product(body.arguments, reader)
        case Power(base, exponent):
            if exponent < 0:
                return product((body,), reader)
            return _power(base, exponent, reader)
        case Apply(function, arguments, constants):
            return _apply(function, arguments, constants, reader)


def product(factors: Sequence[Scalar], reader: Reader, last: Code | None = None) -> Code:
    """A product with all its quotients as one division, so that x/9 is rounded once.

    `last` is one more factor, already spelled.
    """
    number, over, under = split(factors)
    above = [*(scalar(factor, reader) for factor in over), *([last] if last else [])]
    below = [scalar(factor, reader) for factor in under]
    sign = "-" if number < 0 else ""
    if abs(number.numerator) != 1:
        above.insert(0, Code(str(abs(number.numerator))))
    if number.denominator != 1:
        below.insert(0, Code(str(number.denominator)))
    if not above:
        # Python's own division would raise where a count is 0
        safe = all(isinstance(factor, Number) or accesses(factor) for factor in under)
        above = [Code("1" if safe else f"{reader.dtype}.type(1)")]
    top = " * ".join(code.at(PRODUCT if place == 0 else POWER)
                     for place, code in enumerate(above))
    if not below:
        if not sign:
            return Code(top, above[0].level if len(above) == 1 else PRODUCT)
        return Code(f"-{top}", SUM)
    bottom = below[0].at(POWER) if len(below) == 1 else (
        "(" + " * ".join(code.at(PRODUCT if place == 0 else POWER)
                         for place, code in enumerate(below)) + ")")
    return Code(f"{sign}{top} / {bottom}", SUM if sign else PRODUCT)


def split(factors: Sequence[Scalar]) -> tuple[Fraction, list[Scalar], list[Scalar]]:
    """A product as number * product of the first list / product of the second."""
    number, over, under = Fraction(1), list[Scalar](), list[Scalar]()
    for factor in factors:
        match factor:
            case Number(value):
                number *= value
            case Times(arguments):
                inner, more, less = split(arguments)
                number, over, under = number * inner, over + more, under + less
            case Power(base, exponent) if exponent < 0:
                under.append(base if exponent == -1 else Power(base, -exponent))
            case _:
                over.append(factor)
    return number, over, under


def _number(value: Fraction) -> Code:
    if value.denominator == 1:
        return Code(str(value), ATOM if value >= 0 else SUM)
    if Fraction(repr(float(value))) == value:
        return Code(repr(float(value)), ATOM if value >= 0 else SUM)
    return Code(f"{value.numerator} / {value.denominator}", PRODUCT if value > 0 else SUM)


def _power(base: Scalar, exponent: Fraction, reader: Reader) -> Code:
    if exponent == Fraction(1, 2):
        return _typed(Code(f"np.sqrt({scalar(base, reader).text})"), (base,), reader)
    shown = _number(exponent).at(ATOM)
    return Code(f"{scalar(base, reader).at(ATOM)}**{shown}", POWER)


def _apply(function: str, arguments: Sequence[Scalar], constants: Sequence[Fraction],
           reader: Reader) -> Code:
    shown = ", ".join(scalar(argument, reader).text for argument in arguments)
    if function == "relu":
        code = Code(f"np.maximum({shown}, 0)")
    elif function in ("maximum", "minimum"):
        code = Code(f"np.{function}({shown})")
    elif function in _PLAIN:
        code = Code(f"{_PLAIN[function]}({shown})")
    else:
        extra = "".join(f", {_number(constant).text}" for constant in constants)
        code = Code(f"_{function}({shown}{extra})")
    return _typed(code, arguments, reader)


def _typed(code: Code, arguments: Sequence[Scalar], reader: Reader) -> Code:
    """A function of Python numbers alone gives float64: bring it to the element type."""
    if any(accesses(argument) or any(reader.varies(e) for e in scalar_integers(argument))
           for argument in arguments):
        return code
    return Code(f"{reader.dtype}.type({code.text})")
