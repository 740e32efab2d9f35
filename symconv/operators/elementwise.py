"""Functions of single elements, for arrays of any rank."""

from __future__ import annotations

from fractions import Fraction

from symconv.ir import Program
from symconv.operator import Operator
from symconv.operators import arguments
from symconv.operators.arguments import Real
from symconv.operators.pooling import TIES
from symconv.operators.text import cube, defined, ranked

_SHARES = {"first": "1", "last": "0", "even": "1/2"}


def abs(at_zero: Real = 0, ndim: int | None = None,  # shadows the builtin on purpose
        name: str | None = None) -> Operator:
    """The absolute value |x|, with derivative at_zero (from -1 to 1) at 0."""
    slope = arguments.real("abs", "at_zero", at_zero, -1, 1)
    return _map("abs", f"abs({{x}}, at_zero={slope})", ndim, name)


def relu(at_zero: Real = 0, ndim: int | None = None, name: str | None = None) -> Operator:
    """The positive part max(x, 0), with derivative at_zero (from 0 to 1) at 0."""
    slope = arguments.real("relu", "at_zero", at_zero, 0, 1)
    return _map("relu", f"relu({{x}}, at_zero={slope})", ndim, name)


def leaky_relu(slope: Real = 0.01, at_zero: Real | None = None, ndim: int | None = None,
               name: str | None = None) -> Operator:
    """x where it is positive, slope*x elsewhere; derivative at_zero (None: slope) at 0."""
    below = arguments.real("leaky_relu", "slope", slope)
    here = below if at_zero is None else arguments.real(
        "leaky_relu", "at_zero", at_zero, min(below, Fraction(1)), max(below, Fraction(1)))
    part = (here - below) / (1 - below) if below != 1 else Fraction(0)
    return _map("leaky_relu", f"relu({{x}}, at_zero={part}) - ({below})*relu(-{{x}}, "
                f"at_zero={1 - part})", ndim, name)


def sigmoid(ndim: int | None = None, name: str | None = None) -> Operator:
    """The logistic function 1/(1 + exp(-x))."""
    return _map("sigmoid", "sigmoid({x})", ndim, name)


def tanh(ndim: int | None = None, name: str | None = None) -> Operator:
    """The hyperbolic tangent."""
    return _map("tanh", "tanh({x})", ndim, name)


def exp(ndim: int | None = None, name: str | None = None) -> Operator:
    """The exponential function."""
    return _map("exp", "exp({x})", ndim, name)


def log(ndim: int | None = None, name: str | None = None) -> Operator:
    """The natural logarithm; -inf at 0, NaN below."""
    return _map("log", "log({x})", ndim, name)


def sqrt(ndim: int | None = None, name: str | None = None) -> Operator:
    """The square root; NaN below 0."""
    return _map("sqrt", "sqrt({x})", ndim, name)


def maximum(ties: str = "even", ndim: int | None = None, name: str | None = None) -> Operator:
    """The larger of a and b, element by element; ties says which gets the gradient."""
    share = _SHARES[arguments.choice("maximum", "ties", ties, TIES)]
    return _pair("maximum", f"maximum({{a}}, {{b}}, share={share})", ndim, name)


def minimum(ties: str = "even", ndim: int | None = None, name: str | None = None) -> Operator:
    """The smaller of a and b, element by element; ties says which gets the gradient."""
    share = _SHARES[arguments.choice("minimum", "ties", ties, TIES)]
    return _pair("minimum", f"minimum({{a}}, {{b}}, share={share})", ndim, name)


def add(ndim: int | None = None, name: str | None = None) -> Operator:
    """The sum of a and b, element by element."""
    return _pair("add", "{a} + {b}", ndim, name)


def mul(ndim: int | None = None, name: str | None = None) -> Operator:
    """The product of a and b, element by element."""
    return _pair("mul", "{a} * {b}", ndim, name)


def _map(kind: str, body: str, ndim: int | None, name: str | None) -> Operator:
    return _elementwise(kind, body, ("x",), ndim, name)


def _pair(kind: str, body: str, ndim: int | None, name: str | None) -> Operator:
    return _elementwise(kind, body, ("a", "b"), ndim, name)


def _elementwise(kind: str, body: str, operands: tuple[str, ...], ndim: int | None,
                 name: str | None) -> Operator:
    """y = body at every place; the operands, named in braces, have one shape."""

    def make(rank: int) -> Program:
        indices, sizes = cube(rank)
        place = f"[{','.join(indices)}]" if indices else ""
        lines = [f"{operand}: [{', '.join(sizes)}]" for operand in operands]
        accesses = {operand: f"{operand}{place}" for operand in operands}
        return defined([*lines, f"y{place} = {body.format(**accesses)}"])

    return ranked(kind, ndim, name, make, operands)
