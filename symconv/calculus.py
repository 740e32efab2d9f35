"""Scalar differentiation, done by SymPy.

A body becomes a SymPy expression in which every distinct access is a symbol; SymPy
differentiates it, and the result becomes a body again. The scalar functions are SymPy functions
of their own, so that nothing is simplified across a kink or an overflow (SymPy's derivative of
`Abs` is real-only, of `sigmoid` not finite everywhere), with these stated derivatives:

    exp' = exp          log' = 1/x         sqrt' = 1/(2 sqrt)
    tanh' = 1 - tanh^2  sigmoid' = sigmoid (1 - sigmoid)
    abs' = abs_slope    relu' = relu_slope
    abs_power(x; e)' = e signed_power(x; e-1), signed_power(x; e)' = e abs_power(x; e-1),
    which are 2x for |x|**2 and abs_slope for |x|**1
    d maximum / d a = maximum_share,  d maximum / d b = 1 - maximum_share  (minimum likewise)

Frozen functions (slopes, shares, sign, same) have the derivative 0.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any, TypeAlias

from symconv.functions import FUNCTIONS
from symconv.ir import Access, Apply, Bracket, Number, Plus, Power, Scalar, Times, Whole

Expression: TypeAlias = Any     # SymPy ships no types


@lru_cache(maxsize=4096)
def derivative(body: Scalar, access: Access) -> Scalar | None:
    """d body / d access, other accesses held fixed; None where it is identically 0."""
    import sympy

    leaves: dict[Scalar, Expression] = {}
    expression = _to_sympy(body, leaves)
    if access not in leaves:
        return None
    slope = sympy.diff(expression, leaves[access])
    if slope == 0:
        return None
    return _from_sympy(slope, {symbol: leaf for leaf, symbol in leaves.items()})


def _to_sympy(body: Scalar, leaves: dict[Scalar, Expression]) -> Expression:
    """The expression of a body; `leaves` collects a symbol per access, count and bracket."""
    import sympy

    match body:
        case Number(value):
            return sympy.Rational(value.numerator, value.denominator)
        case Access() | Whole() | Bracket():
            # SymPy orders factors by name: numbered names keep the order of the definition
            return leaves.setdefault(body, sympy.Symbol(f"leaf{len(leaves):04}"))
        case Plus(arguments):
            return sympy.Add(*(_to_sympy(argument, leaves) for argument in arguments))
        case Times(arguments):
            return sympy.Mul(*(_to_sympy(argument, leaves) for argument in arguments))
        case Power(base, exponent):
            return sympy.Pow(_to_sympy(base, leaves),
                             sympy.Rational(exponent.numerator, exponent.denominator))
        case Apply(function, arguments, constants):
            return _sympy_function(function)(
                *(_to_sympy(argument, leaves) for argument in arguments),
                *(sympy.Rational(c.numerator, c.denominator) for c in constants))


def _from_sympy(expression: Expression, leaves: dict[Expression, Scalar]) -> Scalar:
    if expression.is_Symbol:
        return leaves[expression]
    if expression.is_Rational:
        return Number(Fraction(int(expression.p), int(expression.q)))
    if expression.is_Add:
        return Plus(tuple(_from_sympy(a, leaves) for a in _ordered(expression.args)))
    if expression.is_Mul:
        return Times(tuple(_from_sympy(a, leaves) for a in _ordered(expression.args)))
    if expression.is_Pow:
        exponent = expression.exp
        return Power(_from_sympy(expression.base, leaves),
                     Fraction(int(exponent.p), int(exponent.q)))
    arity = FUNCTIONS[expression.func.__name__].arity
    return Apply(expression.func.__name__,
                 tuple(_from_sympy(a, leaves) for a in expression.args[:arity]),
                 tuple(Fraction(int(c.p), int(c.q)) for c in expression.args[arity:]))


def _ordered(arguments: tuple[Expression, ...]) -> list[Expression]:
    """Numbers first, then by text: independent of SymPy's caches and of hash seeds."""
    return sorted(arguments, key=lambda argument: (not argument.is_Number, str(argument)))


@cache
def _sympy_function(name: str) -> Expression:
    """A SymPy function that evaluates nothing and knows its partial derivatives."""
    import sympy

    function = FUNCTIONS[name]

    def fdiff(self: Expression, argindex: int = 1) -> Expression:
        if function.frozen or argindex > function.arity:
            return sympy.Integer(0)
        return _slopes()[name](self, argindex)

    return type(name, (sympy.Function,), {"fdiff": fdiff, "__module__": __name__})


def _slopes() -> dict[str, Callable[[Expression, int], Expression]]:
    """name -> (f(arguments; constants), which argument) -> the partial derivative."""

    def share(name: str) -> Callable[[Expression, int], Expression]:
        def slope(f: Expression, argument: int) -> Expression:
            first = _sympy_function(name)(*f.args)
            return first if argument == 1 else 1 - first
        return slope

    def abs_power(f: Expression, _: int) -> Expression:
        x, exponent = f.args
        if exponent == 1:
            return _sympy_function("abs_slope")(x, 0)
        return 2 * x if exponent == 2 else (
            exponent * _sympy_function("signed_power")(x, exponent - 1))

    def signed_power(f: Expression, _: int) -> Expression:
        x, exponent = f.args
        if exponent == 1:
            return exponent
        return exponent * _sympy_function("abs_power")(x, exponent - 1)

    return {
        "exp": lambda f, _: f,
        "log": lambda f, _: 1 / f.args[0],
        "sqrt": lambda f, _: 1 / (2 * f),
        "tanh": lambda f, _: 1 - f**2,
        "sigmoid": lambda f, _: f * (1 - f),
        "abs": lambda f, _: _sympy_function("abs_slope")(*f.args),
        "relu": lambda f, _: _sympy_function("relu_slope")(*f.args),
        "abs_power": abs_power,
        "signed_power": signed_power,
        "maximum": share("maximum_share"),
        "minimum": share("minimum_share"),
    }
