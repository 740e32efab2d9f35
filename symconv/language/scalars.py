"""Syntax to scalar bodies."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

from symconv.errors import ParameterError
from symconv.functions import FUNCTIONS, Constant
from symconv.integers import Element, Int
from symconv.ir import Access, Apply, Bracket, Scalar, Whole
from symconv.language import normal
from symconv.language.environment import Environment, Scope, Shape
from symconv.language.names import REDUCTIONS
from symconv.language.subscripts import access, addends, integer, rows

_Made = TypeVar("_Made")


def called(node: ast.expr) -> str:
    """The name that a call calls: sum in sum(...) and in sum[a](...); otherwise empty."""
    func = node.func if isinstance(node, ast.Call) else None
    if isinstance(func, ast.Subscript):
        func = func.value
    return func.id if isinstance(func, ast.Name) else ""


def is_reduction(node: ast.expr) -> bool:
    """sum[a](...); and sum(...) or max(...) of one argument, which bind what is left."""
    return (isinstance(node, ast.Call) and called(node) in REDUCTIONS
            and (isinstance(node.func, ast.Subscript) or len(node.args) == 1
                 or called(node) not in ("min", "max")))


def factors(node: ast.expr) -> tuple[bool, list[tuple[ast.expr, bool]]]:
    """-a * b / c as its sign (True: minus) and its factors, True where one divides."""
    negative = False
    found: list[tuple[ast.expr, bool]] = []
    while True:
        if isinstance(node, ast.UnaryOp):
            negative ^= isinstance(node.op, ast.USub)
            node = node.operand
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            if isinstance(node.op, ast.Div):
                found.append((node.right, True))
            else:
                minus, inner = factors(node.right)
                negative ^= minus
                found += reversed(inner)
            node = node.left
        else:
            return negative, [(node, False), *reversed(found)]


class Scalars:
    """Bodies of one program; `lift` makes a reduction inside a body a statement of its own."""

    def __init__(self, env: Environment, lift: Callable[[ast.Call, Scope], Scalar]) -> None:
        self.env = env
        self.lift = lift

    def scalar(self, node: ast.expr, scope: Scope) -> Scalar:
        """The body that an expression stands for."""
        return self.sized(node, lambda: self._scalar(node, scope))

    def product(self, node: ast.expr, negative: bool, bodies: list[Scalar]) -> Scalar:
        """The product of bodies, with its sign."""
        def make() -> Scalar:
            body = normal.times(bodies)
            return normal.negative(body) if negative else body
        return self.sized(node, make)

    def inverse(self, node: ast.expr, scope: Scope) -> Scalar:
        """1 / node."""
        body = self.scalar(node, scope)
        return self.sized(node, lambda: normal.inverse(body))

    def sized(self, node: ast.expr, make: Callable[[], _Made]) -> _Made:
        """What `make` returns; its ParameterError becomes an error at the node."""
        try:
            return make()
        except ParameterError as fault:
            raise self.env.error(node, str(fault), "constants fit a floating-point number, "
                                 "integers 64 bits, and nothing is divided by 0",
                                 "use smaller constants, another divisor, or give a part a "
                                 "statement of its own") from None

    def _scalar(self, node: ast.expr, scope: Scope) -> Scalar:
        match node:
            case ast.Constant():
                return normal.number(self.env.source.number(node))
            case ast.Name():
                return self._name(node, scope)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.scalar(operand, scope)
            case ast.UnaryOp() | ast.BinOp(op=ast.Mult() | ast.Div()):
                negative, parts = factors(node)
                return self.product(node, negative, [
                    self.inverse(part, scope) if inverse else self.scalar(part, scope)
                    for part, inverse in parts])
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return normal.plus([self.scalar(part, scope) if sign > 0
                                    else normal.negative(self.scalar(part, scope))
                                    for sign, part in addends(node)])
            case ast.BinOp(op=ast.FloorDiv() | ast.Mod()):
                return normal.whole(integer(self.env, node, scope))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                exponent = self.constant(right, "an exponent")
                if not normal.allowed_exponent(exponent):
                    raise self.env.error(right, "the exponent is too large", "exponents are "
                                         "rationals with numerator and denominator up to 1000",
                                         "write a smaller exponent")
                return normal.power(self.scalar(left, scope), exponent)
            case ast.List():
                return Bracket(rows(self.env, node, scope))
            case ast.Call():
                return self._call(node, scope)
            case ast.Subscript():
                shape, subscripts = access(self.env, node, scope)
                return _read(shape, subscripts)
            case ast.Compare():
                raise self.env.error(node, "a comparison stands in brackets", "[a < i] is 1 where "
                                     "it holds, otherwise 0", "write [ ] around it")
        raise self.env.error(node, "this is no value", "values are numbers, accesses x[i], "
                             "functions and their sums, products and powers",
                             "separate arguments belong to a function or a subscript")

    def _name(self, node: ast.Name, scope: Scope) -> Scalar:
        meaning = self.env.lookup(node, scope)
        if isinstance(meaning, Int):
            return normal.whole(meaning)
        if isinstance(meaning, Fraction):
            return normal.number(meaning)
        if meaning.groups:
            raise self.env.error(node, f"{node.id} is an array and needs its subscripts",
                                 "an access gives one subscript per axis, "
                                 f"{len(meaning.groups)} for {node.id}", f"write {node.id}[...]")
        self.env.where.setdefault((node.id, ()), node)
        return _read(meaning, ())

    def _call(self, node: ast.Call, scope: Scope) -> Scalar:
        name = called(node)
        if name == "frozen" or is_reduction(node):
            return self.lift(node, scope)
        if name in ("min", "max") and not node.keywords:
            return normal.whole(self._extremum(node, name, scope))
        if name not in FUNCTIONS or isinstance(node.func, ast.Subscript):
            raise self.env.error(node, f"there is no function {name or 'of this form'}",
                                 f"functions are {', '.join(FUNCTIONS)}; reductions are sum, max, "
                                 "min, mean, argmax, argmin",
                                 f"write {name}[...] if it is an operand, {name}*(...) for a "
                                 "product" if name else "call a function by its name")
        function = FUNCTIONS[name]
        constants = {constant.name: constant for constant in function.constants}
        usage = f"write {name}({', '.join('ab'[:function.arity])}" + "".join(
            f", {c.name}={c.default}" for c in function.constants) + ")"
        if len(node.args) != function.arity:
            raise self.env.error(node, f"{name} takes {function.arity} "
                                 f"{'argument' if function.arity == 1 else 'arguments'}, "
                                 f"{len(node.args)} given", "functions have a fixed number of "
                                 "arguments; constants are named", usage)
        given: dict[str, Fraction] = {}
        for keyword in node.keywords:
            if keyword.arg is None or keyword.arg not in constants or keyword.arg in given:
                raise self.env.error(keyword.value, f"{name} has no constant {keyword.arg}, or it "
                                     "is given twice", "constants are given by name, each once",
                                     usage)
            given[keyword.arg] = self._ranged(keyword.value, constants[keyword.arg])
        return Apply(name, tuple(self.scalar(argument, scope) for argument in node.args),
                     tuple(given.get(c.name, c.default) for c in function.constants))

    def _extremum(self, node: ast.Call, name: str, scope: Scope) -> Int:
        """min or max of integers; of reals it is called minimum or maximum."""
        for part in ast.walk(node):
            match part:
                case ast.Subscript(value=ast.Name(id=tensor)) if tensor not in self.env.integers:
                    shape = self.env.tensors.get(tensor)
                    if shape is None or shape.kind == "real":
                        raise self.env.error(node, f"{name} of two real numbers",
                                             f"{name}(a, b) is for integers, {name}[a](...) for a "
                                             "reduction", f"write {name}imum(a, b)")
        return integer(self.env, node, scope)

    def _ranged(self, node: ast.expr, constant: Constant) -> Fraction:
        value = self.constant(node, constant.name)
        if not constant.low <= value <= constant.high:
            raise self.env.error(node, f"{constant.name} is out of range",
                                 f"{constant.name} lies between {constant.low} and {constant.high}",
                                 f"write {constant.name}={constant.default}")
        return value

    def constant(self, node: ast.expr, what: str) -> Fraction:
        """A constant made of numbers and parameters with values: + - * / and signs."""
        match node:
            case ast.Constant():
                return self.env.source.number(node)
            case ast.UnaryOp(op=op, operand=operand):
                value = self.constant(operand, what)
                return -value if isinstance(op, ast.USub) else value
            case ast.Name(id=name):
                given = self.env.given.get(name)
                if given is not None and not isinstance(given, str):
                    self.env.parameters[name] = None
                    return Fraction(given)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op,
                           right=right):
                a, b = self.constant(left, what), self.constant(right, what)
                return self.sized(node, lambda: _combined(op, a, b))
        raise self.env.error(node, f"{what} must be a constant", "a constant consists of numbers, "
                             "+ - * / and parameters with values",
                             "write a number, or give the parameter a value; a variable power is "
                             "exp(b*log(a))")


def _read(shape: Shape, subscripts: tuple[Int, ...]) -> Scalar:
    if shape.kind == "integer":
        return Whole(Int.atom(Element(shape.name, subscripts)))
    return Access(shape.name, subscripts)


def _combined(op: ast.operator, a: Fraction, b: Fraction) -> Fraction:
    match op:
        case ast.Add():
            value = a + b
        case ast.Sub():
            value = a - b
        case ast.Mult():
            value = a * b
        case _:
            if b == 0:
                raise ParameterError("division by 0")
            value = a / b
    return normal.number(value).value
